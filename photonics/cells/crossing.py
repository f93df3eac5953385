"""Waveguide crossing."""

from __future__ import annotations

import math

import gdsfactory as gf
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.cells import draw
from lightloom.photonics.cells.waveguides import DIAGONAL_STEPS, DIAGONAL_WIDTH

REACH_UM = 6.5
"""The pins are at (+-REACH_UM, +-REACH_UM)."""
WAIST_UM = 1.3
"""Width of the arms where they meet: a wide mode spreads little over the gap in its side walls."""


@gf.cell
def crossing() -> gf.Component:
    """Right-angled crossing with widened arms, turned by 45 degrees.

    ::

        o2 .   . o3
            \\ /
             X
            / \\
        o1 '   ' o4
    """
    c = gf.Component()
    length = REACH_UM * math.sqrt(2.0)
    t = np.linspace(0.0, 1.0, 41)
    width = DIAGONAL_WIDTH + (WAIST_UM - DIAGONAL_WIDTH) * np.sin(np.pi / 2 * (1.0 - t)) ** 2
    along = t * length
    # The arm to o3, from the middle out; the middle itself is covered by all four arms.
    ux = uy = math.sqrt(0.5)
    upper = [(a * ux - w / 2 * uy, a * uy + w / 2 * ux) for a, w in zip(along, width, strict=True)]
    step = DIAGONAL_STEPS * tech.DBU_UM
    upper[-1] = (REACH_UM - step, REACH_UM + step)
    corners = [(draw.grid(x), draw.grid(y)) for x, y in upper]
    arm = corners + [(y, x) for x, y in reversed(corners)]  # mirrored in the diagonal
    for _ in range(4):
        draw.polygon(c, tech.WG, [(x * tech.DBU_UM, y * tech.DBU_UM) for x, y in arm])
        arm = [(-y, x) for x, y in arm]
    draw.device_diamond(c, "crossing", 2 * REACH_UM, path_um=2 * length)
    for name, x, y, angle in (
        ("o1", -1, -1, 225),
        ("o2", -1, 1, 135),
        ("o3", 1, 1, 45),
        ("o4", 1, -1, 315),
    ):
        draw.optical_pin(c, name, x * REACH_UM, y * REACH_UM, angle, DIAGONAL_WIDTH)
    return c
