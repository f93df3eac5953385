"""Coefficient sets: what was saved comes back, and nothing else."""

import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma.coefficient_sets import CoefficientSets
from lightloom.rtl.pma.formats import RxFormat


@pytest.mark.parametrize("sets", [1, 4, 6, 16])
def test_sets_are_a_dictionary(sets):
    rng = random.Random(sets)
    config = RxFormat(modulation="pam4", sample_bits=8, ffe_taps=9, sets=sets)
    dut = CoefficientSets(config)
    kept = {}
    restored = refused = 0

    async def process(ctx):
        nonlocal restored, refused
        for _ in range(600):
            index = rng.randrange(16)
            save, load = rng.random() < 0.3, rng.random() < 0.5
            coefficients = rng.getrandbits(config.coefficient_bits)
            frequency = rng.randint(-(2**15), 2**15 - 1)
            ctx.set(dut.index, index)
            ctx.set(dut.save, save)
            ctx.set(dut.load, load)
            ctx.set(dut.coefficients, coefficients)
            ctx.set(dut.frequency, frequency)
            await ctx.tick()
            expected = kept.get(index) if load else None
            if save and index < sets:
                kept[index] = (coefficients, frequency)
            assert ctx.get(dut.restore) == (expected is not None)
            if expected:
                assert (ctx.get(dut.saved), ctx.get(dut.saved_frequency)) == expected
                restored += 1
            elif load:
                refused += 1
            assert ctx.get(dut.valid) == sum(1 << k for k in kept)

    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()
    assert restored > 5
    assert refused > 0
