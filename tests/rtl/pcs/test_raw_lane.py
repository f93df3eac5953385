"""Coders that do not code: words pass."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.raw_lane import RawRx, RawTx


@pytest.mark.parametrize("bits", [8, 32, 128])
def test_words_pass(bits, rng):
    tx, rx = RawTx(bits), RawRx(bits)

    async def send(ctx):
        for _ in range(20):
            data, run = rng.getrandbits(64 * tx.blocks), rng.random() < 0.7
            before = ctx.get(tx.word)
            ctx.set(tx.data, data)
            ctx.set(tx.run, run)
            assert ctx.get(tx.slot) == run
            await ctx.tick()
            assert ctx.get(tx.word) == (data & (1 << bits) - 1 if run else before)

    async def receive(ctx):
        for _ in range(20):
            word, valid, run = rng.getrandbits(bits), rng.random() < 0.7, rng.random() < 0.8
            ctx.set(rx.i, word)
            ctx.set(rx.i_valid, valid)
            ctx.set(rx.run, run)
            await ctx.tick()
            assert ctx.get(rx.locked) == run
            assert ctx.get(rx.valid) == (run and valid)
            assert ctx.get(rx.data) == word
            assert ctx.get(rx.kinds) == sum(Kind.DATA << 4 * n for n in range(rx.blocks))

    for dut, bench in ((tx, send), (rx, receive)):
        sim = Simulator(dut)
        sim.add_clock(1e-6)
        sim.add_testbench(bench)
        sim.run()
