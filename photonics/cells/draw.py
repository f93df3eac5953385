"""Drawing on the grid: shapes with integer corners, ribbons with exact end facets, marks and pins.

Lengths are um; every corner is rounded to the database unit here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import gdsfactory as gf
import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray

from lightloom.photonics import tech
from lightloom.photonics.pdk import PDK

__all__ = ["PDK"]

Points = NDArray[np.float64]
SAGITTA_UM = 0.0005
"""Chords of a curve stay this close to it: half a grid step."""


def grid(value_um: float) -> int:
    """Database units of a length."""
    return round(value_um / tech.DBU_UM)


def on_grid(value_um: float) -> float:
    """The length rounded to the grid."""
    return round(value_um, 3)


def point(x_um: float, y_um: float) -> kdb.Point:
    """Grid point."""
    return kdb.Point(grid(x_um), grid(y_um))


def polygon(c: gf.Component, layer: tech.Layer, points: Iterable[Sequence[float]]) -> None:
    """Draw a polygon through points in um."""
    c.shapes(c.kcl.layer(*layer)).insert(kdb.Polygon([point(x, y) for x, y in points]))


def box(c: gf.Component, layer: tech.Layer, x1: float, y1: float, x2: float, y2: float) -> None:
    """Draw a box between two corners in um."""
    c.shapes(c.kcl.layer(*layer)).insert(kdb.Box(point(x1, y1), point(x2, y2)))


def text(
    c: gf.Component,
    layer: tech.Layer,
    string: str,
    x: float,
    y: float,
    side: Literal["west", "middle", "east"] = "west",
    size_um: float = 2.0,
) -> None:
    """Place a text with its `side` at (x, y); `size_um` is the height it is drawn with."""
    at = point(x, y)
    label = kdb.Text(string, kdb.Trans(at.x, at.y))
    label.size = grid(size_um)
    label.halign = {
        "west": kdb.HAlign.HAlignLeft,
        "middle": kdb.HAlign.HAlignCenter,
        "east": kdb.HAlign.HAlignRight,
    }[side]
    label.valign = kdb.VAlign.VAlignBottom if side != "middle" else kdb.VAlign.VAlignCenter
    c.shapes(c.kcl.layer(*layer)).insert(label)


def region(c: gf.Component, layer: tech.Layer, shapes: kdb.Region) -> None:
    """Draw merged polygons."""
    c.shapes(c.kcl.layer(*layer)).insert(shapes.merged())


def arc(
    x: float, y: float, inner: float, outer: float, start_deg: float, stop_deg: float
) -> kdb.Region:
    """Part of an annulus; a whole one when the angles span 360 degrees or more."""
    whole = stop_deg - start_deg >= 360.0
    step = 2.0 * math.acos(1.0 - SAGITTA_UM / outer)
    # A multiple of four chords a turn: the extremes of a circle are then corners.
    count = 4 * math.ceil(math.radians(stop_deg - start_deg) / step / 4.0)
    angles = [
        math.radians(start_deg + (stop_deg - start_deg) * i / count) for i in range(count + 1)
    ]
    rim = [point(x + outer * math.cos(a), y + outer * math.sin(a)) for a in angles]
    if inner <= 0.0 and whole:
        return kdb.Region(kdb.Polygon(rim))
    hole = [point(x + inner * math.cos(a), y + inner * math.sin(a)) for a in angles]
    if whole:
        return kdb.Region(kdb.Polygon(rim)) - kdb.Region(kdb.Polygon(hole))
    return kdb.Region(kdb.Polygon(rim + hole[::-1]))


def ribbon(
    centre: Points, heading: Points, width: float | Points = tech.WIRE_WIDTH
) -> list[tuple[float, float]]:
    """Outline of a strip around a centre line; its ends are square to the first and last heading.

    Args:
        centre: points of the centre line, shape (n, 2), um.
        heading: direction of the centre line at each point, rad.
        width: width in um, at each point or everywhere.
    """
    half = np.broadcast_to(np.asarray(width) / 2.0, heading.shape)
    normal = np.stack([-np.sin(heading), np.cos(heading)], axis=1) * half[:, None]
    return [tuple(p) for p in np.concatenate([centre + normal, (centre - normal)[::-1]])]


def sine(length: float, offset: float) -> tuple[Points, Points, float]:
    """Centre line, heading and length of an S-bend from the origin to (length, offset).

    The slope and the curvature are zero at both ends, so facets are exactly vertical.
    """
    tightest = length**2 / (2.0 * math.pi * max(abs(offset), 1e-9))
    step = min(math.sqrt(8.0 * tightest * SAGITTA_UM), length / 8.0)
    t = np.linspace(0.0, 1.0, math.ceil(length / step) + 1)
    y = offset * (t - np.sin(2.0 * np.pi * t) / (2.0 * np.pi))
    heading = np.arctan2(offset / length * (1.0 - np.cos(2.0 * np.pi * t)), 1.0)
    return np.stack([t * length, y], axis=1), heading, sine_length(length, offset)


def sine_length(length: float, offset: float) -> float:
    """Length of the centre line of `sine`."""
    # The integrand is periodic and smooth: the rule of equal steps converges geometrically.
    t = np.arange(256) / 256.0
    slope = offset / length * (1.0 - np.cos(2.0 * np.pi * t))
    return float(np.mean(np.sqrt(1.0 + slope**2)) * length)


def detour_rise(extra: float, bend: float, most: float) -> float:
    """Height of a detour of two S-bends that is longer than the straight way by `extra`.

    Args:
        extra: in um.
        bend: length of each S-bend in um.
        most: largest height in um.

    Raises:
        ValueError: when even `most` is not enough.
    """
    low, high = 0.0, most
    reach = 2 * (sine_length(bend, high) - bend)
    if extra > reach:
        raise ValueError(f"detour of {extra} um; allowed: at most {reach:.1f}")
    while high - low > 1e-6:
        middle = (low + high) / 2
        if 2 * (sine_length(bend, middle) - bend) < extra:
            low = middle
        else:
            high = middle
    return on_grid(high)


def clothoid(turn_deg: float, length: float) -> tuple[Points, Points]:
    """Centre line and heading of a bend whose curvature rises and falls linearly from zero.

    Starts at the origin along x and turns left by `turn_deg`, negative to the right.
    """
    turn = math.radians(turn_deg)
    tightest = length / (2.0 * abs(turn))
    count = 2 * math.ceil(length / math.sqrt(8.0 * tightest * SAGITTA_UM) / 2.0)
    fine = 16
    s = np.linspace(0.0, 1.0, count * fine + 1)
    heading = turn * np.where(s < 0.5, 2.0 * s**2, 1.0 - 2.0 * (1.0 - s) ** 2)
    ds = length / (count * fine)
    # Simpson over pairs of fine steps would skip points; the trapezoid at 1/16 of a chord is ample.
    x = np.concatenate([[0.0], np.cumsum((np.cos(heading)[1:] + np.cos(heading)[:-1]) * ds / 2)])
    y = np.concatenate([[0.0], np.cumsum((np.sin(heading)[1:] + np.sin(heading)[:-1]) * ds / 2)])
    return np.stack([x, y], axis=1)[::fine], heading[::fine]


def device(c: gf.Component, kind: str, outline: Sequence[float], **parameters: float) -> None:
    """Mark a component as a device of a type within a box (x1, y1, x2, y2).

    `parameters` are what an intended netlist says of it, with the unit in each name.
    """
    x1, y1, x2, y2 = outline
    box(c, tech.DEVREC, x1, y1, x2, y2)
    _mark(c, kind, (x1 + x2) / 2, (y1 + y2) / 2, parameters)


def device_diamond(c: gf.Component, kind: str, reach: float, **parameters: float) -> None:
    """Mark a component as a device within a square standing on its corner, `reach` from middle."""
    polygon(c, tech.DEVREC, [(-reach, 0), (0, reach), (reach, 0), (0, -reach)])
    _mark(c, kind, 0.0, 0.0, parameters)


def _mark(c: gf.Component, kind: str, x: float, y: float, parameters: dict[str, float]) -> None:
    text(c, tech.DEVREC, tech.DEVICE_PREFIX + kind, x, y)
    c.info["type"] = kind
    c.info["x_um"] = on_grid(x)
    c.info["y_um"] = on_grid(y)
    for name, value in parameters.items():
        c.info[f"parameter.{name}"] = float(value)


def optical_pin(
    c: gf.Component, name: str, x: float, y: float, out_deg: int, width: float = tech.WIRE_WIDTH
) -> None:
    """Mark an optical pin with its facet centre at (x, y) and light leaving towards `out_deg`."""
    ux, uy = math.cos(math.radians(out_deg)), math.sin(math.radians(out_deg))
    half = width / 2
    corners = [
        (x - uy * side - ux * depth, y + ux * side - uy * depth)
        for depth, side in ((0, half), (0, -half), (tech.PIN_DEPTH, -half), (tech.PIN_DEPTH, half))
    ]
    polygon(c, tech.PIN, corners)
    text(c, tech.PIN, name, x, y)
    c.add_port(
        name=name,
        center=(x, y),
        width=2 * on_grid(half),
        orientation=out_deg,
        layer=tech.WG,
        port_type="optical",
    )


def electrical_pin(
    c: gf.Component, name: str, x: float, y: float, out_deg: int = 90, size: float = 4.0
) -> None:
    """Mark an electrical pin: a square of M1 around (x, y) that is inside the device."""
    half = size / 2
    box(c, tech.PIN, x - half, y - half, x + half, y + half)
    text(c, tech.PIN, name, x, y)
    c.add_port(
        name=name,
        center=(x, y),
        width=size,
        orientation=out_deg,
        layer=tech.M1,
        port_type="electrical",
    )
