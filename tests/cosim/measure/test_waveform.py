"""The pattern's defining properties, the reference filter against scipy's, periodic resampling."""

import numpy as np
import pytest
from scipy import signal

from lightloom.cosim.measure import waveform as wf


def test_prbs13_is_of_maximal_length():
    bits = wf.prbs13()
    assert len(bits) == 8191
    assert bits.sum() == 4096
    windows = np.lib.stride_tricks.sliding_window_view(np.append(bits, bits[:12]), 13)
    assert len(np.unique(windows, axis=0)) == 8191


def test_prbs13q_has_the_runs_of_the_outer_levels_and_all_levels_alike():
    from lightloom.cosim.measure.levels import longest_runs

    symbols = wf.pattern(4)
    assert longest_runs(symbols, 3)[0] == 7
    assert longest_runs(symbols, 0)[0] == 6
    assert sorted(np.bincount(symbols)) == [2047, 2048, 2048, 2048]
    with pytest.raises(ValueError, match="levels = 3; allowed: 2, 4"):
        wf.pattern(3)


@pytest.mark.parametrize("levels", [2, 4])
def test_the_balanced_pattern_has_all_levels_alike(levels):
    from lightloom.cosim.measure.levels import longest_runs

    symbols = wf.balanced(levels)
    assert np.bincount(symbols).tolist() == [8192 // levels] * levels
    runs = [longest_runs(symbols, level)[0] for level in (0, levels - 1)]
    assert runs == ([13, 13] if levels == 2 else [6, 7])
    if levels == 2:  # every word of 13 bits once
        windows = np.lib.stride_tricks.sliding_window_view(np.append(symbols, symbols[:12]), 13)
        assert len(np.unique(windows, axis=0)) == 8192


@pytest.mark.parametrize("bandwidth", [0.5, 0.75])
def test_reference_filter_is_a_bessel_filter(bandwidth):
    b, a = signal.bessel(4, 2 * np.pi * bandwidth, analog=True, norm="mag")
    f = np.linspace(0, 4, 200)
    _, expected = signal.freqs(b, a, 2 * np.pi * f)
    np.testing.assert_allclose(wf.bessel_thomson(bandwidth)(f), expected, atol=1e-9)


def test_resampling_keeps_a_band_limited_waveform():
    t = np.arange(64 * 4) / 4
    symbols = np.arange(64) % 2

    def shape(at):
        return 1 + np.sin(2 * np.pi * at * 9 / 64) + 0.3 * np.cos(2 * np.pi * at * 50 / 64)

    fine = wf.Waveform(shape(t), symbols, 2).resampled(12)
    np.testing.assert_allclose(fine.power, shape(np.arange(64 * 12) / 12), atol=1e-12)
    with pytest.raises(ValueError, match="samples_per_ui = 8; allowed: 12 or more"):
        fine.resampled(8)


def test_alignment_finds_a_delay():
    symbols = wf.pattern(4)
    w = wf.Waveform(np.roll(np.repeat(symbols + 1.0, 8), 37), symbols, 4)
    np.testing.assert_array_equal(w.aligned().power, np.repeat(symbols + 1.0, 8))


@pytest.mark.parametrize(
    ("power", "symbols", "levels", "message"),
    [
        (np.ones(8), [0, 1], 3, "levels = 3; allowed: 2, 4"),
        (np.ones(7), [0, 1], 2, "7 samples of 2 symbols; allowed: a whole number a symbol"),
        (np.ones(8), [0, 2], 2, "symbols 0 to 2; allowed: 0 to 1"),
    ],
)
def test_bad_waveforms_are_refused(power, symbols, levels, message):
    with pytest.raises(ValueError, match=message):
        wf.Waveform(power, np.array(symbols), levels)
