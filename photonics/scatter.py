"""Scattering of the devices of the technology, from `devices` numbers and measured parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.polynomial import Chebyshev

from lightloom.photonics import devices
from lightloom.photonics.devices import CROSSING, EDGE_COUPLER, GUIDE, HEATER
from lightloom.photonics.solver import Field, FourPort, Frequencies, Models, Scatter, TwoPort

Maker = Callable[[Mapping[str, float]], Scatter]
LIGHT_M_PER_S = devices.LIGHT_UM_PER_PS * 1e6
REFERENCE_HZ = LIGHT_M_PER_S / (devices.CARRIER_NM * 1e-9)
"""Frequency that the indices of `devices` hold at."""


def frequency_hz(wavelength_nm: float) -> float:
    """Frequency of light of a vacuum wavelength."""
    return LIGHT_M_PER_S / (wavelength_nm * 1e-9)


def wavelength_nm(frequency: float) -> float:
    """Vacuum wavelength of light of a frequency in Hz."""
    return LIGHT_M_PER_S / frequency * 1e9


def models() -> Models:
    """Scattering of every passive device type; equal parameters share one object."""
    return Models({kind: _shared(make) for kind, make in _MAKERS.items()}, cache(guide))


def _shared(make: Maker) -> Maker:
    known: dict[tuple[tuple[str, float], ...], Scatter] = {}

    def get(parameters: Mapping[str, float]) -> Scatter:
        key = tuple(sorted(parameters.items()))
        if key not in known:
            known[key] = make(parameters)
        return known[key]

    return get


def propagation(length_um: float, frequencies: Frequencies, loss_db: float) -> Field:
    """Field transfer of a strip waveguide; the index is linear in frequency about the carrier."""
    index = GUIDE.index + (GUIDE.group_index - GUIDE.index) * (frequencies / REFERENCE_HZ - 1)
    turns = frequencies * index * (length_um * 1e-6 / LIGHT_M_PER_S)
    field: Field = np.exp(-2j * np.pi * turns)
    return 10 ** (-loss_db / 20) * field


def guide_loss_db(length_um: float) -> float:
    """Loss of a strip waveguide."""
    return GUIDE.loss_db_per_cm * length_um * 1e-4


def delay_ps(length_um: float) -> float:
    """Group delay of a strip waveguide."""
    return length_um * GUIDE.group_index / devices.LIGHT_UM_PER_PS


def guide(length_um: float, extra_db: float = 0.0, heated: bool = False) -> TwoPort:
    """Strip waveguide with an excess loss."""
    loss_db = guide_loss_db(length_um) + extra_db
    return TwoPort(lambda f: propagation(length_um, f, loss_db), delay_ps(length_um), heated=heated)


def _coupler(parameters: Mapping[str, float]) -> FourPort:
    gap, length, path = parameters["gap_um"], parameters["length_um"], parameters["path_um"]
    loss_db = guide_loss_db(path) + devices.COUPLER.excess_loss_db

    def matrix(frequencies: Frequencies) -> Field:
        angle = _angles(gap, length, frequencies)
        t, k = np.cos(angle), -1j * np.sin(angle)
        one = np.moveaxis(np.array([[t, k], [k, t]]), -1, 0)
        return one * propagation(path, frequencies, loss_db)[:, None, None]

    sides = ((("o1", "o2"), ("o4", "o3")), (("o4", "o3"), ("o1", "o2")))
    return FourPort(matrix, delay_ps(path), sides)


def _angles(gap_um: float, length_um: float, frequencies: Frequencies) -> np.ndarray:
    """Coupling angles; over many frequencies through a polynomial, for the angle is smooth."""

    def angle(frequency: float) -> float:
        return devices.coupling_angle(gap_um, length_um, wavelength_nm(frequency))

    if frequencies.size <= 16:
        return np.array([angle(f) for f in frequencies])
    domain = [float(frequencies.min()), float(frequencies.max()) * (1 + 1e-9)]
    fit = Chebyshev.interpolate(lambda at: np.array([angle(f) for f in at]), 10, domain)
    return fit(frequencies)


_THROUGH = {"o1": "o3", "o3": "o1", "o2": "o4", "o4": "o2"}
_AROUND = (("o1", "o2"), ("o2", "o3"), ("o3", "o4"), ("o4", "o1"))


def _crossing(parameters: Mapping[str, float]) -> FourPort:
    path = parameters["path_um"]
    # Crosstalk is in quadrature: a lossless crossing with equal side arms cannot have it otherwise.
    leak = 1j * 10 ** (CROSSING.crosstalk_db / 20)
    through = 10 ** (-CROSSING.loss_db / 20)
    one = np.array([[leak, through], [through, leak]])
    sides = tuple(((p, q), (_THROUGH[q], _THROUGH[p])) for p, q in _AROUND)
    return FourPort(
        lambda f: one * propagation(path, f, guide_loss_db(path))[:, None, None],
        delay_ps(path),
        sides,
    )


def _heater(parameters: Mapping[str, float]) -> TwoPort:
    return guide(parameters["length_um"], HEATER.loss_db, heated=True)


def _edge_coupler(parameters: Mapping[str, float]) -> TwoPort:
    # The loss of the facet includes the taper; its phase is that of a strip as long.
    length = parameters["length_um"]
    return guide(length, EDGE_COUPLER.loss_db - guide_loss_db(length))


_MAKERS: Mapping[str, Maker] = {
    "coupler2x2": _coupler,
    "crossing": _crossing,
    "heater_waveguide": _heater,
    "edge_coupler": _edge_coupler,
}
