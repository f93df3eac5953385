"""Metal of a chip against the intended nets: opens, shorts, exchanged terminals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import klayout.db as kdb

from lightloom.photonics.checks import conductors, locate
from lightloom.photonics.checks.comparison import Comparison
from lightloom.photonics.checks.conductors import Terminal
from lightloom.photonics.netlist import Pin

NEAR = 20_000
"""A gap in one metal shorter than this (database units) is the place of an open."""

JOINT_UM = 3.1
"""Cuts this close to one another are one joint."""

Parts = Mapping[str, set[str]]
"""Extracted nets that the terminals of each intended net are on."""


def compare(run: Comparison) -> None:
    """Compare nets as sets of terminals: device pins and pad labels."""
    home: dict[str, str] = {}
    for name, net in run.found.electrical.items():
        for terminal in _terminals(net.pins, net.pads):
            home.setdefault(terminal, name)
    meant: dict[str, str] = {}
    parts: dict[str, set[str]] = {}
    for name, net in run.intended.electrical.items():
        there = [pin for pin in map(run.there, net.pins) if pin is not None]
        for terminal in _terminals(there, net.pads):
            meant[terminal] = name
            if terminal in home:
                parts.setdefault(name, set()).add(home[terminal])
        for pad in net.pads:
            if f"pad {pad}" not in home:
                run.add("MISSING", f"pad {pad}", _near_net(run, net.pins))
    _islands(run, parts, meant)
    _shapes(run, parts)
    for name, net in run.extraction.nets.items():
        for terminal in net.terminals:
            if terminal.device is None and _key(terminal) not in meant:
                run.add("EXTRA", f"pad {terminal.label} on net {name}", terminal.point)
            elif terminal.device is not None and len(net.terminals) > 1:
                _unmeant(run, name, terminal, meant)


def _shapes(run: Comparison, parts: Parts) -> None:
    """Nets that join what they should: their lines are wide enough and joined as often as meant."""
    owners = Counter(name for names in parts.values() for name in names)
    whole = {
        ours: next(iter(theirs))
        for ours, theirs in sorted(parts.items())
        if len(theirs) == 1 and owners[next(iter(theirs))] == 1
    }
    own = kdb.Region(
        [
            device.outline
            for device in run.extraction.devices.values()
            if any(not port.optical for port in device.ports.values())
        ]
    )
    for ours, theirs in whole.items():
        _loops(run, ours, theirs)
    widths: dict[float, list[str]] = {}
    for ours, theirs in whole.items():
        width = run.intended.electrical[ours].width_um
        if width is not None:
            widths.setdefault(width, []).append(theirs)
    for width, names in widths.items():
        _narrow(run, width, names, own)


def _loops(run: Comparison, ours: str, theirs: str) -> None:
    """A mesh that is joined at fewer places than meant, though nothing is cut off.

    Metals of a net may cross without a cut; where one is missing the overlap looks like those that
    have one.
    """
    wanted, net = run.intended.electrical[ours].loops, run.extraction.nets[theirs]
    if wanted is None:
        return
    found = conductors.loops(net, round(JOINT_UM / run.extraction.chip.dbu))
    if found >= wanted:
        return
    joined, bare = conductors.crossings(net)
    usual = Counter(_size(place) for place in joined)
    most = max((usual[_size(place)] for place in bare), default=0)
    alike = [place.bbox().center() for place in bare if most and usual[_size(place)] == most]
    text = f"net {ours} has {found} loops of metal; intended {wanted}: a joint is missing"
    for at in alike or [net.terminals[0].point]:
        run.add("LOOPS", text, at)


def _size(place: kdb.Polygon) -> tuple[int, int]:
    return place.bbox().width(), place.bbox().height()


def _narrow(run: Comparison, width: float, names: Iterable[str], own: kdb.Region) -> None:
    """Lines narrower than meant; inside devices, `own`, metal is the device's own affair."""
    dbu = run.extraction.chip.dbu
    for metal in conductors.METALS:
        shapes = (run.extraction.nets[name].shapes.get(metal, ()) for name in names)
        lines = kdb.Region([polygon for some in shapes for polygon in some])
        marks = lines.width_check(round(width / dbu), metrics=kdb.Metrics.Projection).polygons(1)
        for place in (marks.merged() - own).each():
            box = place.bbox()
            found = min(box.width(), box.height()) - 2
            if found > 2:  # else it is the rim of the mark of a place inside a device
                text = f"{metal} line is {found * dbu:.3f} um wide here; intended {width:g} um"
                run.add("PARAMETER", text, box.center())


