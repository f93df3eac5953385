"""Bond pads and micro-bumps: metal with an opening, no devices."""

from __future__ import annotations

import gdsfactory as gf

from lightloom.photonics import tech
from lightloom.photonics.cells import draw


@gf.cell
def bond_pad(size: float = 80.0, metal: int = 2) -> gf.Component:
    """Square metal pad with a passivation opening, its middle at the origin. Port `e1`.

    Args:
        size: side of the metal in um. 80 um: wire-bond class.
        metal: 2 or 3, the top metal of the chip.
    """
    c = gf.Component()
    landing = _landing(metal)
    for layer, side in ((landing, size), (tech.PAD, size - 6.0)):
        draw.box(c, layer, -side / 2, -side / 2, side / 2, side / 2)
    _port(c, size, landing)
    return c


@gf.cell
def bump(size: float = 25.0, metal: int = 2) -> gf.Component:
    """Micro-bump on a metal landing, both octagons, middle at the origin. Port `e1`.

    Args:
        size: of the bump across flats in um. 25 um suits the 40-55 um pitch in use today.
        metal: 2 or 3, the top metal of the chip.
    """
    c = gf.Component()
    landing = _landing(metal)
    for layer, side in ((landing, size + 8.0), (tech.BUMP, size)):
        a = draw.on_grid(side / 2)
        b = draw.on_grid(a * 0.41421356)
        corners = [(a, b), (b, a), (-b, a), (-a, b), (-a, -b), (-b, -a), (b, -a), (a, -b)]
        draw.polygon(c, layer, corners)
    _port(c, size, landing)
    return c


@gf.cell
def via_stack(width: float = 6.0, height: float = 6.0, metal: int = 2) -> gf.Component:
    """A metal joined to the one below by as many cuts as fit, middle at the origin. Port `e1`.

    Args:
        width: in um.
        height: in um.
        metal: upper one, 2 (VIA to M1) or 3 (VIA2 to M2).
    """
    c = gf.Component()
    upper = _landing(metal)
    lower, via = (tech.M1, tech.VIA) if metal == 2 else (tech.M2, tech.VIA2)
    for layer in (lower, upper):
        draw.box(c, layer, -width / 2, -height / 2, width / 2, height / 2)
    # Cuts at the least width and space, and as far from the edge as the stricter metal asks.
    cut, pitch, margin = (2.0, 4.0, 0.5) if metal == 2 else (3.0, 6.0, 1.0)
    columns, rows = (int((side - 2 * margin - cut) // pitch) + 1 for side in (width, height))
    for i in range(columns):
        for j in range(rows):
            x, y = (i - (columns - 1) / 2) * pitch, (j - (rows - 1) / 2) * pitch
            draw.box(c, via, x - cut / 2, y - cut / 2, x + cut / 2, y + cut / 2)
    c.info["cuts"] = columns * rows
    _port(c, width, upper)
    return c


def _landing(metal: int) -> tech.Layer:
    if metal not in (2, 3):
        raise ValueError(f"metal = {metal}; allowed: 2, 3")
    return tech.METALS[metal - 1]


def _port(c: gf.Component, width: float, layer: tech.Layer) -> None:
    c.add_port(
        name="e1",
        center=(0.0, 0.0),
        width=width,
        orientation=90,
        layer=layer,
        port_type="electrical",
    )
