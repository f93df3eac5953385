"""The drawing of a floorplan: blocks with names, waveguides, contacts in groups, dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lightloom.photonics.pictures import contacts, labels
from lightloom.photonics.pictures.curves import Curve
from lightloom.photonics.pictures.drawing import Drawing
from lightloom.photonics.pictures.floorplan import CELL, MONITOR, Block, Floorplan, Guide, Pad, Port
from lightloom.photonics.pictures.labels import ASCENT, DESCENT, Box, Room
from lightloom.photonics.pictures.scene import Side
from lightloom.photonics.pictures.svg import INK, MUTED, PAPER, RULE, TINT, Canvas

LIGHT = "#c2345f"
"""Waveguides, as the core layer."""
FILLS = {
    CELL: "#fbe3c3",
    MONITOR: "#d6ead9",
    "crossing": "#e3a5b9",
    "edge_coupler": "#f9e3ea",
    "grating_coupler": "#f9e3ea",
    "terminator": "#dfe3e8",
    "photodiode": "#d6ead9",
    "mzm": "#d9e6f7",
    "ring_modulator": "#d9e6f7",
    "eam": "#d9e6f7",
    "ring_filter": "#e8dff5",
}
OTHER = "#e4e8ec"
SIGNAL, COMMON = "#f2b807", "#9aa5b1"
"""Contacts with a net of their own, and of a common net."""
WIDE_PX, TALL_PX, LARGEST_PX = 1180, 1000, 2400
LEAST_PX = 280
"""No die is drawn narrower."""
LINE_PX = 12.5
SMALLEST = 10.5
MARGIN, HEAD = 24, 58
REACHES = (contacts.REACH, 2.6, 4.0, 6.0, 10.0)
"""How far contacts inside the die that are named together are from each other."""
ROWS = 3
"""Lines of contact names on top of each other."""


def draw(plan: Floorplan) -> Drawing:
    """Return the drawing of a floorplan; equal plans give equal bytes."""
    return _Drawing(plan).draw()


class _Drawing:
    def __init__(self, plan: Floorplan) -> None:
        self.plan = plan
        die = plan.die
        self.wide = die.width() >= die.height()
        scale = min(WIDE_PX / die.width(), TALL_PX / die.height())
        pitch = min(
            labels.pitch([p.y for p in plan.ports if p.side == s], same=0.5)
            for s in ("west", "east")
        )
        larger = min(LINE_PX / pitch, LARGEST_PX / max(die.width(), die.height()))
        self.scale = max(scale, larger, min(LEAST_PX / die.width(), LARGEST_PX / die.height()))
        self.half = max(
            2.0, min(30.0 * self.scale, 9.0, 0.36 * contacts.step(plan.pads) * self.scale)
        )
        self.depth = {side: self._depth(side) for side in ("west", "east")}
        self.rows = {side: self._contact_rows(side) for side in ("north", "south")}
        above, below = (16 + 14 * self._lines(side) for side in ("north", "south"))
        self.left = MARGIN + 40 + self.depth["west"]
        self.top = HEAD + 30 + above
        self.right = self.left + die.width() * self.scale
        self.bottom = self.top + die.height() * self.scale
        self.legend = self._legend_items()
        least = MARGIN + max(sum(wide for _, _, wide in self.legend) / 2 + 80, 520)
        total = max(self.right + self.depth["east"] + MARGIN, least)
        self.across = math.ceil(total)
        lines = self._legend_lines()
        self.high = math.ceil(self.bottom + below + 34 + 20 * lines + MARGIN)
        self.below = self.bottom + below

    def x(self, x_um: float) -> float:
        return self.left + (x_um - self.plan.die.left) * self.scale

    def y(self, y_um: float) -> float:
        return self.top + (self.plan.die.top - y_um) * self.scale

    def draw(self) -> Drawing:
        plan = self.plan
        canvas = Canvas(self.across, self.high, f"Floorplan of {plan.chip}")
        drawing = Drawing(canvas)
        canvas.rect(0, 0, self.across, self.high, PAPER)
        canvas.rect(self.left, self.top, self.right - self.left, self.bottom - self.top, TINT, INK)
        room = Room(Box(self.left + 3, self.top + 3, self.right - 3, self.bottom - 3))
        for pad in plan.pads:
            room.taken.append(self._contact(pad))
        numbered = self._columns(drawing, room)
        self._title(drawing, numbered)
        canvas.path("".join(self._curve(guide).path() for guide in plan.guides), LIGHT, 1.1)
        blocks = self._blocks(drawing, room)
        self._contacts(drawing, room, blocks)
        self._ports(drawing)
        self._dimensions(drawing)
        self._legend(drawing)
        return drawing

    def _title(self, drawing: Drawing, numbered: bool) -> None:
        title = drawing.text(MARGIN, 26, self.plan.chip, 16, INK, weight=600)
        note = "; number of each column and of its cells" if numbered else ""
        drawing.text(title.x2 + 14, 26, f"floorplan{note}", 12.5, MUTED)

    def _columns(self, drawing: Drawing, room: Room) -> bool:
        """Light bands behind the columns of cells; returns whether there was room for numbers."""
        cells = [block for block in self.plan.blocks if block.kind == CELL]
        if not cells:
            return False
        y1, y2 = self.y(max(b.y2 for b in cells)) - 8, self.y(min(b.y1 for b in cells)) + 8
        bands: list[tuple[float, float, int]] = []
        for west, east, count in self.plan.columns:
            bands.append((self.x(west) - 3, self.x(east) + 3, count))
            x1, x2, _ = bands[-1]
            drawing.canvas.rect(x1, y1, x2 - x1, y2 - y1, RULE, opacity=0.6, tip=f"{count} cells")
        for form in ("column {}: {}", "{}: {}", "{}"):
            texts = [form.format(number, count) for number, (_, _, count) in enumerate(bands)]
            for y in (y2 + 8, y1 - 8):
                boxes = [
                    labels.centred(text, SMALLEST, (x1 + x2) / 2, y)
                    for text, (x1, x2, _) in zip(texts, bands, strict=True)
                ]
                wide = [x2 - x1 for x1, x2, _ in bands]
                if all(b.x2 - b.x1 <= w and room.free(b) for b, w in zip(boxes, wide, strict=True)):
                    room.taken += boxes
                    for text, box in zip(texts, boxes, strict=True):
                        middle = (box.x1 + box.x2) / 2
                        drawing.text(middle, y, text, SMALLEST, MUTED, "middle")
                    return True
        return False

    def _curve(self, guide: Guide) -> Curve:
        return Curve(
            self.x(guide.x1), self.y(guide.y1), guide.east1,
            self.x(guide.x2), self.y(guide.y2), guide.east2,
        )  # fmt: skip

    def _blocks(self, drawing: Drawing, room: Room) -> list[Box]:
        drawn: list[tuple[Block, Box]] = []
        for block in self.plan.blocks:
            x, y = self.x((block.x1 + block.x2) / 2), self.y((block.y1 + block.y2) / 2)
            half_x = max((block.x2 - block.x1) * self.scale / 2, 1.5)
            half_y = max((block.y2 - block.y1) * self.scale / 2, 1.5)
            box = Box(x - half_x, y - half_y, x + half_x, y + half_y)
            fill = FILLS.get(block.kind, OTHER)
            tip = f"{block.name}: {block.kind.replace('_', ' ')}"
            drawing.canvas.rect(
                box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1, fill, INK, 1.5, tip=tip
            )
            drawn.append((block, box))
        for block, box in drawn:
            x, y = (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2
            inner = Box(box.x1 + 2, box.y1 + 0.5, box.x2 - 2, box.y2 - 0.5)
            for size in (12.0, 11.0, SMALLEST):
                where = labels.centred(block.name, size, x, y)
                if where.inside(inner) and room.take(where, 0.0):
                    drawing.text(x, y, block.name, size, INK, "middle")
                    break
        return [box for _, box in drawn]

    def _depth(self, side: Side) -> float:
        texts = [p.name for p in self.plan.ports if p.side == side]
        texts += [p.name for p in self.plan.pads if p.side == side]
        return max((labels.width(text, 12) for text in texts), default=0.0) + 12

    def _ports(self, drawing: Drawing) -> None:
        for side in ("west", "east", "north", "south"):
            upright = side in ("north", "south")
            ports = [p for p in self.plan.ports if p.side == side]
            ports.sort(key=lambda p: p.x if upright else -p.y)
            self._row(drawing, side, ports)
            others = [p for p in self.plan.pads if p.side == side and not upright]
            others.sort(key=lambda p: -p.y)
            self._row(drawing, side, others)

    def _row(self, drawing: Drawing, side: Side, ports: list[Port] | list[Pad]) -> None:
        upright = side in ("north", "south")
        places = [self.x(p.x) if upright else self.y(p.y) for p in ports]
        size = min(max((labels.pitch(places, 0.5) - 1) / (ASCENT + DESCENT), SMALLEST), 12.0)
        at = {"west": self.left - 6, "east": self.right + 6,
              "north": self.top - 6, "south": self.bottom + 6}[side]  # fmt: skip
        anchor = "end" if side in ("west", "south") else "start"
        for i in labels.thin(places, (ASCENT + DESCENT) * size + 0.5):
            if upright:
                drawing.text(places[i], at, ports[i].name, size, INK, anchor, upright=True)
            else:
                drawing.text(at, places[i], ports[i].name, size, INK, anchor)

    def _contact_rows(self, side: Side) -> list[tuple[float, float, str]]:
        """West end, east end and names of groups of contacts on the north or south side."""
        pads = sorted((p for p in self.plan.pads if p.side == side), key=lambda p: p.x)
        found: list[tuple[float, float, str]] = []
        for group in contacts.in_row([p for p in pads if not p.common] or pads):
            x1, x2 = (self.scale * (p.x - self.plan.die.left) for p in (group[0], group[-1]))
            found.append((x1, x2, labels.ranges((p.name for p in group), 40)))
        return found

    def _lines(self, side: Side) -> int:
        return len({line for _, _, line in self._stacked(side)})

    def _stacked(self, side: Side) -> list[tuple[float, str, int]]:
        """Middle, text and line of the names of a side, as many as fit into `ROWS` lines."""
        ends = [-math.inf] * ROWS
        placed: list[tuple[float, str, int]] = []
        for x1, x2, text in self.rows[side]:
            half = labels.width(text, SMALLEST) / 2
            middle = (x1 + x2) / 2
            for line in range(ROWS):
                if ends[line] <= middle - half - 6:
                    ends[line] = middle + half
                    placed.append((middle, text, line))
                    break
        return placed

    def _contact(self, pad: Pad) -> Box:
        x, y, half = self.x(pad.x), self.y(pad.y), self.half
        return Box(x - half, y - half, x + half, y + half)

    def _contacts(self, drawing: Drawing, room: Room, blocks: list[Box]) -> None:
        canvas, half = drawing.canvas, self.half
        for pad in self.plan.pads:
            box = self._contact(pad)
            fill = COMMON if pad.common else SIGNAL
            tip = pad.name if pad.name == pad.net else f"{pad.name}, net {pad.net}"
            canvas.rect(box.x1, box.y1, 2 * half, 2 * half, fill, INK, 1.0, tip=tip)
        for side in ("north", "south"):
            up = -1 if side == "north" else 1
            edge = self.top if side == "north" else self.bottom
            for x1, x2, _ in self.rows[side]:
                y = edge + up * 5
                canvas.line(self.left + x1 - half, y, self.left + x2 + half, y, MUTED, 1.0)
            for middle, text, line in self._stacked(side):
                y = edge + up * (14 + 14 * line)
                drawing.text(self.left + middle, y, text, SMALLEST, INK, "middle")
        inside = [pad for pad in self.plan.pads if pad.side is None]
        if not inside:
            return
        # Not over blocks and waveguides: larger groups until all of them have room.
        ways = [box for guide in self.plan.guides for box in self._curve(guide).boxes()]
        taken = [*room.taken, *blocks, *ways]
        best: list[list[tuple[str, Box]]] = []
        most = -1.0
        for reach in REACHES:
            clear = Room(room.frame, list(taken))
            groups = contacts.inside(inside, reach)
            placed = [lines for group in groups if (lines := self._group(clear, group))]
            if len(placed) / len(groups) > most:
                best, most = placed, len(placed) / len(groups)
            if most == 1.0:
                break
        for text, at in (line for lines in best for line in lines):
            middle = (at.x1 + at.x2) / 2, (at.y1 + at.y2) / 2
            drawing.text(*middle, text, SMALLEST, INK, "middle")

    def _group(self, room: Room, group: list[Pad]) -> list[tuple[str, Box]]:
        """Lines that name a group of contacts inside the die; none where there is no room."""
        text = labels.ranges((pad.name for pad in group), 44)
        box = labels.around(self._contact(pad) for pad in group)
        x, y = (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2
        for words in ([text], labels.wrapped(text, 80.0, SMALLEST, ", ")):
            size = labels.around(b for _, b in labels.stack(words, SMALLEST, 0.0, 0.0))
            beside = [(box.x2 + size.x2 + 5, y + dy) for dy in (0.0, -5.0, 5.0)]
            beside += [(box.x1 - size.x2 - 5, y + dy) for dy in (0.0, -5.0, 5.0)]
            over, under = (x, box.y1 - size.y2 - 3), (x, box.y2 + size.y2 + 3)
            for spot in (over, *beside, under):
                lines = labels.stack(words, SMALLEST, *spot)
                if room.take(labels.around(b for _, b in lines), 1.0):
                    return lines
        return []

    def _dimensions(self, drawing: Drawing) -> None:
        die = self.plan.die
        y, x = HEAD + 10, MARGIN + 10
        width, height = f"{die.width() / 1000:.3f} mm", f"{die.height() / 1000:.3f} mm"
        canvas = drawing.canvas
        middle = (self.left + self.right) / 2
        gap = labels.width(width, 11) / 2 + 6
        for x1, x2 in ((self.left, middle - gap), (middle + gap, self.right)):
            canvas.line(x1, y, x2, y, MUTED)
        for end in (self.left, self.right):
            canvas.line(end, y - 5, end, y + 5, MUTED)
        drawing.text(middle, y, width, 11, MUTED, "middle")
        middle = (self.top + self.bottom) / 2
        gap = min(labels.width(height, 11) / 2 + 6, (self.bottom - self.top) / 2)
        for y1, y2 in ((self.top, middle - gap), (middle + gap, self.bottom)):
            canvas.line(x, y1, x, y2, MUTED)
        for end in (self.top, self.bottom):
            canvas.line(x - 5, end, x + 5, end, MUTED)
        drawing.text(x, middle, height, 11, MUTED, "middle", upright=True)

    def _legend_items(self) -> list[tuple[str, str, float]]:
        """Fill, text and width of each."""
        counts: dict[str, int] = {}
        for block in self.plan.blocks:
            counts[block.kind] = counts.get(block.kind, 0) + 1
        items = [
            (FILLS.get(kind, OTHER), f"{count} {kind.replace('_', ' ')}")
            for kind, count in sorted(counts.items())
        ]
        common = sum(pad.common for pad in self.plan.pads)
        items.append((SIGNAL, f"{len(self.plan.pads) - common} contacts"))
        if common:
            names = sorted((p.name for p in self.plan.pads if p.common), key=labels.natural)
            items.append((COMMON, f"{common} of a common net: {names[0]}\u2026{names[-1]}"))
        return [(fill, text, 22 + labels.width(text, 11.5) + 22) for fill, text in items]

    def _legend_lines(self) -> int:
        return 1 + max(line for line, _ in self._legend_places())

    def _legend_places(self) -> Iterator[tuple[int, float]]:
        line, x = 0, 0.0
        for _, _, wide in self.legend:
            if x and x + wide > self.across - 2 * MARGIN:
                line, x = line + 1, 0.0
            yield line, x
            x += wide

    def _legend(self, drawing: Drawing) -> None:
        places = self._legend_places()
        for (fill, text, _), (line, x) in zip(self.legend, places, strict=True):
            y = self.below + 34 + 20 * line
            drawing.canvas.rect(MARGIN + x, y - 6, 14, 12, fill, INK, 1.5)
            drawing.text(MARGIN + x + 22, y, text, 11.5, MUTED)
