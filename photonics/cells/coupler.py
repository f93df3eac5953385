"""Directional coupler."""

from __future__ import annotations

import gdsfactory as gf
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.cells import draw
from lightloom.photonics.devices import of_width

MARGIN_UM = 2.0
"""The recognition box reaches this far beyond the pins' centres, sideways."""


@gf.cell
def coupler2x2(
    gap: float = 0.2, length: float | None = None, width: float = tech.WIRE_WIDTH
) -> gf.Component:
    """Two strips that come close over `length`, with sine S-bends to pins `pitch_um` apart.

    Bends and pitch are those of the band that the width belongs to.

    ::

        o2 --.__________.-- o3
        o1 --'          '-- o4

    Args:
        gap: between the strips in um, on the grid.
        length: of the parallel part in um, on the grid; None splits the power in halves by
            `Numbers.coupling_angle`.
        width: of the waveguides in um, that of a band.

    Raises:
        ValueError: when the gap is below the rule, or the width belongs to no band.
    """
    least = next(rule.value_um for rule in tech.RULES if rule.name == "WG.space")
    if gap < least:
        raise ValueError(f"gap = {gap} um; allowed: {least} um or more (rule WG.space)")
    c = gf.Component()
    numbers = of_width(width)
    bend, pitch = numbers.coupler.bend_length_um, numbers.coupler.pitch_um
    length = numbers.half_length(gap) if length is None else length
    total = draw.on_grid(2 * bend + length)
    # An odd number of grid steps cannot lie even about the axis: the upper strip takes the odd one.
    upper_edge = draw.on_grid(-(-draw.grid(gap) // 2) * tech.DBU_UM)
    path = 0.0
    for side, edge in ((1, upper_edge), (-1, gap - upper_edge)):
        offset = pitch / 2 - edge - width / 2
        centre, heading, arc_length = draw.sine(bend, offset)
        left = np.stack([centre[:, 0], pitch / 2 - centre[:, 1]], axis=1)
        right = np.stack([total - left[::-1, 0], left[::-1, 1]], axis=1)
        line = np.concatenate([left, right])
        angles = np.concatenate([-heading, heading[::-1]])
        line[:, 1] *= side
        draw.polygon(c, tech.WG, draw.ribbon(line, side * angles, width))
        path += (2 * arc_length + length) / 2
    reach = pitch / 2 + MARGIN_UM
    draw.device(
        c,
        "coupler2x2",
        (0.0, -reach, total, reach),
        gap_um=gap,
        length_um=length,
        path_um=path,
    )
    for name, x, y, angle in (
        ("o1", 0.0, -pitch / 2, 180),
        ("o2", 0.0, pitch / 2, 180),
        ("o3", total, pitch / 2, 0),
        ("o4", total, -pitch / 2, 0),
    ):
        draw.optical_pin(c, name, x, y, angle, width)
    return c
