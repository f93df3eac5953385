"""Observer: the timing error means what Mueller and Muller say, and signs are those of errors."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.observer import Observer

CONFIG = RxFormat(width=16)


PAM4 = RxFormat(width=16, modulation="pam4", sample_bits=8)


def run_pam4(x, y, d, dfe, levels, coarse, pack):
    """Observations of words of samples, values and level numbers."""
    c = PAM4
    dut = Observer(c)
    out = []

    async def process(ctx):
        ctx.set(dut.dfe, dfe)
        ctx.set(dut.levels, pack(levels, c.level_bits + 1))
        ctx.set(dut.coarse, coarse)
        for k in range(0, len(x), c.width):
            ctx.set(dut.decisions, pack(d[k : k + c.width] >> 1, 1))
            ctx.set(dut.low, pack(d[k : k + c.width] & 1, 1))
            ctx.set(dut.observed_samples, pack(x[k : k + c.observed + 1], c.sample_bits))
            ctx.set(dut.observed_values, pack(y[k + 1 : k + 1 + c.observed], c.value_bits))
            await ctx.tick()
            names = ("timing", "magnitude", "small", "rising", "before", "high", "odd")
            out.append({name: ctx.get(getattr(dut, name)) for name in names})

    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()
    return out


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


@pytest.mark.parametrize("coarse", [False, True])
def test_timing_error_of_pam4(pack, coarse):
    rng = np.random.default_rng(5)
    d = rng.integers(0, 4, 16 * 2000)
    symbols = 2 * d - 3
    pre, main, post = 4, 20, 1
    x = np.convolve(symbols, [pre, main, post], mode="same")
    levels = [-240, -80, 80, 240]
    seen = run_pam4(x, 4 * x, d, 0, levels, coarse, pack)
    mean = np.mean([word["timing"] for word in seen]) / PAM4.observed
    # Mean of the product of a symbol with itself, or with twice its sign.
    assert abs(mean - (pre - post) * (4 if coarse else 5)) < (2 if coarse else 1)
    if not coarse:
        clean = run_pam4(20 * symbols, 80 * symbols, d, 0, levels, coarse, pack)
        assert {word["timing"] for word in clean} == {0}
        magnitudes = [word["magnitude"] for word in clean]
        assert set(magnitudes) == {20, 30, 40, 50, 60}
        assert abs(np.mean(magnitudes) - 40) < 1


def test_signs_of_pam4_are_those_of_the_error(pack):
    rng = np.random.default_rng(10)
    d = rng.integers(0, 4, 16 * 200)
    y = rng.integers(-500, 500, len(d))
    dfe, levels = -21, [-310, -90, 101, 299]
    error = y - dfe * (2 * np.roll(d, 1) - 3) - np.array(levels)[d]
    reach = (levels[3] - levels[0]) // 8
    for k, word in enumerate(run_pam4(0 * y, y, d, dfe, levels, False, pack)):
        for n in range(PAM4.observed):
            at = k * 16 + 1 + n
            assert word["rising"] >> n & 1 == (error[at] >= 0)
            assert word["small"] >> n & 1 == (abs(error[at]) >= reach)
            assert word["before"] >> n & 1 == d[at - 1] >> 1
            assert word["high"] >> n & 1 == d[at] >> 1
            assert word["odd"] >> n & 1 == d[at] & 1
