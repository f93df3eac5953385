"""Temperature coefficients: those that can be computed are computed again, from their sources."""

import math

import pytest
from pydantic import ValidationError

from lightloom.photonics import devices
from lightloom.photonics.switch.ambient import BANDS, O_BAND, Ambient

from ..effective_index import mode

SILICON_PER_K, OXIDE_PER_K = 1.86e-4, 8.5e-6
GAP_UM = 0.2
INDICES = {"O": (3.5050, 1.4468), "C": (3.4777, 1.4440)}
"""Salzberg and Villa, Malitson."""
every_band = pytest.mark.parametrize("band", BANDS)


def warm(band, of, kelvin=10.0):
    """Change of `of(core, clad)` by the kelvin."""
    core, clad = INDICES[band]

    def at(t):
        return of(core + SILICON_PER_K * t, clad + OXIDE_PER_K * t)

    return (at(kelvin) - at(-kelvin)) / (2 * kelvin)


@every_band
def test_index_follows_the_materials(band):
    numbers = devices.BANDS[band]
    um, width = numbers.carrier_nm / 1000, numbers.wire_width_um
    core, clad = INDICES[band]
    assert mode(um, width, core, clad) == pytest.approx(numbers.guide.index, abs=2e-3)
    expected = warm(band, lambda core, clad: mode(um, width, core, clad))
    assert BANDS[band].index_per_k == pytest.approx(expected, rel=2e-3)


@every_band
def test_coupling_follows_the_supermodes(band):
    numbers = devices.BANDS[band]
    um, width = numbers.carrier_nm / 1000, numbers.wire_width_um

    def rate(core, clad):
        even, odd = (mode(um, width, core, clad, GAP_UM, parity) for parity in (1, -1))
        return even - odd

    expected = warm(band, rate) / rate(*INDICES[band])
    assert BANDS[band].coupling_per_k == pytest.approx(expected, rel=0.01)


@every_band
def test_coupling_falls_as_at_a_shorter_wavelength(band):
    # A waveguide is its V number: a warmer one is one at a shorter wavelength, whose slope is that
    # of the couplers. It is the drift in nm of a coupler's spectrum that is measured on chips.
    numbers = devices.BANDS[band]
    nm = numbers.carrier_nm
    up, down = (numbers.coupling_rate(GAP_UM, nm + d) for d in (1.0, -1.0))
    slope = (up - down) / (up + down) * nm
    core, clad = INDICES[band]
    v_per_k = (core * SILICON_PER_K - clad * OXIDE_PER_K) / (core**2 - clad**2)
    assert BANDS[band].coupling_per_k == pytest.approx(-slope * v_per_k, rel=0.03)


def test_silicon_and_oxide_are_those_of_their_sources():
    t = 298.15
    value = 9.48e-5 + 3.47e-7 * t - 1.49e-10 * t * t
    assert (3.47e-7 - 2.98e-10 * t) / value == pytest.approx(O_BAND.silicon_rise_per_k, rel=1e-3)
    at_25 = (1.30 + 1.40) / 2
    assert (1.50 - 1.30) / 100 / at_25 == pytest.approx(O_BAND.oxide_conductivity_per_k, rel=0.03)


def test_a_volt_turns_less_where_it_is_warmer():
    assert O_BAND.efficiency(0.0) == 1.0
    # To first order the three rates add up.
    rate = (O_BAND.efficiency(0.01) - O_BAND.efficiency(-0.01)) / 0.02
    assert rate == pytest.approx(1.395e-3 - 1.45e-3 - 1.0e-3, rel=1e-4)
    only = Ambient(silicon_rise_per_k=0.002, oxide_conductivity_per_k=0.0, resistance_per_k=0.0)
    assert only.efficiency(20.0) == pytest.approx(1.04)


def test_a_ring_round_trip_moves_by_tens_of_pm_per_kelvin():
    # Of a strip: the shift of a resonance is lambda dn / n_g, 62 pm/K; 70 to 80 pm/K is measured
    # on 450 nm wide ones in the C-band.
    numbers = devices.O_BAND
    turn = O_BAND.path_rad(100.0, 1.0, numbers)
    order = 2 * math.pi * 100.0 * numbers.guide.group_index / (numbers.carrier_nm * 1e-3) ** 2
    assert turn / order * 1e6 == pytest.approx(62.2, abs=0.5)


def test_rates_out_of_range_are_refused():
    with pytest.raises(ValidationError, match="resistance_per_k"):
        Ambient(resistance_per_k=0.02)
