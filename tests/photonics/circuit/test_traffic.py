import itertools
import math

import numpy as np
import pytest

from lightloom.photonics.circuit import traffic
from lightloom.photonics.switch import calibration
from lightloom.spec import fabrics

from ..switches import drawn


@pytest.mark.parametrize(
    "topology", ["benes", "piloss", "crossbar", "switch-and-select", "odd-even"]
)
def test_all_permutations_of_a_small_switch(topology):
    program = drawn(topology, 4).program
    every = traffic.every(program, topology, 4, 3, 1)
    assert every.exact
    assert every.total == len(every.states) == 24
    place = [program.outputs.index(f"out{o}") for o in range(4)]
    wanted = [[place[o] for o in one] for one in itertools.permutations(range(4))]
    # Inputs of the program may be in an order of their own.
    order = [int(name[2:]) for name in program.inputs]
    assert every.targets.tolist() == [[one[i] for i in order] for one in wanted]
    assert every.names[1] == "0 1 3 2"


def test_samples_are_a_function_of_seed_and_number():
    program = drawn("benes", 16).program
    few, more = (traffic.every(program, "benes", 16, n, 5) for n in (4, 9))
    assert (few.targets == more.targets[:4]).all()
    assert not few.exact
    assert few.total == math.factorial(16)
    assert (traffic.every(program, "benes", 16, 4, 6).targets != few.targets).any()
    assert len({tuple(row) for row in more.targets.tolist()}) == 9
    for row in more.targets:
        assert sorted(row) == list(range(16))


def test_a_transceiver_has_three_paths():
    program = drawn("ocstrx", 2).program
    every = traffic.every(program, "ocstrx", 2, 1, 1)
    assert every.names == ("primary", "backup", "loopback")
    assert every.exact
    assert every.total == 3
    ends = {
        name: {
            source: program.outputs[target]
            for source, target in zip(program.inputs, row, strict=True)
            if target >= 0
        }
        for name, row in zip(every.names, every.targets, strict=True)
    }
    assert ends["primary"]["tx0"] == "p_out0"
    assert ends["backup"]["tx0"] == "b_out0"
    assert ends["loopback"]["tx0"] == "rx1"
    assert (every.targets == -1).any()


def test_a_drive_is_what_the_calibration_says():
    switch = drawn("benes", 4)
    rng = np.random.default_rng(2)
    states = rng.integers(0, 2, (6, 6)).astype(np.int8)
    phases = switch.drive.phases(states)
    for row, found in zip(states, phases, strict=True):
        codes = [
            switch.table["cross" if state == fabrics.CROSS else "bar"][cell]
            for cell, state in enumerate(row)
        ]
        assert found == pytest.approx(calibration.phases_rad(switch.fabric, codes))
    assert switch.drive.own(states) != pytest.approx(phases)  # heat crosses


def test_a_count_below_one_is_refused():
    with pytest.raises(ValueError, match="count = 0; allowed: 1 or more"):
        traffic.every(drawn("benes", 4).program, "benes", 4, 0, 1)
