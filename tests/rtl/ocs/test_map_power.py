import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.drive.goal import Field
from lightloom.rtl.ocs.map_power import MapPower


@pytest.mark.parametrize("cells", [1, 6, 20])
def test_the_sum_is_that_of_the_levels_and_offsets_within_a_power(cells):
    seed = 60 + cells
    print(f"seed {seed}")
    rng = random.Random(seed)
    dut = MapPower(cells)

    async def bench(ctx):
        for _ in range(12):
            tables = {
                Field.BAR: [rng.getrandbits(16) for _ in range(cells)],
                Field.CROSS: [rng.getrandbits(16) for _ in range(cells)],
                Field.OFFSET: [rng.randrange(-(2**15), 2**15) for _ in range(cells)],
                Field.GAIN: [rng.getrandbits(16) for _ in range(cells)],
            }
            for kind, row in tables.items():
                for cell, data in enumerate(row):
                    ctx.set(dut.table_write, 1)
                    ctx.set(dut.table_cell, cell)
                    ctx.set(dut.table_field, kind)
                    ctx.set(dut.table_data, data & 0xFFFFFFFF)
                    await ctx.tick()
            ctx.set(dut.table_write, 0)
            states = [rng.getrandbits(1) for _ in range(cells)]
            want = sum(
                min(max(tables[Field(state)][cell] + tables[Field.OFFSET][cell], 0), 0xFFFF)
                for cell, state in enumerate(states)
            )
            ctx.set(dut.states, sum(s << n for n, s in enumerate(states)))
            for limit in (want, want - 1) if want else (0,):
                ctx.set(dut.limit, limit)
                ctx.set(dut.start, 1)
                await ctx.tick()
                ctx.set(dut.start, 0)
                clocks = 1
                while not ctx.get(dut.done):
                    await ctx.tick()
                    clocks += 1
                assert clocks == cells + 2
                assert ctx.get(dut.power) == want
                assert ctx.get(dut.over) == (limit < want)

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("cells", [0, 4097])
def test_a_size_out_of_range_is_refused(cells):
    with pytest.raises(ValueError, match=f"cells = {cells}; allowed: an integer from 1 to 4096"):
        MapPower(cells)
    gc.collect()
