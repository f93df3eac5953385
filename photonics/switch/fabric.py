"""The switch chip: any fabric with its fibre couplers, monitors, electrical lines and contacts.

Light runs from the west edge to the east edge. What a fabric is made of is its plan
(`spec.fabrics`); `columns` draws it, and here the fibres and the wiring are put around it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cache
from typing import Literal

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics.assembly import Assembly, Cursor
from lightloom.photonics.cells import draw, mzi
from lightloom.photonics.cells.edge_coupler import edge_coupler
from lightloom.photonics.cells.grating_coupler import grating_coupler
from lightloom.photonics.devices import BANDS, Numbers
from lightloom.photonics.netlist import Netlist
from lightloom.photonics.switch.columns import (
    BEND_UM,
    LEAD_UM,
    SLOPE,
    TAP_MA,
    Columns,
    Line,
    drive_ma,
)
from lightloom.photonics.switch.router import (
    Load,
    OverloadError,
    Routing,
    RoutingError,
    Site,
    route,
    wiring,
)
from lightloom.spec import fabrics
from lightloom.spec.base import DesignError
from lightloom.spec.design import Switch, Technology
from lightloom.spec.fabrics import Cells, Plan

DEFAULT_GAP_UM = 0.2
"""A coupler length of 0 in the design takes the 50:50 length of this gap."""
PAD_MARGIN_UM = 260.0
"""Contacts keep this far from the west and east edges, clear of the fibre blocks."""
MONITORED_PITCH_UM = 80.0
"""Distance of slots where cells have monitors: taps and photodiodes stand between the lines."""
GRATING_INSET_UM = 60.0
"""From the die edge to the grating: room for the fibre block's glass."""
FIBRE_RISE_UM = 50.0
"""Highest detour between fibres."""
DEMONSTRATION = Technology()
MARGINS = (1.0, 1.5, 2.2)
"""Widths of the ground mesh that are tried, over those that evenly spread currents need."""


@dataclass(frozen=True)
class Figures:
    """What shapes a switch chip, on the grid: equal figures, equal chips."""

    topology: str
    ports: int
    band: Literal["O", "C"]
    gap: float
    coupler_length: float
    heater_length: float
    imbalance: float
    phase_shifter: mzi.PhaseShifter
    pin_length: float
    match: bool
    monitors: Literal["none", "port", "cell"]
    coupler: Literal["edge", "grating"]
    fibre_pitch: float
    contacts: Literal["pads", "bumps"]
    metals: int

    @property
    def numbers(self) -> Numbers:
        """Numbers of the band."""
        return BANDS[self.band]

    @property
    def slot_pitch(self) -> float:
        """Distance of slots in um."""
        if self.monitors == "cell":
            return MONITORED_PITCH_UM
        return self.numbers.coupler.pitch_um


@dataclass(frozen=True)
class SwitchChip:
    """A laid-out switch: the layout, the intended netlist, and figures of it."""

    component: gf.Component
    netlist: Netlist
    routing: Routing
    plan: Plan
    heaters: tuple[Site, ...]
    """The phase shifters, in the order of the plan's cells."""
    monitors: tuple[Site, ...]
    size_um: tuple[float, float]
    path_um: tuple[float, float]
    """Shortest and longest way from any input to any output along the waveguides."""

    @property
    def stages(self) -> int:
        """Columns of cells."""
        return self.plan.stages

    @property
    def cells(self) -> int:
        """2x2 cells."""
        return len(self.heaters)

    @property
    def crossings(self) -> int:
        """Waveguide crossings."""
        return self.plan.crossings

    def figures(self) -> dict[str, float]:
        """Figures of the chip by names with units."""
        shortest, longest = self.path_um
        routing = self.routing
        return {
            "stages": self.stages,
            "monitors": len(self.monitors),
            "path_min_um": round(shortest, 3),
            "path_max_um": round(longest, 3),
            "path_skew_um": round(longest - shortest, 3),
            "contacts": len(routing.pads),
            "contact_rows": routing.rows.count,
            "tracks_south": routing.tracks[0],
            "tracks_north": routing.tracks[1],
            "line_ohm_max": round(max(routing.line_ohm.values()), 3),
            "ground_ohm_max": round(max(routing.ground_ohm.values()), 3),
            "current_load_max": round(max(routing.load.values()), 3),
        }


def figures(switch: Switch, technology: Technology) -> Figures:
    """Return what a design says of the chip."""
    band = technology.band
    length = draw.on_grid(switch.coupler_length_um)
    return Figures(
        switch.topology,
        switch.ports,
        band,
        draw.on_grid(switch.coupler_gap_um),
        length or BANDS[band].half_length(DEFAULT_GAP_UM),
        draw.on_grid(switch.heater_length_um),
        switch.arm_imbalance_um,
        switch.phase_shifter,
        draw.on_grid(switch.pin_length_um),
        switch.match_paths,
        switch.monitors,
        switch.coupler,
        float(switch.fibre_pitch_um),
        switch.contacts,
        technology.metals,
    )


