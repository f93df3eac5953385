"""Resonances against a search for them, and the width of a filter against its curve."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from lightloom.photonics.circuit import resonance, rings, scatter
from lightloom.photonics.devices import BANDS

BOTH = pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)


@pytest.mark.parametrize("nm", [1260.0, 1310.0, 1550.0])
def test_frequency_and_wavelength_are_each_others_inverse(nm):
    frequency = resonance.frequency_ghz(nm)
    assert frequency == pytest.approx(299792458.0 / nm, rel=1e-12)
    assert resonance.wavelength_nm(frequency) == pytest.approx(nm)
    lower = resonance.wavelength_nm(frequency - 1.0)
    assert resonance.shift_pm(frequency, 1.0) == pytest.approx((lower - nm) * 1e3, rel=1e-4)


@BOTH
@pytest.mark.parametrize("length", [33.0, 62.8, 180.0])
def test_resonance_is_where_waves_are_whole(numbers, length):
    carrier = resonance.frequency_ghz(numbers.carrier_nm)
    order = round(resonance.waves(length, carrier, numbers))
    found = resonance.resonance_ghz(length, order, numbers)
    searched = brentq(
        lambda f: resonance.waves(length, f, numbers) - order, 0.8 * carrier, 1.2 * carrier
    )
    assert found == pytest.approx(searched, rel=1e-10)
    assert resonance.resonant_length_um(found, order, numbers) == pytest.approx(length, rel=1e-12)


@BOTH
def test_range_is_the_distance_of_resonances_at_the_carrier(numbers):
    length = 60.0
    carrier = resonance.frequency_ghz(numbers.carrier_nm)
    order = round(resonance.waves(length, carrier, numbers))
    below, above = (resonance.resonance_ghz(length, order + k, numbers) for k in (-1, 1))
    fsr = rings.free_spectral_range_ghz(length, numbers)
    assert (above - below) / 2 == pytest.approx(fsr, rel=2e-3)
    assert resonance.length_of_range_um(fsr, numbers) == pytest.approx(length)


@BOTH
@pytest.mark.parametrize("angle", [0.1, 0.3, 0.6])
def test_width_of_a_filter_is_that_of_its_curve(numbers, angle):
    length = 50.0
    fsr = rings.free_spectral_range_ghz(length, numbers)
    loss = 10 ** (-resonance.filter_loss_db(length, numbers) / 20)
    phase = np.linspace(-math.pi, math.pi, 400_001)
    half = math.sqrt(loss) * np.exp(-0.5j * phase)
    stay = np.full(phase.shape, math.cos(angle))
    dropped = np.abs(rings.add_drop(stay, stay, half)[2]) ** 2
    inside = phase[dropped >= dropped.max() / 2]
    width = (inside[-1] - inside[0]) / (2 * math.pi) * fsr
    assert resonance.filter_width_ghz(length, angle, numbers) == pytest.approx(width, rel=1e-3)


def test_a_ring_that_always_drops_more_than_half_has_no_width():
    numbers = BANDS["O"]
    assert resonance.filter_width_ghz(50.0, 1.5, numbers) == math.inf


@BOTH
def test_a_racetrack_of_a_length_drops_where_it_resonates(numbers):
    radius, straight = 6.5, 3.0
    length = resonance.round_trip_um(radius, straight)
    carrier = resonance.frequency_ghz(numbers.carrier_nm)
    order = round(resonance.waves(length, carrier, numbers))
    there = resonance.resonance_ghz(length, order, numbers)
    parameters = {
        "radius_um": radius,
        "straight_um": straight,
        "gap_um": 0.15,
        "drop_gap_um": 0.15,
        "path_um": 0.0,
    }
    frequencies = (there + np.linspace(-20, 20, 81)) * 1e9
    s = scatter.smatrix("ring_filter", parameters, frequencies, numbers)
    dropped = np.abs(s[:, 2, 0]) ** 2
    assert frequencies[dropped.argmax()] * 1e-9 == pytest.approx(there, abs=0.6)
