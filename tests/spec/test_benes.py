import itertools
import random

import pytest

from lightloom.spec import benes


@pytest.mark.parametrize(
    ("ports", "stages", "cells", "crossings"),
    [(2, 1, 1, 0), (4, 3, 6, 2), (8, 5, 20, 16), (16, 7, 56, 88), (32, 9, 144, 416)],
)
def test_counts_equal_the_closed_forms(ports, stages, cells, crossings):
    assert benes.stages(ports) == stages
    assert benes.cells(ports) == cells
    assert benes.crossings(ports) == crossings


@pytest.mark.parametrize("ports", [2, 4])
def test_every_permutation_of_a_small_fabric_is_routed(ports):
    for permutation in itertools.permutations(range(ports)):
        assert benes.apply(ports, benes.route(permutation)) == list(permutation)


def test_random_permutations_are_routed():
    generator = random.Random(20)
    for ports in (8, 16, 32, 64):
        for _ in range(200):
            permutation = generator.sample(range(ports), ports)
            assert benes.apply(ports, benes.route(permutation)) == permutation


def test_wiring_is_a_permutation_and_mirrors():
    for stage in range(benes.stages(16) - 1):
        wires = benes.wiring(16, stage)
        assert sorted(wires) == list(range(16))
        mirror = benes.wiring(16, benes.stages(16) - 2 - stage)
        assert [mirror[w] for w in wires] == list(range(16))


def test_a_cell_in_cross_swaps_exactly_its_two_lines():
    states = [0] * benes.cells(4)
    plain = benes.apply(4, states)
    states[0] = 1
    swapped = benes.apply(4, states)
    assert swapped[:2] == [plain[1], plain[0]]
    assert swapped[2:] == plain[2:]


@pytest.mark.parametrize("ports", [0, 1, 6])
def test_a_size_that_is_no_power_of_two_is_refused(ports):
    with pytest.raises(ValueError, match=f"ports = {ports}"):
        benes.stages(ports)


def test_a_wrong_argument_is_named():
    with pytest.raises(ValueError, match="not a permutation of 0 to 3"):
        benes.route([0, 1, 1, 2])
    with pytest.raises(ValueError, match="5 cell states; 6 cells"):
        benes.apply(4, [0] * 5)
    with pytest.raises(ValueError, match="stage = 2"):
        benes.wiring(4, 2)
