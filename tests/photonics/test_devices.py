"""Device numbers: those that can be computed are computed again, by another way."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from lightloom.photonics import devices, tech

WIDTH_UM, HEIGHT_UM = tech.WIRE_WIDTH, 0.22


def silicon(um):
    """Salzberg and Villa, J. Opt. Soc. Am. 47, 244 (1957)."""
    s = um**2
    return math.sqrt(
        1
        + 10.6684293 * s / (s - 0.301516485**2)
        + 0.0030434748 * s / (s - 1.13475115**2)
        + 1.54133408 * s / (s - 1104.0**2)
    )


def oxide(um):
    """Malitson, J. Opt. Soc. Am. 55, 1205 (1965)."""
    s = um**2
    return math.sqrt(
        1
        + 0.6961663 * s / (s - 0.0684043**2)
        + 0.4079426 * s / (s - 0.1162414**2)
        + 0.8974794 * s / (s - 9.896161**2)
    )


def mode(um, gap=None, parity=1):
    """Effective index of a strip, or of the even or odd supermode of two, by effective indices."""
    k, core, clad = 2 * math.pi / um, silicon(um), oxide(um)

    def slab(n):
        inside, outside = math.sqrt(core**2 - n**2), math.sqrt(n**2 - clad**2)
        return k * inside * HEIGHT_UM - 2 * math.atan(outside / inside)

    film = brentq(slab, clad + 1e-6, core - 1e-6)

    def lateral(n):
        inside, outside = k * math.sqrt(film**2 - n**2), k * math.sqrt(n**2 - clad**2)
        step = (film / clad) ** 2 * outside / inside  # field across the walls
        far = math.atan(step)
        near = far
        if gap is not None:
            wall = math.tanh(outside * gap / 2)
            near = math.atan(step * (wall if parity > 0 else 1 / wall))
        return inside * WIDTH_UM - far - near

    return brentq(lateral, clad + 1e-6, film - 1e-6)


def coupling(um, gap):
    return math.pi / um * (mode(um, gap, 1) - mode(um, gap, -1))


def test_indices_are_those_of_the_effective_index_method():
    assert devices.GUIDE.index == pytest.approx(mode(1.31), abs=1e-4)
    slope = (mode(1.315) - mode(1.305)) / 0.01
    assert devices.GUIDE.group_index == pytest.approx(mode(1.31) - 1.31 * slope, abs=1e-3)


@pytest.mark.parametrize("wavelength_nm", [1300.0, 1310.0, 1320.0])
@pytest.mark.parametrize("gap_um", [0.15, 0.2, 0.25, 0.3, 0.4])
def test_coupling_rate_is_that_of_the_supermodes(gap_um, wavelength_nm):
    expected = coupling(wavelength_nm / 1000, gap_um)
    assert devices.coupling_rate(gap_um, wavelength_nm) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("gap_um", [0.15, 0.2, 0.37])
def test_bends_add_the_integral_of_the_local_rate(gap_um):
    length, offset = devices.COUPLER.bend_length_um, devices.bend_offset(gap_um)

    def rate(x):
        t = x / length
        height = offset * (t - np.sin(2 * np.pi * t) / (2 * np.pi))
        return devices.coupling_rate(gap_um + 2 * height)

    bends = 2 * quad(rate, 0, length, limit=200)[0]
    assert devices.coupling_angle(gap_um, 0.0) == pytest.approx(bends, rel=1e-6)
    assert devices.coupling_angle(gap_um, 7.0) == pytest.approx(
        bends + 7.0 * devices.coupling_rate(gap_um), rel=1e-6
    )


def test_half_length_splits_in_halves():
    for gap_um in (0.16, 0.2, 0.3):
        angle = devices.coupling_angle(gap_um, devices.half_length(gap_um))
        assert math.sin(angle) ** 2 == pytest.approx(0.5, abs=5e-5)  # 1 nm of length


def test_a_gap_whose_bends_couple_too_much_is_refused():
    with pytest.raises(ValueError, match=r"gap_um = 0\.08; its bends alone couple more than half"):
        devices.half_length(0.08)


def test_thermal_crosstalk_falls_with_distance():
    distances = np.linspace(1, 500, 100)
    values = [devices.thermal_crosstalk(d) for d in distances]
    assert all(a > b for a, b in itertools.pairwise(values))
    assert devices.thermal_crosstalk(devices.HEATER.crosstalk_um) == devices.HEATER.crosstalk
    assert devices.thermal_crosstalk(0.0) <= 1.0


def test_heaters_trade_power_for_speed():
    assert devices.heater_p_pi_mw(True) < devices.heater_p_pi_mw(False)
    assert devices.heater_tau_us(True) > devices.heater_tau_us(False)
    assert devices.heater_ohm(200.0, 2.0) == pytest.approx(1000.0)
    assert devices.HEATER.sheet_ohm == tech.SHEET_OHM[tech.HEATER]
