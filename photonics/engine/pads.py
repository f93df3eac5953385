"""Electrical lines of a lane to wire-bond pads along the east edge.

Each net has a track of its own on M1 in a band north of the lane's devices; M2 brings the pins up
to it, the easternmost to the southernmost track, so that both ends of a signal line do not cross.
East of everything the tracks move to the rows of the pads, in their order and so on one metal, and
each ends under its pad: nearer columns of pads are passed beneath.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, pads
from lightloom.photonics.engine import escape
from lightloom.photonics.engine import wires as engine_wires
from lightloom.photonics.engine.escape import Escape, Level, Terminal, Width
from lightloom.photonics.engine.parts import GROUND, Lane, Window, up
from lightloom.photonics.engine.plan import EnginePlan
from lightloom.photonics.engine.room import EDGE_UM
from lightloom.photonics.engine.wires import LaneBump, Wires
from lightloom.spec.base import DesignError

PAD_UM = 80.0
"""Side of a pad, wire-bond class."""
TIERS = 4
"""Columns of pads: bonders loop over three nearer rows; demonstration value."""
CLEAR_UM = 2.0
"""Between tracks, and between M2 pieces."""
STUB_UM = 300.0
"""Longest M1 stub from a pin: lines of rows above each other all go north."""
INSIDE_UM = 4.0
"""Tracks end at least this far from the sides of a pad."""


class _Net(NamedTuple):
    """A net of a lane with its pad's name."""

    net: str
    label: str
    width: Width
    ma: float


@dataclass(frozen=True)
class _Track:
    """A net's way: level in the band, level and place of its pad."""

    net: _Net
    y: float
    pad_x: float
    pad_y: float
    end_y: float


def wire(lane: Lane, plan: EnginePlan, east_um: float) -> Wires:
    """Draw the lines and pads of a lane on it; its height grows by the band.

    Args:
        lane: drawn, its devices up to `need_um`.
        plan: of the engine.
        east_um: where the room of the pads begins.

    Raises:
        RoutingError: they do not fit.
        DesignError: more pads than there is room for, or more current than a line bears.
    """
    search = Escape(engine_wires.region(lane, tech.M1), PAD_UM, STUB_UM)
    for rail in lane.rails:
        search.rail(GROUND, rail.x1, rail.x2, rail.y, rail.width)
    tracks = _tracks(lane, plan, east_um)
    levels = {track.net.label: track for track in tracks}
    for number, window in enumerate(lane.windows):
        search.solve(_terminals(lane, number, window, levels))
    engine_wires.draw_rails(lane, search.lines, plan.lanes * len(lane.rails) > 1)
    escape.render(lane.assembly.component, search.lines, 0.0)
    lines = {line.terminal.label: line for line in search.lines if line.terminal.label}
    columns = _columns(tracks)
    bumps: list[LaneBump] = []
    longest = 0.0
    shared: list[kdb.Box] = []
    for track in tracks:
        net, line = track.net, lines[track.net.label]
        at = east_um + columns[net.label]
        boxes = _boxes(track, line.at_um, at)
        if net.net == GROUND:
            shared += boxes
        ohm = line.ohm + _draw(lane, track, boxes, line.at_um)
        length = track.pad_x - line.at_um + abs(track.end_y - track.y)
        longest = max(longest, line.length_um + length)
        bumps.append(LaneBump(net.label, track.pad_x, track.pad_y, net.net, ohm, net.ma))
    engine_wires.stitch(lane, search, shared)
    engine_wires.note_widths(lane, search)
    returned = max(
        (engine_wires.mesh(rail, search.lines, lane) for rail in lane.rails), default=0.0
    )
    return Wires(tuple(bumps), longest, returned)


def _nets(lane: Lane) -> list[_Net]:
    """Nets of a lane from east to west; grounds are named as on a grid of bumps."""
    found: list[tuple[float, _Net]] = []
    for number, window in enumerate(lane.windows):
        for contact in window.contacts:
            electrode = contact.electrode
            if not contact.grounded:
                width = Width.of(electrode.ma, electrode.net, PAD_UM)
                net = _Net(electrode.net, electrode.bump, width, electrode.ma)
                found.append((contact.x_um, net))
        for label, x, ma in engine_wires.grounds(lane, number, window):
            found.append((x, _Net(GROUND, label, Width.of(ma, GROUND, PAD_UM), ma)))
    return [net for _, net in sorted(found, key=lambda one: (-one[0], one[1].label))]


