"""Metal that leads nowhere, and lines with a step in their side.

A line that is cut where the net goes on another way round leaves no open, and a piece of a mesh
that is missing none either; but both leave ends. Every line of a chip ends at a cut to another
metal, at a contact or pin of a device, or at a pad. A small step is where two shapes that should
be in line are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.checks.recognise import Device, Index
from lightloom.photonics.checks.verdict import Finding
from lightloom.photonics.tech import Layer

ANCHORS: Mapping[Layer, tuple[Layer, ...]] = {
    tech.M1: (tech.VIA, tech.CONTACT, tech.VIAH),
    tech.M2: (tech.VIA, tech.VIA2, tech.PAD, tech.BUMP),
    tech.M3: (tech.VIA2, tech.PAD, tech.BUMP),
}
"""What a line of each metal can end at, beside the pins of devices on M1."""
GROUP_UM = 3.1
"""Cuts this close to one another are one joint."""
LONGEST_UM = 200.0
"""A longer straight edge is a side, not an end."""
STEP_UM = 0.1
"""A line that is set aside on purpose is set aside by more."""


def check(chip: Chip, devices: Sequence[Device]) -> list[Finding]:
    """Return the ends of metal that have nothing at them."""
    pins = [port.shape for device in devices for port in device.ports.values() if not port.optical]
    electric = Index([d.outline for d in devices if any(not p.optical for p in d.ports.values())])
    found: list[Finding] = []
    for layer, others in ANCHORS.items():
        marks = list(pins) if layer == tech.M1 else []
        for other in others:
            marks += _joints(chip, other)
        anchors = Index(marks)
        for text, at in _loose(chip, chip.merged(layer), anchors, electric):
            place = at.x * chip.dbu, at.y * chip.dbu
            found.append(Finding("STUB", f"{tech.NAMES[layer]} {text}", *place))
        for step in _steps(chip.merged(layer), round(STEP_UM / chip.dbu)):
            at, size = step.bbox().center(), step.length() * chip.dbu
            text = f"{tech.NAMES[layer]} line with a step of {size:.3f} um in its side"
            found.append(Finding("STUB", text, at.x * chip.dbu, at.y * chip.dbu))
    return found


def _steps(metal: kdb.Region, least: int) -> Iterator[kdb.Edge]:
    """Short edges between two sides that go on in the same direction."""
    for piece in metal.each():
        for contour in range(piece.holes() + 1):
            edges = list(piece.each_edge(contour))
            for before, edge, after in _neighbours(edges):
                one, other = before.d(), after.d()
                if edge.length() < least and one.vprod_sign(other) == 0 < one.sprod_sign(other):
                    yield edge


def _neighbours(edges: Sequence[kdb.Edge]) -> Iterator[tuple[kdb.Edge, kdb.Edge, kdb.Edge]]:
    return zip([edges[-1], *edges[:-1]], edges, [*edges[1:], edges[0]], strict=True)


def _joints(chip: Chip, layer: Layer) -> Iterator[kdb.Polygon]:
    """Groups of cuts, as boxes around each."""
    reach = round(GROUP_UM / chip.dbu / 2)
    for group in chip.merged(layer).sized(reach).merged().each():
        yield kdb.Polygon(group.bbox().enlarged(-reach, -reach))


def _loose(
    chip: Chip, metal: kdb.Region, anchors: Index, electric: Index
) -> Iterator[tuple[str, kdb.Point]]:
    longest = round(LONGEST_UM / chip.dbu)
    for piece in metal.each():
        joined = [
            anchors.polygons[i]
            for i in anchors.touching(piece.bbox())
            if piece.touches(anchors.polygons[i])
        ]
        if not joined:
            continue  # joins nothing at all, which is a finding of its own
        inside = any(
            piece.bbox().inside(electric.polygons[i].bbox())
            for i in electric.touching(piece.bbox())
        )
        if len(joined) == 1 and not inside:
            yield "that leads from one place to no other", joined[0].bbox().center()
            continue
        boxes = Index(joined)
        for end, zone in _ends(piece, longest):
            if next(boxes.touching(zone), None) is None:
                yield "line that ends at nothing", end.bbox().center()


def _ends(piece: kdb.Polygon, longest: int) -> Iterator[tuple[kdb.Edge, kdb.Box]]:
    """Edges between two sides at right angles, each with the square of metal behind it."""
    for before, edge, after in _neighbours(list(piece.each_edge(0))):
        length = edge.length()
        square = before.d().sprod(edge.d()) == edge.d().sprod(after.d()) == 0
        # The hull runs clockwise: an end turns right twice.
        right = before.d().vprod_sign(edge.d()) < 0 and edge.d().vprod_sign(after.d()) < 0
        depth = min(length, before.length(), after.length())
        if length <= longest and square and right and depth >= length / 2:
            corner = edge.p1 + after.d() * (depth / after.length())
            yield edge, kdb.Box(corner.x, corner.y, edge.p2.x, edge.p2.y)
