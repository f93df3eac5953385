"""Every cell of the library in every band, found by looking: a new cell is tested as it is added.

`golden.json` holds the SHA-256 of each cell's GDS file, written in canonical form. After a wanted
change of a cell, or for a new one::

    LIGHTLOOM_RENEW=1 .venv/bin/pytest tests/photonics/cells/test_every_cell.py
"""

import hashlib
import importlib
import inspect
import json
import os
import pkgutil
from pathlib import Path
from typing import NamedTuple

import klayout.db as kdb
import pytest

from lightloom.photonics import cells, netlist, tech
from lightloom.photonics.checks import drc, extract, lvs
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.checks.measure import MEASURES
from lightloom.photonics.devices import BANDS
from lightloom.photonics.preview import write_layout

GOLDEN = Path(__file__).with_name("golden.json")
RENEW = "LIGHTLOOM_RENEW=1 .venv/bin/pytest tests/photonics/cells/test_every_cell.py"

JOINED = {"mzm": ("e1", "e4")}
"""Pins that the metal of a device itself joins."""


class Case(NamedTuple):
    """A cell with the only argument that a band asks for: the width of its waveguides."""

    cell: object
    band: str

    def __str__(self):
        return f"{self.cell.__name__}-{self.band}"

    def build(self):
        if not guides(self.cell):
            return self.cell()
        return self.cell(width=BANDS[self.band].wire_width_um)


def guides(cell):
    """Whether a cell has waveguides, which are as wide as its band asks."""
    width = inspect.signature(cell).parameters.get("width")
    return width is not None and width.default == tech.WIRE_WIDTH


def library():
    """Functions of the modules of `photonics.cells` that a decorator made into cells."""
    for found in pkgutil.iter_modules(cells.__path__):
        module = importlib.import_module(f"{cells.__name__}.{found.name}")
        for item in vars(module).values():
            ours = getattr(item, "__module__", None) == module.__name__
            if ours and inspect.isfunction(item) and hasattr(item, "__wrapped__"):
                yield item


CASES = [Case(cell, band) for cell in library() for band in (BANDS if guides(cell) else "O")]
IDS = [str(case) for case in CASES]
every_case = pytest.mark.parametrize("case", CASES, ids=IDS)
DEVICES = [case for case in CASES if "type" in dict(case.build().info)]
every_device = pytest.mark.parametrize("case", DEVICES, ids=[str(case) for case in DEVICES])


def test_the_library_is_found():
    names = {case.cell.__name__ for case in CASES}
    assert names >= {"straight", "coupler2x2", "mzm", "bond_pad", "mzi2x2"}
    # A device type without a cell cannot be drawn, one without a measurement not be checked.
    assert {case.build().info["type"] for case in DEVICES} == set(MEASURES)


@every_case
def test_a_cell_with_optical_pins_takes_their_width_as_its_last_argument(case):
    optical = [port for port in case.build().ports if port.port_type == "optical"]
    assert bool(optical) == guides(case.cell)
    if optical:
        assert list(inspect.signature(case.cell).parameters)[-1] == "width"


@every_case
def test_a_cell_keeps_the_rules_alone(case, broken_rules, tmp_path):
    component = case.build()
    assert broken_rules(component) == []
    path = tmp_path / "cell.gds"
    write_layout(component, path)
    assert [str(finding) for finding in drc.check(path).findings] == []


@every_case
def test_pins_are_on_the_grid_and_square_to_it(case):
    for port in case.build().ports:
        for value in port.center:
            assert abs(value / tech.DBU_UM - round(value / tech.DBU_UM)) < 1e-6
        assert port.orientation / 45 == pytest.approx(round(port.orientation / 45))


@every_case
def test_optical_pins_are_as_wide_as_the_band_asks(case):
    # The open ends of a coupler to fibres are as wide as they are.
    for port in case.build().ports:
        if port.port_type == "optical" and (case.cell.__name__, port.name) not in {
            ("edge_coupler", "o2"),
            ("grating_coupler", "o2"),
        }:
            assert port.width == pytest.approx(BANDS[case.band].wire_width_um, abs=1e-9), port.name


@every_device
@pytest.mark.parametrize("turn", [kdb.Trans.R0, kdb.Trans.M45], ids=str)
def test_a_device_is_recognised_with_the_parameters_it_states(case, turn, tmp_path):
    component = case.build()
    path = tmp_path / "cell.gds"
    write_layout(component, path)
    layout = kdb.Layout()
    layout.read(str(path))
    inner = layout.top_cell()
    top = layout.create_cell("chip")
    top.insert(kdb.CellInstArray(inner.cell_index(), turn))
    text = kdb.Text(tech.BAND_PREFIX + case.band, kdb.Trans())
    top.shapes(layout.layer(*tech.DICE)).insert(text)

    stated = {
        key.removeprefix("parameter."): value
        for key, value in dict(component.info).items()
        if key.startswith("parameter.")
    }
    assert stated
    kind = component.info["type"]
    wanted = netlist.Netlist("chip", instances={kind: netlist.Instance(kind, stated)})
    wanted.band = case.band
    if kind in JOINED:
        pins = [(kind, pin) for pin in JOINED[kind]]
        wanted.electrical["rail"] = netlist.Conductor(pins)
    found = extract.extract_chip(Chip(layout, "chip"))
    assert [str(finding) for finding in found.findings] == []
    assert [str(finding) for finding in lvs.check_extraction(found, wanted).findings] == []
    (instance,) = found.netlist.instances.values()
    assert instance.type == kind
    assert set(instance.parameters) == set(stated)


def digests(directory):
    found = {}
    for case in CASES:
        path = directory / "cell.gds"
        write_layout(case.build(), path)
        found[str(case)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return dict(sorted(found.items()))


def test_every_cell_is_what_it_was(tmp_path):
    found = digests(tmp_path)
    if os.environ.get("LIGHTLOOM_RENEW") == "1":
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())
    new = sorted(set(found) - set(golden))
    gone = sorted(set(golden) - set(found))
    changed = sorted(name for name in set(found) & set(golden) if found[name] != golden[name])
    assert not new, f"no golden hash of {', '.join(new)}: look at the cells, then {RENEW}"
    assert not gone, f"golden hashes of no cell: {', '.join(gone)}: {RENEW}"
    assert not changed, f"not as before: {', '.join(changed)}: look at the cells, then {RENEW}"


def test_equal_cells_are_different_only_by_their_band(tmp_path):
    """A hash that does not see the width would be no guard."""
    found = digests(tmp_path)
    for cell in {case.cell for case in CASES if guides(case.cell)}:
        assert found[f"{cell.__name__}-O"] != found[f"{cell.__name__}-C"]
