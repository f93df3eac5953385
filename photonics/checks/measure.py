"""Parameters of a device, measured on the polygons inside its outline.

Each function returns parameters named as in `tech` and complains where the device is not whole: a
waveguide cut inside, two that should be apart touching, a heater film broken.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import klayout.db as kdb
import numpy as np
from numpy.typing import NDArray

from lightloom.photonics import tech
from lightloom.photonics.checks import locate, wires
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.checks.recognise import Device
from lightloom.photonics.devices import Numbers
from lightloom.photonics.tech import Layer

Parameters = dict[str, float]


@dataclass
class View:
    """The layers inside one device and what is wrong in there."""

    chip: Chip
    device: Device
    numbers: Numbers
    wrong: list[tuple[str, kdb.Point]] = field(default_factory=list)

    def polygons(self, layer: Layer) -> list[kdb.Polygon]:
        """Merged polygons of `layer`, clipped to the outline of the device."""
        index = self.chip.layout.find_layer(*layer)
        if index is None:
            return []
        outline = self.device.outline
        near = self.chip.top.begin_shapes_rec_touching(index, outline.bbox())
        return list((kdb.Region(near) & kdb.Region(outline)).merged().each())

    def complain(self, text: str, at: kdb.Point | None = None) -> None:
        """Note a fault, at the middle of the device unless a better place is known."""
        self.wrong.append((f"{self.device.type}: {text}", at or self.device.centre))

    def um(self, length: float) -> float:
        """Database units to um."""
        return length * self.chip.dbu

    def guides(self, *groups: tuple[str, ...]) -> list[kdb.Polygon | None]:
        """Waveguide that joins the optical pins of each group, and no others."""
        strips = self.polygons(tech.WG)
        ports = {name: port for name, port in self.device.ports.items() if port.optical}
        homes = {
            name: next((i for i, s in enumerate(strips) if _near(s, port.point)), None)
            for name, port in ports.items()
        }
        result: list[kdb.Polygon | None] = []
        for group in groups:
            home = homes[group[0]]
            if home is None or any(homes[name] != home for name in group):
                at = group[0] if home is not None else group[-1]
                strip = homes[at]
                end = None if strip is None else locate.far_end(strips[strip], ports[at].point)
                self.complain(f"waveguide open between {' and '.join(group)}", end)
                result.append(None)
                continue
            result.append(strips[home])
        for first, second in itertools.combinations(groups, 2):
            home = homes[first[0]]
            if home is not None and home == homes[second[0]]:
                terminals = {
                    "".join(group): [("WG", ports[name].point) for name in group]
                    for group in (first, second)
                }
                bridges = locate.bridges({"WG": [strips[home]]}, [], terminals)
                at = bridges[0][2].bbox().center() if bridges else None
                pair = f"{' and '.join(first)} also joins {' and '.join(second)}"
                self.complain(f"waveguide of {pair}", at)
        return result

    def path_um(self, strip: kdb.Polygon | None, port: str) -> Parameters:
        """Length of a strip of constant width."""
        if strip is None:
            return {}
        return {"path_um": self.um(wires.strip_length(strip, self.device.ports[port].width))}


def coupler(view: View) -> Parameters:
    """Two waveguides that come close: gap, parallel length, path.

    `length_um` is what the parallel part of a coupler with the technology's bends must be to couple
    as the drawn one does: the integral of `exp(-decay (gap(x) - gap))` over the drawn shape, less
    the share of the bends. Where the parallel part ends is not seen: the bends leave it by less
    than a grid step over their first micrometre.
    """
    lower, upper = view.guides(("o1", "o4"), ("o2", "o3"))
    if lower is None or upper is None or lower == upper:
        return {}
    start, stop = view.device.ports["o1"].point, view.device.ports["o4"].point
    home = kdb.Vector(-start.x, -start.y)
    gap, length = _coupling(
        lower.moved(home), upper.moved(home), stop + home, view.chip.dbu, view.numbers
    )
    return {"gap_um": gap, "length_um": length, **view.path_um(lower, "o1")}


@lru_cache(maxsize=256)
def _coupling(
    lower: kdb.Polygon, upper: kdb.Polygon, stop: kdb.Point, dbu: float, numbers: Numbers
) -> tuple[float, float]:
    """Gap and length of two strips that run from the origin to `stop`; most couplers are alike."""
    x, opening = _opening(lower, upper, kdb.Point(), stop)
    x, opening = x * dbu, opening * dbu
    gap = float(opening.min())
    equivalent = float(np.trapezoid(np.exp(-numbers.coupler.decay_per_um * (opening - gap)), x))
    bends = numbers.coupling_angle(gap, 0.0) / numbers.coupling_rate(gap)
    return gap, equivalent - bends


def crossing(view: View) -> Parameters:
    """Four arms of one piece of waveguide."""
    view.guides(("o1", "o2", "o3", "o4"))
    ports = view.device.ports
    length = (ports["o1"].point - ports["o3"].point).length()
    return {"path_um": view.um(length)}


def heater_waveguide(view: View) -> Parameters:
    """Waveguide under a heater film that is contacted at both ends."""
    (strip,) = view.guides(("o1", "o2"))
    result = {"undercut": float(bool(view.polygons(tech.UNDERCUT)))}
    if strip is not None:
        result["length_um"] = view.path_um(strip, "o1")["path_um"]
    film = _film(view, "e1", "e2")
    if film is None:
        return result
    # The current crosses the strip between the pads: everything narrower than the pads.
    start, stop = view.device.ports["e1"].point, view.device.ports["e2"].point
    x, width = _profile(film, start, stop)
    middle = (x[0] + x[-1]) / 2
    pad = max(float(width[x < middle].max()), float(width[x > middle].max()))
    narrow = width < 0.99 * pad
    strip_width = float(np.median(width[narrow])) if narrow.any() else pad
    body = np.abs(width - strip_width) <= 0.02 * strip_width
    result["heater_length_um"] = view.um(float((np.diff(x) * (body[1:] & body[:-1])).sum()))
    result["heater_width_um"] = view.um(strip_width)
    return result


def _film(view: View, first: str, second: str) -> kdb.Polygon | None:
    """The heater film that joins two pins; a complaint when there is none."""
    contacts = view.polygons(tech.VIAH)
    metals = view.polygons(tech.M1)
    ends: list[list[kdb.Polygon]] = []
    for name in (first, second):
        metal = next((m for m in metals if _near(m, view.device.ports[name].point)), None)
        ends.append([] if metal is None else [c for c in contacts if metal.touches(c)])
    if any(contact in ends[1] for contact in ends[0]):
        view.complain(f"heater shorted from {first} to {second}")
        return None
    films = view.polygons(tech.HEATER)
    parts = [[f for f in films if any(f.touches(contact) for contact in end)] for end in ends]
    for film in parts[0]:
        if film in parts[1]:
            return film
    spot = None
    if parts[0] and parts[1]:
        _, x, y = locate.closest(locate.edges(parts[0]), locate.edges(parts[1]))
        spot = kdb.Point(round(x), round(y))
    view.complain(f"heater open between {first} and {second}", spot)
    return None


def edge_coupler(view: View) -> Parameters:
    """Inverse taper."""
    view.guides(("o1", "o2"))
    ports = view.device.ports
    length = (ports["o1"].point - ports["o2"].point).length()
    return {"length_um": view.um(length), "tip_width_um": view.um(ports["o2"].width)}


def grating_coupler(view: View) -> Parameters:
    """Row of teeth before a taper; the wire joins the last tooth's side of the taper only."""
    ports, strips = view.device.ports, view.polygons(tech.WG)
    taper = next((s for s in strips if _near(s, ports["o1"].point)), None)
    teeth = [strip for strip in strips if strip is not taper]
    if taper is None or len(teeth) < 2:
        view.complain(f"{len(teeth)} teeth before a taper; allowed: 2 or more")
        return {}
    if not view.polygons(tech.SLAB):
        view.complain("no slab under the teeth")
    across = abs(ports["o1"].normal[1]) > 0.5
    spans = sorted(
        (box.bottom, box.top) if across else (box.left, box.right)
        for box in (tooth.bbox() for tooth in teeth)
    )
    steps = [b[0] - a[0] for a, b in itertools.pairwise(spans)]
    sizes = [stop - start for start, stop in spans]
    if max(steps) - min(steps) > 1 or max(sizes) - min(sizes) > 1:
        view.complain("teeth are not all alike")
    box = taper.bbox()
    return {
        "period_um": view.um(sum(steps) / len(steps)),
        "periods": float(len(teeth)),
        "tooth_um": view.um(sum(sizes) / len(sizes)),
        "length_um": view.um(box.height() if across else box.width()),
    }


