"""What every device of a type has: pieces by layer, symmetries, implants under its contacts.

Measurements read a few numbers; a device can have all of them right and still miss an implant, a
contact or a trench, or have a shape too many. Here each layer is counted, compared with its mirror
image, and every contact is followed to a pin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.bodies import INNER
from lightloom.photonics.checks.view import View
from lightloom.photonics.tech import (
    CONTACT,
    GE,
    HEATER,
    NAMES,
    NPP,
    PPP,
    SLAB,
    UNDERCUT,
    VIAH,
    WG,
    Layer,
    N,
    P,
)


@dataclass(frozen=True)
class Anatomy:
    """What a type of device looks like, `o1` facing west."""

    pieces: Mapping[Layer, tuple[int, ...]]
    """Allowed numbers of merged polygons by layer; of layers that are not named there are none."""
    upright: Mapping[Layer, Layer] = field(default_factory=dict)
    """Layers that turn into others, or themselves, when the device is turned upside down."""
    endwise: tuple[Layer, ...] = ()
    """Layers that look the same from both ends."""
    even: tuple[Layer, ...] = ()
    """Layers that are symmetric in themselves, along the device, wherever they lie in it."""
    inside: tuple[tuple[Layer, Layer], ...] = ()
    """Pairs of layers of which the first is wholly inside the second."""
    under: Mapping[str, tuple[Layer, ...]] = field(default_factory=dict)
    """Implants under the contacts that each pin reaches."""


def _same(*layers: Layer) -> dict[Layer, Layer]:
    return {layer: layer for layer in layers}


_TURNED = {P: N, N: P, PPP: NPP, NPP: PPP}
_ONE, _TWO, _FOUR = (1,), (2,), (4,)
_DIODE = {WG: _ONE, SLAB: _ONE, PPP: _ONE, NPP: _ONE, CONTACT: _TWO}
_SIDES = {"e1": (PPP,), "e2": (NPP,)}
_IMPLANTS = ((PPP, SLAB), (NPP, SLAB), (CONTACT, SLAB))
_JUNCTION = (*_IMPLANTS, (P, SLAB), (N, SLAB), (PPP, P), (NPP, N))

ANATOMY: Mapping[str, Anatomy] = {
    "coupler2x2": Anatomy({WG: _TWO}, _same(WG), (WG,)),
    "crossing": Anatomy({WG: _ONE}),
    "edge_coupler": Anatomy({WG: _ONE}, _same(WG)),
    "terminator": Anatomy({WG: _ONE, NPP: _ONE}, _same(WG, NPP)),
    "splitter1x2": Anatomy({WG: _ONE}, _same(WG)),
    "grating_coupler": Anatomy({WG: tuple(range(3, 200)), SLAB: _ONE}, _same(WG, SLAB)),
    "heater_waveguide": Anatomy(
        {WG: _ONE, HEATER: _ONE, VIAH: _TWO, UNDERCUT: (0, 2)},
        _same(WG, HEATER, VIAH, UNDERCUT),
        (WG, HEATER, VIAH, UNDERCUT),
        inside=((VIAH, HEATER),),
    ),
    "pin_waveguide": Anatomy(
        _DIODE,
        {**_same(WG, SLAB, CONTACT), PPP: NPP, NPP: PPP},
        (WG, SLAB, PPP, NPP, CONTACT),
        inside=_IMPLANTS,
        under=_SIDES,
    ),
    "photodiode": Anatomy(
        {**_DIODE, P: _ONE, N: _ONE, GE: _ONE},
        {**_same(WG, SLAB, GE, CONTACT), **_TURNED},
        even=(GE, CONTACT, P, N, PPP, NPP),
        inside=(*_JUNCTION, (GE, WG)),
        under=_SIDES,
    ),
    "eam": Anatomy(
        {**_DIODE, P: _ONE, N: _ONE, GE: _ONE},
        {**_same(WG, SLAB, GE, CONTACT), **_TURNED},
        (WG, SLAB, GE, CONTACT, P, N, PPP, NPP),
        inside=(*_JUNCTION, (GE, WG)),
        under=_SIDES,
    ),
    "mzm": Anatomy(
        {
            WG: _ONE,
            SLAB: _TWO,
            **dict.fromkeys((P, N, PPP, NPP), _TWO),
            CONTACT: _FOUR,
            HEATER: _ONE,
            VIAH: _TWO,
        },
        {**_same(WG, SLAB, CONTACT), **_TURNED},
        even=(SLAB, CONTACT, P, N, PPP, NPP, HEATER, VIAH),
        inside=(*_JUNCTION, (VIAH, HEATER)),
        under={"e1": (PPP, NPP), "e2": (NPP,), "e3": (PPP,), "e4": (PPP, NPP)},
    ),
    "ring_modulator": Anatomy(
        {
            WG: _TWO,
            **dict.fromkeys((SLAB, P, N, PPP, NPP, HEATER), _ONE),
            CONTACT: _TWO,
            VIAH: _TWO,
        },
        endwise=(WG, P, PPP, HEATER, VIAH),
        inside=(*_JUNCTION, (VIAH, HEATER)),
        under=_SIDES,
    ),
    "ring_filter": Anatomy(
        {WG: (3,), HEATER: _ONE, VIAH: _TWO},
        endwise=(WG, HEATER, VIAH),
        inside=((VIAH, HEATER),),
    ),
}
"""The anatomy of every device type of the technology."""


def check(view: View) -> None:
    """Complain of whatever a device has too little, too much, or in the wrong place."""
    anatomy = ANATOMY[view.body.type]
    _count(view, anatomy)
    _mirror(view, anatomy)
    for first, second in anatomy.inside:
        for polygon in (view.region(first) - view.region(second)).each():
            text = f"{NAMES[first]} outside {NAMES[second]}"
            view.complain(text, polygon.bbox().center())
    _pins(view)
    _contacts(view, anatomy)


def _count(view: View, anatomy: Anatomy) -> None:
    for layer in INNER:
        pieces, allowed = view.polygons(layer), anatomy.pieces.get(layer, (0,))
        if len(pieces) not in allowed:
            many = f"{allowed[0]}" if len(allowed) == 1 else f"{allowed[0]} or {allowed[-1]}"
            text = f"{len(pieces)} {NAMES[layer]} shapes; allowed: {many}"
            # The smallest is most likely the one too many; of one missing only the device is known.
            smallest = min(pieces, key=lambda piece: piece.area(), default=None)
            extra = smallest is not None and len(pieces) > allowed[-1]
            view.complain(text, smallest.bbox().center() if extra and smallest else None)


def _mirror(view: View, anatomy: Anatomy) -> None:
    middle = view.body.outline.bbox().center()
    over = kdb.Trans(0, True, 0, 2 * middle.y)
    ends = kdb.Trans(2, True, 2 * middle.x, 0)
    for first, second in anatomy.upright.items():
        view.alike(view.region(first), view.region(second).transformed(over), NAMES[first])
    for layer in anatomy.endwise:
        view.alike(view.region(layer), view.region(layer).transformed(ends), NAMES[layer])
    for layer in anatomy.even:
        region = view.region(layer)
        box = region.bbox()
        own = kdb.Trans(2, True, box.left + box.right, 0)
        view.alike(region, region.transformed(own), NAMES[layer])
    if view.body.type == "crossing":
        guides = view.region(WG)
        for turn in (kdb.Trans(1, False, 0, 0), kdb.Trans(0, True, 0, 0)):
            home = kdb.Trans(middle.x, middle.y) * turn * kdb.Trans(-middle.x, -middle.y)
            view.alike(guides, guides.transformed(home), NAMES[WG])


def _pins(view: View) -> None:
    """Marks of pins are on what they mark, on the grid step."""
    facets = {name: edge for name, edge in view.body.facets if name}
    metal = view.region(tech.M1)
    for pin in view.ports.values():
        if not pin.optical:
            if not (kdb.Region(pin.shape) - metal).is_empty():
                view.complain(f"pin {pin.name} is not all on M1", pin.point)
            elif (pin.shape.bbox().center() - pin.point).length() > 1:
                view.complain(f"text of pin {pin.name} is not in its middle", pin.point)
            continue
        edge = facets.get(pin.name)
        if pin.facet is None and _steps(pin.shape.bbox().center(), pin.point) > 0:
            view.complain(f"text of pin {pin.name} is not in its middle", pin.point)
        if edge is None or pin.facet is None:
            continue
        slack = 0 if edge.dx() == 0 or edge.dy() == 0 else 1
        for corner in (edge.p1, edge.p2):
            if not any(_steps(corner, end) <= slack for end in pin.facet):
                view.complain(f"pin {pin.name} is marked beside its waveguide", pin.point)
                break
        else:
            if _steps(edge.bbox().center(), pin.point) > slack:
                view.complain(f"text of pin {pin.name} is not in its middle", pin.point)


def _steps(one: kdb.Point, other: kdb.Point) -> int:
    return max(abs(one.x - other.x), abs(one.y - other.y))


def _contacts(view: View, anatomy: Anatomy) -> None:
    """Every contact is on the metal of a pin and on that pin's implant, and every pin has one."""
    metals = view.polygons(tech.M1)
    reached: set[str] = set()
    for layer in (CONTACT, VIAH):
        for cut in view.polygons(layer):
            at = cut.bbox().center()
            joined = [metal for metal in metals if metal.touches(cut)]
            names = [
                pin.name
                for pin in view.ports.values()
                if not pin.optical and any(metal.inside(pin.point) for metal in joined)
            ]
            reached.update(names)
            if not names:
                view.complain(f"{NAMES[layer]} that no pin reaches", at)
            for name in names:
                implants = anatomy.under.get(name)
                if layer != CONTACT or implants is None:
                    continue
                under = kdb.Region()
                for implant in implants:
                    under += view.region(implant)
                if not (kdb.Region(cut) - under).is_empty():
                    wanted = " or ".join(NAMES[implant] for implant in implants)
                    view.complain(f"contact of {name} is not on {wanted}", at)
    for pin in view.ports.values():
        if not pin.optical and pin.name not in reached:
            view.complain(f"pin {pin.name} reaches no contact", pin.point)
