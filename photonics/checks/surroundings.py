"""What may be around devices: nothing that makes devices, no metal over light that leaves the chip,
no device that touches another, no waveguide beside another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.bodies import Bodies
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.checks.recognise import Device, Index
from lightloom.photonics.checks.verdict import Finding

OPEN = ("edge_coupler", "grating_coupler")
"""Devices whose light reaches beyond the core: nothing is above or beneath them."""
COVERS = (tech.HEATER, tech.M1, tech.M2, tech.M3, tech.PAD, tech.BUMP, tech.UNDERCUT)
"""What may not be there."""
SPACE_UM = 1.5
"""Waveguides that belong to no device keep this distance. Strips of the C-band, whose light reaches
further out, couple there by less than -30 dB over a centimetre (`devices.coupling_rate`)."""
ROUGH = 50
"""Outlines are first taken this exactly, database units."""
BESIDE_UM = 1.0
"""Waveguides that are closer over less than this only face each other: the ends of a cut one."""


def check(chip: Chip, devices: Sequence[Device], bodies: Bodies) -> list[Finding]:
    """Return what is wrong around the devices of a chip."""

    def at(rule: str, text: str, place: kdb.Point) -> Finding:
        return Finding(rule, text, place.x * chip.dbu, place.y * chip.dbu)

    found = [at("DEVICE", text, place) for text, place in _touching(devices)]
    found += [at("DEVICE", text, place) for text, place in _strays(bodies)]
    found += [at("DEVICE", text, place) for text, place in _covered(chip, devices)]
    limits = round(SPACE_UM / chip.dbu), round(BESIDE_UM / chip.dbu)
    for distance, place in _beside(bodies.outside[tech.WG], *limits):
        text = f"waveguides {distance * chip.dbu:.3f} um apart; allowed: {SPACE_UM:g} um or more"
        found.append(at("WIRE", text, place))
    return found


def _touching(devices: Sequence[Device]) -> Iterator[tuple[str, kdb.Point]]:
    index = Index([device.outline for device in devices])
    for number, device in enumerate(devices):
        for other in index.touching(device.outline.bbox()):
            if other > number and device.outline.touches(devices[other].outline):
                place = (device.outline.bbox() & devices[other].outline.bbox()).center()
                yield f"{device.name} and {devices[other].name} overlap or touch", place


def _strays(bodies: Bodies) -> Iterator[tuple[str, kdb.Point]]:
    for layer, outside in bodies.outside.items():
        if layer != tech.WG:
            for polygon in outside.each():
                yield f"{tech.NAMES[layer]} outside every device", polygon.bbox().center()


def _covered(chip: Chip, devices: Iterable[Device]) -> Iterator[tuple[str, kdb.Point]]:
    bare = [device for device in devices if device.type in OPEN]
    index = Index([device.outline for device in bare])
    for layer in COVERS:
        over = chip.merged(layer) & kdb.Region(index.polygons)
        for polygon in over.each():
            place = polygon.bbox().center()
            owner = next(index.touching(polygon.bbox()))
            yield f"{bare[owner].name}: {tech.NAMES[layer]} over or under it", place


def _beside(wires: kdb.Region, limit: int, length: int) -> Iterator[tuple[float, kdb.Point]]:
    """One place for each run of waveguides that are too close."""
    # Without the fine corners of curves first: few waveguides or none are left to look at closely.
    rough = wires.smoothed(ROUGH, True).isolated_check(limit + 2 * ROUGH + 2)
    if rough.is_empty():
        return
    pairs = wires.interacting(rough.polygons(ROUGH)).isolated_check(limit)
    if pairs.is_empty():
        return
    marks = kdb.Shapes()
    for pair in pairs.each():
        marks.insert(pair)
    for cluster in pairs.polygons(1).merged().each():
        near = [shape.edge_pair for shape in marks.each_touching(cluster.bbox())]
        if sum(pair.first.length() for pair in near) < length:
            continue
        worst = min(near, key=lambda pair: pair.distance())
        yield worst.distance(), worst.bbox().center()
