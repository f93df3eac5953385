"""Level figures against what the waveforms were made of, and the modulator's closed form."""

import numpy as np
import pytest

from lightloom.cosim.measure import levels
from lightloom.cosim.measure.waveform import Waveform, bessel_thomson, pattern


def held(powers, n=8, bandwidth=None):
    symbols = pattern(len(powers))
    w = Waveform(np.repeat(np.asarray(powers, float)[symbols], n), symbols, len(powers))
    return w.filtered(bessel_thomson(bandwidth)).aligned() if bandwidth else w


@pytest.mark.parametrize("bandwidth", [None, 0.5, 0.75])
@pytest.mark.parametrize(
    "powers", [(0.3, 0.7, 1.1, 1.5), (0.1, 0.2, 0.5, 1.3), (0.02, 0.4, 0.5, 0.9), (0.2, 1.7)]
)
def test_levels_are_those_that_were_sent(powers, bandwidth):
    found = levels.measure(held(powers, bandwidth=bandwidth))
    assert found.oma_dbm == pytest.approx(10 * np.log10(powers[-1] - powers[0]), abs=0.02)
    assert found.er_db == pytest.approx(10 * np.log10(powers[-1] / powers[0]), abs=0.08)
    if len(powers) == 2:
        assert found.rlm is None
        return
    low, a, b, high = powers
    steps = np.diff(powers) * 3 / (high - low)
    # the mismatch ratio by its other definition: of the steps about the middle
    middle = (low + high) / 2
    es1, es2 = (a - middle) / (low - middle), (b - middle) / (high - middle)
    expected = min(3 * es1, 3 * es2, 2 - 3 * es1, 2 - 3 * es2)
    assert found.rlm == pytest.approx(expected, abs=0.01)
    assert (abs(found.rlm - 1) < 0.01) == np.allclose(steps, 1)


@pytest.mark.parametrize("drive", [0.4, 0.8, 1.0])
def test_a_mach_zehnder_compresses_as_its_sine_does(drive):
    # even voltages about quadrature, the outer ones at +-drive of V-pi / 2
    volts = drive * np.array([-1, -1 / 3, 1 / 3, 1])
    powers = 0.02 + 0.98 * np.sin(np.pi / 4 + np.pi / 4 * volts) ** 2
    found = levels.measure(held(powers, bandwidth=0.75))
    inner = np.sin(np.pi / 2 * drive / 3) / np.sin(np.pi / 2 * drive)
    assert found.rlm == pytest.approx(2 - 3 * inner, abs=0.01)
    assert found.oma_mw == pytest.approx(0.98 * np.sin(np.pi / 2 * drive), rel=0.005)


def test_noise_on_the_levels_is_found():
    seed = 5
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    w = held((0.5, 0.8, 1.1, 1.5))
    deviation = np.array([0.01, 0.02, 0.03, 0.04])[np.repeat(w.symbols, w.samples_per_ui)]
    noisy = w.power + deviation * rng.standard_normal((60, len(w.power)))
    found = levels.rin_oma_db_per_hz(noisy, w.symbols, 4, 20e9)
    expected = 10 * np.log10((0.01**2 + 0.04**2) / 2 / (20e9 * 0.5**2))
    assert found == pytest.approx(expected, abs=0.3)
    with pytest.raises(ValueError, match="1 periods; allowed: 2 or more"):
        levels.rin_oma_db_per_hz(noisy[:1], w.symbols, 4, 20e9)


def test_dark_zeros_have_no_extinction_ratio_and_short_patterns_no_levels():
    assert levels.Levels((0.0, 1.0)).er_db == float("inf")
    with pytest.raises(ValueError, match="longest run of level 0 is 1 symbols; allowed: 3 or more"):
        levels.measure(Waveform(np.ones(8), np.array([0, 1]), 2))
    with pytest.raises(ValueError, match="level 0 in 4 of 4 symbols; allowed: some"):
        levels.measure(Waveform(np.ones(8), np.array([0, 0, 0, 0]), 2))
