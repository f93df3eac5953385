"""Where the light is: the power of every input at every pin that light passes, at one frequency.

The program of a chip is run step by step, and each step's lines are followed through the netlist,
so that the power before and after every waveguide and device is known by the name of its pin.
`levels` tells what of it is signal and what is crosstalk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit.elements import Element, Field, FourPort, Program, TwoPort
from lightloom.photonics.circuit.walk import joined
from lightloom.photonics.netlist import Netlist, Pin

Power = NDArray[np.float64]
"""Of the light of each input, relative to what enters there; shape (inputs,)."""

SHARE_DB = -13.0
"""Followed backwards from where it arrives, a signal came through the pins of a device that had at
least this part of what the strongest had: both arms of a cell, but nothing that leaked in."""


@dataclass(frozen=True)
class Trace:
    """Powers along a chip."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    pins: Mapping[Pin, Power]
    """At each pin that light reaches, of a device or its own end of a waveguide."""
    wires: Mapping[str, tuple[Pin, Pin]]
    """Waveguides that light runs through, with the pins it comes from and goes to."""
    before: Mapping[Pin, tuple[Pin, ...]]
    """Pins that the light at a pin comes from, through one device or waveguide."""
    ends: tuple[Pin, ...]
    """Where each output is."""
    received: NDArray[np.float64]
    """`[output, input]`."""


def trace(
    program: Program,
    netlist: Netlist,
    phases_rad: Sequence[float] | NDArray[np.float64],
    frequency_hz: float,
) -> Trace:
    """Return the powers along `netlist` with the phase shifters at `phases_rad`.

    Args:
        program: compiled from `netlist`.
        netlist: the chip.
        phases_rad: one phase a phase shifter of the program, at `frequency_hz`.
        frequency_hz: of the light.

    Raises:
        ValueError: the program is not that of the netlist, or the phases are not as many.
    """
    phases = np.asarray(phases_rad, dtype=float)
    if phases.shape != (len(program.heaters),):
        raise ValueError(f"{phases.size} phases; allowed: {len(program.heaters)}")
    follow = _Follow(netlist, program)
    at = np.array([frequency_hz])
    known: dict[int, Field] = {}  # devices with equal parameters share their scatter object
    for element in program.elements:
        turn = None if element.heater is None else phases[[element.heater]]
        s = known.get(id(element.scatter)) if turn is None else None
        if s is None:
            s = element.scatter.at(at, turn)[0]
            if turn is None:
                known[id(element.scatter)] = s
        follow.step(element, s)
    light = np.abs(follow.light) ** 2
    return Trace(
        program.inputs,
        program.outputs,
        follow.pins,
        follow.wires,
        follow.before,
        tuple(
            netlist.ports[name] if name in netlist.ports else follow.entered[name]
            for name in program.outputs
        ),
        light[list(program.output_lines)],
    )


@dataclass(frozen=True)
class Levels:
    """Powers in dB at each pin, and what they come to at the outputs."""

    signal: Mapping[Pin, float]
    """Of the inputs whose path is there, together; absent where there is none."""
    paths: Mapping[Pin, frozenset[str]]
    """These inputs."""
    crosstalk: Mapping[Pin, float]
    """Of all other inputs together; absent where there is no light of them."""
    loss_db: Mapping[str, float]
    """By output: of the path from the input that is routed to it."""
    crosstalk_db: Mapping[str, float]
    """By output: all other inputs relative to the signal."""
    origin: Mapping[str, str]
    """Input of each output."""


def levels(found: Trace, targets: Mapping[str, str]) -> Levels:
    """Return what is signal and what is crosstalk when light enters at the routed inputs.

    Args:
        found: the powers along the chip.
        targets: output of each input that has one; the others are dark.
    """
    lit = [found.inputs.index(name) for name in targets]
    paths: dict[Pin, set[str]] = {}
    for name, output in targets.items():
        for pin in _path(found, found.inputs.index(name), found.outputs.index(output)):
            paths.setdefault(pin, set()).add(name)
    signal: dict[Pin, float] = {}
    crosstalk: dict[Pin, float] = {}
    names = tuple(targets)
    for pin, powers in found.pins.items():
        power, here = powers[lit], paths.get(pin, set[str]())
        own = np.array([name in here for name in names])
        if here:
            signal[pin] = _db(power[own].sum())
        if power[~own].any():
            crosstalk[pin] = _db(power[~own].sum())
    loss: dict[str, float] = {}
    ratio: dict[str, float] = {}
    for name, output in targets.items():
        at, own = found.received[found.outputs.index(output)], found.inputs.index(name)
        loss[output] = -_db(at[own])
        others = [i for i in lit if i != own]
        ratio[output] = _db(at[others].sum()) - _db(at[own])
    routes = {pin: frozenset(here) for pin, here in paths.items()}
    return Levels(signal, routes, crosstalk, loss, ratio, {o: i for i, o in targets.items()})


