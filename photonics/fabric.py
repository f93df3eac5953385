"""The switch chip: a Benes fabric with edge couplers, heater lines and pads.

Light runs from the west edge to the east edge. Line 0 is the northernmost. Between stages the
lines are permuted by columns of waveguide crossings, each of which swaps two neighbours.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics.assembly import Assembly, Cursor
from lightloom.photonics.cells import draw, mzi
from lightloom.photonics.cells.crossing import REACH_UM, crossing
from lightloom.photonics.cells.edge_coupler import edge_coupler
from lightloom.photonics.cells.waveguides import diagonal, diagonal_reach
from lightloom.photonics.devices import O_BAND
from lightloom.photonics.netlist import Netlist
from lightloom.photonics.router import Routing, RoutingError, Site, route
from lightloom.spec import benes
from lightloom.spec.base import DesignError
from lightloom.spec.design import Switch

FIBRE_UM = 127.0
"""Pitch of the fibre array."""
LEAD_UM = 20.0
"""Straight wire between blocks."""
DEFAULT_GAP_UM = 0.2
"""A coupler length of 0 in the design takes the 50:50 length of this gap."""
PAD_MARGIN_UM = 260.0
"""Pads keep this far from the west and east edges, clear of the fibre blocks."""


@dataclass(frozen=True)
class SwitchChip:
    """A laid-out switch: the layout, the intended netlist, and figures of it."""

    component: gf.Component
    netlist: Netlist
    routing: Routing
    heaters: tuple[Site, ...]
    """In the order of `benes` cell indices."""
    stages: int
    crossings: int
    columns: tuple[int, ...]
    """Columns of crossings after each stage but the last."""
    size_um: tuple[float, float]


def coupler_length(switch: Switch) -> float:
    """Length in um of the straight part of the couplers as drawn."""
    return draw.on_grid(switch.coupler_length_um) or O_BAND.half_length(DEFAULT_GAP_UM)


def switch_chip(switch: Switch) -> SwitchChip:
    """Lay out a Benes switch; equal designs give the same object.

    Raises:
        DesignError: the topology has no chip, or the size does not fit.
    """
    if switch.topology != "benes":
        raise DesignError(f"switch.topology = {switch.topology!r}; a chip exists for 'benes'")
    arguments = (
        switch.ports,
        draw.on_grid(switch.coupler_gap_um),
        coupler_length(switch),
        draw.on_grid(switch.heater_length_um),
        switch.arm_imbalance_um,
        switch.heater_undercut,
    )
    try:
        return _build(*arguments)
    except RoutingError as error:
        raise DesignError(f"switch.ports = {switch.ports} cannot be wired: {error}") from None


def transpositions(permutation: list[int]) -> list[list[int]]:
    """Columns of swaps that bring line i to `permutation[i]`: odd-even transposition.

    Each column lists the upper lines of the pairs it swaps. The swaps are as many as the
    inversions of the permutation, and empty columns are left out.
    """
    best: list[list[int]] | None = None
    for parity in (0, 1):
        order = list(permutation)
        columns: list[list[int]] = []
        for column in range(len(order) + 1):
            start = (column + parity) % 2
            swaps = [i for i in range(start, len(order) - 1, 2) if order[i] > order[i + 1]]
            for i in swaps:
                order[i], order[i + 1] = order[i + 1], order[i]
            if swaps:
                columns.append(swaps)
        if best is None or len(columns) < len(best):
            best = columns
    assert best is not None
    return best


@cache
def _build(
    ports: int,
    gap: float,
    length: float,
    heater_length: float,
    imbalance: float,
    undercut: bool,
) -> SwitchChip:
    key = repr((ports, gap, length, heater_length, imbalance, undercut)).encode()
    name = f"switch{ports}x{ports}_{hashlib.sha256(key).hexdigest()[:8]}"
    assembly = Assembly(name)
    try:
        return _draw(assembly, ports, gap, length, heater_length, imbalance, undercut)
    except RoutingError:
        assembly.component.delete()  # another attempt may take the name
        raise


def _draw(
    assembly: Assembly,
    ports: int,
    gap: float,
    length: float,
    heater_length: float,
    imbalance: float,
    undercut: bool,
) -> SwitchChip:
    name = assembly.netlist.chip
    build = _Fabric(assembly, ports)
    build.inputs()
    cell = mzi.mzi2x2(
        gap=gap,
        coupler_length=length,
        heater_length=heater_length,
        imbalance=imbalance,
        undercut=undercut,
    )
    parts = mzi.parts(gap, length, heater_length, imbalance, undercut)
    columns: list[int] = []
    for stage in range(benes.stages(ports)):
        build.stage(stage, cell, parts)
        if stage < benes.stages(ports) - 1:
            swaps = transpositions(benes.wiring(ports, stage))
            for column, uppers in enumerate(swaps):
                build.column(stage, column, uppers)
            columns.append(len(swaps))
    width = build.outputs()
    fibres_half = (ports - 1) / 2 * FIBRE_UM + FIBRE_UM
    routing = route(
        build.assembly,
        build.heaters,
        fabric_half_um=ports / 2 * O_BAND.coupler.pitch_um + LEAD_UM,
        die_half_um=draw.on_grid(fibres_half),
        pad_span_um=(PAD_MARGIN_UM, width - PAD_MARGIN_UM),
    )
    half = routing.half_height_um
    build.assembly.die(0.0, -half, width, half, f"lightloom {name}")
    netlist = build.assembly.netlist
    netlist.validate(name)
    crossings = sum(i.type == "crossing" for i in netlist.instances.values())
    return SwitchChip(
        build.assembly.component,
        netlist,
        routing,
        tuple(build.heaters),
        benes.stages(ports),
        crossings,
        tuple(columns),
        (width, 2 * half),
    )


class _Fabric:
    """The optical part, drawn from left to right: one cursor a line."""

    def __init__(self, assembly: Assembly, ports: int) -> None:
        self.assembly = assembly
        self.ports = ports
        self.lines: list[Cursor] = []
        self.heaters: list[Site] = []

    def _y(self, line: float, pitch: float = O_BAND.coupler.pitch_um) -> float:
        return draw.on_grid(((self.ports - 1) / 2 - line) * pitch)

    def _fan_um(self) -> float:
        # As long as the widest shift needs for gentle bends.
        widest = (self.ports - 1) / 2 * (FIBRE_UM - O_BAND.coupler.pitch_um)
        return max(60.0, draw.on_grid(1.6 * widest))

    def inputs(self) -> None:
        coupler = edge_coupler()
        start = coupler.ports["o1"].center[0]
        for line in range(self.ports):
            y = self._y(line, FIBRE_UM)
            name = f"ec_in{line}"
            self.assembly.place(coupler, 0.0, y, name)
            self.assembly.optical_port(f"in{line}", (name, "o2"), 0.0, y)
            cursor = Cursor((name, "o1"), start, y)
            self.assembly.run(cursor, start + LEAD_UM)
            self.assembly.shift(cursor, self._y(line), self._fan_um())
            self.lines.append(cursor)

    def outputs(self) -> float:
        """Draw the right side; return the width of the chip."""
        coupler = edge_coupler()
        reach = coupler.ports["o1"].center[0]
        x = draw.on_grid(max(cursor.x_um for cursor in self.lines) + LEAD_UM)
        facet = draw.on_grid(x + self._fan_um() + LEAD_UM + reach)
        for line, cursor in enumerate(self.lines):
            y = self._y(line, FIBRE_UM)
            name = f"ec_out{line}"
            self.assembly.run(cursor, x)
            self.assembly.shift(cursor, y, self._fan_um())
            self.assembly.run(cursor, draw.on_grid(facet - reach))
            self.assembly.place(coupler, facet, y, name, kdb.Trans.R180)
            self.assembly.optical_port(f"out{line}", (name, "o2"), facet, y)
            self.assembly.join(cursor, (name, "o1"))
        return facet

    def stage(self, stage: int, cell: gf.Component, parts: mzi.Parts) -> None:
        x = draw.on_grid(max(cursor.x_um for cursor in self.lines) + LEAD_UM)
        for row in range(self.ports // 2):
            y = draw.on_grid((self._y(2 * row) + self._y(2 * row + 1)) / 2)
            name = f"m{stage}_{row}"
            self.assembly.place(cell, x, y)
            for place in parts.places:
                at_x, at_y = draw.on_grid(x + place.x_um), draw.on_grid(y + place.y_um)
                if place.name is not None:
                    self.assembly.note_parts(place.cell, f"{name}.{place.name}", at_x, at_y)
                if place.name == "heater":
                    self._site(stage, row, at_x, at_y, place.cell)
            for wire in parts.wires:
                (part, pin), (other, other_pin) = wire.pins
                start = Cursor((f"{name}.{part}", pin), 0.0, 0.0, wire.length_um)
                self.assembly.join(start, (f"{name}.{other}", other_pin))
            for line, enters, leaves in ((2 * row, "o2", "o3"), (2 * row + 1, "o1", "o4")):
                cursor = self.lines[line]
                self.assembly.run(cursor, x)
                self.assembly.join(cursor, (f"{name}.in", enters))
                self.lines[line] = Cursor(
                    (f"{name}.out", leaves), draw.on_grid(x + parts.length_um), self._y(line)
                )
        for cursor in self.lines:
            self.assembly.run(cursor, draw.on_grid(cursor.x_um + LEAD_UM))

    def _site(self, stage: int, row: int, x: float, y: float, cell: gf.Component) -> None:
        contact = {name: cell.ports[name].center[0] for name in ("e1", "e2")}
        self.heaters.append(
            Site(
                f"h{stage}_{row}",
                f"m{stage}_{row}.heater",
                stage,
                draw.on_grid(x + contact["e1"]),
                draw.on_grid(x + contact["e2"]),
                y,
                north=row < (self.ports // 2 + 1) // 2,
            )
        )

    def column(self, stage: int, column: int, uppers: list[int]) -> None:
        """Swap the pairs of lines whose upper ones are given; the others go straight on later."""
        drop = draw.on_grid(O_BAND.coupler.pitch_um / 2 - REACH_UM)
        bend = diagonal(drop=drop)
        reach = diagonal_reach(drop)
        x = max(cursor.x_um for cursor in self.lines)
        middle = draw.on_grid(x + reach + REACH_UM)
        end = draw.on_grid(middle + REACH_UM + reach)
        place = self.assembly.place
        for line in uppers:
            upper, lower = self.lines[line], self.lines[line + 1]
            y_upper, y_lower = self._y(line), self._y(line + 1)
            name = f"x{stage}_{column}_{line}"
            for cursor in (upper, lower):
                self.assembly.run(cursor, x)
                cursor.length_um += bend.info["length_um"]
            place(bend, x, y_upper)
            place(bend, x, y_lower, turn=kdb.Trans.M0)
            place(crossing(), middle, draw.on_grid((y_upper + y_lower) / 2), name)
            place(bend, end, y_upper, turn=kdb.Trans.M90)
            place(bend, end, y_lower, turn=kdb.Trans.R180)
            self.assembly.join(upper, (name, "o2"))
            self.assembly.join(lower, (name, "o1"))
            self.lines[line] = Cursor((name, "o3"), end, y_upper, bend.info["length_um"])
            self.lines[line + 1] = Cursor((name, "o4"), end, y_lower, bend.info["length_um"])
