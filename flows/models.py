"""Models of a design's optics for other simulators: Touchstone, ngspice, Verilog-A, JSON."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from lightloom import spec
from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Check, Run
from lightloom.spec import Design, DesignError, routing
from lightloom.spec.base import Frozen

if TYPE_CHECKING:
    from lightloom.photonics.layout import LayoutResult
    from lightloom.photonics.netlist import Netlist

MAX_SPAN_GHZ = 20_000.0
"""Wider than either band."""


@dataclass(frozen=True)
class Grid:
    """Frequencies that S-parameters are given at, the carrier in their middle."""

    points: int
    span_ghz: float

    def __post_init__(self) -> None:
        """Raise `DesignError` for a grid that cannot be."""
        if not 2 <= self.points <= 20_000:
            raise DesignError(f"--points {self.points}; allowed: 2 to 20000")
        if not 0.001 <= self.span_ghz <= MAX_SPAN_GHZ:
            raise DesignError(f"--span {self.span_ghz:g}; allowed: 0.001 to {MAX_SPAN_GHZ:g}")


def run(
    path: Path,
    design: Design,
    changed: Mapping[str, str],
    grid: Grid,
    version: int,
    out: Path,
    log: Reporter,
) -> int:
    """Write the models of every chip and device that the design has."""
    from lightloom.photonics import layout, optical_model

    if version not in (1, 2):
        raise DesignError(f"--touchstone {version}; allowed: 1, 2")
    design = spec.resolve(design, path.resolve().parent)
    with Run(out, "models", log, changed) as run:
        run.input("design", path)
        kinds: list[layout.Kind] = ["engine"]
        if design.switch.topology != "none":
            kinds.append("switch")
        made: dict[str, LayoutResult] = {}
        with run.step("layouts, DRC, LVS"), tempfile.TemporaryDirectory() as folder:
            for kind in kinds:
                made[kind] = layout.run(kind, design, Path(folder) / kind)
        _conclude(made.values(), run, log)
        engine = made["engine"].extracted
        switch = made["switch"].extracted if "switch" in made else None
        states = routing.states(design)
        if _in_model(design):
            wanted = () if design.switch.topology == "ocstrx" else routing.permutation(design)
            with run.step("optical model"):
                model = optical_model.build(design, switch, engine, wanted, states)
                model.write(run.directory / "optical_model.json")
        else:
            log.result(
                "no optical_model.json: it holds engines with a laser, a modulator and a "
                "photodiode a lane of the SerDes"
            )
        with run.step("S-parameters"):
            files = _scattering(design, made, states, grid, version, run)
        with run.step("ring modulators, photodiodes"):
            files += _devices(design, engine, made["engine"], run, log)
        for file in files:
            log.result(str(out / file))
        if (run.directory / "optical_model.json").exists():
            log.result(str(out / "optical_model.json"))
    return run.exit_code


def _in_model(design: Design) -> bool:
    """Whether `OpticalModel` can hold the engine: one wavelength, nothing between the devices."""
    engine, lanes = design.engine, design.serdes.lanes
    return (
        engine.wavelengths == 1
        and engine.receiver == "direct"
        and not engine.monitors
        and design.fibre_lanes == lanes
        and engine.laser_inputs in (0, lanes)
    )


def _conclude(made: Iterable[LayoutResult], run: Run, log: Reporter) -> None:
    """Fail on what a check found; the models are of what is drawn all the same."""
    for metric in ("layout.drc_violations", "layout.lvs_mismatches"):
        run.metrics[metric] = 0
    for one in made:
        for metric, verdict in (
            ("layout.drc_violations", one.drc),
            ("layout.lvs_mismatches", one.lvs),
        ):
            count = run.metrics[metric]
            assert isinstance(count, int)
            run.metrics[metric] = count + len(verdict.findings)
            findings = f"{len(verdict.findings)} findings"
            run.checks.append(Check(f"{one.kind} {verdict.check.upper()}", verdict.clean, findings))
            if not verdict.clean:
                run.failed = True
                log.result(
                    f"{one.kind}: {verdict.check} has {findings}, first {verdict.findings[0]}"
                )


def _scattering(
    design: Design,
    made: Mapping[str, LayoutResult],
    states: list[int],
    grid: Grid,
    version: int,
    run: Run,
) -> list[str]:
    """Write `<chip>.sNp` and `<chip>_routes.csv` of each chip."""
    from lightloom.photonics.circuit import scatter
    from lightloom.photonics.export import chips, touchstone

    carrier = design.engine.wavelength_nm
    frequencies = chips.around(carrier, grid.span_ghz, grid.points)
    files: list[str] = []
    for kind, one in made.items():
        phases, routes, state = _driven(design, kind, one, states)
        data = chips.scattering(one.extracted, frequencies, carrier, phases)
        paragraphs = (
            _source(design, one),
            f"Chip {one.extracted.chip}, {state}; carrier {carrier:g} nm, "
            f"{scatter.frequency_hz(carrier):.6e} Hz. Reflections are those of facets, gratings, "
            "photodiodes and crossings; other devices reflect nothing.",
        )
        file = touchstone.write(run.directory, kind, data, paragraphs, 2 if version == 2 else 1)
        table = f"{kind}_routes.csv"
        touchstone.write_routes(
            run.directory / table, routes, data, paragraphs, scatter.frequency_hz(carrier)
        )
        run.metrics[f"models.{kind}_ports"] = len(data.ports)
        run.metrics[f"models.{kind}_largest_singular_value"] = float(
            np.linalg.svd(data.s, compute_uv=False).max()
        )
        files += [file.name, table]
    return files


def _driven(
    design: Design, kind: str, made: LayoutResult, states: list[int]
) -> tuple[dict[str, float], dict[str, str], str]:
    """Phases, routes and, in words, the state that a chip is exported in."""
    from lightloom.photonics.export import chips

    if kind == "switch":
        phases = chips.driven(design, made.extracted, states)
        return phases, routing.targets(design), "phase shifters at the codes of its calibration"
    ports = made.extracted.ports
    lanes = [name.removeprefix("tx") for name in ports if name.startswith("tx")]
    lasers = [name for name in ports if name.startswith("laser")]
    # A laser input may feed several lanes; the table has the first lane of each.
    share = len(lanes) // len(lasers)
    routes = {laser: f"tx{lanes[n * share]}" for n, laser in enumerate(lasers)}
    return {}, routes, "modulators without voltage, heaters cold"


def _devices(
    design: Design, engine: Netlist, made: LayoutResult, run: Run, log: Reporter
) -> list[str]:
    """Write the ring modulators and photodiodes for ngspice and Verilog-A."""
    from lightloom.photonics.devices import BANDS
    from lightloom.photonics.export import parameters, photodiode, reference, ring_modulator

    source = _source(design, made)
    rings = parameters.ring_modulators(design, engine)
    diodes = parameters.photodiodes(design, engine)
    languages = {".cir": ring_modulator.spice, ".va": ring_modulator.verilog_a}
    files = _write(run, ring_modulator.NAME, rings, languages, source)
    languages = {".cir": photodiode.spice, ".va": photodiode.verilog_a}
    files += _write(run, photodiode.NAME, diodes, languages, source)
    run.metrics["models.ring_modulators"] = len(set(rings.values()))
    run.metrics["models.photodiodes"] = len(set(diodes.values()))
    if not rings:
        log.result(f"no ring modulator: engine.modulator = {design.engine.modulator!r}")
        return files
    one = next(iter(rings.values()))
    drawn = parameters.drawn_ring(BANDS[design.technology.band], one.radius_um, one.gap_um)
    bandwidth_ghz = 1e-9 * reference.bandwidth_hz(
        lambda f: reference.small_signal(one, f, one.bias_v)
    )
    run.metrics["models.ring_drawn_q"] = drawn.q
    run.metrics["models.ring_drawn_depth"] = drawn.depth
    run.metrics["models.ring_bandwidth_ghz"] = bandwidth_ghz
    log.result(
        f"ring modulator: Q {design.engine.ring_q:g} of the design, {drawn.q:.0f} as drawn; "
        f"{bandwidth_ghz:.1f} GHz by its photons and its junction, "
        f"engine.ring_bandwidth_ghz = {design.engine.ring_bandwidth_ghz:g}"
    )
    return files


Parameters = TypeVar("Parameters", bound=Frozen)


def _write(
    run: Run,
    name: str,
    found: Mapping[str, Parameters],
    languages: Mapping[str, Callable[[Parameters, str, str], str]],
    source: str,
) -> list[str]:
    """Write a file a language with a model for every set of parameters that occurs.

    The first has the plain name, the others numbers from 1; each header names its instances.
    """
    groups: dict[Parameters, list[str]] = {}
    for instance, p in found.items():
        groups.setdefault(p, []).append(instance)
    files = [f"{name}{suffix}" for suffix in languages] if groups else []
    for file, make in zip(files, languages.values(), strict=False):
        texts = [
            make(p, f"{source} Instances: {', '.join(used)}.", f"{name}_{n}" if n else name)
            for n, (p, used) in enumerate(groups.items())
        ]
        (run.directory / file).write_text("\n".join(texts))
    return files


def _source(design: Design, made: LayoutResult) -> str:
    from lightloom.photonics.export import header

    return header.provenance(design.name, {f"{made.kind} netlist": made.extracted.digest()})
