"""Scattering of the devices of the technology, from `devices` numbers and measured parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import numpy as np
from numpy.polynomial import Chebyshev

from lightloom.photonics.devices import LIGHT_UM_PER_PS, O_BAND, Numbers
from lightloom.photonics.solver import Field, FourPort, Frequencies, Models, Scatter, TwoPort

Maker = Callable[[Mapping[str, float], Numbers], Scatter]
LIGHT_M_PER_S = LIGHT_UM_PER_PS * 1e6


def frequency_hz(wavelength_nm: float) -> float:
    """Frequency of light of a vacuum wavelength."""
    return LIGHT_M_PER_S / (wavelength_nm * 1e-9)


def wavelength_nm(frequency: float) -> float:
    """Vacuum wavelength of light of a frequency in Hz."""
    return LIGHT_M_PER_S / frequency * 1e9


def models(numbers: Numbers = O_BAND) -> Models:
    """Scattering of every passive device type in a band; equal parameters share one object."""
    makers = {kind: _shared(make, numbers) for kind, make in _MAKERS.items()}
    return Models(makers, cache(partial(guide, numbers=numbers)))


def _shared(make: Maker, numbers: Numbers) -> Callable[[Mapping[str, float]], Scatter]:
    known: dict[tuple[tuple[str, float], ...], Scatter] = {}

    def get(parameters: Mapping[str, float]) -> Scatter:
        key = tuple(sorted(parameters.items()))
        if key not in known:
            known[key] = make(parameters, numbers)
        return known[key]

    return get


def propagation(
    length_um: float, frequencies: Frequencies, loss_db: float, numbers: Numbers = O_BAND
) -> Field:
    """Field transfer of a strip waveguide; the index is linear in frequency about the carrier."""
    part, reference = numbers.guide, frequency_hz(numbers.carrier_nm)
    index = part.index + (part.group_index - part.index) * (frequencies / reference - 1)
    turns = frequencies * index * (length_um * 1e-6 / LIGHT_M_PER_S)
    field: Field = np.exp(-2j * np.pi * turns)
    return 10 ** (-loss_db / 20) * field


def guide_loss_db(length_um: float, numbers: Numbers = O_BAND) -> float:
    """Loss of a strip waveguide."""
    return numbers.guide.loss_db_per_cm * length_um * 1e-4


def delay_ps(length_um: float, numbers: Numbers = O_BAND) -> float:
    """Group delay of a strip waveguide."""
    return length_um * numbers.guide.group_index / LIGHT_UM_PER_PS


def guide(
    length_um: float, extra_db: float = 0.0, heated: bool = False, numbers: Numbers = O_BAND
) -> TwoPort:
    """Strip waveguide with an excess loss."""
    loss_db = guide_loss_db(length_um, numbers) + extra_db
    return TwoPort(
        lambda f: propagation(length_um, f, loss_db, numbers),
        delay_ps(length_um, numbers),
        heated=heated,
    )


def _coupler(parameters: Mapping[str, float], numbers: Numbers) -> FourPort:
    gap, length, path = parameters["gap_um"], parameters["length_um"], parameters["path_um"]
    loss_db = guide_loss_db(path, numbers) + numbers.coupler.excess_loss_db

    def matrix(frequencies: Frequencies) -> Field:
        angle = _angles(gap, length, frequencies, numbers)
        t, k = np.cos(angle), -1j * np.sin(angle)
        one = np.moveaxis(np.array([[t, k], [k, t]]), -1, 0)
        return one * propagation(path, frequencies, loss_db, numbers)[:, None, None]

    sides = ((("o1", "o2"), ("o4", "o3")), (("o4", "o3"), ("o1", "o2")))
    return FourPort(matrix, delay_ps(path, numbers), sides)


def _angles(
    gap_um: float, length_um: float, frequencies: Frequencies, numbers: Numbers
) -> np.ndarray:
    """Coupling angles; over many frequencies through a polynomial, for the angle is smooth."""

    def angle(frequency: float) -> float:
        return numbers.coupling_angle(gap_um, length_um, wavelength_nm(frequency))

    if frequencies.size <= 16:
        return np.array([angle(f) for f in frequencies])
    domain = [float(frequencies.min()), float(frequencies.max()) * (1 + 1e-9)]
    fit = Chebyshev.interpolate(lambda at: np.array([angle(f) for f in at]), 10, domain)
    return fit(frequencies)


_THROUGH = {"o1": "o3", "o3": "o1", "o2": "o4", "o4": "o2"}
_AROUND = (("o1", "o2"), ("o2", "o3"), ("o3", "o4"), ("o4", "o1"))


def _crossing(parameters: Mapping[str, float], numbers: Numbers) -> FourPort:
    path = parameters["path_um"]
    # Crosstalk is in quadrature: a lossless crossing with equal side arms cannot have it otherwise.
    leak = 1j * 10 ** (numbers.crossing.crosstalk_db / 20)
    through = 10 ** (-numbers.crossing.loss_db / 20)
    one = np.array([[leak, through], [through, leak]])
    sides = tuple(((p, q), (_THROUGH[q], _THROUGH[p])) for p, q in _AROUND)
    loss_db = guide_loss_db(path, numbers)
    return FourPort(
        lambda f: one * propagation(path, f, loss_db, numbers)[:, None, None],
        delay_ps(path, numbers),
        sides,
    )


def _heater(parameters: Mapping[str, float], numbers: Numbers) -> TwoPort:
    return guide(parameters["length_um"], numbers.heater.loss_db, heated=True, numbers=numbers)


def _edge_coupler(parameters: Mapping[str, float], numbers: Numbers) -> TwoPort:
    # The loss of the facet includes the taper; its phase is that of a strip as long.
    length = parameters["length_um"]
    excess_db = numbers.edge_coupler.loss_db - guide_loss_db(length, numbers)
    return guide(length, excess_db, numbers=numbers)


_MAKERS: Mapping[str, Maker] = {
    "coupler2x2": _coupler,
    "crossing": _crossing,
    "heater_waveguide": _heater,
    "edge_coupler": _edge_coupler,
}
