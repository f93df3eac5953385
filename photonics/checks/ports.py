"""Chip ports: the texts on LABEL and what each is on, an optical pin or a pad."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.checks.recognise import Device, Index, Port
from lightloom.photonics.checks.verdict import Finding
from lightloom.photonics.netlist import NAME, Pin

REACH_UM = 0.05
"""A label belongs to the optical pin this close to it; one that is not exactly there is wrong."""


@dataclass
class Ports:
    """What the labels say, and what is wrong with them."""

    optical: dict[str, Pin] = field(default_factory=dict)
    pads: list[tuple[str, kdb.Point]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read(chip: Chip, devices: Mapping[str, Device]) -> Ports:
    """Read the labels of a chip."""
    reader = _Reader(chip, devices)
    for text, point in chip.texts(tech.LABEL):
        reader.label(text, point)
    reader.openings()
    reader.ports.optical = dict(sorted(reader.ports.optical.items()))
    return reader.ports


class _Reader:
    def __init__(self, chip: Chip, devices: Mapping[str, Device]) -> None:
        self.chip = chip
        self.ports = Ports()
        self.seen: set[str] = set()
        self.reach = round(REACH_UM / chip.dbu)
        self.pins: dict[tuple[int, int], list[tuple[Pin, Port]]] = {}
        for device in devices.values():
            for port in device.ports.values():
                if port.optical:
                    spot = port.point.x // self.reach, port.point.y // self.reach
                    pin = device.name, port.name
                    self.pins.setdefault(spot, []).append((pin, port))
        self.holes = [hole for layer in (tech.PAD, tech.BUMP) for hole in chip.merged(layer).each()]
        self.index = Index(self.holes)
        self.named: set[int] = set()
        self.die = list(chip.merged(tech.DICE).each())

    def wrong(self, rule: str, text: str, at: kdb.Point) -> None:
        self.ports.findings.append(Finding(rule, text, at.x * self.chip.dbu, at.y * self.chip.dbu))

    def label(self, text: str, point: kdb.Point) -> None:
        if not re.match(NAME, text):
            self.wrong("LABEL", f"label {text[:40]!r}; allowed: a name", point)
            return
        if text in self.seen:
            self.wrong("LABEL", f"two labels {text}", point)
        pin, port = self._pin(point)
        if pin is None or port is None:
            self._pad(text, point)
        elif text not in self.seen:
            self.ports.optical[text] = pin
            off = (port.point - point).length() * self.chip.dbu
            if off:
                self.wrong("LABEL", f"label {text} is {off:.3f} um off {','.join(pin)}", point)
            self._edge(text, port)
        self.seen.add(text)

    def _pin(self, point: kdb.Point) -> tuple[Pin, Port] | tuple[None, None]:
        column, row = point.x // self.reach, point.y // self.reach
        near = [
            ((port.point - point).length(), pin, port)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
            for pin, port in self.pins.get((column + i, row + j), ())
        ]
        off, pin, port = min(near, key=lambda one: one[0], default=(0.0, None, None))
        return (None, None) if pin is None or port is None or off > self.reach else (pin, port)

    def _edge(self, text: str, port: Port) -> None:
        """Light that leaves through a facet must leave the die there."""
        if port.facet is None or not self.die:
            return
        edges = (edge for polygon in self.die for edge in polygon.each_edge())
        if not any(all(edge.contains(corner) for corner in port.facet) for edge in edges):
            self.wrong("LABEL", f"facet of {text} is not on the edge of the die", port.point)

    def _pad(self, text: str, point: kdb.Point) -> None:
        self.ports.pads.append((text, point))
        hole = next(self.index.at(point), None)
        if hole is None:
            self.wrong("LABEL", f"label {text} is on no optical pin, PAD or BUMP", point)
            return
        self.named.add(hole)
        box = self.holes[hole].bbox()
        # An odd number of grid steps has its middle between two of them.
        x, y = (box.left + box.right) / 2 - point.x, (box.bottom + box.top) / 2 - point.y
        if max(abs(x), abs(y)) > 0.5:
            off = math.hypot(x, y) * self.chip.dbu
            self.wrong("LABEL", f"label {text} is {off:.3f} um off the middle of its pad", point)

    def openings(self) -> None:
        for number, hole in enumerate(self.holes):
            if number not in self.named:
                self.wrong("EXTRA", "PAD or BUMP without a label", hole.bbox().center())
