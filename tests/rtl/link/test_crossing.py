"""Words of several bits from another clock domain: whole, or not at all."""

import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link.crossing import STEADY_CLOCKS, SteadyWord


def test_a_word_whose_bits_arrive_apart_is_taken_whole():
    seed = 5
    print(f"seed {seed}")
    rng = random.Random(seed)
    dut = SteadyWord(8)
    sent, seen = [0], []

    async def bench(ctx):
        async def clock():
            await ctx.tick()
            seen.append(ctx.get(dut.o))

        for _ in range(200):
            old, new = sent[-1], rng.getrandbits(8)
            sent.append(new)
            # some bits arrive a clock or two before the others
            for _ in range(rng.randrange(3)):
                early = rng.getrandbits(8)
                ctx.set(dut.i, (new & early) | (old & ~early & 0xFF))
                await clock()
            ctx.set(dut.i, new)
            for _ in range(2 + STEADY_CLOCKS + 1):
                await clock()
            assert seen[-1] == new
        assert set(seen) <= set(sent)

    run(dut, bench)


def test_a_word_that_does_not_stand_long_enough_is_not_taken():
    dut = SteadyWord(8)

    async def bench(ctx):
        for clocks in range(1, STEADY_CLOCKS + 4):
            ctx.set(dut.i, 0xA5)
            await ctx.tick().repeat(clocks)
            ctx.set(dut.i, 0)
            seen = set()
            for _ in range(20):
                seen.add(ctx.get(dut.o))
                await ctx.tick()
            assert (0xA5 in seen) == (clocks > STEADY_CLOCKS)

    run(dut, bench)


def run(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_a_word_without_bits_is_refused():
    with pytest.raises(ValueError, match="width = 0; allowed: 1 or more"):
        SteadyWord(0)
