"""The main job: one design file to a running link, its figures and its report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lightloom import spec
from lightloom.cosim import coefficients, session
from lightloom.cosim.coefficients import PATHS
from lightloom.cosim.kernel import build as kernel_build
from lightloom.cosim.setup import Outcome, Setup
from lightloom.flows import link_conclude, views
from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Run
from lightloom.photonics import layout, optical_model
from lightloom.photonics.switch import calibration
from lightloom.rtl import library
from lightloom.rtl.ocs.drive import model as drive_model
from lightloom.spec import Design, DesignError, OpticalModel, RtlManifest, loader, routing

PAYLOAD_LIMIT = 1 << 24
"""Largest payload in bytes; each is simulated symbol by symbol, both ways."""
BUILT_IN_PAYLOAD_BYTES = 64 << 10


@dataclass(frozen=True)
class Rtl:
    """Generated Verilog and the executable that simulates it."""

    serdes: RtlManifest
    controller: RtlManifest | None
    folders: tuple[Path, ...]
    """Where Verilog, manifests and register files are."""
    binary: Path
    kernel: Path
    seconds: float


@dataclass(frozen=True)
class Optics:
    """Layouts with their checks, and the optical model before any light has been switched."""

    engine: layout.LayoutResult
    switch: layout.LayoutResult | None
    model: OpticalModel
    bar: tuple[int, ...]
    cross: tuple[int, ...]
    fixed: tuple[int, ...] = ()
    """Ring: heater codes of either switch on the design's path."""
    other: OpticalModel | None = None
    """Ring: the model on the other path."""


def payload_file(design: Design, given: Path | None, directory: Path) -> Path:
    """The file to carry; a reproducible built-in one when none is named."""
    path = given or (Path(design.run.payload) if design.run.payload else None)
    if path is None:
        built_in = directory / "payload.bin"
        built_in.write_bytes(np.random.default_rng(design.run.seed).bytes(BUILT_IN_PAYLOAD_BYTES))
        return built_in
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DesignError(f"run.payload = {path}: cannot be read: {error.strerror}") from None
    if not path.is_file():
        raise DesignError(f"run.payload = {path}: not a file")
    if size > PAYLOAD_LIMIT:
        raise DesignError(f"run.payload = {path}: {size} bytes; allowed: 0 to {PAYLOAD_LIMIT}")
    return path


def rtl(design: Design, jobs: int, waves: bool = False) -> Rtl:
    """Generate and compile what is not in the cache yet."""
    begin = time.perf_counter()
    serdes_file, serdes = library.serdes(design)
    controller_file = controller = None
    if design.has_controller:
        made = library.ocstrx if design.ring else library.controller
        controller_file, controller = made(design)
    kernel = kernel_build.library()
    traced = views.traced(design) if waves else None
    binary = session.compile_bench(
        design, serdes_file, controller_file, kernel, jobs=jobs, waves=traced
    )
    folders = [path.parent for path in (serdes_file, controller_file) if path is not None]
    seconds = time.perf_counter() - begin
    return Rtl(serdes, controller, tuple(folders), binary, kernel, seconds)


def optics(design: Design, directory: Path) -> Optics:
    """Lay out and check both chips; the model is that of the permutation asked for."""
    engine = layout.run("engine", design, directory / "engine")
    if design.switch.topology == "none":
        lanes = tuple(range(design.serdes.lanes))
        model = optical_model.build(design, None, engine.extracted, lanes, ())
        return Optics(engine, None, model, (), ())
    switch = layout.run("switch", design, directory / "switch")
    if design.ring:
        return _ring(design, engine, switch)
    wanted = routing.permutation(design)
    model = optical_model.build(
        design, switch.extracted, engine.extracted, wanted, routing.states(design)
    )
    assert model.fabric is not None
    table = calibration.codes(model.fabric, design.switch.calibration)
    return Optics(engine, switch, model, tuple(table["bar"]), tuple(table["cross"]))