def terminator(view: View) -> Parameters:
    """Taper that ends inside the device, under an implant."""
    strips = view.polygons(tech.WG)
    port = view.device.ports["o1"]
    taper = next((s for s in strips if _near(s, port.point)), None)
    if taper is None or len(strips) != 1:
        view.complain(f"{len(strips)} waveguides; allowed: 1, from its pin")
        return {}
    if not view.polygons(tech.NPP):
        view.complain("no implant over the taper")
    box = taper.bbox()
    return {"length_um": view.um(box.height() if abs(port.normal[1]) > 0.5 else box.width())}


def pin_waveguide(view: View) -> Parameters:
    """Rib between highly doped sides, contacted to both rails."""
    (strip,) = view.guides(("o1", "o2"))
    sides: list[kdb.Region] = []
    for pin, layer in (("e1", tech.PPP), ("e2", tech.NPP)):
        doped = kdb.Region(view.polygons(layer))
        rail = next(
            (m for m in view.polygons(tech.M1) if _near(m, view.device.ports[pin].point)), None
        )
        cuts = kdb.Region(view.polygons(tech.CONTACT)) & doped
        if rail is None or (cuts & kdb.Region(rail)).is_empty():
            view.complain(f"{pin} has no contact to its side of the diode")
        sides.append(doped)
    p, n = (side.bbox() for side in sides)
    if p.empty() or n.empty() or not (sides[0] & sides[1]).is_empty():
        view.complain("no diode: one side doped high P, the other high N")
        return {}
    both = p & n.moved(p.left - n.left, p.bottom - n.bottom)
    across = abs(view.device.ports["o1"].normal[1]) > 0.5
    length = both.height() if across else both.width()
    return {"length_um": view.um(length), **view.path_um(strip, "o1")}


