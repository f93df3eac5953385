"""Waveguide crossing."""

from __future__ import annotations

import math

import gdsfactory as gf
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.cells import draw
from lightloom.photonics.cells.waveguides import SQUARE_UM, diagonal_corners, diagonal_width

REACH_UM = 6.5
"""The pins are at (+-REACH_UM, +-REACH_UM)."""
WAIST_UM = 1.3
"""Width of the arms where they meet: a wide mode spreads little over the gap in its side walls."""


@gf.cell
def crossing(width: float = tech.WIRE_WIDTH) -> gf.Component:
    """Right-angled crossing with widened arms, turned by 45 degrees.

    ::

        o2 .   . o3
            \\ /
             X
            / \\
        o1 '   ' o4

    Args:
        width: of the waveguide in um.
    """
    c = gf.Component()
    length = REACH_UM * math.sqrt(2.0)
    t = np.linspace(0.0, 1.0, 41)
    facet = diagonal_width(width)
    widths = facet + (WAIST_UM - facet) * np.sin(np.pi / 2 * (1.0 - t)) ** 2
    along = t * length
    # The arm to o3, from the middle out; the middle itself is covered by all four arms.
    root = math.sqrt(0.5)
    upper = [(root * (a - w / 2), root * (a + w / 2)) for a, w in zip(along, widths, strict=True)]
    lower = [(y, x) for x, y in upper]
    short, long = diagonal_corners(
        width
    )  # as the facets of `waveguides.diagonal` in its four mirror images
    upper[-1] = (REACH_UM - long, REACH_UM + long)
    lower[-1] = (REACH_UM + short, REACH_UM - short)
    for side in (upper, lower):
        side[-2] = (side[-1][0] - SQUARE_UM, side[-1][1] - SQUARE_UM)
    arm = upper + lower[::-1]
    for sx, sy in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        draw.polygon(c, tech.WG, [(sx * x, sy * y) for x, y in arm])
    draw.device_diamond(c, "crossing", 2 * REACH_UM, path_um=2 * length)
    for name, x, y, angle in (
        ("o1", -1, -1, 225),
        ("o2", -1, 1, 135),
        ("o3", 1, 1, 45),
        ("o4", 1, -1, 315),
    ):
        draw.optical_pin(c, name, x * REACH_UM, y * REACH_UM, angle, facet)
    return c
