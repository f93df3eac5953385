"""Scattering of any netlist, with rings, reflections and loops: sparse equations, solved directly.

What leaves all pins, `b`, is the devices' scattering `S` of what enters them, and that is what
leaves the pins at the other ends of the waveguides, `C b`, and the light `e` at the chip ports:

    (1 - S C) b = S e

One LU factorisation a frequency, for all inputs together. The order of elimination is chosen once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from lightloom.photonics.circuit.elements import Field, Frequencies, NPort, Parts, TwoPort
from lightloom.photonics.circuit.walk import joined
from lightloom.photonics.netlist import Netlist, Pin
from lightloom.spec.base import DesignError

BLOCK = 64
"""Frequencies whose equations are held together."""


class _Entry(NamedTuple):
    """Scattering from a pin to another of one device, and the waveguide before it, if any."""

    device: str
    row: int
    column: int
    wire: TwoPort | None


@dataclass(frozen=True)
class Circuit:
    """The equations of a netlist: which pins there are and what joins them."""

    netlist: Netlist
    parts: Mapping[str, NPort]
    """By instance."""
    index: Mapping[Pin, int]
    """Number of each pin."""
    joint: Mapping[Pin, tuple[Pin, TwoPort | None]]
    """The pin at the other end of the waveguide at each joined pin, and its waveguide."""

    @property
    def heaters(self) -> tuple[str, ...]:
        """Devices with a phase that is set at run time, by instance."""
        return tuple(name for name, part in self.parts.items() if part.heated)


def build(netlist: Netlist, parts: Parts, ports: Sequence[str] | None = None) -> Circuit:
    """Return the equations of what is connected to `ports`, all optical chip ports when absent.

    Raises:
        DesignError: a port, a model, a parameter, or the length or the other end of a waveguide is
            missing.
    """

    def error(text: str) -> DesignError:
        return DesignError(f"netlist {netlist.chip} {text}")

    peers = joined(netlist)
    loose = {wire.pins[0]: label for label, wire in netlist.nets.items() if len(wire.pins) == 1}
    reached: dict[str, NPort] = {}
    index: dict[Pin, int] = {}
    joint: dict[Pin, tuple[Pin, TwoPort | None]] = {}
    todo = [_pin(netlist, name)[0] for name in (netlist.ports if ports is None else ports)]
    while todo:
        name = todo.pop()
        if name in reached:
            continue
        instance = netlist.instances[name]
        make = parts.devices.get(instance.type)
        if make is None:
            raise error(
                f"cannot be simulated: {name} is of type {instance.type}; "
                f"allowed: {', '.join(sorted(parts.devices))}"
            )
        try:
            reached[name] = make(instance.parameters)
        except KeyError as missing:
            raise error(f"cannot be simulated: {name} has no parameter {missing.args[0]}") from None
        for port in reached[name].ports:
            pin = name, port
            index[pin] = len(index)
            if pin in loose:
                raise error(
                    f"cannot be simulated: light from {name},{port} ends in the loose end of "
                    f"{loose[pin]}"
                )
            if pin in peers:
                label, wire, other = peers[pin]
                if wire.length_um is None:
                    raise error(f"cannot be simulated: wire {label} has no length")
                joint[pin] = other, parts.wire(wire.length_um) if wire.length_um else None
                todo.append(other[0])
    for other, _ in joint.values():
        if other not in index:
            raise error(
                f"cannot be simulated: {other[0]} has no port {other[1]}; "
                f"allowed: {', '.join(reached[other[0]].ports)}"
            )
    return Circuit(netlist, reached, index, joint)


def evaluate(
    circuit: Circuit,
    inputs: Sequence[str],
    outputs: Sequence[str],
    frequencies_hz: Frequencies,
    phases_rad: Mapping[str, float] | None = None,
    carrier_hz: float | None = None,
) -> Field:
    """Return field transfers `s[f, output, input]` between any chip ports, a port to itself too.

    Args:
        circuit: from `build`.
        inputs: chip ports.
        outputs: chip ports, or instances with one port (photodiodes): the light that enters them.
        frequencies_hz: of the light.
        phases_rad: of heated devices by instance, at `carrier_hz`; they grow with frequency. Others
            are at 0.
        carrier_hz: needed with `phases_rad`.

    Raises:
        DesignError: an output or a heated device does not exist, or light runs around a closed loop
            without loss at its resonance.
    """
    frequencies = np.atleast_1d(np.asarray(frequencies_hz, dtype=float))
    given = dict(phases_rad or {})
    for name in given:
        if name not in circuit.heaters:
            raise DesignError(
                f"netlist {circuit.netlist.chip}: {name} has no phase; "
                f"allowed: {', '.join(circuit.heaters) or 'none'}"
            )
    if given and carrier_hz is None:
        raise ValueError("carrier_hz = None; allowed: a frequency, with phases")
    sources = [circuit.index[_pin(circuit.netlist, name)] for name in inputs]
    equations = _Equations(circuit, sources)
    taken = [_taken(circuit, name) for name in outputs]
    s = np.empty((frequencies.size, len(outputs), len(inputs)), dtype=complex)
    for start in range(0, frequencies.size, BLOCK):
        here = frequencies[start : start + BLOCK]
        turns = {name: phase * here / (carrier_hz or 1.0) for name, phase in given.items()}
        values, right = equations.at(here, turns)
        behind = [
            (row, np.ones(here.size, dtype=complex) if wire is None else wire.transfer(here))
            for row, wire in taken
        ]
        for k in range(here.size):
            leaving = equations.solve(values[:, k], right[:, :, k], float(here[k]))
            for o, (row, t) in enumerate(behind):
                s[start + k, o] = leaving[row] * t[k]
    return s


def _pin(netlist: Netlist, name: str) -> Pin:
    if name not in netlist.ports:
        raise DesignError(f"netlist {netlist.chip} has no optical port {name}")
    return netlist.ports[name]


def _taken(circuit: Circuit, name: str) -> tuple[int, TwoPort | None]:
    """The pin whose light an output is, and the waveguide it still passes."""
    if name in circuit.netlist.ports:
        return circuit.index[circuit.netlist.ports[name]], None
    part = circuit.parts.get(name)
    if part is not None and len(part.ports) == 1 and (name, part.ports[0]) in circuit.joint:
        other, wire = circuit.joint[name, part.ports[0]]
        return circuit.index[other], wire
    raise DesignError(f"netlist {circuit.netlist.chip} has no optical port {name}")


class _Equations:
    """The matrix `1 - S C` in compressed columns, already in the order of elimination."""

    def __init__(self, circuit: Circuit, sources: Sequence[int]) -> None:
        self.circuit = circuit
        self.size = len(circuit.index)
        self.sources = list(sources)
        probe = np.array([2e14, 2.3e14])
        self._known: dict[int, list[tuple[int, int]]] = {}
        entries: list[_Entry] = []
        self._places: list[tuple[int, int]] = []
        for name, part in circuit.parts.items():
            numbers = [circuit.index[name, port] for port in part.ports]
            for i, j in self._pattern(part, probe):
                joint = circuit.joint.get((name, part.ports[j]))
                if joint is not None:
                    other, wire = joint
                    entries.append(_Entry(name, numbers[i], circuit.index[other], wire))
                    self._places.append((i, j))
        self._entries = entries
        self.order: NDArray[np.intp] | None = None
        self._rows = np.array([*range(self.size), *(e.row for e in entries)])
        self._columns = np.array([*range(self.size), *(e.column for e in entries)])

    def _pattern(self, part: NPort, probe: Frequencies) -> list[tuple[int, int]]:
        """Pairs of ports that light goes between."""
        if id(part) not in self._known:
            turn = np.full(probe.size, 0.3) if part.heated else None
            s = np.abs(part.matrix(probe, turn)).max(axis=0)
            if part.heated:
                s = np.maximum(s, np.abs(part.matrix(probe, None)).max(axis=0))
            self._known[id(part)] = [(int(i), int(j)) for i, j in np.argwhere(s > 0)]
        return self._known[id(part)]

    def at(
        self, frequencies: Frequencies, turns: Mapping[str, NDArray[np.float64]]
    ) -> tuple[Field, Field]:
        """Entries `[entry, f]` of the matrix and `[pin, source, f]` of the right side."""
        known: dict[int, Field] = {}
        wires: dict[int, Field] = {}

        def scattering(name: str) -> Field:
            part = self.circuit.parts[name]
            if name in turns:
                return part.matrix(frequencies, turns[name])
            if id(part) not in known:
                known[id(part)] = part.matrix(frequencies, None)
            return known[id(part)]

        values = np.empty((self.size + len(self._entries), frequencies.size), dtype=complex)
        values[: self.size] = 1.0
        last, s = "", np.empty(0, dtype=complex)
        for k, (entry, (i, j)) in enumerate(zip(self._entries, self._places, strict=True)):
            if entry.device != last:
                last, s = entry.device, scattering(entry.device)
            t = s[:, i, j]
            if entry.wire is not None:
                if id(entry.wire) not in wires:
                    wires[id(entry.wire)] = entry.wire.transfer(frequencies)
                t = t * wires[id(entry.wire)]
            values[self.size + k] = -t
        right = np.zeros((self.size, len(self.sources), frequencies.size), dtype=complex)
        pins = list(self.circuit.index)
        for column, source in enumerate(self.sources):
            name, port = pins[source]
            part = self.circuit.parts[name]
            scattered = scattering(name)
            for i, out in enumerate(part.ports):
                right[self.circuit.index[name, out], column] = scattered[
                    :, i, part.ports.index(port)
                ]
        return values, right

    def solve(self, values: Field, right: Field, frequency: float) -> Field:
        """What leaves each pin, `[pin, source]`."""
        try:
            if self.order is None:
                shape = self.size, self.size
                matrix = csc_matrix((values, (self._rows, self._columns)), shape=shape)
                order = splu(matrix, permc_spec="COLAMD").perm_c
                self._arrange(np.asarray(order))
            assert self.order is not None
            data = np.add.reduceat(values[self._sequence], self._firsts)
            matrix = csc_matrix((data, self._indices, self._starts), shape=(self.size, self.size))
            solved = splu(matrix, permc_spec="NATURAL").solve(
                np.ascontiguousarray(right[self.order])
            )
        except RuntimeError:
            raise DesignError(
                f"netlist {self.circuit.netlist.chip} cannot be simulated at {frequency:.6g} Hz: "
                "light runs around a closed loop without loss"
            ) from None
        leaving = np.empty_like(solved)
        leaving[self.order] = solved
        return leaving

    def _arrange(self, permutation: NDArray[np.intp]) -> None:
        # `permutation[pin]` is the column that the pin goes to.
        self.order = np.argsort(permutation)
        rows, columns = permutation[self._rows], permutation[self._columns]
        self._sequence = np.lexsort((rows, columns))
        rows, columns = rows[self._sequence], columns[self._sequence]
        # A waveguide from a device to itself adds to an entry that is there already.
        new = (np.diff(rows, prepend=-1) != 0) | (np.diff(columns, prepend=-1) != 0)
        self._firsts = np.flatnonzero(new)
        self._indices = rows[new].astype(np.int32)
        self._starts = np.searchsorted(columns[new], np.arange(self.size + 1)).astype(np.int32)
