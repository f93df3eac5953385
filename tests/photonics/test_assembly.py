"""A chip under construction in either band, through the checks it is made for."""

import dataclasses

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly, Cursor
from lightloom.photonics.cells.edge_coupler import edge_coupler
from lightloom.photonics.checks import drc, extract, lvs
from lightloom.photonics.devices import BANDS


def crossover(numbers, path):
    """Two facets joined by a wire that runs, shifts and runs."""
    assembly = Assembly(f"wire_{numbers.band}", numbers)
    coupler = edge_coupler(width=numbers.wire_width_um)
    assembly.place(coupler, 0.0, 100.0, "west")
    assembly.place(coupler, 700.0, 130.0, "east", kdb.Trans.R180)
    cursor = Cursor(("west", "o1"), 200.0, 100.0)
    assembly.run(cursor, 230.0)
    assembly.shift(cursor, 130.0, 90.0)
    assembly.shift(cursor, 130.0, 20.0)
    assembly.run(cursor, 500.0)
    assembly.join(cursor, ("east", "o1"))
    assembly.optical_port("in0", ("west", "o2"), 0.0, 100.0)
    assembly.optical_port("out0", ("east", "o2"), 700.0, 130.0)
    assembly.die(0.0, 0.0, 700.0, 230.0, "a wire")
    assembly.component.write_gds(path)
    return assembly.netlist


@pytest.fixture(scope="module", params=BANDS)
def chip(request, tmp_path_factory):
    numbers = BANDS[request.param]
    path = tmp_path_factory.mktemp("assembly") / "wire.gds"
    return numbers, crossover(numbers, path), path


def test_the_layout_is_what_the_netlist_says(chip):
    _, netlist, path = chip
    assert [str(f) for f in drc.check(path).findings] == []
    assert [str(f) for f in lvs.check(path, netlist).findings] == []


def test_the_band_sets_the_width_and_is_written_down(chip):
    numbers, netlist, path = chip
    assert netlist.band == numbers.band
    assert [wire.width_um for wire in netlist.nets.values()] == [numbers.wire_width_um]
    found = extract.extract(path)
    assert found.band == numbers.band
    assert next(iter(found.nets.values())).width_um == pytest.approx(
        numbers.wire_width_um, abs=1e-3
    )


def test_a_layout_of_the_other_band_is_a_finding(chip):
    numbers, netlist, path = chip
    other = "C" if numbers.band == "O" else "O"
    verdict = lvs.check(path, dataclasses.replace(netlist, band=other))
    assert verdict.counts() == {"BAND": 1}
    assert verdict.findings[0].message == f"{numbers.band}-band; intended {other}"


def test_only_a_chip_that_is_not_for_the_o_band_says_so(chip):
    numbers, _, path = chip
    names = [text for text, _ in extract.open_chip(path).texts(tech.DICE)]
    assert names == ([] if numbers.band == "O" else ["band=C"])


def test_a_wire_does_not_run_back():
    assembly = Assembly("back")
    with pytest.raises(ValueError, match=r"cannot run back from 10\.0 to 5\.0"):
        assembly.run(Cursor(("a", "o1"), 10.0, 0.0), 5.0)
