"""From a netlist to a feed-forward program: which device acts on which line, in what order.

First every pin that light can reach is given a direction, from the inputs forwards and from the
outputs backwards. Then light is followed through devices as soon as all that enters them is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from lightloom.photonics.circuit.elements import (
    Element,
    FourPort,
    Models,
    Program,
    Scatter,
    Side,
    Sink,
    TwoPort,
)
from lightloom.photonics.netlist import Netlist, Pin, Wire
from lightloom.spec.base import DesignError


class NotFeedForward(DesignError):
    """Light would have to run both ways through a device or come back to it."""


def compile(
    netlist: Netlist,
    models: Models,
    inputs: Sequence[str],
    outputs: Sequence[str],
    heaters: Sequence[str] = (),
) -> Program:
    """Return the program of `netlist` from chip ports `inputs` to `outputs`.

    An output is a chip port, or an instance that light ends in (a photodiode). Chip ports that are
    neither are dark, and so are open pins and what comes out of a `Sink`. `heaters` fixes the order
    of heated devices; those it does not name follow as met.

    Raises:
        DesignError: a port or model is missing, or light does not reach an output.
        NotFeedForward: the network has a loop, or light meets head on.
    """
    directions = _Directions(netlist, models, inputs, outputs)
    directions.settle()
    walk = _Walk(directions, outputs, heaters)
    walk.run(inputs)
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


def joined(netlist: Netlist) -> dict[Pin, tuple[str, Wire, Pin]]:
    """Waveguide at each pin that has one with two ends: its name, itself, and its other pin."""
    found: dict[Pin, tuple[str, Wire, Pin]] = {}
    for name, wire in netlist.nets.items():
        if len(wire.pins) == 2:
            first, second = wire.pins
            found[first] = name, wire, second
            found[second] = name, wire, first
    return found


class _Directions:
    """Whether light enters the device at a pin, for all pins that follow from the ports."""

    def __init__(
        self, netlist: Netlist, models: Models, inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        self.netlist = netlist
        self.models = models
        self.peer = joined(netlist)
        self.loose = {w.pins[0]: n for n, w in netlist.nets.items() if len(w.pins) == 1}
        self.enters: dict[Pin, bool] = {}
        self._scatter: dict[str, Scatter] = {}
        self._fresh: deque[Pin] = deque()
        for name in inputs:
            self._set(self.port(name), True)
        for name in outputs:
            if name not in netlist.ports and name in netlist.instances:
                sink = self.model(name)
                if isinstance(sink, Sink):
                    self._set((name, sink.ports[0]), True)
                    continue
            self._set(self.port(name), False)

    def port(self, name: str) -> Pin:
        if name not in self.netlist.ports:
            raise self.error(f"has no optical port {name}")
        return self.netlist.ports[name]

    def settle(self) -> None:
        """Follow from what is known."""
        while self._fresh:
            pin = self._fresh.popleft()
            if pin in self.peer:
                self._set(self.peer[pin][2], not self.enters[pin])
            scatter = self.model(pin[0])
            if isinstance(scatter, TwoPort):
                other = scatter.ports[1 - scatter.ports.index(pin[1])]
                self._set((pin[0], other), not self.enters[pin])
            elif isinstance(scatter, FourPort):
                self._agree(pin[0], scatter)

    def decide(self, device: str, side: Side) -> None:
        """Let light run through `device` by one of the sides that are left."""
        for end, enters in zip(side, (True, False), strict=True):
            for port in filter(None, end):
                self._set((device, port), enters)
        self.settle()

    def left(self, device: str, scatter: FourPort) -> list[Side]:
        """Sides of `device` that what is known allows."""

        known = [
            (port, enters)
            for port in scatter.ports
            if (enters := self.enters.get((device, port))) is not None
        ]
        return [
            side
            for side, ways in zip(scatter.sides, scatter.directions, strict=True)
            if all(ways[port] == enters for port, enters in known)
        ]

    def _agree(self, device: str, scatter: FourPort) -> None:
        left = self.left(device, scatter)
        if not left:
            known = [port for port in scatter.ports if self.enters.get((device, port))]
            raise NotFeedForward(
                self.text(f"light meets head on in {device}, at {' and '.join(sorted(known))}")
            )
        if len(left) == 1:
            for end, enters in zip(left[0], (True, False), strict=True):
                for port in filter(None, end):
                    self._set((device, port), enters)
            return
        for port in scatter.ports:
            if (device, port) not in self.enters:
                ways = {port in side[0] for side in left}
                if len(ways) == 1:
                    self._set((device, port), ways.pop())

    def _set(self, pin: Pin, enters: bool) -> None:
        known = self.enters.get(pin)
        if known is None:
            scatter = self.model(pin[0])
            if pin[1] not in scatter.ports:
                raise self.error(
                    f"cannot be simulated: {pin[0]} has no port {pin[1]}; "
                    f"allowed: {', '.join(scatter.ports)}"
                )
            self.enters[pin] = enters
            self._fresh.append(pin)
        elif known != enters:
            raise NotFeedForward(self.text(f"light meets head on at {pin[0]},{pin[1]}"))

    def model(self, device: str) -> Scatter:
        if device not in self._scatter:
            instance = self.netlist.instances[device]
            make = self.models.devices.get(instance.type)
            if make is None:
                raise self.error(
                    f"cannot be simulated: light reaches {device} of type {instance.type}; "
                    f"allowed: {', '.join(sorted(self.models.devices))}"
                )
            try:
                self._scatter[device] = make(instance.parameters)
            except KeyError as error:
                raise self.error(
                    f"cannot be simulated: {device} has no parameter {error.args[0]}"
                ) from None
        return self._scatter[device]

    def text(self, text: str) -> str:
        return f"netlist {self.netlist.chip} cannot be simulated forwards: {text}"

    def error(self, text: str) -> DesignError:
        return DesignError(f"netlist {self.netlist.chip} {text}")


class _Walk:
    """Light, or None for darkness, on its way through the devices."""

    def __init__(
        self, directions: _Directions, outputs: Sequence[str], heaters: Sequence[str]
    ) -> None:
        self.directions = directions
        self.lines = 0
        self.elements: list[Element] = []
        self.heaters = list(heaters)
        self.reached: dict[str, int] = {}
        self._outputs = outputs
        self._heater = {name: index for index, name in enumerate(heaters)}
        self._port = {pin: name for name, pin in directions.netlist.ports.items()}
        self._queue: deque[tuple[int | None, Pin]] = deque()
        self._waiting: dict[str, dict[str, int | None]] = {}
        self._seeded: set[Pin] = set()

    def run(self, inputs: Sequence[str]) -> None:
        self._darken(inputs)
        for name in inputs:
            self._queue.append((self._line(), self.directions.port(name)))
        while True:
            while self._queue:
                self._arrive(*self._queue.popleft())
            if not self._choose(inputs):
                break
        for device, arrived in self._waiting.items():
            lit = sorted(port for port, line in arrived.items() if line is not None)
            if lit:
                raise NotFeedForward(
                    self.directions.text(
                        f"{device} has light at {', '.join(lit)} only: there is a loop"
                    )
                )

    def _darken(self, inputs: Sequence[str]) -> None:
        """Send darkness in where a direction is known and nothing shines."""
        for pin, enters in self.directions.enters.items():
            if enters and pin not in self._seeded and self._is_dark(pin, inputs):
                self._seeded.add(pin)
                self._queue.append((None, pin))

    def _is_dark(self, pin: Pin, inputs: Sequence[str]) -> bool:
        if pin in self._port:
            return self._port[pin] not in inputs
        other = self.directions.peer.get(pin)
        return other is None or isinstance(self.directions.model(other[2][0]), Sink)

    def _choose(self, inputs: Sequence[str]) -> bool:
        """Give a direction to a line that is dark at both ends where light crosses it."""
        for device, arrived in self._waiting.items():
            scatter = self.directions.model(device)
            if not isinstance(scatter, FourPort):
                continue
            left = self.directions.left(device, scatter)
            if len(left) < 2 or all(line is None for line in arrived.values()):
                continue
            # From its nearer end: light that crosses it again further on then finds it in order.
            side = min(left, key=lambda s: sum(self._far((device, p)) for p in s[0] if p))
            self.directions.decide(device, side)
            self._darken(inputs)
            return True
        return False

    def _far(self, pin: Pin) -> int:
        """Devices between a pin and where its line begins, straight on through crossings."""
        for count in range(len(self.directions.netlist.instances)):
            other = self.directions.peer.get(pin)
            if other is None:
                return count
            device, port = other[2]
            scatter = self.directions.model(device)
            if isinstance(scatter, Sink):
                return count
            if isinstance(scatter, TwoPort):
                pin = device, scatter.ports[1 - scatter.ports.index(port)]
                continue
            # The port that light goes on at is second where this one is first, and in every side.
            ends = {side[1][1 - side[0].index(port)] for side in scatter.sides if port in side[0]}
            if len(ends) != 1:
                return count
            pin = device, ends.pop()
        return len(self.directions.netlist.instances)

    def _arrive(self, line: int | None, pin: Pin) -> None:
        device, port = pin
        scatter = self.directions.model(device)
        if isinstance(scatter, Sink):
            if line is not None and device in self._outputs:
                self.reached[device] = line
            return
        arrived = self._waiting.setdefault(device, {})
        arrived[port] = line
        exits: tuple[tuple[int | None, str], ...]
        if isinstance(scatter, TwoPort):
            if line is not None:
                self._emit(device, scatter, line)
            exits = ((line, scatter.ports[1 - scatter.ports.index(port)]),)
        else:
            left = self.directions.left(device, scatter)
            if len(left) != 1 or set(arrived) != set(filter(None, left[0][0])):
                return
            exits = self._through(device, scatter, left[0], arrived)
        del self._waiting[device]
        for out, name in exits:
            if name:
                self._leave(out, (device, name))

    def _through(
        self, device: str, scatter: FourPort, side: Side, arrived: Mapping[str, int | None]
    ) -> tuple[tuple[int | None, str], ...]:
        lines = [arrived.get(port) for port in side[0]]
        if all(line is None for line in lines):
            return (None, side[1][0]), (None, side[1][1])
        a, b = (self._line() if line is None else line for line in lines)
        self._emit(device, scatter, a, b)
        return (a, side[1][0]), (b, side[1][1])

    def _leave(self, line: int | None, pin: Pin) -> None:
        if pin in self._port:
            name = self._port[pin]
            if line is not None and name in self._outputs:
                self.reached[name] = line
        elif pin in self.directions.peer:
            name, wire, other = self.directions.peer[pin]
            if line is not None:
                if wire.length_um is None:
                    raise self.directions.error(f"cannot be simulated: wire {name} has no length")
                if wire.length_um:
                    self.elements.append(
                        Element(name, self.directions.models.wire(wire.length_um), line)
                    )
            self._queue.append((line, other))
        elif line is not None and pin in self.directions.loose:
            raise self.directions.error(
                f"cannot be simulated: light from {pin[0]},{pin[1]} ends in the loose end of "
                f"{self.directions.loose[pin]}"
            )

    def _emit(self, device: str, scatter: TwoPort | FourPort, a: int, b: int | None = None) -> None:
        heater = None
        if scatter.heated:
            heater = self._heater.setdefault(device, len(self.heaters))
            if heater == len(self.heaters):
                self.heaters.append(device)
        self.elements.append(Element(device, scatter, a, b, heater))

    def _line(self) -> int:
        self.lines += 1
        return self.lines - 1
