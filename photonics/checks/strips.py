"""The shape of one waveguide strip between two facets: its width all along, kinks, its bends.

A strip is bounded by two facets and two sides. For offset curves of one centre line the sides keep
step: where the left side has come `s` far and has turned by `a` to the left, the right side has
come `s + width a`. That pairs every corner of a side with the place opposite without a search, in
time linear in the number of corners. Coordinates and lengths are database units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray

from lightloom.photonics import tech

Array = NDArray[np.float64]
Segment = tuple[kdb.Point, kdb.Point]
"""A facet by its two corners, in any order."""

WIDTH_UM = 0.002
"""A strip keeps its width within this: corners on the grid and chords of a curve account for less
than 1.4 nm."""
KINK_DEG = 4.0
"""Sharpest turn of a side at one corner: chords within half a grid step of a bend of 5 um turn by
1.6 degrees, their corners on the grid add half a degree."""
RADIUS = 0.85
"""Part of the least radius of a bend that is certainly too little, by the same corners."""
WINDOW = 2000.0
"""Bends are judged over this length: the corners of a curve are rounded to the grid, so that its
direction is known to some tenths of a degree only."""


@dataclass(frozen=True)
class Shape:
    """What the sides of a strip say; places are on its outline."""

    width_low: float
    width_high: float
    narrow: kdb.Point
    """Where it is narrowest."""
    wide: kdb.Point
    """Where it is widest."""
    kink_deg: float
    """Sharpest turn at one corner of a side, or between a facet and a side that leaves it."""
    kink: kdb.Point
    radius: float
    """Of the tightest bend, infinite for a straight strip."""
    tightest: kdb.Point


def shape(strip: kdb.Polygon, first: Segment, second: Segment) -> Shape | None:
    """Return the shape of a strip between two facets; None when they are not edges of it."""
    hull = [(p.x, p.y) for p in strip.each_point_hull()]
    starts = [_edge(hull, facet) for facet in (first, second)]
    if strip.holes() or None in starts or starts[0] == starts[1]:
        return None
    i, j = (start for start in starts if start is not None)
    points = np.array(hull, dtype=float)
    # The hull runs clockwise: leaving the first facet at its end, the strip is on the right hand.
    left = _side(points, i + 1, j)
    right = _side(points, j + 1, i)[::-1]
    width = float(np.hypot(*(left.points[0] - right.points[0])))
    widths = np.concatenate([_across(left, right, width), _across(right, left, -width)])
    corners = np.concatenate([left.points, right.points])
    kinks = [_kink(side) for side in (left, right)] + [
        _lean(side, other, end) for side, other in ((left, right), (right, left)) for end in (0, -1)
    ]
    kink_deg, kink = max(kinks, key=lambda k: k[0])
    radius, tightest = _bend(left, right)
    low, high = int(widths.argmin()), int(widths.argmax())
    return Shape(
        float(widths[low]),
        float(widths[high]),
        _point(corners[low]),
        _point(corners[high]),
        kink_deg,
        _point(kink),
        radius,
        _point(tightest),
    )


def length(strip: kdb.Polygon, width: float) -> float:
    """Length of the centre line of a strip with two facets of `width`."""
    return strip.perimeter() / 2 - width


def faults(shape: Shape, width: float, dbu: float) -> list[tuple[str, kdb.Point]]:
    """What is wrong with a strip that is meant to keep its width, and where."""
    found: list[tuple[str, kdb.Point]] = []
    for value, at in ((shape.width_low, shape.narrow), (shape.width_high, shape.wide)):
        if abs(value - width) * dbu > WIDTH_UM:
            found.append((f"is {value * dbu:.4f} um wide; allowed: {width * dbu:.4f} um", at))
    if shape.kink_deg > KINK_DEG:
        found.append((f"turns by {shape.kink_deg:.1f} degrees at once", shape.kink))
    elif shape.radius * dbu < RADIUS * tech.STRIP.radius_min_um:
        least = f"allowed: {tech.STRIP.radius_min_um:g} um or more"
        found.append((f"bends with radius {shape.radius * dbu:.1f} um; {least}", shape.tightest))
    return found


class _Side:
    """A polyline with its direction and the length along it."""

    def __init__(self, points: Array) -> None:
        self.points = points
        self.steps = np.diff(points, axis=0)
        self.lengths = np.hypot(self.steps[:, 0], self.steps[:, 1])
        self.along = np.concatenate([[0.0], np.cumsum(self.lengths)])
        self.heading = np.unwrap(np.arctan2(self.steps[:, 1], self.steps[:, 0]))
        self.turns = np.diff(self.heading)

    def __getitem__(self, key: slice) -> _Side:
        return _Side(self.points[key])


def _side(points: Array, start: int, stop: int) -> _Side:
    """Corners from `start` to `stop`, both included, around the hull."""
    count = (stop - start) % len(points)
    return _Side(points[np.arange(start, start + count + 1) % len(points)])


def _edge(hull: Sequence[tuple[int, int]], facet: Segment) -> int | None:
    """Index of the corner at which the edge of the hull that is the facet starts."""
    ends = {(p.x, p.y) for p in facet}
    for index, corner in enumerate(hull):
        if corner in ends and hull[(index + 1) % len(hull)] in ends:
            return index
    return None


def _across(side: _Side, other: _Side, width: float) -> Array:
    """Distance from each corner of a side to the other side, which is `width` to the right."""
    heading = np.concatenate([side.heading[:1], side.heading])
    heading[1:-1] -= side.turns / 2
    opposite = side.along + width * (heading - heading[0])
    guess = np.searchsorted(other.along, opposite) - 1
    best = np.full(len(side.points), np.inf)
    for step in (-1, 0, 1):
        k = np.clip(guess + step, 0, len(other.lengths) - 1)
        offset = side.points - other.points[k]
        t = (offset * other.steps[k]).sum(axis=1) / np.maximum(other.lengths[k], 1e-9) ** 2
        foot = other.steps[k] * np.clip(t, 0.0, 1.0)[:, None]
        best = np.minimum(best, np.hypot(*(offset - foot).T))
    return best


def _kink(side: _Side) -> tuple[float, Array]:
    if not len(side.turns):
        return 0.0, side.points[0]
    worst = int(np.abs(side.turns).argmax())
    return float(np.degrees(abs(side.turns[worst]))), side.points[worst + 1]


def _lean(side: _Side, other: _Side, end: int) -> tuple[float, Array]:
    """How far from square a side leaves the facet at one end."""
    facet = other.points[end] - side.points[end]
    step = side.steps[end]
    sine = float(facet @ step) / float(np.hypot(*facet) * np.hypot(*step))
    return float(np.degrees(abs(np.arcsin(np.clip(sine, -1.0, 1.0))))), side.points[end]


def _bend(left: _Side, right: _Side) -> tuple[float, Array]:
    """Radius of the tightest bend of the centre line, from the mean of the two sides."""
    radii: list[tuple[float, Array]] = []
    for side in (left, right):
        if not len(side.turns):
            radii.append((np.inf, side.points[0]))
            continue
        # Direction in the middle of each chord; between the middles it changes steadily.
        middle = (side.along[1:] + side.along[:-1]) / 2
        ahead = np.interp(middle + WINDOW, middle, side.heading)
        turned = np.abs(ahead - side.heading)
        worst = int(turned.argmax())
        span = min(WINDOW, float(middle[-1] - middle[worst]))
        radii.append((span / max(float(turned[worst]), 1e-9), side.points[worst + 1]))
    (one, at), (two, _) = radii
    return (one + two) / 2, at


def _point(at: Array) -> kdb.Point:
    return kdb.Point(round(float(at[0])), round(float(at[1])))
