"""Every topology against its closed forms and an independent walk of its plan."""

import itertools
import math
import random

import pytest

from lightloom.spec import benes, fabrics
from lightloom.spec.fabrics import Cells, Crossings, Move

NONBLOCKING = ("benes", "piloss", "crossbar", "switch-and-select", "odd-even")
CELLS = {
    "benes": lambda n: n // 2 * (2 * int(math.log2(n)) - 1),
    "piloss": lambda n: n * n,
    "crossbar": lambda n: n * n,
    "switch-and-select": lambda n: 2 * n * (n - 1),
    "odd-even": lambda n: n * (n - 1) // 2,
}
STAGES = {
    "benes": lambda n: 2 * int(math.log2(n)) - 1,
    "piloss": lambda n: 2 * n - 1,
    "crossbar": lambda n: 2 * n - 1,
    "switch-and-select": lambda n: 2 * int(math.log2(n)),
    "odd-even": lambda n: n if n > 2 else 1,
}
CROSSINGS = {
    "benes": lambda n: {2: 0, 4: 2, 8: 16, 16: 88, 32: 416, 64: 1824}[n],
    "piloss": lambda n: n * (n - 1),
    "crossbar": lambda n: 0,
    "switch-and-select": lambda n: (n * (n - 1) // 2) ** 2,
    "odd-even": lambda n: 0,
}


@pytest.mark.parametrize("topology", NONBLOCKING)
@pytest.mark.parametrize("ports", [2, 4, 8, 16])
def test_counts_are_the_closed_forms(topology, ports):
    plan = fabrics.plan(topology, ports)
    assert len(plan.cells) == CELLS[topology](ports)
    assert plan.stages == STAGES[topology](ports)
    assert plan.crossings == CROSSINGS[topology](ports)
    assert list(plan.cells) == sorted(set(plan.cells))


@pytest.mark.parametrize("ports", [32, 64])
def test_large_benes_counts(ports):
    plan = fabrics.plan("benes", ports)
    assert (len(plan.cells), plan.crossings) == (CELLS["benes"](ports), CROSSINGS["benes"](ports))


@pytest.mark.parametrize("lanes", [2, 4, 8, 16])
def test_transceiver_counts(lanes):
    plan = fabrics.plan("ocstrx", lanes)
    assert len(plan.cells) == 4 * lanes
    assert len(plan.inputs) == len(plan.outputs) == 3 * lanes


def slots_stay_apart(plan):
    """Replay a plan: every cell and crossing finds its lines, no two lines share a slot."""
    live = set(plan.inputs.values())
    for column in plan.columns:
        if isinstance(column, Move):
            new = [b for _, b in column.to]
            assert new == sorted(set(new))
            assert [a for a, _ in column.to] == sorted({a for a, _ in column.to} & live)
            live = set(new)
            continue
        pairs = [*column.uppers, *(column.crossings if isinstance(column, Cells) else ())]
        touched = [slot for upper in pairs for slot in (upper, upper + 1)]
        assert len(touched) == len(set(touched))
        for upper in pairs:
            both = {upper, upper + 1} & live
            crossed = isinstance(column, Crossings) or upper not in column.uppers
            assert len(both) == 2 if crossed else both
        live |= set(touched)
    assert set(plan.outputs.values()) <= live


@pytest.mark.parametrize("topology", fabrics.TOPOLOGIES)
@pytest.mark.parametrize("ports", [2, 4, 8, 16])
def test_plans_are_consistent(topology, ports):
    slots_stay_apart(fabrics.plan(topology, ports))


@pytest.mark.parametrize("topology", ["piloss", "crossbar", "odd-even"])
@pytest.mark.parametrize("ports", [3, 5, 7, 13])
def test_plans_of_odd_sizes_are_consistent(topology, ports):
    plan = fabrics.plan(topology, ports)
    slots_stay_apart(plan)
    assert len(plan.cells) == CELLS[topology](ports)
    rng = random.Random(ports)
    for _ in range(20):
        leads_to(plan, rng.sample(range(ports), ports))


def leads_to(plan, permutation):
    states = fabrics.route(plan.topology, plan.ports, permutation)
    ways = fabrics.ways(plan, states)
    assert {name: way.output for name, way in ways.items()} == {
        f"in{i}": f"out{o}" for i, o in enumerate(permutation)
    }
    return states, ways


@pytest.mark.parametrize("topology", NONBLOCKING)
def test_every_permutation_of_four_is_routed(topology):
    plan = fabrics.plan(topology, 4)
    for permutation in itertools.permutations(range(4)):
        leads_to(plan, permutation)


@pytest.mark.parametrize("topology", NONBLOCKING)
@pytest.mark.parametrize("ports", [8, 16])
def test_random_permutations_are_routed(topology, ports):
    plan = fabrics.plan(topology, ports)
    rng = random.Random(f"{topology}{ports}")
    for _ in range(60):
        leads_to(plan, rng.sample(range(ports), ports))


@pytest.mark.parametrize("ports", [2, 4, 8, 16])
def test_piloss_paths_are_alike(ports):
    plan = fabrics.plan("piloss", ports)
    rng = random.Random(ports)
    for _ in range(20):
        states, ways = leads_to(plan, rng.sample(range(ports), ports))
        assert {len(way.cells) for way in ways.values()} == {ports}
        assert {way.crossings for way in ways.values()} == {ports - 1}
        assert states.count(fabrics.BAR) == ports


def test_crossbar_paths_are_as_long_as_the_corner_they_turn():
    plan = fabrics.plan("crossbar", 8)
    rng = random.Random(8)
    for _ in range(20):
        permutation = rng.sample(range(8), 8)
        _, ways = leads_to(plan, permutation)
        for source, target in enumerate(permutation):
            assert len(ways[f"in{source}"].cells) == source + target + 1


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_a_transceiver_takes_exactly_one_path(lanes):
    plan = fabrics.plan("ocstrx", lanes)
    for path in ("primary", "backup"):
        ways = fabrics.ways(plan, fabrics.route_path(lanes, path))
        letter = path[0]
        for lane in range(lanes):
            assert ways[f"tx{lane}"].output == f"{letter}_out{lane}"
            assert ways[f"{letter}_in{lane}"].output == f"rx{lane}"
    ways = fabrics.ways(plan, fabrics.route_path(lanes, "loopback"))
    for lane in range(lanes):
        assert ways[f"tx{lane}"].output == f"rx{(lane + lanes // 2) % lanes}"


def test_a_benes_plan_is_the_benes_network():
    plan = fabrics.plan("benes", 16)
    rng = random.Random(16)
    for _ in range(20):
        states = [rng.randint(0, 1) for _ in plan.cells]
        ways = fabrics.ways(plan, states)
        expected = benes.apply(16, states)
        assert [int(ways[f"in{i}"].output[3:]) for i in range(16)] == expected


@pytest.mark.parametrize("seed", range(30))
def test_columns_of_swaps_sort_with_as_many_swaps_as_inversions(seed):
    rng = random.Random(seed)
    order = list(range(rng.randint(1, 20)))
    rng.shuffle(order)
    swaps = fabrics.columns_of_swaps(order)
    lines = list(range(len(order)))
    for column in swaps:
        assert len({i for upper in column for i in (upper, upper + 1)}) == 2 * len(column)
        for upper in column:
            lines[upper], lines[upper + 1] = lines[upper + 1], lines[upper]
    assert [order[line] for line in lines] == sorted(order)
    inversions = sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])
    assert sum(map(len, swaps)) == inversions


