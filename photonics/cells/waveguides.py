"""Waveguides between devices: no recognition marks, they are wires. Ports `o1`, `o2`."""

from __future__ import annotations

import math

import gdsfactory as gf

from lightloom.photonics import tech
from lightloom.photonics.cells import draw

SQUARE_UM = 0.2
"""Length in x of the exactly diagonal piece behind a diagonal facet."""


def diagonal_corners(width: float = tech.WIRE_WIDTH) -> tuple[float, float]:
    """From the middle of a diagonal facet to its corners in um, along x and along y alike.

    The sum makes the width right within 0.7 nm; an odd number of grid steps is split unevenly, the
    longer part, which is the second, towards the inside of a bend.
    """
    steps = _diagonal_steps(width)
    return steps // 2 * tech.DBU_UM, (steps + 1) // 2 * tech.DBU_UM


def diagonal_width(width: float = tech.WIRE_WIDTH) -> float:
    """Width in um of a waveguide at a diagonal facet."""
    return _diagonal_steps(width) * tech.DBU_UM * math.sqrt(2.0)


def _diagonal_steps(width: float) -> int:
    return round(width / math.sqrt(2.0) / tech.DBU_UM)


@gf.cell
def straight(length: float = 10.0, width: float = tech.WIRE_WIDTH) -> gf.Component:
    """Straight strip from (0, 0) to (length, 0).

    Args:
        length: in um.
        width: of the waveguide in um.
    """
    c = gf.Component()
    half = width / 2
    draw.box(c, tech.WG, 0.0, -half, length, half)
    c.info["length_um"] = length
    _ports(c, length, 0.0, 0, width)
    return c


@gf.cell
def sbend(
    length: float = 60.0, offset: float = 20.0, width: float = tech.WIRE_WIDTH
) -> gf.Component:
    """Sine S-bend from (0, 0) to (length, offset), facets exactly vertical.

    Args:
        length: along x in um.
        offset: along y in um, either sign.
        width: of the waveguide in um.

    Raises:
        ValueError: when the bend is tighter than the waveguide allows.
    """
    radius = length**2 / (2.0 * math.pi * abs(offset)) if offset else math.inf
    if radius < tech.STRIP.radius_min_um:
        raise ValueError(
            f"S-bend of {length} x {offset} um has radius {radius:.2f} um; "
            f"allowed: {tech.STRIP.radius_min_um} um or more"
        )
    c = gf.Component()
    centre, heading, arc_length = draw.sine(length, offset)
    draw.polygon(c, tech.WG, draw.ribbon(centre, heading, width))
    c.info["length_um"] = arc_length
    _ports(c, length, offset, 0, width)
    return c


@gf.cell
def bend90(radius: float = 20.0, width: float = tech.WIRE_WIDTH) -> gf.Component:
    """Clothoid bend by 90 degrees from (0, 0) heading east to (radius, radius) heading north.

    Args:
        radius: reach in x and y in um; the tightest curvature radius is about half of it.
        width: of the waveguide in um.
    """
    c = gf.Component()
    unit, _ = draw.clothoid(90.0, 1.0)
    length = radius / float(unit[-1, 0])
    centre, heading = draw.clothoid(90.0, length)
    centre[-1] = radius, radius
    draw.polygon(c, tech.WG, draw.ribbon(centre, heading, width))
    c.info["length_um"] = length
    _ports(c, radius, radius, 90, width)
    return c


@gf.cell
def diagonal(drop: float = 13.5, width: float = tech.WIRE_WIDTH) -> gf.Component:
    """Clothoid bend by 45 degrees from (0, 0) heading east down to a diagonal facet at y = -drop.

    Port `o2` is at (`info["reach_um"]`, -drop), its facet along the other diagonal.

    Args:
        drop: in um.
        width: of the waveguide in um.
    """
    c = gf.Component()
    centre, heading, length, reach = _diagonal(drop)
    outline = draw.ribbon(centre, heading, width)
    middle = len(heading)
    short, long = diagonal_corners(width)
    outline[middle - 1] = (reach + long, -drop + long)
    outline[middle] = (reach - short, -drop - short)
    # The last piece is exactly diagonal, so that the facet is square to it.
    for corner, before in ((middle - 1, middle - 2), (middle, middle + 1)):
        x, y = outline[corner]
        outline[before] = (x - SQUARE_UM, y + SQUARE_UM)
    draw.polygon(c, tech.WG, outline)
    c.info["length_um"] = length
    c.info["reach_um"] = reach
    _ports(c, reach, -drop, -45, width)
    return c


def diagonal_reach(drop: float) -> float:
    """Length along x of `diagonal`, on the grid."""
    return _diagonal(drop)[3]


def _diagonal(drop: float) -> tuple[draw.Points, draw.Points, float, float]:
    unit, _ = draw.clothoid(-45.0, 1.0)
    length = drop / -float(unit[-1, 1])
    centre, heading = draw.clothoid(-45.0, length)
    reach = draw.on_grid(float(centre[-1, 0]))
    return centre, heading, length, reach


def _ports(c: gf.Component, x: float, y: float, out_deg: int, width: float) -> None:
    for name, px, py, angle in (("o1", 0.0, 0.0, 180), ("o2", x, y, out_deg)):
        c.add_port(
            name=name,
            center=(px, py),
            width=width,
            orientation=angle,
            layer=tech.WG,
            port_type="optical",
        )
