import gc
import itertools
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.route import RouteReason
from lightloom.rtl.ocs.route.fixed_ways import FixedWays
from lightloom.spec import fabrics
from lightloom.spec.detours import bars

FABRICS = [("crossbar", 4), ("crossbar", 7), ("piloss", 2), ("piloss", 4), ("piloss", 5),
           ("piloss", 8), ("switch-and-select", 2), ("switch-and-select", 4),
           ("switch-and-select", 8)]  # fmt: skip


def can_lead(plan, wanted, fixed, value, unusable):
    """Whether some states of the cells do it: every way of every light is tried.

    Knows the columns of the plan and nothing of routing.
    """
    columns, cells = [], 0
    for column in plan.columns:
        at, moves = {}, {}
        if isinstance(column, fabrics.Move):
            moves = dict(column.to)
        else:
            crossed = column.uppers
            if isinstance(column, fabrics.Cells):
                crossed = column.crossings
                for upper in column.uppers:
                    at |= {upper: (cells, upper + 1), upper + 1: (cells, upper)}
                    cells += 1
            for upper in crossed:
                moves |= {upper: upper + 1, upper + 1: upper}
        columns.append((at, moves, isinstance(column, fabrics.Move)))
    order, states = list(wanted.items()), {}

    def lead(turn, depth, slot):
        if depth == len(columns):
            if slot != plan.outputs[f"out{order[turn][1]}"]:
                return False
            return turn + 1 == len(order) or begin(turn + 1)
        at, moves, ends = columns[depth]
        if slot not in at:
            return (not ends or slot in moves) and lead(turn, depth + 1, moves.get(slot, slot))
        cell, other = at[slot]
        if unusable >> cell & 1:
            return False
        if cell in states:
            return lead(turn, depth + 1, other if states[cell] else slot)
        for state in (value >> cell & 1,) if fixed >> cell & 1 else (0, 1):
            states[cell] = state
            if lead(turn, depth + 1, other if state else slot):
                return True
            del states[cell]
        return False

    def begin(turn):
        return lead(turn, 0, plan.inputs[f"in{order[turn][0]}"])

    return not order or begin(0)


def test_the_search_over_all_ways_finds_what_all_states_show():
    """Of itself: against every state of the 9 cells of a crossbar of 3."""
    seed = 3
    print(f"seed {seed}")
    rng = random.Random(seed)
    plan = fabrics.plan("crossbar", 3)
    found = [
        (word, fabrics.ways(plan, [word >> k & 1 for k in range(9)])) for word in range(1 << 9)
    ]
    there = [0, 0]
    for _ in range(150):
        outputs = rng.sample(range(3), 3)
        wanted = {i: to for i, to in enumerate(outputs) if rng.random() < 0.8}
        fixed, unusable, value = 1 << rng.randrange(9), 1 << rng.randrange(9), rng.getrandbits(9)
        exists = any(
            (word ^ value) & fixed == 0
            and all(
                f"in{i}" in ways
                and ways[f"in{i}"].output == f"out{to}"
                and not any(unusable >> cell & 1 for cell in ways[f"in{i}"].cells)
                for i, to in wanted.items()
            )
            for word, ways in found
        )
        assert can_lead(plan, wanted, fixed, value, unusable) == exists
        there[exists] += 1
    print(there)
    assert min(there) > 20


def maps(rng, ports):
    """Every full and partial map of 4, 60 random ones of other sizes."""
    if ports == 4:
        for d in itertools.product((None, *range(4)), repeat=4):
            wanted = {i: to for i, to in enumerate(d) if to is not None}
            if len(set(wanted.values())) == len(wanted):
                yield wanted
        return
    for _ in range(60):
        outputs, share = rng.sample(range(ports), ports), rng.choice((0.3, 0.7, 1))
        yield {i: to for i, to in enumerate(outputs) if rng.random() < share}


def leads(plan, states, wanted, unusable):
    ways = fabrics.ways(plan, states)
    return all(
        f"in{i}" in ways
        and ways[f"in{i}"].output == f"out{to}"
        and not any(unusable >> cell & 1 for cell in ways[f"in{i}"].cells)
        for i, to in wanted.items()
    )


@pytest.mark.parametrize(("topology", "ports"), FABRICS)
def test_maps_are_routed_past_dead_cells_that_are_not_in_the_way(topology, ports):
    seed = 80 + ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    dut = FixedWays(topology, ports)
    plan = dut.plan
    count, bits = len(plan.cells), (ports - 1).bit_length()
    seen = set()

    async def bench(ctx):
        for wanted in maps(rng, ports):
            if len(wanted) > 1 and rng.random() < 0.2:
                wanted[max(wanted)] = wanted[min(wanted)]
            dead = rng.sample(range(count), rng.choice((0, 0, 1, min(2, count))))
            fixed = sum(1 << c for c in dead[:1])
            unusable = sum(1 << c for c in dead[1:])
            value = rng.getrandbits(count)
            ctx.set(dut.destinations, sum(to << bits * i for i, to in wanted.items()))
            ctx.set(dut.active, sum(1 << i for i in wanted))
            ctx.set(dut.fixed, fixed)
            ctx.set(dut.value, value)
            ctx.set(dut.unusable, unusable)
            ctx.set(dut.start, 1)
            clocks = 0
            while not (ctx.get(dut.done) or ctx.get(dut.failed)):
                await ctx.tick()
                ctx.set(dut.start, 0)
                clocks += 1
                assert clocks <= dut.latency
            done, word = ctx.get(dut.done), ctx.get(dut.states)
            assert done != ctx.get(dut.failed)
            await ctx.tick()
            if len(set(wanted.values())) < len(wanted):
                assert RouteReason(ctx.get(dut.reason)) == RouteReason.CONFLICT
                assert not done
                seen.add("conflict")
                continue
            # the one way of each pair, and the dead cells as they stand
            spare = iter(sorted(set(range(ports)) - set(wanted.values())))
            whole = [wanted[i] if i in wanted else next(spare) for i in range(ports)]
            states = fabrics.route(topology, ports, whole)
            for pairs_cell, pairs in bars(topology, ports).items():
                if not any((i, to) in pairs for i, to in wanted.items()):
                    states[pairs_cell] = fabrics.CROSS
            for cell in dead[:1]:
                states[cell] = value >> cell & 1
            good = leads(plan, states, wanted, unusable)
            found = [word >> k & 1 for k in range(count)]
            if good:
                assert done
                assert found == states
                assert clocks == dut.direct_clocks
            elif done:
                assert topology != "switch-and-select"
                assert leads(plan, found, wanted, unusable)
                assert (word ^ value) & fixed == 0
            else:
                assert RouteReason(ctx.get(dut.reason)) == RouteReason.NO_ROUTE
                # What is said to have no way has none.
                assert ports > 5 or not can_lead(plan, wanted, fixed, value, unusable)
            seen.add((good, done))

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()
    around = {(False, 1)} if topology != "switch-and-select" and ports > 2 else set()
    assert seen == {(True, 1), (False, 0), "conflict"} | around


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_other_topologies_and_tries_are_refused():
    for tries in (0, 1 << 16):
        with pytest.raises(ValueError, match=f"tries = {tries}; allowed: 1 to 65535"):
            FixedWays("crossbar", 4, tries=tries)
    with pytest.raises(ValueError, match="topology = 'benes'; allowed: piloss, crossbar, switch"):
        FixedWays("benes", 8)
    gc.collect()
