"""Choice of active lanes: every mask of usable ones."""

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from lightloom.rtl.pcs import active_lanes


def test_sizes_divide_the_lanes():
    assert active_lanes.sizes(8) == [8, 4, 2, 1]
    assert active_lanes.sizes(6) == [6, 3, 2, 1]
    assert active_lanes.active(0b1111_0111, 8) == [0, 1, 2, 4]
    assert active_lanes.active(0b1000_0000, 8) == [7]
    assert active_lanes.active(0, 8) == []


@pytest.mark.parametrize("lanes", [2, 3, 6, 8])
def test_hardware_chooses_as_the_model(lanes):
    usable = Signal(lanes)
    m = Module()
    choice = active_lanes.choose(m, usable, lanes)
    index = Signal(range(lanes))
    picked = Signal(8)
    m.d.comb += picked.eq(choice.pick([Signal(8, init=100 + n) for n in range(lanes)], index))

    async def bench(ctx):
        for mask in range(1, 1 << lanes):
            ctx.set(usable, mask)
            numbers = active_lanes.active(mask, lanes)
            await ctx.delay(1e-9)
            assert ctx.get(choice.mask) == sum(1 << n for n in numbers)
            assert ctx.get(choice.count) == len(numbers)
            for rank, number in enumerate(numbers):
                assert ctx.get(choice.ranks[number]) == rank
                ctx.set(index, rank)
                await ctx.delay(1e-9)
                assert ctx.get(picked) == 100 + number

    sim = Simulator(m)
    sim.add_testbench(bench)
    sim.run()
