"""A lane whose modulators act on all light alike: wavelengths apart in rows above each other."""

from __future__ import annotations

from typing import NamedTuple

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw
from lightloom.photonics.engine import parts
from lightloom.photonics.engine.parts import BEND_UM, CLEAR_UM, Lane, Rail, Window
from lightloom.photonics.engine.pen import EAST, NORTH, SOUTH, WEST, Pen, Placed, put
from lightloom.photonics.engine.plan import EnginePlan
from lightloom.photonics.engine.room import (
    COLUMNS_A_ROW,
    EDGE_UM,
    RAIL_UM,
    RAIL_WEST_UM,
    Room,
    laser,
    receive,
    tap_top,
)

ROW_RAIL_UM = 8.0
"""Least width of the ground rail between rows of modulators: that of the contacts it meets."""
CONTACT_UM = 6.0
"""From the end of a filter to the middle of its contact."""
METAL_UM = 2.0
"""From the metal of a device to its outline."""
BUS_UM = 40.0
"""From the end of a lane to the bus of its filters."""


class _Stack(NamedTuple):
    """Sizes of the rows, and places along the light, from where it enters the lane."""

    split: float
    """Bus that the wavelengths are taken from."""
    row: float
    """Start of the modulators."""
    join: float
    """Bus that they are put on."""
    end: float
    bend: float
    """Reach of the bends between a row and its filters."""
    tall: float
    """From one row to the next."""
    rail: float
    """Width of the ground rail of a row."""


