"""The floorplan of a chip from its netlist: what is where, and what leads where.

Nothing of the layout is read but the places that the netlist and the table of contacts give, so a
floorplan can be drawn of any chip. Sizes of devices follow from their parameters, about.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import klayout.db as kdb

from lightloom.photonics import devices
from lightloom.photonics.netlist import Instance, Netlist, Pin
from lightloom.photonics.pictures import scene
from lightloom.photonics.pictures.scene import Side
from lightloom.spec.base import DesignError

GROUND = "gnd"
"""Net of the grounds of a switch."""
SHIFTERS = ("heater_waveguide", "pin_waveguide")
CELL = "2x2 cell"
MONITOR = "monitor"
LEAST_UM = 8.0
"""No device is drawn smaller."""
SLACK_UM = 12.0
"""Blocks this much apart along the chip are still of one column."""
_SHAPES: Mapping[str, tuple[str, float, float]] = {
    "coupler2x2": ("path_um", 1.0, 46.0),
    "crossing": ("path_um", 0.71, 0.0),
    "heater_waveguide": ("length_um", 1.0, 12.0),
    "pin_waveguide": ("path_um", 1.0, 24.0),
    "mzm": ("path_um", 1.0, 110.0),
    "eam": ("path_um", 1.0, 20.0),
    "ring_modulator": ("radius_um", 2.8, 0.0),
    "ring_filter": ("radius_um", 2.8, 0.0),
    "photodiode": ("length_um", 1.6, 14.0),
    "edge_coupler": ("length_um", 1.0, 16.0),
    "terminator": ("length_um", 1.0, 6.0),
    "splitter1x2": ("length_um", 1.6, 10.0),
}
"""Parameter that a type is as wide as, the factor, and its height in um; 0 is as high as wide."""


class Block(NamedTuple):
    """A device, or a cell of several, as a box in um."""

    name: str
    kind: str
    x1: float
    y1: float
    x2: float
    y2: float


class Guide(NamedTuple):
    """A waveguide between two blocks: its ends in um, and whether it leaves each to the east."""

    x1: float
    y1: float
    east1: bool
    x2: float
    y2: float
    east2: bool


class Port(NamedTuple):
    """An optical chip port."""

    name: str
    x: float
    y: float
    side: Side


class Pad(NamedTuple):
    """A bond pad or micro-bump; `side` as of the names in `scene`."""

    name: str
    x: float
    y: float
    net: str
    common: bool
    """Whether many are on the same net: a ground."""
    side: Side | None


@dataclass(frozen=True)
class Floorplan:
    """What there is to draw."""

    chip: str
    die: kdb.DBox
    blocks: tuple[Block, ...]
    guides: tuple[Guide, ...]
    ports: tuple[Port, ...]
    pads: tuple[Pad, ...]
    columns: tuple[tuple[float, float, int], ...]
    """West, east, and number of cells of each column of 2x2 cells."""


def plan(netlist: Netlist, die: kdb.DBox, contacts: Path | str) -> Floorplan:
    """Return the floorplan of a chip.

    Args:
        netlist: intended or extracted, with places.
        die: its outline in um.
        contacts: table with the columns name, x_um, y_um and net: a file, or its text.

    Raises:
        DesignError: the table is not one, or a device has no place.
    """
    blocks = list(_blocks(netlist))
    cells = [block for block in blocks if block.kind == CELL]
    return Floorplan(
        netlist.chip,
        die,
        tuple(blocks),
        tuple(_guides(netlist)),
        tuple(_ports(netlist, die)),
        _pads(contacts, die),
        tuple(_columns(cells)),
    )


def write(netlist: Netlist, die: kdb.DBox, contacts: Path | str, path: Path) -> None:
    """Write the floorplan of a chip as SVG; arguments and errors as of `plan`."""
    from lightloom.photonics.pictures import floor

    path.write_text(floor.draw(plan(netlist, die, contacts)).svg)


def _extent(name: str, instance: Instance) -> tuple[float, float, float, float]:
    if instance.x_um is None or instance.y_um is None:
        raise DesignError(f"{name} has no place; allowed: a netlist with places")
    parameter, factor, high = _SHAPES.get(instance.type, ("", 1.0, LEAST_UM))
    lengths = [v for k, v in instance.parameters.items() if k.endswith("_um")]
    wide = instance.parameters.get(parameter, min(max(lengths, default=LEAST_UM), 100.0)) * factor
    half_x = max(wide, LEAST_UM) / 2
    half_y = max(high or wide, LEAST_UM) / 2
    x, y = instance.x_um, instance.y_um
    return x - half_x, y - half_y, x + half_x, y + half_y


def _blocks(netlist: Netlist) -> Iterator[Block]:
    parts: dict[str, list[str]] = {}
    for name in netlist.instances:
        parts.setdefault(name.split(".")[0], []).append(name)
    for whole, names in parts.items():
        extents = [_extent(name, netlist.instances[name]) for name in names]
        types = Counter(netlist.instances[name].type for name in names)
        if len(names) == 1:
            kind = next(iter(types))
        elif any(types[shifter] for shifter in SHIFTERS):
            kind = CELL
        elif types["photodiode"]:
            kind = MONITOR
        else:
            kind = " + ".join(sorted(types))
        x1, y1, x2, y2 = zip(*extents, strict=True)
        yield Block(whole, kind, min(x1), min(y1), max(x2), max(y2))


def _columns(cells: list[Block]) -> Iterator[tuple[float, float, int]]:
    """Cells that are beside each other along the chip."""
    group: list[Block] = []
    for cell in sorted(cells, key=lambda block: block.x1):
        if group and cell.x1 > min(block.x2 for block in group) - SLACK_UM:
            yield min(b.x1 for b in group), max(b.x2 for b in group), len(group)
            group = []
        group.append(cell)
    if group:
        yield min(b.x1 for b in group), max(b.x2 for b in group), len(group)


def _guides(netlist: Netlist) -> Iterator[Guide]:
    turned = _turned(netlist)
    for wire in netlist.nets.values():
        if len(wire.pins) != 2:
            continue
        first, second = wire.pins
        if first[0].split(".")[0] == second[0].split(".")[0]:
            continue
        yield Guide(*_end(netlist, first, turned), *_end(netlist, second, turned))


def _west(kind: str, port: str) -> bool:
    """Whether a port is on the west of a device as its cell draws it."""
    return port == "o1" or (port == "o2" and kind in ("coupler2x2", "crossing"))


def _turned(netlist: Netlist) -> set[str]:
    """Devices that face the other way.

    A netlist does not tell how a device is turned, but its pins face what they are joined to.
    """
    votes: Counter[str] = Counter()
    for wire in netlist.nets.values():
        for (name, port), (other, _) in zip(wire.pins, wire.pins[::-1], strict=True):
            here, there = netlist.instances[name], netlist.instances[other]
            to_west = (there.x_um or 0.0) < (here.x_um or 0.0)
            votes[name] += 1 if to_west != _west(here.type, port) else -1
    return {name for name, count in votes.items() if count > 0}


def _end(netlist: Netlist, pin: Pin, turned: set[str]) -> tuple[float, float, bool]:
    """Where a waveguide ends at a device, and whether that is to the east of it."""
    name, port = pin
    instance = netlist.instances[name]
    x1, y1, x2, y2 = _extent(name, instance)
    rise = 0.0
    if instance.type in ("coupler2x2", "crossing"):
        pitch = devices.BANDS[netlist.band].coupler.pitch_um
        half = pitch / 2 if instance.type == "coupler2x2" else (y2 - y1) / 4
        rise = half if port in ("o2", "o3") else -half
    east = _west(instance.type, port) == (name in turned)
    return (x2 if east else x1), (y1 + y2) / 2 + rise, east


def _ports(netlist: Netlist, die: kdb.DBox) -> Iterator[Port]:
    for name, pin in netlist.ports.items():
        x1, y1, x2, y2 = _extent(pin[0], netlist.instances[pin[0]])
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        side = scene.side_of(die, x, y, max(die.width(), die.height()))
        yield Port(name, x, y, side or "west")


def _pads(contacts: Path | str, die: kdb.DBox) -> tuple[Pad, ...]:
    source = str(contacts) if isinstance(contacts, Path) else "contacts"
    text = contacts.read_text() if isinstance(contacts, Path) else contacts
    rows = list(csv.DictReader(io.StringIO(text)))
    try:
        read = [(r["name"], float(r["x_um"]), float(r["y_um"]), r["net"] or "") for r in rows]
    except (KeyError, TypeError, ValueError):
        raise DesignError(f"{source}: not a table of name, x_um, y_um, net") from None
    nets = Counter(net for _, _, _, net in read)
    sides: list[Side | None] = [
        scene.side_of(die, x, y, scene.RIM_UM, scene.RIM_PART) for _, x, y, _ in read
    ]
    outside = None not in sides
    return tuple(
        Pad(name, x, y, net, net == GROUND or nets[net] > 2, side if outside else None)
        for (name, x, y, net), side in zip(read, sides, strict=True)
    )
