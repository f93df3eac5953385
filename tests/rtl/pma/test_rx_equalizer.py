"""Equalizer against a convolution and a serial slicer, word boundaries included."""

import itertools

import numpy as np
import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.rx_equalizer import RxEqualizer


@pytest.mark.parametrize("modulation", ["nrz", "pam4"])
@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize(
    ("width", "bits", "taps"), [(16, 6, 3), (8, 4, 5), (64, 6, 3), (16, 8, 1), (8, 8, 16)]
)
def test_decisions(pack, width, bits, taps, feedback, modulation):
    seed = width * bits + taps
    rng = np.random.default_rng(seed)
    c = RxFormat(width=width, sample_bits=bits, ffe_taps=taps, dfe=feedback, modulation=modulation)
    top = 2 ** (bits - 1)
    words = 40
    x = rng.integers(-top, top, width * words)
    side = [int(tap) for tap in rng.integers(-c.TAP_LIMIT, c.TAP_LIMIT, taps - 1)]
    tap = int(rng.integers(-c.dfe_limit, c.dfe_limit + 1)) if feedback else 0
    print("seed", seed, "taps", side, "feedback", tap)

    # Oracle: the whole line at once in floating point, then one decision after the other.
    kernel = np.array([*side[: c.pre], 64, *side[c.pre :]])
    full = np.convolve(x, kernel)[c.pre : c.pre + len(x)]
    values = np.floor(full / 16 + 0.5)
    # Levels apart from each other and not even, as a compressed and shifted eye has them.
    outer = 2 ** (bits - 1) * 4 * 3 // 5
    levels = [-outer, -outer // 3 - 3, outer // 4 - 2, outer + 1]
    levels = levels if c.pam4 else [-outer, outer]
    bounds = [(low + high) // 2 for low, high in itertools.pairwise(levels)] if c.pam4 else [0]
    above = c.levels - 1

    def decide(value, before):
        return sum(value >= bound + tap * (2 * before - above) for bound in bounds)

    # The symbol before the line is not defined, so the comparison starts where it does not matter.
    def clear(value):
        return len({decide(value, before) for before in range(c.levels)}) == 1

    start = next(k for k, value in enumerate(values) if clear(value))
    expected, before = [], 0
    for value in values[start:]:
        before = decide(value, before)
        expected.append(before)

    dut = RxEqualizer(c)
    got, seen_values, seen_samples, negative = [], [], [], []

    def items(packed, size, count):
        raw = [packed >> k * size & (2**size - 1) for k in range(count)]
        return [v - 2**size if v >> (size - 1) else v for v in raw]

    async def process(ctx):
        ctx.set(dut.taps, pack(side, c.tap_bits))
        ctx.set(dut.dfe, tap)
        ctx.set(dut.levels, pack(levels, c.level_bits + 1))
        # PAM4 registers its thresholds.
        await ctx.tick().repeat(2)
        for k in range(words + c.equalizer_latency - 1):
            ctx.set(dut.samples, pack(x[k * width : (k + 1) * width], bits))
            await ctx.tick()
            if k >= c.equalizer_latency - 1:
                high, low = ctx.get(dut.decisions), ctx.get(dut.low)
                factor = 2 if c.pam4 else 1
                got.extend(factor * (high >> s & 1) + (low >> s & 1) for s in range(width))
                seen_values.append(items(ctx.get(dut.observed_values), c.value_bits, c.observed))
                seen_samples.append(items(ctx.get(dut.observed_samples), bits, c.observed + 1))
                negative.append(ctx.get(dut.negative))

    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()
    assert got[start:] == expected[: len(got) - start]
    assert 0.2 < np.mean(got) / above < 0.8
    assert set(got) == set(range(c.levels))
    for k in range(words):
        at = k * width
        assert seen_values[k] == values[at + 1 : at + 1 + c.observed].tolist()
        assert seen_samples[k] == x[at : at + c.observed + 1].tolist()
        line = np.concatenate([np.zeros(width * 2, np.int64), x, np.zeros(width, np.int64)])
        start_ = k * width + 1 - c.post + 2 * width
        signs = line[start_ : start_ + c.observed + c.pre + c.post] < 0
        assert negative[k] == sum(int(s) << i for i, s in enumerate(signs))
