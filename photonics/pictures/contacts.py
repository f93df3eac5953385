"""Which contacts of a chip are named together."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from lightloom.photonics.pictures import labels
from lightloom.photonics.pictures.floorplan import Pad

REACH = 1.7
"""Neighbours are within this many times the least distance."""


def in_row(pads: list[Pad]) -> list[list[Pad]]:
    """Return contacts next to each other whose names begin alike: `h3_0`, `h3_1`, ..."""
    groups: list[list[Pad]] = []
    pitch = labels.pitch([pad.x for pad in pads], same=0.5)
    for pad in pads:
        last = groups[-1][-1] if groups else None
        if last and _head(last) == _head(pad) and pad.x - last.x < 4 * pitch:
            groups[-1].append(pad)
        else:
            groups.append([pad])
    return groups


def _head(pad: Pad) -> str:
    head, mark, _ = pad.name.rpartition("_")
    return head if mark else re.sub(r"\d+$", "", pad.name)


def step(pads: Sequence[Pad]) -> float:
    """Return the distance in um of the contacts that are nearest to each other."""
    if len(pads) < 2:
        return math.inf
    places = np.array([(pad.x, pad.y) for pad in pads])
    apart = np.hypot(*np.moveaxis(places[:, None] - places[None], 2, 0))
    apart[apart == 0] = np.inf
    return float(apart.min())


def inside(pads: list[Pad], reach: float = REACH) -> list[list[Pad]]:
    """Return contacts inside the die in groups of neighbours.

    Args:
        pads: in any order.
        reach: how far apart neighbours are, in least distances of any two.
    """
    left = sorted(pads, key=lambda p: (-p.y, p.x))
    groups: list[list[Pad]] = []
    near = reach * step(left)
    while left:
        group = [left.pop(0)]
        for member in group:
            close = [p for p in left if math.hypot(p.x - member.x, p.y - member.y) <= near]
            group += close
            left = [p for p in left if p not in close]
        groups.append(group)
    return groups
