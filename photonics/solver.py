"""Feed-forward simulation of a netlist: which device acts on which line, in what order.

`compile` walks the netlist from the inputs and writes a straight program over lines, one a guided
field. `evaluate` runs the program for every input at many frequencies at once. Light that a device
throws backwards is left out, so rings and reflections need another solver; a loop is refused.

Convention exp(+j w t): a longer path has a more negative phase.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.netlist import Netlist, Pin, Wire
from lightloom.spec.base import DesignError

Frequencies = NDArray[np.float64]
Field = NDArray[np.complex128]


@dataclass(frozen=True)
class TwoPort:
    """A device on one line: `transfer(f)` has shape (f,); `heated` adds a phase set at run time."""

    transfer: Callable[[Frequencies], Field]
    delay_ps: float
    ports: tuple[str, str] = ("o1", "o2")
    heated: bool = False


@dataclass(frozen=True)
class FourPort:
    """A 2x2: `matrix(f)` has shape (f, 2, 2), rows are outputs.

    `sides` lists the ways light can run through: input ports, and the output ports that the lines
    of these inputs go on at. The matrix is the same for each.
    """

    matrix: Callable[[Frequencies], Field]
    delay_ps: float
    sides: tuple[tuple[tuple[str, str], tuple[str, str]], ...]


Scatter = TwoPort | FourPort


class Models(NamedTuple):
    """Scattering of the devices of a netlist by type, and of the waveguide between them."""

    devices: Mapping[str, Callable[[Mapping[str, float]], Scatter]]
    wire: Callable[[float], TwoPort]
    """From the length in um."""


@dataclass(frozen=True)
class Element:
    """One step of a program: `scatter` of `device` acts on line `a`, or on lines `a` and `b`."""

    device: str
    scatter: Scatter
    a: int
    b: int | None = None
    heater: int | None = None


@dataclass(frozen=True)
class Program:
    """The network as a sequence of steps.

    Line i starts with the light of `inputs[i]`; further lines start dark. `outputs[k]` leaves from
    line `output_lines[k]`.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    lines: int
    elements: tuple[Element, ...]
    heaters: tuple[str, ...]
    output_lines: tuple[int, ...]


def compile(
    netlist: Netlist,
    models: Models,
    inputs: Sequence[str],
    outputs: Sequence[str],
    heaters: Sequence[str] = (),
) -> Program:
    """Return the program of `netlist` from chip ports `inputs` to chip ports `outputs`.

    `heaters` fixes the order of heated devices; those it does not name follow as met. Raises
    `DesignError` when the netlist cannot be simulated: a port or model is missing, light does not
    reach an output or one side of a device, or the network has a loop.
    """
    walk = _Walk(netlist, models, tuple(outputs), list(heaters))
    for line, name in enumerate(inputs):
        walk.start(line, name)
    walk.run()
    missing = [name for name in outputs if name not in walk.reached]
    if missing:
        raise DesignError(f"netlist {netlist.chip}: no light reaches {', '.join(missing)}")
    return Program(
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        lines=walk.lines,
        elements=tuple(walk.elements),
        heaters=tuple(walk.heaters),
        output_lines=tuple(walk.reached[name] for name in outputs),
    )