def _ring(design: Design, engine: layout.LayoutResult, switch: layout.LayoutResult) -> Optics:
    """Optics of two transceivers with equal switches."""
    models: dict[str, OpticalModel] = {}
    fixed: tuple[int, ...] = ()
    table: dict[str, list[int]] = {}
    for path in PATHS:
        on = design.model_copy(update={"switch": design.switch.model_copy(update={"path": path})})
        states = routing.states(on)
        model = optical_model.build(on, switch.extracted, engine.extracted, (), states)
        assert model.fabric is not None
        models[path] = model
        table = calibration.codes(model.fabric, design.switch.calibration)
        if path == design.switch.path:
            bits = design.switch.dac_bits
            codes = [table["cross" if s else "bar"][cell] for cell, s in enumerate(states)]
            # as the controller's powers bring them to the DACs
            fixed = tuple(drive_model.code(drive_model.power_of(c, bits), bits) for c in codes)
    other = next(models[path] for path in PATHS if path != design.switch.path)
    return Optics(
        engine,
        switch,
        models[design.switch.path],
        tuple(table["bar"]),
        tuple(table["cross"]),
        fixed,
        other,
    )


def switched(design: Design, made: Optics, outcome: Outcome) -> OpticalModel:
    """The optical model for the cell states that the controller RTL set."""
    if outcome.switching is None or made.switch is None or outcome.switching.refused:
        return made.model
    states = outcome.switching.states
    targets = routing.targets(design, list(states))
    outputs = [int(targets[f"in{port}"].removeprefix("out")) for port in range(len(targets))]
    return optical_model.build(
        design,
        made.switch.extracted,
        made.engine.extracted,
        outputs,
        states,
        outcome.switching.codes,
        made.model.source,
    )


def run(
    design_path: Path,
    overrides: Mapping[str, str],
    payload: Path | None,
    out: Path,
    jobs: int,
    log: Reporter,
    *,
    waves: bool = False,
) -> int:
    """Run the whole link of a design file into `out`; returns the exit code.

    Raises `DesignError` for input that cannot be used; then nothing in `out` has changed.
    """
    design = spec.resolve(spec.load(design_path, overrides), design_path.resolve().parent)
    design.check_link(str(design_path))
    with Run(out, "link", log, dict(overrides)) as job:
        job.keep("design", design_path)
        outcome = carry_out(job, design, payload, jobs, changed=tuple(overrides), waves=waves)
        log.result(link_conclude.summary(job, outcome))
    return job.exit_code


def carry_out(
    job: Run,
    design: Design,
    payload: Path | None,
    jobs: int,
    *,
    changed: Sequence[str],
    waves: bool = False,
) -> Outcome:
    """Run the whole link of a design into the folder of a run, and conclude from it.

    `changed` are the keys that were overridden, which the report marks; `waves` asks for the waves
    of the RTL, with files for viewers.
    """
    for role, name in loader.files(design).items():
        if role != "payload":
            job.keep(role, Path(name))
    carried = payload_file(design, payload, job.directory)
    job.keep("payload", carried)
    (job.directory / "resolved.json").write_text(design.model_dump_json(indent=1) + "\n")
    # the compiler is a process of its own, so the layout can be drawn meanwhile
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(rtl, design, jobs, waves)
        with job.step("layout, DRC, LVS, optical model"):
            made = optics(design, job.directory)
            # the bench builds these again; here a bad channel file is refused early
            coefficients.build(design, made.model, made.other)
        with job.step("RTL and simulator build"):
            built = pending.result()
    for folder in built.folders:
        shutil.copytree(folder, job.directory / "rtl", dirs_exist_ok=True)
    with job.step("co-simulation", 1.0) as step:
        outcome = session.simulate(
            Setup(
                design=design,
                model=made.model,
                serdes=built.serdes,
                controller=built.controller,
                destinations=routing.permutation(design),
                bar=made.bar,
                cross=made.cross,
                fixed=(*made.fixed, *made.fixed),
                other=made.other,
                kernel=str(built.kernel),
                payload=str(carried.resolve()),
            ),
            built.binary,
            job.directory,
            waves=views.FST if waves else None,
            progress=lambda event: step.update(
                float(str(event.get("fraction", step.done))),
                f"{event['text']}, {float(str(event['time_us'])):.1f} us simulated",
            ),
        )
    if waves:
        verilog = next((job.directory / "rtl").glob("serdes*.v"))
        views.write(design, verilog, job.directory)
    with job.step("measurements and report"):
        model = switched(design, made, outcome)
        model.write(job.directory / "optical_model.json")
        link_conclude.conclude(
            job,
            design,
            model,
            built.serdes,
            outcome,
            fixed=made.fixed,
            layouts=[made.engine, *([made.switch] if made.switch else [])],
            payload_bytes=carried.stat().st_size,
            build_s=built.seconds,
            changed=changed,
        )
    return outcome
