import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.route import RouteReason
from lightloom.rtl.ocs.route.fixed_ways import FixedWays, bars
from lightloom.spec import fabrics

FABRICS = [("crossbar", 4), ("crossbar", 7), ("piloss", 2), ("piloss", 5), ("piloss", 8),
           ("switch-and-select", 2), ("switch-and-select", 8)]  # fmt: skip


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
        for _ in range(60):
            outputs = rng.sample(range(ports), ports)
            share = rng.choice((0.3, 0.7, 1))
            wanted = {i: to for i, to in enumerate(outputs) if rng.random() < share}
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
                assert clocks <= ports + 10
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
            for pairs_cell, pairs in bars(plan).items():
                if not any((i, to) in pairs for i, to in wanted.items()):
                    states[pairs_cell] = fabrics.CROSS
            for cell in dead[:1]:
                states[cell] = value >> cell & 1
            ways = fabrics.ways(plan, states)
            good = all(
                f"in{i}" in ways
                and ways[f"in{i}"].output == f"out{to}"
                and not any(unusable >> cell & 1 for cell in ways[f"in{i}"].cells)
                for i, to in wanted.items()
            )
            assert done == good
            if good:
                assert [word >> k & 1 for k in range(count)] == states
            else:
                assert RouteReason(ctx.get(dut.reason)) == RouteReason.NO_ROUTE
            seen.add(good)

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == {True, False, "conflict"}


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_other_topologies_are_refused():
    with pytest.raises(ValueError, match="topology = 'benes'; allowed: piloss, crossbar, switch"):
        FixedWays("benes", 8)
    gc.collect()
