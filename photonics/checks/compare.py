"""Matches the devices of two netlists, the intended and the extracted one.

Devices are first matched by type and place where the intended netlist knows places; the others by
following the waveguides, then the metal, from chip ports, pads and devices already matched. The
match is only a guess at who is who: `lvs` then compares every net under it, so a wrong guess makes
findings, never hides one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from lightloom.photonics.netlist import Instance, Netlist, Pin

NEAR_UM = 2.0
"""Devices of one type closer than this to the intended place are taken for the same."""

PLACED = 0.9
"""Part of the devices that must be where they are meant to be for places to count at all."""

Joints = dict[Pin, Pin]


def match(intended: Netlist, extracted: Netlist) -> dict[str, str]:
    """Return the extracted instance of each intended one that could be matched."""
    matcher = _Matcher(intended, extracted)
    matcher.by_place()
    matcher.by_ports()
    matcher.follow(_wires)
    matcher.by_pads()
    matcher.follow(_conductors)
    matcher.follow(_wires)
    matcher.left_over()
    return matcher.matched


class _Matcher:
    def __init__(self, intended: Netlist, extracted: Netlist) -> None:
        self.a, self.b = intended, extracted
        self.matched: dict[str, str] = {}
        self.taken: set[str] = set()

    def pair(self, ours: str, theirs: str) -> bool:
        same = self.a.instances[ours].type == self.b.instances[theirs].type
        if not same or ours in self.matched or theirs in self.taken:
            return False
        self.matched[ours] = theirs
        self.taken.add(theirs)
        return True

    def by_place(self) -> None:
        bins: dict[tuple[str, int, int], list[str]] = {}
        for name, instance in self.b.instances.items():
            for bin_ in _bins(instance, reach=0):
                bins.setdefault(bin_, []).append(name)
        pairs: list[tuple[float, str, str]] = []
        placed = 0
        for name, instance in self.a.instances.items():
            placed += instance.x_um is not None
            for bin_ in _bins(instance, reach=1):
                for other in bins.get(bin_, ()):
                    offset = _distance(instance, self.b.instances[other])
                    if offset <= NEAR_UM:
                        pairs.append((offset, name, other))
        # A netlist in other coordinates would be matched at random: then places say nothing.
        if len({name for _, name, _ in pairs}) >= PLACED * placed:
            for _, name, other in sorted(pairs):
                self.pair(name, other)

    def by_ports(self) -> None:
        for name, (ours, port) in self.a.ports.items():
            theirs, same = self.b.ports.get(name, ("", ""))
            if port == same:
                self.pair(ours, theirs)

    def by_pads(self) -> None:
        nets = {pad: net for net in self.b.electrical.values() for pad in net.pads}
        for net in self.a.electrical.values():
            for other in (nets[pad] for pad in net.pads if pad in nets):
                if len(net.pins) == len(other.pins) == 1 and net.pins[0][1] == other.pins[0][1]:
                    self.pair(net.pins[0][0], other.pins[0][0])

    def follow(self, joints: Callable[[Netlist], Joints]) -> None:
        ours, theirs = joints(self.a), joints(self.b)
        ports: dict[str, list[str]] = {}
        for name, port in ours:
            ports.setdefault(name, []).append(port)
        queue = deque(self.matched)
        while queue:
            name = queue.popleft()
            for port in ports.get(name, ()):
                (other, far) = ours[name, port]
                twin, same = theirs.get((self.matched[name], port), ("", ""))
                if far == same and self.pair(other, twin):
                    queue.append(other)

    def left_over(self) -> None:
        """A type of which exactly one is left on each side, where places do not speak against."""
        left: dict[str, tuple[list[str], list[str]]] = {}
        for side, (netlist, known) in enumerate(
            ((self.a, set(self.matched)), (self.b, self.taken))
        ):
            for name, instance in netlist.instances.items():
                if name not in known:
                    left.setdefault(instance.type, ([], []))[side].append(name)
        for ours, theirs in left.values():
            if len(ours) == len(theirs) == 1 and self.a.instances[ours[0]].x_um is None:
                self.pair(ours[0], theirs[0])


def _wires(netlist: Netlist) -> Joints:
    return _joints(wire.pins for wire in netlist.nets.values())


def _conductors(netlist: Netlist) -> Joints:
    return _joints(net.pins for net in netlist.electrical.values())


def _joints(nets: Iterable[Sequence[Pin]]) -> Joints:
    # Two pins only: a common ground says nothing about who is who.
    result: Joints = {}
    for pins in nets:
        if len(pins) == 2:
            result[pins[0]], result[pins[1]] = pins[1], pins[0]
    return result


def _bins(instance: Instance, reach: int) -> Iterator[tuple[str, int, int]]:
    if instance.x_um is None or instance.y_um is None:
        return
    column, row = round(instance.x_um / NEAR_UM), round(instance.y_um / NEAR_UM)
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            yield instance.type, column + i, row + j


def _distance(a: Instance, b: Instance) -> float:
    if a.x_um is None or a.y_um is None or b.x_um is None or b.y_um is None:
        return float("inf")
    return abs(a.x_um - b.x_um) + abs(a.y_um - b.y_um)
