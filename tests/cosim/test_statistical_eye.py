"""The statistical eye against convolved cursors, where a link is linear and its noise even."""

import numpy as np
import pytest
from scipy import signal, special

from lightloom.cosim import model_eye
from lightloom.cosim import statistics as st
from lightloom.cosim.coefficients import build
from lightloom.cosim.equalizer import Equalizer
from lightloom.cosim.measure import bathtub
from lightloom.cosim.measure.bathtub import q_scale
from lightloom.cosim.statistical_eye import statistical_eye

LANE = 0
BINS = 1 << 14


def linear(synthetic, levels):
    """A modulator that follows its drive, noise that does not, a sampler without steps."""
    design = synthetic.make(switch={"topology": "none"}, serdes={"lanes": 1})
    c = build(design, synthetic.optical_model(design)).with_(
        levels=levels, adc_bits=16, volts_per_step=1e-5, baseline_rate=1e-9
    )
    n = c.samples_per_ui
    c = c.with_(noise=np.array([c.noise[0] * (0.3 if levels == 2 else 0.06), 0.0, 0.0]))
    sent = st.random_levels(c, np.random.default_rng(5), 512)
    impulses = np.zeros((sent.shape[1], n))
    impulses[:, 0] = sent[0]
    shape = c.tx_response / c.tx_response.sum() * n
    drive = signal.fftconvolve(impulses.ravel(), shape)[: impulses.size]
    middle, swing = 30e-6, 12e-6
    return c, st.Pattern(sent, (0,), (middle + swing * drive)[None]), swing * shape


def convolved(c, pulse, fraction, thresholds):
    """Rates of each eye by FFT of the cursors' distributions, `[eye, threshold]`."""
    n = c.samples_per_ui
    whole, taps = st.receive_taps(c, fraction)
    # what a single symbol of 1 leaves in the samples, a symbol apart
    cursors = np.convolve(taps, pulse)[whole::n]
    main = int(np.argmax(cursors))
    span = 4 * np.abs(cursors).sum()
    step = span / BINS
    spectrum = np.ones(BINS // 2 + 1, complex)
    symbols = np.linspace(-1, 1, c.levels)
    for k, cursor in enumerate(cursors):
        if k == main:
            continue
        mass = np.zeros(BINS)
        for a in symbols:
            place = a * cursor / step
            low = int(np.floor(place))
            for at, part in ((low, 1 - (place - low)), (low + 1, place - low)):
                mass[at % BINS] += part / c.levels
        spectrum *= np.fft.rfft(mass)
    spread = np.maximum(np.fft.irfft(spectrum, BINS), 0.0)
    value = np.fft.fftfreq(BINS, 1 / BINS) * step
    deviation = np.sqrt(c.noise[0] * c.noise_every * _squares(taps, c, whole))
    rates = np.zeros((c.levels - 1, len(thresholds)))
    for k, t in enumerate(thresholds):
        for level, a in enumerate(symbols):
            away = (t - value - a * cursors[main]) / deviation
            for eye in range(c.levels - 1):
                tail = special.ndtr(away) if level > eye else special.ndtr(-away)
                rates[eye, k] += float(spread @ tail) / c.levels
    return rates


def _squares(taps, c, whole):
    """Sum of squares of the taps that meet an impulse of noise."""
    return float((taps[whole % c.noise_every :: c.noise_every] ** 2).sum())


@pytest.mark.parametrize("levels", [2, 4])
def test_a_linear_link_has_the_eye_of_its_convolved_cursors(synthetic, levels):
    c, p, pulse = linear(synthetic, levels)
    limits = (0.0,) if levels == 2 else (-1.0, 0.0, 1.0)
    e = Equalizer(thresholds=limits)
    best = st.adapt(c, p, LANE, taps=1, dfe=False, phases=32)
    made = model_eye.slices(c, p, LANE, best.fraction_ui, (e,), phases=9, symbols=32768)[0]
    eye = statistical_eye(made, levels=25)
    for offset in (-0.125, 0.0, 0.125):
        column = int(np.argmin(np.abs(eye.phase_ui - offset)))
        expected = convolved(c, pulse, (best.fraction_ui + offset) % 1.0, eye.level_v)
        got = eye.rate[:, :, column]
        reached = (expected > 1e-7) & (expected < 0.4)
        assert reached.sum() > 8 * (levels - 1)
        np.testing.assert_allclose(q_scale(got[reached]), q_scale(expected[reached]), atol=0.06)
    assert expected.min() < (1e-4 if levels == 2 else 1e-2)


def test_its_bathtubs_are_those_of_its_slices(synthetic):
    design = synthetic.make(switch={"topology": "none"}, engine={"laser_power_dbm": -4.0})
    c = build(design, synthetic.optical_model(design))
    p = st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=4096)
    best = st.adapt(c, p, LANE, phases=16)
    made = model_eye.slices(c, p, LANE, best.fraction_ui, (best.equalizer,), phases=17)[0]
    eye = statistical_eye(made, levels=401)
    assert eye.rate.shape == (1, 401, 17)
    expected = bathtub.bathtub(made, [0.0])
    got = eye.over_phase([0.0])
    np.testing.assert_allclose(q_scale(got.rate), q_scale(expected.rate), atol=0.03)
    over = bathtub.over_threshold(made[8], 0, eye.level_v)
    np.testing.assert_allclose(eye.over_level(0).rate, np.clip(over.rate, 1e-300, 1), rtol=1e-12)
    assert eye.height_v(1e-6) == pytest.approx(over.opening(1e-6))
    assert 0 < eye.height_v(1e-9) < eye.height_v(1e-6)
    assert np.array_equal(eye.whole, eye.rate[0])
