"""Injected jitter is recovered: random, deterministic, of the pattern, of the duty cycle."""

import numpy as np
import pytest

from lightloom.cosim.measure import jitter

SAMPLES = 16
RAMP = 0.2
"""Half of an edge's length in UI; its slope is even, so that linear interpolation is exact."""


def edge_waveform(times, rising, symbols):
    """Ramps between -1 and 1 at given times, at least 0.6 UI apart."""
    grid = np.arange(symbols * SAMPLES) / SAMPLES
    after = np.clip(np.searchsorted(times, grid), 1, len(times) - 1)
    nearest = np.where(grid - times[after - 1] < times[after] - grid, after - 1, after)
    sign = np.where(rising[nearest], 1.0, -1.0)
    return np.clip((grid - times[nearest]) / RAMP, -1, 1) * sign


def random_edges(symbols, seed):
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, symbols)
    at = np.flatnonzero(np.diff(bits)) + 1
    return rng, at.astype(float), bits[at] == 1


@pytest.mark.parametrize(
    ("rj", "dj"), [(0.01, 0.02), (0.01, 0.05), (0.02, 0.15), (0.005, 0.1), (0.03, 0.06)]
)
def test_dual_dirac_recovers_injected_jitter_within_5_percent(rj, dj):
    rng, at, rising = random_edges(300_000, seed=11)
    offset = rj * rng.standard_normal(len(at)) + dj / 2 * rng.choice([-1, 1], len(at))
    x = edge_waveform(at + offset, rising, 300_000)
    found = jitter.measure(jitter.crossings(x, SAMPLES, 0.0))
    assert found.edges == len(at)
    assert found.rj_ui == pytest.approx(rj, rel=0.05)
    assert found.dj_ui == pytest.approx(dj, rel=0.05)
    assert found.rms_ui == pytest.approx(np.hypot(rj, dj / 2), rel=0.02)
    # 7.0345 deviations of a normal distribution hold all but 1e-12 of either side
    assert found.model.total(1e-12, weight=2.0) == pytest.approx(dj + 14.069 * rj, rel=0.05)


def test_random_jitter_alone_is_not_taken_for_deterministic():
    rng, at, rising = random_edges(300_000, seed=12)
    x = edge_waveform(at + 0.02 * rng.standard_normal(len(at)), rising, 300_000)
    found = jitter.measure(jitter.crossings(x, SAMPLES, 0.0))
    assert found.rj_ui == pytest.approx(0.02, rel=0.05)
    assert found.dj_ui < 0.015


def test_a_sine_has_less_dual_dirac_jitter_than_peak_to_peak():
    rng, at, rising = random_edges(200_000, seed=13)
    offset = 0.01 * rng.standard_normal(len(at)) + 0.05 * np.sin(np.arange(len(at)) * 0.01)
    found = jitter.measure(
        jitter.crossings(edge_waveform(at + offset, rising, 200_000), SAMPLES, 0.0)
    )
    assert 0.06 < found.dj_ui < 0.095
    assert found.rj_ui > 0.01


def test_pattern_and_duty_cycle_are_told_from_random_jitter():
    rng = np.random.default_rng(14)
    print("seed 14")
    bits = np.tile(rng.integers(0, 2, 127), 600)
    at = np.flatnonzero(np.diff(bits)) + 1
    rising = bits[at] == 1
    # an edge after a run of one comes early, and rising ones late
    run = np.diff(at, prepend=at[0] - 2)
    fixed = np.where(run == 1, -0.03, 0.0) + np.where(rising, 0.02, -0.02)
    offset = fixed + 0.01 * rng.standard_normal(len(at))
    x = edge_waveform(at + offset, rising, len(bits))
    found = jitter.measure(jitter.crossings(x, SAMPLES, 0.0), period=127)
    assert found.ddj_ui == pytest.approx(np.ptp(fixed[rising]) + 0.04, abs=0.004)
    assert found.dcd_ui == pytest.approx(fixed[rising].mean() - fixed[~rising].mean(), abs=0.001)
    assert found.rj_ui == pytest.approx(0.01, rel=0.05)


def test_a_filter_of_one_pole_moves_edges_as_its_exponential_does():
    # y decays to the bits; a crossing after a long run against one after a single bit
    tau = 0.35
    rng = np.random.default_rng(15)
    print("seed 15")
    n = 64
    bits = np.tile(2.0 * rng.integers(0, 2, 255) - 1, 4)
    y, state, decay = [], -1.0, np.exp(-1 / (n * tau))
    for bit in bits:
        for _ in range(n):
            state = bit + (state - bit) * decay
            y.append(state)
    found = jitter.measure(jitter.crossings(np.array(y[255 * n :]), n, 0.0), period=255)
    e = np.exp(-1 / tau)

    def crossing(start):
        return tau * np.log(1 + start)

    # from the steady state, and from a single bit against a long run before it
    expected = crossing(1.0) - crossing(1 - 2 * e)
    assert found.ddj_ui == pytest.approx(expected, rel=0.05)
    assert found.rj_ui < 2e-3


def test_what_cannot_be_split_is_refused():
    _, at, rising = random_edges(1000, seed=16)
    edges = jitter.Edges(at, rising)
    with pytest.raises(ValueError, match="period = 600; allowed: half of the symbols seen or less"):
        jitter.measure(edges, period=600)
    with pytest.raises(ValueError, match="100 samples; allowed: 200 or more"):
        jitter.measure(jitter.Edges(at[:100], rising[:100]))
    with pytest.raises(ValueError, match="0 edges; allowed: 1 or more"):
        jitter.interval_error(np.zeros(0))
