"""Waveguides of a layout as lines, each named by the pins at its ends, to draw something along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray

from lightloom.photonics import tech
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.netlist import Netlist, Pin

POINTS = 48
"""Most points of a line: enough for a bend on a screen."""
Points = NDArray[np.float64]
"""Shape (n, 2), um."""


@dataclass(frozen=True)
class Stroke:
    """A piece of waveguide from the pin `start` towards the pin `end`.

    Pieces inside a device belong to one pin: `start` and `end` are the same.
    """

    points: Points
    start: Pin
    end: Pin


@dataclass(frozen=True)
class Strokes:
    """All waveguides of a chip."""

    die: kdb.DBox
    strokes: tuple[Stroke, ...]
    pins: Mapping[Pin, tuple[float, float]]
    """Place of each optical pin, um."""


def strokes(chip: Chip, netlist: Netlist) -> Strokes:
    """Return the waveguides of an open layout by the names of its extracted netlist."""
    devices = _Devices(chip, netlist)
    pins = dict(devices.pins())
    places = {name: (x * chip.dbu, y * chip.dbu) for name, (x, y) in pins.items()}
    inside, outside = chip.region(tech.WG).andnot(chip.region(tech.DEVREC))
    found = [*_wires(chip, netlist, outside, pins), *_inside(chip, devices, inside, pins)]
    outline = chip.region(tech.DICE).bbox()
    die = (chip.top.bbox() if outline.empty() else outline).to_dtype(chip.dbu)
    return Strokes(die, tuple(found), places)


class _Devices:
    """Outlines of devices that can be asked what is at a place."""

    def __init__(self, chip: Chip, netlist: Netlist) -> None:
        self.chip = chip
        names = {
            (round(i.x_um / chip.dbu), round(i.y_um / chip.dbu)): name
            for name, i in netlist.instances.items()
            if i.x_um is not None and i.y_um is not None
        }
        self.shapes = kdb.Shapes()
        self.names: list[str] = []
        for polygon in chip.region(tech.DEVREC).each():
            centre = polygon.bbox().center()
            name = names.get((centre.x, centre.y))
            if name is not None:
                self.names.append(name)
                self.shapes.insert(polygon, len(self.names))

    def at(self, point: kdb.Point) -> str | None:
        """The device that a point is in or on the edge of."""
        for shape in self.shapes.each_touching(kdb.Box(point, point)):
            if shape.polygon.inside(point):
                return self.names[shape.prop_id - 1]
        return None

    def pins(self) -> Iterator[tuple[Pin, tuple[int, int]]]:
        """Optical pins with their places in database units."""
        for text, point in self.chip.texts(tech.PIN):
            if text.startswith("o"):
                device = self.at(point)
                if device is not None:
                    yield (device, text), (point.x, point.y)


def _wires(
    chip: Chip, netlist: Netlist, outside: kdb.Region, pins: Mapping[Pin, tuple[int, int]]
) -> Iterator[Stroke]:
    by_centre: dict[tuple[int, int], list[kdb.Polygon]] = {}
    for polygon in outside.each():
        centre = polygon.bbox().center()
        by_centre.setdefault((centre.x, centre.y), []).append(polygon)
    for wire in netlist.nets.values():
        if len(wire.pins) != 2 or wire.x_um is None or wire.y_um is None:
            continue
        polygons = by_centre.get((round(wire.x_um / chip.dbu), round(wire.y_um / chip.dbu)), [])
        start, end = wire.pins
        if not polygons or start not in pins or end not in pins:
            continue
        # Two waveguides about one centre differ in length.
        length = (wire.length_um or 0.0) / chip.dbu
        polygon = min(polygons, key=lambda p: abs(p.perimeter() / 2 - length))
        yield Stroke(_side(polygon, pins[start], pins[end]) * chip.dbu, start, end)


def _inside(
    chip: Chip, devices: _Devices, inside: kdb.Region, pins: Mapping[Pin, tuple[int, int]]
) -> Iterator[Stroke]:
    of_device: dict[str, list[Pin]] = {}
    for pin in pins:
        of_device.setdefault(pin[0], []).append(pin)
    for polygon in inside.each():
        first = next(polygon.each_point_hull())
        device = devices.at(first)
        box = polygon.bbox().enlarged(1, 1)
        touched = [p for p in of_device.get(device or "", ()) if box.contains(kdb.Point(*pins[p]))]
        if len(touched) == 2:
            line = _side(polygon, pins[touched[0]], pins[touched[1]]) * chip.dbu
            middle = _middle(line)
            yield Stroke(line[: middle + 1], touched[0], touched[0])
            yield Stroke(line[middle:], touched[1], touched[1])
            continue
        # Where guides meet each is drawn to the middle, one that ends there to its end.
        x, y = box.center().x, box.center().y
        for pin in touched:
            at = np.array(pins[pin], dtype=float)
            to = np.array([x, y]) if len(touched) > 1 else 2 * np.array([x, y]) - at
            yield Stroke(np.array([at, to]) * chip.dbu, pin, pin)


def _side(polygon: kdb.Polygon, start: tuple[int, int], end: tuple[int, int]) -> Points:
    """One side of a strip from pin to pin; it is half a width beside the centre line."""
    hull = np.array([(p.x, p.y) for p in polygon.each_point_hull()], dtype=float)
    first, last = (int(np.argmin(np.hypot(*(hull - at).T))) for at in (start, end))
    order = np.arange(first, last + 1 + (len(hull) if last < first else 0)) % len(hull)
    if len(order) > POINTS:
        order = order[np.linspace(0, len(order) - 1, POINTS).round().astype(int)]
    return np.concatenate([[start], hull[order[1:-1]], [end]])


def _middle(line: Points) -> int:
    """The point of a line that is nearest to the middle of its length."""
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    return min(max(int(np.argmin(np.abs(steps - steps[-1] / 2))), 0), len(line) - 1)
