"""Add-drop ring filter."""

from __future__ import annotations

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.cells import draw

PAD_UM = 8.0
"""Side of the heater's contact squares: they fit between the two buses of the smallest ring."""
LEAD_UM = 10.0
"""From the ring's centre line to the middle of a contact."""
END_UM = 6.0
"""From the middle of a contact to the end of the device."""
FILM_UM = 2.0
"""Width of the film over the ring."""
MARGIN_UM = 3.0
"""The recognition box reaches this far beyond the buses' centres."""


def reach_um(radius: float, straight: float) -> float:
    """Half the length of the device in um."""
    return draw.on_grid(radius + straight / 2 + LEAD_UM + END_UM)


@gf.cell
def ring_filter(
    radius: float = 7.0,
    straight: float = 4.0,
    gap: float = 0.15,
    drop_gap: float = 0.15,
    width: float = tech.WIRE_WIDTH,
) -> gf.Component:
    """Racetrack ring between two buses with a heater over its upper half.

    On resonance light goes from o1 to o3 and from o4 to o2, off resonance from o1 to o2 and from o4
    to o3. The straight parts make the coupling strong at a gap that can be drawn.

    ::

        o3 ---------------------- o4
                 .------.
        [e1]~~~~(        )~~~~[e2]
                 '------'
        o1 ---------------------- o2

    Args:
        radius: of the centre line of the two bends in um.
        straight: length of the two straight parts in um, an even number of grid steps.
        gap: between the ring and the bus o1-o2 in um.
        drop_gap: between the ring and the bus o4-o3 in um.
        width: of the waveguides in um.

    Raises:
        ValueError: when a gap or the radius is below the rule.
    """
    least = next(rule.value_um for rule in tech.RULES if rule.name == "WG.space")
    for name, value, low in (
        ("gap", gap, least),
        ("drop_gap", drop_gap, least),
        ("radius", radius, tech.STRIP.radius_min_um),
    ):
        if value < low:
            raise ValueError(f"{name} = {value} um; allowed: {low} um or more")
    c = gf.Component()
    half, side = width / 2, straight / 2
    y = draw.on_grid(width + gap + radius)
    top = draw.on_grid(y + radius + drop_gap + width)
    reach = reach_um(radius, straight)
    for bus in (0.0, top):
        draw.box(c, tech.WG, -reach, bus - half, reach, bus + half)
    inner, outer = radius - half, radius + half
    ring = draw.arc(side, y, inner, outer, -90.0, 90.0) + draw.arc(-side, y, inner, outer, 90, 270)
    if straight:
        for low, high in ((-outer, -inner), (inner, outer)):
            ring += kdb.Region(kdb.Box(draw.point(-side, y + low), draw.point(side, y + high)))
    draw.region(c, tech.WG, ring)

    film = draw.arc(side, y, radius - FILM_UM / 2, radius + FILM_UM / 2, 0.0, 90.0)
    film += draw.arc(-side, y, radius - FILM_UM / 2, radius + FILM_UM / 2, 90.0, 180.0)
    if straight:
        low, high = radius - FILM_UM / 2, radius + FILM_UM / 2
        film += kdb.Region(kdb.Box(draw.point(-side, y + low), draw.point(side, y + high)))
    draw.region(c, tech.HEATER, film)
    pad = draw.on_grid(radius + side + LEAD_UM)
    for name, sign, angle in (("e1", -1, 180), ("e2", 1, 0)):
        inner_end = draw.on_grid(radius - FILM_UM / 2 + side)
        draw.box(c, tech.HEATER, sign * inner_end, y - FILM_UM, sign * pad, y)
        for layer, size in (
            (tech.HEATER, PAD_UM),
            (tech.M1, PAD_UM),
            (tech.VIAH, PAD_UM - 2.0),
        ):
            x, h = sign * pad, size / 2
            draw.box(c, layer, x - h, y - h, x + h, y + h)
        draw.electrical_pin(c, name, sign * pad, y, angle)

    draw.device(
        c,
        "ring_filter",
        (-reach, -MARGIN_UM, reach, top + MARGIN_UM),
        radius_um=radius,
        straight_um=straight,
        gap_um=gap,
        drop_gap_um=drop_gap,
        path_um=2 * reach,
    )
    for name, sign, bus, angle in (
        ("o1", -1, 0.0, 180),
        ("o2", 1, 0.0, 0),
        ("o3", -1, top, 180),
        ("o4", 1, top, 0),
    ):
        draw.optical_pin(c, name, sign * reach, bus, angle, width)
    return c
