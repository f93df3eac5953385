"""Codes of powers against the floating-point formula."""

import gc
import math
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.drive.linearizer import GAIN_ONE, Linearizer
from lightloom.rtl.ocs.drive.model import FULL, code


@pytest.mark.parametrize("root", [True, False], ids=["volts", "powers"])
@pytest.mark.parametrize("dac_bits", [8, 12, 16])
def test_codes_are_what_the_formula_says(dac_bits, root):
    rng = random.Random(dac_bits)
    tables = [(rng.randrange(8000, 65536), rng.randrange(-16000, 16000)) for _ in range(7)]
    tables[0] = GAIN_ONE, 0
    powers = [(rng.randrange(7), rng.choice([0, 1, FULL, rng.randrange(FULL)])) for _ in range(300)]
    dut = Linearizer(7, dac_bits, root=root)
    codes = []

    async def process(ctx):
        for cell, (gain, curvature) in enumerate(tables):
            ctx.set(dut.write_cell, cell)
            for write, value in ((dut.gain_write, gain), (dut.curvature_write, curvature)):
                ctx.set(dut.write_data, value & 0xFFFF)
                ctx.set(write, 1)
                await ctx.tick()
                ctx.set(write, 0)
        for cell, power in [*powers, *[(0, 0)] * dut.latency]:
            ctx.set(dut.cell, cell)
            ctx.set(dut.power, power)
            await ctx.tick()
            codes.append(ctx.get(dut.code))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(process)
    sim.run()
    codes = codes[dut.latency - 1 :]
    top = 2**dac_bits - 1
    for got, (cell, power) in zip(codes, powers, strict=False):
        gain, curvature = tables[cell]
        assert got == code(power, dac_bits, gain, curvature, root=root)
        share = power / 2**16
        squared = share * gain / GAIN_ONE * (1 + curvature / GAIN_ONE * share)
        exact = 2**dac_bits * (math.sqrt(squared) if root else squared)
        # Rounded down, and the resistance to 2**-15.
        assert min(exact, top) - 3 < got <= exact + 1


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="cells = 4097; allowed: an integer from 1 to 4096"):
        Linearizer(4097, 8)
    with pytest.raises(ValueError, match="dac_bits = 0; allowed: an integer from 1 to 16"):
        Linearizer(8, 0)
    gc.collect()
