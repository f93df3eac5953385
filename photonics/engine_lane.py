"""One lane of an engine: its modulators, its way to the fibre, its receiver.

A lane with a laser input of its own takes light from the west and sends it back west further
south. One behind a splitter takes light from the east, where the splitters are, and its modulators
stand the other way round. Either way its waveguides cross nothing. From south to north: receiver,
way back, ground rail, modulators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lightloom.photonics import engine_parts as parts
from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw
from lightloom.photonics.engine_parts import BEND_UM, CLEAR_UM, Lane, Rail, Window
from lightloom.photonics.engine_plan import FIBRE_UM, EnginePlan
from lightloom.photonics.pen import EAST, NORTH, SOUTH, WEST, Pen, Placed, put

TURN_UM = 20.0
"""Reach of the bends of the way back."""
RAIL_UM = 20.0
"""Width of the ground rail beside devices in a row."""
ROW_RAIL_UM = 8.0
"""Least width of the ground rail between rows of modulators: that of the contacts it meets."""
ROW_BEND_UM = 18.0
"""Reach of the bends between a row and its filters: brings the contacts past a tap's photodiode."""
RAIL_WEST_UM = -25.0
"""Ground rails reach this far west of the lane, to the strap that joins them."""
EDGE_UM = 5.0
"""From the last device to the end of a lane, and to what is beside it."""
BUS_UM = 40.0
"""From the end of a lane to the bus of its filters."""


class Rows(NamedTuple):
    """Heights of what every lane has, from its south edge."""

    receive: float
    receive_top: float
    back: float


@dataclass(frozen=True)
class Room:
    """Sizes that follow from the plan."""

    plan: EnginePlan
    step: float
    """Columns and heights are multiples of it: the bump pitch, where bumps are on a grid."""
    spare: int
    """Columns are wider by so many steps than the devices need, for bumps."""

    @property
    def east(self) -> bool:
        """Light runs east through the modulators."""
        return self.plan.split == 1

    @property
    def prefix(self) -> float:
        """Room for the tap at a laser input of the lane's own."""
        if not (self.plan.monitors and self.east):
            return 0.0
        wide = parts.up(parts.tap_length(self.plan) + CLEAR_UM, self.step)
        return draw.on_grid(wide + self.spare * self.step)

    def receive_column(self) -> tuple[float, float]:
        """Room of one receiver along x, and where in it its filter or photodiode is."""
        diode = parts.extent(parts.diode(self.plan))
        if not self.plan.filtered:
            return diode.width() + 2 * CLEAR_UM, CLEAR_UM
        reach = parts.filter_reach(self.plan)
        end = 24.0  # a terminator
        middle = draw.on_grid(CLEAR_UM + diode.height() / 2 + BEND_UM + reach)
        return middle + reach + end + 3 * CLEAR_UM, middle

    def column(self, transmit: float) -> float:
        """Width of a column that holds `transmit` um of modulator and a receiver."""
        need = parts.up(max(transmit, self.receive_column()[0]), self.step)
        return draw.on_grid(need + self.spare * self.step)

    def height(self, need: float) -> float:
        """Height of a lane that needs so much: near what its fibres take, where that is more."""
        fibres = (3 if self.east else 2) * FIBRE_UM
        return max(parts.up(need, self.step), draw.on_grid(round(fibres / self.step) * self.step))

    def rows(self) -> Rows:
        """Heights of the receiver and of the way back."""
        plan = self.plan
        diode = parts.extent(parts.diode(plan))
        if not plan.filtered:
            receive, top = 20.0, 20.0 + diode.top
        else:
            cells = [parts.extent(parts.filter_cell(plan, w)) for w in range(plan.wavelengths)]
            receive = 10.0
            top = receive + max(cell.top for cell in cells) + BEND_UM + diode.width()
        top = parts.up(top, 1.0)
        return Rows(receive, top, top + EDGE_UM)


def draw_lane(plan: EnginePlan, step: float, spare: int, name: str) -> Lane:
    """Draw a lane as a chip of its own, without electrical lines.

    Args:
        plan: of the engine.
        step: grid of columns and heights in um.
        spare: steps that each column is wider than its devices.
        name: of the cell.
    """
    room = Room(plan, step, spare)
    assembly = Assembly(name, plan.numbers)
    return _stack(assembly, room) if plan.muxed else _series(assembly, room)