MOST_PORTS = 64
"""Of a layout: no larger one was ever laid out and checked."""


def switch_chip(switch: Switch, technology: Technology = DEMONSTRATION) -> SwitchChip:
    """Lay out a switch; equal designs give the same object.

    Raises:
        DesignError: the topology has no chip, or the size does not fit.
    """
    if switch.topology == "none":
        raise DesignError(
            "switch.topology = 'none'; a chip exists for " + ", ".join(fabrics.TOPOLOGIES)
        )
    if switch.ports > MOST_PORTS:
        raise DesignError(
            f"switch.ports = {switch.ports} has no layout; allowed: 2 to {MOST_PORTS}; "
            "the controller alone comes in larger sizes"
        )
    try:
        return _build(figures(switch, technology))
    except RoutingError as error:
        raise DesignError(f"switch.ports = {switch.ports} cannot be wired: {error}") from None


@cache
def _build(of: Figures) -> SwitchChip:
    digest = hashlib.sha256(repr(astuple(of)).encode()).hexdigest()[:8]
    kind = of.topology.replace("-", "_")
    for margin in MARGINS:
        assembly = Assembly(f"{kind}_{of.ports}_{digest}", of.numbers)
        try:
            return _draw(assembly, of, margin)
        except RoutingError as error:
            assembly.component.delete()  # another attempt may take the name
            if margin == MARGINS[-1] or not isinstance(error, OverloadError):
                raise
    raise AssertionError(MARGINS)


def _draw(assembly: Assembly, of: Figures, margin: float) -> SwitchChip:
    plan = fabrics.plan(of.topology, of.ports)
    parts = mzi.parts(
        of.gap,
        of.coupler_length,
        of.heater_length,
        of.imbalance,
        of.phase_shifter,
        of.pin_length,
        assembly.width_um,
    )
    shares = tuple(
        fabrics.driven(plan, column) / len(column.uppers)
        for column in plan.columns
        if isinstance(column, Cells)
    )
    loads = _loads(plan, of, drive_ma(parts.shifter, of.numbers), shares)
    widths = wiring(loads, margin, of.metals)
    slots = _slots(plan)
    columns = Columns(
        assembly, slots, of.slot_pitch, parts, widths, of.match, of.monitors == "cell", shares
    )
    fibres = _Fibres(assembly, of, columns)
    fibres.inputs(plan)
    columns.draw(plan.columns)
    width, ways = fibres.outputs(plan)
    reach = slots / 2 * of.slot_pitch
    most = max(len(plan.inputs), len(plan.outputs))
    fibre_reach = ((most - 1) / 2 + 1) * of.fibre_pitch
    if of.monitors == "port":
        reach = max(reach, fibre_reach)
    sites = (*columns.cells, *columns.monitors)
    routing = route(
        assembly,
        sites,
        widths,
        fabric_half_um=draw.on_grid(reach + LEAD_UM),
        die_half_um=draw.on_grid(fibre_reach),
        pad_span_um=(PAD_MARGIN_UM, width - PAD_MARGIN_UM),
        contacts=of.contacts,
    )
    half = routing.half_height_um
    assembly.die(0.0, -half, width, half, f"lightloom {assembly.netlist.chip}")
    assembly.netlist.validate(assembly.netlist.chip)
    return SwitchChip(
        assembly.component,
        assembly.netlist,
        routing,
        plan,
        tuple(columns.cells),
        tuple(columns.monitors),
        (width, 2 * half),
        ways,
    )


def _slots(plan: Plan) -> int:
    """Heights that the lines of a plan take."""
    highest = max((*plan.inputs.values(), *plan.outputs.values()))
    for column in plan.columns:
        if isinstance(column, Cells):
            highest = max(highest, column.uppers[-1] + 1)
    return highest + 1


def _loads(
    plan: Plan, of: Figures, drive: tuple[float, float], shares: Sequence[float]
) -> list[Load]:
    """Currents by electrical column, in the order in which the columns will be drawn."""
    loads: list[Load] = []
    column = 0
    if of.monitors == "port":
        loads += [Load(column, *TAP_MA)] * len(plan.inputs)
        column += 1
    for part in plan.columns:
        if isinstance(part, Cells):
            ma, peak = drive
            loads += [Load(column, ma * shares[part.stage], peak)] * len(part.uppers)
            column += 1
            if of.monitors == "cell":
                loads += [Load(column, *TAP_MA)] * (2 * len(part.uppers))
                column += 1
    if of.monitors == "port":
        loads += [Load(column, *TAP_MA)] * len(plan.outputs)
    return loads


