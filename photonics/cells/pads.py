"""Bond pads and micro-bumps: metal with an opening, no devices."""

from __future__ import annotations

import gdsfactory as gf

from lightloom.photonics import tech
from lightloom.photonics.cells import draw


@gf.cell
def bond_pad(size: float = 80.0) -> gf.Component:
    """Square M2 pad with a passivation opening, its middle at the origin. Port `e1`.

    Args:
        size: side of the metal in um. 80 um: wire-bond class.
    """
    c = gf.Component()
    for layer, side in ((tech.M2, size), (tech.PAD, size - 6.0)):
        draw.box(c, layer, -side / 2, -side / 2, side / 2, side / 2)
    _port(c, size)
    return c


@gf.cell
def bump(size: float = 25.0) -> gf.Component:
    """Micro-bump on an M2 landing, both octagons, middle at the origin. Port `e1`.

    Args:
        size: of the bump across flats in um. 25 um suits the 40-55 um pitch in use today.
    """
    c = gf.Component()
    for layer, side in ((tech.M2, size + 8.0), (tech.BUMP, size)):
        a = draw.on_grid(side / 2)
        b = draw.on_grid(a * 0.41421356)
        corners = [(a, b), (b, a), (-b, a), (-a, b), (-a, -b), (-b, -a), (b, -a), (a, -b)]
        draw.polygon(c, layer, corners)
    _port(c, size)
    return c


@gf.cell
def via_stack(width: float = 6.0, height: float = 6.0) -> gf.Component:
    """M1 and M2 joined by as many VIA cuts as fit, middle at the origin. Port `e1`.

    Args:
        width: in um.
        height: in um.
    """
    c = gf.Component()
    for layer in (tech.M1, tech.M2):
        draw.box(c, layer, -width / 2, -height / 2, width / 2, height / 2)
    cut, pitch, margin = 2.0, 4.0, 0.5
    columns, rows = (int((side - 2 * margin - cut) // pitch) + 1 for side in (width, height))
    for i in range(columns):
        for j in range(rows):
            x, y = (i - (columns - 1) / 2) * pitch, (j - (rows - 1) / 2) * pitch
            draw.box(c, tech.VIA, x - cut / 2, y - cut / 2, x + cut / 2, y + cut / 2)
    c.info["cuts"] = columns * rows
    _port(c, width)
    return c


def _port(c: gf.Component, width: float) -> None:
    c.add_port(
        name="e1",
        center=(0.0, 0.0),
        width=width,
        orientation=90,
        layer=tech.M2,
        port_type="electrical",
    )
