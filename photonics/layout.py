"""The whole layout step of one chip: draw, check, extract, picture; kept by content.

A chip that was made before, from the same numbers by the same sources and library versions, is
copied from the cache without loading gdsfactory.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lightloom.photonics import layer_map, tech
from lightloom.photonics import netlist as netlists
from lightloom.photonics.checks.verdict import Finding, Verdict
from lightloom.photonics.engine import bumps
from lightloom.photonics.netlist import Netlist
from lightloom.spec import cache, fabrics
from lightloom.spec.base import DesignError
from lightloom.spec.design import PORTS, Design

if TYPE_CHECKING:
    from lightloom.photonics.engine.chip import EngineChip
    from lightloom.photonics.switch.fabric import SwitchChip

Kind = Literal["switch", "engine", "ocstrx"]
KINDS: tuple[Kind, ...] = ("switch", "engine", "ocstrx")
FACTS = "facts.json"
"""File of a cache entry that holds what is not in the others."""
_ELSEWHERE = {
    "switch": re.compile(
        r"permutation|path|calibration|clock_mhz|dac_bits|settle_us|circulator_.*"
    ),
    "engine": re.compile(
        r"laser_(power|rin|linewidth|spread|wall)_.*|driver_.*|ring_.*|eam_.*|"
        r"mzm_(er|loss|bandwidth)_.*"
    ),
}
"""Keys of the design that no layout depends on; a new key counts until it is named here."""


@dataclass(frozen=True)
class LayoutResult:
    """What one layout step made; every file is in the directory that was asked for."""

    kind: Kind
    directory: Path
    gds: Path
    oas: Path
    lyp: Path
    netlist: Path
    """The intended netlist."""
    preview: Path
    floorplan: Path
    bumps: Path
    extracted: Netlist
    """The netlist of the GDS file, with everything measured."""
    drc: Verdict
    lvs: Verdict
    cells: int
    """2x2 cells of a switch, channels of an engine: lanes times wavelengths."""
    crossings: int
    figures: dict[str, float]
    """What else there is to say of the chip, by names with units."""
    size_um: tuple[float, float]
    seconds: dict[str, float]
    """Time of each part when it was made."""
    cached: bool

    @property
    def caption(self) -> str:
        """One line for a report."""
        width, height = (side / 1000 for side in self.size_um)
        what = f"{self.cells} cells, {self.crossings} crossings"
        if self.kind == "engine":
            figures = self.figures
            what = (
                f"{self.cells} channels, {figures['tbps_each_way']:.3g} Tb/s each way, "
                f"{figures['shoreline_tbps_per_mm']:.3g} Tb/s/mm, "
                f"{figures['area_tbps_per_mm2']:.3g} Tb/s/mm2"
            )
        checks = ", ".join(
            f"{verdict.check.upper()} {'clean' if verdict.clean else len(verdict.findings)}"
            for verdict in (self.drc, self.lvs)
        )
        return f"{self.extracted.chip}: {what}, {width:.2f} x {height:.2f} mm; {checks}"


def run(kind: Kind, design: Design, directory: Path) -> LayoutResult:
    """Write the chip `kind` of a design with its checks into `directory`, made when missing.

    The files are `<kind>.gds`, `.oas`, `.lyp`, `.netlist.yml` (intended), `.extracted.yml`,
    `drc.lyrdb`, `lvs.lyrdb`, `preview.png`, `floorplan.svg` and `bumps.csv`; an engine also has
    `bumps_eic.csv`. Raises `DesignError` when the design has no such chip.
    """
    if kind not in KINDS:
        raise DesignError(f"layout {kind}; allowed: {', '.join(KINDS)}")
    if kind == "switch" and design.switch.topology == "none":
        raise DesignError("switch.topology = none; allowed: a topology, for a layout of the switch")
    if kind == "ocstrx":
        design = of_transceiver(design)
    made = False

    def build(place: Path) -> None:
        nonlocal made
        made = True
        _make(kind, design, place)

    place = cache.entry("layout", _key(kind, design), build)
    directory.mkdir(parents=True, exist_ok=True)
    for file in place.iterdir():
        if file.name != FACTS:
            shutil.copyfile(file, directory / file.name)
    facts = json.loads((place / FACTS).read_text())
    return LayoutResult(
        kind=kind,
        directory=directory,
        gds=directory / f"{kind}.gds",
        oas=directory / f"{kind}.oas",
        lyp=directory / f"{kind}.lyp",
        netlist=directory / f"{kind}.netlist.yml",
        preview=directory / "preview.png",
        floorplan=directory / "floorplan.svg",
        bumps=directory / "bumps.csv",
        extracted=netlists.read(place / f"{kind}.extracted.yml"),
        drc=_verdict(facts["drc"]),
        lvs=_verdict(facts["lvs"]),
        cells=facts["cells"],
        crossings=facts["crossings"],
        figures=facts["figures"],
        size_um=tuple(facts["size_um"]),
        seconds=facts["seconds"],
        cached=not made,
    )


def of_transceiver(design: Design) -> Design:
    """The design with the switch of a transceiver in place of another.

    Raises `DesignError` when the lanes have no two halves to loop back.
    """
    if design.switch.topology == "ocstrx":
        return design
    lanes = design.serdes.lanes
    if lanes not in PORTS["ocstrx"]:
        raise DesignError(f"serdes.lanes = {lanes} for an ocstrx; allowed: an even number")
    changed = {"topology": "ocstrx", "ports": lanes, "permutation": "identity"}
    return design.model_copy(update={"switch": design.switch.model_copy(update=changed)})


def _key(kind: Kind, design: Design) -> str:
    """Everything that shapes the chip: its numbers, the sources of this room, the libraries."""
    engine = kind == "engine"
    part = design.engine if engine else design.switch
    elsewhere = _ELSEWHERE["engine" if engine else "switch"]
    numbers = {
        name: value for name, value in part.model_dump().items() if not elsewhere.fullmatch(name)
    }
    numbers |= {"band": design.technology.band, "metals": design.technology.metals}
    numbers["layers"] = layer_map.read(design.technology.layer_map).model_dump()
    if engine:
        numbers |= {"lanes": design.fibre_lanes, "gbps": design.serdes.lane_gbps}
    libraries = [f"{name} {version(name)}" for name in ("gdsfactory", "klayout", "numpy", "scipy")]
    rooms = (Path(__file__).parent, Path(fabrics.__file__).parent)
    sources = cache.sources([file for room in rooms for file in room.rglob("*.py")])
    return cache.key(kind, json.dumps(numbers, sort_keys=True), sources, *libraries)


def _make(kind: Kind, design: Design, place: Path) -> None:
    """Fill a cache entry."""
    # gdsfactory takes seconds to import: a chip from the cache does not need it.
    from lightloom.photonics import preview
    from lightloom.photonics.checks import drc, extract, lvs
    from lightloom.photonics.pictures import floorplan

    seconds: dict[str, float] = {}
    clock = _Clock(seconds)
    chip = _engine(design) if kind == "engine" else _switch(design)
    gds = place / f"{kind}.gds"
    preview.write_layout(chip.component, gds)
    preview.write_layout(chip.component, place / f"{kind}.oas")
    chip.netlist.write(place / f"{kind}.netlist.yml")
    (place / "bumps.csv").write_text(_bumps(chip))
    flipped = getattr(chip, "eic_bumps", None)
    if flipped is not None:
        (place / "bumps_eic.csv").write_text(bumps.csv(flipped()))
    clock.lap("layout")
    # From here on only what was written counts: the checks read the files back.
    extraction = extract.extract_chip(extract.open_chip(gds))
    extraction.netlist.write(place / f"{kind}.extracted.yml")
    clock.lap("extract")
    verdicts = {"drc": drc.check_chip(extraction.chip)}
    clock.lap("drc")
    intended = netlists.read(place / f"{kind}.netlist.yml")
    verdicts["lvs"] = lvs.check_extraction(extraction, intended)
    clock.lap("lvs")
    preview.write_png(gds, place / "preview.png")
    die = extraction.chip.region(tech.DICE).bbox().to_dtype(extraction.chip.dbu)
    floorplan.write(intended, die, place / "bumps.csv", place / "floorplan.svg")
    clock.lap("preview")
    for name, verdict in verdicts.items():
        verdict.write_lyrdb(place / f"{name}.lyrdb")
    layers = layer_map.read(design.technology.layer_map)
    preview.write_lyp(place / f"{kind}.lyp", layers.infos())
    if layers != layer_map.OPEN:
        for suffix in ("gds", "oas"):
            preview.renumber(place / f"{kind}.{suffix}", layers)
    types = [instance.type for instance in chip.netlist.instances.values()]
    facts = {
        "cells": chip.cells,
        "crossings": types.count("crossing"),
        "figures": chip.figures(),
        "size_um": chip.size_um,
        "seconds": seconds,
        **{name: asdict(verdict) for name, verdict in verdicts.items()},
    }
    (place / FACTS).write_text(json.dumps(facts))


class _Clock:
    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = round(now - self.last, 4)
        self.last = now


def _switch(design: Design) -> SwitchChip:
    from lightloom.photonics.switch.fabric import switch_chip

    return switch_chip(design.switch, design.technology)


def _engine(design: Design) -> EngineChip:
    from lightloom.photonics.engine.chip import engine_chip

    rate = design.serdes.lane_gbps
    return engine_chip(design.engine, design.fibre_lanes, design.technology.band, gbps=rate)


def _bumps(chip: SwitchChip | EngineChip) -> str:
    """Pads or bumps as CSV: name, place in um, net."""
    nets = {pad: name for name, net in chip.netlist.electrical.items() for pad in net.pads}
    routing = getattr(chip, "routing", None)
    if routing is not None:
        places = [(name, x, y) for name, (x, y) in routing.pads.items()]
    else:
        places = [(bump.name, bump.x_um, bump.y_um) for bump in getattr(chip, "bumps", ())]
    rows = [f"{name},{x:.3f},{y:.3f},{nets.get(name, '')}\n" for name, x, y in places]
    return "name,x_um,y_um,net\n" + "".join(rows)


def _verdict(data: dict[str, Any]) -> Verdict:
    findings = (
        Finding(**{**one, "polygon": tuple(map(tuple, one["polygon"]))}) for one in data["findings"]
    )
    rules = tuple((name, text) for name, text in data["rules"])
    return Verdict(data["check"], data["cell"], rules, tuple(findings))
