"""Electrical lines of a lane: every pin to a bump on the grid above it, heater returns to ground.

All lanes stand alike under the grid of bumps, so a lane is wired once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import klayout.db as kdb
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, pads
from lightloom.photonics.engine import escape
from lightloom.photonics.engine.escape import Escape, Level, Line, Site, Terminal
from lightloom.photonics.engine.integration import LANDING_UM, bump_um
from lightloom.photonics.engine.parts import GROUND, Contact, Lane, Rail, Window
from lightloom.photonics.engine.plan import EnginePlan
from lightloom.spec.base import DesignError

NEAR_UM = 100.0
"""Bumps within this distance of a pin along x, or within three pitches, are tried for it."""
ROOM_UM = 3.0
"""Least side of an overlap that has room for a via."""
NEARLY = 1e-6
"""Rounding of a count of pitches."""
SHARE_MA = 16.0
"""Rails that bear so much bring the returns of a window to one ground bump; others each to one."""
FILL = 0.7
"""Part of what a rail bears that goes to one ground bump: neighbours bring some more."""


class LaneBump(NamedTuple):
    """A bump of a lane; names as inside a lane."""

    name: str
    x_um: float
    y_um: float
    net: str
    ohm: float
    """To its pin; a ground bump's line to the rail."""
    ma: float


@dataclass(frozen=True)
class Wires:
    """The electrical side of a lane."""

    bumps: tuple[LaneBump, ...]
    longest_um: float
    return_ohm: float
    """Largest resistance from a heater's return to the ground bumps together."""


def wire(lane: Lane, plan: EnginePlan) -> Wires:
    """Draw the lines of a lane on it.

    Raises:
        RoutingError: they do not fit.
        DesignError: a current is more than its line bears.
    """
    size = bump_um(plan.pitch_um)
    landing = size + LANDING_UM
    search = Escape(region(lane, tech.M1), landing, plan.pitch_um)
    for rail in lane.rails:
        search.rail(GROUND, rail.x1, rail.x2, rail.y, rail.width)
    grid = _Grid(lane, plan, landing)
    returns: list[Line] = []
    for number, window in enumerate(lane.windows):
        returns += _solve(search, grid, lane, window, number)
    draw_rails(lane, search.lines, plan.lanes * len(lane.rails) > 1)
    escape.render(lane.assembly.component, search.lines, size)
    stitch(lane, search)
    bumps: list[LaneBump] = []
    ground = 0.0
    for rail in lane.rails:
        ground = max(ground, mesh(rail, search.lines, lane))
    note_widths(lane, search)
    for line in search.lines:
        if isinstance(line.target, Site):
            start, at = line.terminal, line.target
            bumps.append(LaneBump(start.label, at.x_um, at.y_um, start.net, line.ohm, start.ma))
    longest = max(line.length_um for line in search.lines)
    return Wires(tuple(bumps), longest, ground)


def draw_rails(lane: Lane, lines: Sequence[Line], strapped: bool) -> None:
    """Draw the ground rails of a lane, each as far as the last of what it joins.

    They start at the strap that joins them, or at the first of what they join.
    """
    for rail in lane.rails:
        half = rail.width / 2
        on = [line for line in lines if _is_on(line, rail)]
        ends = [line.at_um + side * line.width.m2_um / 2 for line in on for side in (-1, 1)]
        ends += [contact.x_um for contact in _on_rail(lane, rail)]
        start = rail.x1 if strapped else min(ends)
        box = (start, rail.y - half, draw.on_grid(max(ends)), rail.y + half)
        draw.box(lane.assembly.component, tech.M1, *box)


def note_widths(lane: Lane, search: Escape) -> None:
    """Write the least width of each net's lines into the netlist."""
    for line in search.lines:
        width = min(line.width.m1_um, line.width.m2_um)
        lane.assembly.line_width(line.terminal.net, width)


