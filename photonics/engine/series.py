"""A lane whose modulators stand one behind the other: rings on one bus, or a single modulator."""

from __future__ import annotations

from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw
from lightloom.photonics.engine import parts
from lightloom.photonics.engine.parts import CLEAR_UM, Lane, Rail, Window
from lightloom.photonics.engine.pen import EAST, WEST, Pen, put
from lightloom.photonics.engine.room import (
    EDGE_UM,
    RAIL_WEST_UM,
    Room,
    laser,
    receive,
    tap_top,
)

TURN_UM = 20.0
"""Reach of the bends of the way back."""


def series(assembly: Assembly, room: Room) -> Lane:
    """Draw modulators one behind the other on the lane's bus, each above its receiver."""
    plan, rows = room.plan, room.rows()
    cells = [parts.modulator(plan, w) for w in range(plan.wavelengths)]
    boxes = [parts.extent(cell) for cell in cells]
    long = max(box.width() for box in boxes)
    below = max(-box.bottom for box in boxes)
    above = max(box.top for box in boxes)
    if plan.monitors:
        above = max(above, tap_top(plan))
    tap = parts.tap_length(plan) if plan.monitors else 0.0
    need = long + tap + 2 * CLEAR_UM
    column = room.column(need)
    lead = draw.on_grid((column - need) / 2)
    rail = draw.on_grid(rows.receive_top + EDGE_UM + room.rail / 2)
    y = rail + room.rail / 2 + EDGE_UM + below
    if room.east:
        y = max(y, rows.back + 2 * TURN_UM + 1.0)
    y = parts.up(y, 1.0)
    need_um = y + above + EDGE_UM
    height = room.height(need_um)
    start = room.prefix
    end = draw.on_grid(start + plan.wavelengths * column)
    windows = [
        Window(start + w * column, start + (w + 1) * column, 0.0, height, rail)
        for w in range(plan.wavelengths)
    ]
    rx, rx_end = receive(assembly, room, rows, start, column, windows)
    width = parts.up(max(end + EDGE_UM + TURN_UM + EDGE_UM, rx_end + EDGE_UM), 1.0)

    ahead = EAST if room.east else WEST
    sign = 1 if room.east else -1
    order = range(plan.wavelengths) if room.east else range(plan.wavelengths - 1, -1, -1)
    light: Pen | None = None
    pen: Pen | None = None
    for w in order:
        at = windows[w].x1 if room.east else windows[w].x2
        x = draw.on_grid(at + sign * (lead + CLEAR_UM + (long - boxes[w].width()) / 2))
        name = f"mod{parts.key(plan, w)}"
        if pen is None:
            placed = put(assembly, cells[w], name, draw.point(x, y), ahead, mirror=not room.east)
            light = placed.leave("o1")
        else:
            pen.forward_to(x)
            placed = pen.device(cells[w], name, mirror=not room.east)
        windows[w].add(placed, parts.modulator_pins(plan, w))
        pen = placed.leave("o2")
        if plan.monitors:
            monitor = f"mon{parts.key(plan, w)}"
            pen, diode = parts.tap(plan, pen, monitor, mirror=not room.east)
            windows[w].add(diode, parts.diode_pins(monitor))
    assert light is not None
    assert pen is not None
    light = laser(assembly, room, light, height, windows)
    if room.east:
        pen.forward_to(end + EDGE_UM)
        pen.turn(False, TURN_UM)
        pen.forward_to(rows.back + TURN_UM)
        pen.turn(False, TURN_UM)
        light.forward_to(0.0)
    else:
        light.forward_to(width)
    pen.forward_to(0.0)
    rails = [Rail(RAIL_WEST_UM, end, rail, room.rail)]
    return Lane(assembly, light, pen, rx, width, height, need_um, windows, rails)
