"""Devices of a layout, found by their recognition layers alone.

A DEVREC polygon bounds a device and a DEVREC text inside it names the type. A PIN shape with a text
marks each port: on the edge of the device where a waveguide enters, inside it where metal lands or
where light comes from above. Nothing else that a layout tool writes (cell names, properties,
hierarchy) is used, so a file from any tool can be checked.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.checks.verdict import Finding

TYPE = re.compile(rf"^{tech.DEVICE_PREFIX}([a-z][a-z0-9_]{{0,63}})$")
PORT = re.compile(r"^[oe][0-9]{1,3}$")
STANDING = ("crossing",)
"""Types of devices whose outline is a square that stands on its corner."""
REACH = 5
"""A pin text belongs to the shapes this close to it, database units: rotated marks are rounded."""


@dataclass(frozen=True)
class Port:
    """A port of a device: the middle of its facet, the unit normal out of the device, its shape."""

    name: str
    point: kdb.Point
    normal: tuple[float, float]
    width: float
    shape: kdb.Polygon
    """As drawn on PIN."""
    facet: tuple[kdb.Point, kdb.Point] | None
    """The edge of `shape` on the outline of the device; None where the port is inside."""

    @property
    def optical(self) -> bool:
        """`o...` ports guide light, `e...` ports conduct."""
        return self.name.startswith("o")


@dataclass
class Device:
    """One recognised device, at its place on the chip (database units)."""

    name: str
    type: str
    outline: kdb.Polygon
    ports: dict[str, Port] = field(default_factory=dict)

    @property
    def centre(self) -> kdb.Point:
        """Middle of the device."""
        return self.outline.bbox().center()


def devices(chip: Chip) -> tuple[list[Device], list[Finding]]:
    """Every device of the chip, ordered by type and place, and what is wrong with the marks."""
    marks = _Marks(chip)
    found = marks.devices()
    marks.add_ports(found)
    found.sort(key=lambda d: (d.type, d.centre.x, d.centre.y))
    count: Counter[str] = Counter()
    for device in found:
        device.name = f"{device.type}_{count[device.type]}"
        count[device.type] += 1
    return found, marks.findings


class _Marks:
    """Recognition shapes and texts, looked up by place."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.findings: list[Finding] = []

    def wrong(self, text: str, at: kdb.Point) -> None:
        self.findings.append(Finding("DEVICE", text, at.x * self.chip.dbu, at.y * self.chip.dbu))

    def devices(self) -> list[Device]:
        outlines = list(self.chip.region(tech.DEVREC).each())
        index = Index(outlines)
        texts: list[list[str]] = [[] for _ in outlines]
        for string, point in self.chip.texts(tech.DEVREC):
            homes = [i for i in index.at(point) if outlines[i].inside(point)]
            for i in homes:
                texts[i].append(string)
            if not homes:
                self.wrong(f"text {string[:40]!r} is not on a DEVREC shape", point)
        found: list[Device] = []
        for outline, inside in zip(outlines, texts, strict=True):
            types = [match[1] for string in inside if (match := TYPE.match(string))]
            if len(types) == len(inside) == 1:
                found.append(Device("", types[0], outline))
                if not (outline.is_box() or (types[0] in STANDING and _stands(outline))):
                    self.wrong(f"{types[0]}: its outline is no box", outline.bbox().center())
                continue
            text = f"texts {inside} in a DEVREC shape; allowed: one, {tech.DEVICE_PREFIX}<type>"
            self.wrong(text, outline.bbox().center())
        return found

    def add_ports(self, found: Sequence[Device]) -> None:
        owners = Index([device.outline for device in found])
        shapes = list(self.chip.region(tech.PIN).each())
        index = Index(shapes)
        used: set[int] = set()
        for string, point in self.chip.texts(tech.PIN):
            owner = next((found[i] for i in owners.at(point, REACH)), None)
            shape = next(iter(index.at(point, REACH)), None)
            if shape is not None:
                used.add(shape)
            if not PORT.match(string):
                self.wrong(f"pin text {string[:40]!r}; allowed: o1, o2, ... or e1, e2, ...", point)
            elif owner is None:
                self.wrong(f"pin {string} is not on a DEVREC shape", point)
            elif shape is None:
                self.wrong(f"pin {string} has no PIN shape", point)
            elif string in owner.ports:
                self.wrong(f"two pins {string} on one {owner.type}", point)
            else:
                owner.ports[string] = _port(string, point, shapes[shape], owner.outline)
        for i, shape in enumerate(shapes):
            if i not in used:
                self.wrong("PIN shape without a text", shape.bbox().center())


class Index:
    """Polygons looked up by place."""

    def __init__(self, polygons: Sequence[kdb.Polygon]) -> None:
        """Hold polygons; they are answered by their position in the sequence."""
        self.polygons = polygons
        self.shapes = kdb.Shapes()
        for number, polygon in enumerate(polygons):
            self.shapes.insert(kdb.BoxWithProperties(polygon.bbox(), {0: number}))

    def at(self, point: kdb.Point, reach: int = 0) -> Iterator[int]:
        """Polygons that touch the square around a point."""
        return self.touching(
            kdb.Box(point.x - reach, point.y - reach, point.x + reach, point.y + reach)
        )

    def touching(self, box: kdb.Box) -> Iterator[int]:
        """Polygons that touch a box, in the order of the sequence."""
        near = sorted(shape.property(0) for shape in self.shapes.each_touching(box))
        return (i for i in near if self.polygons[i].touches(box))


def _stands(outline: kdb.Polygon) -> bool:
    steps = {(abs(edge.dx()), abs(edge.dy())) for edge in outline.each_edge()}
    return outline.num_points() == 4 and len(steps) == 1 and all(x == y for x, y in steps)


def _port(name: str, point: kdb.Point, shape: kdb.Polygon, outline: kdb.Polygon) -> Port:
    # The hull runs clockwise, so the outside of each edge is on its left.
    edge = min(outline.each_edge(), key=lambda e: abs(e.distance_abs(point)))
    length = math.hypot(edge.dx(), edge.dy())
    along = edge.dx() / length, edge.dy() / length
    spread = [p.x * along[0] + p.y * along[1] for p in shape.each_point_hull()]
    facet = None
    if edge.distance_abs(point) <= REACH:
        ends = [p for p in shape.each_point_hull() if edge.distance_abs(p) <= REACH]
        if len(ends) == 2:
            facet = ends[0], ends[1]
    return Port(name, point, (-along[1], along[0]), max(spread) - min(spread), shape, facet)
