"""The common ground of a chip as a network of resistors: what each device sees, each bus bears.

Buses run north and south, one a column of devices; rails join their ends; a contact at each end of
each bus is at zero volts.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stub:
    """Where a device meets its bus, and the current it may bring."""

    label: str
    column: int
    y_um: float
    ohm: float
    """Of the stub alone."""
    ma: float


@dataclass(frozen=True)
class Mesh:
    """The solved network."""

    ohm: Mapping[str, float]
    """From each device to all ground contacts together."""
    bus_ma: Mapping[int, float]
    """Largest current in each bus with every device at its current."""
    rail_ma: float
    contact_ma: Mapping[tuple[int, int], float]
    """Through each contact."""


def solve(
    stubs: Sequence[Stub],
    bus_x_um: Mapping[int, float],
    rail_y_um: float,
    bus_ohm_per_um: Mapping[int, float],
    rail_ohm_per_um: float,
    contact_ohm: Mapping[tuple[int, int], float],
) -> Mesh:
    """Solve the ground network.

    Args:
        stubs: one a device.
        bus_x_um: place of the bus of each column.
        rail_y_um: the rails are at this distance on both sides of the axis.
        bus_ohm_per_um: of the bus of each column.
        rail_ohm_per_um: of both rails.
        contact_ohm: from the end of a bus to its contact, by (column, -1 south or 1 north).
    """
    nodes: dict[tuple[int, float], int] = {}
    levels: dict[int, list[float]] = {}
    for column in bus_x_um:
        own = {stub.y_um for stub in stubs if stub.column == column}
        levels[column] = sorted(own | {-rail_y_um, rail_y_um})
        for y in levels[column]:
            nodes[column, y] = len(nodes)
    size = len(nodes)
    conductance = np.zeros((size, size))
    buses: list[tuple[int, int, int, float]] = []
    rails: list[tuple[int, int, float]] = []
    contacts: dict[tuple[int, int], tuple[int, float]] = {}

    def join(a: int, b: int, ohm: float) -> None:
        conductance[[a, b], [a, b]] += 1 / ohm
        conductance[[a, b], [b, a]] -= 1 / ohm

    order = sorted(bus_x_um, key=lambda column: bus_x_um[column])
    for k, column in enumerate(order):
        for low, high in itertools.pairwise(levels[column]):
            a, b = nodes[column, low], nodes[column, high]
            buses.append((column, a, b, bus_ohm_per_um[column] * (high - low)))
            join(*buses[-1][1:])
        for side in (-1, 1):
            node = nodes[column, side * rail_y_um]
            contacts[column, side] = node, contact_ohm[column, side]
            conductance[node, node] += 1 / contact_ohm[column, side]
            if k:
                before = nodes[order[k - 1], side * rail_y_um]
                length = bus_x_um[column] - bus_x_um[order[k - 1]]
                rails.append((before, node, rail_ohm_per_um * length))
                join(*rails[-1])
    resistance = np.linalg.inv(conductance)
    injected = np.zeros(size)
    for stub in stubs:
        injected[nodes[stub.column, stub.y_um]] += stub.ma
    volts = resistance @ injected  # mA times ohm: mV
    bus_ma = dict.fromkeys(bus_x_um, 0.0)
    for column, a, b, ohm in buses:
        bus_ma[column] = max(bus_ma[column], abs(volts[a] - volts[b]) / ohm)
    return Mesh(
        ohm={
            stub.label: stub.ohm + float(resistance[(node := nodes[stub.column, stub.y_um]), node])
            for stub in stubs
        },
        bus_ma={column: float(ma) for column, ma in bus_ma.items()},
        rail_ma=float(max((abs(volts[a] - volts[b]) / ohm for a, b, ohm in rails), default=0.0)),
        contact_ma={end: float(abs(volts[node]) / ohm) for end, (node, ohm) in contacts.items()},
    )
