"""How the time and memory of the checks grow with the area of a chip: run by `make bench`."""

import itertools
import resource
import time

import numpy as np
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
        # CPU time: what else the machine does is no part of the checks.
        times = [time.process_time()]
        opened = extract.open_chip(path)
        found = extract.extract_chip(opened)
        times.append(time.process_time())
        drc_findings = drc.check_chip(opened).findings
        times.append(time.process_time())
        lvs_findings = lvs.check_extraction(found, chip.netlist).findings
        times.append(time.process_time())
        assert not drc_findings
        assert not lvs_findings
        area = chip.size_um[0] * chip.size_um[1] * 1e-6
        steps = [b - a for a, b in itertools.pairwise(times)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append((ports, area, len(chip.netlist.instances), peak, *steps, sum(steps)))
    print("\nports     mm2  devices  peak MB extract     drc     lvs   all CPU s")
    for ports, area, devices, peak, *steps in rows:
        print(f"{ports:5} {area:7.1f} {devices:8} {peak:8.0f}", *(f"{s:7.2f}" for s in steps))
    exponent, _ = np.polyfit(np.log([row[1] for row in rows]), np.log([row[-1] for row in rows]), 1)
    print(f"from {SIZES[0]} to {SIZES[-1]} ports time grows as area to the power of {exponent:.2f}")
    assert exponent < 1.3
