"""Grating coupler."""

from __future__ import annotations

import gdsfactory as gf
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.cells import draw

APERTURE_UM = 12.0
"""Width of the grating: a little over the 9.2 um mode of the fibre (ITU-T G.652 at 1310 nm)."""
TAPER_UM = 150.0
"""From the wire to the aperture."""
REACH_UM = 12.0
"""Half height of the recognition box."""


@gf.cell
def grating_coupler(
    period: float = 0.5, periods: int = 24, fill: float = 0.5, width: float = tech.WIRE_WIDTH
) -> gf.Component:
    """Shallow-etched grating behind a taper; `o2` is its middle, where a fibre looks down on it.

    Teeth keep the whole core, grooves the slab.

    ::

        ||||||>=========== o1
          o2

    Args:
        period: of the grating in um, on the grid.
        periods: number of teeth; 24 of 0.5 um are as long as the fibre's mode is wide.
        fill: tooth over period.
        width: of the waveguide in um.

    Raises:
        ValueError: when a tooth or a groove is below the rules.
    """
    tooth = draw.on_grid(period * fill)
    for name, size in (("width", tooth), ("space", period - tooth)):
        least = next(rule.value_um for rule in tech.RULES if rule.name == f"WG.{name}")
        if size < least:
            raise ValueError(
                f"period = {period} um with fill = {fill}: {name} of {size:.3f} um; "
                f"allowed: {least} um or more (rule WG.{name})"
            )
    c = gf.Component()
    half = APERTURE_UM / 2
    length = draw.on_grid(periods * period)
    for k in range(periods):
        x = draw.on_grid(k * period)
        draw.box(c, tech.WG, x, -half, x + tooth, half)
    end = draw.on_grid(length + TAPER_UM)
    # The widest end has no slope, so that the front of the wave is flat where the grating begins.
    t = np.linspace(0.0, 1.0, 33)
    widths = APERTURE_UM + (width - APERTURE_UM) * t**2 * (3.0 - 2.0 * t)
    centre = np.stack([length + t * TAPER_UM, np.zeros_like(t)], axis=1)
    draw.polygon(c, tech.WG, draw.ribbon(centre, np.zeros_like(t), widths))
    draw.box(c, tech.SLAB, -1.0, -half - 1.0, length, half + 1.0)
    draw.device(
        c,
        "grating_coupler",
        (-2.0, -REACH_UM, end, REACH_UM),
        period_um=period,
        periods=float(periods),
        tooth_um=tooth,
        length_um=TAPER_UM,
    )
    draw.optical_pin(c, "o1", end, 0.0, 0, width)
    middle = draw.on_grid(length / 2)
    draw.box(c, tech.PIN, middle - 2.0, -2.0, middle + 2.0, 2.0)
    draw.text(c, tech.PIN, "o2", middle, 0.0)
    c.add_port(
        name="o2",
        center=(middle, 0.0),
        width=APERTURE_UM,
        orientation=180,
        layer=tech.WG,
        port_type="optical",
    )
    return c
