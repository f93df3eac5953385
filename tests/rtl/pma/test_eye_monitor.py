"""Eye monitor: counts equal to the model, the walk of the phase, and the tail of a Gauss curve."""

import numpy as np
import pytest
from amaranth.sim import Simulator
from scipy.stats import norm

from lightloom.rtl.pma.eye_monitor import EyeMonitor, count
from lightloom.rtl.pma.formats import RxFormat


def simulate(dut, process):
    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()


@pytest.mark.parametrize(
    ("modulation", "eye", "dfe"),
    [("nrz", 0, True), ("nrz", 0, False), ("pam4", 0, True), ("pam4", 1, True), ("pam4", 2, False)],
)
def test_counts_are_the_models(pack, modulation, eye, dfe):
    rng = np.random.default_rng(eye + dfe)
    c = RxFormat(width=16, modulation=modulation, dfe=dfe)
    dut = EyeMonitor(c)
    tap, offset, words = (9 if dfe else 0), -13, 20

    async def process(ctx):
        ctx.set(dut.dfe, tap)
        ctx.set(dut.eye, eye)
        ctx.set(dut.offset, offset)
        ctx.set(dut.words, words)
        hits = above = 0
        for k in range(words + 4):
            values = rng.integers(-100, 100, c.observed)
            levels = rng.integers(0, c.levels, c.width)
            ctx.set(dut.observed_values, pack(values, c.value_bits))
            high = levels >> 1 if c.pam4 else levels
            ctx.set(dut.decisions, pack(high, 1))
            ctx.set(dut.low, pack(levels & 1 if c.pam4 else 0 * levels, 1))
            ctx.set(dut.start, k == 0)
            if 2 <= k < words + 2:
                more = count(
                    values.tolist(),
                    levels.tolist(),
                    top=c.levels - 1,
                    dfe=tap,
                    eye=eye,
                    offset=offset,
                )
                hits, above = hits + more[0], above + more[1]
            await ctx.tick()
            assert ctx.get(dut.busy) == (k < words + 2)
        assert (ctx.get(dut.hits), ctx.get(dut.above)) == (hits, above)
        assert hits > 20
        assert above > 20

    simulate(dut, process)


def test_phase_walks_and_the_count_waits_for_it(pack):
    c = RxFormat(width=16)
    dut = EyeMonitor(c)

    async def process(ctx):
        ctx.set(dut.phase, -7)
        ctx.set(dut.words, 5)
        ctx.set(dut.start, 1)
        ctx.set(dut.observed_values, pack([5] * c.observed, c.value_bits))
        shifts = []
        for _ in range(7):
            await ctx.tick()
            ctx.set(dut.start, 0)
            shifts.append(ctx.get(dut.shift))
        assert shifts == [-1, -2, -3, -4, -5, -6, -7]
        await ctx.tick().repeat(dut.SETTLE - 1)
        assert ctx.get(dut.above) == 0
        assert ctx.get(dut.coast)
        await ctx.tick().repeat(5)
        assert not ctx.get(dut.busy)
        assert ctx.get(dut.above) == 5 * c.observed
        # Decisions of 0 beside values above 0 are hits.
        assert ctx.get(dut.hits) == 5 * c.observed
        ctx.set(dut.phase, 0)
        await ctx.tick().repeat(7)
        assert ctx.get(dut.shift) == 0
        assert ctx.get(dut.coast)
        await ctx.tick().repeat(dut.SETTLE - 1)
        assert not ctx.get(dut.coast)

    simulate(dut, process)


def test_scan_of_the_offset_draws_the_distribution():
    """Bathtub of the golden model against the closed form of Gaussian noise."""
    rng = np.random.default_rng(6)
    levels = rng.integers(0, 4, 40001)
    sigma, unit = 12.0, 60
    values = np.round((2 * levels[1:] - 3) * unit + rng.normal(0, sigma, 40000)).astype(int)
    for offset in (100, 110, 120, 140):
        hits, _ = count(values.tolist(), levels.tolist(), top=3, dfe=0, eye=2, offset=offset)
        # A rounded value reaches the offset from half a unit below it.
        expected = (
            norm.sf((offset - 0.5 - unit) / sigma) + norm.cdf((offset - 0.5 - 3 * unit) / sigma)
        ) * 10000
        assert hits == pytest.approx(expected, abs=4 * np.sqrt(expected) + 3)
