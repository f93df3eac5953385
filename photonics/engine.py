"""The optical engine: lanes of modulators and photodiodes behind one fibre array, with bumps.

All fibres are on the west edge, three a lane from north to south: laser in, modulated light out,
light in. A modulator's output turns round and comes back, so no waveguides cross. Every electrode
goes straight up to a micro-bump beside its device, where the driver or receiver die sits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly, Cursor
from lightloom.photonics.cells import draw, pads
from lightloom.photonics.cells.eam import eam
from lightloom.photonics.cells.edge_coupler import edge_coupler
from lightloom.photonics.cells.mzm import mzm
from lightloom.photonics.cells.photodiode import photodiode
from lightloom.photonics.cells.ring_modulator import ring_modulator
from lightloom.photonics.cells.waveguides import bend90, straight
from lightloom.photonics.devices import O_BAND
from lightloom.photonics.netlist import Netlist
from lightloom.spec.base import DesignError
from lightloom.spec.design import Engine

FIBRE_UM = 127.0
"""Pitch of the fibre array."""
FIBRES_PER_LANE = 3
LEAD_UM = 20.0
"""Straight wire between blocks."""
TURN_UM = 20.0
"""Reach of each bend of the way back."""
LINE_UM = 8.0
"""Width of electrode lines on both metals."""
BUMP_ROW_UM = 75.0
"""From a device's axis up to its row of bumps."""
BUMP_PITCH_UM = 60.0
MARGIN_UM = 150.0
"""From the last bend to the east edge."""
LANES_MAX = 64

Modulator = Literal["ring", "mzm", "eam"]


class Electrode(NamedTuple):
    """Where one device pin goes: net and bump names with the lane left open, and the bump's x."""

    pin: str
    net: str
    bump: str
    shift_um: float
    """From the pin to its bump along x; the line runs on M1 that far."""


_MODULATOR: Mapping[str, tuple[Electrode, ...]] = {
    "mzm": (
        Electrode("e3", "mod{}_low", "mod{}_low", 0.0),
        Electrode("e1", "mod{}_sig", "mod{}_sig", BUMP_PITCH_UM),
        Electrode("e2", "mod{}_up", "mod{}_up", 2 * BUMP_PITCH_UM),
        Electrode("e4", "mod{}_sig", "mod{}_term", 0.0),
        Electrode("e5", "bias{}_p", "bias{}_p", 0.0),
        Electrode("e6", "bias{}_n", "bias{}_n", 0.0),
    ),
    "ring": (
        Electrode("e3", "heat{}_p", "heat{}_p", -BUMP_PITCH_UM + 4.0),
        Electrode("e1", "mod{}_p", "mod{}_p", -BUMP_PITCH_UM / 2),
        Electrode("e2", "mod{}_n", "mod{}_n", -4.0),
        Electrode("e4", "heat{}_n", "heat{}_n", BUMP_PITCH_UM - 4.0),
    ),
    "eam": (
        Electrode("e1", "mod{}_p", "mod{}_p", 0.0),
        Electrode("e2", "mod{}_n", "mod{}_n", BUMP_PITCH_UM),
    ),
}
_DETECTOR = (
    Electrode("e1", "pd{}_p", "pd{}_p", 0.0),
    Electrode("e2", "pd{}_n", "pd{}_n", BUMP_PITCH_UM),
)


@dataclass(frozen=True)
class Bump:
    """One micro-bump."""

    name: str
    x_um: float
    y_um: float
    net: str


@dataclass(frozen=True)
class EngineChip:
    """A laid-out engine: the layout, the intended netlist, the bump map, and figures of it."""

    component: gf.Component
    netlist: Netlist
    bumps: tuple[Bump, ...]
    lanes: int
    modulator: Modulator
    size_um: tuple[float, float]
    line_ohm: Mapping[str, float]
    """Resistance from each bump, by name, to its device pin."""

    def write_bumps(self, path: Path) -> None:
        """Write the bump map as CSV, in um, seen from above the die."""
        rows = [f"{b.name},{b.x_um:.3f},{b.y_um:.3f},{b.net}\n" for b in self.bumps]
        path.write_text("name,x_um,y_um,net\n" + "".join(rows))


def engine_chip(engine: Engine, lanes: int) -> EngineChip:
    """Lay out an engine; equal arguments give the same object.

    Args:
        engine: modulator type and its numbers.
        lanes: optical lanes in each direction, 1 to 64.

    Raises:
        DesignError: the number of lanes does not fit.
    """
    if not 1 <= lanes <= LANES_MAX:
        raise DesignError(f"serdes.lanes = {lanes}; allowed: an engine has 1 to {LANES_MAX} lanes")
    length = 0.0
    if engine.modulator == "mzm":
        # V_pi L is a property of the junction: the drive the design asks for sets the length.
        length = draw.on_grid(round(O_BAND.junction.v_pi_l_v_cm * 1e4 / engine.mzm_v_pi_v, 1))
    return _build(engine.modulator, lanes, length)


@cache
def _build(modulator: Modulator, lanes: int, length: float) -> EngineChip:
    key = repr((modulator, lanes, length)).encode()
    name = f"engine{lanes}_{modulator}_{hashlib.sha256(key).hexdigest()[:8]}"
    build = _Engine(Assembly(name), lanes, modulator, _modulator(modulator, length))
    for lane in range(lanes):
        build.transmit(lane)
        build.receive(lane)
    width = draw.on_grid(build.east_um + MARGIN_UM)
    half = draw.on_grid(((lanes * FIBRES_PER_LANE - 1) / 2 + 1.25) * FIBRE_UM)
    build.assembly.die(0.0, -half, width, half, f"lightloom {name}")
    netlist = build.assembly.netlist
    netlist.validate(name)
    return EngineChip(
        build.assembly.component,
        netlist,
        tuple(build.bumps),
        lanes,
        modulator,
        (width, 2 * half),
        build.line_ohm,
    )


