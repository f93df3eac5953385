"""Waveguides between devices: which pins each joins, how long it is, and what is wrong with it.

A wire is a polygon of the merged waveguide layer outside the devices. Its length is half of the
outline without the two facets: for any curve whose sides are offsets of the centre line, one side
is longer by what the other is shorter. What remains is how a file draws a curve: chords that stay
within `d` of an arc of radius R shorten it by `d / (3 R)` of its length, corners rounded to the
grid lengthen it by less. At 0.5 nm and 5 um that is 0.03 nm per um of bend; a whole route is known
to about 1 nm. (Area over width would be ten times worse: a grid step of 1 nm is a quarter of a per
cent of the width.) Equal shapes have equal errors: arms drawn alike compare exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import klayout.db as kdb

from lightloom.photonics.checks import locate
from lightloom.photonics.checks.recognise import Device, Port

PROBE = 6
"""Reach of the probe outside a pin, in database units: rotated facets are rounded to the grid."""
SHIFT = 10
"""Least sideways offset between a waveguide and a pin that is a misalignment, database units."""


@dataclass(frozen=True)
class End:
    """A pin that a wire reaches."""

    device: Device
    port: Port


@dataclass(frozen=True)
class Guide:
    """One piece of waveguide with the pins it reaches; lengths in database units."""

    ends: tuple[End, ...]
    polygon: kdb.Polygon
    length: float
    width: float


@dataclass(frozen=True)
class Misfit:
    """A waveguide that meets a pin only partly."""

    end: End
    part: float


def trace(
    waveguide: kdb.Region, devices: Sequence[Device]
) -> tuple[list[Guide], list[End], list[Misfit]]:
    """Return the wires, the optical pins that nothing joins, and partial contacts."""
    outlines = kdb.Region([device.outline for device in devices])
    strips = list((waveguide.merged() - outlines).each())
    shapes = kdb.Shapes()
    for index, strip in enumerate(strips):
        shapes.insert(kdb.PolygonWithProperties(strip, {0: index}))
    reached: list[list[End]] = [[] for _ in strips]
    loose: list[End] = []
    misfits: list[Misfit] = []
    for device in devices:
        for port in device.ports.values():
            if not port.optical:
                continue
            end = End(device, port)
            probe = _probe(port)
            best, part = -1, 0.0
            for shape in shapes.each_touching(probe.bbox()):
                common = (kdb.Region(probe) & kdb.Region(shape.polygon)).area() / probe.area()
                if common > part:
                    best, part = shape.property(0), common
            if best < 0 or part < 0.02:
                loose.append(end)
                continue
            reached[best].append(end)
            if part < 1 - SHIFT / port.width:
                misfits.append(Misfit(end, part))
    guides = [_guide(strip, ends) for strip, ends in zip(strips, reached, strict=True)]
    return guides, loose, misfits


def _probe(port: Port) -> kdb.Polygon:
    """Thin box across the facet, just outside the device."""
    x, y = port.normal
    half = port.width / 2
    corners = [
        kdb.DPoint(port.point.x + x * out - y * side, port.point.y + y * out + x * side)
        for out, side in ((2, -half), (2, half), (PROBE, half), (PROBE, -half))
    ]
    return kdb.Polygon([kdb.Point(round(p.x), round(p.y)) for p in corners])


def _guide(strip: kdb.Polygon, ends: Sequence[End]) -> Guide:
    width = sum(end.port.width for end in ends) / len(ends) if ends else 0.0
    if not width:
        return Guide((), strip, 0.0, 0.0)
    length = strip_length(strip, width)
    return Guide(tuple(ends), strip, length, strip.area() / max(length, 1.0))


def strip_length(strip: kdb.Polygon, width: float) -> float:
    """Length of the centre line of a strip with two facets of `width`."""
    return strip.perimeter() / 2 - width


def loose_end(guide: Guide) -> kdb.Point:
    """Where a wire that joins a single pin stops."""
    return locate.far_end(guide.polygon, guide.ends[0].port.point)


def is_uniform(guide: Guide, tolerance: float) -> bool:
    """The mean width over the whole wire is that of its pins within a tolerance."""
    nominal = sum(end.port.width for end in guide.ends) / max(len(guide.ends), 1)
    return abs(guide.width - nominal) <= tolerance
