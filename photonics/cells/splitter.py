"""Power splitter."""

from __future__ import annotations

import gdsfactory as gf
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, junction
from lightloom.photonics.devices import of_width

TAPER_UM = 5.0
"""From the strip to the access of the body, each end."""
BEND_UM = 15.0
"""Length of the S-bends behind the body."""
PITCH_UM = 5.0
"""Distance of the two outputs, centre to centre."""
MARGIN_UM = 3.0
"""The recognition box reaches this far beyond the outputs' centres, sideways."""


@gf.cell
def splitter1x2(
    body_width: float | None = None,
    body_length: float | None = None,
    width: float = tech.WIRE_WIDTH,
) -> gf.Component:
    """Multimode interference splitter: the body ends where the input has two images.

    ::

                 .--- o2
        o1 --[  ]
                 '--- o3

    Args:
        body_width: of the body in um; None takes that of the band.
        body_length: of the body in um; None takes that of the band.
        width: of the waveguides in um, that of a band.

    Raises:
        ValueError: when the accesses do not fit on the body, or the width belongs to no band.
    """
    numbers = of_width(width).splitter
    wide = numbers.width_um if body_width is None else body_width
    long = numbers.length_um if body_length is None else body_length
    access, image = numbers.access_um, numbers.image_um
    if wide < 2 * image + access:
        raise ValueError(
            f"body_width = {wide} um; allowed: {2 * image + access:g} um or more, for two accesses"
        )
    c = gf.Component()
    start = TAPER_UM
    stop = draw.on_grid(start + long)
    fork = draw.on_grid(stop + TAPER_UM)
    total = draw.on_grid(fork + BEND_UM)
    junction.taper(c, 0.0, width, start, access, 0.0)
    draw.box(c, tech.WG, start, -wide / 2, stop, wide / 2)
    centre, heading, _ = draw.sine(BEND_UM, PITCH_UM / 2 - image)
    for side in (1, -1):
        junction.taper(c, stop, access, fork, width, side * image)
        line = centre + np.array([fork, image])
        line[:, 1] *= side
        draw.polygon(c, tech.WG, draw.ribbon(line, side * heading, width))
    reach = PITCH_UM / 2 + MARGIN_UM
    draw.device(
        c,
        "splitter1x2",
        (0.0, -reach, total, reach),
        width_um=wide,
        length_um=long,
        path_um=total,
    )
    draw.optical_pin(c, "o1", 0.0, 0.0, 180, width)
    draw.optical_pin(c, "o2", total, PITCH_UM / 2, 0, width)
    draw.optical_pin(c, "o3", total, -PITCH_UM / 2, 0, width)
    return c
