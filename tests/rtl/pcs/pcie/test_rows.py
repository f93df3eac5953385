"""Rows to kinds: every count, and what a receiver makes of them gathers to the same row."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs.pcie.ordered_sets import FOLLOW
from lightloom.rtl.pcs.pcie.rows import PcieSpread, end_code, end_kinds, spread
from lightloom.rtl.pcs.row import RowKind
from lightloom.rtl.pcs.row import spread as plain_spread

LANES = [1, 2, 3, 8, 16]


def cases(lanes):
    yield from ((kind, 0) for kind in range(8) if kind != RowKind.END)
    yield from ((RowKind.END, count) for count in range(16 * lanes))


@pytest.mark.parametrize("lanes", LANES)
def test_block_equals_the_model(lanes):
    dut = PcieSpread(lanes=lanes)

    async def bench(ctx):
        for kind, count in cases(lanes):
            ctx.set(dut.kind, kind)
            ctx.set(dut.count, count)
            await ctx.delay(1e-6)
            got = ctx.get(dut.kinds)
            assert [got >> 8 * lane & 0xFF for lane in range(lanes)] == spread(kind, count, lanes)

    sim = Simulator(dut)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("lanes", LANES)
def test_bytes_of_an_end_are_where_the_plain_spread_puts_them(lanes):
    for count in range(16 * lanes):
        codes = [end_code(count, lane) for lane in range(lanes)]
        # All lanes agree on whether a data block follows.
        assert {bool(code & FOLLOW) for code in codes} == {count > 0}
        kinds = [kind for code in codes for kind in end_kinds(code)]
        assert kinds == plain_spread(RowKind.END, count, 2 * lanes)


@pytest.mark.parametrize("lanes", [0, 17])
def test_lanes_are_checked(lanes):
    with pytest.raises(ValueError, match=rf"^lanes = {lanes}; allowed: 1 to 16$"):
        PcieSpread(lanes=lanes)