class _Fibres:
    """Couplers, port monitors and fan-outs on both sides of the fabric."""

    def __init__(self, assembly: Assembly, of: Figures, columns: Columns) -> None:
        self.assembly = assembly
        self.of = of
        self.columns = columns
        width = assembly.width_um
        if of.coupler == "edge":
            self.cell = edge_coupler(width=width)
            self.inset = 0.0
        else:
            period = draw.on_grid(of.numbers.grating_coupler.period_um)
            self.cell = grating_coupler(period=period, width=width)
            self.inset = GRATING_INSET_UM

    def _y(self, index: int, count: int) -> float:
        return draw.on_grid(((count - 1) / 2 - index) * self.of.fibre_pitch)

    def _fan_um(self, slots: Sequence[int]) -> float:
        """Length of the S-bends between fibres and slots: what the widest needs."""
        shifts = [
            abs(self._y(i, len(slots)) - self.columns.y(slot)) for i, slot in enumerate(slots)
        ]
        return max(BEND_UM, draw.on_grid(SLOPE * max(shifts)))

    def _place(self, label: str, x: float, y: float, turn: kdb.Trans) -> str:
        name = f"{'ec' if self.of.coupler == 'edge' else 'gc'}_{label}"
        trans = self.assembly.place(self.cell, x, y, name, turn)
        at = trans * draw.point(*self.cell.ports["o2"].center)
        side = None if self.of.coupler == "edge" else "middle"
        self.assembly.optical_port(label, (name, "o2"), at.x / 1000, at.y / 1000, side)
        return name

    def inputs(self, plan: Plan) -> None:
        """Draw the left side."""
        columns, slots = self.columns, list(plan.inputs.values())
        start = draw.on_grid(self.inset + self.cell.ports["o1"].center[0])
        columns.metal_um = start
        lines: list[Line] = []
        for index, label in enumerate(plan.inputs):
            y = self._y(index, len(slots))
            name = self._place(label, self.inset, y, kdb.Trans.R0)
            lines.append(Line(Cursor((name, "o1"), start, y)))
        columns.lines = dict(zip(slots, lines, strict=True))
        if self.of.monitors == "port":
            columns.tap(lines, [f"pd_{label}" for label in plan.inputs], [True] * len(lines))
        columns.align_plain(max(columns.x + LEAD_UM, columns.clear_um))
        fan = self._fan_um(slots)
        if self.of.match:
            offsets = [
                columns.y(slot) - line.cursor.y_um for slot, line in zip(slots, lines, strict=True)
            ]
            ways = [draw.sine_length(fan, offset) if offset else fan for offset in offsets]
            for line, way in zip(lines, ways, strict=True):
                columns.detour(line.cursor, max(ways) - way, 0.0, FIBRE_RISE_UM)
            columns.align_plain(columns.x)
        for slot, line in columns.lines.items():
            self.assembly.shift(line.cursor, columns.y(slot), fan)

    def outputs(self, plan: Plan) -> tuple[float, tuple[float, float]]:
        """Draw the right side; return the width of the chip and the range of all ways through."""
        columns, slots = self.columns, list(plan.outputs.values())
        for slot in [slot for slot in columns.lines if slot not in slots]:
            columns.dark_end(columns.lines.pop(slot).cursor)
        columns.align(draw.on_grid(columns.x + 2 * LEAD_UM))
        fan = self._fan_um(slots)
        lines = [columns.lines[slot] for slot in slots]
        for index, line in enumerate(lines):
            self.assembly.shift(line.cursor, self._y(index, len(slots)), fan)
        if self.of.match:
            ways = [line.travelled_um for line in lines]
            for line, way in zip(lines, ways, strict=True):
                columns.detour(line.cursor, max(ways) - way, 0.0, FIBRE_RISE_UM)
        columns.align_plain(columns.x + LEAD_UM)
        if self.of.monitors == "port":
            columns.tap(lines, [f"pd_{label}" for label in plan.outputs], [True] * len(lines))
            columns.align_plain(max(columns.x, columns.metal_um) + LEAD_UM)
        reach = self.cell.ports["o1"].center[0]
        width = draw.on_grid(columns.x + LEAD_UM + reach + self.inset)
        for index, (label, line) in enumerate(zip(plan.outputs, lines, strict=True)):
            self.assembly.run(line.cursor, draw.on_grid(width - self.inset - reach))
            x = draw.on_grid(width - self.inset)
            name = self._place(label, x, self._y(index, len(slots)), kdb.Trans.R180)
            columns.join(line, (name, "o1"))
        shortest = min(line.shortest_um for line in lines)
        return width, (shortest, max(line.longest_um for line in lines))
