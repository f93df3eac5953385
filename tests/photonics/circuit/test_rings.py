"""Rings against their closed forms and against a ring built from couplers and waveguides."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from lightloom.photonics.circuit import guided, rings, scatter
from lightloom.photonics.devices import BANDS, C_BAND, O_BAND

every_band = pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)
RING = {"radius_um": 10.0, "gap_um": 0.2, "path_um": 100.0}
FILTER = {
    "radius_um": 7.0,
    "straight_um": 4.0,
    "gap_um": 0.15,
    "drop_gap_um": 0.17,
    "path_um": 54.0,
}


def clean(numbers):
    """Without any loss."""
    return numbers.model_copy(
        update={
            "guide": numbers.guide.model_copy(update={"loss_db_per_cm": 0.0}),
            "junction": numbers.junction.model_copy(update={"doping_per_cm3": 0.0}),
            "ring_filter": numbers.ring_filter.model_copy(update={"turn_loss_db": 0.0}),
        }
    )


def around(numbers, width_hz, points=4001):
    carrier = guided.frequency_hz(numbers.carrier_nm)
    return carrier + np.linspace(-width_hz / 2, width_hz / 2, points)


def minima(values):
    return [i for i in range(1, len(values) - 1) if values[i - 1] > values[i] <= values[i + 1]]


@every_band
@pytest.mark.parametrize(("radius", "straight"), [(5.0, 0.0), (10.0, 0.0), (7.0, 4.0)])
def test_the_angle_is_the_integral_over_the_opening_gap(numbers, radius, straight):
    outer = radius + numbers.wire_width_um / 2

    def rate(x):
        return numbers.coupling_rate(0.2 + outer - math.sqrt(outer**2 - x**2), 1305.0)

    expected = 2 * quad(rate, 0, outer)[0] + straight * numbers.coupling_rate(0.2, 1305.0)
    found = rings.coupling_angle(0.2, radius, straight, numbers, 1305.0)
    assert found == pytest.approx(expected, rel=1e-6)
    # The gap opens as x^2 / 2R: the coupled length of a circle is sqrt(2 pi R / decay).
    if not straight:
        length = math.sqrt(2 * math.pi * outer / numbers.coupler.decay_per_um)
        assert rings.coupling_angle(0.2, radius, 0.0, numbers) == pytest.approx(
            numbers.coupling_rate(0.2) * length, rel=0.02
        )


@every_band
def test_resonances_are_a_free_spectral_range_apart(numbers):
    length = 2 * math.pi * RING["radius_um"]
    fsr = rings.free_spectral_range_ghz(length, numbers) * 1e9
    assert fsr == pytest.approx(299_792_458 / (numbers.guide.group_index * length * 1e-6))
    f = around(numbers, 3.3 * fsr, 200_001)
    through = np.abs(scatter.smatrix("ring_modulator", RING, f, numbers)[:, 1, 0]) ** 2
    dips = [i for i in minima(through) if through[i] < 0.5 * through.max()]
    assert len(dips) in (3, 4)
    # The index is linear in frequency, so the group index grows by twice its slope.
    assert np.diff(f[dips]) == pytest.approx(fsr, rel=0.03)


@every_band
def test_width_of_the_resonance_is_the_range_over_the_finesse(numbers):
    length = 2 * (math.pi * FILTER["radius_um"] + FILTER["straight_um"])
    fsr = rings.free_spectral_range_ghz(length, numbers) * 1e9
    f = around(numbers, 1.2 * fsr, 400_001)
    drop = np.abs(scatter.smatrix("ring_filter", FILTER, f, numbers)[:, 2, 0]) ** 2
    peak = int(np.argmax(drop))
    above = np.flatnonzero(drop > drop[peak] / 2)
    above = above[np.abs(f[above] - f[peak]) < fsr / 2]
    nm = guided.wavelength_nm(f[peak])
    stay = [math.cos(rings.coupling_angle(g, 7.0, 4.0, numbers, nm)) for g in (0.15, 0.17)]
    loss_db = guided.guide_loss_db(length, numbers) + numbers.ring_filter.turn_loss_db
    kept = stay[0] * stay[1] * 10 ** (-loss_db / 20)
    width = f[above[-1]] - f[above[0]]
    assert width == pytest.approx(fsr / rings.finesse(kept), rel=0.03)


def test_finesse_approaches_that_of_a_weakly_coupled_ring():
    assert rings.finesse(0.999) == pytest.approx(math.pi / 0.001, rel=2e-3)


def test_a_critically_coupled_ring_is_dark_at_resonance():
    t = np.array([0.9])
    assert abs(rings.all_pass(t, np.array([0.9 + 0j]))[0]) == 0.0
    between = np.array([0.95, 0.85])  # coupled less and more than it loses
    out = rings.all_pass(between, np.full(2, 0.9 + 0j))
    assert (out.real > 0).tolist() == [True, False]


@every_band
def test_a_ring_as_drawn_is_critical_where_coupling_and_loss_meet(numbers):
    length = 2 * math.pi * 10.0
    loss_db = guided.guide_loss_db(length, numbers) + rings.doped_loss_db(
        length, length / 2, numbers
    )
    # The gap that couples as much as the ring loses.
    low, high = 0.1, 0.5
    for _ in range(60):
        middle = (low + high) / 2
        stay = math.cos(rings.coupling_angle(middle, 10.0, 0.0, numbers))
        low, high = (middle, high) if stay < 10 ** (-loss_db / 20) else (low, middle)
    fsr = rings.free_spectral_range_ghz(length, numbers) * 1e9
    f = around(numbers, fsr, 200_001)
    depths = []
    for gap in (middle - 0.04, middle, middle + 0.04):
        through = scatter.smatrix("ring_modulator", {**RING, "gap_um": gap}, f, numbers)[:, 1, 0]
        depths.append(np.abs(through).min() / np.abs(through).max())
    assert depths[1] < 0.02
    assert depths[0] > 0.2
    assert depths[2] > 0.2


def test_doping_absorbs_by_free_carriers():
    # Soref and Bennett at 1.55 um: 8.5e-18 and 6.0e-18 cm2; half the mode on each side.
    part = C_BAND.junction.doping_per_cm3 * C_BAND.pin.confinement
    expected = 4.342945 * part * (8.5e-18 + 6.0e-18) / 2
    assert rings.doped_loss_db(1e4, 1e4, C_BAND) == pytest.approx(expected)
    only_n = rings.doped_loss_db(0.0, 1e4, C_BAND)
    assert only_n / expected == pytest.approx(8.5 / 14.5)
    assert 5 < expected < 20  # dB/cm, the class of depletion modulators


@every_band
def test_a_lossless_ring_conserves_energy(numbers):
    f = around(numbers, 5e12, 501)
    t = scatter.smatrix("ring_modulator", RING, f, clean(numbers))[:, 1, 0]
    assert np.abs(t) == pytest.approx(np.ones(501), abs=1e-12)
    s = scatter.smatrix("ring_filter", FILTER, f, clean(numbers))
    assert (np.abs(s) ** 2).sum(axis=1) == pytest.approx(np.ones((501, 4)), abs=1e-12)
    assert np.abs(s[:, 2, 0]).max() > 0.9  # and does drop light


@pytest.mark.parametrize("turn", [None, 0.7, -2.0])
def test_a_filter_is_two_couplers_and_two_half_rings(turn):
    """The S-matrix from the field equations of the four coupler ports, solved by elimination."""
    f = around(O_BAND, 3e12, 101)
    turned = None if turn is None else np.full(101, turn)
    s = scatter.smatrix("ring_filter", FILTER, f, O_BAND, turned)
    length = math.pi * 7.0 + 4.0
    loss_db = guided.guide_loss_db(2 * length, O_BAND) / 2 + O_BAND.ring_filter.turn_loss_db / 2
    bus = guided.propagation(54.0, f, guided.guide_loss_db(54.0, O_BAND), O_BAND)
    for k, x in enumerate(f):
        nm = guided.wavelength_nm(x)
        angles = [rings.coupling_angle(g, 7.0, 4.0, O_BAND, nm) for g in (0.15, 0.17)]
        half = guided.propagation(length, f[k : k + 1], loss_db, O_BAND)[0]
        half *= np.exp(-0.5j * (turn or 0.0))
        # Unknown: field in the ring before the first and before the second coupler.
        (t1, k1), (t2, k2) = ((math.cos(a), -1j * math.sin(a)) for a in angles)
        matrix = np.array([[1, -half * t2], [-half * t1, 1]])
        for source, right in ((0, [0, half * k1]), (3, [half * k2, 0])):
            before1, before2 = np.linalg.solve(matrix, right)
            lower = bus[k] * ((t1 if source == 0 else 0) + k1 * before1)
            upper = bus[k] * ((t2 if source == 3 else 0) + k2 * before2)
            assert s[k, 1, source] == pytest.approx(lower, abs=1e-9)
            assert s[k, 2, source] == pytest.approx(upper, abs=1e-9)


@every_band
def test_a_heater_moves_the_resonance_by_a_range_a_turn(numbers):
    length = 2 * math.pi * RING["radius_um"]
    fsr = rings.free_spectral_range_ghz(length, numbers) * 1e9
    f = around(numbers, fsr, 20_001)

    def dip(turn):
        turned = np.full(f.size, turn)
        t = scatter.smatrix("ring_modulator", RING, f, numbers, turned)[:, 1, 0]
        return f[int(np.argmin(np.abs(t)))]

    here = dip(0.0)
    quarter = math.pi / 2 if here > f[0] + 0.3 * fsr else -math.pi / 2
    # More phase, longer path: the resonance falls in frequency.
    assert here - dip(quarter) == pytest.approx(math.copysign(fsr / 4, quarter), rel=0.03)
