"""Population count against Python's."""

import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from lightloom.rtl.popcount import popcount


@pytest.mark.parametrize("width", [1, 2, 3, 5, 16, 31, 64, 100, 128])
def test_counts_like_python(width):
    rng = random.Random(width)
    m = Module()
    word = Signal(width)
    count = Signal(range(width + 1))
    m.d.comb += count.eq(popcount(m, word))
    assert len(count) == width.bit_length()

    async def process(ctx):
        for value in [0, 2**width - 1, *(rng.getrandbits(width) for _ in range(50))]:
            ctx.set(word, value)
            await ctx.delay(1e-9)
            assert ctx.get(count) == value.bit_count()

    sim = Simulator(m)
    sim.add_testbench(process)
    sim.run()
