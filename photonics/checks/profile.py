"""Cross-sections of the shapes inside a device, along x."""

from __future__ import annotations

import itertools

import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sides(polygon: kdb.Polygon) -> tuple[Array, Array, Array]:
    """Lower and upper edge of a strip that runs along x, at all its corners' `x`."""
    corners = np.array([(p.x, p.y) for p in polygon.each_point_hull()], float)
    closed = np.vstack([corners, corners[:1]])
    x = np.unique(corners[:, 0])
    # Just beside each corner too, so that a step in the outline stays a step.
    x = np.unique(np.concatenate([x[:-1] + 1e-6, x[1:] - 1e-6]))
    low = np.full(x.size, np.inf)
    high = np.full(x.size, -np.inf)
    for (x0, y0), (x1, y1) in itertools.pairwise(closed):
        if x0 == x1:
            continue
        first, last = np.searchsorted(x, sorted((x0, x1)))
        inside = slice(first, last)
        y = y0 + (y1 - y0) * (x[inside] - x0) / (x1 - x0)
        low[inside] = np.minimum(low[inside], y)
        high[inside] = np.maximum(high[inside], y)
    return x, low, high


def widths(polygon: kdb.Polygon) -> tuple[Array, Array]:
    """Height of a strip that runs along x, sampled along it."""
    x, low, high = sides(polygon)
    return x, high - low


def opening(lower: kdb.Polygon, upper: kdb.Polygon) -> tuple[Array, Array]:
    """Distance upwards between two strips that run along x, sampled where both are."""
    xa, _, top = sides(lower)
    xb, bottom, _ = sides(upper)
    x = np.unique(np.concatenate([xa, xb]))
    x = x[(x >= max(xa[0], xb[0])) & (x <= min(xa[-1], xb[-1]))]
    return x, np.interp(x, xb, bottom) - np.interp(x, xa, top)
