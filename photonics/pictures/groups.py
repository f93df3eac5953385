"""Names that stand too dense: which belong together, and where one name for all of them goes."""

from __future__ import annotations

import numpy as np

from lightloom.photonics.pictures import labels
from lightloom.photonics.pictures.labels import Box, Room
from lightloom.photonics.pictures.scene import Name
from lightloom.photonics.pictures.sheet import Area

SIZE_PX = 11.0
"""Of the name of a group."""
NEAR = 1.7
"""Names of a group are within this many times the least distance of any two."""
LINE_PX = 110.0
"""Longest line, unless a single name is longer."""


def near(names: list[Name]) -> list[list[Name]]:
    """Return names that are near each other together, the upper left group first."""
    if not names:
        return []
    places = np.array([(n.x_um, n.y_um) for n in names])
    apart = np.hypot(*np.moveaxis(places[:, None] - places[None], 2, 0))
    np.fill_diagonal(apart, np.inf)
    near = apart <= NEAR * float(apart.min())
    left = set(range(len(names)))
    found: list[list[Name]] = []
    for first in range(len(names)):
        if first not in left:
            continue
        front, group = [first], []
        left.discard(first)
        while front:
            at = front.pop()
            group.append(at)
            for other in np.flatnonzero(near[at]).tolist():
                if other in left:
                    left.discard(other)
                    front.append(other)
        found.append([names[i] for i in sorted(group)])
    return found


def lines(group: list[Name]) -> list[str]:
    """Return the names of a group in short, in lines that are not much longer than a name."""
    return labels.wrapped(labels.ranges((n.text for n in group), 44), LINE_PX, SIZE_PX, ", ")


def spots(area: Area, group: list[Name]) -> list[list[tuple[str, Box]]]:
    """Return where the lines of a group could stand: above, right, left, below."""
    places = [area.at(name.x_um, name.y_um) for name in group]
    x1, x2 = min(x for x, _ in places), max(x for x, _ in places)
    y1, y2 = min(y for _, y in places), max(y for _, y in places)
    words = lines(group)
    block = labels.around(box for _, box in labels.stack(words, SIZE_PX, 0.0, 0.0))
    half_x, half_y = block.x2 + 14, block.y2 + 12
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    middles = [(x, y1 - half_y), (x2 + half_x, y), (x1 - half_x, y), (x, y2 + half_y)]
    return [labels.stack(words, SIZE_PX, *middle) for middle in middles]


def slots(area: Area, room: Room, sets: list[list[Name]]) -> list[int]:
    """Return the number of the spot of each group's name.

    Groups of one shape have it on the same side: where most of them are free and least is covered.
    """
    kinds: dict[tuple[int, ...], list[list[Name]]] = {}
    shapes: list[tuple[int, ...]] = []
    for group in sets:
        xs, ys = [n.x_um for n in group], [n.y_um for n in group]
        shape = len(group), round(max(xs) - min(xs)), round(max(ys) - min(ys)), round(min(xs))
        shapes.append(shape)
        kinds.setdefault(shape, []).append(group)
    best: dict[tuple[int, ...], int] = {}
    for shape, members in kinds.items():
        scores: list[tuple[float, int]] = []
        for slot in range(4):
            boxes = [labels.around(box for _, box in spots(area, group)[slot]) for group in members]
            blocked = sum(not room.free(box) for box in boxes) / len(boxes)
            covered = sum(map(area.ink, boxes)) / len(boxes)
            scores.append((round(blocked + covered, 1), slot))
        best[shape] = min(scores)[1]
    return [best[shape] for shape in shapes]
