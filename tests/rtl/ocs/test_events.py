"""Events stay until they are cleared, and raise the interrupt where the mask lets them."""

import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.events import Events


def test_random_events_equal_a_model():
    print("seed 4")
    rng, dut = random.Random(4), Events(5)

    async def bench(ctx):
        pending = 0
        for _ in range(400):
            events, clear, mask = (rng.getrandbits(5) & rng.getrandbits(5) for _ in range(3))
            for name, value in (("events", events), ("clear", clear), ("mask", mask)):
                ctx.set(getattr(dut, name), value)
            await ctx.tick()
            assert ctx.get(dut.interrupt) == bool(pending & mask)
            pending = {n for n in range(5) if events >> n & 1 or (pending & ~clear) >> n & 1}
            pending = sum(1 << n for n in pending)
            assert ctx.get(dut.pending) == pending

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_a_count_out_of_range_is_refused():
    with pytest.raises(ValueError, match="count = 33; allowed: an integer from 1 to 32"):
        Events(33)
    gc.collect()