def _modulator(kind: Modulator, length: float) -> gf.Component:
    if kind == "mzm":
        return mzm(length=length)
    return ring_modulator() if kind == "ring" else eam()


class _Engine:
    """Draws lane by lane."""

    def __init__(
        self, assembly: Assembly, lanes: int, kind: Modulator, modulator: gf.Component
    ) -> None:
        self.assembly = assembly
        self.fibres = lanes * FIBRES_PER_LANE
        self.kind = kind
        self.modulator = modulator
        self.east_um = 0.0
        self.bumps: list[Bump] = []
        self.line_ohm: dict[str, float] = {}

    def _y(self, lane: int, fibre: int) -> float:
        number = lane * FIBRES_PER_LANE + fibre
        return draw.on_grid(((self.fibres - 1) / 2 - number) * FIBRE_UM)

    def _facet(self, label: str, y: float) -> Cursor:
        """An edge coupler at the west edge with its port; returns its open end."""
        coupler = edge_coupler()
        name = f"ec_{label}"
        self.assembly.place(coupler, 0.0, y, name)
        self.assembly.optical_port(label, (name, "o2"), 0.0, y)
        return Cursor((name, "o1"), coupler.ports["o1"].center[0], y)

    def transmit(self, lane: int) -> None:
        """Laser, modulator, way back, output."""
        y, back = self._y(lane, 0), self._y(lane, 1)
        name = f"mod{lane}"
        cursor = self._facet(f"laser{lane}", y)
        start = draw.on_grid(cursor.x_um + LEAD_UM)
        self.assembly.run(cursor, start)
        self.assembly.join(cursor, (name, "o1"))
        enters, leaves = (self.modulator.ports[pin].center[0] for pin in ("o1", "o2"))
        origin = draw.on_grid(start - enters)
        self.assembly.place(self.modulator, origin, y, name)
        self._electrodes(lane, name, self.modulator, origin, y, _MODULATOR[self.kind])

        cursor = Cursor((name, "o2"), draw.on_grid(origin + leaves), y)
        self.assembly.run(cursor, draw.on_grid(cursor.x_um + LEAD_UM))
        self._turn_back(cursor, back)
        output = self._facet(f"tx{lane}", back)
        self.assembly.run(cursor, output.x_um)
        self.assembly.join(cursor, output.pin)

    def _turn_back(self, cursor: Cursor, y_um: float) -> None:
        """Turn the wire round to the left, on to y further south."""
        bend = bend90(radius=TURN_UM)
        x = draw.on_grid(cursor.x_um + TURN_UM)
        down = draw.on_grid(cursor.y_um - y_um - 2 * TURN_UM)
        place = self.assembly.place
        place(bend, cursor.x_um, cursor.y_um, turn=kdb.Trans.M0)
        place(straight(length=down), x, draw.on_grid(cursor.y_um - TURN_UM), turn=kdb.Trans.R270)
        place(bend, x, draw.on_grid(y_um + TURN_UM), turn=kdb.Trans(3, True))
        cursor.y_um = y_um
        cursor.heading = -1
        cursor.length_um += 2 * bend.info["length_um"] + down
        self.east_um = max(self.east_um, x)

    def receive(self, lane: int) -> None:
        """Input and photodiode."""
        y = self._y(lane, 2)
        name = f"pd{lane}"
        cursor = self._facet(f"rx{lane}", y)
        start = draw.on_grid(cursor.x_um + LEAD_UM)
        self.assembly.run(cursor, start)
        self.assembly.join(cursor, (name, "o1"))
        cell = photodiode()
        self.assembly.place(cell, start, y, name)
        self._electrodes(lane, name, cell, start, y, _DETECTOR)

    def _electrodes(
        self,
        lane: int,
        device: str,
        cell: gf.Component,
        x: float,
        y: float,
        electrodes: tuple[Electrode, ...],
    ) -> None:
        top = draw.on_grid(y + BUMP_ROW_UM)
        half = LINE_UM / 2
        via = pads.via_stack(width=LINE_UM, height=LINE_UM)
        for electrode in electrodes:
            dx, dy = cell.ports[electrode.pin].center
            pin_x, pin_y = draw.on_grid(x + dx), draw.on_grid(y + dy)
            bump_x = draw.on_grid(pin_x + electrode.shift_um)
            component = self.assembly.component
            left, right = sorted((pin_x, bump_x))
            draw.box(component, tech.M1, left - half, pin_y - half, right + half, pin_y + half)
            self.assembly.place(via, bump_x, pin_y)
            draw.box(component, tech.M2, bump_x - half, pin_y - half, bump_x + half, top)
            self.assembly.place(pads.bump(), bump_x, top)
            net, label = electrode.net.format(lane), electrode.bump.format(lane)
            self.assembly.electrical_pin(net, (device, electrode.pin))
            self.assembly.electrical_port(label, net, bump_x, top, size_um=7.0)
            self.bumps.append(Bump(label, bump_x, top, net))
            self.line_ohm[label] = (
                tech.SHEET_OHM[tech.M1] * abs(electrode.shift_um) / LINE_UM
                + tech.VIA_OHM / via.info["cuts"]
                + tech.SHEET_OHM[tech.M2] * (top - pin_y) / LINE_UM
            )
