"""Edge coupler."""

from __future__ import annotations

import gdsfactory as gf
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.cells import draw

REACH_UM = 10.0
"""Half height of the recognition box; nothing else may be that close to the taper."""


@gf.cell
def edge_coupler(
    length: float = 200.0, tip: float = 0.18, width: float = tech.WIRE_WIDTH
) -> gf.Component:
    """Inverse taper: the facet `o2` at the origin faces west, the waveguide `o1` is at `length`.

    ::

        o2 ~~<=========== o1

    Args:
        length: of the taper in um. 200 um: demonstration value.
        tip: width at the facet in um, an even number of grid steps. 0.18 um: the class of 193 nm
            lithography.
        width: of the waveguide in um.
    """
    c = gf.Component()
    t = np.linspace(0.0, 1.0, 33)
    # No slope at the ends: no corner there, and slow change where the mode is large.
    widths = tip + (width - tip) * t**2 * (3.0 - 2.0 * t)
    centre = np.stack([t * length, np.zeros_like(t)], axis=1)
    draw.polygon(c, tech.WG, draw.ribbon(centre, np.zeros_like(t), widths))
    draw.device(
        c,
        "edge_coupler",
        (0.0, -REACH_UM, length, REACH_UM),
        length_um=length,
        tip_width_um=tip,
    )
    draw.optical_pin(c, "o1", length, 0.0, 0, width)
    draw.optical_pin(c, "o2", 0.0, 0.0, 180, tip)
    return c
