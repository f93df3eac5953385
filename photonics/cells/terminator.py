"""Absorbing end of a waveguide."""

from __future__ import annotations

import gdsfactory as gf
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.cells import draw

TIP_UM = 0.16
"""Width of the tip, an even number of grid steps above the rule."""
REACH_UM = 6.0
"""Half height of the recognition box."""
DOPED_UM = 2.0
"""Half width of the implant."""


@gf.cell
def terminator(length: float = 20.0, width: float = tech.WIRE_WIDTH) -> gf.Component:
    """Taper under a high implant: what reaches an unused port neither returns nor strays.

    ::

        o1 ====>-

    Args:
        length: of the taper in um.
        width: of the waveguide in um.
    """
    c = gf.Component()
    t = np.linspace(0.0, 1.0, 17)
    widths = width + (TIP_UM - width) * t**2 * (3.0 - 2.0 * t)
    centre = np.stack([t * length, np.zeros_like(t)], axis=1)
    draw.polygon(c, tech.WG, draw.ribbon(centre, np.zeros_like(t), widths))
    draw.box(c, tech.NPP, 2.0, -DOPED_UM, length + 2.0, DOPED_UM)
    draw.device(
        c, "terminator", (0.0, -REACH_UM, length + 4.0, REACH_UM), length_um=length
    )
    draw.optical_pin(c, "o1", 0.0, 0.0, 180, width)
    return c
