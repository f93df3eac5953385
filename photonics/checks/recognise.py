"""Devices of a layout, found by their recognition layers alone.

A DEVREC polygon bounds a device and a DEVREC text inside it names the type. A PIN shape on its edge
with a text marks each port. Nothing else that a layout tool writes (cell names, properties) is
used, so a file from any tool can be checked.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.checks.verdict import Finding

TYPE = re.compile(rf"^{tech.DEVICE_PREFIX}([a-z][a-z0-9_]{{0,63}})$")
Complaint = tuple[str, kdb.Point]
PORT = re.compile(r"^[oe][0-9]{1,3}$")


@dataclass(frozen=True)
class Port:
    """A port of a device: the middle of its facet, the unit normal out of the device, its width."""

    name: str
    point: kdb.Point
    normal: tuple[float, float]
    width: float

    @property
    def optical(self) -> bool:
        """`o...` ports guide light, `e...` ports conduct."""
        return self.name.startswith("o")

    def moved(self, by: kdb.ICplxTrans) -> Port:
        """The port of an instance placed at `by`."""
        turned = by.s_trans().is_mirror(), math.radians(by.angle)
        x, y = self.normal[0], -self.normal[1] if turned[0] else self.normal[1]
        c, s = math.cos(turned[1]), math.sin(turned[1])
        normal = (c * x - s * y, s * x + c * y)
        return Port(self.name, by * self.point, normal, self.width * by.mag)


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
    found: list[Device] = []
    findings: list[Finding] = []
    templates: dict[int, list[Device]] = {}
    for cell, trans in _places(chip):
        if cell.cell_index() not in templates:
            templates[cell.cell_index()], wrong = _in_cell(cell, chip.layout)
            for text, point in wrong:
                at = trans * point
                findings.append(
                    Finding("DEVICE", f"cell {cell.name}: {text}", at.x * chip.dbu, at.y * chip.dbu)
                )
        for device in templates[cell.cell_index()]:
            ports = {name: port.moved(trans) for name, port in device.ports.items()}
            found.append(Device("", device.type, device.outline.transformed(trans), ports))
    found.sort(key=lambda d: (d.type, d.centre.x, d.centre.y))
    count: Counter[str] = Counter()
    for device in found:
        device.name = f"{device.type}_{count[device.type]}"
        count[device.type] += 1
    return found, findings


def _places(chip: Chip) -> Iterator[tuple[kdb.Cell, kdb.ICplxTrans]]:
    """Every placement of a cell that has DEVREC polygons of its own."""
    index = chip.layout.find_layer(*tech.DEVREC)
    if index is None:
        return
    own = [
        cell.cell_index()
        for cell in chip.layout.each_cell()
        if any(not shape.is_text() for shape in cell.shapes(index).each())
    ]
    if chip.top.cell_index() in own:
        yield chip.top, kdb.ICplxTrans()
    at = chip.top.begin_instances_rec()
    at.targets = own
    while not at.at_end():
        element = at.current_inst_element()
        yield at.inst_cell(), at.trans() * element.specific_cplx_trans()
        at.next()


def _in_cell(cell: kdb.Cell, layout: kdb.Layout) -> tuple[list[Device], list[Complaint]]:
    marks = cell.shapes(layout.find_layer(*tech.DEVREC))
    outlines = [s.polygon for s in marks.each() if not s.is_text()]
    texts = [(s.text.string, _place(s)) for s in marks.each() if s.is_text()]
    wrong: list[Complaint] = []
    result: list[Device] = []
    for outline in outlines:
        inside = [string for string, point in texts if outline.inside(point)]
        types = [match[1] for string in inside if (match := TYPE.match(string))]
        if len(types) == len(inside) == 1:
            result.append(Device("", types[0], outline))
        else:
            text = f"texts {inside} in a DEVREC shape; allowed: one, {tech.DEVICE_PREFIX}<type>"
            wrong.append((text, outline.bbox().center()))
    index = layout.find_layer(*tech.PIN)
    if index is not None:
        _add_ports(cell.shapes(index), result, wrong)
    return result, wrong


def _add_ports(shapes: kdb.Shapes, inside: list[Device], wrong: list[Complaint]) -> None:
    marks = [s.polygon for s in shapes.each() if not s.is_text()]
    for string, point in ((s.text.string, _place(s)) for s in shapes.each() if s.is_text()):
        owner = next((device for device in inside if _touches(device.outline, point)), None)
        shape = next((mark for mark in marks if _touches(mark, point)), None)
        if not PORT.match(string):
            wrong.append((f"pin text {string!r}; allowed: o1, o2, ... or e1, e2, ...", point))
        elif owner is None:
            wrong.append((f"pin {string} is not on a DEVREC shape", point))
        elif shape is None:
            wrong.append((f"pin {string} has no PIN shape", point))
        elif string in owner.ports:
            wrong.append((f"two pins {string} on one {owner.type}", point))
        else:
            owner.ports[string] = _port(string, point, shape, owner.outline)


def _place(text: kdb.Shape) -> kdb.Point:
    return kdb.Point(text.text.x, text.text.y)


def _touches(polygon: kdb.Polygon, point: kdb.Point, reach: int = 5) -> bool:
    return polygon.touches(
        kdb.Box(point.x - reach, point.y - reach, point.x + reach, point.y + reach)
    )


def _port(name: str, point: kdb.Point, shape: kdb.Polygon, outline: kdb.Polygon) -> Port:
    # The hull runs clockwise, so the outside of each edge is on its left.
    edge = min(outline.each_edge(), key=lambda e: abs(e.distance_abs(point)))
    length = math.hypot(edge.dx(), edge.dy())
    along = edge.dx() / length, edge.dy() / length
    spread = [p.x * along[0] + p.y * along[1] for p in shape.each_point_hull()]
    return Port(name, point, (-along[1], along[0]), max(spread) - min(spread))
