"""The whole layout step of one chip: draw, check, extract, picture; kept by content.

A chip that was made before, from the same numbers by the same sources and library versions, is
copied from the cache without loading gdsfactory.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lightloom.photonics import netlist as netlists
from lightloom.photonics.checks.verdict import Finding, Verdict
from lightloom.photonics.netlist import Netlist
from lightloom.spec import cache
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design

if TYPE_CHECKING:
    from lightloom.photonics.engine import EngineChip
    from lightloom.photonics.fabric import SwitchChip

Kind = Literal["switch", "engine"]
KINDS: tuple[Kind, ...] = ("switch", "engine")


@dataclass(frozen=True)
class LayoutResult:
    """What one layout step made; every file is in the directory that was asked for."""

    kind: Kind
    gds: Path
    oas: Path
    lyp: Path
    netlist: Path
    """The intended netlist."""
    preview: Path
    bumps: Path
    extracted: Netlist
    """The netlist of the GDS file, with everything measured."""
    drc: Verdict
    lvs: Verdict
    cells: int
    """2x2 cells of a switch, lanes of an engine."""
    crossings: int
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
            what = f"{self.cells} lanes"
        checks = ", ".join(
            f"{verdict.check.upper()} {'clean' if verdict.clean else len(verdict.findings)}"
            for verdict in (self.drc, self.lvs)
        )
        return f"{self.extracted.chip}: {what}, {width:.2f} x {height:.2f} mm; {checks}"


def run(kind: Kind, design: Design, directory: Path) -> LayoutResult:
    """Lay out and check a chip of `design`; its files go to `directory`, made when missing.

    Writes `<kind>.gds`, `<kind>.oas`, `<kind>.lyp`, `<kind>.netlist.yml` (intended),
    `extracted.netlist.yml`, `drc.lyrdb`, `lvs.lyrdb`, `preview.png`, `bumps.csv` (engine) and
    `layout.json`. Raises `DesignError` for a chip that does not exist or does not fit.
    """
    place = cache.entry("layout", _key(kind, design), lambda work: _draw(kind, design, work))
    directory.mkdir(parents=True, exist_ok=True)
    for path in place.iterdir():
        shutil.copyfile(path, directory / path.name)
    # Checks and extraction run every time, on the file the user gets: a verdict is never old.
    begin = time.perf_counter()
    chip = checks.open_chip(directory / f"{kind}.gds")
    drc_verdict = drc.check_chip(chip)
    drc_verdict.write_lyrdb(directory / "drc.lyrdb")
    extraction = extract.extract_chip(chip)
    extraction.netlist.write(directory / "extracted.netlist.yml")
    intended = netlists.read(directory / f"{kind}.netlist.yml")
    lvs_verdict = lvs.check_extraction(extraction, intended)
    lvs_verdict.write_lyrdb(directory / "lvs.lyrdb")
    return LayoutResult(
        kind=kind,
        directory=directory,
        figures=Figures.read(directory / "layout.json"),
        extracted=extraction.netlist,
        drc=drc_verdict,
        lvs=lvs_verdict,
        check_seconds=time.perf_counter() - begin,
    )


def _key(kind: Kind, design: Design) -> str:
    sources = [path for path in HERE.rglob("*.py") if path.parent.name != "checks"]
    packages = [f"{p} {metadata.version(p)}" for p in ("gdsfactory", "kfactory", "klayout")]
    if kind == "switch":
        s = design.switch
        drawn = (
            s.topology, s.ports, s.coupler_gap_um, s.coupler_length_um, s.arm_imbalance_um,
            s.heater_length_um, s.heater_undercut,
        )  # fmt: skip
    else:
        drawn = (design.engine.modulator, design.engine.wavelengths, design.serdes.lanes)
    return cache.key(cache.sources(sources), *packages, kind, repr(drawn))


def _draw(kind: Kind, design: Design, directory: Path) -> None:
    # gdsfactory takes seconds to import; a cached chip does not need it
    from lightloom.photonics import preview

    begin = time.perf_counter()
    if kind == "switch":
        from lightloom.photonics import fabric

        chip = fabric.switch_chip(design.switch)
        crossings, cells = chip.crossings, len(chip.heaters)
        line_ohm = dict(chip.routing.line_ohm)
    else:
        from lightloom.photonics import engine

        chip = engine.engine_chip(design.engine, design.serdes.lanes)
        crossings, cells = 0, chip.lanes
        line_ohm = dict(chip.line_ohm)
        chip.write_bumps(directory / "bumps.csv")
    layout = directory / f"{kind}.gds"
    preview.write_layout(chip.component, layout)
    preview.write_layout(chip.component, directory / f"{kind}.oas")
    preview.write_lyp(directory / f"{kind}.lyp")
    preview.write_png(layout, directory / "preview.png")
    chip.netlist.write(directory / f"{kind}.netlist.yml")
    Figures(
        cells=cells,
        crossings=crossings,
        width_um=chip.size_um[0],
        height_um=chip.size_um[1],
        line_ohm=line_ohm,
        draw_seconds=time.perf_counter() - begin,
    ).write(directory / "layout.json")
