"""Two netlists side by side, the intended and the extracted one, and what is found between them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import klayout.db as kdb

from lightloom.photonics.checks import compare
from lightloom.photonics.checks.extract import Extraction
from lightloom.photonics.checks.verdict import Finding
from lightloom.photonics.netlist import Netlist, Pin
from lightloom.spec.base import DesignError


@dataclass
class Comparison:
    """An extracted chip beside its intended netlist, devices matched; findings are collected."""

    extraction: Extraction
    intended: Netlist
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.found = self.extraction.netlist
        self.match = compare.match(self.intended, self.found)
        """Extracted device of each intended one."""
        self.back = {theirs: ours for ours, theirs in self.match.items()}
        """Intended device of each extracted one."""
        for finding in self.extraction.findings:
            text = re.sub(r"\w+_\d+", lambda name: self.back.get(name[0], name[0]), finding.message)
            self.findings.append(replace(finding, message=text))
        self.partner: dict[Pin, tuple[str, Pin]] = {}
        """Net and other end of each intended optical pin."""
        for name, wire in self.intended.nets.items():
            if len(wire.pins) != 2:
                raise DesignError(f"nets.{name}: {len(wire.pins)} pins; allowed: 2")
            first, second = wire.pins
            self.partner[first], self.partner[second] = (name, second), (name, first)

    def add(self, rule: str, text: str, at: kdb.Point | tuple[float, float]) -> None:
        """Note a finding at a point of the chip or at a place in um."""
        x, y = at if isinstance(at, tuple) else self.extraction.um(at)
        self.findings.append(Finding(rule, text, x, y))

    def name(self, pin: Pin) -> str:
        """An extracted pin by its intended name where it has one."""
        return f"{self.back.get(pin[0], pin[0])},{pin[1]}"

    def place(self, pin: Pin) -> kdb.Point:
        """Where an extracted pin is."""
        device = self.extraction.devices[pin[0]]
        port = device.ports.get(pin[1])
        return device.centre if port is None else port.point

    def there(self, pin: Pin) -> Pin | None:
        """The extracted pin of an intended one, None when its device is missing."""
        name = self.match.get(pin[0])
        return None if name is None else (name, pin[1])
