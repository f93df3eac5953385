"""Electrical nets of a chip: KLayout's extractor over the metals, and what each net reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import klayout.db as kdb

from lightloom.photonics.checks.recognise import Device, Port


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


def extract(
    stack: Mapping[str, kdb.Region],
    joins: Sequence[tuple[str, str]],
    terminal_layers: Sequence[str],
    devices: Sequence[Device],
    pads: Sequence[tuple[str, kdb.Point]],
    dbu: float,
) -> tuple[list[Net], list[Terminal]]:
    """Return the nets that have terminals, and the terminals that are on no metal.

    `stack` holds the flat shapes of each conductor and via layer, `joins` the pairs of layers that
    connect where they overlap. A terminal is on the first of `terminal_layers` with metal there.
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
    wanted: list[tuple[str, Device | None, Port | None, kdb.Point]] = [
        (label, None, None, point) for label, point in pads
    ]
    wanted += [
        (port.name, device, port, port.point)
        for device in devices
        for port in device.ports.values()
        if not port.optical
    ]
    for label, device, port, point in wanted:
        for name in terminal_layers:
            spot, net = _probe(extractor, layers[name], point, port)
            if net is not None:
                break
        else:
            nowhere.append(Terminal(label, device, "", point))
            continue
        if net.cluster_id not in nets:
            shapes: dict[str, list[kdb.Polygon]] = {
                layer: list(extractor.shapes_of_net(net, region, True).merged().each())
                for layer, region in layers.items()
            }
            nets[net.cluster_id] = Net([], {k: v for k, v in shapes.items() if v})
        nets[net.cluster_id].terminals.append(Terminal(label, device, name, spot))
    return list(nets.values()), nowhere


def _probe(
    extractor: kdb.LayoutToNetlist, layer: kdb.Region, point: kdb.Point, port: Port | None
) -> tuple[kdb.Point, kdb.Net | None]:
    """Net at a point; for a pin also just inside the device, where its metal surely is."""
    net = extractor.probe_net(layer, point)
    if net is None and port is not None:
        inside = kdb.Point(
            round(point.x - 10 * port.normal[0]), round(point.y - 10 * port.normal[1])
        )
        return inside, extractor.probe_net(layer, inside)
    return point, net
