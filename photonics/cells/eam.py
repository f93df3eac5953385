"""Germanium-silicon electro-absorption modulator."""

from __future__ import annotations

import gdsfactory as gf

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, junction

TAPER_UM = 15.0
"""From the strip to the width under the germanium, each end."""


@gf.cell
def eam(
    length: float = 40.0, ge_width: float = 0.8, width: float = tech.WIRE_WIDTH
) -> gf.Component:
    """Germanium ridge on a widened core with a lateral PIN diode.

    ::

               [e1] P
        o1 --==[ GeSi ]==-- o2
               [e2] N

    Args:
        length: of the germanium in um. 40 um: the class of published GeSi devices.
        ge_width: of the germanium in um.
        width: of the waveguide in um.
    """
    c = gf.Component()
    lead = 5.0
    x1 = lead + TAPER_UM
    x2 = x1 + length
    total = x2 + TAPER_UM + lead
    core = ge_width + 0.4
    half = width / 2
    draw.box(c, tech.WG, 0.0, -half, lead, half)
    draw.box(c, tech.WG, total - lead, -half, total, half)
    draw.box(c, tech.WG, x1, -core / 2, x2, core / 2)
    junction.taper(c, lead, width, x1, core, 0.0)
    junction.taper(c, total - lead, width, x2, core, 0.0)
    junction.slab_taper(c, lead, x1, 0.0, width)
    junction.slab_taper(c, total - lead, x2, 0.0, width)
    draw.box(c, tech.GE, x1, -ge_width / 2, x2, ge_width / 2)
    junction.implants(c, x1, x2, 0.0, 1)
    for name, side in (("e1", 1), ("e2", -1)):
        junction.contact_row(c, x1, x2, 0.0, side)
        draw.box(c, tech.M1, x1, side * 2.0, x2, side * 14.0)
        draw.electrical_pin(c, name, (x1 + x2) / 2, side * 10.0, 90 * side)
    draw.device(c, "eam", (0.0, -16.0, total, 16.0), length_um=length, path_um=total)
    draw.optical_pin(c, "o1", 0.0, 0.0, 180, width)
    draw.optical_pin(c, "o2", total, 0.0, 0, width)
    return c
