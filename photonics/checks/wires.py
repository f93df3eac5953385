"""Waveguides between devices: which pins each joins, how long it is, and what is wrong with it.

A wire is a polygon of the merged waveguide layer outside the devices. It may touch a device only
where the waveguide inside the device ends, and there corner on corner: both were drawn on the grid,
so a device or a wire that is off by a single grid step shows.

A wire's length is half of the outline without the two facets: for any curve whose sides are offsets
of the centre line, one side is longer by what the other is shorter. What remains is how a file
draws a curve: chords that stay within `d` of an arc of radius R shorten it by `d / (3 R)` of its
length, corners rounded to the grid lengthen it by less. At 0.5 nm and 5 um that is 0.03 nm per um
of bend; a whole route is known to about 1 nm. (Area over width would be ten times worse: a grid
step of 1 nm is a quarter of a per cent of the width.) Equal shapes have equal errors: arms drawn
alike compare exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import klayout.db as kdb

from lightloom.photonics.checks import locate, strips
from lightloom.photonics.checks.bodies import Bodies
from lightloom.photonics.checks.recognise import Device, Index, Port
from lightloom.photonics.checks.strips import Segment
from lightloom.photonics.tech import WG

JOINED = 0.02
"""Part of a facet that a waveguide must cover to count as joined at all."""


@dataclass(frozen=True)
class End:
    """A pin that a wire reaches."""

    device: Device
    port: Port
    facet: Segment
    """Edge of the wire on the device."""


@dataclass(frozen=True)
class Guide:
    """One piece of waveguide with the pins it reaches; lengths in database units."""

    ends: tuple[End, ...]
    polygon: kdb.Polygon
    length: float
    width: float
    """Of the facets, on average."""
    shape: strips.Shape | None
    """Of a strip between two pins; its places are seen from the corner of `polygon`'s box."""

    def at(self, place: kdb.Point) -> kdb.Point:
        """A place of `shape` on the chip."""
        return place + (self.polygon.bbox().p1 - kdb.Point())


@dataclass(frozen=True)
class Misfit:
    """A waveguide and a device that meet where they should not or not as they should."""

    device: Device
    port: Port | None
    at: kdb.Point
    text: str


@dataclass
class Trace:
    """Wires, optical pins that nothing joins, and misfits."""

    guides: list[Guide] = field(default_factory=list)
    loose: list[tuple[Device, Port]] = field(default_factory=list)
    misfits: list[Misfit] = field(default_factory=list)


def trace(bodies: Bodies, devices: Sequence[Device], dbu: float) -> Trace:
    """Follow every waveguide that is outside the devices; `dbu` is for messages."""
    return _Tracer(bodies, devices, dbu).run()


class _Contact:
    """A piece of a device's outline that a wire touches."""

    def __init__(self, edge: kdb.Edge, strip: int) -> None:
        self.edge = edge
        self.strip = strip
        self.taken = False


class _Tracer:
    def __init__(self, bodies: Bodies, devices: Sequence[Device], dbu: float) -> None:
        self.bodies = bodies
        self.dbu = dbu
        self.devices = devices
        self.strips = list(bodies.outside[WG].each())
        self.ends: list[list[End]] = [[] for _ in self.strips]
        self.result = Trace()
        self.contacts = self._contacts()
        self.places = kdb.Shapes()
        for number, contact in enumerate(self.contacts):
            self.places.insert(kdb.BoxWithProperties(contact.edge.bbox(), {0: number}))

    def run(self) -> Trace:
        for device in self.devices:
            self._device(device)
        outlines = Index([device.outline for device in self.devices])
        for contact in self.contacts:
            at = _middle(contact.edge)
            owner = next(outlines.at(at, 1), None)
            if not contact.taken and owner is not None:
                text = "waveguide touches the device where it has no pin"
                self.result.misfits.append(Misfit(self.devices[owner], None, at, text))
        shapes: dict[object, Guide] = {}
        self.result.guides = [
            _guide(strip, ends, shapes) for strip, ends in zip(self.strips, self.ends, strict=True)
        ]
        return self.result

    def _contacts(self) -> list[_Contact]:
        outlines = kdb.Region([device.outline for device in self.devices]).edges()
        index = Index(self.strips)
        found: list[_Contact] = []
        for edge in (self.bodies.outside[WG].edges() & outlines).each():
            strip = next(index.touching(edge.bbox()), None)
            if strip is not None:
                found.append(_Contact(edge, strip))
        return found

    def _device(self, device: Device) -> None:
        place = self.bodies.places[device.name]
        joined: set[str] = set()
        for name, facet in self.bodies.bodies[device.name].facets:
            edge = place * facet
            near = [c for c in self._near(edge) if _common(edge, c.edge) > 0]
            if not name:
                for contact in near:
                    contact.taken = True
                text = "waveguide leaves the device where it has no pin"
                self.result.misfits.append(Misfit(device, None, _middle(edge), text))
                continue
            port = device.ports[name]
            for contact in near:
                contact.taken = True
                off = _offset(edge, contact.edge)
                if off > 0:
                    text = f"waveguide is {off * self.dbu:.3f} um off"
                    self.result.misfits.append(Misfit(device, port, port.point, text))
                if _common(edge, contact.edge) >= JOINED * edge.length():
                    end = End(device, port, (contact.edge.p1, contact.edge.p2))
                    self.ends[contact.strip].append(end)
                    joined.add(name)
        self.result.loose += [
            (device, port)
            for name, port in device.ports.items()
            if port.optical and name not in joined
        ]

    def _near(self, edge: kdb.Edge) -> list[_Contact]:
        return [self.contacts[s.property(0)] for s in self.places.each_touching(edge.bbox())]


def _middle(edge: kdb.Edge) -> kdb.Point:
    return edge.bbox().center()


def _common(one: kdb.Edge, other: kdb.Edge) -> float:
    """Length over which two edges on one line lie side by side."""
    length = one.length()
    direction = one.d()
    ends = sorted((p - one.p1).sprod(direction) / length for p in (other.p1, other.p2))
    return min(ends[1], length) - max(ends[0], 0.0)


def _offset(one: kdb.Edge, other: kdb.Edge) -> float:
    """Largest distance between the corners of two facets."""
    straight = max((one.p1 - other.p1).length(), (one.p2 - other.p2).length())
    crossed = max((one.p1 - other.p2).length(), (one.p2 - other.p1).length())
    return min(straight, crossed)


def _guide(strip: kdb.Polygon, ends: Sequence[End], known: dict[object, Guide]) -> Guide:
    """The wire of a strip; wires drawn alike are measured once."""
    width = sum(kdb.Edge(*end.facet).length() for end in ends) / max(len(ends), 1)
    if not ends:
        return Guide((), strip, 0.0, 0.0, None)
    home = kdb.Trans(kdb.Point() - strip.bbox().p1)
    key = home * strip, tuple(home * kdb.Edge(*end.facet) for end in ends)
    if key not in known:
        shape = None
        if len(ends) == 2:
            shape = strips.shape(key[0], *((edge.p1, edge.p2) for edge in key[1]))
        known[key] = Guide((), key[0], strips.length(strip, width), width, shape)
    like = known[key]
    return Guide(tuple(ends), strip, like.length, width, like.shape)


def loose_end(guide: Guide) -> kdb.Point:
    """Where a wire that joins a single pin stops."""
    return locate.far_end(guide.polygon, guide.ends[0].port.point)
