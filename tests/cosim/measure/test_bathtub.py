"""Slices, bathtubs and contours against Gaussian closed forms and counted samples."""

import numpy as np
import pytest
from scipy import special

from lightloom.cosim.measure import bathtub, contours
from lightloom.cosim.measure.slices import Slice

PHASES = np.linspace(-0.5, 0.5, 41)


def parabola(phase, sigma=0.05, levels=2):
    """An eye without interference, `1 - (2 phase)^2` of its height open."""
    ideal = np.linspace(-1, 1, levels)
    return Slice(phase, ideal * (1 - (2 * phase) ** 2), np.full(levels, sigma), np.arange(levels))


def test_rates_are_the_gaussian_tails_of_each_level():
    one = Slice(0.0, np.array([-1.0, -0.4, 0.2, 1.0]), np.array([0.05, 0.1, 0.2, 0.3]),
                np.arange(4))  # fmt: skip
    found = one.rates(np.array([-0.1]))
    tails = special.ndtr(np.array([-0.9 / 0.05, -0.3 / 0.1, -0.3 / 0.2, -1.1 / 0.3]))
    expected = (
        (tails[0] + (1 - tails[1]) + (1 - tails[2]) + (1 - tails[3])) / 4,
        tails.sum() / 4,
        (tails[0] + tails[1] + (1 - tails[2]) + tails[3]) / 4,
    )
    # of the levels above the threshold that should be below it, and the reverse
    assert found[1, 0] == pytest.approx(expected[1], rel=1e-9)
    assert found[0, 0] == pytest.approx((tails[0] + 1 - tails[1] + tails[2] + tails[3]) / 4)
    assert found[2, 0] == pytest.approx((tails[0] + tails[1] + 1 - tails[2] + tails[3]) / 4)


def test_gathering_symbols_keeps_their_tails():
    rng = np.random.default_rng(3)
    print("seed 3")
    symbols = rng.integers(0, 2, 3000)
    mean = 2.0 * symbols - 1 + 0.2 * rng.uniform(-1, 1, 3000)
    deviation = rng.uniform(0.08, 0.12, 3000)
    one = Slice(0.0, mean, deviation, symbols)
    for threshold in (-0.3, 0.0, 0.4):
        wrong = np.where(symbols == 0, mean - threshold, threshold - mean) / deviation
        found = one.rates(np.array([threshold]))[0, 0]
        assert found == pytest.approx(special.ndtr(wrong).mean(), rel=0.1)
    with pytest.raises(ValueError, match="no symbol of level 0; allowed: some of each"):
        Slice(0.0, mean, deviation, np.ones(3000, int)).gathered()


def test_a_bathtub_is_what_is_counted():
    rng = np.random.default_rng(4)
    print("seed 4")
    # edges of 0.4 UI with noise: levels between, where a transition is under way
    bits = rng.integers(0, 2, 4096)
    before, after = np.roll(bits, 1), np.roll(bits, -1)
    slices = []
    for phase in PHASES:
        into = np.clip((phase + 0.7) / 0.4, 0, 1)
        out = np.clip((phase - 0.3) / 0.4, 0, 1)
        mean = 2 * (before * (1 - into) + bits * (into - out) + after * out) - 1
        slices.append(Slice(phase, mean, np.full(len(bits), 0.3), bits))
    curve = bathtub.bathtub(slices, [0.0])
    for n in (4, 8, 20, 34):
        noisy = slices[n].mean + 0.3 * rng.standard_normal((500, len(bits)))
        counted = ((noisy > 0) != bits).mean()
        assert curve.rate[n] == pytest.approx(counted, rel=0.05)
    assert curve.rate.min() == pytest.approx(special.ndtr(-1 / 0.3), rel=0.02)


@pytest.mark.parametrize(("rj", "dj"), [(0.01, 0.1), (0.02, 0.05), (0.015, 0.0)])
def test_jitter_of_a_bathtub_is_that_of_its_edges(rj, dj):
    tails = [special.ndtr(-(x - dj / 2) / rj) / 4 + special.ndtr(-(x + dj / 2) / rj) / 4
             for x in (PHASES + 0.5, 0.5 - PHASES)]  # fmt: skip
    curve = bathtub.Curve(PHASES, tails[0] + tails[1])
    model = curve.dual_dirac()
    if dj:
        assert model.rj == pytest.approx(rj, rel=0.02)
        assert model.dj == pytest.approx(dj, rel=0.03)
    # without deterministic jitter half of the weight is missing, and lines take its place
    assert 1 - curve.opening(1e-12) == pytest.approx(dj + 2 * 6.94 * rj, rel=0.03)
    assert model.total(1e-12) == pytest.approx(1 - curve.opening(1e-12), rel=0.02)
    assert curve.opening(1e-3) > curve.opening(1e-9) > 0
    assert curve.opening(1e-301) == 0
    with pytest.raises(ValueError, match=r"least rate = 1.0e-06; allowed: 1e-08 or less"):
        bathtub.Curve(PHASES, np.maximum(curve.rate, 1e-6)).dual_dirac()
    half = bathtub.Curve(PHASES[10:], curve.rate[10:])
    with pytest.raises(ValueError, match=r"at an end; allowed: 0.0001 or more"):
        half.dual_dirac()


def test_over_the_threshold_the_rate_is_least_between_the_levels():
    at = np.linspace(-0.9, 0.9, 181)
    curve = bathtub.over_threshold(parabola(0.0, 0.1), 0, at)
    assert curve.x[curve.rate.argmin()] == pytest.approx(0.0, abs=1e-9)
    # a tail of either level, which holds half of the symbols
    q = -special.ndtri(2e-9)
    assert curve.opening(1e-9) == pytest.approx(2 * (1 - 0.1 * q), rel=1e-3)


@pytest.mark.parametrize("levels", [2, 4])
def test_contours_follow_the_closed_form(levels):
    sigma = 0.02
    rates = (1e-3, 1e-6, 1e-12)
    found = contours.contours([parabola(p, sigma, levels) for p in PHASES], rates)
    assert len(found) == len(rates) * (levels - 1)
    for contour in found:
        # each of the two levels beside the eye holds one symbol of `levels`
        q = -special.ndtri(contour.rate * levels)
        step = 2 / (levels - 1)
        middle = -1 + step * (contour.eye + 0.5)
        expected = step - 2 * sigma * q
        assert contour.height_at(0.0) == pytest.approx(expected, rel=0.01)
        assert contour.height == pytest.approx(expected, rel=0.01)
        centre = np.argmin(abs(contour.phase_ui))
        assert (contour.low + contour.high)[centre] / 2 == pytest.approx(middle, abs=2e-3)
        width = np.sqrt(1 - 2 * sigma * q / step)
        assert np.all(np.diff(contour.phase_ui) > 0)
        assert contour.low[0] == contour.high[0]
        assert contour.low[-1] == contour.high[-1]
        if levels == 2:  # outer eyes of more levels move with the phase
            assert contour.width_ui == pytest.approx(width, abs=0.01)
    inner = [c.height for c in found if c.eye == 0]
    assert inner == sorted(inner, reverse=True)


def test_a_closed_eye_has_no_contour():
    (found,) = contours.contours([parabola(p, 0.4) for p in PHASES], [1e-12])
    assert found.height == found.width_ui == found.height_at(0.0) == 0.0
