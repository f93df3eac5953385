"""Gearbox: the bit stream kept at every kind of width, words without a gap."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs.pcie.gearbox130 import TxGearbox130, to_words


@pytest.mark.parametrize("bits", [8, 9, 31, 32, 64, 65, 100, 127, 128])
def test_nothing_is_lost_or_repeated(bits, rng):
    dut = TxGearbox130(bits=bits)
    given, words = [], []

    async def bench(ctx):
        for _ in range(60 * 130 // bits):
            block = rng.getrandbits(130)
            ctx.set(dut.i.payload, block)
            ctx.set(dut.i.valid, rng.random() < 0.8)
            ctx.set(dut.o.ready, rng.random() < 0.8)
            _, _, taken, valid, word = await ctx.tick().sample(
                dut.i.ready & dut.i.valid, dut.o.valid & dut.o.ready, dut.o.payload
            )
            if taken:
                given.append((130, block))
            if valid:
                words.append(word)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert len(given) > 15
    want = list(to_words(given, bits))
    assert words == want[: len(words)]
    # Only what waits in the gearbox is missing.
    assert (len(want) - len(words)) * bits < 130


def test_words_have_no_gap_while_blocks_are_there():
    dut = TxGearbox130(bits=96)

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        for _ in range(200):
            assert ctx.get(dut.o.valid)
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("bits", [7, 129])
def test_bits_are_checked(bits):
    with pytest.raises(ValueError, match=rf"^bits = {bits}; allowed: 8 to 128$"):
        TxGearbox130(bits=bits)
