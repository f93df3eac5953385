"""Electrical routing of a switch chip: driven devices to contacts on the north and south edges.

M1 runs horizontally, M2 vertically, so wires of one metal only meet where the channel router has
kept them apart. A third metal takes over what runs across in the channels, and the ground rails.
Each device has a line to its own contact, left of its column. Their other ends share one ground: a
bus right of each column, joined by a rail on both sides of the fabric, with a contact at each end
of each bus. What does not fit, or would carry more current than its metal bears, is an error; a
collision is never drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw, pads
from lightloom.photonics.switch import ground
from lightloom.photonics.switch.channel import Link, OverloadError, RoutingError, assign, spread
from lightloom.photonics.switch.contacts import Rows, rows

__all__ = ["Load", "OverloadError", "Routing", "RoutingError", "Site", "Wiring", "route", "wiring"]

LINE_UM = 8.0
"""Least width of a signal line on both metals."""
CLEAR_UM = 6.0
"""Between two lines of a channel, and between a line and a contact it passes."""
BUS_UM = 16.0
"""Least width of ground buses and rails."""
ESCAPE_UM = 20.0
"""From a device contact's middle to the first vertical line beside it."""
LANDING_VIA = 0.6
"""Side of the cuts under a contact on the third metal, over that of its landing."""
STEPS_UM = (0.0, 5.0, -5.0, 9.0, -9.0, 13.0, -13.0)
"""Shifts of a row of contacts that are tried when tracks would have to pass each other."""


@dataclass(frozen=True)
class Site:
    """A driven device: its label, and where its two contacts are."""

    label: str
    device: str
    column: int
    """Devices of one column share a bus; columns are numbered from the left."""
    signal: tuple[str, float, float]
    """Pin, and the middle of its contact."""
    ground: tuple[str, float, float]
    half_um: float
    """Half width of the contacts, which add no resistance worth counting."""
    ma: float
    """Current at half a turn, less where only a part of the column is driven at once."""
    peak_ma: float
    """Most that its driver can give."""

    @property
    def north(self) -> bool:
        """The line leaves to the north edge."""
        return self.signal[2] > 0


class _Via(NamedTuple):
    """One cut below a metal."""

    ohm: float
    bears_ma: float


_VIA = {
    2: _Via(tech.VIA_OHM, tech.CURRENT_MA_PER_VIA),
    3: _Via(tech.VIA2_OHM, tech.CURRENT_MA_PER_VIA2),
}


@dataclass(frozen=True)
class Wiring:
    """Widths that follow from the currents."""

    metals: int
    line_um: float
    pitch_um: float
    bus_um: Mapping[int, float]
    """Of each column."""
    feed_um: Mapping[int, float]
    """Of the lines from the bus of each column to its contacts."""
    rail_um: float

    def left_um(self, heights_um: Sequence[float]) -> float:
        """Room that a column needs left of its signal contacts, which are at these heights."""
        norths = [height > 0 for height in heights_um]
        most = max(norths.count(True), norths.count(False))
        return ESCAPE_UM + most * self.pitch_um + CLEAR_UM

    def right_um(self, column: int) -> float:
        """Room that a column needs right of its rightmost ground contact."""
        return ESCAPE_UM + max(self.bus_um[column], self.feed_um[column]) + CLEAR_UM


@dataclass
class Routing:
    """What was routed."""

    half_height_um: float
    """The die reaches this far north and south of the axis."""
    rows: Rows
    wiring: Wiring
    pads: dict[str, tuple[float, float]] = field(default_factory=dict)
    line_ohm: dict[str, float] = field(default_factory=dict)
    """Resistance from the device's contact to its pad."""
    ground_ohm: dict[str, float] = field(default_factory=dict)
    """Resistance from the device's other contact to all ground pads together."""
    tracks: tuple[int, int] = (0, 0)
    """Horizontal tracks in the south and in the north channel."""
    load: dict[str, float] = field(default_factory=dict)
    """Largest current over what the metal bears: of lines, buses, rails, contacts."""


def _ohm(layer: tech.Layer, length: float, width: float) -> float:
    return tech.SHEET_OHM[layer] * length / width


def _bears_ma(layer: tech.Layer, width: float) -> float:
    return tech.CURRENT_MA_PER_UM[layer] * width


def _across(metals: int) -> tech.Layer:
    """The metal of wires that run across the uprights."""
    return tech.M3 if metals == 3 else tech.M1


class Load(NamedTuple):
    """Current of one device: its column, at half a turn, and at most."""

    column: int
    ma: float
    peak_ma: float


