"""What `Widen` keeps back; that rows come back whole is shown with `Narrow`."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.widen import Widen


def run(story, lanes=4):
    dut = Widen(lanes=lanes)

    async def bench(ctx):
        ctx.set(dut.aligned, 1)
        ctx.set(dut.present, (1 << lanes) - 1)
        ctx.set(dut.good, 1)
        await story(ctx, dut)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


async def announce(ctx, dut, mask):
    ctx.set(dut.announced, mask)
    ctx.set(dut.announced_new, 1)
    await ctx.tick()
    ctx.set(dut.announced_new, 0)


def test_nothing_comes_before_lanes_are_announced():
    async def story(ctx, dut):
        ctx.set(dut.valid, 1)
        ctx.set(dut.kinds, 0x1111)
        for _ in range(5):
            await ctx.tick()
            assert not ctx.get(dut.o_valid)
            assert not ctx.get(dut.complete)

    run(story)


@pytest.mark.parametrize(("mask", "present", "complete"), [(0b11, 0b0111, 1), (0b11, 0b1101, 0)])
def test_an_announced_lane_that_is_not_there_holds_rows_back(mask, present, complete):
    async def story(ctx, dut):
        ctx.set(dut.present, present)
        await announce(ctx, dut, mask)
        assert ctx.get(dut.complete) == complete
        ctx.set(dut.kinds, 0x1111)
        ctx.set(dut.valid, 1)
        valid = []
        for _ in range(6):
            await ctx.tick()
            valid.append(ctx.get(dut.o_valid))
        assert valid == ([0, 1] * 3 if complete else [0] * 6)

    run(story)


def test_a_bad_marker_row_is_an_error_row_and_starts_anew():
    async def story(ctx, dut):
        await announce(ctx, dut, 0b0011)
        ctx.set(dut.valid, 1)
        ctx.set(dut.kinds, 0x1111)
        await ctx.tick()  # half a row
        ctx.set(dut.marker, 1)
        ctx.set(dut.good, 0)
        await ctx.tick()
        assert ctx.get(dut.o_valid)
        assert ctx.get(dut.o_kinds) == Kind.ERROR * 0x1111
        ctx.set(dut.marker, 0)
        await ctx.tick()
        assert not ctx.get(dut.o_valid)
        await ctx.tick()
        assert ctx.get(dut.o_valid)
        assert ctx.get(dut.o_kinds) == 0x1111

    run(story)


def test_loss_of_alignment_forgets():
    async def story(ctx, dut):
        await announce(ctx, dut, 0b1111)
        assert ctx.get(dut.complete)
        ctx.set(dut.aligned, 0)
        await ctx.tick()
        ctx.set(dut.aligned, 1)
        await ctx.tick()
        assert not ctx.get(dut.complete)

    run(story)
