"""Histogram: what software counts from the same events."""

from collections import Counter

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link.histogram import BINS, Histogram


@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_counts_are_those_of_software(lanes, rng):
    dut = Histogram(lanes=lanes)
    expected = Counter()

    async def bench(ctx):
        for _ in range(200):
            done = rng.getrandbits(lanes)
            errors = [min(15, int(rng.expovariate(0.3))) for _ in range(lanes)]
            ctx.set(dut.codeword, done)
            ctx.set(dut.errors, sum(e << 4 * n for n, e in enumerate(errors)))
            expected.update(e for n, e in enumerate(errors) if done >> n & 1)
            await ctx.tick()
        ctx.set(dut.codeword, 0)
        await ctx.tick().repeat(2)
        counts = ctx.get(dut.counts)
        assert [counts >> 32 * n & 0xFFFFFFFF for n in range(BINS)] == [
            expected[n] for n in range(BINS)
        ]
        ctx.set(dut.clear, 1)
        await ctx.tick()
        assert ctx.get(dut.counts) == 0

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


def test_lanes_are_checked():
    with pytest.raises(ValueError, match="lanes = 0; allowed: 1 to 16"):
        Histogram(lanes=0)
