"""Scattering of every device type, from `devices` numbers and measured parameters.

`smatrix` is complete: reciprocal, passive, with reflections. `models` is what runs forwards of it,
for the feed-forward solver: reflections and light that a crossing throws backwards are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import NamedTuple, TypeVar

import numpy as np

from lightloom.photonics.circuit import modulators, passives, rings
from lightloom.photonics.circuit.elements import (
    Field,
    FourPort,
    Frequencies,
    Models,
    NPort,
    Parts,
    Scatter,
    Side,
    Sink,
    Turn,
    TwoPort,
)
from lightloom.photonics.circuit.guided import (
    delay_ps,
    frequency_hz,
    guide_loss_db,
    propagation,
    wavelength_nm,
)
from lightloom.photonics.devices import BANDS, O_BAND, Numbers
from lightloom.photonics.netlist import Netlist
from lightloom.spec.base import DesignError

__all__ = [
    "HEATED",
    "TYPES",
    "delay_ps",
    "device",
    "frequency_hz",
    "guide",
    "guide_loss_db",
    "models",
    "numbers_of",
    "parts",
    "propagation",
    "smatrix",
    "wavelength_nm",
]


Made = TypeVar("Made")


class Type(NamedTuple):
    """A device type: its optical ports, its complete scattering, and how light runs through."""

    ports: tuple[str, ...]
    make: Callable[[Mapping[str, float], Numbers], NPort]
    sides: tuple[Side, ...] = ()
    """Of a 2x2 or 1x2; lines and ends need none."""


def _both(first: tuple[str, str], second: tuple[str, str]) -> tuple[Side, ...]:
    return (first, second), (second, first)


_TWO = ("o1", "o2")
_FOUR = ("o1", "o2", "o3", "o4")
_AROUND = (("o1", "o2"), ("o2", "o3"), ("o3", "o4"), ("o4", "o1"))
_THROUGH = {"o1": "o3", "o3": "o1", "o2": "o4", "o4": "o2"}

TYPES: Mapping[str, Type] = {
    "coupler2x2": Type(_FOUR, passives.coupler2x2, _both(("o1", "o2"), ("o4", "o3"))),
    "crossing": Type(
        _FOUR, passives.crossing, tuple(((p, q), (_THROUGH[q], _THROUGH[p])) for p, q in _AROUND)
    ),
    "splitter1x2": Type(("o1", "o2", "o3"), passives.splitter1x2, _both(("o1", ""), ("o2", "o3"))),
    "heater_waveguide": Type(_TWO, passives.heater_waveguide),
    "pin_waveguide": Type(_TWO, passives.pin_waveguide),
    "edge_coupler": Type(_TWO, passives.edge_coupler),
    "grating_coupler": Type(_TWO, passives.grating_coupler),
    "terminator": Type(("o1",), passives.terminator),
    "ring_modulator": Type(_TWO, rings.ring_modulator),
    "ring_filter": Type(_FOUR, rings.ring_filter, _both(("o1", "o4"), ("o2", "o3"))),
    "mzm": Type(_TWO, modulators.mzm),
    "eam": Type(_TWO, modulators.eam),
    "photodiode": Type(("o1",), modulators.photodiode),
}
"""Every device type of the technology."""
HEATED = ("heater_waveguide", "pin_waveguide", "ring_modulator", "ring_filter", "mzm")
"""Types with a phase that is set at run time."""


def device(kind: str, parameters: Mapping[str, float], numbers: Numbers = O_BAND) -> NPort:
    """Return the complete scattering of a device.

    Raises:
        KeyError: a parameter is missing.
        DesignError: there is no such type.
    """
    if kind not in TYPES:
        raise DesignError(f"type = {kind!r}; allowed: {', '.join(TYPES)}")
    return TYPES[kind].make(parameters, numbers)


def smatrix(
    kind: str,
    parameters: Mapping[str, float],
    frequencies_hz: Frequencies,
    numbers: Numbers = O_BAND,
    turn: Turn | None = None,
) -> Field:
    """Return the S-matrix `(f, n, n)` of a device in the order of `TYPES[kind].ports`.

    Rows are what comes out, columns what goes in; `turn` is the phase in rad of its phase shifter
    at each frequency. Raises as `device`.
    """
    return device(kind, parameters, numbers).matrix(frequencies_hz, turn)


def numbers_of(netlist: Netlist) -> Numbers:
    """Numbers of the band that a netlist is drawn for."""
    return BANDS[netlist.band]


def parts(numbers: Numbers = O_BAND) -> Parts:
    """Complete scattering of every device type in a band; equal parameters share one object."""
    makers = {kind: _shared(partial(device, kind, numbers=numbers)) for kind in TYPES}
    return Parts(makers, cache(partial(guide, numbers=numbers)))


def models(numbers: Numbers = O_BAND) -> Models:
    """Forward scattering of every device type in a band; equal parameters share one object."""

    def maker(kind: str) -> Callable[[Mapping[str, float]], Scatter]:
        return _shared(lambda given: forwards(device(kind, given, numbers), TYPES[kind].sides))

    makers = {kind: maker(kind) for kind in TYPES}
    return Models(makers, cache(partial(guide, numbers=numbers)))


def _shared(make: Callable[[Mapping[str, float]], Made]) -> Callable[[Mapping[str, float]], Made]:
    known: dict[tuple[tuple[str, float], ...], Made] = {}

    def get(parameters: Mapping[str, float]) -> Made:
        key = tuple(sorted(parameters.items()))
        if key not in known:
            known[key] = make(parameters)
        return known[key]

    return get


def forwards(part: NPort, sides: tuple[Side, ...]) -> Scatter:
    """What a device does to light that runs one way."""
    if len(part.ports) == 1:
        return Sink(part.ports)
    if len(part.ports) == 2:

        def transfer(frequencies: Frequencies, turn: Turn | None = None) -> Field:
            return part.matrix(frequencies, turn)[:, 1, 0]

        first, second = part.ports
        driven = transfer if part.heated else None
        return TwoPort(transfer, part.delay_ps, (first, second), part.heated, driven)
    order = {port: at for at, port in enumerate(part.ports)}
    places = {
        (i, j): (order[leaves], order[enters])
        for side in sides
        for i, leaves in enumerate(side[1])
        for j, enters in enumerate(side[0])
        if enters and leaves
    }

    def matrix(frequencies: Frequencies, turn: Turn | None = None) -> Field:
        s = part.matrix(frequencies, turn)
        result = np.zeros((s.shape[0], 2, 2), dtype=complex)
        for place, source in places.items():
            result[:, *place] = s[:, *source]
        return result

    return FourPort(matrix, part.delay_ps, sides, part.heated, matrix if part.heated else None)


def guide(length_um: float, numbers: Numbers = O_BAND) -> TwoPort:
    """Strip waveguide."""
    loss_db = guide_loss_db(length_um, numbers)
    return TwoPort(
        lambda f: propagation(length_um, f, loss_db, numbers), delay_ps(length_um, numbers)
    )
