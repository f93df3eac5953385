"""Electrical routing of a switch chip: heaters to pads on the north and south edges.

M1 runs horizontally, M2 vertically, so wires of one metal only meet where the channel router has
kept them apart. Each heater has a line to its own pad. Their other ends share one ground: a bus in
every stage, joined by a rail on both sides, with a pad at each end of each bus.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw, heater, pads
from lightloom.photonics.channel import Link, RoutingError, assign, spread

__all__ = ["Routing", "RoutingError", "Site", "route"]

LINE_UM = 8.0
"""Width of a signal line on both metals."""
PITCH_UM = 14.0
"""Pitch of signal lines."""
BUS_UM = 16.0
"""Width of ground buses and rails."""
ESCAPE_UM = 20.0
"""From a heater contact's middle to the first vertical line beside it."""
PAD_PITCH_UM = 110.0
"""Pitch of pads of `PAD_UM`."""
PAD_UM = 80.0
CONTACT_UM = heater.PAD_UM
"""Side of a heater's contacts, which add no resistance worth counting."""
EDGE_UM = 20.0
"""From the pads to the die edge."""


@dataclass(frozen=True)
class Site:
    """A heater: its label, device and stage, and the middles of its contacts."""

    label: str
    device: str
    stage: int
    x1_um: float
    x2_um: float
    y_um: float
    north: bool


@dataclass
class Routing:
    """What was routed."""

    half_height_um: float
    """The die reaches this far north and south of the axis."""
    pads: dict[str, tuple[float, float]] = field(default_factory=dict)
    line_ohm: dict[str, float] = field(default_factory=dict)
    """Resistance from the heater's contact to its pad."""
    ground_ohm: dict[str, float] = field(default_factory=dict)
    """Resistance from the heater's other contact to all ground pads together."""
    tracks: tuple[int, int] = (0, 0)
    """Horizontal tracks in the south and in the north channel."""


def _ohm(layer: tech.Layer, length: float, width: float = LINE_UM) -> float:
    return tech.SHEET_OHM[layer] * length / width


def route(
    assembly: Assembly,
    sites: Sequence[Site],
    fabric_half_um: float,
    die_half_um: float,
    pad_span_um: tuple[float, float],
) -> Routing:
    """Draw all electrical wires and pads and write their nets.

    Args:
        assembly: chip with the heaters placed; the axis is y = 0.
        sites: the heaters.
        fabric_half_um: devices reach this far from the axis where lines run.
        die_half_um: least half height of the die.
        pad_span_um: pads stay between these x.

    Raises:
        RoutingError: when pads or tracks do not fit.
    """
    stages = sorted({site.stage for site in sites})
    bus_x = {
        stage: draw.on_grid(max(s.x2_um for s in sites if s.stage == stage) + ESCAPE_UM)
        for stage in stages
    }
    lines = _lines(sites)
    channels: dict[int, tuple[list[Link], dict[str, int]]] = {}
    for sign in (-1, 1):
        pins = [(lines[s.label], s.label) for s in sites if s.north == (sign > 0)]
        pins += [(bus_x[stage], _ground_pad(k, sign)) for k, stage in enumerate(stages)]
        pins.sort()
        places = spread([x for x, _ in pins], PAD_PITCH_UM, *pad_span_um)
        links = [
            Link(net, x, draw.on_grid(place)) for (x, net), place in zip(pins, places, strict=True)
        ]
        channels[sign] = links, assign(links, PITCH_UM)
    count = {sign: max(tracks.values()) + 1 for sign, (_, tracks) in channels.items()}
    first_track = fabric_half_um + BUS_UM + PITCH_UM
    needed = first_track + max(count.values()) * PITCH_UM + PAD_UM + EDGE_UM
    result = Routing(max(die_half_um, draw.on_grid(needed)), tracks=(count[-1], count[1]))

    pen = _Pen(assembly)
    for sign, (links, tracks) in channels.items():
        for link in links:
            y = sign * (first_track + tracks[link.net] * PITCH_UM)
            _channel_line(pen, result, link, y, sign)
    by_label = {site.label: site for site in sites}
    for label, x in lines.items():
        _heater_line(pen, result, by_label[label], x, channels, first_track)
    _ground(pen, result, sites, bus_x, fabric_half_um)
    _ground_ohm(result, sites, bus_x, fabric_half_um)
    for site in sites:
        assembly.electrical_pin(site.label, (site.device, "e1"))
        assembly.electrical_pin("gnd", (site.device, "e2"))
    for label, (x, y) in result.pads.items():
        assembly.place(pads.bond_pad(size=PAD_UM), x, y)
        net = "gnd" if label.startswith("gnd") else label
        assembly.electrical_port(label, net, x, y, size_um=20.0)
    return result


def _ground_pad(index: int, sign: int) -> str:
    return f"gnd{2 * index + (sign > 0)}"


def _lines(sites: Sequence[Site]) -> dict[str, float]:
    """Place of the vertical line of each heater, left of its stage.

    On each side the heater next to the edge takes the line next to the heaters: its own stub to
    the left then passes under no other stub's via.
    """
    lines: dict[str, float] = {}
    for stage in sorted({site.stage for site in sites}):
        for north in (True, False):
            group = [s for s in sites if s.stage == stage and s.north == north]
            group.sort(key=lambda s: -abs(s.y_um))
            for k, site in enumerate(group):
                left = min(s.x1_um for s in group)
                lines[site.label] = draw.on_grid(left - ESCAPE_UM - k * PITCH_UM)
    return lines


