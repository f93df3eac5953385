"""Mach-Zehnder modulator with series push-pull junctions."""

from __future__ import annotations

import gdsfactory as gf
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, heater, junction
from lightloom.photonics.devices import of_width

ARM_UM = 15.0
"""Arms are this far from the axis."""
MMI_UM = {"O": (2.5, 6.9), "C": (2.5, 5.6)}
"""Width and length of the 1x2 multimode splitter; length n W^2 / (2 lambda) of its self-image."""
BEND_UM = 50.0
"""Length of the S-bends between splitter and arms."""
RIB_TAPER_UM = 20.0
"""From strip to rib."""
BIAS_UM = 100.0
"""Length of the bias heater's film."""
RAIL_UM = 34.0
"""The outer edge of the return rails."""
LEAD_UM = 10.0
"""Strip at both ends."""


@gf.cell
def mzm(length: float = 2750.0, width: float = tech.WIRE_WIDTH) -> gf.Component:
    """Two arms with PN junctions; the signal rail between them drives one up and the other down.

    The upper arm has its P side on the signal rail, the lower arm its N side, so one voltage
    depletes one arm more and the other less. Returns are at ground for the signal and hold the
    bias. Both ends of the signal rail are contacted: driver and termination.

    ::

               e2 ==================        [e5]~~~[e6] bias heater, upper arm
        o1 --<    e1 signal ======== e4    >-- o2
               e3 ==================

    Args:
        length: of the junctions in um. 2750 um with 0.825 V cm give V-pi 3 V.
        width: of the waveguides in um, that of a band.
    """
    c = gf.Component()
    half = width / 2
    body_width, body_length = MMI_UM[of_width(width).band]
    start = LEAD_UM + body_length + BEND_UM + RIB_TAPER_UM
    stop = start + length
    bias = stop + RIB_TAPER_UM + 10.0
    join = draw.on_grid(bias + heater.total_length(BIAS_UM) + 10.0)
    total = draw.on_grid(join + BEND_UM + body_length + LEAD_UM)

    for x1, x2 in ((0.0, LEAD_UM), (total - LEAD_UM, total)):
        draw.box(c, tech.WG, x1, -half, x2, half)
    for x in (LEAD_UM, total - LEAD_UM - body_length):
        draw.box(c, tech.WG, x, -body_width / 2, x + body_length, body_width / 2)
    branch = body_width / 4
    centre, heading, bend_length = draw.sine(BEND_UM, ARM_UM - branch)
    for side in (1, -1):
        left = centre + np.array([LEAD_UM + body_length, branch])
        right = np.stack([total - left[::-1, 0], left[::-1, 1]], axis=1)
        line = np.concatenate([left, right])
        angles = np.concatenate([heading, -heading[::-1]])
        line[:, 1] *= side
        draw.polygon(c, tech.WG, draw.ribbon(line, side * angles, width))
        y = side * ARM_UM
        junction.slab_taper(c, start - RIB_TAPER_UM, start, y, width)
        junction.slab_taper(c, stop + RIB_TAPER_UM, stop, y, width)
        junction.implants(c, start, stop, y, -1)
        for row in (1, -1):
            junction.contact_row(c, start, stop, y, row)

    inner = ARM_UM - 2.0
    draw.box(c, tech.M1, start, -inner, stop, inner)
    for side in (1, -1):
        draw.box(c, tech.M1, start, side * (ARM_UM + 2.0), stop, side * RAIL_UM)
    rail = (ARM_UM + 2.0 + RAIL_UM) / 2
    draw.electrical_pin(c, "e1", start + 10.0, 0.0, 180)
    draw.electrical_pin(c, "e2", start + 10.0, rail, 180)
    draw.electrical_pin(c, "e3", start + 10.0, -rail, 180)
    draw.electrical_pin(c, "e4", stop - 10.0, 0.0, 0)

    film = bias + heater.MARGIN_UM + heater.PAD_UM
    draw.box(
        c,
        tech.HEATER,
        film,
        ARM_UM - heater.FILM_UM / 2,
        film + BIAS_UM,
        ARM_UM + heater.FILM_UM / 2,
    )
    for name, x, angle in (
        ("e5", film - heater.PAD_UM / 2, 180),
        ("e6", film + BIAS_UM + heater.PAD_UM / 2, 0),
    ):
        for layer, size in (
            (tech.HEATER, heater.PAD_UM),
            (tech.M1, heater.PAD_UM),
            (tech.VIAH, heater.PAD_UM - 2.0),
        ):
            draw.box(c, layer, x - size / 2, ARM_UM - size / 2, x + size / 2, ARM_UM + size / 2)
        draw.electrical_pin(c, name, x, ARM_UM, angle)

    path = total - 2 * BEND_UM + 2 * bend_length
    draw.device(
        c, "mzm", (0.0, -RAIL_UM - 2.0, total, RAIL_UM + 2.0), length_um=length, path_um=path
    )
    draw.optical_pin(c, "o1", 0.0, 0.0, 180, width)
    draw.optical_pin(c, "o2", total, 0.0, 0, width)
    return c