def wiring(loads: Sequence[Load], margin: float = 1.0, metals: int = 2) -> Wiring:
    """Return widths for the currents of `loads`; they are checked again when all is routed.

    How the current spreads over the ground mesh is not known before it is drawn: `margin` makes
    its wires that much wider.
    """
    most = tech.CURRENT_MA_PER_UM
    weakest = min(most[layer] for layer in (tech.M1, tech.M2))
    across = most[_across(metals)]
    line = max(LINE_UM, _even(max(load.peak_ma for load in loads) / weakest))
    bus: dict[int, float] = {}
    for load in loads:
        bus[load.column] = bus.get(load.column, 0.0) + load.ma
    # Half of a column's current goes to each end, a fifth more where neighbours help unevenly; a
    # column with few devices helps its neighbours.
    largest = max(bus.values())
    ends = {c: margin * 0.6 * max(ma, largest / 4) for c, ma in sorted(bus.items())}
    return Wiring(
        metals,
        line,
        line + CLEAR_UM,
        {column: max(BUS_UM, _even(ma / most[tech.M2])) for column, ma in ends.items()},
        {column: max(line, _even(ma / min(across, most[tech.M2]))) for column, ma in ends.items()},
        max(BUS_UM, _even(margin * 0.2 * largest / across)),
    )


