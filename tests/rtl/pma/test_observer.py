"""Observer: the timing error means what Mueller and Muller say, and signs are those of errors."""

import numpy as np
from amaranth.sim import Simulator

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.observer import Observer

CONFIG = RxFormat(width=16)


def run(x, y, d, dfe, level, pack):
    """Observations of words of samples, values and decisions."""
    c = CONFIG
    dut = Observer(c)
    out = []

    async def process(ctx):
        ctx.set(dut.dfe, dfe)
        ctx.set(dut.levels, pack([-level, level], c.level_bits + 1))
        ctx.set(dut.small_below, 10)
        for k in range(0, len(x), c.width):
            at = k
            ctx.set(dut.decisions, pack(d[k : k + c.width], 1))
            ctx.set(dut.observed_samples, pack(x[at : at + c.observed + 1], c.sample_bits))
            ctx.set(dut.observed_values, pack(y[at + 1 : at + 1 + c.observed], c.value_bits))
            await ctx.tick()
            names = ("timing", "magnitude", "small", "above", "rising", "before")
            out.append({name: ctx.get(getattr(dut, name)) for name in names})

    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()
    return out


def test_timing_error_is_the_difference_of_the_neighbours(pack):
    rng = np.random.default_rng(4)
    d = rng.integers(0, 2, 16 * 400)
    pre, main, post, dfe, level = 5, 16, 2, 0, 64
    x = np.convolve(2 * d - 1, [pre, main, post], mode="same")
    seen = run(x, 4 * x, d, dfe, level, pack)
    mean = np.mean([word["timing"] for word in seen]) / CONFIG.observed
    assert abs(mean - (pre - post)) < 0.3
    # A line without interference gives no timing noise at all.
    clean = run(16 * (2 * d - 1), 64 * (2 * d - 1), d, dfe, level, pack)
    assert {word["timing"] for word in clean} == {0}
    assert {word["magnitude"] for word in clean} == {16}


def test_signs_are_those_of_the_error(pack):
    rng = np.random.default_rng(9)
    d = rng.integers(0, 2, 16 * 100)
    y = rng.integers(-120, 120, len(d))
    dfe, level = 21, 60
    levels = 2 * d - 1
    z = y - dfe * np.roll(levels, 1)
    error = z - level * levels
    for k, word in enumerate(run(np.clip(y // 4, -32, 31), y, d, dfe, level, pack)):
        for n in range(CONFIG.observed):
            at = k * 16 + 1 + n
            margin = z[at] * levels[at]
            assert word["small"] >> n & 1 == (margin < 10)
            assert word["above"] >> n & 1 == (margin >= level)
            assert word["before"] >> n & 1 == d[at - 1]
            if error[at] != 0:
                assert word["rising"] >> n & 1 == (error[at] > 0)
