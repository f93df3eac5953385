"""The open demonstration technology: layers, waveguides, design rules, recognition conventions.

220 nm silicon on insulator with a 90 nm rib slab, implants, germanium, a TiN heater film, two or
three metals and bumps, for the O-band and the C-band. It belongs to no foundry: layer numbers and
rule values are demonstration values in the range of published multi-project-wafer processes.
Nothing here needs gdsfactory, so that a file can be checked without it.

Coordinates are um, the database unit is 1 nm, every vertex is on that grid.

Conventions that devices are recognised by, from the shapes and texts of a file alone
--------------------------------------------------------------------------------------
Device
    One polygon on `DEVREC`, and in it one text on `DEVREC` of the form `device=<type>`. Boxes, but
    for a `crossing`, which is a square standing on its corner. DEVREC polygons of two devices
    neither overlap nor touch. The text carries the type only; parameters are measured.
Optical pin
    A waveguide ends on the edge of the DEVREC polygon with a facet whose corners are on that edge.
    One text on `PIN` at the centre of the facet, `o1`, `o2`, ...; and a polygon on `PIN` as wide as
    the waveguide that reaches `PIN_DEPTH` from the facet into the device. Facets are vertical or
    horizontal, those of a crossing are diagonal.
Electrical pin
    A box on `PIN` inside the DEVREC polygon and inside `M1`, with its text `e1`, `e2`, ... in the
    middle. Every electrical terminal of a device is on M1.
Waveguide
    What is left of WG without the DEVREC polygons: strips of one width that join two pins. A wire
    has the width of its band; diagonal facets have it within 0.3 nm, their middle is within 1 nm
    of the pin.
Conductor
    M1, M2, M3 and BUMP, joined where they touch and through VIA (M1 to M2) and VIA2 (M2 to M3). A
    chip may do without M3; BUMP and PAD sit on the top metal drawn beneath them. CONTACT (silicon
    or germanium to M1) and VIAH (heater to M1) are inside devices and join no nets.
Chip
    Box on `DICE`, on it a text `band=C` when the chip is for the C-band. Texts on `LABEL`: optical
    ports at the facet of pin `o2` of an edge coupler (`in0`, `out0` of a switch; `laser0`, `tx0`,
    `rx0` of an engine), electrical ports in the middle of a PAD opening or BUMP. Signal pads of a
    switch are `h<stage>_<row>`; the pads of its one ground net are `gnd0`, `gnd1`, ... Those of an
    engine have the number of their lane, and `_` and that of their wavelength where it has more
    than one: `mod0_p`, `heat3_7_p`, `pd3_7_n`. Other texts (names for people) are on `TEXT`.

Device types and pins (a device may be rotated or mirrored)
-----------------------------------------------------------
======================= =========================== ================================================
type                    pins                        parameters (um unless said)
======================= =========================== ================================================
`coupler2x2`            o1 left low, o2 left up,    `gap_um`, `length_um` of the parallel part,
                        o3 right up, o4 right low   `path_um` from o1 to o4 along one waveguide
`crossing`              o1, o2, o3, o4 around;      `path_um` from o1 to o3
                        o1-o3 and o2-o4 are through
`heater_waveguide`      o1, o2; e1 at o1, e2 at o2  `length_um` o1 to o2, `heater_length_um` between
                                                    the contact pads, `heater_width_um`,
                                                    `undercut` 0 or 1 (UNDERCUT present)
`edge_coupler`          o1 waveguide, o2 facet      `length_um`, `tip_width_um`
`grating_coupler`       o1 waveguide, o2 middle of  `period_um`, `periods`, `tooth_um`, `length_um`
                        the grating                 of the taper
`terminator`            o1                          `length_um` of the taper
`splitter1x2`           o1 in, o2 left out, o3      `width_um`, `length_um` of the body, `path_um`
                        right out                   along the axis
`pin_waveguide`         o1, o2; e1 P, e2 N          `length_um` of the diode, `path_um`
`ring_modulator`        o1, o2 bus; e1 P, e2 N,     `radius_um` of the centre line, `gap_um`,
                        e3, e4 heater               `path_um` o1 to o2
`ring_filter`           o1, o2 bus; o3 above o1,    `radius_um` of the bends, `straight_um` of the
                        o4 above o2 drop bus;       two straight parts, `gap_um` to the bus,
                        e1, e2 heater               `drop_gap_um` to the drop bus, `path_um`
`mzm`                   o1, o2; e1 signal, e2, e3   `length_um` of the junctions, `path_um`
                        upper and lower return, e4
                        far end of the signal, e5,
                        e6 bias heater
`eam`                   o1, o2; e1 P, e2 N          `length_um` of the germanium, `path_um`
`photodiode`            o1; e1 P, e2 N              `length_um`, `width_um` of the germanium
======================= =========================== ================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Layer = tuple[int, int]

DBU_UM = 0.001
"""Database unit and manufacturing grid."""


class LayerInfo(NamedTuple):
    """Number, name and looks of a layer, from the substrate up."""

    layer: Layer
    name: str
    colour: str
    """Outline and fill, `#rrggbb`."""
    fill: Literal["solid", "hollow", "dotted", "hatched"]
    what: str


_STACK = (
    LayerInfo((99, 0), "DICE", "#7a7a7a", "hollow", "die outline"),
    LayerInfo((6, 0), "UNDERCUT", "#c9b458", "hatched", "trench that frees the oxide of a heater"),
    LayerInfo((2, 0), "SLAB", "#f5c6c0", "solid", "90 nm rib slab"),
    LayerInfo((1, 0), "WG", "#d6336c", "solid", "220 nm silicon core"),
    LayerInfo((20, 0), "N", "#6fb1e8", "dotted", "N implant"),
    LayerInfo((21, 0), "P", "#e8a06f", "dotted", "P implant"),
    LayerInfo((24, 0), "NPP", "#2c7fb8", "dotted", "N++ contact implant"),
    LayerInfo((23, 0), "PPP", "#d95f0e", "dotted", "P++ contact implant"),
    LayerInfo((5, 0), "GE", "#2ca02c", "solid", "germanium"),
    LayerInfo((40, 0), "CONTACT", "#404040", "solid", "silicon or germanium to M1"),
    LayerInfo((47, 0), "HEATER", "#e67700", "solid", "TiN film above the core"),
    LayerInfo((48, 0), "VIAH", "#5c3200", "solid", "heater film to M1"),
    LayerInfo((41, 0), "M1", "#4c8eda", "hatched", "lowest metal"),
    LayerInfo((44, 0), "VIA", "#1b1b1b", "solid", "M1 to M2"),
    LayerInfo((45, 0), "M2", "#8a63d2", "hatched", "middle metal, or the top one"),
    LayerInfo((43, 0), "VIA2", "#3d2b56", "solid", "M2 to M3"),
    LayerInfo((49, 0), "M3", "#c0578a", "hatched", "thick top metal, where a chip has three"),
    LayerInfo((46, 0), "PAD", "#f2b807", "hollow", "passivation opening of a bond pad"),
    LayerInfo((50, 0), "BUMP", "#f2b807", "solid", "micro-bump"),
    LayerInfo((66, 0), "LABEL", "#000000", "hollow", "chip port texts"),
    LayerInfo((67, 0), "TEXT", "#555555", "hollow", "names for people"),
    LayerInfo((68, 0), "DEVREC", "#8fbf8f", "hollow", "device recognition"),
    LayerInfo((69, 0), "PIN", "#00a0a0", "solid", "device pins"),
)

LAYERS: dict[str, LayerInfo] = {info.name: info for info in _STACK}
"""Every layer by name, in drawing order from the substrate up."""
NAMES: dict[Layer, str] = {info.layer: info.name for info in _STACK}
"""Name of each layer."""

MASKS: tuple[LayerInfo, ...] = _STACK[:19]
"""Layers that are made; the others say what the shapes are."""

DICE, UNDERCUT, SLAB, WG, N, P, NPP, PPP, GE = (info.layer for info in _STACK[:9])
CONTACT, HEATER, VIAH, M1, VIA, M2, VIA2, M3, PAD, BUMP = (info.layer for info in _STACK[9:19])
LABEL, TEXT, DEVREC, PIN = (info.layer for info in _STACK[19:])

BAND: Literal["O"] = "O"
"""Band of a layout that does not say."""
BAND_PREFIX = "band="
"""Opens the text of the band on DICE."""
DEVICE_PREFIX = "device="
"""Opens the text of a device on DEVREC."""
PIN_DEPTH = 0.05
"""Optical pin polygons reach this far into the device."""

METALS: tuple[Layer, ...] = (M1, M2, M3)
"""From the lowest up."""
JOINS: tuple[tuple[Layer, Layer], ...] = ((M1, VIA), (VIA, M2), (M2, VIA2), (VIA2, M3))
"""Pairs of layers that connect where they overlap."""
LANDINGS: tuple[Layer, ...] = (M3, M2)
"""A BUMP or PAD sits on the first of these that is drawn beneath it, and connects to no other."""


@dataclass(frozen=True)
class CrossSection:
    """A waveguide: strips of (layer, low, high) across it, distances from the centre line in um."""

    name: str
    strips: tuple[tuple[Layer, float, float], ...]
    radius_min_um: float


WIRE_WIDTH = 0.42
"""Strip waveguide of the O-band, an even number of grid steps; `devices.BANDS` has the others."""


def cross_sections(width_um: float = WIRE_WIDTH) -> dict[str, CrossSection]:
    """Waveguides of the technology by name, with a core of `width_um`.

    `ge` is the germanium of a photodiode on its widened core, which no width changes.
    """
    core = (WG, -width_um / 2, width_um / 2)
    slab = (SLAB, -5.0, 5.0)
    heavy = ((NPP, -5.0, -1.2), (PPP, 1.2, 5.0))
    light = ((N, -5.0, 0.0), (P, 0.0, 5.0))
    sections = (
        CrossSection("strip", (core,), 5.0),
        CrossSection("rib", (core, (SLAB, -3.0, 3.0)), 20.0),
        CrossSection("pn", (core, slab, *light, *heavy), 50.0),
        CrossSection("pin", (core, slab, *heavy), 50.0),
        CrossSection("ge", ((WG, -1.1, 1.1), (GE, -0.8, 0.8), slab, *light, *heavy), 50.0),
        CrossSection("heater", (core, (HEATER, -1.0, 1.0)), 5.0),
    )
    return {section.name: section for section in sections}


CROSS_SECTIONS = cross_sections()
"""Those of the O-band."""
STRIP, PN = CROSS_SECTIONS["strip"], CROSS_SECTIONS["pn"]

SHEET_OHM: dict[Layer, float] = {HEATER: 10.0, M1: 0.06, M2: 0.02, M3: 0.01}
"""Sheet resistances: 100 nm TiN; 0.5, 1.5 and 3 um aluminium class. Demonstration values."""
VIA_OHM = 0.5
"""One VIA cut of 2 x 2 um. Demonstration value."""
VIA2_OHM = 0.2
"""One VIA2 cut of 3 x 3 um. Demonstration value."""
CURRENT_MA_PER_UM: dict[Layer, float] = {M1: 1.0, M2: 3.0, M3: 6.0}
"""Steady current per width that a line bears: 2 mA/um2 of aluminium (2e5 A/cm2), the class of
electromigration limits at 110 C. Demonstration values."""
CURRENT_MA_PER_VIA = 4.0
"""One VIA cut: 1 mA/um2, for metal is thinner down a step. Demonstration value."""
CURRENT_MA_PER_VIA2 = 9.0
"""One VIA2 cut: as VIA. Demonstration value."""


@dataclass(frozen=True)
class Rule:
    """One design rule; `value_um` is the least allowed.

    width, space: of merged `layer` (space includes notches).
    enclosure: every `other` shape is inside `layer` with this margin; `on` and `off` leave out the
        shapes of `other` that do not or do touch a layer.
    separation: between `layer` and `other`, which do not overlap.
    die: `layer` keeps this distance inside the edge of DICE.
    grid: vertices of `layer` are multiples of `value_um`.
    """

    name: str
    kind: Literal["width", "space", "enclosure", "separation", "die", "grid"]
    layer: Layer
    value_um: float
    other: Layer | None = None
    on: Layer | None = None
    off: Layer | None = None

    @property
    def text(self) -> str:
        """The rule in words."""
        first = NAMES[self.layer]
        second = "" if self.other is None else NAMES[self.other]
        where = "" if self.on is None else f" where it is on {NAMES[self.on]}"
        where = where if self.off is None else f" where it is not on {NAMES[self.off]}"
        form = {
            "width": f"{first} is at least {self.value_um:g} um wide",
            "space": f"{first} shapes are at least {self.value_um:g} um apart",
            "enclosure": f"{first} encloses {second} by at least {self.value_um:g} um{where}",
            "separation": f"{first} is at least {self.value_um:g} um away from {second}",
            "die": f"{first} stays at least {self.value_um:g} um inside the die",
            "grid": f"{first} is on a {self.value_um:g} um grid",
        }
        return form[self.kind]


def _rules() -> tuple[Rule, ...]:
    width_space = (
        ("WG", 0.15, 0.15),
        ("SLAB", 0.5, 0.5),
        ("N", 0.5, 0.5),
        ("P", 0.5, 0.5),
        ("NPP", 0.6, 0.6),
        ("PPP", 0.6, 0.6),
        ("GE", 0.5, 2.0),
        ("UNDERCUT", 3.0, 3.0),
        ("CONTACT", 0.6, 0.6),
        ("HEATER", 1.0, 2.0),
        ("VIAH", 1.0, 1.0),
        ("M1", 1.0, 1.0),
        ("VIA", 2.0, 2.0),
        ("M2", 2.0, 2.0),
        ("VIA2", 3.0, 3.0),
        ("M3", 3.0, 3.0),
        ("PAD", 40.0, 20.0),
        ("BUMP", 15.0, 20.0),
    )
    rules: list[Rule] = []
    for name, width, space in width_space:
        layer = LAYERS[name].layer
        rules.append(Rule(f"{name}.width", "width", layer, width))
        rules.append(Rule(f"{name}.space", "space", layer, space))
    for outer, inner, value in (
        (M1, CONTACT, 0.2),
        (HEATER, VIAH, 0.5),
        (M1, VIAH, 0.5),
        (M1, VIA, 0.5),
        (M2, VIA, 0.5),
        (M2, VIA2, 0.5),
        (M3, VIA2, 1.0),
    ):
        name = f"{NAMES[outer]}.{NAMES[inner]}.enclosure"
        rules.append(Rule(name, "enclosure", outer, value, inner))
    for inner in (PAD, BUMP):
        for outer, on, off in ((M2, None, M3), (M3, M3, None)):
            name = f"{NAMES[outer]}.{NAMES[inner]}.enclosure"
            rules.append(Rule(name, "enclosure", outer, 2.0, inner, on, off))
    rules.append(Rule("UNDERCUT.WG.separation", "separation", UNDERCUT, 2.0, WG))
    rules.append(Rule("HEATER.GE.separation", "separation", HEATER, 2.0, GE))
    margins = {HEATER: 20.0, M1: 10.0, M2: 10.0, M3: 10.0, BUMP: 20.0}
    for info in MASKS[1:]:
        value = margins.get(info.layer, 0.0)
        rules.append(Rule(f"{info.name}.die", "die", info.layer, value))
    for info in MASKS:
        rules.append(Rule(f"{info.name}.grid", "grid", info.layer, DBU_UM))
    return tuple(rules)


RULES: tuple[Rule, ...] = _rules()
"""The rule deck."""
