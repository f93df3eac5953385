"""The work of the checks grows as the chip does: counted, so that no clock decides."""

import sys

import klayout.db as kdb
import pytest

from lightloom.photonics import preview
from lightloom.photonics.checks import drc, extract, lvs, measure
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec.design import Switch

SIZES = (4, 16)
SLACK = 1.25
"""Calls a device may grow by this from the smallest chip to the largest; n log n is less."""


@pytest.fixture(scope="module")
def chips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("growth")
    made = {}
    for ports in SIZES:
        chip = switch_chip(Switch(ports=ports))
        path = folder / f"{ports}.gds"
        preview.write_layout(chip.component, path)
        made[ports] = path, chip.netlist
    return made


def load(path, flat):
    layout = kdb.Layout()
    layout.read(str(path))
    if flat:
        layout.top_cell().flatten(-1, True)
    return Chip(layout, str(path))


def calls(action):
    """Number of calls, of Python and of the libraries, that an action makes."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("flat", [False, True], ids=["cells", "flat"])
def test_calls_a_device_do_not_grow_with_the_chip(chips, flat):
    each = []
    for ports in SIZES:
        path, intended = chips[ports]
        chip = load(path, flat)

        def check(chip=chip, intended=intended):
            found = extract.extract_chip(chip)
            assert not drc.check_chip(chip).findings
            assert not lvs.check_extraction(found, intended).findings

        each.append(calls(check) / len(intended.instances))
    print(f"calls a device: {[round(count) for count in each]}")
    assert each[1] < SLACK * each[0]


def test_devices_drawn_alike_are_measured_once(chips, monkeypatch):
    measured = []
    original = measure.measure

    def noting(body, numbers, dbu):
        measured.append(body.type)
        return original(body, numbers, dbu)

    monkeypatch.setattr(measure, "measure", noting)
    counts = []
    for ports in SIZES:
        path, intended = chips[ports]
        measured.clear()
        extract.extract_chip(load(path, flat=False))
        counts.append((len(measured), len(intended.instances)))
    (few, devices), (many, more) = counts
    assert few < devices / 3
    # Sixteen times as many devices, and hardly another kind of them.
    assert many <= few + 4 < more / 20
