"""What the single-step commands do: one part of the link, with its folder and its verdict."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lightloom import spec
from lightloom.flows import blocks
from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Check, Run
from lightloom.spec import Design, routing

if TYPE_CHECKING:
    from lightloom.photonics.checks.verdict import Verdict
    from lightloom.photonics.layer_map import LayerMap

SHOWN = 20
"""Findings of a check printed on the terminal; the file holds them all."""


def verilog(
    path: Path,
    design: Design,
    changed: Mapping[str, str],
    block: str | None,
    out: Path,
    log: Reporter,
) -> int:
    """Write Verilog, `manifest.json` and, for blocks with registers, `regs/`."""
    with Run(out, "verilog", log, changed) as run:
        run.input("design", path)
        manifests: dict[str, object] = {}
        for name in [block] if block else blocks.tops(design):
            with run.step(name):
                made = blocks.generate(name, design, run.directory)
                if made.registers is not None:
                    from lightloom.rtl.csr import export

                    export.write(made.registers, run.directory / "regs")
            lines = (run.directory / made.manifest.verilog).read_text().count("\n")
            run.metrics[f"verilog.{name}.lines"] = lines
            run.metrics[f"verilog.{name}.ports"] = len(made.manifest.ports)
            run.metrics[f"verilog.{name}.registers"] = len(made.manifest.registers)
            run.metrics[f"verilog.{name}.seconds"] = run.seconds[name]
            manifests[name] = made.manifest.model_dump(mode="json")
            log.result(f"{out / made.manifest.verilog}: {lines} lines")
        text = json.dumps({"design": design.name, "blocks": manifests}, indent=1)
        (run.directory / "manifest.json").write_text(text + "\n")
    return run.exit_code


def layout(
    path: Path,
    design: Design,
    changed: Mapping[str, str],
    chip: Literal["switch", "engine", "ocstrx"],
    out: Path,
    log: Reporter,
    *,
    show: bool = False,
) -> int:
    """Write a chip with its checks, and the optical model; exit code 1 when a check finds fault.

    `show` sends the layout to a KLayout that is running.
    """
    from lightloom.photonics import layer_map, layout, optical_model
    from lightloom.photonics.pictures import loss_map

    design = spec.resolve(design, path.resolve().parent)
    if chip == "ocstrx":
        design = layout.of_transceiver(design)
    with Run(out, f"layout {chip}", log, changed) as run:
        run.input("design", path)
        if design.technology.layer_map is not None:
            run.input("layer map", Path(design.technology.layer_map))
        with run.step("layout, DRC, LVS"):
            made = layout.run(chip, design, run.directory)
        with run.step("optical model"), tempfile.TemporaryDirectory() as folder:
            # The model is of the whole path, so the other chip is needed too.
            engine = switch = made.extracted
            switched = design.switch.topology != "none"
            if chip != "engine":
                engine = layout.run("engine", design, Path(folder)).extracted
            elif switched:
                switch = layout.run("switch", design, Path(folder)).extracted
            wanted = () if design.switch.topology == "ocstrx" else routing.permutation(design)
            model = optical_model.build(
                design, switch if switched else None, engine, wanted, routing.states(design)
            )
            model.write(run.directory / "optical_model.json")
        if chip != "engine":
            with run.step("loss map"):
                levels = loss_map.write(
                    design,
                    made.gds,
                    made.extracted,
                    run.directory / "loss_map.png",
                    layer_map.read(design.technology.layer_map),
                )
            run.metrics["layout.worst_loss_db"] = max(levels.loss_db.values())
            run.metrics["layout.worst_crosstalk_db"] = max(levels.crosstalk_db.values())
        run.metrics["layout.cells"] = made.cells
        run.metrics["layout.crossings"] = made.crossings
        run.metrics["layout.seconds"] = round(sum(made.seconds.values()), 4)
        run.metrics["layout.cached"] = made.cached
        run.metrics["layout.width_um"], run.metrics["layout.height_um"] = made.size_um
        for name, value in made.figures.items():
            run.metrics[f"layout.{name}"] = value
        _conclude(made.drc, "layout.drc_violations", out, run, log)
        _conclude(made.lvs, "layout.lvs_mismatches", out, run, log)
        log.result(f"{out / made.gds.name}: {made.caption}")
    if show:
        from lightloom.flows import show as klayout

        findings = None if made.drc.clean else out / "drc.lyrdb"
        log.result(klayout.send(out / made.gds.name, findings))
    return run.exit_code


def drc(gds: Path, layers: Path | None, out: Path, log: Reporter) -> int:
    """Write `drc.lyrdb`; exit code 1 when a rule is broken."""
    from lightloom.photonics.checks import drc as check

    with Run(out, "drc", log) as run:
        run.input("layout", gds)
        with run.step("drc"):
            verdict = check.check(gds, layers=_layers(layers, run))
        _conclude(verdict, "layout.drc_violations", out, run, log)
    return run.exit_code


def lvs(gds: Path, netlist: Path, layers: Path | None, out: Path, log: Reporter) -> int:
    """Write `lvs.lyrdb`; exit code 1 when layout and netlist differ."""
    from lightloom.photonics.checks import lvs as check

    with Run(out, "lvs", log) as run:
        run.input("layout", gds)
        run.input("netlist", netlist)
        with run.step("lvs"):
            verdict = check.check(gds, netlist, _layers(layers, run))
        _conclude(verdict, "layout.lvs_mismatches", out, run, log)
    return run.exit_code


def technology(layer_map: Path | None, out: Path, log: Reporter) -> int:
    """Write `lightloom.lyt`, `.lyp` and `.drc` for KLayout, and the tables `lightloom.md`."""
    from lightloom.photonics import klayout_tech, tech, technology_tables
    from lightloom.photonics import layer_map as maps

    with Run(out, "technology", log) as run:
        layers = maps.read(layer_map)
        if layer_map is not None:
            run.input("layer map", layer_map)
        with run.step("technology"):
            files = klayout_tech.write(run.directory, layers)
            (run.directory / "lightloom.md").write_text(technology_tables.page(layers))
        run.metrics["technology.layers"] = len(tech.LAYERS)
        run.metrics["technology.rules"] = len(tech.RULES)
        for file in files:
            log.result(str(out / file.name))
        log.result(f"{len(tech.LAYERS)} layers, {len(tech.RULES)} rules")
    return run.exit_code


def _layers(path: Path | None, run: Run) -> LayerMap:
    from lightloom.photonics import layer_map

    if path is not None:
        run.input("layer map", path)
    return layer_map.read(path)


def _conclude(verdict: Verdict, metric: str, out: Path, run: Run, log: Reporter) -> None:
    verdict.write_lyrdb(run.directory / f"{verdict.check}.lyrdb")
    run.metrics[metric] = len(verdict.findings)
    words = "clean" if verdict.clean else f"{len(verdict.findings)} findings"
    run.checks.append(Check(verdict.check.upper(), verdict.clean, words))
    run.failed = run.failed or not verdict.clean
    for finding in verdict.findings[:SHOWN]:
        log.result(str(finding))
    if len(verdict.findings) > SHOWN:
        log.result(f"and {len(verdict.findings) - SHOWN} more in {out / f'{verdict.check}.lyrdb'}")
    log.result(f"{verdict.check} of {verdict.cell}: {words}, {len(verdict.rules)} rules")
