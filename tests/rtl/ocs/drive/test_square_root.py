"""The root against `math.isqrt`, and as a property."""

import gc
import math
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.drive.square_root import SquareRoot


@pytest.mark.parametrize("bits", [1, 2, 5, 16])
def test_the_root_is_that_of_isqrt_one_a_clock(bits):
    rng = random.Random(bits)
    top = 4**bits - 1
    values = range(top + 1) if bits <= 5 else [rng.randrange(top + 1) for _ in range(400)]
    squares = [n * n + d for n in (1, 2**bits - 1, 2 ** (bits - 1)) for d in (-1, 0, 1)]
    values = [0, top, *values, *[v for v in squares if 0 <= v <= top]]
    dut = SquareRoot(bits)
    roots = []

    async def process(ctx):
        for value in [*values, *[0] * bits]:
            ctx.set(dut.i, value)
            await ctx.tick()
            roots.append(ctx.get(dut.o))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(process)
    sim.run()
    assert roots[bits - 1 : bits - 1 + len(values)] == [math.isqrt(v) for v in values]


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="bits = 0; allowed: an integer from 1 to 32"):
        SquareRoot(0)
    gc.collect()
