"""Outputs that a map uses, against a set."""

import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.protect.occupied import Occupied


@pytest.mark.parametrize("ports", [2, 5, 8])
def test_it_finds_the_outputs_of_every_map_in_time(ports):
    print("seed", ports)
    rng, dut = random.Random(ports), Occupied(ports)

    async def bench(ctx):
        assert ctx.get(dut.ready) == 1
        assert ctx.get(dut.used) == 0
        for _ in range(40):
            outputs = rng.sample(range(ports), ports)
            valid = rng.getrandbits(ports)
            ctx.set(dut.map_destinations, sum(o << dut.bits * i for i, o in enumerate(outputs)))
            ctx.set(dut.map_valid, valid)
            ctx.set(dut.change, 1)
            assert ctx.get(dut.ready) == 0
            await ctx.tick()
            ctx.set(dut.change, 0)
            interrupted = rng.random() < 0.3
            for _ in range(rng.randrange(1, ports) if interrupted else ports):
                assert ctx.get(dut.ready) == 0
                await ctx.tick()
            if interrupted:
                continue
            assert ctx.get(dut.ready) == 1
            assert ctx.get(dut.used) == sum(1 << o for i, o in enumerate(outputs) if valid >> i & 1)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_ports_are_checked():
    with pytest.raises(ValueError, match="ports = 257; allowed: an integer from 2 to 256"):
        Occupied(257)
    gc.collect()  # so that the refused component warns here
