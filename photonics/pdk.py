"""The technology as a gdsfactory PDK. Importing this module imports gdsfactory and activates it."""

from __future__ import annotations

from functools import partial

import gdsfactory as gf
from gdsfactory.cross_section import CrossSection
from gdsfactory.technology import LayerMap

from lightloom.photonics import tech


def _cross_section(section: tech.CrossSection, width: float | None = None) -> CrossSection:
    """A waveguide of the technology; `width` replaces that of its core in um."""
    _, left, right = section.strips[0]
    others = tuple(
        gf.Section(width=high - low, offset=(low + high) / 2, layer=layer)
        for layer, low, high in section.strips[1:]
    )
    return gf.cross_section.cross_section(
        width=right - left if width is None else width,
        layer=tech.WG,
        sections=others,
        radius=section.radius_min_um * 2,
        radius_min=section.radius_min_um,
    )


class LAYER(LayerMap):
    """Layer numbers, by the names of `tech.LAYERS`."""

    DICE = tech.DICE
    UNDERCUT = tech.UNDERCUT
    SLAB = tech.SLAB
    WG = tech.WG
    N = tech.N
    P = tech.P
    NPP = tech.NPP
    PPP = tech.PPP
    GE = tech.GE
    CONTACT = tech.CONTACT
    HEATER = tech.HEATER
    VIAH = tech.VIAH
    M1 = tech.M1
    VIA = tech.VIA
    M2 = tech.M2
    VIA2 = tech.VIA2
    M3 = tech.M3
    PAD = tech.PAD
    BUMP = tech.BUMP
    LABEL = tech.LABEL
    TEXT = tech.TEXT
    DEVREC = tech.DEVREC
    PIN = tech.PIN


PDK = gf.Pdk(
    name="lightloom",
    layers=LAYER,
    cross_sections={
        name: partial(_cross_section, section) for name, section in tech.CROSS_SECTIONS.items()
    },
)
PDK.activate()
