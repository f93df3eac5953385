"""The routers' golden model against brute force over all states of the cells."""

import itertools
import random
from functools import cache

import numpy as np
import pytest

from lightloom.spec import benes, fabrics
from lightloom.spec.routes import Reason, _Choice, connect


@cache
def light(ports):
    """For all cell states of a Benes network: where each input arrives, and through which cells.

    `light(n)[0][s, i]` is the output of input i at states s; `[1][s, i]` the cells on its way.
    """
    cells = benes.cells(ports)
    states = np.arange(1 << cells, dtype=np.int32)
    sources = [np.full(len(states), i, np.int8) for i in range(ports)]
    met = np.zeros((len(states), ports), np.int32)
    index = np.arange(len(states))
    for stage in range(benes.stages(ports)):
        for row in range(ports // 2):
            cell = stage * ports // 2 + row
            cross = (states >> cell & 1).astype(bool)
            up, down = sources[2 * row], sources[2 * row + 1]
            met[index, up] |= 1 << cell
            met[index, down] |= 1 << cell
            sources[2 * row] = np.where(cross, down, up)
            sources[2 * row + 1] = np.where(cross, up, down)
        if stage < benes.stages(ports) - 1:
            moved = list(sources)
            for line, to in enumerate(benes.wiring(ports, stage)):
                moved[to] = sources[line]
            sources = moved
    arrives = np.zeros((len(states), ports), np.int8)
    for output, source in enumerate(sources):
        arrives[index, source] = output
    return arrives, met


def exists(ports, destinations, fixed, value, unusable):
    """Whether some states of the cells do it."""
    arrives, met = light(ports)
    states = np.arange(len(arrives), dtype=np.int32)
    good = (states ^ value) & fixed == 0
    for i, output in enumerate(destinations):
        if output is not None:
            good &= (arrives[:, i] == output) & (met[:, i] & unusable == 0)
    return bool(good.any())


def check(ports, destinations, fixed, value, unusable, prefer):
    made = connect(
        "benes", ports, destinations, fixed=fixed, value=value, unusable=unusable, prefer=prefer,
        limit=1 << 30,
    )  # fmt: skip
    assert made.reason != Reason.SEARCH_LIMIT
    there = exists(ports, destinations, fixed, value, unusable)
    assert (made.reason == Reason.NONE) == there, (destinations, fixed, value, unusable)
    if there:
        arrives, met = light(ports)
        word = sum(s << k for k, s in enumerate(made.states))
        assert (word ^ value) & fixed == 0
        used = 0
        for i, output in enumerate(destinations):
            if output is not None:
                assert arrives[word, i] == output
                assert met[word, i] & unusable == 0
                used |= met[word, i]
        assert (word ^ prefer) & ~used & ~fixed & ((1 << benes.cells(ports)) - 1) == 0
    return there


def partial_maps(ports):
    for d in itertools.product((None, *range(ports)), repeat=ports):
        taken = [output for output in d if output is not None]
        if len(set(taken)) == len(taken):
            yield d


def test_all_maps_of_4_with_stuck_and_dead_cells_are_routed_exactly_when_that_can_be():
    seed = 4
    print(f"seed {seed}")
    rng = random.Random(seed)
    maps = list(partial_maps(4))
    assert len(maps) == 209
    count = there = 0
    for d in maps:
        # Every way of sticking one cell, every dead cell, and mixtures.
        faults = [(1 << k, s << k, 0) for k in range(6) for s in (0, 1)]
        faults += [(0, 0, 1 << k) for k in range(6)]
        faults += [
            (rng.getrandbits(6) & rng.getrandbits(6), rng.getrandbits(6),
             rng.getrandbits(6) & rng.getrandbits(6) & rng.getrandbits(6))
            for _ in range(16)
        ]  # fmt: skip
        for fixed, value, unusable in faults:
            there += check(4, d, fixed, value, unusable, rng.getrandbits(6))
            count += 1
    print(f"{there} of {count}")
    assert 0.2 * count < there < 0.9 * count


def test_maps_of_8_are_routed_exactly_when_one_of_all_states_does_it():
    seed = 8
    print(f"seed {seed}")
    rng = random.Random(seed)
    there = [0, 0]
    for turn in range(120):
        order = rng.sample(range(8), 8)
        load = (1.0, 0.8, 0.6, 0.4)[turn % 4]
        d = tuple(o if rng.random() < load else None for o in order)
        stuck, dead = rng.choice(((1, 0), (3, 0), (6, 0), (0, 1), (2, 1), (0, 3), (12, 0)))
        fixed = sum(1 << k for k in rng.sample(range(20), stuck))
        unusable = sum(1 << k for k in rng.sample(range(20), dead))
        there[check(8, d, fixed, rng.getrandbits(20), unusable, rng.getrandbits(20))] += 1
    print(there)
    assert min(there) > 30


@pytest.mark.parametrize("ports", [2, 8, 32, 128])
def test_a_full_permutation_with_whole_cells_stands_as_the_looping_algorithm_has_it(ports):
    seed = ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(20):
        wanted = rng.sample(range(ports), ports)
        made = connect("benes", ports, wanted)
        assert list(made.states) == benes.route(wanted)
        assert made.cycles == ports - 2


@pytest.mark.parametrize("ports", [16, 64])
def test_routes_that_are_kept_stay_and_one_stuck_cell_is_no_obstacle(ports):
    seed = 50 + ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    plan = fabrics.plan("benes", ports)
    kept = 0
    for _ in range(12):
        order = rng.sample(range(ports), ports)
        half = [o if i % 2 else None for i, o in enumerate(order)]
        states = connect("benes", ports, half).states
        ways = fabrics.ways(plan, states)
        fixed = sum({1 << k for i in range(1, ports, 2) for k in ways[f"in{i}"].cells})
        word = sum(s << k for k, s in enumerate(states))
        # One more connection with all others untouched, where that can be.
        more = [order[0] if i == 0 else o for i, o in enumerate(half)]
        made = connect("benes", ports, more, fixed=fixed, value=word)
        if made.reason == Reason.NONE:
            kept += 1
            found = fabrics.ways(plan, made.states)
            assert all(
                found[f"in{i}"].output == f"out{o}" for i, o in enumerate(more) if o is not None
            )
            assert all(found[f"in{i}"] == ways[f"in{i}"] for i in range(1, ports, 2))
        cell = rng.randrange(len(plan.cells))
        made = connect("benes", ports, order, fixed=1 << cell, value=rng.getrandbits(1) << cell)
        assert made.reason == Reason.NONE
        found = fabrics.ways(plan, made.states)
        assert all(found[f"in{i}"].output == f"out{o}" for i, o in enumerate(order))
    print(f"{kept} of 12 kept")


def test_refusals():
    assert connect("benes", 4, (0, 1, 1, None)).reason == Reason.CONFLICT
    assert connect("benes", 4, (0, 7, 1, None)).reason == Reason.RANGE
    # Light is on all cells of the first column.
    assert connect("benes", 4, (0, 1, 2, 3), unusable=1).reason == Reason.NO_ROUTE
    hard = random.Random(36).sample(range(64), 64)
    hard[::5] = [None] * 13
    made = connect("benes", 64, hard, unusable=1 << 32 * 5 + 7, limit=200)
    assert made.reason == Reason.SEARCH_LIMIT
    assert made.cycles == 200
    with pytest.raises(ValueError, match="3 destinations; allowed: 4"):
        connect("benes", 4, (0, 1, 2))
    with pytest.raises(ValueError, match="topology = 'ring'; allowed: benes"):
        connect("ring", 4, (0, 1, 2, 3))


def decided(ports, load, dead, count, limit):
    """Reasons of the answers for random maps with dead cells, and most cycles of one that leads."""
    seed = 77
    print(f"seed {seed}")
    rng = random.Random(seed)
    cells = benes.cells(ports)
    reasons = dict.fromkeys(Reason, 0)
    cycles = 0
    for _ in range(count):
        order = rng.sample(range(ports), ports)
        d = [o if rng.random() < load else None for o in order]
        unusable = sum(1 << k for k in rng.sample(range(cells), dead))
        made = connect("benes", ports, d, unusable=unusable, limit=limit)
        reasons[made.reason] += 1
        if made.reason == Reason.NONE:
            cycles = max(cycles, made.cycles)
            ways = fabrics.ways(fabrics.plan("benes", ports), made.states)
            for i, output in enumerate(d):
                if output is not None:
                    assert ways[f"in{i}"].output == f"out{output}"
                    assert not any(unusable >> k & 1 for k in ways[f"in{i}"].cells)
    print(ports, load, dead, {r.name: n for r, n in reasons.items() if n}, cycles)
    return reasons


@pytest.mark.parametrize(("ports", "load"), [(32, 0.9), (64, 0.9), (64, 0.75)])
def test_a_dead_cell_is_gone_round_or_proved_to_be_in_the_way(ports, load):
    reasons = decided(ports, load, 1, 60, 64 * ports)
    assert reasons[Reason.SEARCH_LIMIT] == 0
    assert reasons[Reason.NONE] > 5


@pytest.mark.slow
@pytest.mark.parametrize("ports", [16, 32, 64, 128])
@pytest.mark.parametrize(("load", "dead"), [(0.9, 1), (0.75, 1), (0.75, 2), (0.5, 4)])
def test_few_searches_around_dead_cells_end_without_an_answer(ports, load, dead):
    count = 300
    reasons = decided(ports, load, dead, count, 1 << 14)
    assert reasons[Reason.SEARCH_LIMIT] <= count * (0.01 if dead == 1 else 0.05)


def test_the_choice_ends_exactly_when_every_orientation_fails():
    """Against random sets of failures: components and how they stand for it to happen."""
    seed = 21
    print(f"seed {seed}")
    rng = random.Random(seed)
    ended = [0, 0]
    for _ in range(3000):
        parts = rng.randrange(2, 7)
        failures = []
        for _ in range(rng.randrange(1, 4 * parts)):
            mask = sum(
                1 << k for k in rng.sample(range(parts), rng.randrange(1, min(parts, 3) + 1))
            )
            failures.append((mask, rng.getrandbits(parts) & mask))
        choice = _Choice(parts)
        going, steps = True, 0
        while going:
            culprits = next((m for m, stand in failures if choice.flip & m == stand), None)
            if culprits is None:
                break
            going = choice.step(culprits)
            steps += 1
            assert steps <= 2 << parts
        stays = any(all(flip & m != stand for m, stand in failures) for flip in range(1 << parts))
        assert going == stays
        ended[going] += 1
    print(ended)
    assert min(ended) > 300


def test_a_proof_that_took_a_search_holds_against_all_states():
    seed = 1
    print(f"seed {seed}")
    rng = random.Random(seed)
    arrives, met = light(8)
    every = np.arange(1 << 20, dtype=np.int32)
    proofs = at_once = 0
    for turn in range(3000):
        order = rng.sample(range(8), 8)
        load = rng.choice((1, 0.9, 0.7, 0.5, 0.4))
        d = tuple(o if rng.random() < load else None for o in order)
        stuck, dead = rng.choice(((2, 0), (4, 0), (5, 0), (1, 1), (0, 1), (0, 2), (2, 1), (3, 1)))
        fixed, unusable = (sum(1 << k for k in rng.sample(range(20), n)) for n in (stuck, dead))
        value = rng.getrandbits(20)
        made = connect("benes", 8, d, fixed=fixed, value=value, unusable=unusable, limit=1 << 30)
        searched = made.cycles > 12
        if made.reason == Reason.NO_ROUTE and (searched or turn % 8 == 0):
            proofs += searched
            at_once += not searched
            left = every[(every ^ value) & fixed == 0]
            for i, output in enumerate(d):
                if output is not None:
                    left = left[(arrives[left, i] == output) & (met[left, i] & unusable == 0)]
            assert len(left) == 0, (d, fixed, value, unusable)
    print(proofs, at_once)
    assert proofs > 120
    assert at_once > 100