def _unmeant(run: Comparison, net: str, terminal: Terminal, meant: Mapping[str, str]) -> None:
    """A pin that is meant to be joined to nothing is on a net with others."""
    known = terminal.device is not None and terminal.device.name in run.back
    if known and _key(terminal) not in meant:
        text = f"metal joins {_title(run, terminal)} to net {net}; intended to nothing"
        run.add("EXTRA", text, terminal.point)


def _near_net(run: Comparison, pins: Iterable[Pin]) -> kdb.Point:
    for pin in map(run.there, pins):
        if pin is not None:
            return run.place(pin)
    return run.extraction.chip.top.bbox().center()


def _islands(run: Comparison, parts: Parts, meant: Mapping[str, str]) -> None:
    """Judge each group of intended and extracted nets that hang together."""
    owners: dict[str, set[str]] = {}
    for ours, theirs in parts.items():
        for name in theirs:
            owners.setdefault(name, set()).add(ours)
    left = set(parts)
    while left:
        island, queue = set[str](), [min(left)]
        while queue:
            ours = queue.pop()
            if ours not in island:
                island.add(ours)
                queue += [other for name in parts[ours] for other in owners[name]]
        left -= island
        theirs = set().union(*(parts[ours] for ours in island))
        if len(island) == len(theirs) > 1:
            _crossed(run, sorted(island), parts, meant)
            continue
        for ours in sorted(island):
            if len(parts[ours]) > 1:
                _open(run, ours, sorted(parts[ours]))
        for name in sorted(theirs):
            if len(owners[name]) > 1:
                _metal_short(run, name, sorted(owners[name]), meant)


def _crossed(run: Comparison, island: list[str], parts: Parts, meant: Mapping[str, str]) -> None:
    """As many nets as intended with terminals exchanged: name each that is on another's."""
    for net in sorted({name for ours in island for name in parts[ours]}):
        terminals = run.extraction.nets[net].terminals
        owners = [meant.get(_key(terminal)) for terminal in terminals]
        pads = [o for t, o in zip(terminals, owners, strict=True) if t.device is None and o]
        # A net is called after its pad: what else is on it is out of place.
        title = pads[0] if pads else next(owner for owner in owners if owner)
        for terminal, owner in zip(terminals, owners, strict=True):
            if owner not in (None, title):
                text = f"{_title(run, terminal)} is on net {title}; intended {owner}"
                run.add("SWAPPED", text, terminal.point)


def _title(run: Comparison, terminal: Terminal) -> str:
    if terminal.device is None:
        return terminal.label
    return run.name((terminal.device.name, terminal.label))


def _open(run: Comparison, ours: str, pieces: Sequence[str]) -> None:
    nets = [run.extraction.nets[name] for name in pieces]
    nets.sort(key=lambda net: len(net.terminals))
    for net in nets[:-1]:
        spot = locate.gap(
            [net.shapes, *(o.shapes for o in nets if o is not net)], NEAR, conductors.over()
        )
        names = ", ".join(_title(run, terminal) for terminal in net.terminals)
        x, y = spot or (net.terminals[0].point.x, net.terminals[0].point.y)
        at = kdb.Point(round(x), round(y))
        run.add("OPEN", f"net {ours}: {names} cut off from the rest", at)


def _metal_short(
    run: Comparison, name: str, owners: Sequence[str], meant: Mapping[str, str]
) -> None:
    net = run.extraction.nets[name]
    groups: dict[str, list[locate.Terminal]] = {}
    for terminal in net.terminals:
        owner = meant.get(_key(terminal))
        if owner is not None:
            groups.setdefault(owner, []).append((terminal.layer, terminal.point))
    places = locate.bridges(net.shapes, conductors.joins(), groups)
    for first, second, piece in places:
        run.add("SHORT", f"metal joins nets {first} and {second}", piece.bbox().center())
    if not places:
        text = f"metal joins nets {' and '.join(owners)}"
        run.add("SHORT", text, net.terminals[0].point)


def _terminals(pins: Iterable[Pin], pads: Iterable[str]) -> list[str]:
    return [f"pin {name},{port}" for name, port in pins] + [f"pad {pad}" for pad in pads]


def _key(terminal: Terminal) -> str:
    if terminal.device is None:
        return f"pad {terminal.label}"
    return f"pin {terminal.device.name},{terminal.label}"