def _series(assembly: Assembly, room: Room) -> Lane:
    """Modulators one behind the other on the lane's bus, each above its receiver."""
    plan, rows = room.plan, room.rows()
    cells = [parts.modulator(plan, w) for w in range(plan.wavelengths)]
    boxes = [parts.extent(cell) for cell in cells]
    long = max(box.width() for box in boxes)
    below = max(-box.bottom for box in boxes)
    above = max(box.top for box in boxes)
    if plan.monitors:
        above = max(above, _tap_top(plan))
    tap = parts.tap_length(plan) if plan.monitors else 0.0
    need = long + tap + 2 * CLEAR_UM
    column = room.column(need)
    lead = draw.on_grid((column - need) / 2)
    rail = draw.on_grid(rows.receive_top + EDGE_UM + RAIL_UM / 2)
    y = rail + RAIL_UM / 2 + EDGE_UM + below
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
    rx, rx_end = _receive(assembly, room, rows, start, column, windows)
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
    light = _laser(assembly, room, light, height, windows)
    if room.east:
        pen.forward_to(end + EDGE_UM)
        pen.turn(False, TURN_UM)
        pen.forward_to(rows.back + TURN_UM)
        pen.turn(False, TURN_UM)
        light.forward_to(0.0)
    else:
        light.forward_to(width)
    pen.forward_to(0.0)
    rails = [Rail(RAIL_WEST_UM, end, rail, RAIL_UM)]
    return Lane(assembly, light, pen, rx, width, height, need_um, windows, rails)


def _tap_top(plan: EnginePlan) -> float:
    """What a tap reaches to the north of its waveguide."""
    coupler, diode = parts.extent(parts.tap_cell(plan)), parts.extent(parts.diode(plan))
    pins = plan.numbers.coupler.pitch_um
    return max(coupler.top + pins / 2, pins + diode.top)


def _laser(assembly: Assembly, room: Room, light: Pen, height: float, windows: list[Window]) -> Pen:
    """Put the tap of the lane's own laser input in front of the first device.

    `light` looks out of that device; what is returned looks out of the tap.
    """
    if not (room.plan.monitors and room.east):
        return light
    window = Window(0.0, room.prefix, 0.0, height, None)
    windows.append(window)
    first, through = _laser_tap(assembly, room.plan, light.y_um, window)
    through.forward_to(light.x_um)
    through.meet(light)
    return first


def _laser_tap(assembly: Assembly, plan: EnginePlan, y: float, window: Window) -> tuple[Pen, Pen]:
    """Draw a tap for light that runs east at y; returns its ends to the laser and onwards."""
    at = draw.point(parts.TAP_BACK_UM, y)
    coupler = put(assembly, parts.tap_cell(plan), "tap_lmon@", at, EAST)
    parts.dark(coupler.leave("o2"), "end_lmon@")
    arm = coupler.leave("o3")
    arm.forward(CLEAR_UM)
    window.add(arm.device(parts.diode(plan), "lmon@"), parts.diode_pins("lmon@"))
    return coupler.leave("o1"), coupler.leave("o4")


def _receive(
    assembly: Assembly, room: Room, rows: Rows, start: float, column: float, windows: list[Window]
) -> tuple[Pen, float]:
    """Draw the receiver; returns the way to the fibre, looking west, and where it ends."""
    plan = room.plan
    need, middle = room.receive_column()
    middle = draw.on_grid(middle + (column - need) / 2)
    if not plan.filtered:
        at = draw.point(start + middle, rows.receive)
        placed = put(assembly, parts.diode(plan), "pd@", at, EAST)
        windows[0].add(placed, parts.diode_pins("pd@"))
        rx = placed.leave("o1")
        rx.forward_to(0.0)
        return rx, start + middle + parts.extent(parts.diode(plan)).width()
    first: Pen | None = None
    pen: Pen | None = None
    for w in range(plan.wavelengths):
        k, cell = parts.key(plan, w), parts.filter_cell(plan, w)
        x = draw.on_grid(start + w * column + middle - parts.extent(cell).right)
        if pen is None:
            placed = put(assembly, cell, f"drop{k}", draw.point(x, rows.receive), EAST)
            first = placed.leave("o1")
        else:
            pen.forward_to(x)
            placed = pen.device(cell, f"drop{k}")
        windows[w].add(placed, parts.filter_pins(plan, f"drop{k}"))
        windows[w].add(parts.drop(plan, placed.leave("o3"), f"pd{k}"), parts.diode_pins(f"pd{k}"))
        parts.dark(placed.leave("o4"), f"end_drop{k}")
        pen = placed.leave("o2")
    assert first is not None
    assert pen is not None
    parts.dark(pen, "end_rx@", parts.DARK_UM)
    first.forward_to(0.0)
    return first, pen.x_um + 24.0


class _Stack(NamedTuple):
    """Places of a stack of rows along the light, from where it enters the lane."""

    split: float
    """Bus that the wavelengths are taken from."""
    row: float
    """Start of the modulators."""
    join: float
    """Bus that they are put on."""
    end: float


