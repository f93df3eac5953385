"""The wavelengths on a fibre and the rings that belong to them.

Wavelengths go up from the first in equal steps of frequency. Every ring of a bank has the same
order: the one whose free spectral range holds the whole grid where rings that small can be drawn.
Where they cannot, the range is half a step off the grid, so that wavelengths a range apart meet
the wings of a ring and never its peak. Radii are rounded down to the grid: a cold ring resonates
at a higher frequency than it should, and its heater, which only lowers it, tunes the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from lightloom.photonics import tech
from lightloom.photonics.circuit import resonance, rings
from lightloom.photonics.devices import Numbers
from lightloom.spec.base import DesignError
from lightloom.spec.design import BANDS_NM

RADIUS_UM = 10.0
"""Of the rings of a grid that needs no smaller ones; 5-10 um is the class of ring modulators."""
RADIUS_MIN_UM = tech.STRIP.radius_min_um


HALVINGS = 36
"""Steps of bisections: finer than the grid by far."""


@dataclass(frozen=True)
class Ring:
    """One ring as drawn."""

    radius_um: float
    straight_um: float
    gap_um: float
    cold_ghz: float
    """Its resonance lies this much above its wavelength, unheated."""
    tune_mw: float
    """Heater power that brings it there."""


@dataclass(frozen=True)
class Bank:
    """The rings of one bus, one a wavelength."""

    rings: tuple[Ring, ...]
    fsr_ghz: float
    wraps: bool
    """The grid is wider than the free spectral range."""


def grid_ghz(first_nm: float, spacing_ghz: float, count: int, band: str) -> tuple[float, ...]:
    """Frequency of each wavelength.

    Raises:
        DesignError: the grid leaves the band.
    """
    first = resonance.frequency_ghz(first_nm)
    last_nm = resonance.wavelength_nm(first - (count - 1) * spacing_ghz)
    low, high = BANDS_NM[band]
    if last_nm > high:
        raise DesignError(
            f"engine.wavelengths = {count} at engine.wavelength_spacing_ghz = {spacing_ghz:g} from "
            f"engine.wavelength_nm = {first_nm:g} end at {last_nm:.2f} nm; allowed: {low:g} to "
            f"{high:g} nm, the {band}-band"
        )
    return tuple(first - k * spacing_ghz for k in range(count))


def modulators(numbers: Numbers, grid: tuple[float, ...], spacing_ghz: float, gap: float) -> Bank:
    """Ring modulators for a grid; `gap` in um is theirs.

    Raises:
        DesignError: no free spectral range holds the grid.
    """
    widest = _range_of(RADIUS_MIN_UM, numbers)
    range_ghz, wraps = _range(numbers, len(grid), spacing_ghz, widest)
    length = resonance.length_of_range_um(range_ghz, numbers)
    return Bank(_tuned(numbers, grid, length, 0.0, gap), range_ghz, wraps)


@cache
def filters(numbers: Numbers, grid: tuple[float, ...], spacing_ghz: float) -> Bank:
    """Add-drop rings for a grid, equally coupled to both buses.

    Raises:
        DesignError: no free spectral range holds the grid.
    """
    apart = spacing_ghz
    widest = _widest_filter(numbers, apart)
    if len(grid) * spacing_ghz > widest:
        # Wavelengths a range apart meet the wings of a ring at half a step: it must be narrower.
        apart = spacing_ghz / 2.0
        widest = _widest_filter(numbers, apart)
    range_ghz, wraps = _range(numbers, len(grid), spacing_ghz, widest)
    _, straight, gap = _shape(numbers, range_ghz, apart)
    length = resonance.length_of_range_um(range_ghz, numbers)
    return Bank(_tuned(numbers, grid, length, straight, gap), range_ghz, wraps)


def _widest_filter(numbers: Numbers, apart_ghz: float) -> float:
    """Widest free spectral range of a filter: straight parts take length from the bends."""
    low, high = 1.0, _range_of(RADIUS_MIN_UM, numbers)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        radius = _shape(numbers, middle, apart_ghz)[0]
        low, high = (middle, high) if radius >= RADIUS_MIN_UM else (low, middle)
    return low


def _range_of(radius_um: float, numbers: Numbers) -> float:
    return rings.free_spectral_range_ghz(resonance.round_trip_um(radius_um), numbers)


def _range(
    numbers: Numbers, count: int, spacing_ghz: float, widest_ghz: float
) -> tuple[float, bool]:
    """Free spectral range for a grid, and whether the grid is wider."""
    wanted = count * spacing_ghz
    usual = _range_of(RADIUS_UM, numbers)
    if wanted <= widest_ghz:
        return max(wanted, min(usual, widest_ghz)), False
    steps = math.floor(widest_ghz / spacing_ghz - 0.5)
    # Wavelengths an odd number of half steps apart share no ring; twice the range they would.
    if 2 * steps + 1 < count:
        most = max(math.floor(widest_ghz / spacing_ghz), 2 * steps + 1, 1)
        raise DesignError(
            f"engine.wavelengths = {count} at engine.wavelength_spacing_ghz = {spacing_ghz:g}; "
            f"allowed: at most {most}: the smallest ring has a free spectral range of "
            f"{widest_ghz:.0f} GHz"
        )
    return (steps + 0.5) * spacing_ghz, True


def _shape(numbers: Numbers, range_ghz: float, apart_ghz: float) -> tuple[float, float, float]:
    """Radius, straight part and gap in um of a filter with the bandwidth of the grid."""
    part = numbers.ring_filter
    length = resonance.length_of_range_um(range_ghz, numbers)
    wanted = min(part.fill * apart_ghz, part.width_max_ghz)
    low, high = 1e-4, math.pi / 2.0
    for _ in range(HALVINGS):
        angle = (low + high) / 2.0
        wide = resonance.filter_width_ghz(length, angle, numbers) > wanted
        low, high = (low, angle) if wide else (angle, high)
    angle = low
    radius = length / (2.0 * math.pi)
    arc = rings.coupling_angle(part.gap_um, radius, 0.0, numbers)
    if arc >= angle:  # a round ring at a wider gap
        gap = part.gap_um + math.log(arc / angle) / numbers.coupler.decay_per_um
        return radius, 0.0, round(gap, 3)
    least, most = 0.0, length / 2.0
    for _ in range(HALVINGS):
        straight = (least + most) / 2.0
        radius = (length - 2.0 * straight) / (2.0 * math.pi)
        weak = rings.coupling_angle(part.gap_um, radius, straight, numbers) < angle
        least, most = (straight, most) if weak else (least, straight)
    straight = round(least * 500.0) / 500.0  # even steps: both halves are on the grid
    return (length - 2.0 * straight) / (2.0 * math.pi), straight, part.gap_um


def _tuned(
    numbers: Numbers, grid: tuple[float, ...], length: float, straight: float, gap: float
) -> tuple[Ring, ...]:
    order = math.ceil(resonance.waves(length, grid[0], numbers))
    found: list[Ring] = []
    for frequency in grid:
        wanted = resonance.resonant_length_um(frequency, order, numbers)
        exact = (wanted - 2.0 * straight) / (2.0 * math.pi)
        radius = round(math.floor(exact / tech.DBU_UM + 1e-9) * tech.DBU_UM, 3)
        drawn = resonance.round_trip_um(radius, straight)
        cold = max(0.0, resonance.resonance_ghz(drawn, order, numbers) - frequency)
        power = resonance.shift_pm(frequency, cold) / numbers.ring_modulator.heater_pm_per_mw
        found.append(Ring(radius, straight, gap, cold, power))
    return tuple(found)
