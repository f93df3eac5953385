import numpy as np
import pytest

from lightloom.cosim import waveforms

POINTS = 32


def folded(bits, shape):
    """Symbols of height +-1 times a pulse shape over one symbol."""
    return np.outer(2.0 * np.asarray(bits) - 1.0, shape)


def test_a_square_wave_is_open_over_the_whole_symbol():
    eye = waveforms.opening(folded([0, 1, 1, 0], np.full(POINTS, 0.2)))
    assert eye.height_v == pytest.approx(0.4)
    assert eye.width_ui == 1.0


def test_height_and_width_of_a_sine_follow_the_closed_form():
    time = (np.arange(POINTS) - POINTS // 2) / POINTS
    eye = waveforms.opening(folded([0, 1] * 50, np.cos(np.pi * time) - 0.5))
    # cos(pi t) > 1/2 between -1/3 and 1/3
    assert eye.height_v == pytest.approx(1.0)
    assert eye.width_ui == pytest.approx(2 / 3, abs=2 / POINTS)


def test_one_bad_symbol_closes_the_eye():
    wave = folded([0, 1] * 50, np.full(POINTS, 0.2))
    wave[7, POINTS // 2 :] = 0.01
    eye = waveforms.opening(wave)
    assert eye.height_v == pytest.approx(0.21)
    wave[7, POINTS // 2 + 3 :] = -0.01
    assert waveforms.opening(wave).width_ui == pytest.approx((POINTS // 2 + 3) / POINTS)
    assert waveforms.opening(np.ones((5, POINTS))) == waveforms.Opening(0.0, 0.0)


def test_density_counts_every_point_once_a_column():
    wave = np.random.default_rng(3).normal(size=(50, POINTS))
    counts, (low, high) = waveforms.density(wave, 20)
    assert counts.shape == (20, 2 * POINTS)
    assert (counts.sum(axis=0) == 49).all()
    assert low == -high
    assert high > np.abs(wave).max()
