"""Micro-ring modulator."""

from __future__ import annotations

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.cells import draw

PAD_UM = 12.0
"""Side of the contact squares."""


@gf.cell
def ring_modulator(radius: float = 10.0, gap: float = 0.2) -> gf.Component:
    """All-pass ring on a bus with a PN junction around it and a heater over its left side.

    The junction runs along the middle of the ring, P inside; the outer implants leave out the arc
    at the bus.

    ::

         e3 |--.  [e1]
            | ( P ) N [e2]
         e4 |--'
        o1 ------------- o2

    Args:
        radius: of the centre line in um. 5-10 um is the class of carrier-depletion rings.
        gap: between bus and ring in um.
    """
    c = gf.Component()
    width = tech.WIRE_WIDTH
    half = width / 2
    y = draw.on_grid(width + gap + radius)
    reach = radius + 40.0
    draw.box(c, tech.WG, -reach, -half, reach, half)
    draw.region(c, tech.WG, draw.arc(0.0, y, radius - half, radius + half, 0.0, 360.0))

    # Below these angles the outer implants and the slab would come near the bus.
    start, stop = -10.0, 190.0
    inner = max(radius - 5.0, 0.0)
    outer = radius + 5.0
    slab = draw.arc(0.0, y, inner, radius, 0.0, 360.0) + draw.arc(
        0.0, y, radius, outer, start, stop
    )
    draw.region(c, tech.SLAB, slab)
    draw.region(c, tech.P, draw.arc(0.0, y, inner, radius, 0.0, 360.0))
    draw.region(c, tech.PPP, draw.arc(0.0, y, inner, radius - 1.2, 0.0, 360.0))
    draw.region(c, tech.N, draw.arc(0.0, y, radius, outer, start, stop))
    draw.region(c, tech.NPP, draw.arc(0.0, y, radius + 1.2, outer, start, stop))

    # P contact inside, led out upwards on M1 between heater and N contact.
    draw.region(c, tech.CONTACT, draw.arc(0.0, y, inner + 1.2, radius - 2.0, 0.0, 360.0))
    draw.region(c, tech.M1, draw.arc(0.0, y, inner + 0.6, radius - 1.6, 0.0, 360.0))
    top = y + radius + 18.0
    draw.box(c, tech.M1, -1.5, y + radius - 3.0, 1.5, top)
    _contact(c, "e1", 0.0, top, 90)
    # N contact along the right side.
    draw.region(c, tech.CONTACT, draw.arc(0.0, y, radius + 2.4, radius + 4.0, start + 2, 65.0))
    draw.region(c, tech.M1, draw.arc(0.0, y, radius + 2.0, radius + 4.4, start, 67.0))
    draw.box(c, tech.M1, radius + 2.5, y - 1.5, radius + 24.0, y + 1.5)
    _contact(c, "e2", radius + 24.0, y, 0)

    # Heater over the left half of the ring, its ends led out to the left.
    film = draw.arc(0.0, y, radius - 1.0, radius + 1.0, 105.0, 225.0)
    for name, angle, pad_y in (("e3", 105.0, y + radius + 2.0), ("e4", 225.0, y - radius + 2.0)):
        pad = kdb.Region(_box(-radius - 24.0, pad_y, PAD_UM))
        end = draw.arc(0.0, y, radius - 1.0, radius + 1.0, angle - 6.0, angle + 6.0).bbox()
        lead = kdb.Region(
            kdb.Box(
                draw.grid(-radius - 24.0),
                end.center().y - draw.grid(1.5),
                end.center().x,
                end.center().y + draw.grid(1.5),
            )
        )
        film += pad + lead
        x = -radius - 24.0
        for layer, side in ((tech.M1, PAD_UM), (tech.VIAH, PAD_UM - 2.0)):
            draw.region(c, layer, kdb.Region(_box(x, pad_y, side)))
        draw.electrical_pin(c, name, x, pad_y, 180)
    draw.region(c, tech.HEATER, film)

    draw.device(
        c,
        "ring_modulator",
        (-reach, -3.0, reach, top + 8.0),
        radius_um=radius,
        gap_um=gap,
        path_um=2 * reach,
    )
    draw.optical_pin(c, "o1", -reach, 0.0, 180)
    draw.optical_pin(c, "o2", reach, 0.0, 0)
    return c


def _box(x: float, y: float, side: float) -> kdb.Box:
    half = side / 2
    return kdb.Box(draw.point(x - half, y - half), draw.point(x + half, y + half))


def _contact(c: gf.Component, name: str, x: float, y: float, out_deg: int) -> None:
    draw.region(c, tech.M1, kdb.Region(_box(x, y, PAD_UM)))
    draw.electrical_pin(c, name, x, y, out_deg)
