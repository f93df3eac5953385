"""The optical engine: lanes of modulators and photodiodes behind one fibre array, with bumps.

All fibres are on the west edge. Each lane, or each group of lanes that share a laser, is a strip
from west to east; strips follow each other from north to south as their fibres do, so no waveguides
cross. A grid of bumps lies over the strips. `plan` says what an engine is made of.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from typing import Literal, NamedTuple

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw, pads
from lightloom.photonics.engine import (
    light as engine_light,
)
from lightloom.photonics.engine import (
    pads as engine_pads,
)
from lightloom.photonics.engine import (
    plan as engine_plan,
)
from lightloom.photonics.engine import (
    wires as engine_wires,
)
from lightloom.photonics.engine.bumps import Bump
from lightloom.photonics.engine.lane import TRUNK_UM, draw_lane, draw_trunk, trunk_height
from lightloom.photonics.engine.parts import Lane, Rail
from lightloom.photonics.engine.pen import Pen
from lightloom.photonics.engine.plan import FIBRE_UM, EnginePlan
from lightloom.photonics.engine.result import EngineChip
from lightloom.photonics.engine.room import RAIL_WEST_UM
from lightloom.photonics.engine.wires import Wires
from lightloom.photonics.netlist import Instance, Wire
from lightloom.photonics.switch.channel import RoutingError
from lightloom.spec.base import DesignError
from lightloom.spec.design import Engine

STRAP_UM = 8.0
"""Width of the M2 line that joins the ground rails."""
MARGIN_UM = 60.0
"""From the outermost lane, fibre or wire to the die edge."""
SPARES = 24
"""Steps that columns may grow by until the lines to the bumps fit."""
PAD_STEP_UM = 10.0
"""Grid of columns and heights where there are pads at the edge and no bumps above."""
RETICLE_UM = (26_000.0, 33_000.0)
"""Field of a scanner: a die is not larger."""


def engine_chip(
    engine: Engine, lanes: int, band: Literal["O", "C"] = "O", gbps: float = 32.0
) -> EngineChip:
    """Lay out an engine; equal arguments give the same object.

    Args:
        engine: of the design.
        lanes: fibre lanes in each direction, 1 to 16.
        band: of the process.
        gbps: rate of a wavelength in Gb/s, for figures.

    Raises:
        DesignError: keys that do not go together, or an engine that does not fit.
    """
    return _at_rate(engine_plan.plan(engine, lanes, band), gbps)


@cache
def _at_rate(plan: EnginePlan, gbps: float) -> EngineChip:
    # The rate is no part of the layout: a cell may be drawn only once under its name.
    drawn = _drawn(plan)
    if isinstance(drawn, str):
        raise DesignError(drawn)
    return replace(drawn, gbps=gbps)


@cache
def _drawn(plan: EnginePlan) -> EngineChip | str:
    """The chip, or why there is none: either is remembered."""
    try:
        return _build(plan)
    except DesignError as error:
        return str(error)


def _build(plan: EnginePlan) -> EngineChip:
    digest = hashlib.sha256(repr(plan).encode()).hexdigest()[:8]
    size = f"{plan.lanes}" if plan.wavelengths == 1 else f"{plan.lanes}x{plan.wavelengths}"
    name = f"engine{size}_{plan.modulator}_{digest}"
    step = PAD_STEP_UM if plan.integration.contacts == "pads" else plan.pitch_um
    failure: RoutingError | None = None
    for spare in range(SPARES):
        try:
            lane = draw_lane(plan, step, spare, f"{name}_lane{spare}")
            trunk = draw_trunk(plan, step, spare, f"{name}_trunk{spare}")
            parts = [_Part(one, _wire(one, plan, lane)) for one in (lane, trunk) if one]
        except RoutingError as error:
            failure = error
            continue
        return _Chip(plan, name, step).build(parts)
    raise DesignError(
        f"engine.integration = {plan.integration_name!r}, engine.bump_pitch_um = "
        f"{plan.pitch_um:g} with engine.modulator = {plan.modulator!r}: {failure}"
    )


def _wire(part: Lane, plan: EnginePlan, lane: Lane) -> Wires:
    if plan.integration.contacts == "bumps":
        return engine_wires.wire(part, plan)
    return engine_pads.wire(part, plan, _pads_from(plan, lane))


def _pads_from(plan: EnginePlan, lane: Lane) -> float:
    """Where the room of pads begins, east of lanes and trees."""
    trees = engine_light.tree_um(lane.assembly, plan.split) if plan.split > 1 else 0.0
    return draw.on_grid(lane.width_um + trees + STRAP_UM)


class _Part(NamedTuple):
    """A lane, or the taps of a shared laser, with its lines."""

    lane: Lane
    wires: Wires


class _Chip:
    """Puts lanes, fibres and trees together."""

    def __init__(self, plan: EnginePlan, name: str, step: float) -> None:
        self.plan = plan
        self.step = step
        self.name = name
        self.assembly = Assembly(name, plan.numbers)
        self.bumps: list[Bump] = []
        self.ohm: dict[str, float] = {}
        self.ma: dict[str, float] = {}
        self.rails: list[Rail] = []

    def build(self, parts: list[_Part]) -> EngineChip:
        """Lay out the chip from its lane and, where lanes share lasers with taps, their taps."""
        plan = self.plan
        lane, trunk = parts[0], parts[1] if len(parts) > 1 else None
        strips = self._strips(lane, trunk)
        total = sum(strip.height for strip in strips)
        fibres, rows = self._fibres(strips)
        moves = [(pen.y_um, y) for pen, y in zip(fibres, rows, strict=True)]
        room = engine_light.fan_in_um(moves) - RAIL_WEST_UM + STRAP_UM
        west = draw.on_grid(fibres[0].x_um + room)
        engine_light.fan_in(fibres, rows, west)
        waiting = iter(fibres)
        leaves: dict[int, list[Pen]] = {}
        trunks: dict[int, Pen] = {}
        for strip in strips:
            put = _Put(self.assembly, strip.number, west, strip.base)
            if strip.part is None:
                trunks[strip.number] = next(waiting)
                continue
            put.all(strip.part.lane)
            for pen in _west(strip.part.lane):
                next(waiting).meet(put.pen(pen))
            self._contacts(strip.part, put)
            if strip.kind == "laser":
                trunks[strip.number] = put.pen(strip.part.lane.tx)
            elif plan.split > 1:
                leaves.setdefault(strip.number // plan.split, []).append(put.pen(lane.lane.light))
        for number, pen in trunks.items():
            engine_light.tree(pen, leaves[number], str(number))
        self._strap(west)
        east = _pads_from(plan, lane.lane)
        if plan.integration.contacts == "pads":
            every = [bump.x_um for part in parts for bump in part.wires.bumps]
            east = max(every) + engine_pads.PAD_UM / 2
        return self._finish(west + east, total, [part.wires for part in parts])

    def _strips(self, lane: _Part, trunk: _Part | None) -> list[_Strip]:
        """What follows each other from north to south."""
        plan = self.plan
        strips: list[_Strip] = []
        height = trunk_height(plan, self.step) if trunk is None else trunk.lane.height_um
        for number in range(plan.lanes):
            if plan.split > 1 and number % plan.split == plan.split // 2:
                strips.append(_Strip("laser", number // plan.split, trunk, height, 0.0))
            strips.append(_Strip("lane", number, lane, lane.lane.height_um, 0.0))
        level = sum(strip.height for strip in strips) / 2
        for k, strip in enumerate(strips):
            level -= strip.height
            strips[k] = strip._replace(base=draw.on_grid(level))
        return strips

    def _fibres(self, strips: list[_Strip]) -> tuple[list[Pen], list[float]]:
        """Draw the fibre array; returns its open ends and the rows that they go to."""
        labels: list[str] = []
        rows: list[float] = []
        for strip in strips:
            if strip.kind == "laser":
                labels.append(f"laser{strip.number}")
                rows.append(draw.on_grid(strip.base + TRUNK_UM))
                continue
            assert strip.part is not None
            own = [f"laser{strip.number}"] if self.plan.split == 1 else []
            labels += [*own, f"tx{strip.number}", f"rx{strip.number}"]
            rows += [draw.on_grid(strip.base + pen.y_um) for pen in _west(strip.part.lane)]
        count = len(labels)
        levels = [draw.on_grid(((count - 1) / 2 - k) * FIBRE_UM) for k in range(count)]
        pens = [
            engine_light.facet(self.assembly, label, y)
            for label, y in zip(labels, levels, strict=True)
        ]
        return pens, rows

    def _contacts(self, part: _Part, put: _Put) -> None:
        text = 0.28 * self.plan.pitch_um**0.8
        for bump in part.wires.bumps:
            x, y = put.place(bump.x_um, bump.y_um)
            name, net = put.named(bump.name), put.named(bump.net)
            self.assembly.electrical_port(name, net, x, y, size_um=draw.on_grid(text))
            self.bumps.append(Bump(name, x, y, net))
            self.ohm[name], self.ma[name] = bump.ohm, bump.ma
        self.rails += [rail._replace(y=draw.on_grid(rail.y + put.y)) for rail in part.lane.rails]

    def _strap(self, west: float) -> None:
        """Join all ground rails at their west ends."""
        if len(self.rails) < 2:
            return
        x = draw.on_grid(west + RAIL_WEST_UM + STRAP_UM / 2)
        rows = [rail.y for rail in self.rails]
        half = STRAP_UM / 2
        component = self.assembly.component
        draw.box(component, tech.M2, x - half, min(rows) - half, x + half, max(rows) + half)
        for rail in self.rails:
            self.assembly.place(pads.via_stack(width=STRAP_UM, height=rail.width), x, rail.y)

    def _finish(self, east: float, total: float, wires: list[Wires]) -> EngineChip:
        plan = self.plan
        width = draw.on_grid(east + MARGIN_UM)
        array = plan.fibres * FIBRE_UM
        half = draw.on_grid(max(total / 2, array / 2) + MARGIN_UM)
        sides = sorted((width, 2 * half))
        if sides[0] > RETICLE_UM[0] or sides[1] > RETICLE_UM[1]:
            raise DesignError(
                f"engine.lanes = {plan.lanes}, engine.wavelengths = {plan.wavelengths} with "
                f"engine.modulator = {plan.modulator!r} need {width / 1000:.1f} x "
                f"{2 * half / 1000:.1f} mm; allowed: {RETICLE_UM[0] / 1000:g} x "
                f"{RETICLE_UM[1] / 1000:g} mm, the field of a scanner"
            )
        self.assembly.die(0.0, -half, width, half, f"lightloom {self.name}")
        netlist = self.assembly.netlist
        netlist.validate(self.name)
        return EngineChip(
            self.assembly.component,
            netlist,
            tuple(self.bumps),
            plan,
            (width, 2 * half),
            array if array + 2 * MARGIN_UM >= 2 * half else 2 * half,
            self.ohm,
            self.ma,
            max(one.longest_um for one in wires),
            max(one.return_ohm for one in wires),
        )


def _west(strip: Lane) -> list[Pen]:
    """Ends of a strip at its west edge, from north to south."""
    pens = [pen for pen in (strip.light, strip.tx, strip.rx) if pen is not None and not pen.at.x]
    return sorted(pens, key=lambda pen: -pen.y_um)


class _Strip(NamedTuple):
    """A lane, or the way of a shared laser, which is a lane only where it has a tap."""

    kind: Literal["lane", "laser"]
    number: int
    part: _Part | None
    height: float
    base: float
    """Its south edge."""


class _Put:
    """A place on the chip for a strip, and a number for its names."""

    def __init__(self, chip: Assembly, number: int, x: float, y: float) -> None:
        self.chip = chip
        self.number = str(number)
        self.x, self.y = x, y

    def named(self, name: str) -> str:
        """A name of the strip on the chip."""
        return name.replace("@", self.number)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A place of the strip on the chip."""
        return draw.on_grid(self.x + x), draw.on_grid(self.y + y)

    def pen(self, pen: Pen) -> Pen:
        """An open end of the strip on the chip."""
        return pen.moved(self.chip, self._pin(pen.pin), self.x, self.y)

    def _pin(self, pin: tuple[str, str]) -> tuple[str, str]:
        return self.named(pin[0]), pin[1]

    def all(self, strip: Lane) -> None:
        """Place the layout and copy the netlist."""
        at = draw.point(self.x, self.y)
        reference = self.chip.component << strip.assembly.component
        reference.trans = kdb.Trans(at.x, at.y)
        part, whole = strip.assembly.netlist, self.chip.netlist
        for name, one in part.instances.items():
            assert one.x_um is not None
            assert one.y_um is not None
            x, y = self.place(one.x_um, one.y_um)
            whole.instances[self.named(name)] = Instance(one.type, dict(one.parameters), x, y)
        for wire in part.nets.values():
            pins = [self._pin(pin) for pin in wire.pins]
            whole.nets[".".join(pins[0])] = Wire(pins, wire.length_um, wire.width_um)
        for net, conductor in part.electrical.items():
            for pin in conductor.pins:
                self.chip.electrical_pin(self.named(net), self._pin(pin))
            if conductor.width_um is not None:
                self.chip.line_width(self.named(net), conductor.width_um)
