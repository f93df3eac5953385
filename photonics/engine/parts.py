"""What the lanes of an engine share: electrodes with their nets and currents, taps, windows.

Names inside a lane have `@` where the chip puts the number of the lane; with more than one
wavelength it is followed by `_` and the number of the wavelength.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw
from lightloom.photonics.cells.coupler import coupler2x2
from lightloom.photonics.cells.eam import eam
from lightloom.photonics.cells.mzm import mzm
from lightloom.photonics.cells.photodiode import photodiode
from lightloom.photonics.cells.ring_filter import ring_filter
from lightloom.photonics.cells.ring_modulator import ring_modulator
from lightloom.photonics.cells.terminator import terminator
from lightloom.photonics.engine.pen import NORTH, Pen, Placed
from lightloom.photonics.engine.plan import ABSORBED_MA, SMALL_MA, EnginePlan
from lightloom.photonics.netlist import Pin

GROUND = "gnd"
"""Net of all heater returns of a chip."""
BEND_UM = 15.0
"""Reach of bends between devices."""
CLEAR_UM = 2.0
"""Between devices."""
TAP_BACK_UM = 30.0
"""Room in front of a tap for the terminator of its unused port."""
DARK_UM = 28.0
"""From a filter to the terminator of its bus: past that of its drop bus."""


class Electrode(NamedTuple):
    """Where a device pin goes."""

    port: str
    net: str
    bump: str
    ma: float


class Contact(NamedTuple):
    """A device pin to be brought to a bump, or to the ground."""

    electrode: Electrode
    pin: Pin
    x_um: float
    y_um: float

    @property
    def grounded(self) -> bool:
        """It goes to the common ground."""
        return self.electrode.net == GROUND


@dataclass
class Window:
    """A part of a lane whose pins share the bumps above it."""

    x1: float
    x2: float
    y1: float
    y2: float
    rail_y: float | None
    """Middle of the ground rail that its returns go to."""
    contacts: list[Contact] = field(default_factory=list)

    def add(self, placed: Placed, electrodes: list[Electrode]) -> None:
        """Add the pins of a device."""
        for electrode in electrodes:
            x, y = placed.point(electrode.port)
            self.contacts.append(Contact(electrode, (placed.name, electrode.port), x, y))
            placed.assembly.electrical_pin(electrode.net, (placed.name, electrode.port))


class Rail(NamedTuple):
    """A ground rail of a lane, on M1."""

    x1: float
    x2: float
    y: float
    width: float


@dataclass
class Lane:
    """One lane drawn from (0, 0); light comes and goes at its west edge, or comes at its east."""

    assembly: Assembly
    light: Pen
    """The end of the laser's way, looking out."""
    tx: Pen
    """Where light goes on: to the fibre, or to the tree of a shared laser."""
    rx: Pen | None
    width_um: float
    height_um: float
    need_um: float
    """How far north its devices reach."""
    windows: list[Window]
    rails: list[Rail]


def up(value: float, step: float) -> float:
    """The least multiple of `step` that is not below `value`."""
    return draw.on_grid(math.ceil(value / step - 1e-9) * step)


def extent(cell: gf.Component) -> kdb.DBox:
    """Outline of a device in its own coordinates, in um."""
    index = cell.kcl.layer(*tech.DEVREC)
    return cell.kdb_cell.dbbox(index)


def key(plan: EnginePlan, wavelength: int) -> str:
    """Number of a channel in names."""
    return "@" if plan.wavelengths == 1 else f"@_{wavelength}"


def modulator(plan: EnginePlan, wavelength: int) -> gf.Component:
    """The modulator of a wavelength."""
    width = plan.numbers.wire_width_um
    if plan.modulator == "mzm":
        return mzm(length=plan.mzm_um, width=width)
    if plan.modulator == "eam":
        return eam(width=width)
    assert plan.modulator_rings is not None
    ring = plan.modulator_rings.rings[wavelength]
    return ring_modulator(radius=ring.radius_um, gap=ring.gap_um, width=width)


