"""One device as a measurement sees it: its shapes by layer, and a place for complaints."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks import locate, strips
from lightloom.photonics.checks.bodies import Body, Pin
from lightloom.photonics.devices import Numbers
from lightloom.photonics.tech import Layer

Parameters = dict[str, float]
Complaint = tuple[str, kdb.Point]


ROUNDING = 1.5
"""Shapes may differ from their mirror image by less than this many database units: an odd number of
grid steps cannot lie even about an axis."""


@dataclass
class View:
    """The layers inside one device and what is wrong in there.

    `o1` is at the origin and faces west, in a crossing south-west. Of the two mirror images this is
    the one whose further ports are higher up: `o2` of a coupler is above `o1`, `e1` of a photodiode
    above the axis.
    """

    body: Body
    numbers: Numbers
    """Those of the band of the chip."""
    dbu: float
    wrong: list[Complaint] = field(default_factory=list)

    @property
    def ports(self) -> Mapping[str, Pin]:
        """Pins by name."""
        return self.body.ports

    def polygons(self, layer: Layer) -> list[kdb.Polygon]:
        """Merged polygons of `layer`, clipped to the outline of the device."""
        return list(self.body.polygons(layer))

    def region(self, layer: Layer) -> kdb.Region:
        """The same as a region."""
        return kdb.Region(self.polygons(layer))

    def complain(self, text: str, at: kdb.Point | None = None) -> None:
        """Note a fault, at the middle of the device unless a better place is known."""
        place = self.body.outline.bbox().center() if at is None else at
        self.wrong.append((f"{self.body.type}: {text}", place))

    def alike(self, one: kdb.Region, other: kdb.Region, name: str) -> None:
        """Complain where shapes and their mirror image differ by more than the rounding."""
        for sliver in (one ^ other).each():
            if 2 * sliver.area() > ROUNDING * sliver.perimeter():
                self.complain(f"{name} is not symmetric here", sliver.bbox().center())
                return

    def um(self, length: float) -> float:
        """Database units to um."""
        return length * self.dbu

    def guides(self, *groups: tuple[str, ...]) -> list[kdb.Polygon | None]:
        """Waveguide that joins the optical pins of each group, and no others."""
        pieces = self.polygons(tech.WG)
        points = {name: pin.point for name, pin in self.ports.items() if pin.optical}
        homes = {
            name: next((i for i, s in enumerate(pieces) if near(s, point)), None)
            for name, point in points.items()
        }
        result: list[kdb.Polygon | None] = []
        for group in groups:
            home = homes[group[0]]
            if home is None or any(homes[name] != home for name in group):
                at = group[0] if home is not None else group[-1]
                strip = homes[at]
                end = None if strip is None else locate.far_end(pieces[strip], points[at])
                self.complain(f"waveguide open between {' and '.join(group)}", end)
                result.append(None)
                continue
            result.append(pieces[home])
        for first, second in itertools.combinations(groups, 2):
            home = homes[first[0]]
            if home is not None and home == homes[second[0]]:
                terminals = {
                    "".join(group): [("WG", points[name]) for name in group]
                    for group in (first, second)
                }
                bridges = locate.bridges({"WG": [pieces[home]]}, [], terminals)
                at = bridges[0][2].bbox().center() if bridges else None
                pair = f"{' and '.join(first)} also joins {' and '.join(second)}"
                self.complain(f"waveguide of {pair}", at)
        return result

    def strip(self, strip: kdb.Polygon | None, first: str, second: str) -> Parameters:
        """Length of a strip of constant width between two pins, with its faults complained of."""
        if strip is None:
            return {}
        edges = {name: edge for name, edge in self.body.facets if name}
        if first not in edges or second not in edges:
            return {}  # the waveguide does not reach a pin, which is complained of elsewhere
        ends = [(edges[name].p1, edges[name].p2) for name in (first, second)]
        width = edges[first].length()
        shape = strips.shape(strip, *ends)
        if shape is None:
            self.complain(f"waveguide from {first} to {second} is not one strip")
            return {}
        for text, at in strips.faults(shape, width, self.dbu):
            self.complain(f"waveguide from {first} to {second} {text}", at)
        return {"path_um": self.um(strips.length(strip, width))}


def near(polygon: kdb.Polygon, point: kdb.Point) -> bool:
    """A polygon touches a point within the rounding of turned shapes."""
    return polygon.touches(kdb.Box(point.x - 3, point.y - 3, point.x + 3, point.y + 3))