def _tracks(lane: Lane, plan: EnginePlan, east_um: float) -> list[_Track]:
    nets = _nets(lane)
    levels: list[float] = []
    top = lane.need_um + EDGE_UM
    for net in nets:
        levels.append(up(top + net.width.m1_um / 2, 1.0))
        top = levels[-1] - net.width.m1_um / 2
        top += net.width.m1_um + CLEAR_UM
    lane.height_um = max(lane.height_um, up(top + EDGE_UM, 1.0))
    pitch = plan.pitch_um
    groups = _groups(nets, int(lane.height_um // pitch))
    lane.height_um = max(lane.height_um, up(len(groups) * pitch, 1.0))
    first = draw.on_grid(east_um + _jog_um(nets) + PAD_UM / 2)
    middle = lane.height_um / 2
    found: list[_Track] = []
    for row, here in enumerate(groups):
        pad_y = up(middle + (row - (len(groups) - 1) / 2) * pitch, 1.0)
        low = up(pad_y - _room(here) / 2, 1.0)
        for tier, net in enumerate(here):
            end_y = draw.on_grid(low + net.width.m1_um / 2)
            low += net.width.m1_um + CLEAR_UM
            pad_x = draw.on_grid(first + tier * pitch)
            found.append(_Track(net, levels[len(found)], pad_x, pad_y, end_y))
    return found


def _room(nets: Sequence[_Net]) -> float:
    """Width of lines side by side."""
    return sum(net.width.m1_um for net in nets) + CLEAR_UM * (len(nets) - 1)


def _jog_um(nets: Sequence[_Net]) -> float:
    """Room along x where tracks move to the rows of their pads."""
    return sum(net.width.m1_um + CLEAR_UM for net in nets) + PAD_UM


def _groups(nets: Sequence[_Net], rows: int) -> list[list[_Net]]:
    """Nets of each row of pads, in order, in as few columns as can be.

    More rows than `rows`, which need no room of their own, only where all columns are full.

    Raises:
        DesignError: a line is wider than a pad.
    """
    room = PAD_UM - 2 * INSIDE_UM
    groups: list[list[_Net]] = []
    for tiers in range(1, TIERS + 1):
        groups = [[]]
        for net in nets:
            if net.width.m1_um > room:
                raise DesignError(
                    f"net {net.net}: {net.ma:.1f} mA need a line of {net.width.m1_um:g} um on M1; "
                    f"allowed: at most {room:g} um, under a pad"
                )
            if len(groups[-1]) == tiers or _room([*groups[-1], net]) > room:
                groups.append([])
            groups[-1].append(net)
        if len(groups) <= rows:
            break
    return groups


def _terminals(
    lane: Lane, number: int, window: Window, tracks: dict[str, _Track]
) -> list[Terminal]:
    found: list[Terminal] = []
    rail = engine_wires.rail_of(lane, window)
    for contact in window.contacts:
        electrode = contact.electrode
        if contact.grounded:
            assert rail is not None
            if engine_wires.covered(contact, rail):
                continue
            label, level = "", Level(rail.y, rail.width)
        else:
            label, level = electrode.bump, _level(tracks[electrode.bump])
        place = (contact.pin, contact.x_um, contact.y_um)
        found.append(Terminal(electrode.net, label, *place, electrode.ma, (level,)))
    for label, x, ma in engine_wires.grounds(lane, number, window):
        assert rail is not None
        level = (_level(tracks[label]),)
        found.append(Terminal(GROUND, label, None, x, rail.y, ma, level, rail.width))
    return found


def _level(track: _Track) -> Level:
    return Level(track.y, track.net.width.m1_um)


def _columns(tracks: list[_Track]) -> dict[str, float]:
    """Place of each track's move, from the west of the jog.

    Of those that move north the northernmost moves first, of those that move south the
    southernmost: each has then left the levels that the next one comes through.
    """
    places: dict[str, float] = {}
    north = [track for track in tracks if track.end_y > track.y]
    south = [track for track in tracks if track.end_y <= track.y]
    for group in (north[::-1], south):
        x = 0.0
        for track in group:
            wide = track.net.width.m1_um
            places[track.net.label] = draw.on_grid(x + wide / 2)
            x += wide + CLEAR_UM
    return places


def _boxes(track: _Track, west: float, at: float) -> list[kdb.Box]:
    """M1 of a track from its line to its pad."""
    w = track.net.width
    half1, half2 = w.m1_um / 2, w.m2_um / 2
    low, high = sorted((track.y, track.end_y))
    return [
        escape.box(west - half2, track.y - half1, at + half1, track.y + half1),
        escape.box(at - half1, low - half1, at + half1, high + half1),
        escape.box(at - half1, track.end_y - half1, track.pad_x + half2, track.end_y + half1),
    ]


def _draw(lane: Lane, track: _Track, boxes: list[kdb.Box], west: float) -> float:
    """Draw a track and its pad; returns its resistance."""
    component, w = lane.assembly.component, track.net.width
    for box in boxes:
        component.shapes(component.kcl.layer(*tech.M1)).insert(box)
    via = pads.via_stack(width=w.m2_um, height=w.m1_um)
    lane.assembly.place(via, track.pad_x, track.end_y)
    lane.assembly.place(pads.bond_pad(size=PAD_UM), track.pad_x, track.pad_y)
    length = track.pad_x - west + abs(track.end_y - track.y)
    return tech.SHEET_OHM[tech.M1] * length / w.m1_um + tech.VIA_OHM / w.cuts
