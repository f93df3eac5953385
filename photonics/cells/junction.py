"""Parts that active cells share: implanted rib sections, contact rows, germanium."""

from __future__ import annotations

import gdsfactory as gf

from lightloom.photonics import tech
from lightloom.photonics.cells import draw

NEAR_UM = 1.2
"""From the middle of the waveguide to the highly doped silicon: less would add loss."""
FAR_UM = 5.0
"""From the middle of the waveguide to the end of the slab."""
CONTACT_UM = (2.4, 4.0)
"""Edges of the contact rows, from the middle of the waveguide."""


def implants(c: gf.Component, x1: float, x2: float, y: float, p_side: int) -> None:
    """Slab and implants of a lateral junction along y, P above for p_side = 1, below for -1."""
    draw.box(c, tech.SLAB, x1, y - FAR_UM, x2, y + FAR_UM)
    for light, heavy, side in ((tech.P, tech.PPP, p_side), (tech.N, tech.NPP, -p_side)):
        draw.box(c, light, x1, y, x2, y + side * FAR_UM)
        draw.box(c, heavy, x1, y + side * NEAR_UM, x2, y + side * FAR_UM)


def contact_row(c: gf.Component, x1: float, x2: float, y: float, side: int) -> None:
    """A bar of CONTACT along the waveguide at y, on one side of it."""
    low, high = CONTACT_UM
    draw.box(c, tech.CONTACT, x1 + 0.6, y + side * low, x2 - 0.6, y + side * high)


def taper(c: gf.Component, x1: float, w1: float, x2: float, w2: float, y: float) -> None:
    """Core that widens or narrows linearly."""
    draw.polygon(
        c, tech.WG, [(x1, y - w1 / 2), (x1, y + w1 / 2), (x2, y + w2 / 2), (x2, y - w2 / 2)]
    )


def slab_taper(
    c: gf.Component, x1: float, x2: float, y: float, width: float = tech.WIRE_WIDTH
) -> None:
    """Slab that grows from a strip of `width` at x1 to the full rib at x2."""
    w1, w2 = width + 0.4, 2 * FAR_UM
    draw.polygon(
        c, tech.SLAB, [(x1, y - w1 / 2), (x1, y + w1 / 2), (x2, y + w2 / 2), (x2, y - w2 / 2)]
    )
