"""What every lane of an engine has: its size, its receiver, the tap of its laser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw
from lightloom.photonics.engine import parts
from lightloom.photonics.engine.parts import BEND_UM, CLEAR_UM, Window
from lightloom.photonics.engine.pen import EAST, Pen, put
from lightloom.photonics.engine.plan import FIBRE_UM, EnginePlan

RAIL_UM = 20.0
"""Least width of the ground rail beside devices in a row."""
RAIL_SHARE = 1.4
"""What a rail bears over what the returns of one column bring: neighbours' go through it too."""
RAIL_WEST_UM = -25.0
"""Ground rails reach this far west of the lane, to the strap that joins them."""
COLUMNS_A_ROW = 3
"""Steps that columns grow by before a lane grows by one."""
EDGE_UM = 5.0
"""From the last device to the end of a lane, and to what is beside it."""


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

    @property
    def rail(self) -> float:
        """Width of the ground rail beside devices in a row."""
        plan = self.plan
        returns = plan.heater_ma("filter") if plan.filtered else 0.0
        if not plan.muxed:
            returns += plan.heater_ma("ring") if plan.modulator == "ring" else 0.0
            returns += plan.heater_ma("bias") if plan.modulator == "mzm" else 0.0
        need = RAIL_SHARE * returns / tech.CURRENT_MA_PER_UM[tech.M1]
        return max(RAIL_UM, parts.up(need, 2.0))

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
        """Height of a lane that needs so much: near what its fibres take, where that is more.

        It grows a step with every few steps that the columns grow.
        """
        need += self.spare // COLUMNS_A_ROW * self.step
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


def tap_top(plan: EnginePlan) -> float:
    """What a tap reaches to the north of its waveguide."""
    coupler, diode = parts.extent(parts.tap_cell(plan)), parts.extent(parts.diode(plan))
    pins = plan.numbers.coupler.pitch_um
    return max(coupler.top + pins / 2, pins + diode.top)


def laser(assembly: Assembly, room: Room, light: Pen, height: float, windows: list[Window]) -> Pen:
    """Put the tap of the lane's own laser input in front of the first device.

    `light` looks out of that device; what is returned looks out of the tap.
    """
    if not (room.plan.monitors and room.east):
        return light
    window = Window(0.0, room.prefix, 0.0, height, None)
    windows.append(window)
    first, through = laser_tap(assembly, room.plan, light.y_um, window)
    through.forward_to(light.x_um)
    through.meet(light)
    return first


def laser_tap(assembly: Assembly, plan: EnginePlan, y: float, window: Window) -> tuple[Pen, Pen]:
    """Draw a tap for light that runs east at y; returns its ends to the laser and onwards."""
    at = draw.point(parts.TAP_BACK_UM, y)
    coupler = put(assembly, parts.tap_cell(plan), "tap_lmon@", at, EAST)
    parts.dark(coupler.leave("o2"), "end_lmon@")
    arm = coupler.leave("o3")
    arm.forward(CLEAR_UM)
    window.add(arm.device(parts.diode(plan), "lmon@"), parts.diode_pins("lmon@"))
    return coupler.leave("o1"), coupler.leave("o4")


def receive(
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
