"""Close-ups: the part of a chip whose names are too dense for the whole, and a device in detail."""

from __future__ import annotations

import math
from dataclasses import dataclass

import klayout.db as kdb
import klayout.lay as lay
import numpy as np

from lightloom.photonics.pictures import groups, labels, render
from lightloom.photonics.pictures.labels import Box, Room
from lightloom.photonics.pictures.scene import Name, Scene
from lightloom.photonics.pictures.sheet import FRAME, INK, MUTED, Anchor, Area, Sheet, bar_size

SCALES = (1.5, 12.0)
"""Pixels a um of a device in detail; a device that is too long for that is shown in part."""
NAME_PX = 12.0
CAPTION_PX = 26


@dataclass(frozen=True)
class CloseUp:
    """A part of the chip that is shown larger; the shape of `box` is that of its picture."""

    letter: str
    caption: str
    box: kdb.DBox


def choose(scene: Scene, dense: list[Name], across: int, high: int, count: int) -> list[CloseUp]:
    """Return close-ups of `dense` names and of devices, at most `count`.

    Args:
        scene: the chip.
        dense: names that the picture of the whole chip leaves out.
        across: width of each close-up in pixels.
        high: height of each close-up in pixels.
        count: how many there is room for.
    """
    found: list[CloseUp] = []
    if dense:
        shape = kdb.DBox()
        for name in groups.near(dense)[0]:
            shape += kdb.DPoint(name.x_um, name.y_um)
        scale = min(_separating(dense), 3.0)
        side_x, side_y = across / scale, high / scale
        # A group that is larger than the close-up is shown from its upper left corner.
        x = shape.center().x if shape.width() < side_x * 0.8 else shape.left + side_x * 0.4
        y = shape.center().y if shape.height() < side_y * 0.8 else shape.top - side_y * 0.4
        found.append(CloseUp("A", "pads", _window(scene.die, x, y, side_x, side_y)))
    for kind, outline in scene.devices:
        scale = min(across / (2.2 * outline.width()), high / (1.3 * outline.height()))
        scale = min(max(scale, SCALES[0]), SCALES[1])
        side_x, side_y = across / scale, high / scale
        centre = outline.center()
        x = centre.x if outline.width() < side_x else outline.left + side_x * 0.4
        y = centre.y if outline.height() < side_y else outline.top - side_y * 0.4
        box = _window(scene.die, x, y, side_x, side_y)
        # What another close-up shows well enough is not shown again.
        shown = any(
            (box & other.box).area() > 0.5 * box.area() and box.width() > 0.5 * other.box.width()
            for other in found
            if box.touches(other.box)
        )
        if not shown and len(found) < count:
            found.append(CloseUp("ABC"[len(found)], kind, box))
    return found


def draw(sheet: Sheet, view: lay.LayoutView, scene: Scene, close: CloseUp, x: int, y: int,
         across: int, high: int) -> None:  # fmt: skip
    """Draw a close-up with its caption above, `across` by `high` pixels without it."""
    box = close.box
    title = sheet.text(x, y + 8, f"{close.letter}  {close.caption}", 13, FRAME, bold=True)
    sides = f"{box.width():.3g} \u00d7 {box.height():.3g} \u00b5m"
    sheet.text(title.x2 + 12, y + 8, sides, 12, MUTED)
    y += CAPTION_PX
    image = render.pixels(view, box, across, high)
    sheet.image(image, x, y)
    frame = Box(x, y, x + across, y + high)
    sheet.rect(frame)
    area, room = Area(box, frame, across / box.width(), image), Room(frame)
    spots: list[tuple[Name, float, Anchor, float]] = []
    for name in scene.names:
        if not box.contains(kdb.DPoint(name.x_um, name.y_um)):
            continue
        at_x, at_y = area.at(name.x_um, name.y_um)
        half = labels.width(name.text, NAME_PX) / 2
        # A facet is on the die edge: its name stands outside when there is room, or inside above.
        shift = {"west": -half - 6, "east": half + 6}.get(name.side or "", 0.0)
        for dx, dy in ((shift, 0.0), (-shift, -12.0), (-shift, 12.0)):
            if room.take(labels.centred(name.text, NAME_PX, at_x + dx, at_y + dy), 0.0):
                spots.append((name, at_x + dx, "middle", at_y + dy))
                break
    wide, tall = bar_size(area.scale, across / 5)
    corners = [
        (frame.x1 + 12 + i * (across - wide - 24), frame.y2 - 14 - j * (high - 28))
        for i, j in ((0, 0), (1, 0), (0, 1), (1, 1), (0, 0.5), (1, 0.5))
    ]
    places = [(a, b, Box(a - 4, b - tall / 2, a + wide, b + tall / 2)) for a, b in corners]
    free = [one for one in places if room.free(one[2])] or places
    bar_x, bar_y, _ = min(free, key=lambda one: round(area.ink(one[2]), 2))
    sheet.scale_bar(bar_x, bar_y, area.scale, across / 5, plate=True)
    for name, at_x, anchor, at_y in spots:
        sheet.text(at_x, at_y, name.text, NAME_PX, INK, anchor, plate=True)


def _window(die: kdb.DBox, x: float, y: float, across: float, high: float) -> kdb.DBox:
    """A window about (x, y), moved to show as little as can be of what is outside of the die."""
    margin = 0.04 * max(across, high)
    if across < die.width():
        x = min(max(x, die.left + across / 2 - margin), die.right - across / 2 + margin)
    else:
        x = die.center().x
    if high < die.height():
        y = min(max(y, die.bottom + high / 2 - margin), die.top - high / 2 + margin)
    else:
        y = die.center().y
    return kdb.DBox(x - across / 2, y - high / 2, x + across / 2, y + high / 2)


def _separating(names: list[Name]) -> float:
    """Pixels a um at which neighbours' names are clear of each other."""
    scale = 0.0
    places = np.array([(n.x_um, n.y_um) for n in names])
    for i, name in enumerate(names):
        apart = np.abs(places - places[i])
        apart[i] = np.inf
        nearest = int(np.argmin(np.hypot(*apart.T)))
        dx, dy = apart[nearest]
        if not math.isfinite(dx):
            continue
        both = labels.width(name.text, NAME_PX) + labels.width(names[nearest].text, NAME_PX)
        needs = [(both / 2 + 8) / dx if dx > 0 else math.inf, 14 / dy if dy > 0 else math.inf]
        scale = max(scale, min(needs))
    return scale or 1.0
