"""Electro-optic phase shifter."""

from __future__ import annotations

import gdsfactory as gf

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, junction

TAPER_UM = 20.0
"""From the strip to the rib and back."""
LEAD_UM = 2.0
"""Strip at both ends."""
RAIL_UM = (2.0, 14.0)
"""Edges of the metal rails, from the middle of the waveguide."""
REACH_UM = 16.0
"""Half height of the recognition box."""


def total_length(diode_length: float) -> float:
    """Length of the whole device in um."""
    return diode_length + 2 * (TAPER_UM + LEAD_UM)


@gf.cell
def pin_waveguide(length: float = 300.0, width: float = tech.WIRE_WIDTH) -> gf.Component:
    """Rib with a lateral PIN diode: carriers that a forward current brings in turn the phase.

    The core and the silicon beside it stay undoped; the rails run along the whole diode.

    ::

            [e1] P =============
        o1 --<     intrinsic     >-- o2
                 ============= N [e2]

    Args:
        length: of the diode in um. 250-400 um: the class of published electro-optic switches.
        width: of the waveguide in um.
    """
    c = gf.Component()
    total = total_length(length)
    half = width / 2
    draw.box(c, tech.WG, 0.0, -half, total, half)
    start = LEAD_UM + TAPER_UM
    stop = start + length
    junction.slab_taper(c, LEAD_UM, start, 0.0, width)
    junction.slab_taper(c, total - LEAD_UM, stop, 0.0, width)
    draw.box(c, tech.SLAB, start, -junction.FAR_UM, stop, junction.FAR_UM)
    for name, heavy, side in (("e1", tech.PPP, 1), ("e2", tech.NPP, -1)):
        low, high = side * junction.NEAR_UM, side * junction.FAR_UM
        draw.box(c, heavy, start, low, stop, high)
        junction.contact_row(c, start, stop, 0.0, side)
        inner, outer = (side * edge for edge in RAIL_UM)
        draw.box(c, tech.M1, start, inner, stop, outer)
        x = start + 10.0 if side > 0 else stop - 10.0
        draw.electrical_pin(c, name, x, side * 8.0, 180 if side > 0 else 0)
    draw.device(
        c,
        "pin_waveguide",
        (0.0, -REACH_UM, total, REACH_UM),
        length_um=length,
        path_um=total,
    )
    draw.optical_pin(c, "o1", 0.0, 0.0, 180, width)
    draw.optical_pin(c, "o2", total, 0.0, 0, width)
    return c
