"""The optical part of a switch fabric, drawn column by column: one cursor a live slot.

Slot 0 is the northernmost; light runs to the right. Lines that wait for the next column are drawn
on only when it comes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics.assembly import Assembly, Cursor
from lightloom.photonics.cells import draw, heater, mzi
from lightloom.photonics.cells.coupler import coupler2x2
from lightloom.photonics.cells.crossing import REACH_UM, crossing
from lightloom.photonics.cells.photodiode import photodiode
from lightloom.photonics.cells.terminator import terminator
from lightloom.photonics.cells.waveguides import diagonal, diagonal_reach
from lightloom.photonics.devices import DRIVE_HEADROOM, Numbers
from lightloom.photonics.netlist import Pin
from lightloom.photonics.switch.router import Site, Wiring
from lightloom.spec.fabrics import Cells, Crossings, Move

LEAD_UM = 20.0
"""Straight wire between blocks."""
STUB_UM = 5.0
"""Wire between a pin and the terminator of an unused line."""
DARK_UM = 40.0
"""Room beside a column for terminators and their wires."""
BEND_UM = 60.0
"""Length of each S-bend of a detour where there is room."""
RISE_UM = 30.0
"""Highest detour between slots."""
SLOPE = 1.6
"""Length of an S-bend over its offset; steeper ones would be tighter and lose more."""
TAP_MA = (0.1, 1.0)
"""Photocurrent of a monitor as a rule and at most: 1 % of 10 mW to 100 mW."""


@dataclass
class Line:
    """A live slot: its open wire, and the shortest and longest way light has come so far."""

    cursor: Cursor
    shortest_um: float = 0.0
    longest_um: float = 0.0

    @property
    def travelled_um(self) -> float:
        """Longest way to the open end."""
        return self.longest_um + self.cursor.length_um


class Columns:
    """Draws the columns of a plan onto an assembly and collects what is driven."""

    def __init__(
        self,
        assembly: Assembly,
        slots: int,
        pitch_um: float,
        parts: mzi.Parts,
        wiring: Wiring,
        match: bool,
        taps: bool,
        shares: Sequence[float],
    ) -> None:
        """Start without lines.

        Args:
            assembly: chip to draw on.
            slots: heights of the fabric.
            pitch_um: distance of slots.
            parts: of the switch cell.
            wiring: widths of the electrical lines, which take room beside columns.
            match: make all ways through a column equally long.
            taps: put monitors behind every cell.
            shares: part of the cells of each stage that is driven at once.
        """
        self.assembly = assembly
        self.slots = slots
        self.pitch_um = pitch_um
        self.parts = parts
        self.wiring = wiring
        self.match = match
        self.taps = taps
        self.shares = shares
        self.lines: dict[int, Line] = {}
        self.cells: list[Site] = []
        self.monitors: list[Site] = []
        self.column = 0
        """Electrical column that comes next."""
        self.metal_um = 0.0
        """Electrical wires of earlier columns end here."""
        self.clear_um = 0.0
        """Taps and photodiodes of the last monitors end here."""
        self._count = 0

    # Helpers -------------------------------------------------------------------------------------

    def y(self, slot: int) -> float:
        """Height of a slot."""
        return draw.on_grid(((self.slots - 1) / 2 - slot) * self.pitch_um)

    @property
    def x(self) -> float:
        """Where the farthest line ends."""
        return max(line.cursor.x_um for line in self.lines.values())

    def join(self, line: Line, pin: Pin) -> None:
        """End the wire of a line at a pin."""
        self.assembly.join(line.cursor, pin)
        line.shortest_um += line.cursor.length_um
        line.longest_um += line.cursor.length_um

    def dark_end(self, cursor: Cursor) -> None:
        """End an unused line in a terminator."""
        self._dark(cursor.pin, cursor, kdb.Trans.R0)

    def dark_start(self, pin: Pin, x: float, y: float) -> None:
        """Put a terminator before an unused pin at (x, y)."""
        self._dark(pin, Cursor(pin, x, y, heading=-1), kdb.Trans.R180)

    def _dark(self, pin: Pin, cursor: Cursor, turn: kdb.Trans) -> None:
        name = f"end{self._count}"
        self._count += 1
        end = draw.on_grid(cursor.x_um + cursor.heading * STUB_UM)
        self.assembly.run(cursor, end)
        cell = terminator(width=self.assembly.width_um)
        self.assembly.place(cell, end, cursor.y_um, name, turn)
        self.assembly.join(cursor, (name, "o1"))

    def align(self, x: float | None = None) -> None:
        """Draw all lines on to x, the farthest line's end when not given; match them if asked."""
        lines = list(self.lines.values())
        end = self.x if x is None else max(x, self.x)
        if self.match:
            ways = [line.travelled_um + end - line.cursor.x_um for line in lines]
            for line, way in zip(lines, ways, strict=True):
                self.detour(line.cursor, max(ways) - way, end - line.cursor.x_um, RISE_UM)
            end = max(end, self.x)
        for line in lines:
            self.assembly.run(line.cursor, draw.on_grid(end))

    def align_plain(self, x: float) -> None:
        """Draw all lines on to x, matched or not."""
        for line in self.lines.values():
            self.assembly.run(line.cursor, draw.on_grid(x))

    def detour(self, cursor: Cursor, extra: float, room: float, rise: float) -> None:
        """Make a wire longer than straight by `extra`: bumps northwards, `rise` high at most.

        As long as there is `room` for a single bump it keeps within it.
        """
        if extra < 0.001:
            return
        bend = BEND_UM if room >= 2 * BEND_UM else draw.on_grid(max(room / 2 - 0.001, 0.0))
        bumps = 1
        if bend < BEND_UM and not self._fits(extra, bend, rise):
            bend = BEND_UM
        while not self._fits(extra / bumps, bend, rise):
            bumps += 1
        left = extra
        y = cursor.y_um
        for bump in range(bumps, 0, -1):
            # Each takes its share of what the ones before it have left: grid steps do not add up.
            height = draw.detour_rise(left / bump, bend, rise)
            before = cursor.length_um
            self.assembly.shift(cursor, draw.on_grid(y + height), bend)
            self.assembly.shift(cursor, y, bend)
            left -= cursor.length_um - before - 2 * bend

    @staticmethod
    def _fits(extra: float, bend: float, rise: float) -> bool:
        tightest = bend**2 / (2 * math.pi * rise) if bend else 0.0
        return tightest >= 5.0 and 2 * (draw.sine_length(bend, rise) - bend) >= extra

    # Columns -------------------------------------------------------------------------------------

    def draw(self, columns: Iterable[Cells | Crossings | Move]) -> None:
        """Draw all columns of a plan."""
        names: dict[int, int] = {}
        stage = 0
        for column in columns:
            if isinstance(column, Cells):
                self._stage(column)
                stage = column.stage
            elif isinstance(column, Crossings):
                names[stage] = names.get(stage, -1) + 1
                self._cross(column.uppers, f"x{stage}_{names[stage]}", self.x)
                self.align()
            else:
                self._move(column)

    def _stage(self, column: Cells) -> None:
        parts, half = self.parts, self.parts.places[0].cell.ports["o2"].center[1]
        uppers = column.uppers
        dark = any(slot not in self.lines for u in uppers for slot in (u, u + 1))
        lead = DARK_UM if dark else LEAD_UM
        squeeze = self._squeeze(half)
        start = draw.on_grid(self.x + lead)
        self._cross(column.crossings, f"x{column.stage}", start)
        contact = parts.shifter.x_um + parts.shifter.cell.ports["e1"].center[0]
        middles = [(self.y(u) + self.y(u + 1)) / 2 for u in uppers]
        rise = parts.shifter.y_um + parts.shifter.cell.ports["e1"].center[1]
        left = self.wiring.left_um([y + rise for y in middles])
        x = draw.on_grid(max(start + squeeze, self.metal_um + left - contact))
        outputs: list[tuple[int, float]] = []
        for row, upper in enumerate(uppers):
            middle = draw.on_grid(middles[row])
            name = f"m{column.stage}_{row}"
            entering = [self.lines.pop(slot, None) for slot in (upper, upper + 1)]
            for line, pin, y in zip(
                entering, ("o2", "o1"), (middle + half, middle - half), strict=True
            ):
                if line is None:
                    self.dark_start((f"{name}.in", pin), x, draw.on_grid(y))
                    continue
                self.assembly.run(line.cursor, draw.on_grid(x - squeeze))
                if squeeze:
                    self.assembly.shift(line.cursor, draw.on_grid(y), squeeze)
                self.join(line, (f"{name}.in", pin))
            self._cell(name, x, middle, column.stage, row)
            live = [line for line in entering if line is not None]
            shortest = min(line.shortest_um for line in live) + parts.path_um[0]
            longest = max(line.longest_um for line in live) + parts.path_um[1]
            for slot, pin, y in ((upper, "o3", middle + half), (upper + 1, "o4", middle - half)):
                cursor = Cursor(
                    (f"{name}.out", pin), draw.on_grid(x + parts.length_um), draw.on_grid(y)
                )
                self.lines[slot] = Line(cursor, shortest, longest)
                outputs.append((slot, self.y(slot)))
        self._columns_done(self.cells[-len(uppers) :])
        if self.taps:
            self._tap_cells(column.stage, uppers)
        for slot, y in outputs:
            cursor = self.lines[slot].cursor
            if squeeze:
                self.assembly.shift(cursor, y, squeeze)
        self.lines = dict(sorted(self.lines.items()))
        self.align(draw.on_grid(self.x + LEAD_UM))

    def _squeeze(self, half: float) -> float:
        """Length of the S-bends between slots and the pins of cells."""
        offset = self.pitch_um / 2 - half
        return max(40.0, draw.on_grid(2 * SLOPE * offset)) if offset > 0.001 else 0.0

    def _cell(self, name: str, x: float, y: float, stage: int, row: int) -> None:
        for place in self.parts.places:
            at_x, at_y = draw.on_grid(x + place.x_um), draw.on_grid(y + place.y_um)
            if place.name is None:
                self.assembly.place(place.cell, at_x, at_y)
            else:
                self.assembly.place(place.cell, at_x, at_y, f"{name}.{place.name}")
            if place == self.parts.shifter:
                self._site(stage, row, f"{name}.{place.name}", place, at_x, at_y)
        for wire in self.parts.wires:
            (part, pin), (other, other_pin) = wire.pins
            start = Cursor((f"{name}.{part}", pin), 0.0, 0.0, wire.length_um)
            self.assembly.join(start, (f"{name}.{other}", other_pin))

    def _site(
        self, stage: int, row: int, device: str, place: mzi.Place, x: float, y: float
    ) -> None:
        ports = place.cell.ports
        ends = {pin: ports[pin].center for pin in ("e1", "e2")}
        at = {
            pin: (pin, draw.on_grid(x + dx), draw.on_grid(y + dy)) for pin, (dx, dy) in ends.items()
        }
        ma, peak = drive_ma(place, self.assembly.numbers)
        half = 10.0 if place.name == "pin" else heater.PAD_UM / 2
        ma *= self.shares[stage]
        self.cells.append(
            Site(f"h{stage}_{row}", device, self.column, at["e1"], at["e2"], half, ma, peak)
        )

    def _columns_done(self, sites: Sequence[Site]) -> None:
        right = max(site.ground[1] for site in sites)
        self.metal_um = right + self.wiring.right_um(self.column)
        self.column += 1

    def _cross(self, uppers: Sequence[int], name: str, x: float) -> None:
        """Swap the pairs of lines whose upper ones are given; the others go straight on later."""
        if not uppers:
            return
        width, place = self.assembly.width_um, self.assembly.place
        drop = draw.on_grid(self.pitch_um / 2 - REACH_UM)
        bend = diagonal(drop=drop, width=width)
        reach = diagonal_reach(drop)
        cell = crossing(width=width)
        x = draw.on_grid(x)
        middle = draw.on_grid(x + reach + REACH_UM)
        end = draw.on_grid(middle + REACH_UM + reach)
        for slot in uppers:
            upper, lower = self.lines[slot], self.lines[slot + 1]
            y_upper, y_lower = self.y(slot), self.y(slot + 1)
            device = f"{name}_{slot}"
            for line in (upper, lower):
                self.assembly.run(line.cursor, x)
                line.cursor.length_um += bend.info["length_um"]
            place(bend, x, y_upper)
            place(bend, x, y_lower, turn=kdb.Trans.M0)
            place(cell, middle, draw.on_grid((y_upper + y_lower) / 2), device)
            place(bend, end, y_upper, turn=kdb.Trans.M90)
            place(bend, end, y_lower, turn=kdb.Trans.R180)
            self.join(upper, (device, "o2"))
            self.join(lower, (device, "o1"))
            through = cell.info["parameter.path_um"]
            for line in (upper, lower):
                line.shortest_um += through
                line.longest_um += through
            length = bend.info["length_um"]
            lower.cursor = Cursor((device, "o3"), end, y_upper, length)
            upper.cursor = Cursor((device, "o4"), end, y_lower, length)
            self.lines[slot], self.lines[slot + 1] = lower, upper

    def _move(self, column: Move) -> None:
        kept = dict(column.to)
        if any(slot not in kept for slot in self.lines):
            for slot in [slot for slot in self.lines if slot not in kept]:
                self.dark_end(self.lines.pop(slot).cursor)
            self.align(draw.on_grid(self.x + DARK_UM))
        shifts = [abs(self.y(new) - self.y(old)) for old, new in column.to]
        length = max(BEND_UM, draw.on_grid(SLOPE * max(shifts)))
        moved: dict[int, Line] = {}
        for old, new in column.to:
            line = self.lines[old]
            self.assembly.shift(line.cursor, self.y(new), length)
            moved[new] = line
        self.lines = moved
        self.align()

    # Monitors ------------------------------------------------------------------------------------

    def _tap_cells(self, stage: int, uppers: Sequence[int]) -> None:
        slots = [slot for upper in uppers for slot in (upper, upper + 1)]
        labels = [f"p{stage}_{row}{end}" for row in range(len(uppers)) for end in "ul"]
        norths = [k % 2 == 0 for k in range(len(slots))]
        self.tap([self.lines[slot] for slot in slots], labels, norths)

    def tap(self, lines: Sequence[Line], labels: Sequence[str], norths: Sequence[bool]) -> None:
        """Put a power tap with a photodiode on each line, on its north or south side."""
        width, numbers = self.assembly.width_um, self.assembly.numbers
        cell = coupler2x2(gap=numbers.tap.gap_um, length=0.0, width=width)
        diode = photodiode(width=width)
        pitch = numbers.coupler.pitch_um
        length = cell.ports["o4"].center[0]
        offsets = [diode.ports["e2"].center[1] * (1 if north else -1) for north in norths]
        heights = [
            line.cursor.y_um + (pitch if north else -pitch) + offset
            for line, north, offset in zip(lines, norths, offsets, strict=True)
        ]
        contact = length + LEAD_UM + diode.ports["e2"].center[0]
        x = max(
            max(line.cursor.x_um for line in lines) + DARK_UM,
            self.metal_um + self.wiring.left_um(heights) - contact,
        )
        x = draw.on_grid(x)
        for line, label, north in zip(lines, labels, norths, strict=True):
            self._tap(line, label, 1 if north else -1, x, cell, diode)
        self._columns_done(self.monitors[-len(lines) :])
        self.clear_um = draw.on_grid(x + length + LEAD_UM + diode.dxsize + LEAD_UM)

    def _tap(
        self,
        line: Line,
        label: str,
        side: int,
        x: float,
        cell: gf.Component,
        diode: gf.Component,
    ) -> None:
        numbers, assembly = self.assembly.numbers, self.assembly
        pitch = numbers.coupler.pitch_um
        y = line.cursor.y_um
        turn = kdb.Trans.R0 if side > 0 else kdb.Trans.M0
        name, detector = f"{label}.tap", f"{label}.pd"
        assembly.run(line.cursor, x)
        self.join(line, (name, "o1"))
        assembly.place(cell, x, draw.on_grid(y + side * pitch / 2), name, turn)
        through = cell.info["parameter.path_um"]
        line.shortest_um += through
        line.longest_um += through
        end = draw.on_grid(x + cell.ports["o4"].center[0])
        aside = draw.on_grid(y + side * pitch)
        self.dark_start((name, "o2"), x, aside)
        line.cursor = Cursor((name, "o4"), end, y)
        branch = Cursor((name, "o3"), end, aside)
        assembly.run(branch, draw.on_grid(end + LEAD_UM))
        assembly.place(diode, branch.x_um, aside, detector, turn)
        assembly.join(branch, (detector, "o1"))
        pins = {
            pin: (
                pin,
                draw.on_grid(branch.x_um + diode.ports[pin].center[0]),
                draw.on_grid(aside + side * diode.ports[pin].center[1]),
            )
            for pin in ("e1", "e2")
        }
        half = diode.info["parameter.length_um"] / 2
        self.monitors.append(
            Site(label, detector, self.column, pins["e2"], pins["e1"], half, *TAP_MA)
        )


def drive_ma(place: mzi.Place, numbers: Numbers) -> tuple[float, float]:
    """Current of a phase shifter at half a turn and at the full scale of its driver, in mA."""
    if place.name == "pin":
        at_pi = numbers.pin.p_pi_mw / numbers.pin.voltage_v
        return at_pi, at_pi * DRIVE_HEADROOM
    info = dict(place.cell.info)
    ohm = numbers.heater_ohm(info["parameter.heater_length_um"], info["parameter.heater_width_um"])
    power = numbers.heater_p_pi_mw(bool(info["parameter.undercut"]))
    at_pi = math.sqrt(1e3 * power / ohm)
    return at_pi, at_pi * math.sqrt(DRIVE_HEADROOM)