def _stack(assembly: Assembly, room: Room) -> Lane:
    """Modulators above each other, each between a filter that feeds it and one it feeds."""
    plan, rows = room.plan, room.rows()
    box = parts.extent(parts.modulator(plan, 0))
    reach = parts.filter_reach(plan)
    tap = parts.tap_length(plan) if plan.monitors else 0.0
    apart = max(_apart(plan, w) for w in range(plan.wavelengths))
    split = room.prefix + BUS_UM
    row = draw.on_grid(split + apart + ROW_BEND_UM + EDGE_UM)
    join = draw.on_grid(row + box.width() + tap + EDGE_UM + ROW_BEND_UM + apart)
    stack = _Stack(split, row, join, join + BUS_UM)

    contact = 2 * reach + ROW_BEND_UM - 6.0  # from a row to the far contacts of its filters
    above = max(box.top, _tap_top(plan) if plan.monitors else 0.0)
    tall = max(
        contact + ROW_RAIL_UM / 2 + 1.0 - box.bottom,
        2 * reach + ROW_BEND_UM + 26.0 + CLEAR_UM,
        above - box.bottom + CLEAR_UM,
    )
    tall = draw.on_grid(parts.up(tall, room.step) + room.spare * room.step)
    rail = draw.on_grid(rows.receive_top + EDGE_UM + RAIL_UM / 2)
    enter = rows.back + (10.0 if room.east else 0.0)
    base = parts.up(max(enter + EDGE_UM, rail + RAIL_UM / 2 + EDGE_UM), room.step)
    top = base + (plan.wavelengths - 1) * tall + EDGE_UM - box.bottom + ROW_BEND_UM + 2 * reach
    need_um = top + parts.DARK_UM + 24.0 + EDGE_UM
    height = room.height(need_um)

    column = room.column(0.0)
    start = room.prefix
    windows = [
        Window(start + w * column, start + (w + 1) * column, 0.0, base, rail)
        for w in range(plan.wavelengths)
    ]
    rx, rx_end = _receive(assembly, room, rows, start, column, windows)
    width = parts.up(max(stack.end, rx_end + EDGE_UM), 1.0)
    levels = [
        parts.up(base + w * tall - box.bottom + CLEAR_UM, 1.0) for w in range(plan.wavelengths)
    ]
    # The rail is in the middle of the filters' far contacts, clear of the metal of both rows.
    clear = min(contact - (above if plan.monitors else box.top), tall + box.bottom - contact)
    rail_width = min(RAIL_UM, max(ROW_RAIL_UM, draw.on_grid(2 * (clear - 1.0) // 2.0 * 2.0)))
    builder = _Rows(assembly, room, stack, width, rail_width)
    rails = [Rail(RAIL_WEST_UM, start + plan.wavelengths * column, rail, RAIL_UM)]
    for w, y in enumerate(levels):
        window = Window(0.0, width, base + w * tall, base + (w + 1) * tall, None)
        windows.append(window)
        rails.append(builder.row(w, y, window))
    light = builder.light(enter)
    light = _laser(assembly, room, light, base, windows)
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

    def __init__(
        self, assembly: Assembly, room: Room, stack: _Stack, width: float, rail_width: float
    ) -> None:
        self.assembly = assembly
        self.plan = room.plan
        self.east = room.east
        self.stack = stack
        self.width = width
        self.rail_width = rail_width
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
        low = draw.on_grid(y + ROW_BEND_UM)
        # The drop bus is ahead of the bus here and behind it there: both filters are mirrored.
        at = draw.point(self.x(self.stack.split), low)
        if self.last is None:
            before = put(self.assembly, cell, f"demux{k}", at, NORTH, mirror=self.east)
        else:
            bus = self.last[0].leave("o2")
            bus.forward_to(low)
            before = bus.device(cell, f"demux{k}", mirror=self.east)
        pen = before.leave("o3")
        pen.turn_to(self.ahead, ROW_BEND_UM)
        pen.forward_to(self.x(self.stack.row))
        modulator = pen.device(parts.modulator(plan, w), f"mod{k}", mirror=not self.east)
        window.add(modulator, parts.modulator_pins(plan, w))
        pen = modulator.leave("o2")
        if plan.monitors:
            pen, diode = parts.tap(plan, pen, f"mon{k}", mirror=not self.east)
            window.add(diode, parts.diode_pins(f"mon{k}"))
        pen.forward_to(self.x(self.stack.join - apart - ROW_BEND_UM))
        pen.turn_to(NORTH, ROW_BEND_UM)
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
        return Rail(RAIL_WEST_UM, east, window.rail_y, self.rail_width)

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


TRUNK_UM = 20.0
"""From the south edge of a shared laser's strip to its waveguide."""


def trunk_height(plan: EnginePlan, step: float) -> float:
    """Height of the strip of a laser that lanes share."""
    above = _tap_top(plan) + EDGE_UM if plan.monitors else TRUNK_UM
    return parts.up(TRUNK_UM + above, step)


def draw_trunk(plan: EnginePlan, step: float, spare: int, name: str) -> Lane | None:
    """Draw the tap of a laser that lanes share; None where there is none.

    Light comes from the west and goes on east. Arguments as for `draw_lane`.
    """
    if plan.split == 1 or not plan.monitors:
        return None
    assembly = Assembly(name, plan.numbers)
    width = draw.on_grid(parts.up(parts.tap_length(plan) + CLEAR_UM, step) + spare * step)
    height = trunk_height(plan, step)
    window = Window(0.0, width, 0.0, height, None)
    light, onward = _laser_tap(assembly, plan, TRUNK_UM, window)
    light.forward_to(0.0)
    return Lane(assembly, light, onward, None, width, height, height, [window], [])