def modulator_pins(plan: EnginePlan, wavelength: int) -> list[Electrode]:
    """Electrodes of a modulator."""
    k = key(plan, wavelength)
    if plan.modulator == "ring":
        heater = plan.heater_ma("ring")
        return [
            _signal("e1", f"mod{k}_p", SMALL_MA),
            _signal("e2", f"mod{k}_n", SMALL_MA),
            _signal("e3", f"heat{k}_p", heater),
            Electrode("e4", GROUND, "", heater),
        ]
    if plan.modulator == "eam":
        return [_signal("e1", f"mod{k}_p", ABSORBED_MA), _signal("e2", f"mod{k}_n", ABSORBED_MA)]
    bias = plan.heater_ma("bias")
    return [
        _signal("e1", f"mod{k}_sig", plan.mzm_ma),
        Electrode("e4", f"mod{k}_sig", f"mod{k}_term", plan.mzm_ma),
        _signal("e2", f"mod{k}_up", plan.mzm_ma / 2.0),
        _signal("e3", f"mod{k}_low", plan.mzm_ma / 2.0),
        _signal("e5", f"bias{k}_p", bias),
        Electrode("e6", GROUND, "", bias),
    ]


def diode_pins(name: str) -> list[Electrode]:
    """Electrodes of a photodiode; both are led out, so that its bias is free."""
    return [_signal("e1", f"{name}_p", SMALL_MA), _signal("e2", f"{name}_n", SMALL_MA)]


def filter_pins(plan: EnginePlan, name: str, far: str = "e2") -> list[Electrode]:
    """Electrodes of a ring filter; `far` is the contact that goes to ground."""
    heater, near = plan.heater_ma("filter"), "e1" if far == "e2" else "e2"
    return [_signal(near, f"{name}_p", heater), Electrode(far, GROUND, "", heater)]


def _signal(port: str, net: str, ma: float) -> Electrode:
    return Electrode(port, net, net, ma)


def filter_cell(plan: EnginePlan, wavelength: int) -> gf.Component:
    """The ring filter of a wavelength."""
    assert plan.filter_rings is not None
    ring = plan.filter_rings.rings[wavelength]
    return ring_filter(
        radius=ring.radius_um,
        straight=ring.straight_um,
        gap=ring.gap_um,
        drop_gap=ring.gap_um,
        width=plan.numbers.wire_width_um,
    )


def filter_reach(plan: EnginePlan) -> float:
    """Half the length of the longest filter."""
    return max(extent(filter_cell(plan, w)).right for w in range(plan.wavelengths))


def diode(plan: EnginePlan) -> gf.Component:
    """The photodiode of receivers and monitors."""
    return photodiode(width=plan.numbers.wire_width_um)


def tap_cell(plan: EnginePlan) -> gf.Component:
    """The coupler of a tap: its bends alone couple."""
    numbers = plan.numbers
    return coupler2x2(gap=numbers.tap.gap_um, length=0.0, width=numbers.wire_width_um)


def tap_length(plan: EnginePlan) -> float:
    """Room along the waveguide that a tap takes, with its photodiode."""
    parts = extent(tap_cell(plan)).width() + extent(diode(plan)).width()
    return TAP_BACK_UM + parts + 3 * CLEAR_UM


def dark(pen: Pen, name: str, ahead_um: float = CLEAR_UM) -> None:
    """End a waveguide that carries no light on purpose."""
    pen.forward(ahead_um)
    pen.device(terminator(width=pen.assembly.width_um), name)


def tap(plan: EnginePlan, pen: Pen, name: str, mirror: bool) -> tuple[Pen, Placed]:
    """Draw a tap and its photodiode on the north side; returns the way on and the photodiode.

    Args:
        plan: of the engine.
        pen: heading east, or west with `mirror`.
        name: of the photodiode.
        mirror: the light runs west.
    """
    pen.forward(TAP_BACK_UM)
    coupler = pen.device(tap_cell(plan), f"tap_{name}", "o1", mirror)
    dark(coupler.leave("o2"), f"end_{name}")
    arm = coupler.leave("o3")
    arm.forward(CLEAR_UM)
    return coupler.leave("o4"), arm.device(diode(plan), name, "o1", mirror)


def drop(plan: EnginePlan, pen: Pen, name: str) -> Placed:
    """Turn the dropped light north and end it in a photodiode."""
    pen.turn_to(NORTH, BEND_UM)
    return pen.device(diode(plan), name)
