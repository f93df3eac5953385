"""Layout versus schematic: the netlist of a file against the intended one, optical and electrical.

Every device, waveguide, conductor, chip port, pad and parameter of the intended netlist is looked
for in the extracted one and the other way round. A finding names the place: the bridge of a short,
the gap of an open, the device with a wrong parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import klayout.db as kdb

from lightloom.photonics import netlist as netlists
from lightloom.photonics.checks import compare, conductors, locate
from lightloom.photonics.checks.chip import open_chip
from lightloom.photonics.checks.conductors import Terminal
from lightloom.photonics.checks.extract import Extraction, extract_chip
from lightloom.photonics.checks.verdict import Finding, Verdict, order
from lightloom.photonics.checks.wires import loose_end
from lightloom.photonics.netlist import Netlist, Pin
from lightloom.spec.base import DesignError

RULES = (
    ("BAND", "the layout is for one band, the intended one"),
    ("DEVICE", "every device is recognised, whole, and of a known type with its pins"),
    ("LABEL", "chip port and pad labels are names that occur once"),
    ("MISSING", "every intended device, port and pad is in the layout"),
    ("EXTRA", "every device and waveguide of the layout is intended"),
    ("OPEN", "what is meant to be joined is joined"),
    ("SHORT", "what is meant to be apart is apart"),
    ("SWAPPED", "what is joined is joined to the intended pin"),
    ("PARAMETER", "measured parameters agree with the intended ones"),
    ("WIRE", "waveguides have one width and meet pins squarely"),
)

TOLERANCE: Mapping[str, tuple[float, float]] = {
    "gap_um": (0.0015, 0.0),
    "tip_width_um": (0.0025, 0.0),
    "heater_width_um": (0.01, 0.0),
    "undercut": (0.0, 0.0),
}
"""Allowed absolute and relative difference by parameter; a grid step where one is drawn."""
OTHER_TOLERANCE = (0.01, 2e-4)
"""For lengths: see `wires` for how exactly these are measured."""
NEAR = 20_000
"""A gap in one metal shorter than this (database units) is the place of an open."""


Parts = Mapping[str, set[str]]
"""Extracted nets that the terminals of each intended net are on."""


def check(gds: Path, intended: Path | Netlist) -> Verdict:
    """Compare a GDS or OASIS file with a netlist or netlist file."""
    wanted = netlists.read(intended) if isinstance(intended, Path) else intended
    return check_extraction(extract_chip(open_chip(gds)), wanted)


def check_extraction(extraction: Extraction, intended: Netlist) -> Verdict:
    """Compare an extracted chip with the intended netlist."""
    intended.validate()
    run = _Run(extraction, intended)
    run.devices()
    run.ports()
    run.wires()
    run.conductors()
    return Verdict("lvs", extraction.netlist.chip, RULES, order(run.findings))


@dataclass
class _Run:
    extraction: Extraction
    intended: Netlist
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.found = self.extraction.netlist
        self.match = compare.match(self.intended, self.found)
        self.back = {theirs: ours for ours, theirs in self.match.items()}
        for finding in self.extraction.findings:
            text = re.sub(r"\w+_\d+", lambda name: self.back.get(name[0], name[0]), finding.message)
            self.findings.append(replace(finding, message=text))
        if self.found.band != self.intended.band:
            centre = self.extraction.chip.top.bbox().center()
            self.add("BAND", f"{self.found.band}-band; intended {self.intended.band}", centre)
        self.partner: dict[Pin, tuple[str, Pin]] = {}
        for name, wire in self.intended.nets.items():
            if len(wire.pins) != 2:
                raise DesignError(f"nets.{name}: {len(wire.pins)} pins; allowed: 2")
            first, second = wire.pins
            self.partner[first], self.partner[second] = (name, second), (name, first)

    def add(self, rule: str, text: str, at: kdb.Point | tuple[float, float]) -> None:
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

    # Devices -------------------------------------------------------------------------------------

    def devices(self) -> None:
        for name, instance in self.intended.instances.items():
            if name not in self.match:
                self.add("MISSING", f"{instance.type} {name}", self._where(name))
                continue
            device = self.extraction.devices[self.match[name]]
            measured = self.found.instances[self.match[name]].parameters
            for key, value in instance.parameters.items():
                if key not in measured:
                    continue  # the device is broken, which is a finding of its own
                absolute, relative = TOLERANCE.get(key, OTHER_TOLERANCE)
                if abs(measured[key] - value) > absolute + relative * abs(value):
                    text = (
                        f"{instance.type} {name}: {key} = {measured[key]:.4f}; intended {value:g}"
                    )
                    self.add("PARAMETER", text, device.centre)
        for name, device in self.extraction.devices.items():
            if name not in self.back:
                self.add("EXTRA", f"{device.type} {name}", device.centre)

    def _where(self, name: str) -> tuple[float, float]:
        """Place of a missing device: as intended, else a pin it should have been joined to."""
        instance = self.intended.instances[name]
        if instance.x_um is not None and instance.y_um is not None:
            return instance.x_um, instance.y_um
        for wire in self.intended.nets.values():
            if any(pin[0] == name for pin in wire.pins):
                for pin in map(self.there, wire.pins):
                    if pin is not None:
                        return self.extraction.um(self.place(pin))
        return self.extraction.um(self.extraction.chip.top.bbox().center())

    def ports(self) -> None:
        for label, pin in self.intended.ports.items():
            there, found = self.there(pin), self.found.ports.get(label)
            if found is None and there is not None:
                self.add("MISSING", f"optical port {label} at {pin[0]},{pin[1]}", self.place(there))
            elif found is not None and found != there:
                text = f"optical port {label} at {self.name(found)}; intended {pin[0]},{pin[1]}"
                self.add("SWAPPED", text, self.place(found))
        for label, pin in self.found.ports.items():
            if label not in self.intended.ports:
                self.add("EXTRA", f"optical port {label} at {self.name(pin)}", self.place(pin))

    # Waveguides ----------------------------------------------------------------------------------

    def wires(self) -> None:
        """Judge every piece of waveguide in the layout, then every pin that has none."""
        for name, wire in self.found.nets.items():
            if not wire.pins:
                self.add("EXTRA", "waveguide that joins nothing", self._middle(name))
            elif len(wire.pins) == 1:
                self._dangling(wire.pins[0], loose_end(self.extraction.guides[name]))
            elif len(wire.pins) == 2:
                self._joined(name, wire.pins[0], wire.pins[1])
            else:
                self._short(name)
        for pin in self.extraction.loose:
            self._dangling(pin, self.place(pin))

    def _meant(self, pin: Pin) -> tuple[str, Pin] | None:
        """Net and intended pin that an extracted pin should be joined to, if it is there at all."""
        name = self.back.get(pin[0])
        net, other = self.partner.get((name or "", pin[1]), ("", None))
        return None if other is None or other[0] not in self.match else (net, other)

    def _known(self, pin: Pin) -> bool:
        """The pin is on an intended net, or its whole device is a finding already."""
        name = self.back.get(pin[0])
        return name is None or (name, pin[1]) in self.partner

    def _dangling(self, pin: Pin, at: kdb.Point) -> None:
        meant = self._meant(pin)
        if meant is not None:
            text = f"waveguide from {self.name(pin)} ends here; intended to {','.join(meant[1])}"
            self.add("OPEN", text, at)
        elif pin not in self.extraction.loose and not self._known(pin):
            self.add("EXTRA", f"waveguide from {self.name(pin)} that ends here", at)

    def _joined(self, name: str, first: Pin, second: Pin) -> None:
        meant = self._meant(first)
        if meant is not None and self.there(meant[1]) == second:
            self._length(meant[0], name)
            return
        meant, start, end = meant or self._meant(second), self.name(first), self.name(second)
        if meant is not None:
            text = f"waveguide from {start} to {end}; intended {','.join(meant[1])}"
            self.add("SWAPPED", text, self._middle(name))
        elif not self._known(first) and not self._known(second):
            self.add("EXTRA", f"waveguide from {start} to {end}", self._middle(name))

    def _length(self, net: str, name: str) -> None:
        wanted, found = self.intended.nets[net], self.found.nets[name]
        for key, value, measured in (
            ("length_um", wanted.length_um, found.length_um),
            ("width_um", wanted.width_um, found.width_um),
        ):
            absolute, relative = OTHER_TOLERANCE
            if value is None or measured is None:
                continue
            if abs(measured - value) > absolute + relative * value:
                text = f"wire {net}: {key} = {measured:.4f}; intended {value:g}"
                self.add("PARAMETER", text, self._middle(name))

    def _short(self, name: str) -> None:
        """Name the bridge between the waveguides that one piece joins."""
        guide, pins = self.extraction.guides[name], self.found.nets[name].pins
        groups: dict[str, list[locate.Terminal]] = {}
        for pin in pins:
            meant = self._meant(pin)
            net = self.name(pin) if meant is None else meant[0]
            groups.setdefault(net, []).append(("WG", self.place(pin)))
        joined = ", ".join(sorted(self.name(pin) for pin in pins))
        places = locate.bridges({"WG": [guide.polygon]}, [], groups)
        for _, _, piece in places:
            self.add("SHORT", f"one waveguide joins {joined}", piece.bbox().center())
        if not places:
            self.add("SHORT", f"one waveguide joins {joined}", self._middle(name))

    def _middle(self, name: str) -> tuple[float, float]:
        return self.extraction.um(self.extraction.guides[name].polygon.bbox().center())

    # Metal ---------------------------------------------------------------------------------------

    def conductors(self) -> None:
        """Compare nets as sets of terminals: device pins and pad labels."""
        home: dict[str, str] = {}
        for name, net in self.found.electrical.items():
            for terminal in _terminals(net.pins, net.pads):
                home.setdefault(terminal, name)
        meant: dict[str, str] = {}
        parts: dict[str, set[str]] = {}
        for name, net in self.intended.electrical.items():
            there = [pin for pin in map(self.there, net.pins) if pin is not None]
            for terminal in _terminals(there, net.pads):
                meant[terminal] = name
                if terminal in home:
                    parts.setdefault(name, set()).add(home[terminal])
            for pad in net.pads:
                if f"pad {pad}" not in home:
                    self.add("MISSING", f"pad {pad}", self._near_net(net.pins))
        self._islands(parts, meant)
        for name, net in self.extraction.nets.items():
            for terminal in net.terminals:
                if terminal.device is None and _key(terminal) not in meant:
                    self.add("EXTRA", f"pad {terminal.label} on net {name}", terminal.point)

    def _near_net(self, pins: Iterable[Pin]) -> kdb.Point:
        for pin in map(self.there, pins):
            if pin is not None:
                return self.place(pin)
        return self.extraction.chip.top.bbox().center()

    def _islands(self, parts: Parts, meant: Mapping[str, str]) -> None:
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
                self._crossed(sorted(island), parts, meant)
                continue
            for ours in sorted(island):
                if len(parts[ours]) > 1:
                    self._open(ours, sorted(parts[ours]))
            for name in sorted(theirs):
                if len(owners[name]) > 1:
                    self._metal_short(name, sorted(owners[name]), meant)

    def _crossed(self, island: list[str], parts: Parts, meant: Mapping[str, str]) -> None:
        """As many nets as intended with terminals exchanged: name each that is on another's."""
        for net in sorted({name for ours in island for name in parts[ours]}):
            terminals = self.extraction.nets[net].terminals
            owners = [meant.get(_key(terminal)) for terminal in terminals]
            pads = [o for t, o in zip(terminals, owners, strict=True) if t.device is None and o]
            # A net is called after its pad: what else is on it is out of place.
            title = pads[0] if pads else next(owner for owner in owners if owner)
            for terminal, owner in zip(terminals, owners, strict=True):
                if owner not in (None, title):
                    text = f"{self._title(terminal)} is on net {title}; intended {owner}"
                    self.add("SWAPPED", text, terminal.point)

    def _title(self, terminal: Terminal) -> str:
        if terminal.device is None:
            return terminal.label
        return self.name((terminal.device.name, terminal.label))

    def _open(self, ours: str, pieces: Sequence[str]) -> None:
        nets = [self.extraction.nets[name] for name in pieces]
        nets.sort(key=lambda net: len(net.terminals))
        for net in nets[:-1]:
            spot = locate.gap([net.shapes, *(o.shapes for o in nets if o is not net)], NEAR)
            names = ", ".join(map(self._title, net.terminals))
            x, y = spot or (net.terminals[0].point.x, net.terminals[0].point.y)
            at = kdb.Point(round(x), round(y))
            self.add("OPEN", f"net {ours}: {names} cut off from the rest", at)

    def _metal_short(self, name: str, owners: Sequence[str], meant: Mapping[str, str]) -> None:
        net = self.extraction.nets[name]
        groups: dict[str, list[locate.Terminal]] = {}
        for terminal in net.terminals:
            owner = meant.get(_key(terminal))
            if owner is not None:
                groups.setdefault(owner, []).append((terminal.layer, terminal.point))
        places = locate.bridges(net.shapes, conductors.joins(), groups)
        for first, second, piece in places:
            self.add("SHORT", f"metal joins nets {first} and {second}", piece.bbox().center())
        if not places:
            text = f"metal joins nets {' and '.join(owners)}"
            self.add("SHORT", text, net.terminals[0].point)


def _terminals(pins: Iterable[Pin], pads: Iterable[str]) -> list[str]:
    return [f"pin {name},{port}" for name, port in pins] + [f"pad {pad}" for pad in pads]


def _key(terminal: Terminal) -> str:
    if terminal.device is None:
        return f"pad {terminal.label}"
    return f"pin {terminal.device.name},{terminal.label}"
