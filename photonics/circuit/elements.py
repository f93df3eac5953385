"""What circuits of light are made of: devices by how they scatter, and programs of them.

Convention exp(+j w t): a longer path has a more negative phase.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Frequencies = NDArray[np.float64]
"""In Hz."""
Field = NDArray[np.complex128]
Turn = NDArray[np.float64]
"""Phase in rad that a driven phase shifter adds at each frequency, positive for a longer path."""
Side = tuple[tuple[str, str], tuple[str, str]]
"""Input ports, and the output ports that the lines of these inputs go on at; "" is no port."""


@dataclass(frozen=True)
class TwoPort:
    """A device on one line.

    `transfer(f)` has shape (f,). A `heated` one has a phase set at run time: `driven(f, turn)` is
    its transfer then, that of a pure phase shifter when absent.
    """

    transfer: Callable[[Frequencies], Field]
    delay_ps: float
    ports: tuple[str, str] = ("o1", "o2")
    heated: bool = False
    driven: Callable[[Frequencies, Turn], Field] | None = None

    def at(self, frequencies: Frequencies, turn: Turn | None = None) -> Field:
        """Transfer with the phase shifter at `turn`."""
        if turn is None or not self.heated:
            return self.transfer(frequencies)
        if self.driven is not None:
            return self.driven(frequencies, turn)
        return self.transfer(frequencies) * np.exp(-1j * turn)


@dataclass(frozen=True)
class FourPort:
    """A 2x2: `matrix(f)` has shape (f, 2, 2), rows are outputs.

    `sides` lists the ways light can run through; the matrix is the same for each. A 1x2 is a 2x2
    that lacks a port. `driven` as in `TwoPort`.
    """

    matrix: Callable[[Frequencies], Field]
    delay_ps: float
    sides: tuple[Side, ...]
    heated: bool = False
    driven: Callable[[Frequencies, Turn], Field] | None = None

    @cached_property
    def ports(self) -> tuple[str, ...]:
        """Names of the ports."""
        return tuple(dict.fromkeys(p for side in self.sides for end in side for p in end if p))

    @cached_property
    def directions(self) -> tuple[Mapping[str, bool], ...]:
        """For each of `sides`, whether light enters at a port."""
        return tuple(
            {p: enters for end, enters in zip(side, (True, False), strict=True) for p in end if p}
            for side in self.sides
        )

    def at(self, frequencies: Frequencies, turn: Turn | None = None) -> Field:
        """Matrix with the phase shifter at `turn`."""
        if turn is None or not self.heated or self.driven is None:
            return self.matrix(frequencies)
        return self.driven(frequencies, turn)


@dataclass(frozen=True)
class Sink:
    """A device that light ends in: a photodiode, an absorbing end."""

    ports: tuple[str, ...] = ("o1",)


Scatter = TwoPort | FourPort | Sink


@dataclass(frozen=True)
class NPort:
    """The complete scattering of a device.

    `matrix(f, turn)` has shape (f, n, n), rows are outgoing, in the order of `ports`; `turn` is the
    phase of its phase shifter, 0 when absent; a device that is not `heated` ignores it. `delay_ps`
    is the group delay from its inputs to its outputs.
    """

    ports: tuple[str, ...]
    matrix: Callable[[Frequencies, Turn | None], Field]
    delay_ps: float
    heated: bool = False


class Models(NamedTuple):
    """Scattering of the devices of a netlist by type, and of the waveguide between them."""

    devices: Mapping[str, Callable[[Mapping[str, float]], Scatter]]
    wire: Callable[[float], TwoPort]
    """From the length in um."""


class Parts(NamedTuple):
    """Complete scattering of the devices of a netlist by type, and of the waveguide between."""

    devices: Mapping[str, Callable[[Mapping[str, float]], NPort]]
    wire: Callable[[float], TwoPort]
    """From the length in um."""


@dataclass(frozen=True)
class Element:
    """One step of a program: `scatter` of `device` acts on line `a`, or on lines `a` and `b`."""

    device: str
    scatter: TwoPort | FourPort
    a: int
    b: int | None = None
    heater: int | None = None


@dataclass(frozen=True)
class Program:
    """A feed-forward network as a sequence of steps.

    Line i starts with the light of `inputs[i]`; further lines start dark. `outputs[k]` leaves from
    line `output_lines[k]`.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    lines: int
    elements: tuple[Element, ...]
    heaters: tuple[str, ...]
    output_lines: tuple[int, ...]
