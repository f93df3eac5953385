import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.walk import Walk, touched, used
from lightloom.spec import benes, fabrics

FABRICS = [("benes", 2), ("benes", 8), ("benes", 32), ("piloss", 5), ("crossbar", 4),
           ("switch-and-select", 4), ("odd-even", 6)]  # fmt: skip


@pytest.mark.parametrize(("topology", "ports"), FABRICS)
def test_cells_and_routes_equal_those_of_the_plan_at_random_states(topology, ports):
    seed = 5
    print(f"seed {seed}")
    rng = random.Random(seed)
    dut = Walk(topology, ports)
    plan = dut.plan

    def word(bits):
        return sum(bit << n for n, bit in enumerate(bits))

    async def bench(ctx):
        for _ in range(30):
            states = [rng.getrandbits(1) for _ in plan.cells]
            lit = fabrics.ways(plan, states)  # the oracle does not know where others end dark
            inputs = [int(rng.random() < 0.5 and name in lit) for name in plan.inputs]
            cells = [int(rng.random() < 0.1) for _ in plan.cells]
            ctx.set(dut.states, word(states))
            ctx.set(dut.inputs, word(inputs))
            ctx.set(dut.cells, word(cells))
            if dut.latency:
                await ctx.tick().repeat(dut.latency)
            else:
                await ctx.delay(1e-9)
            assert ctx.get(dut.used) == word(used(plan, states, inputs))
            known = word([name in lit for name in plan.inputs])
            assert ctx.get(dut.touched) & known == word(touched(plan, states, cells))

    simulator = Simulator(dut)
    if dut.latency:
        simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_all_inputs_of_a_benes_network_use_all_cells():
    plan = fabrics.plan("benes", 16)
    assert used(plan, benes.route(list(range(16))), [1] * 16) == [1] * 56
    assert Walk("benes", 128).latency == 3
    gc.collect()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_an_unknown_topology_is_refused():
    with pytest.raises(ValueError, match="topology = 'ring'; allowed: benes, "):
        Walk("ring", 8)
    gc.collect()
