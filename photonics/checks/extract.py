"""The netlist of a chip from its layout file alone.

`extract` returns devices with measured parameters, waveguides with measured lengths, and electrical
nets; `Extraction` also keeps the geometry behind them, which `lvs` needs to name places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks import (
    conductors,
    measure,
    ports,
    recognise,
    strips,
    stubs,
    surroundings,
    wires,
)
from lightloom.photonics.checks.bodies import Bodies, Body, dissect
from lightloom.photonics.checks.chip import Chip, open_chip
from lightloom.photonics.checks.recognise import Device
from lightloom.photonics.checks.verdict import Finding
from lightloom.photonics.checks.view import Complaint
from lightloom.photonics.checks.wires import Guide
from lightloom.photonics.devices import BANDS
from lightloom.photonics.netlist import Conductor, Instance, Netlist, Pin, Wire
from lightloom.spec.base import DesignError

CUTS = tuple(
    (tech.NAMES[rule.layer], rule.value_um)
    for rule in tech.RULES
    if rule.kind == "space" and rule.layer in (tech.VIA, tech.VIA2)
)
"""Layers of cuts between metals, with the space within a group."""
WIDTH_UM = 0.001
"""Wires have the width of their band within this; that of diagonal facets is on the grid."""


@dataclass
class Extraction:
    """A netlist with the geometry behind it, all names those of the netlist."""

    netlist: Netlist
    chip: Chip
    devices: dict[str, Device]
    bodies: dict[str, Body]
    places: dict[str, kdb.Trans]
    """From each body to the chip."""
    faulty: set[str]
    """Devices with a fault of their own."""
    guides: dict[str, Guide]
    nets: dict[str, conductors.Net]
    loose: list[Pin]
    """Optical pins that no waveguide and no chip port joins."""
    findings: list[Finding]
    """What is wrong whatever the chip is meant to be."""

    def um(self, point: kdb.Point) -> tuple[float, float]:
        """A place in um."""
        return point.x * self.chip.dbu, point.y * self.chip.dbu


def extract(gds: Path) -> Netlist:
    """Return the netlist of a GDS or OASIS file.

    Raises `DesignError` when the file is not a layout, is too large, or has no recognition layers.
    """
    return extract_chip(open_chip(gds)).netlist


def extract_chip(chip: Chip) -> Extraction:
    """Return the netlist of an open layout with the geometry behind it."""
    chip = chip.on_grid()
    devices, findings = recognise.devices(chip)
    if not devices:
        raise DesignError(
            f"{chip.source}: no device: no DEVREC shape on layer "
            f"{tech.DEVREC[0]}/{tech.DEVREC[1]} with a text {tech.DEVICE_PREFIX}<type>"
        )
    band, wrong = _band(chip)
    findings += wrong
    result = Extraction(
        Netlist(chip.name, band=band), chip, {}, {}, {}, set(), {}, {}, [], findings
    )
    bodies = dissect(chip, devices)
    _add_devices(result, devices, bodies)
    result.findings += surroundings.check(chip, devices, bodies)
    labels = ports.read(chip, result.devices)
    result.netlist.ports = labels.optical
    result.findings += labels.findings
    _add_wires(result, bodies)
    _add_conductors(result, labels.pads)
    result.findings += stubs.check(chip, devices)
    return result


def _band(chip: Chip) -> tuple[Literal["O", "C"], list[Finding]]:
    """The band that a text on the die outline names."""
    band: Literal["O", "C"] | None = None
    findings: list[Finding] = []
    for text, point in chip.texts(tech.DICE):
        if not text.startswith(tech.BAND_PREFIX):
            continue
        named = text.removeprefix(tech.BAND_PREFIX)
        known: Literal["O", "C"] | None = BANDS[named].band if named in BANDS else None
        if known is None or band not in (None, known):
            allowed = "one text " + " or ".join(tech.BAND_PREFIX + name for name in BANDS)
            at = point.x * chip.dbu, point.y * chip.dbu
            findings.append(Finding("BAND", f"{text[:40]!r} on DICE; allowed: {allowed}", *at))
        band = band or known
    return band or tech.BAND, findings


def _add_devices(result: Extraction, devices: Sequence[Device], bodies: Bodies) -> None:
    numbers = BANDS[result.netlist.band]
    known: dict[Body, tuple[measure.Parameters, list[Complaint]]] = {}
    for device in devices:
        body = bodies.bodies[device.name]
        if body not in known:
            known[body] = measure.measure(body, numbers, result.chip.dbu)
        parameters, wrong = known[body]
        x, y = result.um(device.centre)
        result.devices[device.name] = device
        result.bodies[device.name] = body
        result.places[device.name] = bodies.places[device.name]
        result.netlist.instances[device.name] = Instance(device.type, dict(parameters), x, y)
        if wrong:
            result.faulty.add(device.name)
        for text, point in wrong:
            place = result.um(bodies.places[device.name] * point)
            result.findings.append(Finding("DEVICE", f"{device.name}: {text}", *place))


def _add_wires(result: Extraction, bodies: Bodies) -> None:
    dbu = result.chip.dbu
    band = BANDS[result.netlist.band].wire_width_um
    trace = wires.trace(bodies, list(result.devices.values()), dbu)
    trace.guides.sort(key=lambda g: (g.polygon.bbox().left, g.polygon.bbox().bottom))
    for number, guide in enumerate(trace.guides):
        name = f"wire_{number}"
        pins = [(end.device.name, end.port.name) for end in guide.ends]
        x, y = result.um(guide.polygon.bbox().center())
        result.guides[name] = guide
        result.netlist.nets[name] = Wire(pins, guide.length * dbu, guide.width * dbu, x, y)
        if len(pins) != 2:
            continue
        joined = " and ".join(",".join(pin) for pin in pins)
        if abs(guide.width * dbu - band) > WIDTH_UM:
            text = f"waveguide of {joined} is {guide.width * dbu:.4f} um wide; allowed: {band:g} um"
            result.findings.append(Finding("WIRE", text, x, y))
        if guide.shape is None:
            text = f"waveguide of {joined} is not one strip"
            result.findings.append(Finding("WIRE", text, x, y))
            continue
        for text, at in strips.faults(guide.shape, guide.width, dbu):
            place = result.um(guide.at(at))
            result.findings.append(Finding("WIRE", f"waveguide of {joined} {text}", *place))
    known = set(result.netlist.ports.values())
    pins = [(device.name, port.name) for device, port in trace.loose]
    result.loose = [pin for pin in pins if pin not in known]
    for misfit in trace.misfits:
        name = misfit.device.name + ("" if misfit.port is None else f",{misfit.port.name}")
        text = f"{name}: {misfit.text}"
        result.findings.append(Finding("WIRE", text, *result.um(misfit.at)))


def _add_conductors(result: Extraction, pads: list[tuple[str, kdb.Point]]) -> None:
    chip = result.chip
    stack, pad_layers = conductors.stack(chip)
    nets, nowhere, floating = conductors.extract(
        stack,
        conductors.joins(),
        tech.NAMES[tech.M1],
        pad_layers,
        list(result.devices.values()),
        pads,
        chip.dbu,
    )
    # A net is called after its first pad; nets without one follow in the order of their pins.
    for net in nets:
        net.terminals.sort(key=lambda t: (t.device is not None, t.label, t.point.x, t.point.y))
    nets.sort(key=lambda n: (n.terminals[0].device is not None, n.terminals[0].label))
    for number, net in enumerate(nets):
        first = net.terminals[0]
        name = first.label if first.device is None else f"net_{number}"
        if name in result.nets:
            name = f"{name}.{number}"
        result.nets[name] = net
        result.netlist.electrical[name] = Conductor(
            [(t.device.name, t.label) for t in net.terminals if t.device is not None],
            [t.label for t in net.terminals if t.device is None],
        )
    for terminal in nowhere:
        owner = "" if terminal.device is None else f"{terminal.device.name},"
        text = f"no metal at {owner}{terminal.label}"
        result.findings.append(Finding("OPEN", text, *result.um(terminal.point)))
    for polygon in floating:
        place = result.um(polygon.bbox().center())
        result.findings.append(Finding("EXTRA", "metal that joins nothing", *place))
    for name, space in CUTS:
        for box in conductors.ragged(stack[name], round(space / chip.dbu)):
            text = f"{name} cuts that do not fill their grid: one is missing here"
            result.findings.append(Finding("VIAS", text, *result.um(box.center())))
