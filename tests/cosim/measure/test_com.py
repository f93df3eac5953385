"""COM against closed forms, and against symbols drawn at random."""

import dataclasses

import numpy as np
import pytest
from scipy import special

from lightloom.cosim.measure import com
from lightloom.cosim.measure.com import Parameters

N = 16
CLEAN = Parameters(transmitter_snr_db=300.0, dual_dirac_ui=0.0, random_jitter_ui=0.0)


def pulse(*samples, start=4):
    """Flat pulses of one symbol each, at whole symbols."""
    return np.repeat(np.concatenate([np.zeros(start), samples, np.zeros(4)]), N)


def smooth(cursors=(0.05, 1.0, 0.2, -0.08, 0.03), spread=0.35):
    """A pulse with a slope: a Gaussian bell a symbol."""
    t = np.arange(14 * N) / N
    return 0.2 * sum(c * np.exp(-(((t - 4 - k) / spread) ** 2)) for k, c in enumerate(cursors))


@pytest.mark.parametrize("levels", [2, 4])
def test_gaussian_noise_alone_gives_the_closed_form(levels):
    p = dataclasses.replace(CLEAN, levels=levels, noise_v=0.01, error_ratio=1e-6)
    found = com.measure(pulse(0.3), N, p)
    signal = 0.95 * 0.3 / (levels - 1)
    assert found.signal_v == pytest.approx(signal)
    assert found.interference_v == pytest.approx(-special.ndtri(1e-6) * 0.01, rel=2e-3)
    assert found.db == pytest.approx(20 * np.log10(signal / (4.7534 * 0.01)), abs=0.02)
    assert found.noise_v == pytest.approx(0.01)


def test_interference_alone_reaches_its_peak():
    # three post-cursors of two levels: the largest sum has a probability of an eighth
    p = dataclasses.replace(CLEAN, levels=2, error_ratio=0.1)
    found = com.measure(pulse(1.0, 0.0, 0.1, -0.05, 0.02), N, p)
    assert found.interference_v == pytest.approx(0.17, rel=0.01)
    assert found.isi_v == pytest.approx(np.sqrt(0.1**2 + 0.05**2 + 0.02**2))
    rarer = dataclasses.replace(p, error_ratio=0.2)  # two of eight sums are at 0.13 or above
    assert com.measure(pulse(1.0, 0.0, 0.1, -0.05, 0.02), N, rarer).interference_v == (
        pytest.approx(0.13, rel=0.01)
    )


def test_dual_dirac_jitter_moves_every_slope():
    p = dataclasses.replace(CLEAN, levels=2, error_ratio=1e-12, dual_dirac_ui=0.1)
    x = smooth((0.0, 1.0, 0.0), spread=0.6)
    found = com.measure(x, N, p)
    at = np.arange(found.cursor % N + N, len(x) - 1, N)
    slope = (x[at + 1] - x[at - 1]) * N / 2
    others = x[at[at != found.cursor]]
    # the rarest of the sums is still likelier than the error ratio: the peak
    expected = np.abs(others).sum() + 0.1 * np.abs(slope).sum()
    assert 0.1 * np.abs(slope).sum() > 0.3 * expected
    assert found.interference_v == pytest.approx(expected, rel=0.02)


def test_feedback_takes_what_its_limit_allows():
    p = dataclasses.replace(CLEAN, noise_v=0.01, feedback_limits=(0.3, 0.1))
    found = com.measure(pulse(0.0, 1.0, 0.2, -0.15, 0.0), N, p)
    assert found.feedback == pytest.approx((0.2, -0.1), abs=1e-9)
    left = com.measure(pulse(0.0, 1.0, 0.0, -0.05, 0.0), N,
                       dataclasses.replace(p, feedback_limits=()))  # fmt: skip
    assert found.db == pytest.approx(left.db, abs=1e-6)


def test_transmitter_noise_scales_with_the_signal():
    p = dataclasses.replace(CLEAN, transmitter_snr_db=25.0)
    one, two = (com.measure(pulse(h), N, p).db for h in (0.1, 0.4))
    assert one == pytest.approx(two, abs=1e-6)
    expected = 20 * np.log10(0.95 / 3 / (-special.ndtri(1e-4) * 10 ** (-25 / 20)))
    assert one == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("levels", [2, 4])
def test_margin_is_that_of_drawn_symbols(levels):
    p = Parameters(
        levels=levels, error_ratio=1e-3, transmitter_snr_db=30.0, dual_dirac_ui=0.04,
        random_jitter_ui=0.02, noise_v=0.002, feedback_limits=(0.15,),
    )  # fmt: skip
    victim, aggressor = smooth(), 0.1 * smooth((0.4, 1.0, -0.6))
    found = com.measure(victim, N, p, [aggressor])
    seed, count = 21, 1_000_000
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    symbols = np.linspace(-1, 1, levels)
    at, height = found.cursor, victim[found.cursor]
    total = np.zeros(count)
    slopes = []
    for k in range(-(at // N), (len(victim) - at - 1) // N + 1):
        sample = victim[at + k * N]
        if k:
            fed_back = found.feedback[0] * height if k == 1 else 0.0
            total += (sample - fed_back) * rng.choice(symbols, count)
        here = at + k * N
        slope = (victim[min(here + 1, len(victim) - 1)] - victim[max(here - 1, 0)]) * N / 2
        slopes.append(slope)
        total += 0.04 * slope * rng.choice(symbols, count)
    columns = aggressor.reshape(-1, N)
    for sample in columns[:, (columns**2).sum(axis=0).argmax()]:
        total += sample * rng.choice(symbols, count)
    jitter = 0.02**2 * (symbols**2).mean() * np.square(slopes).sum()
    sigma = np.sqrt((height * 10 ** (-30 / 20)) ** 2 + jitter + 0.002**2)
    total += sigma * rng.standard_normal(count)
    drawn = np.quantile(np.concatenate([total, -total]), 1 - 1e-3)
    assert found.interference_v == pytest.approx(drawn, rel=0.02)
    assert found.signal_v == pytest.approx(0.95 * height / (levels - 1))
    assert found.crosstalk_v > 0


def test_the_cursor_balances_its_neighbours():
    x = smooth((0.0, 1.0, 0.3))
    at = com.cursor_of(x, N, 0.0)
    assert x[at - N] == pytest.approx(x[at + N], abs=0.01)
    # feedback of the first post-cursor: only the pre-cursor counts, sampled early no more
    assert com.cursor_of(x, N, 1.0) != at


def test_the_receivers_filter_is_a_butterworth_filter():
    from scipy import signal

    b, a = signal.butter(4, 2 * np.pi * 0.75, analog=True)
    f = np.linspace(0, 3, 50)
    _, expected = signal.freqs(b, a, 2 * np.pi * f)
    np.testing.assert_allclose(com.receiver_filter()(f), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"levels": 1}, "levels = 1; allowed: 2 or more"),
        ({"error_ratio": 0.0}, "error_ratio = 0; allowed: above 0, below 0.5"),
        ({"noise_v": -1.0}, "noise_v = -1; allowed: 0 or more"),
        ({"random_jitter_ui": -0.1}, "random_jitter_ui = -0.1; allowed: 0 or more"),
    ],
)
def test_bad_parameters_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Parameters(**values)
    with pytest.raises(ValueError, match="peak at sample 0 of 160; allowed: a positive one"):
        com.measure(-np.ones(160), N, CLEAN)
