"""Distance of noise impulses: against the sum it stands for, filters with known answers, limits."""

import numpy as np
import pytest

from lightloom.cosim import noise


def bank(bandwidth, samples_per_ui, phases=8, symbols=16):
    """Gaussian response whose 3 dB bandwidth is a part of the symbol rate, `[phase, tap]`."""
    sigma = np.sqrt(np.log(2)) / (2 * np.pi * bandwidth)
    t = np.arange(symbols * samples_per_ui * phases) / (samples_per_ui * phases) - symbols / 2
    response = np.exp(-(t**2) / (2 * sigma**2))
    return response.reshape(-1, phases).T


def test_error_of_a_gaussian_filter_is_that_of_poisson_summation():
    # h^2 is a Gaussian of deviation s / sqrt(2): sums over a grid ripple by 2 exp(-(pi s / T)^2)
    n, bandwidth = 8, 0.6
    sigma = np.sqrt(np.log(2)) / (2 * np.pi * bandwidth)
    found = noise.covariance_error(bank(bandwidth, n), n, 4)
    spacing = 4 / n
    expected = 2 * np.exp(-((np.pi * sigma / spacing) ** 2))
    assert found == pytest.approx(expected, rel=0.1)


def test_wide_filters_need_every_impulse_and_narrow_ones_do_not():
    assert noise.impulse_distance(bank(3.0, 8), 8) == 1
    assert noise.impulse_distance(bank(0.4, 8), 8) == 2
    assert noise.impulse_distance(bank(0.4, 16), 16) == 4
    assert noise.impulse_distance(bank(0.4, 4), 4) == 1, "at least four a symbol"
    assert noise.impulse_distance(bank(0.6, 8), 8, tolerance=1e-9) == 1


def test_filtered_noise_keeps_its_covariance():
    n, every, symbols = 8, 2, 200_000
    rows = bank(0.5, n, symbols=8)
    rng = np.random.default_rng(5)
    found = []
    for distance in (1, every):
        impulses = np.zeros(symbols * n)
        drawn = rng.standard_normal(symbols * n // distance)
        impulses[::distance] = np.sqrt(distance) * drawn
        at = np.convolve(impulses, rows[3])[len(rows[3]) :: n][: symbols - 16]
        found.append([float(np.mean(at[lag:] * at[: len(at) - lag])) for lag in range(3)])
    variance = found[0][0]
    # standard error of a covariance of so many samples, and the change that is allowed
    slack = 4 * np.sqrt(2 * 2 / symbols) + noise.TOLERANCE
    assert np.abs(np.subtract(*found)).max() < slack * variance
