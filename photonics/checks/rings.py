"""Measurements of rings: modulators on one bus, filters between two."""

from __future__ import annotations

from typing import NamedTuple

import klayout.db as kdb
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.checks import locate
from lightloom.photonics.checks.heaters import film
from lightloom.photonics.checks.strips import WIDTH_UM
from lightloom.photonics.checks.view import Parameters, View


class Ring(NamedTuple):
    """A racetrack: two half circles and two straight parts, which a circle does not have."""

    polygon: kdb.Polygon
    centre: kdb.DPoint
    radius: float
    straight: float


def ring_modulator(view: View) -> Parameters:
    """Ring beside a bus, a junction along its middle."""
    (bus,) = view.guides(("o1", "o2"))
    film(view, "e3", "e4")
    path = view.strip(bus, "o1", "o2")
    ring = _ring(view)
    if ring is None or bus is None:
        return path
    if ring.straight > 0.5:
        view.complain(f"ring {view.um(ring.straight):.3f} um longer than high; allowed: a circle")
    _junction(view, ring)
    _over(view, ring)
    return {"radius_um": view.um(ring.radius), "gap_um": _gap(view, ring, bus), **path}


def ring_filter(view: View) -> Parameters:
    """Ring between two buses."""
    bus, drop = view.guides(("o1", "o2"), ("o3", "o4"))
    film(view, "e1", "e2")
    path = view.strip(bus, "o1", "o2")
    view.strip(drop, "o3", "o4")
    ring = _ring(view)
    if ring is None or bus is None or drop is None or bus == drop:
        return path
    _over(view, ring)
    return {
        "radius_um": view.um(ring.radius),
        "straight_um": view.um(ring.straight),
        "gap_um": _gap(view, ring, bus),
        "drop_gap_um": _gap(view, ring, drop),
        **path,
    }


def _gap(view: View, ring: Ring, bus: kdb.Polygon) -> float:
    gap, _, _ = locate.closest(locate.edges([ring.polygon]), locate.edges([bus]))
    return view.um(gap)


def _ring(view: View) -> Ring | None:
    """The one closed waveguide, with a complaint where it is not of one width and round."""
    rings = [strip for strip in view.polygons(tech.WG) if strip.holes() == 1]
    if len(rings) != 1:
        view.complain(f"{len(rings)} rings; allowed: 1")
        return None
    outline, hole = rings[0], kdb.Polygon(list(rings[0].each_point_hole(0)))
    outer, inner = outline.bbox(), hole.bbox()
    straight = (outer.width() - outer.height() + inner.width() - inner.height()) / 2
    radius = (outer.height() + inner.height()) / 4
    if straight < 0.5:  # a circle: both ways say the same, on average better than one
        radius = (outer.width() + inner.width() + outer.height() + inner.height()) / 8
    centre = kdb.DPoint((outer.left + outer.right) / 2, (outer.bottom + outer.top) / 2)
    half = view.ports["o1"].width / 2
    for polygon, wanted in ((outline, radius + half), (hole, radius - half)):
        points = np.array([(p.x, p.y) for p in polygon.each_point_hull()], float)
        away = points - (centre.x, centre.y)
        along = np.clip(away[:, 0], -max(straight, 0) / 2, max(straight, 0) / 2)
        off = np.abs(np.hypot(away[:, 0] - along, away[:, 1]) - wanted)
        worst = int(off.argmax())
        if view.um(float(off[worst])) > WIDTH_UM:
            at = kdb.Point(*map(int, points[worst]))
            view.complain(f"ring is {view.um(float(off[worst])):.4f} um off its shape here", at)
    return Ring(outline, centre, radius, max(straight, 0.0))


def _over(view: View, ring: Ring) -> None:
    """The heater film runs along the middle of the ring, seen at its top."""
    x, top = round(ring.centre.x), ring.polygon.bbox().top
    line = kdb.Region(kdb.Box(x - 1, round(ring.centre.y), x + 1, top + round(2 / view.dbu)))
    film_there = (view.region(tech.HEATER) & line).bbox()
    off = (film_there.bottom + film_there.top) / 2 - (ring.centre.y + ring.radius)
    if film_there.empty() or abs(off) * view.dbu > WIDTH_UM:
        view.complain("heater film is beside the ring", kdb.Point(x, top))


def _junction(view: View, ring: Ring) -> None:
    """P inside and N outside meet in the middle of the ring, over the half away from the bus."""
    p, n = view.region(tech.P), view.region(tech.N)
    box = ring.polygon.bbox()
    upper = kdb.Box(box.left, round(ring.centre.y), box.right, box.top)
    bare = (kdb.Region(ring.polygon) & kdb.Region(upper)) - (p + n).sized(2)
    for layers, text in ((bare, "ring without implant here"), (p & n, "P and N overlap here")):
        rest = layers.sized(-2)
        if not rest.is_empty():
            view.complain(text, rest.bbox().center())
    for layer in (tech.PPP, tech.CONTACT):
        # Of the contacts the one in the middle.
        boxes = (piece.bbox() for piece in view.polygons(layer))
        box = min(boxes, key=lambda box: _away(box, ring), default=None)
        if box is not None and _away(box, ring) * view.dbu > WIDTH_UM:
            text = f"{tech.NAMES[layer]} is not in the middle of the ring"
            view.complain(text, box.center())
    for polygon in p.each():
        points = np.array([(q.x, q.y) for q in polygon.each_point_hull()], float)
        off = np.abs(np.hypot(*(points - (ring.centre.x, ring.centre.y)).T) - ring.radius)
        if view.um(float(off.max())) > 0.01:
            at = kdb.Point(*map(int, points[int(off.argmax())]))
            view.complain("junction is not in the middle of the ring here", at)


def _away(box: kdb.Box, ring: Ring) -> float:
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    return float(np.hypot(x - ring.centre.x, y - ring.centre.y))
