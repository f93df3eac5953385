"""Rows from aligned blocks: the golden model's, one clock later."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs.assembler import Assembler
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.row import RowKind, gather, spread


@pytest.mark.parametrize("lanes", [1, 4, 32])
def test_rows_are_those_of_the_model(lanes, rng):
    dut = Assembler(lanes=lanes)
    cases = [spread(kind, 0, lanes) for kind in RowKind]
    cases += [spread(RowKind.END, rng.randrange(8 * lanes), lanes) for _ in range(20)]
    cases += [[rng.choice(list(Kind)) for _ in range(lanes)] for _ in range(20)]

    async def bench(ctx):
        for kinds in cases:
            data = rng.getrandbits(64 * lanes)
            ctx.set(dut.kinds, sum(kind << 4 * n for n, kind in enumerate(kinds)))
            ctx.set(dut.data, data)
            ctx.set(dut.valid, 1)
            await ctx.tick()
            assert ctx.get(dut.o_valid)
            assert (ctx.get(dut.o.kind), ctx.get(dut.o.count)) == gather(kinds)
            assert ctx.get(dut.o.data) == data
            ctx.set(dut.valid, 0)
            ctx.set(dut.data, 0)
            await ctx.tick()
            assert not ctx.get(dut.o_valid)
            assert ctx.get(dut.o.data) == data

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


def test_lanes_are_checked():
    with pytest.raises(ValueError, match="lanes = 65; allowed: 1 to 64"):
        Assembler(lanes=65)