def _even(width: float) -> float:
    """Next even number of um: middles of wires stay on the grid."""
    return 2.0 * -(-width // 2.0)


def route(
    assembly: Assembly,
    sites: Sequence[Site],
    widths: Wiring,
    fabric_half_um: float,
    die_half_um: float,
    pad_span_um: tuple[float, float],
    contacts: Literal["pads", "bumps"] = "pads",
) -> Routing:
    """Draw all electrical wires and contacts and write their nets.

    Args:
        assembly: chip with the devices placed; the axis is y = 0.
        sites: the devices.
        widths: from `wiring` of the same sites.
        fabric_half_um: devices reach this far from the axis where lines run.
        die_half_um: least half height of the die.
        pad_span_um: contacts stay between these x.
        contacts: bond pads or micro-bumps.

    Raises:
        RoutingError: when contacts or tracks do not fit, or a current is too large.
    """
    run = _Run(assembly, sites, widths, contacts)
    run.channels(fabric_half_um, die_half_um, pad_span_um)
    run.check_lines()
    run.lines()
    run.ground(fabric_half_um)
    run.names()
    return run.result


class _Run:
    def __init__(
        self,
        assembly: Assembly,
        sites: Sequence[Site],
        widths: Wiring,
        contacts: Literal["pads", "bumps"],
    ) -> None:
        self.assembly = assembly
        self.sites = sites
        self.widths = widths
        self.contacts: Literal["pads", "bumps"] = contacts
        self.across = _across(widths.metals)
        self.columns = sorted({site.column for site in sites})
        self.bus_x = {
            column: draw.on_grid(
                max(s.ground[1] for s in sites if s.column == column)
                + ESCAPE_UM
                + (widths.bus_um[column] - BUS_UM) / 2
            )
            for column in self.columns
        }
        self.line_x = _lines(sites, widths.pitch_um)
        self.links: dict[int, list[Link]] = {}
        self.track_y: dict[str, float] = {}
        self.row: dict[str, int] = {}
        self.feed: dict[str, float] = {}
        self.first_track = 0.0

    # Planning ------------------------------------------------------------------------------------

    def channels(self, fabric_half: float, die_half: float, span: tuple[float, float]) -> None:
        line, pitch = self.widths.line_um, self.widths.pitch_um
        edges: dict[int, list[_Pin]] = {}
        for side in (-1, 1):
            pins = [
                _Pin(self.line_x[site.label], site.label, line)
                for site in self.sites
                if site.north == (side > 0)
            ]
            for k, column in enumerate(self.columns):
                net, width = _ground_pad(k, side), self.widths.feed_um[column]
                pins.append(_Pin(self.bus_x[column], net, width))
                self.feed[net] = width
            edges[side] = sorted(pins)
        wide = [[pin.width_um - line for pin in pins] for pins in edges.values()]
        room = span[1] - span[0]
        found = rows(self.contacts, wide, room, line, CLEAR_UM, self.widths.metals)
        heights: list[float] = []
        self.first_track = fabric_half + self.widths.rail_um + CLEAR_UM
        for side, pins in edges.items():
            places, steps = found.arrange([pin.width_um - line for pin in pins])
            self.row |= {pin.net: row for pin, row in zip(pins, places, strict=True)}
            links, tracks = _assign(pins, steps, span, pitch, line)
            at, middles = self.first_track, list[float]()
            for track in range(max(tracks.values()) + 1):
                nets = [net for net, chosen in tracks.items() if chosen == track]
                height = max(self.feed.get(net, line) for net in nets)
                middles.append(draw.on_grid(side * (at + height / 2)))
                at += height + CLEAR_UM
            heights.append(at)
            self.links[side] = links
            self.track_y |= {net: middles[track] for net, track in tracks.items()}
        count = [len({self.track_y[link.net] for link in self.links[side]}) for side in (-1, 1)]
        self.result = Routing(
            max(die_half, draw.on_grid(max(heights) + found.height_um)),
            found,
            self.widths,
            tracks=(count[0], count[1]),
        )

    def check_lines(self) -> None:
        line = self.widths.line_um
        cuts = [
            self._via_cuts(line, line, metal) * _VIA[metal].bears_ma
            for metal in (2, self.widths.metals)
        ]
        limit = min(_bears_ma(tech.M1, line), _bears_ma(tech.M2, line), *cuts)
        worst = max(self.sites, key=lambda site: site.peak_ma)
        self.result.load["lines"] = worst.peak_ma / limit
        if worst.peak_ma > limit:
            raise RoutingError(
                f"line {worst.label} carries up to {worst.peak_ma:.1f} mA; "
                f"allowed: {limit:.1f} mA on {line:g} um"
            )

    # Drawing -------------------------------------------------------------------------------------

    def _wire(
        self,
        layer: tech.Layer,
        start: tuple[float, float],
        stop: tuple[float, float],
        width: float,
    ) -> None:
        """A wire by its end points; it ends half a width beyond them."""
        half = width / 2
        (x1, x2), (y1, y2) = sorted((start[0], stop[0])), sorted((start[1], stop[1]))
        draw.box(self.assembly.component, layer, x1 - half, y1 - half, x2 + half, y2 + half)

    def _via(self, x: float, y: float, width: float, height: float, metal: int = 2) -> None:
        """Join an upright to the metal below it, or above it with `metal` 3."""
        self.assembly.place(pads.via_stack(width=width, height=height, metal=metal), x, y)

    def _via_cuts(self, width: float, height: float, metal: int = 2) -> int:
        return pads.via_stack(width=width, height=height, metal=metal).info["cuts"]

    def _via_ohm(self, width: float, height: float, metal: int = 2) -> float:
        return _VIA[metal].ohm / self._via_cuts(width, height, metal)

    def lines(self) -> None:
        for side, links in self.links.items():
            for link in links:
                self._channel_line(link, side)
        for site in self.sites:
            self._device_line(site)

    def _channel_line(self, link: Link, side: int) -> None:
        """From the channel's track to the contact; others bring the net to the track."""
        line, result = self.feed.get(link.net, self.widths.line_um), self.result
        y = self.track_y[link.net]
        from_axis = result.rows.middle_um(self.row[link.net], result.half_height_um)
        pad_y = draw.on_grid(side * from_axis)
        across = abs(link.upper_x - link.lower_x)
        ohm = _ohm(tech.M2, abs(pad_y - y) - result.rows.contact.landing_um / 2, line)
        if across >= line + CLEAR_UM:
            self._wire(self.across, (link.lower_x, y), (link.upper_x, y), line)
            self._via(link.lower_x, y, line, line, self.widths.metals)
            self._via(link.upper_x, y, line, line, self.widths.metals)
            vias = 2 * self._via_ohm(line, line, self.widths.metals)
            ohm += _ohm(self.across, across, line) + vias
        elif across:
            # Vias so close would break their rules; no other upright is within a pitch of these.
            self._wire(tech.M2, (link.lower_x, y), (link.upper_x, y), line)
            ohm += _ohm(tech.M2, across, line)
        # A line wider than the landing ends where the landing does.
        end = pad_y + side * (min(line, result.rows.contact.landing_um) - line) / 2
        self._wire(tech.M2, (link.upper_x, y), (link.upper_x, end), line)
        if self.widths.metals == 3:
            side_um = LANDING_VIA * result.rows.contact.landing_um
            self._via(link.upper_x, pad_y, side_um, side_um, 3)
            ohm += self._via_ohm(side_um, side_um, 3)
        result.pads[link.net] = link.upper_x, pad_y
        result.line_ohm[link.net] = ohm
        if link.net in self.feed:
            self._wire(tech.M2, (link.lower_x, 0.0), (link.lower_x, y), line)

    def _device_line(self, site: Site) -> None:
        line = self.widths.line_um
        x, y = self.line_x[site.label], site.signal[2]
        track_y = self.track_y[site.label]
        self._wire(tech.M1, (x, y), (site.signal[1], y), line)
        self._via(x, y, line, line)
        self._wire(tech.M2, (x, y), (x, track_y), line)
        self.result.line_ohm[site.label] += (
            _ohm(tech.M1, site.signal[1] - site.half_um - x, line)
            + self._via_ohm(line, line)
            + _ohm(tech.M2, abs(track_y - y), line)
        )

    def ground(self, fabric_half: float) -> None:
        """Draw the ground mesh, solve it, and hold it against what its metal bears."""
        line, rail = self.widths.line_um, self.widths.rail_um
        rail_y = draw.on_grid(fabric_half + rail / 2)
        for column, x in self.bus_x.items():
            bus = self.widths.bus_um[column]
            self._wire(tech.M2, (x, -rail_y), (x, rail_y), bus)
        xs = self.bus_x.values()
        for y in (-rail_y, rail_y) if len(xs) > 1 else ():
            self._wire(self.across, (min(xs), y), (max(xs), y), rail)
            for column, x in self.bus_x.items():
                self._via(x, y, self.widths.bus_um[column], rail, self.widths.metals)
        stubs: list[ground.Stub] = []
        for site in self.sites:
            x, bus, y = self.bus_x[site.column], self.widths.bus_um[site.column], site.ground[2]
            self._wire(tech.M1, (site.ground[1], y), (x, y), line)
            self._via(x, y, bus, line)
            # Vias take the current over the width of the bus: on average at its middle.
            length = x - site.ground[1] - site.half_um
            ohm = _ohm(tech.M1, length, line) + self._via_ohm(bus, line)
            stubs.append(ground.Stub(site.label, site.column, y, ohm, site.ma))
        contact_ohm = {
            (column, side): self.result.line_ohm.pop(_ground_pad(k, side))
            for k, column in enumerate(self.columns)
            for side in (-1, 1)
        }
        mesh = ground.solve(
            stubs,
            self.bus_x,
            rail_y,
            {c: tech.SHEET_OHM[tech.M2] / self.widths.bus_um[c] for c in self.columns},
            tech.SHEET_OHM[self.across] / rail,
            contact_ohm,
        )
        self.result.ground_ohm = dict(mesh.ohm)
        for column in self.columns:
            bears = _bears_ma(tech.M2, self.widths.bus_um[column])
            self._bear("buses", f"ground bus {column}", mesh.bus_ma[column], bears)
        self._bear("rails", "ground rail", mesh.rail_ma, _bears_ma(self.across, rail))
        for (column, _), ma in mesh.contact_ma.items():
            width = self.widths.feed_um[column]
            bears = min(_bears_ma(layer, width) for layer in (tech.M2, self.across))
            self._bear("contacts", f"ground contact of bus {column}", ma, bears)

    def _bear(self, kind: str, name: str, ma: float, limit: float) -> None:
        self.result.load[kind] = max(self.result.load.get(kind, 0.0), ma / limit)
        if ma > limit:
            raise OverloadError(f"{name} carries {ma:.0f} mA; allowed: {limit:.0f} mA")

    def names(self) -> None:
        for site in self.sites:
            self.assembly.electrical_pin(site.label, (site.device, site.signal[0]))
            self.assembly.electrical_pin("gnd", (site.device, site.ground[0]))
            for net in (site.label, "gnd"):
                self.assembly.line_width(net, self.widths.line_um)
                self.assembly.netlist.electrical[net].loops = 0
        # Every bus but the first closes a loop with the rails.
        self.assembly.netlist.electrical["gnd"].loops = len(self.columns) - 1
        contact = self.result.rows.contact
        for label, (x, y) in self.result.pads.items():
            self.assembly.place(contact.cell, x, y)
            net = "gnd" if label.startswith("gnd") else label
            self.assembly.electrical_port(label, net, x, y, size_um=contact.landing_um / 4)


def _ground_pad(index: int, side: int) -> str:
    return f"gnd{2 * index + (side > 0)}"


class _Pin(NamedTuple):
    """Where a net comes up from the fabric."""

    x_um: float
    net: str
    width_um: float


def _assign(
    pins: Sequence[_Pin],
    steps: Sequence[float],
    span: tuple[float, float],
    pitch: float,
    line: float,
) -> tuple[list[Link], dict[str, int]]:
    """Places of the contacts and tracks of the nets of one side."""
    refused: RoutingError | None = None
    for shift in STEPS_UM:
        places = spread([pin.x_um + shift for pin in pins], steps, *span)
        links = [
            Link(pin.net, pin.x_um, draw.on_grid(place), pin.width_um - line)
            for pin, place in zip(pins, places, strict=True)
        ]
        try:
            return links, assign(links, pitch)
        except RoutingError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _lines(sites: Sequence[Site], pitch: float) -> dict[str, float]:
    """Place of the vertical line of each device, left of its column.

    On each side the device next to the edge takes the line next to the devices: its own stub to
    the left then passes under no other stub's via.
    """
    lines: dict[str, float] = {}
    for column in sorted({site.column for site in sites}):
        for north in (True, False):
            group = [s for s in sites if s.column == column and s.north == north]
            group.sort(key=lambda s: -abs(s.signal[2]))
            for k, site in enumerate(group):
                left = min(s.signal[1] for s in group)
                lines[site.label] = draw.on_grid(left - ESCAPE_UM - k * pitch)
    return lines