def test_as_many_cells_are_driven_at_once_as_a_routing_drives():
    plan = fabrics.plan("switch-and-select", 8)
    stages = [column for column in plan.columns if isinstance(column, Cells)]
    assert [fabrics.driven(plan, stage) for stage in stages] == [8] * 6
    plan = fabrics.plan("crossbar", 4)
    assert [fabrics.driven(plan, stage) for stage in plan.columns] == [1, 2, 3, 4, 3, 2, 1]


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="topology = 'ring'; allowed: benes, piloss, "):
        fabrics.plan("ring", 4)
    with pytest.raises(ValueError, match="ports = 1; allowed: 2 or more"):
        fabrics.plan("crossbar", 1)
    with pytest.raises(ValueError, match="ports = 3 with topology 'ocstrx'; allowed: even"):
        fabrics.plan("ocstrx", 3)
    with pytest.raises(ValueError, match="not a permutation of 0 to 3"):
        fabrics.route("piloss", 4, [0, 1, 2, 2])
    with pytest.raises(ValueError, match="allowed: one with permutations"):
        fabrics.route("ocstrx", 4, [0, 1, 2, 3])
    with pytest.raises(ValueError, match="path = 'up'; allowed: primary, backup, loopback"):
        fabrics.route_path(4, "up")
    with pytest.raises(ValueError, match="3 cell states; allowed: 16"):
        fabrics.ways(fabrics.plan("piloss", 4), [0, 1, 1])
