"""The 2x2 switch cell: not one device but two couplers, a phase shifter and the wires of arms."""

from __future__ import annotations

from typing import Literal, NamedTuple

import gdsfactory as gf

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, heater, pin_waveguide
from lightloom.photonics.cells.coupler import coupler2x2
from lightloom.photonics.cells.waveguides import sbend, straight
from lightloom.photonics.devices import of_width

PhaseShifter = Literal["heater", "undercut", "pin"]

LEAD_UM = 10.0
"""Wire between couplers and phase shifter."""
DETOUR_UM = 60.0
"""Length along the cell of each of the two S-bends of a detour."""
RISE_MAX_UM = 31.0
"""Highest detour: it runs towards the other arm, 40 um away."""


class Place(NamedTuple):
    """A cell at a place; `name` is None for a wire."""

    name: str | None
    cell: gf.Component
    x_um: float
    y_um: float


class Wire(NamedTuple):
    """A wire of the cell: two (part, pin) and its length."""

    name: str
    pins: tuple[tuple[str, str], tuple[str, str]]
    length_um: float


class Parts(NamedTuple):
    """What the cell is made of, for drawing and for the intended netlist alike."""

    places: tuple[Place, ...]
    wires: tuple[Wire, ...]
    length_um: float
    shifter: Place
    """The driven device, in the upper arm."""
    path_um: tuple[float, float]
    """Shortest and longest way through the cell."""


def parts(
    gap: float,
    coupler_length: float | None,
    heater_length: float,
    imbalance: float,
    phase_shifter: PhaseShifter = "heater",
    pin_length: float = 300.0,
    width: float = tech.WIRE_WIDTH,
) -> Parts:
    """Devices, wires and length of `mzi2x2` with the same arguments."""
    coupler = coupler2x2(gap=gap, length=coupler_length, width=width)
    if phase_shifter == "pin":
        name, shifter = "pin", pin_waveguide.pin_waveguide(length=pin_length, width=width)
        shifter_um = pin_waveguide.total_length(pin_length)
    else:
        undercut = phase_shifter == "undercut"
        name = "heater"
        shifter = heater.heater_waveguide(length=heater_length, undercut=undercut, width=width)
        shifter_um = heater.total_length(heater_length)
    coupler_um = coupler.ports["o4"].center[0]
    arm_start = coupler_um
    arm_um = draw.on_grid(LEAD_UM + shifter_um + LEAD_UM)
    y = of_width(width).coupler.pitch_um / 2
    wire = straight(length=LEAD_UM, width=width)
    behind = draw.on_grid(arm_start + LEAD_UM + shifter_um)
    driven = Place(name, shifter, arm_start + LEAD_UM, y)
    places = [
        Place("in", coupler, 0.0, 0.0),
        Place(None, wire, arm_start, y),
        driven,
        Place(None, wire, behind, y),
    ]
    # Wire behind the devices of both arms; a heater has a plain wire for a partner.
    tail = {1: LEAD_UM, -1: LEAD_UM if phase_shifter == "pin" else arm_um}
    if phase_shifter == "pin":
        # A diode loses light even undriven: its twin, never driven, keeps the arms equal.
        places += [
            Place(None, wire, arm_start, -y),
            Place("twin", shifter, arm_start + LEAD_UM, -y),
            Place(None, wire, behind, -y),
        ]
    else:
        places.append(Place(None, straight(length=arm_um, width=width), arm_start, -y))
    arms = {side: draw.on_grid(arm_um) for side in tail}
    if imbalance:
        rise = draw.detour_rise(abs(imbalance), DETOUR_UM, RISE_MAX_UM)
        longer = 1 if imbalance > 0 else -1
        x = arm_start + arm_um
        up = sbend(length=DETOUR_UM, offset=-longer * rise, width=width)
        down = sbend(length=DETOUR_UM, offset=longer * rise, width=width)
        places += [
            Place(None, up, x, longer * y),
            Place(None, down, x + DETOUR_UM, longer * y - longer * rise),
            Place(None, straight(length=2 * DETOUR_UM, width=width), x, -longer * y),
        ]
        for side, extra in (
            (longer, up.info["length_um"] + down.info["length_um"]),
            (-longer, 2 * DETOUR_UM),
        ):
            tail[side] += extra
            arms[side] += extra
        arm_um += 2 * DETOUR_UM
    places.append(Place("out", coupler, draw.on_grid(arm_start + arm_um), 0.0))
    wires = [
        Wire("upper_in", (("in", "o3"), (name, "o1")), LEAD_UM),
        Wire("upper_out", ((name, "o2"), ("out", "o2")), tail[1]),
    ]
    if phase_shifter == "pin":
        wires += [
            Wire("lower_in", (("in", "o4"), ("twin", "o1")), LEAD_UM),
            Wire("lower_out", (("twin", "o2"), ("out", "o1")), tail[-1]),
        ]
    else:
        wires.append(Wire("lower", (("in", "o4"), ("out", "o1")), tail[-1]))
    through = 2 * coupler.info["parameter.path_um"]
    return Parts(
        tuple(places),
        tuple(wires),
        draw.on_grid(2 * coupler_um + arm_um),
        driven,
        (through + min(arms.values()), through + max(arms.values())),
    )


@gf.cell
def mzi2x2(
    gap: float = 0.2,
    coupler_length: float | None = None,
    heater_length: float = 200.0,
    imbalance: float = 0.0,
    phase_shifter: PhaseShifter = "heater",
    pin_length: float = 300.0,
    width: float = tech.WIRE_WIDTH,
) -> gf.Component:
    """2x2 switch cell; without drive it crosses, with half a turn it is bar.

    ::

                     .--[heater]--.
        o2 --(coupler)            (coupler)-- o3
        o1 --'       '------------'        '-- o4

    Args:
        gap: of both couplers in um.
        coupler_length: straight part of both couplers in um; None splits the power in halves.
        heater_length: of the film in um.
        imbalance: extra length of the heated arm in um; negative makes the other arm longer.
        phase_shifter: a heater, a suspended one, or a PIN diode with an undriven twin.
        pin_length: of the diode in um.
        width: of the waveguides in um, that of a band.
    """
    c = gf.Component()
    layout = parts(
        gap, coupler_length, heater_length, imbalance, phase_shifter, pin_length, width
    )
    for place in layout.places:
        reference = c << place.cell
        reference.dmove((place.x_um, place.y_um))
    y = of_width(width).coupler.pitch_um / 2
    for name, px, py, angle in (
        ("o1", 0.0, -y, 180),
        ("o2", 0.0, y, 180),
        ("o3", layout.length_um, y, 0),
        ("o4", layout.length_um, -y, 0),
    ):
        c.add_port(
            name=name,
            center=(px, py),
            width=width,
            orientation=angle,
            layer=tech.WG,
            port_type="optical",
        )
    c.info["length_um"] = layout.length_um
    return c
