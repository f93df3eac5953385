"""Light in a strip waveguide: frequency, phase, loss, delay."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray

from lightloom.photonics.circuit.elements import Field, Frequencies
from lightloom.photonics.devices import LIGHT_UM_PER_PS, O_BAND, Numbers

LIGHT_M_PER_S = LIGHT_UM_PER_PS * 1e6


def frequency_hz(wavelength_nm: float) -> float:
    """Frequency of light of a vacuum wavelength."""
    return LIGHT_M_PER_S / (wavelength_nm * 1e-9)


def wavelength_nm(frequency: float) -> float:
    """Vacuum wavelength of light of a frequency in Hz."""
    return LIGHT_M_PER_S / frequency * 1e9


def propagation(
    length_um: float, frequencies: Frequencies, loss_db: float, numbers: Numbers = O_BAND
) -> Field:
    """Field transfer of a strip waveguide; the index is linear in frequency about the carrier."""
    part, reference = numbers.guide, frequency_hz(numbers.carrier_nm)
    index = part.index + (part.group_index - part.index) * (frequencies / reference - 1)
    turns = frequencies * index * (length_um * 1e-6 / LIGHT_M_PER_S)
    field: Field = np.exp(-2j * np.pi * turns)
    return amplitude(loss_db) * field


def amplitude(loss_db: float) -> float:
    """Field amplitude behind a loss."""
    return 10 ** (-loss_db / 20)


def guide_loss_db(length_um: float, numbers: Numbers = O_BAND) -> float:
    """Loss of a strip waveguide."""
    return numbers.guide.loss_db_per_cm * length_um * 1e-4


def delay_ps(length_um: float, numbers: Numbers = O_BAND) -> float:
    """Group delay of a strip waveguide."""
    return length_um * numbers.guide.group_index / LIGHT_UM_PER_PS


def over_band(value: Callable[[float], float], frequencies: Frequencies) -> NDArray[np.float64]:
    """`value` of the wavelength in nm, smooth over the band, at each frequency.

    Over many frequencies it is evaluated at a few and interpolated by a polynomial.
    """
    if frequencies.size <= 16:
        return np.array([value(wavelength_nm(f)) for f in frequencies])
    domain = [float(frequencies.min()), float(frequencies.max()) * (1 + 1e-9)]
    fit = Chebyshev.interpolate(
        lambda at: np.array([value(wavelength_nm(f)) for f in at]), 10, domain
    )
    return fit(frequencies)
