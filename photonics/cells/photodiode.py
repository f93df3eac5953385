"""Germanium photodiode."""

from __future__ import annotations

import gdsfactory as gf

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, junction

TAPER_UM = 20.0
"""From the strip to the width under the germanium."""


@gf.cell
def photodiode(
    length: float = 20.0, ge_width: float = 1.6, width: float = tech.WIRE_WIDTH
) -> gf.Component:
    """Lateral PIN photodiode: germanium on a widened core, contacts on silicon at both sides.

    ::

                [e1] P
        o1 --==[ Ge ]
                [e2] N

    Args:
        length: of the germanium in um. 20 um absorbs all but a few per cent in the O-band.
        ge_width: of the germanium in um.
        width: of the waveguide in um.
    """
    c = gf.Component()
    lead = 5.0
    x1 = lead + TAPER_UM
    x2 = x1 + length
    core = ge_width + 0.6
    half = width / 2
    draw.box(c, tech.WG, 0.0, -half, lead, half)
    junction.taper(c, lead, width, x1, core, 0.0)
    draw.box(c, tech.WG, x1, -core / 2, x2 + 0.5, core / 2)
    draw.box(c, tech.GE, x1, -ge_width / 2, x2, ge_width / 2)
    junction.slab_taper(c, lead, x1, 0.0, width)
    junction.implants(c, x1, x2, 0.0, 1)
    for name, side in (("e1", 1), ("e2", -1)):
        junction.contact_row(c, x1, x2, 0.0, side)
        draw.box(c, tech.M1, x1, side * 2.0, x2, side * 14.0)
        draw.electrical_pin(c, name, (x1 + x2) / 2, side * 10.0, 90 * side)
    draw.device(c, "photodiode", (0.0, -16.0, x2 + 4.0, 16.0), length_um=length, width_um=ge_width)
    draw.optical_pin(c, "o1", 0.0, 0.0, 180, width)
    return c
