"""Numbers of the demonstration devices, each with its source, and what follows from geometry.

`demonstration value` means chosen in the range of published devices, not measured on a process.
*EIM* means computed by the effective-index method for a 420 x 220 nm silicon strip in oxide with
the Sellmeier equations of Salzberg and Villa (1957) and Malitson (1965); the test of this module
computes it again. The method overestimates confinement by some per cent; it is used because it is
open and repeatable.

Phases and lengths are for TE light at `CARRIER_NM` unless a frequency is given.
"""

from __future__ import annotations

import math

from lightloom.photonics.tech import WIRE_WIDTH
from lightloom.spec.base import Frozen

LIGHT_UM_PER_PS = 299.792458
"""Speed of light in vacuum."""

CARRIER_NM = 1310.0
"""Wavelength that the numbers below hold at."""


class Guide(Frozen):
    """Strip waveguide."""

    index: float = 2.6375
    """Effective index; EIM."""
    group_index: float = 4.177
    """EIM, with the dispersion of both materials."""
    loss_db_per_cm: float = 2.0
    """Demonstration value; 1-3 dB/cm is the class of 220 nm strip waveguides."""


class Coupler(Frozen):
    """Directional coupler: field coupling per length `rate exp(-decay gap)`."""

    rate_per_um: float = 0.33363
    """Fit to EIM supermodes of two strips, gaps 0.15 to 0.40 um, error below 0.7 %."""
    decay_per_um: float = 10.6440
    """Same fit."""
    rate_slope_per_um: float = 2.357
    """Relative change of the rate per um of wavelength; EIM at 1305 and 1315 nm."""
    decay_slope_per_um: float = -14.61
    """Change of the decay per um of wavelength; EIM at 1305 and 1315 nm."""
    pitch_um: float = 40.0
    """Distance of the two pins on a side, centre to centre."""
    bend_length_um: float = 60.0
    """Length of the S-bend from a pin to the parallel part, along the coupler."""
    excess_loss_db: float = 0.05
    """Demonstration value."""


class Crossing(Frozen):
    """Waveguide crossing with widened arms."""

    loss_db: float = 0.05
    """Demonstration value; shaped crossings of 0.02-0.1 dB are published."""
    crosstalk_db: float = -40.0
    """Into each side arm; demonstration value, -37 to -45 dB are published."""


class HeaterGuide(Frozen):
    """Thermo-optic phase shifter: TiN film 2 um above the strip."""

    p_pi_mw: float = 25.0
    """Plain TiN heaters: 20-30 mW. Independent of length to first order."""
    p_pi_undercut_mw: float = 3.5
    """Undercut heaters: 2-5 mW."""
    tau_us: float = 10.0
    """Plain: 5-20 us."""
    tau_undercut_us: float = 100.0
    """Undercut: 50-200 us."""
    sheet_ohm: float = 10.0
    """100 nm TiN film; demonstration value, the same as `tech.SHEET_OHM`."""
    crosstalk: float = 0.02
    """Share of the phase that appears at `crosstalk_um`; demonstration value."""
    crosstalk_um: float = 40.0
    """Reference distance of `crosstalk`."""
    crosstalk_decay_um: float = 60.0
    """Distance over which it falls to 1/e: the die sinks heat; demonstration value."""
    loss_db: float = 0.02
    """Beside the waveguide's loss; demonstration value."""


class EdgeCoupler(Frozen):
    """Inverse taper to a lensed fibre or a fibre array."""

    loss_db: float = 1.5
    """Per facet, TE; below 1.52 dB over the O-band, Adv. Photon. Nexus 4, 026004 (2025)."""


class Junction(Frozen):
    """Lateral PN junction in a rib."""

    v_pi_l_v_cm: float = 0.825
    """Photonics Research 10, 1127 (2022)."""


GUIDE = Guide()
COUPLER = Coupler()
CROSSING = Crossing()
HEATER = HeaterGuide()
EDGE_COUPLER = EdgeCoupler()
JUNCTION = Junction()


def coupling_rate(gap_um: float, wavelength_nm: float = CARRIER_NM) -> float:
    """Field coupling per um of two parallel strips, `gap_um` apart."""
    step_um = (wavelength_nm - CARRIER_NM) / 1000.0
    rate = COUPLER.rate_per_um * math.exp(COUPLER.rate_slope_per_um * step_um)
    return rate * math.exp(-(COUPLER.decay_per_um + COUPLER.decay_slope_per_um * step_um) * gap_um)


def sine_bend(x: float, length: float, offset: float) -> float:
    """Height at `x` of an S-bend with neither slope nor curvature at its ends."""
    t = x / length
    return offset * (t - math.sin(2.0 * math.pi * t) / (2.0 * math.pi))


def bend_offset(gap_um: float) -> float:
    """Sideways offset in um of each S-bend of a coupler."""
    return (COUPLER.pitch_um - gap_um - WIRE_WIDTH) / 2.0


def coupling_angle(gap_um: float, length_um: float, wavelength_nm: float = CARRIER_NM) -> float:
    """Coupling angle in rad of a `coupler2x2`: its parallel part and the S-bends at both ends.

    The cross power is the sine squared of this angle. In the bends the rate follows the local gap.

    Args:
        gap_um: gap of the parallel part in um.
        length_um: length of the parallel part in um.
        wavelength_nm: wavelength in nm.
    """
    length, offset, steps = COUPLER.bend_length_um, bend_offset(gap_um), 400
    total = 0.0
    # Simpson's rule over one bend: the gap opens slowly at first, then the rate has died away.
    for i in range(steps + 1):
        weight = 1 if i in (0, steps) else 4 if i % 2 else 2
        height = sine_bend(length * i / steps, length, offset)
        total += weight * coupling_rate(gap_um + 2.0 * height, wavelength_nm)
    bends = 2.0 * total * length / steps / 3.0
    return coupling_rate(gap_um, wavelength_nm) * length_um + bends


def half_length(gap_um: float) -> float:
    """Length in um of the parallel part that splits the power in halves, on the 1 nm grid.

    Raises:
        ValueError: when the bends alone couple more than half.
    """
    length = (math.pi / 4.0 - coupling_angle(gap_um, 0.0)) / coupling_rate(gap_um)
    if length < 0.0:
        raise ValueError(f"gap_um = {gap_um}; its bends alone couple more than half the power")
    return round(length, 3)


def thermal_crosstalk(distance_um: float) -> float:
    """Phase at a waveguide `distance_um` from a heater, relative to the heated waveguide's."""
    far = math.exp(-(distance_um - HEATER.crosstalk_um) / HEATER.crosstalk_decay_um)
    return min(1.0, HEATER.crosstalk * far)


def heater_ohm(length_um: float, width_um: float) -> float:
    """Resistance in ohm of a heater film."""
    return HEATER.sheet_ohm * length_um / width_um


def heater_p_pi_mw(undercut: bool) -> float:
    """Power in mW for half a turn."""
    return HEATER.p_pi_undercut_mw if undercut else HEATER.p_pi_mw


def heater_tau_us(undercut: bool) -> float:
    """Thermal time constant in us."""
    return HEATER.tau_undercut_us if undercut else HEATER.tau_us
