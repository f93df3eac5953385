"""The picture of a layout: the whole chip with its ports named, close-ups, scale bars, legend.

Names stand outside of the die where there is an edge to name from; where names inside the die would
overlap, a name for the group takes their place and a close-up shows each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import klayout.lay as lay
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.layer_map import OPEN, LayerMap
from lightloom.photonics.pictures import closeup, groups, labels, render, scene
from lightloom.photonics.pictures.closeup import CAPTION_PX, CloseUp
from lightloom.photonics.pictures.labels import ASCENT, DESCENT, Box, Room
from lightloom.photonics.pictures.scene import Name, Scene, Side
from lightloom.photonics.pictures.sheet import FRAME, INK, MUTED, SMALLEST, Anchor, Area, Sheet

SIDES: tuple[Side, ...] = ("west", "east", "north", "south")
WIDE = 1.7
"""Chips that are wider than this times their height have what explains them below, not beside."""
WIDE_PX, TALL_PX = (1500, 1100), (1000, 1400)
"""Room for the whole chip on a sheet, for wide chips and others."""
LARGEST_PX = 2800
"""A chip is drawn larger than that to make room for its names, up to this."""
LARGEST_SCALE = 3.0
"""Pixels a um of the whole chip."""
LINE_PX = 13.0
"""Pitch of names that is asked for."""
MARGIN, GAP, HEAD = 28, 22, 84
LEGEND_PX, ROW_PX = 340, 22
CLOSE_PX = (560, 340)
LEAST_PX = 480
"""Size of a close-up; below a chip it is as wide as there is room."""


def draw(path: Path, layers: LayerMap = OPEN) -> Sheet:
    """Return the picture of a GDSII or OASIS file.

    Args:
        path: the file.
        layers: the numbers that it was written with.

    Raises:
        DesignError: the file is not a layout or too large.
    """
    return _Picture(scene.read(path, layers), render.open_view(path, layers.infos())).draw()


@dataclass(frozen=True)
class _Row:
    """Names of one side of the die, as they are set."""

    names: tuple[Name, ...]
    size: float
    upright: bool
    depth: float
    """How far they reach from the die."""
    all: bool
    """Whether every name is there."""


class _Picture:
    def __init__(self, what: Scene, view: lay.LayoutView) -> None:
        self.scene = what
        self.view = view
        die = what.die
        self.wide = die.width() >= WIDE * die.height()
        self.scale = self._scale()
        self.rows: dict[Side, _Row] = {side: self._row(side) for side in SIDES}
        self.size_inside = self._inside()
        self.dense = [n for n in what.names if n.side is None and self.size_inside is None]
        # Named in a close-up as well, when the rows outside of the die are too dense for all.
        left_out = [n for side in SIDES if not self.rows[side].all for _, n in self._of(side)]
        self.named = self.dense or left_out

    def draw(self) -> Sheet:
        die, scale = self.scene.die, self.scale
        # Two pixels around the die keep its outline whole.
        across, high = round(die.width() * scale) + 4, round(die.height() * scale) + 4
        west, east, north, south = (self.rows[side].depth for side in SIDES)
        chip_x, chip_y = math.ceil(MARGIN + west), math.ceil(HEAD + north)
        right = math.ceil(chip_x + across + east)
        below = math.ceil(chip_y + high + south + 44)
        legend_high = 30 + ROW_PX * len(self.scene.layers)
        closes, shown = self._closes(right)
        if self.wide:
            total = max(right, self._least(len(closes))) + MARGIN
            place = MARGIN, below + GAP
            under = max(legend_high, shown[1] + CAPTION_PX if closes else 0)
            size = total, place[1] + under + MARGIN
        else:
            place = right + GAP + 20, HEAD
            column = len(closes) * (shown[1] + CAPTION_PX + GAP) + legend_high
            size = place[0] + shown[0] + MARGIN, max(below, HEAD + column) + MARGIN
        sheet = Sheet(size)
        part = die.enlarged(2 / scale, 2 / scale)
        image = render.pixels(self.view, part, across, high)
        sheet.image(image, chip_x, chip_y)
        frame = Box(chip_x, chip_y, chip_x + across, chip_y + high)
        area = Area(part, frame, scale, image)
        # Names keep clear of the die outline.
        room = Room(Box(frame.x1 + 4, frame.y1 + 4, frame.x2 - 4, frame.y2 - 4))
        for side, row in self.rows.items():
            _outside(sheet, area, side, row)
        sheet.scale_bar(chip_x + 2, chip_y + high + south + 24, scale, max(across / 5, 90))
        lines = [line for close in closes for line in _frame(sheet, area, close)]
        if self.size_inside is not None:
            self._names_inside(sheet, area, room)
        room.taken += lines
        named = self._names_of_groups(sheet, area, room)
        self._head(sheet, named and all(row.all for row in self.rows.values()))
        for close in closes:
            _letter(sheet, area, room, close)
            closeup.draw(sheet, self.view, self.scene, close, *place, *shown)
            if self.wide:
                place = place[0] + shown[0] + GAP, place[1]
            else:
                place = place[0], place[1] + CAPTION_PX + shown[1] + GAP
        self._legend(sheet, *place)
        return sheet

    def _closes(self, right: int) -> tuple[list[CloseUp], tuple[int, int]]:
        """Close-ups and the size of each: below a wide chip they share its width."""
        if not self.wide:
            return closeup.choose(self.scene, self.named, *CLOSE_PX, 2), CLOSE_PX
        found: list[CloseUp] = []
        shown = CLOSE_PX
        for count in (3, 2, 1):
            room = max(right, self._least(1)) - MARGIN - LEGEND_PX - count * GAP
            across = room // count
            high = round(min(max(0.3 * across, CLOSE_PX[1]), 1.6 * CLOSE_PX[1]))
            shown = min(across, 3 * high), high
            found = closeup.choose(self.scene, self.named, *shown, count)
            if len(found) == count and across >= LEAST_PX:
                break
        return found, shown

    @staticmethod
    def _least(count: int) -> int:
        """Width that the legend and `count` close-ups need beside each other."""
        return max(MARGIN + LEGEND_PX + count * (LEAST_PX + GAP), 860)

    def _scale(self) -> float:
        die = self.scene.die
        most = WIDE_PX if self.wide else TALL_PX
        scale = min(most[0] / die.width(), most[1] / die.height(), LARGEST_SCALE)
        finest = min(self._pitch(side) for side in SIDES)
        larger = min(LINE_PX / finest, LARGEST_PX / max(die.width(), die.height()))
        return max(scale, larger)

    def _of(self, side: Side) -> list[tuple[float, Name]]:
        """Names of a side with their places along it in um, from west and from north."""
        upright = side in ("west", "east")
        places = [((n.x_um, n.y_um)[upright], n) for n in self.scene.names if n.side == side]
        return sorted(places, reverse=upright)

    def _pitch(self, side: Side) -> float:
        return labels.pitch([place for place, _ in self._of(side)], same=0.5)

    def _row(self, side: Side) -> _Row:
        places = self._of(side)
        if not places:
            return _Row((), 0.0, False, 6.0, True)
        step = self._pitch(side) * self.scale
        size = min(max((step - 1.5) / (ASCENT + DESCENT), 10.2), 13.5)
        texts = [name.text for _, name in places]
        upright = side in ("north", "south")
        if upright and step >= max(labels.width(text, 13.0) for text in texts) + 8:
            size, upright = 13.0, False
            kept = list(range(len(places)))
        else:
            need = (ASCENT + DESCENT) * size + 1.5
            kept = labels.thin([place * self.scale for place, _ in places], need)
        names = tuple(places[i][1] for i in kept)
        lines = upright or side in ("west", "east")
        depth = max(labels.width(n.text, size) for n in names) if lines else 1.1 * size
        return _Row(names, size, upright, depth + 12, len(names) == len(places))

    def _head(self, sheet: Sheet, all_named: bool) -> None:
        die = self.scene.die
        title = sheet.text(MARGIN, 30, self.scene.chip, 19, INK, bold=True)
        sides = f"{die.width() / 1000:.3g} \u00d7 {die.height() / 1000:.3g} mm"
        sheet.text(title.x2 + 18, 31, sides, 15, MUTED)
        counts = " \u00b7 ".join(f"{count} {kind}" for kind, count in self.scene.counts.items())
        if not all_named:
            counts += " \u00b7 not every name fits"
        line = 55
        for words in labels.wrapped(counts, sheet.size[0] - 2 * MARGIN, 12.5)[:2]:
            sheet.text(MARGIN, line, words, 12.5, MUTED)
            line += 16

    def _inside(self) -> float | None:
        """The size at which all names inside the die are clear of each other, if there is one."""
        names = [name for name in self.scene.names if name.side is None]
        places = [(n.text, n.x_um * self.scale, n.y_um * self.scale) for n in names]
        for size in (14.0, 13.0, 12.0, 11.0, SMALLEST):
            if _clear([labels.centred(text, size, x, y) for text, x, y in places]):
                return size
        return None

    def _names_inside(self, sheet: Sheet, area: Area, room: Room) -> None:
        size = self.size_inside or SMALLEST
        for name in self.scene.names:
            x, y = area.at(name.x_um, name.y_um)
            if name.side is None and room.take(labels.centred(name.text, size, x, y), 0.0):
                sheet.text(x, y, name.text, size, INK, "middle", plate=True)

    def _names_of_groups(self, sheet: Sheet, area: Area, room: Room) -> bool:
        """Name the groups of names that are too dense; returns whether all found room."""
        sets = groups.near(self.dense)
        for name in self.dense:
            x, y = area.at(name.x_um, name.y_um)
            room.taken.append(Box(x - 5, y - 5, x + 5, y + 5))
        chosen = groups.slots(area, room, sets)
        named = 0
        for group, slot in zip(sets, chosen, strict=True):
            spots = groups.spots(area, group)
            boxes = [labels.around(box for _, box in spot) for spot in spots]
            order = sorted(range(len(spots)), key=lambda i: (i != slot, area.ink(boxes[i])))
            for i in order:
                if room.take(boxes[i]):
                    for words, box in spots[i]:
                        x, y = (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2
                        sheet.text(x, y, words, groups.SIZE_PX, INK, "middle", plate=True)
                    named += 1
                    break
        return named == len(sets)

    def _legend(self, sheet: Sheet, x: int, y: int) -> None:
        names = self.scene.layers[::-1]
        samples = render.swatches(names, 34, 16)
        sheet.text(x, y + 8, "Layers, from the top", 13, INK, bold=True)
        y += 26
        for name in names:
            sheet.image(samples[name], x, y)
            sheet.text(x + 44, y + 8, name, 12, INK)
            sheet.text(x + 126, y + 8, tech.LAYERS[name].what, 11.5, MUTED)
            y += ROW_PX


def _outside(sheet: Sheet, area: Area, side: Side, row: _Row) -> None:
    """Set the names of a side outside of the die."""
    frame = area.frame
    for name in row.names:
        x, y = area.at(name.x_um, name.y_um)
        if side in ("west", "east"):
            at = frame.x1 - 6 if side == "west" else frame.x2 + 6
            anchor: Anchor = "end" if side == "west" else "start"
            sheet.text(at, y, name.text, row.size, INK, anchor)
        elif row.upright:
            at = frame.y1 - 6 if side == "north" else frame.y2 + 6
            anchor = "start" if side == "north" else "end"
            sheet.text(x, at, name.text, row.size, INK, anchor, upright=True)
        else:
            at = frame.y1 - 12 if side == "north" else frame.y2 + 12
            sheet.text(x, at, name.text, row.size, INK, "middle")


def _framed(area: Area, close: CloseUp) -> Box:
    box, frame = area.box(close.box), area.frame
    # Smaller than a few pixels it could not be seen.
    x, y = (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2
    half_x, half_y = max((box.x2 - box.x1) / 2, 5), max((box.y2 - box.y1) / 2, 5)
    return Box(
        max(x - half_x, frame.x1), max(y - half_y, frame.y1),
        min(x + half_x, frame.x2), min(y + half_y, frame.y2),
    )  # fmt: skip


def _frame(sheet: Sheet, area: Area, close: CloseUp) -> list[Box]:
    """Outline the part that a close-up shows; return the room of its lines."""
    box = _framed(area, close)
    sheet.rect(box)
    sides = (
        (box.x1, box.y1, box.x2, box.y1), (box.x1, box.y2, box.x2, box.y2),
        (box.x1, box.y1, box.x1, box.y2), (box.x2, box.y1, box.x2, box.y2),
    )  # fmt: skip
    return [Box(x1 - 1, y1 - 1, x2 + 1, y2 + 1) for x1, y1, x2, y2 in sides]


def _letter(sheet: Sheet, area: Area, room: Room, close: CloseUp) -> None:
    """Write the letter of a close-up at its frame, where least is covered."""
    box = _framed(area, close)
    tries = [
        (x, y, labels.centred(close.letter, 14.0, x, y))
        for x in (box.x1 + 10, box.x1 - 10, box.x2 - 10, box.x2 + 10)
        for y in (box.y1 + 12, box.y1 - 12, box.y2 - 12, box.y2 + 12)
    ]
    free = [one for one in tries if room.free(one[2], 0.0)]
    if free:
        x, y, spot = min(free, key=lambda one: round(area.ink(one[2]), 1))
        room.take(spot, 0.0)
        sheet.text(x, y, close.letter, 14, FRAME, "middle", bold=True, plate=True)


def _clear(boxes: list[Box]) -> bool:
    """Whether the boxes are clear of each other."""
    if not boxes:
        return True
    x1, y1, x2, y2 = np.array([(b.x1, b.y1, b.x2, b.y2) for b in boxes]).T
    meet = (x1[:, None] < x2 + 3) & (x1 < x2[:, None] + 3)
    meet &= (y1[:, None] < y2 + 1) & (y1 < y2[:, None] + 1)
    np.fill_diagonal(meet, False)
    return not meet.any()
