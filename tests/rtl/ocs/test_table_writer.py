"""Writes of calibration: the address counts on, nothing goes beyond the last cell."""

import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.registers import TRIM
from lightloom.rtl.ocs.table_writer import TableWriter


def test_data_words_go_to_the_cells_in_order():
    print("seed 8")
    rng, dut = random.Random(8), TableWriter(6)

    async def bench(ctx):
        cell = 0
        for _ in range(300):
            item = rng.choice([0, 1, 8, TRIM])
            if rng.random() < 0.3:
                ctx.set(dut.addressed, 1)
                await ctx.tick()
                ctx.set(dut.addressed, 0)
                cell = rng.randrange(9)
                ctx.set(dut.cell, cell)
            else:
                data = rng.getrandbits(32)
                ctx.set(dut.written, 1)
                await ctx.tick()
                ctx.set(dut.written, 0)
                ctx.set(dut.item, item)
                ctx.set(dut.data, data)
                there = cell < 6
                assert ctx.get(dut.table_write) == (there and item != TRIM)
                assert ctx.get(dut.trim_write) == (there and item == TRIM)
                if there:
                    assert ctx.get(dut.table_cell) == cell
                    assert ctx.get(dut.table_field) == item
                    assert ctx.get(dut.table_data) == data
                    assert ctx.get(dut.trim_value) & 0xFFFF == data & 0xFFFF
                cell += 1
            await ctx.tick()
            assert not ctx.get(dut.table_write) | ctx.get(dut.trim_write)

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_a_number_of_cells_out_of_range_is_refused():
    with pytest.raises(ValueError, match="cells = 0; allowed: an integer from 1 to 65535"):
        TableWriter(0)
    gc.collect()