@dataclass
class _Walk:
    netlist: Netlist
    models: Models
    outputs: tuple[str, ...]
    heaters: list[str]
    lines: int = 0
    elements: list[Element] = field(default_factory=list)
    reached: dict[str, int] = field(default_factory=dict)
    _queue: deque[tuple[int, Pin]] = field(default_factory=deque)
    _waiting: dict[str, dict[str, int]] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._peer: dict[Pin, tuple[str, Wire, Pin]] = {}
        for name, wire in self.netlist.nets.items():
            if len(wire.pins) == 2:
                first, second = wire.pins
                self._peer[first] = name, wire, second
                self._peer[second] = name, wire, first
        self._port = {pin: name for name, pin in self.netlist.ports.items()}
        self._scatter: dict[str, Scatter] = {}

    def start(self, line: int, name: str) -> None:
        if name not in self.netlist.ports:
            raise self._error(f"has no optical port {name}")
        self.lines += 1
        self._queue.append((line, self.netlist.ports[name]))

    def run(self) -> None:
        while True:
            while self._queue:
                self._arrive(*self._queue.popleft())
            # What still waits may have an unused arm, which is dark; one at a time, because light
            # that goes on from there can be what another device waits for.
            if not any(self._fire(device, spare=True) for device in list(self._waiting)):
                break
        for device, arrived in self._waiting.items():
            raise self._error(
                f"cannot be simulated: {device} has light at {', '.join(sorted(arrived))} only; "
                "an input is not driven, or there is a loop"
            )

    def _arrive(self, line: int, pin: Pin) -> None:
        device, port = pin
        if device in self._done:
            raise self._error(f"cannot be simulated: light comes back to {device},{port}: a loop")
        self._waiting.setdefault(device, {})[port] = line
        self._fire(device, spare=False)

    def _fire(self, device: str, spare: bool) -> bool:
        """Let the light through `device` if all of it is there."""
        scatter = self._model(device)
        arrived = self._waiting[device]
        if isinstance(scatter, TwoPort):
            port, line = next(iter(arrived.items()))
            if len(arrived) > 1 or port not in scatter.ports:
                raise self._error(f"cannot be simulated: light at {', '.join(arrived)} of {device}")
            heater = self._heater(device) if scatter.heated else None
            self._emit(Element(device, scatter, line, heater=heater))
            exits = ((line, scatter.ports[1 - scatter.ports.index(port)]),)
        else:
            side = self._side(device, scatter, arrived, spare)
            if side is None:
                return False
            lines = [arrived[port] if port in arrived else self._dark() for port in side[0]]
            self._emit(Element(device, scatter, lines[0], lines[1]))
            exits = tuple(zip(lines, side[1], strict=True))
        del self._waiting[device]
        self._done.add(device)
        for line, port in exits:
            self._leave(line, (device, port))
        return True

    def _side(
        self, device: str, scatter: FourPort, arrived: Mapping[str, int], spare: bool
    ) -> tuple[tuple[str, str], tuple[str, str]] | None:
        fitting = [side for side in scatter.sides if set(arrived) <= set(side[0])]
        if not fitting:
            raise self._error(
                f"cannot be simulated: light meets head on in {device}, at "
                f"{' and '.join(sorted(arrived))}"
            )
        complete = [side for side in fitting if set(arrived) == set(side[0])]
        if complete or not spare:
            return complete[0] if complete else None
        for side in fitting:
            absent = [(device, port) for port in side[0] if port not in arrived]
            if all(pin not in self._peer and pin not in self._port for pin in absent):
                return side
        return None

    def _leave(self, line: int, pin: Pin) -> None:
        if pin in self._port:
            name = self._port[pin]
            if name not in self.outputs:
                return  # light leaves the chip where nobody looks
            self.reached[name] = line
        elif pin in self._peer:
            name, wire, other = self._peer[pin]
            if wire.length_um is None:
                raise self._error(f"cannot be simulated: wire {name} has no length")
            if wire.length_um:
                self._emit(Element(name, self.models.wire(wire.length_um), line))
            self._queue.append((line, other))

    def _emit(self, element: Element) -> None:
        self.elements.append(element)

    def _dark(self) -> int:
        self.lines += 1
        return self.lines - 1

    def _heater(self, device: str) -> int:
        if device not in self.heaters:
            self.heaters.append(device)
        return self.heaters.index(device)

    def _model(self, device: str) -> Scatter:
        if device not in self._scatter:
            instance = self.netlist.instances[device]
            make = self.models.devices.get(instance.type)
            if make is None:
                raise self._error(
                    f"cannot be simulated: light reaches {device} of type {instance.type}; "
                    f"allowed: {', '.join(sorted(self.models.devices))}"
                )
            try:
                self._scatter[device] = make(instance.parameters)
            except KeyError as error:
                raise self._error(
                    f"cannot be simulated: {device} has no parameter {error.args[0]}"
                ) from None
        return self._scatter[device]

    def _error(self, text: str) -> DesignError:
        return DesignError(f"netlist {self.netlist.chip} {text}")


def evaluate(
    program: Program,
    phases_rad: Sequence[float] | NDArray[np.float64],
    frequencies_hz: Frequencies,
    carrier_hz: float,
) -> Field:
    """Return field transfers `s[f, output, input]` with heaters at `phases_rad` (at the carrier).

    A heater changes an index, so its phase grows with frequency as the optical path does.
    """
    phases = np.asarray(phases_rad, dtype=float)
    if phases.shape != (len(program.heaters),):
        raise ValueError(f"{phases.size} heater phases; allowed: {len(program.heaters)}")
    frequencies = np.atleast_1d(np.asarray(frequencies_hz, dtype=float))
    count = len(program.inputs)
    state = np.zeros((program.lines, count, frequencies.size), dtype=complex)
    state[range(count), range(count)] = 1.0
    known: dict[int, Field] = {}  # devices with equal parameters share their scatter object
    for element in program.elements:
        scatter = element.scatter
        if isinstance(scatter, TwoPort):
            t = known.get(id(scatter))
            if t is None:
                t = known[id(scatter)] = scatter.transfer(frequencies)
            if element.heater is not None:
                t = t * np.exp(-1j * phases[element.heater] * frequencies / carrier_hz)
            state[element.a] *= t
        else:
            assert element.b is not None
            m = known.get(id(scatter))
            if m is None:
                m = known[id(scatter)] = scatter.matrix(frequencies)
            a, b = state[element.a], state[element.b]
            state[element.a], state[element.b] = (
                m[:, 0, 0] * a + m[:, 0, 1] * b,
                m[:, 1, 0] * a + m[:, 1, 1] * b,
            )
    return np.moveaxis(state[list(program.output_lines)], -1, 0)