def photodiode(view: View) -> Parameters:
    """Germanium on a waveguide."""
    return _germanium(view, "o1", with_width=True)


def eam(view: View) -> Parameters:
    """Germanium absorber between two waveguides."""
    strip = view.guides(("o1", "o2"))[0]
    return _germanium(view, "o1", with_width=False) | view.path_um(strip, "o1")


def _germanium(view: View, port: str, with_width: bool) -> Parameters:
    pieces = view.polygons(tech.GE)
    if len(pieces) != 1:
        view.complain(f"{len(pieces)} germanium shapes; allowed: 1")
        return {}
    box = pieces[0].bbox()
    along, across = box.width(), box.height()
    if abs(view.device.ports[port].normal[1]) > 0.5:
        along, across = across, along
    result = {"length_um": view.um(along)}
    return result | ({"width_um": view.um(across)} if with_width else {})


def mzm(view: View) -> Parameters:
    """Two junction arms between splitters."""
    (strip,) = view.guides(("o1", "o2"))
    _film(view, "e5", "e6")
    junctions = kdb.Region(view.polygons(tech.P)).bbox()
    if strip is None or strip.holes() != 1 or junctions.empty():
        view.complain("no two arms with junctions")
        return {}
    ports = view.device.ports
    across = abs(ports["o1"].normal[1]) > 0.5
    # The eye between the arms is bounded by an inner side of each arm and by the ends of the
    # splitters. What its sides are longer than straight is what the bends of an arm add.
    eye = kdb.Polygon(list(strip.each_point_hole(0)))
    box = eye.bbox()
    span = box.height() if across else box.width()
    ends = sum(
        edge.length() for edge in eye.each_edge() if (edge.dy() if across else edge.dx()) == 0
    )
    extra = (eye.perimeter() - ends) / 2 - span
    return {
        "length_um": view.um(junctions.height() if across else junctions.width()),
        "path_um": view.um((ports["o1"].point - ports["o2"].point).length() + extra),
    }


def ring_modulator(view: View) -> Parameters:
    """Ring beside a bus."""
    (bus,) = view.guides(("o1", "o2"))
    _film(view, "e3", "e4")
    rings = [strip for strip in view.polygons(tech.WG) if strip.holes() == 1]
    if len(rings) != 1 or bus is None or rings[0] == bus:
        view.complain(f"{len(rings)} rings apart from the bus; allowed: 1")
        return {}
    ring = rings[0]
    outer, inner = ring.bbox(), kdb.Polygon(list(ring.each_point_hole(0))).bbox()
    radius = (outer.width() + outer.height() + inner.width() + inner.height()) / 8
    gap, _, _ = locate.closest(locate.edges([ring]), locate.edges([bus]))
    return {"radius_um": view.um(radius), "gap_um": view.um(gap), **view.path_um(bus, "o1")}


