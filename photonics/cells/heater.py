"""Thermo-optic phase shifter."""

from __future__ import annotations

import gdsfactory as gf

from lightloom.photonics import tech
from lightloom.photonics.cells import draw

FILM_UM = 2.0
"""Width of the film over the waveguide: wide enough to cover the mode, narrow to heat little."""
PAD_UM = 12.0
"""Side of the contact squares."""
MARGIN_UM = 2.0
"""From a contact to the end of the device."""
REACH_UM = 12.0
"""Half height of the recognition box: trenches and contacts are inside."""
TRENCH_UM = (3.0, 9.0)
"""Distance of the edges of an undercut trench from the waveguide's centre line."""


def total_length(heater_length: float) -> float:
    """Length of the whole device in um."""
    return heater_length + 2 * (PAD_UM + MARGIN_UM)


@gf.cell
def heater_waveguide(
    length: float = 200.0, undercut: bool = False, width: float = tech.WIRE_WIDTH
) -> gf.Component:
    """Strip with a TiN film above it, contacted on M1 at both ends.

    ::

           [e1]==film==[e2]
        o1 ----------------- o2

    Args:
        length: of the film between the contacts in um.
        undercut: trenches on both sides free the oxide under the waveguide.
        width: of the waveguide in um.
    """
    c = gf.Component()
    total = total_length(length)
    half = width / 2
    draw.box(c, tech.WG, 0.0, -half, total, half)
    start, stop = MARGIN_UM + PAD_UM, MARGIN_UM + PAD_UM + length
    draw.box(c, tech.HEATER, start, -FILM_UM / 2, stop, FILM_UM / 2)
    for name, x, angle in (("e1", start - PAD_UM / 2, 180), ("e2", stop + PAD_UM / 2, 0)):
        for layer, side in ((tech.HEATER, PAD_UM), (tech.M1, PAD_UM), (tech.VIAH, PAD_UM - 2.0)):
            draw.box(c, layer, x - side / 2, -side / 2, x + side / 2, side / 2)
        draw.electrical_pin(c, name, x, 0.0, angle)
    if undercut:
        low, high = TRENCH_UM
        for side in (1, -1):
            draw.box(c, tech.UNDERCUT, start + 5.0, side * low, stop - 5.0, side * high)
    draw.device(
        c,
        "heater_waveguide",
        (0.0, -REACH_UM, total, REACH_UM),
        length_um=total,
        heater_length_um=length,
        heater_width_um=FILM_UM,
        undercut=float(undercut),
    )
    draw.optical_pin(c, "o1", 0.0, 0.0, 180, width)
    draw.optical_pin(c, "o2", total, 0.0, 0, width)
    return c
