"""Where rings resonate, and how long a ring must be to resonate there.

Rings have the indices of the straight waveguide: what bends, implants and slabs change is left to
the heater, as is every nanometre of the process. Frequencies are in GHz.
"""

from __future__ import annotations

import math

from lightloom.photonics.circuit import rings
from lightloom.photonics.circuit.guided import guide_loss_db
from lightloom.photonics.devices import LIGHT_UM_PER_PS, Numbers

LIGHT_UM_GHZ = LIGHT_UM_PER_PS * 1e3
"""Speed of light in um GHz."""


def wavelength_nm(frequency_ghz: float) -> float:
    """Vacuum wavelength."""
    return LIGHT_UM_GHZ / frequency_ghz * 1e3


def frequency_ghz(wavelength: float) -> float:
    """Frequency of light of a vacuum wavelength in nm."""
    return LIGHT_UM_GHZ / wavelength * 1e3


def shift_pm(frequency: float, down_ghz: float) -> float:
    """Change of wavelength of light of a frequency that falls by `down_ghz`."""
    return wavelength_nm(frequency) ** 2 * down_ghz / LIGHT_UM_GHZ


def round_trip_um(radius_um: float, straight_um: float = 0.0) -> float:
    """Length of a racetrack."""
    return 2.0 * math.pi * radius_um + 2.0 * straight_um


def length_of_range_um(fsr_ghz: float, numbers: Numbers) -> float:
    """Round trip with a free spectral range, at the carrier."""
    return LIGHT_UM_GHZ / (numbers.guide.group_index * fsr_ghz)


def index(frequency: float, numbers: Numbers) -> float:
    """Effective index, linear in frequency about the carrier."""
    part, carrier = numbers.guide, frequency_ghz(numbers.carrier_nm)
    return part.index + (part.group_index - part.index) * (frequency / carrier - 1.0)


def waves(length_um: float, frequency: float, numbers: Numbers) -> float:
    """Waves of light on a round trip; whole at resonance."""
    return frequency * index(frequency, numbers) * length_um / LIGHT_UM_GHZ


def resonance_ghz(length_um: float, order: int, numbers: Numbers) -> float:
    """Frequency at which `order` waves fit on a round trip."""
    part, carrier = numbers.guide, frequency_ghz(numbers.carrier_nm)
    # f n(f) L = order c is a quadratic in f / carrier.
    a = part.group_index - part.index
    b = part.index - a
    wanted = order * LIGHT_UM_GHZ / (carrier * length_um)
    return carrier * (-b + math.sqrt(b * b + 4.0 * a * wanted)) / (2.0 * a)


def resonant_length_um(frequency: float, order: int, numbers: Numbers) -> float:
    """Round trip that `order` waves of light of a frequency fit on."""
    return order * LIGHT_UM_GHZ / (frequency * index(frequency, numbers))


def filter_loss_db(length_um: float, numbers: Numbers) -> float:
    """Loss of a round trip of a filter ring."""
    return guide_loss_db(length_um, numbers) + numbers.ring_filter.turn_loss_db


def filter_width_ghz(length_um: float, angle: float, numbers: Numbers) -> float:
    """Full width at half maximum of an add-drop ring with `angle` at both buses."""
    kept = math.cos(angle) ** 2 * 10.0 ** (-filter_loss_db(length_um, numbers) / 20.0)
    if 1.0 - kept >= 2.0 * math.sqrt(kept):
        return math.inf  # so strongly coupled that it drops more than half at any frequency
    return rings.free_spectral_range_ghz(length_um, numbers) / rings.finesse(kept)
