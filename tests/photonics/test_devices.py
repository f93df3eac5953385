"""Device numbers: those that can be computed are computed again, by another way."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad

from lightloom.photonics import devices, tech
from lightloom.photonics.devices import BANDS, C_BAND, O_BAND
from lightloom.spec.design import BANDS_NM, CARRIERS_NM

from .effective_index import HEIGHT_UM, coupling, strip

every_band = pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)


@every_band
def test_indices_are_those_of_the_effective_index_method(numbers):
    um, width = numbers.carrier_nm / 1000, numbers.wire_width_um
    assert numbers.guide.index == pytest.approx(strip(um, width), abs=1e-4)
    slope = (strip(um + 0.005, width) - strip(um - 0.005, width)) / 0.01
    assert numbers.guide.group_index == pytest.approx(strip(um, width) - um * slope, abs=1e-3)


@every_band
@pytest.mark.parametrize("offset_nm", [-10.0, 0.0, 10.0])
@pytest.mark.parametrize("gap_um", [0.15, 0.2, 0.25, 0.3, 0.4])
def test_coupling_rate_is_that_of_the_supermodes(numbers, gap_um, offset_nm):
    wavelength_nm = numbers.carrier_nm + offset_nm
    expected = coupling(wavelength_nm / 1000, numbers.wire_width_um, gap_um)
    assert numbers.coupling_rate(gap_um, wavelength_nm) == pytest.approx(expected, rel=0.01)


@every_band
@pytest.mark.parametrize("gap_um", [0.15, 0.2, 0.37])
def test_bends_add_the_integral_of_the_local_rate(numbers, gap_um):
    length, offset = numbers.coupler.bend_length_um, numbers.bend_offset(gap_um)

    def rate(x):
        t = x / length
        height = offset * (t - np.sin(2 * np.pi * t) / (2 * np.pi))
        return numbers.coupling_rate(gap_um + 2 * height)

    bends = 2 * quad(rate, 0, length, limit=200)[0]
    assert numbers.coupling_angle(gap_um, 0.0) == pytest.approx(bends, rel=1e-6)
    assert numbers.coupling_angle(gap_um, 7.0) == pytest.approx(
        bends + 7.0 * numbers.coupling_rate(gap_um), rel=1e-6
    )


@every_band
def test_half_length_splits_in_halves(numbers):
    for gap_um in (0.16, 0.2, 0.3):
        angle = numbers.coupling_angle(gap_um, numbers.half_length(gap_um))
        assert math.sin(angle) ** 2 == pytest.approx(0.5, abs=5e-5)  # 1 nm of length


@every_band
def test_a_gap_whose_bends_couple_too_much_is_refused(numbers):
    with pytest.raises(ValueError, match=r"gap_um = 0\.08; its bends alone couple more than half"):
        numbers.half_length(0.08)


@every_band
def test_every_gap_of_a_design_can_split_in_halves(numbers):
    for gap_um in np.linspace(0.15, 0.4, 26):  # range of switch.coupler_gap_um
        assert numbers.half_length(float(gap_um)) >= 0.0


@every_band
def test_coupler_bends_are_no_tighter_than_a_strip_allows(numbers):
    # The sine bend is tightest a quarter of the way: L^2 / (2 pi offset).
    radius = numbers.coupler.bend_length_um**2 / (2 * math.pi * numbers.bend_offset(0.15))
    assert radius > tech.STRIP.radius_min_um


@every_band
def test_thermal_crosstalk_falls_with_distance(numbers):
    distances = np.linspace(1, 500, 100)
    values = [numbers.thermal_crosstalk(d) for d in distances]
    assert all(a > b for a, b in itertools.pairwise(values))
    assert numbers.thermal_crosstalk(numbers.heater.crosstalk_um) == numbers.heater.crosstalk
    assert numbers.thermal_crosstalk(0.0) <= 1.0


@every_band
def test_heaters_trade_power_for_speed(numbers):
    assert numbers.heater_p_pi_mw(True) < numbers.heater_p_pi_mw(False)
    assert numbers.heater_tau_us(True) > numbers.heater_tau_us(False)
    assert numbers.heater_ohm(200.0, 2.0) == pytest.approx(1000.0)
    assert numbers.heater.sheet_ohm == tech.SHEET_OHM[tech.HEATER]


def test_a_turn_takes_power_in_proportion_to_the_wavelength():
    ratio = C_BAND.carrier_nm / O_BAND.carrier_nm
    for undercut in (False, True):
        power = O_BAND.heater_p_pi_mw(undercut) * ratio
        assert C_BAND.heater_p_pi_mw(undercut) == pytest.approx(power, rel=0.015)


def test_bands_are_those_of_the_design_file():
    assert {name: numbers.band for name, numbers in BANDS.items()} == {"O": "O", "C": "C"}
    assert {name: numbers.carrier_nm for name, numbers in BANDS.items()} == CARRIERS_NM
    for name, (low, high) in BANDS_NM.items():
        assert low < BANDS[name].carrier_nm < high


def test_a_width_names_its_band():
    for numbers in BANDS.values():
        assert devices.of_width(numbers.wire_width_um) is numbers
    with pytest.raises(
        ValueError, match=r"width = 0\.5 um; allowed: 0\.42 \(O-band\), 0\.45 \(C-band\)"
    ):
        devices.of_width(0.5)


def test_the_junction_follows_from_its_doping_and_the_drawn_section():
    part, charge, thermal_v = O_BAND.junction, 1.602176634e-19, 1.380649e-23 * 300 / 1.602176634e-19
    built_in = thermal_v * math.log((part.doping_per_cm3 / 1e10) ** 2)
    assert part.built_in_v == pytest.approx(built_in, rel=1e-3)
    permittivity = 11.7 * 8.8541878128e-14  # silicon, F/cm
    depleted_cm = math.sqrt(2 * permittivity * built_in / charge * 2 / part.doping_per_cm3)
    f_per_cm = permittivity * HEIGHT_UM * 1e-4 / depleted_cm
    assert part.capacitance_ff_per_um == pytest.approx(f_per_cm * 1e11, rel=2e-3)


@every_band
def test_the_junctions_resistance_follows_from_the_section_in_both_bands(numbers):
    part, charge = numbers.junction, 1.602176634e-19
    half, slab_um = numbers.wire_width_um / 2, 0.09
    contact = next(low for layer, low, _ in tech.PN.strips if layer == tech.PPP)
    squares = half / HEIGHT_UM + (contact - half) / slab_um
    total = 0.0
    # least mobility, what doping takes, reference doping: Arora, Hauser and Roulston, 300 K
    for least, above, reference in ((88.0, 1252.0, 1.26e17), (54.3, 407.0, 2.35e17)):
        mobility = least + above / (1 + (part.doping_per_cm3 / reference) ** 0.88)
        total += squares / (charge * part.doping_per_cm3 * mobility)
    assert part.resistance_ohm_um == pytest.approx(total * 1e4, rel=0.01)