def _path(found: Trace, source: int, output: int) -> set[Pin]:
    """Pins that the light of an input passes on its way to an output, leaks left out."""
    path: set[Pin] = set()
    front = [found.ends[output]]
    while front:
        pin = front.pop()
        if pin in path:
            continue
        path.add(pin)
        came = found.before.get(pin, ())
        strongest = max((found.pins[one][source] for one in came), default=0.0)
        least = strongest * 10 ** (SHARE_DB / 10)
        front += [one for one in came if found.pins[one][source] >= least > 0]
    return path


def _db(power: float) -> float:
    return float(10 * np.log10(max(power, 1e-20)))


class _Follow:
    """The light of each line and the pin that it is about to enter."""

    def __init__(self, netlist: Netlist, program: Program) -> None:
        self.light = np.zeros((program.lines, len(program.inputs)), dtype=complex)
        self.pins: dict[Pin, Power] = {}
        self.wires: dict[str, tuple[Pin, Pin]] = {}
        self.before: dict[Pin, tuple[Pin, ...]] = {}
        self.entered: dict[str, Pin] = {}
        """Last pin that light entered each device at."""
        self._peer = joined(netlist)
        self._before: dict[int, Pin] = {}
        """Pin that a line enters next."""
        self._inside: dict[int, str] = {}
        """Waveguide that a line is in."""
        for line, name in enumerate(program.inputs):
            self.light[line, line] = 1.0
            self._before[line] = netlist.ports[name]
            self._note(line, netlist.ports[name])

    def step(self, element: Element, s: Field) -> None:
        """Let the light through one element with the transfer or matrix `s`."""
        a, b = element.a, element.b
        if self._inside.get(a) == element.device and b is None:
            del self._inside[a]
            self.light[a] *= s
            self._note(a, self._before[a])
            return
        for line in (a, b):
            if line is not None and self._before.get(line, (element.device,))[0] != element.device:
                raise ValueError(f"{element.device} is not where line {line} of the program is")
        came = tuple(self._before[n] for n in (a, b) if n is not None and n in self._before)
        if b is None:
            self.light[a] *= s
            self._leave(a, (element.device, self._exit(element, a)), came)
            return
        self.light[[a, b]] = s @ self.light[[a, b]]
        for line, port in zip((a, b), self._exits(element), strict=True):
            self._leave(line, (element.device, port), came)

    def _exit(self, element: Element, line: int) -> str:
        assert isinstance(element.scatter, TwoPort)
        ports = element.scatter.ports
        return ports[1 - ports.index(self._before[line][1])]

    def _exits(self, element: Element) -> tuple[str, str]:
        assert isinstance(element.scatter, FourPort)
        assert element.b is not None
        entered = [self._before.get(line, ("", ""))[1] for line in (element.a, element.b)]
        for enters, leaves in element.scatter.sides:
            if all(known in ("", port) for known, port in zip(entered, enters, strict=True)):
                return leaves
        raise ValueError(f"{element.device} has no way in at {' and '.join(entered)}")

    def _leave(self, line: int, pin: Pin, came: tuple[Pin, ...]) -> None:
        self._before.pop(line, None)
        if not pin[1]:
            return
        self._note(line, pin)
        self.before[pin] = came
        if pin not in self._peer:
            return
        name, wire, other = self._peer[pin]
        self.wires[name] = pin, other
        self.before[other] = (pin,)
        self.entered[other[0]] = other
        self._before[line] = other
        if wire.length_um:
            self._inside[line] = name
        else:
            self._note(line, other)

    def _note(self, line: int, pin: Pin) -> None:
        self.pins[pin] = np.abs(self.light[line]) ** 2
