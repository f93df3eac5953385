"""Micro-ring modulator."""

from __future__ import annotations

import math

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.cells import draw

PAD_UM = 12.0
"""Side of the contact squares."""


@gf.cell
def ring_modulator(
    radius: float = 10.0, gap: float = 0.2, width: float = tech.WIRE_WIDTH
) -> gf.Component:
    """All-pass ring on a bus with a PN junction around it and a heater over its upper half.

    The junction runs along the middle of the ring, P inside; the outer implants leave out the half
    at the bus.

    ::

                  [e1] P
                  .---.  [e2] N
            [e3]~(     )~[e4]
                  '---'
        o1 ---------------------- o2

    Args:
        radius: of the centre line in um. 5-10 um is the class of carrier-depletion rings.
        gap: between bus and ring in um.
        width: of both waveguides in um.
    """
    c = gf.Component()
    half = width / 2
    y = draw.on_grid(width + gap + radius)
    reach = radius + 40.0
    draw.box(c, tech.WG, -reach, -half, reach, half)
    draw.region(c, tech.WG, draw.arc(0.0, y, radius - half, radius + half, 0.0, 360.0))

    # Outside the ring the rib is only above its middle: the bus stays a strip.
    outer = radius + 5.0
    draw.region(c, tech.SLAB, _disc(y, radius) + _arch(y, radius - 1.0, outer, 1.5))
    draw.region(c, tech.P, _disc(y, radius))
    draw.region(c, tech.PPP, _disc(y, radius - 1.2))
    draw.region(c, tech.N, _arch(y, radius, outer, 1.5))
    draw.region(c, tech.NPP, _arch(y, radius + 1.2, outer, 1.5))

    # P contact in the middle, led out upwards.
    side = draw.on_grid((radius - 2.2) / 2)
    draw.box(c, tech.CONTACT, -side, y - side, side, y + side)
    draw.box(c, tech.M1, -side - 0.6, y - side - 0.6, side + 0.6, y + side + 0.6)
    top = y + radius + 24.0
    draw.box(c, tech.M1, -1.5, y, 1.5, top)
    _pad(c, tech.M1, 0.0, top, PAD_UM)
    draw.electrical_pin(c, "e1", 0.0, top, 90)
    # N contact on the right, led out above the heater's lead.
    far = radius + 24.0
    draw.box(c, tech.NPP, radius + 1.2, y - 1.5, outer, y + 6.0)
    draw.box(c, tech.SLAB, radius + 1.2, y - 1.5, outer, y + 6.0)
    draw.box(c, tech.N, radius + 1.2, y - 1.5, outer, y + 6.0)
    draw.box(c, tech.CONTACT, radius + 2.4, y - 0.9, radius + 4.0, y + 5.4)
    draw.box(c, tech.M1, radius + 1.8, y - 1.4, radius + 4.6, y + 17.5)
    draw.box(c, tech.M1, radius + 1.8, y + 14.5, far, y + 17.5)
    _pad(c, tech.M1, far, y + 16.0, PAD_UM)
    draw.electrical_pin(c, "e2", far, y + 16.0, 0)

    # Heater over the upper half of the ring, its ends led out to both sides.
    draw.region(c, tech.HEATER, _arch(y, radius - 1.0, radius + 1.0, 4.5))
    for name, sign, angle in (("e3", -1, 180), ("e4", 1, 0)):
        draw.box(c, tech.HEATER, sign * (radius - 1.0), y - 4.5, sign * far, y - 1.5)
        for layer, size in (
            (tech.HEATER, PAD_UM),
            (tech.M1, PAD_UM),
            (tech.VIAH, PAD_UM - 2.0),
        ):
            _pad(c, layer, sign * far, y - 3.0, size)
        draw.electrical_pin(c, name, sign * far, y - 3.0, angle)

    draw.device(
        c,
        "ring_modulator",
        (-reach, min(-3.0, math.floor(y - 3.0 - PAD_UM / 2)), reach, top + 8.0),
        radius_um=radius,
        gap_um=gap,
        path_um=2 * reach,
    )
    draw.optical_pin(c, "o1", -reach, 0.0, 180, width)
    draw.optical_pin(c, "o2", reach, 0.0, 0, width)
    return c


def _disc(y: float, radius: float) -> kdb.Region:
    return draw.arc(0.0, y, 0.0, radius, 0.0, 360.0)


def _arch(y: float, inner: float, outer: float, leg: float) -> kdb.Region:
    """Upper half of an annulus on straight legs: its ends are square, not cut through a chord."""
    arch = draw.arc(0.0, y, inner, outer, 0.0, 180.0)
    for sign in (1, -1):
        low, high = draw.point(sign * inner, y - leg), draw.point(sign * outer, y)
        arch += kdb.Region(kdb.Box(low, high))
    return arch


def _pad(c: gf.Component, layer: tech.Layer, x: float, y: float, side: float) -> None:
    half = side / 2
    draw.box(c, layer, x - half, y - half, x + half, y + half)
