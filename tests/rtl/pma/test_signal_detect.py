"""Signal detect: equal to its model, hysteresis, default threshold."""

import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.signal_detect import Model, SignalDetect


def simulate(dut, process):
    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_detector_is_the_model(bits):
    rng = random.Random(bits)
    dut = SignalDetect(RxFormat(sample_bits=bits))
    top = 2 ** (bits - 1)
    seen = set()

    async def process(ctx):
        model = Model()
        for k in range(1500):
            magnitude = rng.randint(0, (top, top // 3, top // 8, 0)[k // 100 % 4])
            threshold = max(1, (top // 8, top // 4)[k // 700 % 2])
            ctx.set(dut.magnitude, magnitude)
            ctx.set(dut.threshold, threshold)
            model.step(magnitude, threshold)
            await ctx.tick()
            assert ctx.get(dut.detect) == model.detect
            seen.add(model.detect)

    simulate(dut, process)
    assert seen == {False, True}


@pytest.mark.parametrize(("threshold", "least"), [(0, 16), (40, 40)])
def test_mean_reaches_the_threshold_and_may_fall_to_three_quarters(threshold, least):
    dut = SignalDetect(RxFormat(sample_bits=8))

    async def process(ctx):
        async def settle(magnitude):
            ctx.set(dut.magnitude, magnitude)
            await ctx.tick().repeat(600)
            return ctx.get(dut.detect)

        ctx.set(dut.threshold, threshold)
        assert not await settle(least - 1)
        assert await settle(least)
        assert await settle(least * 3 // 4)
        assert not await settle(least * 3 // 4 - 1)

    simulate(dut, process)
