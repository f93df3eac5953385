"""How the time of the checks grows with the area of a chip: run by `make bench`."""

import itertools
import math
import time

import pytest

from lightloom.photonics import preview
from lightloom.photonics.checks import drc, extract, lvs
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec.design import Switch

SIZES = (8, 16, 32, 64)


@pytest.fixture(scope="module")
def chips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speed")
    made = []
    for ports in SIZES:
        chip = switch_chip(Switch(ports=ports))
        path = folder / f"{ports}.gds"
        preview.write_layout(chip.component, path)
        made.append((ports, path, chip))
    return made


def test_checks_grow_about_as_the_area(chips):
    rows = []
    for ports, path, chip in chips:
        times = [time.perf_counter()]
        opened = extract.open_chip(path)
        found = extract.extract_chip(opened)
        times.append(time.perf_counter())
        drc_findings = drc.check_chip(opened).findings
        times.append(time.perf_counter())
        lvs_findings = lvs.check_extraction(found, chip.netlist).findings
        times.append(time.perf_counter())
        assert not drc_findings
        assert not lvs_findings
        area = chip.size_um[0] * chip.size_um[1] * 1e-6
        steps = [b - a for a, b in itertools.pairwise(times)]
        rows.append((ports, area, len(chip.netlist.instances), *steps, sum(steps)))
    print("\nports     mm2  devices extract     drc     lvs   all s")
    for ports, area, devices, *steps in rows:
        print(f"{ports:5} {area:7.1f} {devices:8}", *(f"{step:7.2f}" for step in steps))
    first, last = rows[1], rows[-1]
    exponent = math.log(last[-1] / first[-1]) / math.log(last[1] / first[1])
    print(f"time grows as area to the power of {exponent:.2f}, from {first[0]} to {last[0]} ports")
    assert exponent < 1.5
