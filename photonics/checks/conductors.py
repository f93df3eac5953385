"""Electrical nets of a chip: KLayout's extractor over the metals, and what each net reaches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.checks.recognise import Device, Index
from lightloom.photonics.tech import Layer

METALS = tuple(tech.NAMES[layer] for layer in tech.METALS)
CUTS = tuple(tech.NAMES[layer] for layer in (tech.VIA, tech.VIA2))
"""Between each metal and the next."""


@dataclass(frozen=True)
class Terminal:
    """A device pin or a chip pad on a net."""

    label: str
    """Port name of a pin, label of a pad."""
    device: Device | None
    layer: str
    point: kdb.Point


@dataclass
class Net:
    """One connected piece of metal with its polygons by layer."""

    terminals: list[Terminal] = field(default_factory=list)
    shapes: dict[str, list[kdb.Polygon]] = field(default_factory=dict)


def joins() -> list[tuple[str, str]]:
    """Pairs of layer names of `stack` that connect where they overlap."""
    bumps = [(layer, _landed(layer)) for layer in tech.LANDINGS]
    return [(tech.NAMES[a], tech.NAMES[b]) for a, b in tech.JOINS] + [
        (tech.NAMES[layer], bump) for layer, bump in bumps
    ]


def over() -> list[tuple[str, str]]:
    """Pairs of metals that a cut can join."""
    return list(itertools.pairwise(METALS))


def stack(chip: Chip) -> tuple[dict[str, kdb.Region], list[str]]:
    """Return the shapes of each metal and via layer, and the layers of a pad from the top down.

    Bumps are split by the metal that they sit on: one on M3 touches no M2 beneath it.
    """
    layers = {layer for pair in tech.JOINS for layer in pair}
    shapes = {tech.NAMES[layer]: chip.merged(layer) for layer in sorted(layers)}
    bumps, names = chip.merged(tech.BUMP), []
    for landing in tech.LANDINGS:
        metal = chip.merged(landing)
        names.append(_landed(landing))
        shapes[names[-1]] = bumps.interacting(metal)
        bumps = bumps.not_interacting(metal)
    return shapes, names + [tech.NAMES[layer] for layer in reversed(tech.METALS)]


def _landed(landing: Layer) -> str:
    return f"BUMP on {tech.NAMES[landing]}"


def extract(
    stack: Mapping[str, kdb.Region],
    joins: Sequence[tuple[str, str]],
    pin_layer: str,
    pad_layers: Sequence[str],
    devices: Sequence[Device],
    pads: Sequence[tuple[str, kdb.Point]],
    dbu: float,
) -> tuple[list[Net], list[Terminal], list[kdb.Polygon]]:
    """Return the nets that have terminals, the terminals on no metal, the metal of no terminal.

    `stack` holds the flat shapes of each conductor and via layer, `joins` the pairs of layers that
    connect where they overlap. Device pins are on `pin_layer`; a pad is on the first of
    `pad_layers` with metal there.
    """
    extractor = kdb.LayoutToNetlist("chip", dbu)
    layers: dict[str, kdb.Region] = {}
    for name, drawn in stack.items():
        layers[name] = drawn.merged()
        extractor.register(layers[name], name)
        extractor.connect(layers[name])
    for a, b in joins:
        extractor.connect(layers[a], layers[b])
    extractor.extract_netlist()
    nets: dict[int, Net] = {}
    nowhere: list[Terminal] = []
    for label, device, point, names in _wanted(devices, pads, pin_layer, pad_layers):
        # A layer without shapes must not be asked: the extractor would answer for another.
        drawn_on = (name for name in names if not layers[name].is_empty())
        hits = ((name, extractor.probe_net(layers[name], point)) for name in drawn_on)
        layer, net = next(((name, net) for name, net in hits if net is not None), ("", None))
        terminal = Terminal(label, device, layer, point)
        if net is None:
            nowhere.append(terminal)
            continue
        if net.cluster_id not in nets:
            shapes: dict[str, list[kdb.Polygon]] = {
                name: list(extractor.shapes_of_net(net, region, True).merged().each())
                for name, region in layers.items()
            }
            nets[net.cluster_id] = Net([], {k: v for k, v in shapes.items() if v})
        nets[net.cluster_id].terminals.append(terminal)
    floating: list[kdb.Polygon] = []
    for circuit in extractor.netlist().each_circuit():
        for net in circuit.each_net():
            if net.cluster_id not in nets:
                shapes_of = (extractor.shapes_of_net(net, region) for region in layers.values())
                floating.append(next(shape for region in shapes_of for shape in region.each()))
    return list(nets.values()), nowhere, floating


def loops(net: Net, reach: int) -> int:
    """Ways round in the metal of a net; cuts within `reach` of each other are one joint."""
    pieces = {metal: Index(net.shapes.get(metal, [])) for metal in METALS}
    count = 1
    for index in pieces.values():
        count += sum(piece.holes() for piece in index.polygons) - len(index.polygons)
    for lower, cut, upper in zip(METALS, CUTS, METALS[1:], strict=False):
        cuts = kdb.Region(net.shapes.get(cut, []))
        for group in cuts.sized(reach // 2 + 1).merged().each():
            joint = group.bbox().enlarged(-(reach // 2 + 1), -(reach // 2 + 1))
            ends = {(metal, i) for metal in (lower, upper) for i in pieces[metal].touching(joint)}
            count += max(len(ends) - 1, 0)
    return count


def crossings(net: Net) -> tuple[list[kdb.Polygon], list[kdb.Polygon]]:
    """Places where two metals of a net lie over each other: those with a cut, those without."""
    joined: list[kdb.Polygon] = []
    bare: list[kdb.Polygon] = []
    for lower, cut, upper in zip(METALS, CUTS, METALS[1:], strict=False):
        if lower in net.shapes and upper in net.shapes:
            over = kdb.Region(net.shapes[lower]) & kdb.Region(net.shapes[upper])
            cuts = kdb.Region(net.shapes.get(cut, []))
            joined += over.interacting(cuts).each()
            bare += over.not_interacting(cuts).each()
    return joined, bare


def ragged(cuts: kdb.Region, space: int) -> list[kdb.Box]:
    """Groups of cuts, `space` apart, that do not fill a grid: where one is missing or too many."""
    found: list[kdb.Box] = []
    index = Index(list(cuts.each()))
    for group in cuts.sized(space // 2 + 1).merged().each():
        boxes = [index.polygons[i].bbox() for i in index.touching(group.bbox())]
        columns = {(box.left, box.right) for box in boxes}
        rows = {(box.bottom, box.top) for box in boxes}
        if len(boxes) == len(columns) * len(rows):
            continue
        there = {(box.left, box.bottom) for box in boxes}
        places = itertools.product(sorted(columns), sorted(rows))
        missing = [((a, b), (c, d)) for (a, b), (c, d) in places if (a, c) not in there]
        (left, right), (bottom, top) = missing[0] if missing else ((0, 0), (0, 0))
        found.append(kdb.Box(left, bottom, right, top) if missing else group.bbox())
    return found


def _wanted(
    devices: Sequence[Device],
    pads: Sequence[tuple[str, kdb.Point]],
    pin_layer: str,
    pad_layers: Sequence[str],
) -> Iterator[tuple[str, Device | None, kdb.Point, Sequence[str]]]:
    for label, point in pads:
        yield label, None, point, pad_layers
    for device in devices:
        for port in device.ports.values():
            if not port.optical:
                yield port.name, device, port.point, (pin_layer,)
