"""The 2x2 switch cell: not one device but two couplers, a heater and the wires of two arms."""

from __future__ import annotations

from typing import NamedTuple

import gdsfactory as gf

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, heater
from lightloom.photonics.cells.coupler import coupler2x2
from lightloom.photonics.cells.waveguides import sbend, straight
from lightloom.photonics.devices import of_width

LEAD_UM = 10.0
"""Wire between couplers and heater."""
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


def parts(
    gap: float,
    coupler_length: float | None,
    heater_length: float,
    imbalance: float,
    undercut: bool,
    width: float = tech.WIRE_WIDTH,
) -> Parts:
    """Devices, wires and length of `mzi2x2` with the same arguments."""
    coupler = coupler2x2(gap=gap, length=coupler_length, width=width)
    shifter = heater.heater_waveguide(length=heater_length, undercut=undercut, width=width)
    coupler_um = coupler.ports["o4"].center[0]
    shifter_um = heater.total_length(heater_length)
    arm_start = coupler_um
    arm_um = draw.on_grid(LEAD_UM + shifter_um + LEAD_UM)
    y = of_width(width).coupler.pitch_um / 2
    wire = straight(length=LEAD_UM, width=width)
    places = [
        Place("in", coupler, 0.0, 0.0),
        Place(None, wire, arm_start, y),
        Place("heater", shifter, arm_start + LEAD_UM, y),
        Place(None, wire, arm_start + LEAD_UM + shifter_um, y),
    ]
    tail = {1: LEAD_UM, -1: arm_um}  # wire behind the heater; the whole lower arm
    if imbalance:
        rise = _rise(abs(imbalance))
        longer = 1 if imbalance > 0 else -1
        x = arm_start + arm_um
        up = sbend(length=DETOUR_UM, offset=-longer * rise, width=width)
        down = sbend(length=DETOUR_UM, offset=longer * rise, width=width)
        places += [
            Place(None, up, x, longer * y),
            Place(None, down, x + DETOUR_UM, longer * y - longer * rise),
            Place(None, straight(length=2 * DETOUR_UM, width=width), x, -longer * y),
        ]
        tail[longer] += up.info["length_um"] + down.info["length_um"]
        tail[-longer] += 2 * DETOUR_UM
    places.append(Place(None, straight(length=arm_um, width=width), arm_start, -y))
    if imbalance:
        arm_um += 2 * DETOUR_UM
    places.append(Place("out", coupler, draw.on_grid(arm_start + arm_um), 0.0))
    wires = (
        Wire("upper_in", (("in", "o3"), ("heater", "o1")), LEAD_UM),
        Wire("upper_out", (("heater", "o2"), ("out", "o2")), tail[1]),
        Wire("lower", (("in", "o4"), ("out", "o1")), tail[-1]),
    )
    return Parts(tuple(places), wires, draw.on_grid(2 * coupler_um + arm_um))


def _rise(extra: float) -> float:
    """Height of a detour of two S-bends that is `extra` um longer than the straight way."""
    low, high = 0.0, RISE_MAX_UM
    most = 2 * (draw.sine_length(DETOUR_UM, high) - DETOUR_UM)
    if extra > most:
        raise ValueError(f"imbalance = {extra} um; allowed: magnitude at most {most:.1f}")
    while high - low > 1e-6:
        middle = (low + high) / 2
        if 2 * (draw.sine_length(DETOUR_UM, middle) - DETOUR_UM) < extra:
            low = middle
        else:
            high = middle
    return draw.on_grid(high)


@gf.cell
def mzi2x2(
    gap: float = 0.2,
    coupler_length: float | None = None,
    heater_length: float = 200.0,
    imbalance: float = 0.0,
    undercut: bool = False,
    width: float = tech.WIRE_WIDTH,
) -> gf.Component:
    """Thermo-optic 2x2 switch cell; without heat it crosses, with half a turn it is bar.

    ::

                     .--[heater]--.
        o2 --(coupler)            (coupler)-- o3
        o1 --'       '------------'        '-- o4

    Args:
        gap: of both couplers in um.
        coupler_length: straight part of both couplers in um; None splits the power in halves.
        heater_length: of the film in um.
        imbalance: extra length of the heated arm in um; negative makes the other arm longer.
        undercut: suspended heater.
        width: of the waveguides in um, that of a band.
    """
    c = gf.Component()
    layout = parts(gap, coupler_length, heater_length, imbalance, undercut, width)
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
