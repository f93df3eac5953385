"""What a picture needs to know of a layout file: die, names, devices, layers that are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.chip import Chip, open_chip
from lightloom.photonics.layer_map import OPEN, LayerMap
from lightloom.photonics.pictures.render import HIDDEN

Side = Literal["west", "east", "north", "south"]
EDGE_UM = 0.01
"""A name this close to the die edge belongs to a facet."""
RIM_UM, RIM_PART = 260.0, 0.15
"""Pads and gratings within this of the die edge, and within this part of the die's side, are named
outside of the die."""
SHOWN_FIRST = (
    "ring_modulator",
    "mzm",
    "eam",
    "heater_waveguide",
    "pin_waveguide",
    "ring_filter",
    "photodiode",
    "grating_coupler",
    "splitter1x2",
    "crossing",
    "coupler2x2",
)
"""Device types by what a close-up tells most about."""


class Name(NamedTuple):
    """A chip port: its label, its place in um, and the side of the die it is named at."""

    text: str
    x_um: float
    y_um: float
    side: Side | None
    """None for a name that stands at its place inside the die."""


class Device(NamedTuple):
    """A device that a close-up shows."""

    type: str
    outline: kdb.DBox


@dataclass(frozen=True)
class Scene:
    """A chip as a picture sees it; coordinates are um."""

    chip: str
    die: kdb.DBox
    names: tuple[Name, ...]
    counts: Mapping[str, int]
    """Devices of each type."""
    layers: tuple[str, ...]
    """Layers with shapes that are shown, in drawing order."""
    devices: tuple[Device, ...]
    """One of each type that a close-up may show, by what it tells."""


def read(path: Path, layers: LayerMap = OPEN) -> Scene:
    """Return the scene of a GDSII or OASIS file in this technology.

    Args:
        path: the file.
        layers: the numbers that it was written with.

    Raises:
        DesignError: the file is not a layout or too large.
    """
    chip = open_chip(path)
    layers.from_foundry(chip.layout)
    outline = chip.region(tech.DICE).bbox()
    die = (chip.top.bbox() if outline.empty() else outline).to_dtype(chip.dbu)
    types = [
        (text.removeprefix(tech.DEVICE_PREFIX), point)
        for text, point in chip.texts(tech.DEVREC)
        if text.startswith(tech.DEVICE_PREFIX)
    ]
    drawn = tuple(
        name
        for name, info in tech.LAYERS.items()
        if name not in HIDDEN and not chip.region(info.layer).is_empty()
    )
    counts = Counter(kind for kind, _ in types)
    return Scene(
        chip.name, die, _names(chip, die), dict(sorted(counts.items())), drawn,
        _devices(chip, types),
    )  # fmt: skip


def _names(chip: Chip, die: kdb.DBox) -> tuple[Name, ...]:
    metal = chip.region(tech.PAD) + chip.region(tech.BUMP)
    metal.merge()
    tiles = [polygon.bbox() for polygon in metal.each()]
    facets: list[Name] = []
    others: dict[bool, list[tuple[str, float, float]]] = {False: [], True: []}
    for text, point in sorted(chip.texts(tech.LABEL), key=lambda t: (-t[1].y, t[1].x, t[0])):
        x, y = point.x * chip.dbu, point.y * chip.dbu
        side = side_of(die, x, y, EDGE_UM)
        if side is not None:
            facets.append(Name(text, x, y, side))
        else:
            electrical = any(box.contains(point) for box in tiles)
            others[electrical].append((text, x, y))
    for group in others.values():
        sides: list[Side | None] = [side_of(die, x, y, RIM_UM, RIM_PART) for _, x, y in group]
        # All of a kind are named in one way, so that a reader knows where to look.
        outside = None not in sides
        facets += [
            Name(text, x, y, side if outside else None)
            for (text, x, y), side in zip(group, sides, strict=True)
        ]
    return tuple(facets)


def side_of(die: kdb.DBox, x: float, y: float, reach: float, part: float = 1.0) -> Side | None:
    """Return the nearest side of the die to a place in um; None when none is near.

    Args:
        die: the die.
        x: of the place.
        y: of the place.
        reach: largest distance that is near.
        part: largest distance as a part of the die's width or height.
    """
    across, high = part * die.width(), part * die.height()
    distances: dict[Side, tuple[float, float]] = {
        "west": (x - die.left, min(reach, across)),
        "east": (die.right - x, min(reach, across)),
        "north": (die.top - y, min(reach, high)),
        "south": (y - die.bottom, min(reach, high)),
    }
    near: dict[Side, float] = {side: d for side, (d, limit) in distances.items() if d <= limit}
    return min(near, key=lambda side: near[side]) if near else None


def _devices(chip: Chip, types: list[tuple[str, kdb.Point]]) -> tuple[Device, ...]:
    """The upper left one of each type."""
    outlines = list(chip.region(tech.DEVREC).each())
    found: list[Device] = []
    for kind in SHOWN_FIRST:
        points = [point for other, point in types if other == kind]
        if points:
            first = min(points, key=lambda p: (p.x, -p.y))
            found += [
                Device(kind, outline.bbox().to_dtype(chip.dbu))
                for outline in outlines
                if outline.inside(first)
            ][:1]
    return tuple(found)
