"""Eye closure against closed forms of waveforms without intersymbol interference, and with a known
one; against measured waveforms where a package that carries them is installed."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, special

from lightloom.cosim.measure import tdecq
from lightloom.cosim.measure.waveform import Waveform, bessel_thomson, pattern

BARE = dataclasses.replace(tdecq.TDECQ, bandwidth=None)
"""Without the reference filter, so that held levels stay what they are."""
FIXED = dataclasses.replace(BARE, threshold_move=0.0)


def held(powers, n=4):
    symbols = pattern(len(powers))
    return Waveform(np.repeat(np.asarray(powers, float)[symbols], n), symbols, len(powers))


def test_q_is_the_standards():
    assert tdecq.TDECQ.q == pytest.approx(3.414, abs=1e-3)
    assert tdecq.TDEC.q == pytest.approx(3.8906, abs=1e-4)


@pytest.mark.parametrize("method", [BARE, dataclasses.replace(tdecq.TDEC, bandwidth=None)])
def test_an_ideal_transmitter_has_no_penalty(method):
    powers = np.linspace(0.4, 1.9, method.levels)
    assert tdecq.measure(held(powers), method).db == pytest.approx(0, abs=0.01)


def compressed(powers, move=0.0):
    """Penalty of levels without interference, thresholds up to `move` OMA off the even ones."""
    powers = np.asarray(powers)
    oma = powers[-1] - powers[0]
    # of the pattern's mean, whose zeros are one less
    even = held(powers).power.mean() + oma / 3 * np.array([-1, 0, 1])

    def errors(sigma):
        total = 0.0
        for nominal in even:
            tried = nominal + np.linspace(-move, move, 201)[:, None] * oma
            total += special.ndtr(-np.abs(powers - tried) / sigma).sum(axis=1).min() / 4
        return total - 4.8e-4

    sigma = optimize.brentq(errors, 1e-4 * oma, oma)
    return 10 * np.log10(oma / (6 * 3.414 * sigma))


@pytest.mark.parametrize(
    "powers",
    [(0.3, 0.7, 1.1, 1.5), (0.3, 0.66, 1.14, 1.5), (0.3, 0.75, 1.1, 1.5), (0.2, 0.52, 0.95, 1.5)],
)
@pytest.mark.parametrize("method", [FIXED, BARE])
def test_uneven_levels_cost_what_the_gaussian_tail_says(powers, method):
    unequalized = tdecq.measure(held(powers), method, taps=(1, 0, 0, 0, 0))
    expected = compressed(powers, method.threshold_move)
    assert unequalized.db == pytest.approx(expected, abs=0.03)


def best_over_all_patterns(powers):
    """Least penalty of any five taps, from every pattern of five symbols."""
    powers = np.asarray(powers)
    oma, mean = powers[-1] - powers[0], powers.mean()
    thresholds = mean + oma / 3 * np.array([-1, 0, 1])
    patterns = powers[np.stack(np.meshgrid(*[range(4)] * 5)).reshape(5, -1)]

    def noise(taps):
        away = -np.abs((taps @ patterns)[:, None] - thresholds) / np.linalg.norm(taps)

        def excess(x):
            return special.ndtr(away / x).sum(axis=1).mean() - 4.8e-4

        return optimize.brentq(excess, 1e-3 * oma, oma)

    def cost(side):
        return -noise(np.array([1 - side.sum(), *side]))

    first = np.array([[0, 0, 0, 0], *(0.05 * np.eye(4))])
    found = optimize.minimize(
        cost, first[0], method="Nelder-Mead", options={"initial_simplex": first, "maxfev": 800}
    )
    return 10 * np.log10(oma / (6 * 3.414 * -found.fun))


@pytest.mark.parametrize("powers", [(0.3, 0.7, 1.1, 1.5), (0.3, 0.66, 1.14, 1.5)])
def test_the_equalizer_found_is_the_best_there_is(powers):
    # a smaller gain for the outer levels at the price of some interference
    found = tdecq.measure(held(powers), FIXED)
    assert found.db == pytest.approx(best_over_all_patterns(powers), abs=0.05)
    assert found.db <= tdecq.measure(held(powers), FIXED, taps=(1, 0, 0, 0, 0)).db + 1e-3


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7])
def test_noise_of_the_waveform_leaves_less_to_add(part):
    # noise of a fraction of what an ideal transmitter can bear
    seed = 7
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    w = held((0.3, 0.7, 1.1, 1.5), n=50)
    sigma = part * 1.2 / 6 / 3.414
    noisy = Waveform(w.power + sigma * rng.standard_normal(len(w.power)), w.symbols, 4)
    found = tdecq.measure(noisy, FIXED, taps=(1, 0, 0, 0, 0), phase_ui=0.5)
    expected = -10 * np.log10(np.sqrt(1 - part**2))
    assert found.db == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rho", [0.1, 0.2, 0.35])
def test_a_known_bandwidth_costs_the_gain_of_its_inverse(rho):
    # y[n] = rho y[n-1] + (1 - rho) a[n], held: (1, -rho) / (1 - rho) makes it the levels again
    symbols = pattern(4)
    levels = 0.3 + 0.4 * symbols
    f = np.fft.rfftfreq(len(symbols))
    response = (1 - rho) / (1 - rho * np.exp(-2j * np.pi * f))
    y = np.fft.irfft(np.fft.rfft(levels) * response, len(symbols))
    w = Waveform(np.repeat(y, 4), symbols, 4)
    inverse = np.array([1, -rho, 0, 0, 0]) / (1 - rho)
    found = tdecq.measure(w, FIXED, taps=tuple(inverse), phase_ui=0.5)
    expected = 10 * np.log10(np.linalg.norm(inverse))
    assert found.ceq_db == pytest.approx(expected, abs=1e-9)
    # the middle of a run of six has not quite reached its level
    assert 1 - rho**2 < found.oma_mw / 1.2 <= 1
    assert found.db == pytest.approx(expected, abs=0.1)
    # less noise and some interference is never worse
    best = tdecq.measure(w, FIXED)
    assert best.db <= found.db + 1e-3
    assert best.db > expected - 0.25


def test_a_pulse_of_known_interference_behind_the_reference_filter():
    # a spectrum that is a raised cosine of roll-off 1 behind the filter
    symbols = pattern(4)
    n = 8
    f = np.fft.rfftfreq(len(symbols) * n, 1 / n)
    cosine = np.where(f < 1, (1 + np.cos(np.pi * f)) / 2, 0)
    impulses = np.zeros((len(symbols), n))
    impulses[:, n // 2] = n * (0.3 + 0.4 * symbols)
    spectrum = np.fft.rfft(impulses.ravel()) * cosine / bessel_thomson(0.5)(f)
    w = Waveform(np.fft.irfft(spectrum, len(symbols) * n), symbols, 4)
    method = dataclasses.replace(tdecq.TDECQ, threshold_move=0.0)
    found = tdecq.measure(w, method, taps=(1, 0, 0, 0, 0))
    # the same from the pulse in time, at the instants of the two histograms
    t = np.array([0.031, 0.05, 0.069])[:, None] - np.arange(-40, 41)
    pulse = np.sinc(2 * t) / (1 - 4 * t**2)
    levels = np.stack([np.roll(0.3 + 0.4 * symbols, k) for k in range(-40, 41)])
    y = (pulse @ levels).ravel()
    even = 0.3 + 0.4 * symbols.mean() + 0.4 * np.array([-1, 0, 1])

    def errors(sigma):
        return special.ndtr(-np.abs(y[:, None] - even) / sigma).sum(axis=1).mean() - 4.8e-4

    expected = 10 * np.log10(0.2 / 3.414 / optimize.brentq(errors, 1e-3, 0.2))
    assert expected > 0.1
    assert found.db == pytest.approx(expected, abs=0.1)
    assert found.oma_mw == pytest.approx(1.2, rel=0.01)
    # noise that is not white between symbols: the gain follows the filter's correlation
    doubled = tdecq.measure(w, taps=(2, -1, 0, 0, 0))
    tau = np.linspace(0, 6, 60001)
    power = np.abs(bessel_thomson(0.5)(tau)) ** 2
    neighbour = np.trapezoid(power * np.cos(2 * np.pi * tau), tau) / np.trapezoid(power, tau)
    assert doubled.ceq_db == pytest.approx(5 * np.log10(5 - 4 * neighbour), abs=0.01)


def test_less_bandwidth_costs_more_and_scale_costs_nothing():
    found = []
    for bandwidth in (1.0, 0.7, 0.5, 0.4):
        found.append(
            tdecq.measure(held((0.3, 0.7, 1.1, 1.5), 8).filtered(bessel_thomson(bandwidth)))
        )
    assert np.all(np.diff([one.db for one in found]) > 0.05)
    w = held((0.3, 0.7, 1.1, 1.5), 8).filtered(bessel_thomson(0.5))
    scaled = Waveform(7 * w.power + 3, w.symbols, 4)
    assert tdecq.measure(scaled).db == pytest.approx(found[2].db, abs=0.01)
    assert sum(found[2].taps) == pytest.approx(1)


def test_the_measuring_receivers_noise_is_given_back():
    w = held((0.3, 0.66, 1.1, 1.5))
    quiet = tdecq.measure(w, FIXED)
    less = tdecq.measure(w, FIXED, receiver_noise_mw=quiet.noise_mw)
    assert less.db == pytest.approx(quiet.db - 5 * np.log10(2), abs=0.01)


def test_a_closed_eye_is_infinite():
    w = held((0.3, 0.7, 1.1, 1.5), 8).filtered(bessel_thomson(0.08))
    assert tdecq.measure(w, taps=(1, 0, 0, 0, 0)).db == float("inf")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": tdecq.TDEC}, "levels = 4; allowed: 2"),
        ({"receiver_noise_mw": -1.0}, "receiver_noise_mw = -1; allowed: 0 or more"),
        ({"taps": (1.0, 0.1, 0, 0, 0)}, "allowed: 5 whose sum is 1"),
        ({"taps": (1.0,)}, "allowed: 5 whose sum is 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tdecq.measure(held((0.3, 0.7, 1.1, 1.5)), **arguments)
    with pytest.raises(ValueError, match="allowed: above 0, levels in rising power"):
        tdecq.measure(held((1.5, 1.1, 0.7, 0.3)))


LAB = importlib.util.find_spec("serdes_sim")


@pytest.mark.skipif(LAB is None, reason="serdes-optical-lab, which carries them, is not installed")
def test_measured_waveforms_lie_in_the_range_of_the_instrument():
    assert LAB is not None
    assert LAB.origin is not None
    folder = Path(LAB.origin).parent / "data/golden/ieee_802_3bs_smf_2017"
    # the draft of 2017: a wider receiver, thresholds that do not move
    draft = dataclasses.replace(tdecq.TDECQ, bandwidth=0.728, threshold_move=0.0)
    for known in json.loads((folder / "library.json").read_text())["waveforms"]:
        with np.load(folder / known["file"], allow_pickle=False) as data:
            power, symbols = 1e3 * data["waveform_w"].astype(float), data["symbols"].astype(int)
        w = Waveform(power, symbols, 4)
        got = tdecq.measure(w, draft, receiver_noise_mw=1e3 * known["channel_noise_w"]).db
        reference = known["reference"]
        assert reference["tdecq_5t_min_db"] <= got <= reference["tdecq_5t_max_db"], known["id"]