def stitch(lane: Lane, search: Escape, tracks: Sequence[kdb.Box] = ()) -> None:
    """Join ground lines where they cross: each joint makes the return better.

    `tracks` are M1 of the ground beside the rails and the lines of `search`.
    """
    m1, m2, cuts = kdb.Region(), kdb.Region(), kdb.Region()
    for rail in lane.rails:
        half = rail.width / 2
        m1.insert(escape.box(rail.x1, rail.y - half, rail.x2, rail.y + half))
    for track in tracks:
        m1.insert(track)
    for line in search.lines:
        if line.terminal.net == GROUND:
            stub, pieces = line.boxes()
            m1.insert(stub)
            for piece in search.metal(line, pieces):
                m2.insert(piece)
            for via in line.vias():
                cuts.insert(via)
    devices = region(lane, tech.DEVREC)
    for place in ((m1 & m2).merged().not_interacting(cuts) - devices).each():
        at = place.bbox()
        width, height = (side // 2 * 2 * tech.DBU_UM for side in (at.width(), at.height()))
        if place.is_box() and min(width, height) >= ROOM_UM:
            cell = pads.via_stack(width=width, height=height)
            x, y = at.left * tech.DBU_UM + width / 2, at.bottom * tech.DBU_UM + height / 2
            lane.assembly.place(cell, x, y)


def covered(contact: Contact, rail: Rail) -> bool:
    """A contact lies on a rail and needs no line to it."""
    return abs(contact.y_um - rail.y) <= rail.width / 2


def _is_on(line: Line, rail: Rail) -> bool:
    """A line starts or ends on a rail."""
    starts = line.terminal.rail_um is not None and line.terminal.y_um == rail.y
    return starts or (isinstance(line.target, Level) and line.target.y_um == rail.y)


def _on_rail(lane: Lane, rail: Rail) -> list[Contact]:
    """Grounded contacts that lie on a rail."""
    return [
        contact
        for window in lane.windows
        if window.rail_y == rail.y
        for contact in window.contacts
        if contact.grounded and covered(contact, rail)
    ]


def region(lane: Lane, layer: tech.Layer) -> kdb.Region:
    """Shapes of a layer of a lane, flat and merged."""
    component = lane.assembly.component
    index = component.kcl.layer(*layer)
    return kdb.Region(component.kdb_cell.begin_shapes_rec(index)).merged()


def rail_of(lane: Lane, window: Window) -> Rail | None:
    """The ground rail of a window."""
    return next((rail for rail in lane.rails if rail.y == window.rail_y), None)


class _Grid:
    """The places of bumps over a lane."""

    def __init__(self, lane: Lane, plan: EnginePlan, landing: float) -> None:
        self.pitch = plan.pitch_um
        self.landing = landing
        self.blocked = kdb.Shapes()
        if not plan.integration.over_devices:
            self.blocked.insert(region(lane, tech.DEVREC))

    def sites(self, window: Window) -> list[Site]:
        """Places within a window that no device forbids."""
        found: list[Site] = []
        spans = ((window.x1, window.x2), (window.y1, window.y2))
        columns, rows = (
            range(math.ceil(low / self.pitch - NEARLY), math.floor(high / self.pitch + NEARLY))
            for low, high in spans
        )
        half = self.landing / 2
        for i, j in itertools.product(columns, rows):
            x, y = (draw.on_grid((k + 0.5) * self.pitch) for k in (i, j))
            box = kdb.Box(draw.point(x - half, y - half), draw.point(x + half, y + half))
            if not any(s.polygon.touches(box) for s in self.blocked.each_touching(box)):
                found.append(Site(x, y))
        return found


def _solve(search: Escape, grid: _Grid, lane: Lane, window: Window, number: int) -> list[Line]:
    sites = grid.sites(window)
    reach = max(NEAR_UM, 3 * grid.pitch)

    def near(x: float) -> tuple[Site, ...]:
        return tuple(site for site in sites if abs(site.x_um - x) <= reach)

    terminals = [
        Terminal(
            c.electrode.net, c.electrode.bump, c.pin, c.x_um, c.y_um, c.electrode.ma, near(c.x_um)
        )
        for c in window.contacts
        if not c.grounded
    ]
    grounded = [contact for contact in window.contacts if contact.grounded]
    rail = rail_of(lane, window)
    if rail is not None:
        level = (Level(rail.y, rail.width),)
        terminals += [
            Terminal(GROUND, "", c.pin, c.x_um, c.y_um, c.electrode.ma, level)
            for c in grounded
            if not covered(c, rail)
        ]
        for label, x, ma in grounds(lane, number, window):
            terminals.append(Terminal(GROUND, label, None, x, rail.y, ma, near(x), rail.width))
    return search.solve(terminals)


def grounds(lane: Lane, number: int, window: Window) -> list[tuple[str, float, float]]:
    """Ground lines of a window: name, place on its rail, and current."""
    rail = rail_of(lane, window)
    if rail is None:
        return []
    places = _anchors([contact for contact in window.contacts if contact.grounded], rail)
    return [(f"gnd@_{number}" + (f"_{k}" if k else ""), x, ma) for k, (x, ma) in enumerate(places)]


def _anchors(grounded: Sequence[Contact], rail: Rail) -> list[tuple[float, float]]:
    """Where ground lines join a rail, and their current: one for returns that are near."""
    most = FILL * rail.width * tech.CURRENT_MA_PER_UM[tech.M1]
    strong = most >= FILL * SHARE_MA
    near = 2 * NEAR_UM if strong else 0.0
    groups: list[list[Contact]] = []
    for contact in sorted(grounded, key=lambda c: c.x_um):
        total = sum(c.electrode.ma for c in groups[-1]) + contact.electrode.ma if groups else 0.0
        if groups and contact.x_um - groups[-1][0].x_um <= near and total <= most:
            groups[-1].append(contact)
        else:
            groups.append([contact])
    return [
        (draw.on_grid(sum(c.x_um for c in group) / len(group)), sum(c.electrode.ma for c in group))
        for group in groups
    ]


def mesh(rail: Rail, lines: Sequence[Line], lane: Lane) -> float:
    """Largest resistance from a return on a rail to the ends of its ground lines together.

    Raises:
        DesignError: a piece of the rail would bear more than it may.
    """
    bumps: list[tuple[float, float]] = []
    returns: list[tuple[float, float, float]] = []
    for line in lines:
        if line.terminal.rail_um is not None and _is_on(line, rail):
            bumps.append((line.at_um, line.ohm))
        elif _is_on(line, rail):
            returns.append((line.at_um, line.ohm, line.terminal.ma))
    returns += [(c.x_um, 0.0, c.electrode.ma) for c in _on_rail(lane, rail)]
    if not returns:
        return 0.0
    places = sorted({x for x, _ in bumps} | {x for x, _, _ in returns})
    node = {x: k for k, x in enumerate(places)}
    conductance = np.zeros((len(places), len(places)))
    sheet = tech.SHEET_OHM[tech.M1] / rail.width
    pieces = [(node[a], node[b], sheet * (b - a)) for a, b in itertools.pairwise(places)]
    for a, b, ohm in pieces:
        conductance[[a, b], [a, b]] += 1 / ohm
        conductance[[a, b], [b, a]] -= 1 / ohm
    for x, ohm in bumps:
        conductance[node[x], node[x]] += 1 / ohm
    resistance = np.linalg.inv(conductance)
    injected = np.zeros(len(places))
    for x, _, ma in returns:
        injected[node[x]] += ma
    volts = resistance @ injected
    worst = max((abs(volts[a] - volts[b]) / ohm for a, b, ohm in pieces), default=0.0)
    most = tech.CURRENT_MA_PER_UM[tech.M1] * rail.width
    if worst > most:
        raise DesignError(
            f"net {GROUND}: {worst:.1f} mA in a rail of {rail.width:g} um on M1; allowed: at most "
            f"{most:g} mA"
        )
    return max(ohm + float(resistance[node[x], node[x]]) for x, ohm, _ in returns)