class _Pen:
    """Draws wires by their end points; wires end half a width beyond them."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly

    def wire(
        self,
        layer: tech.Layer,
        start: tuple[float, float],
        stop: tuple[float, float],
        width: float = LINE_UM,
    ) -> None:
        half = width / 2
        (x1, x2), (y1, y2) = sorted((start[0], stop[0])), sorted((start[1], stop[1]))
        draw.box(self.assembly.component, layer, x1 - half, y1 - half, x2 + half, y2 + half)

    def via(self, x: float, y: float, width: float = LINE_UM, height: float = LINE_UM) -> None:
        self.assembly.place(pads.via_stack(width=width, height=height), x, y)


def _via_ohm(width: float = LINE_UM) -> float:
    return tech.VIA_OHM / pads.via_stack(width=width, height=LINE_UM).info["cuts"]


def _channel_line(pen: _Pen, result: Routing, link: Link, y: float, sign: int) -> None:
    """From the channel's track to the pad; `_heater_line` or `_ground` bring the net to it."""
    pad_y = sign * (result.half_height_um - EDGE_UM - PAD_UM / 2)
    across = abs(link.upper_x - link.lower_x)
    ohm = _ohm(tech.M2, abs(pad_y - y) - PAD_UM / 2)
    if across >= PITCH_UM:
        pen.wire(tech.M1, (link.lower_x, y), (link.upper_x, y))
        pen.via(link.lower_x, y)
        pen.via(link.upper_x, y)
        ohm += _ohm(tech.M1, across) + 2 * _via_ohm()
    elif across:
        # Vias so close would break their rules; no other upright is within a pitch of these two.
        pen.wire(tech.M2, (link.lower_x, y), (link.upper_x, y))
        ohm += _ohm(tech.M2, across)
    pen.wire(tech.M2, (link.upper_x, y), (link.upper_x, pad_y))
    result.pads[link.net] = link.upper_x, pad_y
    result.line_ohm[link.net] = ohm
    if link.net.startswith("gnd"):
        pen.wire(tech.M2, (link.lower_x, 0.0), (link.lower_x, y))


def _heater_line(
    pen: _Pen,
    result: Routing,
    site: Site,
    x: float,
    channels: dict[int, tuple[list[Link], dict[str, int]]],
    first_track: float,
) -> None:
    sign = 1 if site.north else -1
    track_y = sign * (first_track + channels[sign][1][site.label] * PITCH_UM)
    pen.wire(tech.M1, (x, site.y_um), (site.x1_um, site.y_um))
    pen.via(x, site.y_um)
    pen.wire(tech.M2, (x, site.y_um), (x, track_y))
    result.line_ohm[site.label] += (
        _ohm(tech.M1, site.x1_um - CONTACT_UM / 2 - x)
        + _via_ohm()
        + _ohm(tech.M2, abs(track_y - site.y_um))
    )


def _ground(
    pen: _Pen,
    result: Routing,
    sites: Sequence[Site],
    bus_x: dict[int, float],
    fabric_half_um: float,
) -> None:
    rail_y = fabric_half_um + BUS_UM / 2
    for x in bus_x.values():
        pen.wire(tech.M2, (x, -rail_y), (x, rail_y), BUS_UM)
        for y in (-rail_y, rail_y):
            pen.via(x, y, BUS_UM, BUS_UM)
    for y in (-rail_y, rail_y):
        pen.wire(tech.M1, (min(bus_x.values()), y), (max(bus_x.values()), y), BUS_UM)
    for site in sites:
        x = bus_x[site.stage]
        pen.wire(tech.M1, (site.x2_um, site.y_um), (x, site.y_um))
        pen.via(x, site.y_um, BUS_UM, LINE_UM)


def _ground_ohm(
    result: Routing, sites: Sequence[Site], bus_x: dict[int, float], fabric_half_um: float
) -> None:
    """Solve the ground net as a resistor network with every ground pad at zero."""
    rail_y = fabric_half_um + BUS_UM / 2
    stages = list(bus_x)
    index: dict[tuple[int, float], int] = {}
    for stage in stages:
        levels = {-rail_y, rail_y} | {s.y_um for s in sites if s.stage == stage}
        for y in sorted(levels):
            index[stage, y] = len(index)
    conductance = np.zeros((len(index), len(index)))

    def join(a: int, b: int | None, ohm: float) -> None:
        conductance[a, a] += 1 / ohm
        if b is not None:
            conductance[b, b] += 1 / ohm
            conductance[a, b] -= 1 / ohm
            conductance[b, a] -= 1 / ohm

    for k, stage in enumerate(stages):
        levels = sorted(y for s, y in index if s == stage)
        for low, high in itertools.pairwise(levels):
            join(index[stage, low], index[stage, high], _ohm(tech.M2, high - low, BUS_UM))
        for sign, y in ((-1, -rail_y), (1, rail_y)):
            join(index[stage, y], None, result.line_ohm.pop(_ground_pad(k, sign)))
            if k:
                before = stages[k - 1]
                length = bus_x[stage] - bus_x[before]
                join(index[before, y], index[stage, y], _ohm(tech.M1, length, BUS_UM))
    resistance = np.linalg.inv(conductance)
    for site in sites:
        node = index[site.stage, site.y_um]
        # Vias take the current over the width of the bus: on average at its middle.
        length = bus_x[site.stage] - site.x2_um - CONTACT_UM / 2
        stub = _ohm(tech.M1, length) + _via_ohm(BUS_UM)
        result.ground_ohm[site.label] = stub + float(resistance[node, node])
