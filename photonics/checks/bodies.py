"""What is inside each device, and which devices are alike.

The layers of a chip are cut along the outlines of its devices once, all devices together. What is
inside one is turned until `o1` faces west and moved until `o1` is the origin: a `Body`. Devices
drawn alike have equal bodies whatever cell or place they come from, and a shape that intrudes from
elsewhere makes a body of its own; so each different body is measured once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.checks.recognise import REACH, Device, Index
from lightloom.photonics.tech import Layer

INNER: tuple[Layer, ...] = (
    tech.UNDERCUT,
    tech.SLAB,
    tech.WG,
    tech.N,
    tech.P,
    tech.NPP,
    tech.PPP,
    tech.GE,
    tech.CONTACT,
    tech.HEATER,
    tech.VIAH,
)
"""Layers that make devices; all of them but WG are nowhere else."""

_TURNS = tuple(kdb.Trans(code, False, 0, 0) for code in range(4)) + tuple(
    kdb.Trans(code, True, 0, 0) for code in range(4)
)


@dataclass(frozen=True)
class Pin:
    """A port of a body."""

    name: str
    point: kdb.Point
    shape: kdb.Polygon
    facet: tuple[kdb.Point, kdb.Point] | None
    width: float

    @property
    def optical(self) -> bool:
        """`o...` ports guide light, `e...` ports conduct."""
        return self.name.startswith("o")


@dataclass(frozen=True)
class Body:
    """A device as drawn, `o1` at the origin and facing west (south-west where it is diagonal)."""

    type: str
    outline: kdb.Polygon
    ports: Mapping[str, Pin] = field(compare=False)
    layers: Mapping[Layer, tuple[kdb.Polygon, ...]] = field(compare=False)
    key: tuple[object, ...]
    """Ports and layers as a value that can be compared."""
    marks: tuple[object, ...] = field(compare=False)
    """The same without metal, which differs by what leads to the device."""

    def polygons(self, layer: Layer) -> Sequence[kdb.Polygon]:
        """Merged polygons of a layer inside the device."""
        return self.layers.get(layer, ())

    @cached_property
    def facets(self) -> Sequence[tuple[str, kdb.Edge]]:
        """Where waveguides inside reach the outline, with the optical pin there or ''."""
        guides = kdb.Region(list(self.polygons(tech.WG))).edges()
        edges = (guides & kdb.Region(self.outline).edges()).each()
        return [(self._pin(edge), edge) for edge in edges]

    def _pin(self, edge: kdb.Edge) -> str:
        middle, reach = edge.bbox().center(), max(REACH, edge.length() / 2)
        for pin in self.ports.values():
            if pin.optical and (pin.point - middle).length() <= reach:
                return pin.name
        return ""


@dataclass(frozen=True)
class Bodies:
    """The bodies of a chip's devices by name, and how each is turned and moved to its place."""

    bodies: Mapping[str, Body]
    places: Mapping[str, kdb.Trans]
    outside: Mapping[Layer, kdb.Region]
    """What of each inner layer is in no device."""


def dissect(chip: Chip, devices: Sequence[Device]) -> Bodies:
    """Cut the layers of a chip along the outlines of its devices."""
    index = Index([device.outline for device in devices])
    outlines = kdb.Region([device.outline for device in devices])
    inside: list[dict[Layer, list[kdb.Polygon]]] = [{} for _ in devices]
    outside: dict[Layer, kdb.Region] = {}
    for layer in INNER:
        within, outside[layer] = chip.merged(layer).andnot(outlines)
        _share(inside, index, layer, within)
    # Metal joins what is inside; elsewhere it passes over devices and is none of their business.
    electric = [d.outline for d in devices if any(not p.optical for p in d.ports.values())]
    _share(inside, index, tech.M1, chip.merged(tech.M1) & kdb.Region(electric))
    bodies: dict[str, Body] = {}
    places: dict[str, kdb.Trans] = {}
    known: dict[object, tuple[Body, kdb.Trans]] = {}
    for device, layers in zip(devices, inside, strict=True):
        body = _body(device, layers, kdb.Trans(_home(device)))
        if body not in known:
            known[body] = _turned(device, layers)
        bodies[device.name], turn = known[body]
        places[device.name] = kdb.Trans(-_home(device)) * turn
    # Bodies that differ only in how they were turned are one object again.
    same = {body: body for body in bodies.values()}
    return Bodies({name: same[body] for name, body in bodies.items()}, places, outside)


def _share(
    inside: Sequence[dict[Layer, list[kdb.Polygon]]], index: Index, layer: Layer, within: kdb.Region
) -> None:
    for polygon in within.each():
        corners = list(polygon.each_point_hull())[:3]
        homes = index.touching(polygon.bbox())
        home = next((i for i in homes if all(map(index.polygons[i].inside, corners))), None)
        if home is not None:
            inside[home].setdefault(layer, []).append(polygon)


def _home(device: Device) -> kdb.Vector:
    """Moves `o1`, or a corner where there is none, to the origin."""
    port = device.ports.get("o1")
    point = device.outline.bbox().p1 if port is None else port.point
    return kdb.Vector(-point.x, -point.y)


def _turned(device: Device, layers: Mapping[Layer, list[kdb.Polygon]]) -> tuple[Body, kdb.Trans]:
    """The body of a device turned home, and the turn that brings it back."""
    home = kdb.Trans(_home(device))
    candidates = [turn for turn in _TURNS if _faces_west(device, turn)] or list(_TURNS[:1])
    # Of two mirror images the one whose later ports are higher up; failing that, any, always alike.
    choices = [(_body(device, layers, turn * home), turn) for turn in candidates]
    body, turn = max(choices, key=lambda choice: _upright(choice[0]))
    return body, turn.inverted()


def _faces_west(device: Device, turn: kdb.Trans) -> bool:
    port = device.ports.get("o1")
    if port is None:
        return turn.rot == 0 and not turn.is_mirror()
    normal = kdb.DTrans(turn.angle, turn.is_mirror(), 0.0, 0.0) * kdb.DVector(*port.normal)
    return normal.x < -0.9 or (abs(normal.x) > 0.1 and normal.x < 0 and normal.y < 0)


def _upright(body: Body) -> tuple[object, ...]:
    heights = [(pin.point.y, pin.point.x) for _, pin in sorted(body.ports.items())]
    shapes = [
        [(p.x, p.y) for p in polygon.each_point_hull()]
        for layer in INNER
        for polygon in body.polygons(layer)
    ]
    return heights, shapes


def _body(device: Device, layers: Mapping[Layer, list[kdb.Polygon]], by: kdb.Trans) -> Body:
    moved = {
        layer: tuple(sorted(polygon.transformed(by) for polygon in polygons))
        for layer, polygons in layers.items()
    }
    ports: dict[str, Pin] = {}
    for name, port in sorted(device.ports.items()):
        facet = None if port.facet is None else (by * port.facet[0], by * port.facet[1])
        shape = port.shape.transformed(by)
        ports[name] = Pin(name, by * port.point, shape, facet, port.width)
    outline = device.outline.transformed(by)
    pins = tuple((pin.name, pin.point.x, pin.point.y, pin.shape) for pin in ports.values())
    inner = tuple((layer, moved[layer]) for layer in INNER if layer in moved)
    marks = outline, pins, inner
    return Body(device.type, outline, ports, moved, (marks, moved.get(tech.M1)), marks)