MEASURES: Mapping[str, tuple[tuple[str, ...], Callable[[View], Parameters]]] = {
    "coupler2x2": (("o1", "o2", "o3", "o4"), coupler),
    "crossing": (("o1", "o2", "o3", "o4"), crossing),
    "heater_waveguide": (("o1", "o2", "e1", "e2"), heater_waveguide),
    "edge_coupler": (("o1", "o2"), edge_coupler),
    "grating_coupler": (("o1", "o2"), grating_coupler),
    "terminator": (("o1",), terminator),
    "pin_waveguide": (("o1", "o2", "e1", "e2"), pin_waveguide),
    "ring_modulator": (("o1", "o2", "e1", "e2", "e3", "e4"), ring_modulator),
    "mzm": (("o1", "o2", "e1", "e2", "e3", "e4", "e5", "e6"), mzm),
    "eam": (("o1", "o2", "e1", "e2"), eam),
    "photodiode": (("o1", "e1", "e2"), photodiode),
}
"""Pins and measurement of every device type of the technology."""


def measure(
    chip: Chip, device: Device, numbers: Numbers
) -> tuple[Parameters, list[tuple[str, kdb.Point]]]:
    """Return the parameters of a device and the faults found in it.

    `numbers` are those of the band of the chip.
    """
    view = View(chip, device, numbers)
    if device.type not in MEASURES:
        view.complain(f"unknown type; allowed: {', '.join(sorted(MEASURES))}")
        return {}, view.wrong
    pins, function = MEASURES[device.type]
    if set(device.ports) != set(pins):
        view.complain(f"pins {sorted(device.ports)}; allowed: {list(pins)}")
        return {}, view.wrong
    return function(view), view.wrong


def _near(polygon: kdb.Polygon, point: kdb.Point) -> bool:
    return polygon.touches(kdb.Box(point.x - 3, point.y - 3, point.x + 3, point.y + 3))


def _frame(start: kdb.Point, stop: kdb.Point) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    along = np.array([stop.x - start.x, stop.y - start.y], dtype=float)
    along /= math.hypot(*along)
    return along, np.array([-along[1], along[0]])


def _corners(polygon: kdb.Polygon, start: kdb.Point, stop: kdb.Point) -> NDArray[np.float64]:
    """Corners of the hull as (along, across) from `start` towards `stop`."""
    points = np.array([(p.x - start.x, p.y - start.y) for p in polygon.each_point_hull()], float)
    return points @ np.array(_frame(start, stop)).T


def _sides(
    polygon: kdb.Polygon, start: kdb.Point, stop: kdb.Point
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper edge of a strip that runs from `start` to `stop`, at all its corners' `x`."""
    corners = _corners(polygon, start, stop)
    closed = np.vstack([corners, corners[:1]])
    x = np.unique(corners[:, 0])
    # Just beside each corner too, so that a step in the outline stays a step.
    x = np.unique(np.concatenate([x[:-1] + 1e-6, x[1:] - 1e-6]))
    low = np.full(x.size, np.inf)
    high = np.full(x.size, -np.inf)
    for (x0, y0), (x1, y1) in itertools.pairwise(closed):
        if x0 == x1:
            continue
        first, last = np.searchsorted(x, sorted((x0, x1)))
        inside = slice(first, last)
        y = y0 + (y1 - y0) * (x[inside] - x0) / (x1 - x0)
        low[inside] = np.minimum(low[inside], y)
        high[inside] = np.maximum(high[inside], y)
    return x, low, high


def _opening(
    lower: kdb.Polygon, upper: kdb.Polygon, start: kdb.Point, stop: kdb.Point
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance across between two strips that run from `start` to `stop`, sampled along."""
    xa, lower_low, lower_high = _sides(lower, start, stop)
    xb, upper_low, upper_high = _sides(upper, start, stop)
    x = np.unique(np.concatenate([xa, xb]))
    x = x[(x >= max(xa[0], xb[0])) & (x <= min(xa[-1], xb[-1]))]
    # `o2` may be on either hand of `o1` in a mirrored device.
    one = np.interp(x, xb, upper_low) - np.interp(x, xa, lower_high)
    other = np.interp(x, xa, lower_low) - np.interp(x, xb, upper_high)
    return x, np.maximum(one, other)


def _profile(
    strip: kdb.Polygon, start: kdb.Point, stop: kdb.Point
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Width of a strip across the line from `start` to `stop`, sampled along."""
    x, low, high = _sides(strip, start, stop)
    return x, high - low