def _sizes(room: Room) -> _Stack:
    plan = room.plan
    box = parts.extent(parts.modulator(plan, 0))
    reach = parts.filter_reach(plan)
    above = max(box.top, tap_top(plan) if plan.monitors else 0.0)
    current = plan.heater_ma("filter")
    if plan.modulator == "mzm":
        current = max(current, plan.heater_ma("bias"))
    # Returns share a rail: it bears half as much again as one of them brings.
    narrow = parts.up(max(ROW_RAIL_UM, 1.5 * current / tech.CURRENT_MA_PER_UM[tech.M1]), 2.0)
    # The rail has the far contacts of the filters in its middle, clear of the metal of both rows.
    over = 2 * reach - CONTACT_UM
    room_below = above - METAL_UM + CLEAR_UM + narrow / 2
    bend = parts.up(max(BEND_UM, room_below - over), 1.0)
    contact = over + bend
    under = -box.bottom - METAL_UM
    tall = max(
        contact + narrow / 2 + CLEAR_UM + under,
        2 * reach + bend + parts.DARK_UM,
        above - box.bottom + CLEAR_UM,
    )
    tall = draw.on_grid(parts.up(tall, room.step) + room.spare * room.step)
    clear = min(contact - (above - METAL_UM), tall - under - contact) - CLEAR_UM
    apart = max(_apart(plan, w) for w in range(plan.wavelengths))
    split = room.prefix + BUS_UM
    row = draw.on_grid(split + apart + bend + EDGE_UM)
    tap = parts.tap_length(plan) if plan.monitors else 0.0
    join = draw.on_grid(row + box.width() + tap + EDGE_UM + bend + apart)
    rail = max(narrow, min(RAIL_UM, clear // 1.0 * 2.0))
    return _Stack(split, row, join, join + BUS_UM, bend, tall, rail)


def stack(assembly: Assembly, room: Room) -> Lane:
    """Draw modulators above each other, each between a filter that feeds it and one it feeds."""
    plan, rows = room.plan, room.rows()
    along = _sizes(room)
    tall = along.tall
    box = parts.extent(parts.modulator(plan, 0))
    reach = parts.filter_reach(plan)
    rail = draw.on_grid(rows.receive_top + EDGE_UM + room.rail / 2)
    enter = rows.back + (10.0 if room.east else 0.0)
    base = parts.up(max(enter + EDGE_UM, rail + room.rail / 2 + EDGE_UM), room.step)
    base = draw.on_grid(base + room.spare // COLUMNS_A_ROW * room.step)
    top = base + (plan.wavelengths - 1) * tall + EDGE_UM - box.bottom + along.bend + 2 * reach
    need_um = max(top + parts.DARK_UM + 24.0 + EDGE_UM, base + plan.wavelengths * tall)
    height = room.height(need_um)

    column = room.column(0.0)
    start = room.prefix
    windows = [
        Window(start + w * column, start + (w + 1) * column, 0.0, base, rail)
        for w in range(plan.wavelengths)
    ]
    rx, rx_end = receive(assembly, room, rows, start, column, windows)
    width = parts.up(max(along.end, rx_end + EDGE_UM, windows[-1].x2), room.step)
    levels = [
        parts.up(base + w * tall - box.bottom + CLEAR_UM, 1.0) for w in range(plan.wavelengths)
    ]
    builder = _Rows(assembly, room, along, width)
    rails = [Rail(RAIL_WEST_UM, start + plan.wavelengths * column, rail, room.rail)]
    for w, y in enumerate(levels):
        window = Window(0.0, width, base + w * tall, base + (w + 1) * tall, None)
        windows.append(window)
        rails.append(builder.row(w, y, window))
    light = builder.light(enter)
    light = laser(assembly, room, light, base, windows)
    tx = builder.out(rows.back)
    light.forward_to(0.0 if room.east else width)
    tx.forward_to(0.0)
    return Lane(assembly, light, tx, rx, width, height, need_um, windows, rails)


def _apart(plan: EnginePlan, wavelength: int) -> float:
    """Distance of the two buses of a filter."""
    ports = parts.filter_cell(plan, wavelength).ports
    return draw.on_grid(ports["o3"].center[1] - ports["o1"].center[1])


class _Rows:
    """Draws the rows of a stack from south to north."""

    def __init__(self, assembly: Assembly, room: Room, stack: _Stack, width: float) -> None:
        self.assembly = assembly
        self.plan = room.plan
        self.east = room.east
        self.stack = stack
        self.width = width
        self.ahead, self.back = (EAST, WEST) if room.east else (WEST, EAST)
        self.first: tuple[Placed, Placed] | None = None
        self.last: tuple[Placed, Placed] | None = None

    def x(self, along: float) -> float:
        """East of the lane's origin, from how far along the light something is."""
        return draw.on_grid(along if self.east else self.width - along)

    def row(self, w: int, y: float, window: Window) -> Rail:
        """Draw a row at y; returns its ground rail."""
        plan, k = self.plan, parts.key(self.plan, w)
        cell, apart = parts.filter_cell(plan, w), _apart(plan, w)
        low = draw.on_grid(y + self.stack.bend)
        # The drop bus is ahead of the bus here and behind it there: both filters are mirrored.
        at = draw.point(self.x(self.stack.split), low)
        if self.last is None:
            before = put(self.assembly, cell, f"demux{k}", at, NORTH, mirror=self.east)
        else:
            bus = self.last[0].leave("o2")
            bus.forward_to(low)
            before = bus.device(cell, f"demux{k}", mirror=self.east)
        pen = before.leave("o3")
        pen.turn_to(self.ahead, self.stack.bend)
        pen.forward_to(self.x(self.stack.row))
        modulator = pen.device(parts.modulator(plan, w), f"mod{k}", mirror=not self.east)
        window.add(modulator, parts.modulator_pins(plan, w))
        pen = modulator.leave("o2")
        if plan.monitors:
            pen, diode = parts.tap(plan, pen, f"mon{k}", mirror=not self.east)
            window.add(diode, parts.diode_pins(f"mon{k}"))
        pen.forward_to(self.x(self.stack.join - apart - self.stack.bend))
        pen.turn_to(NORTH, self.stack.bend)
        after = pen.device(cell, f"mux{k}", "o4", mirror=self.east)
        if self.last is not None:
            bus = after.leave("o2")
            bus.forward_to(self.last[1].point("o1")[1])
            bus.meet(self.last[1].leave("o1"))
        # The contact further from the row is `e2` at the bus that runs north, `e1` at the other.
        for placed, name, port, far in ((before, "demux", "o4", "e2"), (after, "mux", "o3", "e1")):
            window.add(placed, parts.filter_pins(plan, f"{name}{k}", far))
            parts.dark(placed.leave(port), f"end_{name}{k}")
        self.first = self.first or (before, after)
        self.last = before, after
        if w == plan.wavelengths - 1:
            parts.dark(before.leave("o2"), "end_split@", parts.DARK_UM)
            parts.dark(after.leave("o1"), "end_join@", parts.DARK_UM)
        ends = [before.point("e2"), after.point("e1")]
        window.rail_y = draw.on_grid(ends[0][1])
        east = max(x for x, _ in ends)
        return Rail(RAIL_WEST_UM, east, window.rail_y, self.stack.rail)

    def light(self, y: float) -> Pen:
        """Return the way back to the laser, on a level at y."""
        assert self.first is not None
        pen = self.first[0].leave("o1")
        pen.forward_to(y + BEND_UM)
        pen.turn_to(self.back, BEND_UM)
        return pen

    def out(self, y: float) -> Pen:
        """Return the way on to the fibre, west on a level at y."""
        assert self.first is not None
        pen = self.first[1].leave("o2")
        assert pen.heading == SOUTH
        pen.forward_to(y + BEND_UM)
        pen.turn_to(WEST, BEND_UM)
        return pen
