"""Lock and calibration of a switch chip, in co-simulation with its lock, drive and converters."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Check, Run
from lightloom.spec import Design, DesignError, fabrics

if TYPE_CHECKING:
    from lightloom.photonics.switch.sample import Sample

MARGIN_DB = 1.0
"""What the lock may cost a route at any temperature."""
NEIGHBOURS = 8
"""Terms of thermal crosstalk of the drive."""


def sample(path: Path, design: Design, number: int) -> Sample:
    """Chip `number` of the process, from the design's layout.

    Raises:
        DesignError: the design's switch has no taps, no heaters or no permutations.
    """
    from lightloom.photonics import layout
    from lightloom.photonics.circuit.process import Process
    from lightloom.photonics.switch import sample as samples

    switch = design.switch
    for key, value, good, allowed in (
        ("topology", switch.topology, switch.topology not in ("none", "ocstrx"), "permutations"),
        ("monitors", switch.monitors, switch.monitors == "cell", "cell"),
        ("phase_shifter", switch.phase_shifter, switch.phase_shifter != "pin", "heater, undercut"),
    ):
        if not good:
            raise DesignError(f"{path}: switch.{key} = {value!r}; allowed: {allowed}")
    with tempfile.TemporaryDirectory() as folder:
        netlist = layout.run("switch", design, Path(folder)).extracted
    return samples.draw(design, netlist, Process(), number)


def ramp(
    path: Path,
    design: Design,
    changed: Mapping[str, str],
    kelvin: float,
    seconds: float,
    permutations: int,
    chip: int,
    fixed_couplers: bool,
    out: Path,
    jobs: int,
    log: Reporter,
) -> int:
    """Warm a chip by `kelvin` with its lock on and off.

    Permutation k sends input i to output i + k, so that as many as there are ports take every
    route. Writes `ramp.npz` and `ramp.png`. Fails when the lock lets a route fall by more than
    `MARGIN_DB` under what exact phases would give at the temperature, or when nothing falls without
    it.
    """
    from lightloom.cosim.chip import ramp as ramps
    from lightloom.flows import ocs_plots

    ports = design.switch.ports
    if not 1 <= permutations <= ports:
        raise DesignError(f"--permutations {permutations}; allowed: 1 to {ports}")
    for option, value, low, high in (
        ("--kelvin", kelvin, -60, 60),
        ("--seconds", seconds, 0.1, 1e3),
    ):
        if not low <= value <= high:
            raise DesignError(f"{option} {value:g}; allowed: {low:g} to {high:g}")
    with Run(out, "ocs-ramp", log, changed) as run:
        run.input("design", path)
        with run.step("layout"):
            made = sample(path, design, chip)
        if fixed_couplers:
            steps = tuple(replace(s, per_k=0.0) if hasattr(s, "angle") else s for s in made.steps)
            made = replace(made, steps=steps)
        with run.step("ramp", permutations) as step:

            def one(shift: int) -> ramps.Ramp:
                targets = tuple((i + shift) % ports for i in range(ports))
                found = ramps.run(
                    made, ports, targets, kelvin=kelvin, seconds=seconds, seed=design.run.seed
                )
                step.advance(1)
                return found

            with ThreadPoolExecutor(jobs) as pool:
                found = list(pool.map(one, range(permutations)))
        on = min(float((r.on_db - r.fresh_db).min()) for r in found)
        moments = np.concatenate([(r.moment_db - r.fresh_db).ravel() for r in found])
        off = max(float((r.off_db - r.fresh_db).min()) for r in found)
        worst_off = min(float((r.off_db - r.fresh_db).min()) for r in found)
        held = np.concatenate([(r.off_db - r.fresh_db).min(axis=0) for r in found])
        start = min(float((r.on_db - r.start_db).min()) for r in found)
        run.checks += [
            Check("extinction kept with the lock", on >= -MARGIN_DB, f"{on:.2f} dB at worst"),
            Check("extinction lost without it", off < -MARGIN_DB, f"{off:.2f} dB at best"),
        ]
        run.failed = not all(check.passed for check in run.checks)
        run.metrics.update(
            {
                "ocs.ramp.kelvin": kelvin,
                "ocs.ramp.seconds": seconds,
                "ocs.ramp.routes": ports * permutations,
                "ocs.ramp.on_worst_db": on,
                "ocs.ramp.on_moment_worst_db": float(moments.min()),
                "ocs.ramp.on_moment_p1_db": float(np.percentile(moments, 1)),
                "ocs.ramp.off_worst_db": worst_off,
                "ocs.ramp.off_routes_below": int((held < -MARGIN_DB).sum()),
                "ocs.ramp.on_start_db": start,
                "ocs.ramp.fresh_start_db": min(
                    float((r.fresh_db - r.start_db).min()) for r in found
                ),
                "ocs.ramp.start_worst_db": min(float(r.start_db.min()) for r in found),
                "ocs.lock.first_ms": 1e3 * max(r.locked_s for r in found),
                "ocs.lock.round_ms": 1e3 * max(r.round_s for r in found),
                "ocs.lock.lost": sum(r.lost for r in found),
                "ocs.lock.limited": sum(r.limited for r in found),
            }
        )
        np.savez_compressed(
            run.directory / "ramp.npz",
            targets=np.array([r.targets for r in found]),
            **{
                f"{name}_{k}": getattr(r, name)
                for k, r in enumerate(found)
                for name in ("kelvin", "on_db", "moment_db", "fresh_db", "off_db", "start_db")
            },
        )
        (run.directory / "ramp.png").write_bytes(ocs_plots.ramp(found))
        log.result(
            f"{ports * permutations} routes over {kelvin:g} K: lock on, at worst {on:.2f} dB from "
            f"a calibration at the temperature; off {worst_off:.2f} dB, "
            f"{int((held < -MARGIN_DB).sum())} routes below {-MARGIN_DB:g} dB"
        )
        m = run.metrics
        log.result(
            f"against the start: lock on {start:.2f} dB, exact phases "
            f"{m['ocs.ramp.fresh_start_db']:.2f} dB; first lock {m['ocs.lock.first_ms']:.0f} ms, "
            f"a round {m['ocs.lock.round_ms']:.0f} ms"
        )
    return run.exit_code


def calibrate(
    path: Path,
    design: Design,
    changed: Mapping[str, str],
    permutations: int,
    chip: int,
    out: Path,
    log: Reporter,
) -> int:
    """Find the codes of every cell of a chip from random ones, by its taps alone.

    Writes `calibration.json`, which `switch.calibration` takes, and `calibration.png`. Fails when
    the worst extinction over random permutations is more than `MARGIN_DB` below that of exact
    codes.
    """
    from lightloom.cosim.chip import calibrate as calibration
    from lightloom.cosim.chip.session import Session, levels
    from lightloom.flows import ocs_plots
    from lightloom.rtl.ocs.drive.model import FULL

    if not 1 <= permutations <= 10_000:
        raise DesignError(f"--permutations {permutations}; allowed: 1 to 10000")
    ports = design.switch.ports
    with Run(out, "ocs-calibrate", log, changed) as run:
        run.input("design", path)
        with run.step("layout"):
            made = sample(path, design, chip)
        random = np.random.default_rng(design.run.seed)
        start = tuple(random.integers(0, 1 << 16, made.cells).tolist() for _ in range(2))
        with (
            run.step("calibrate", made.cells) as step,
            Session(made, ports, seed=design.run.seed, neighbours=NEIGHBOURS) as session,
        ):
            found = calibration.calibrate(
                session, ports, (start[0], start[1]), lambda _cell, _cells: step.advance(1)
            )
        exact_powers = levels(made)
        errors: list[float] = []
        steps: list[int] = []
        unit = made.own_rad(np.ones(made.cells)) / FULL
        for powers, wanted in zip((found.bar, found.cross), exact_powers, strict=True):
            exact = np.clip(calibration.nearest(made, powers, wanted), 0, FULL)
            errors += ((np.array(powers) - exact) * unit).tolist()
            codes = np.array(calibration.codes(made, powers))
            steps += (codes - calibration.codes(made, [int(v) for v in exact])).tolist()
        with run.step("crosstalk"):
            extinction: list[list[np.ndarray]] = [[], []]
            for _ in range(permutations):
                targets = random.permutation(ports).tolist()
                states = fabrics.route(made.topology, ports, targets)
                for powers, kept in zip(
                    ((found.bar, found.cross), exact_powers), extinction, strict=True
                ):
                    power = calibration.settled(made, *powers, states, NEIGHBOURS)
                    kept.append(calibration.extinction_db(made, power, targets))
        ours, exact_db = (np.array(part) for part in extinction)
        ours_db, best_db = float(ours.min()), float(exact_db.min())
        run.failed = ours_db < best_db - MARGIN_DB
        words = f"worst {ours_db:.2f} dB, {best_db:.2f} dB with exact codes"
        run.checks.append(Check("extinction of the codes found", not run.failed, words))
        run.metrics.update(
            {
                "ocs.calibrate.cells": made.cells,
                "ocs.calibrate.sweeps": found.sweeps,
                "ocs.calibrate.seconds": found.seconds,
                "ocs.calibrate.error_rms_rad": float(np.std(errors)),
                "ocs.calibrate.error_worst_rad": float(np.abs(errors).max()),
                "ocs.calibrate.error_rms_codes": float(np.sqrt(np.mean(np.square(steps)))),
                "ocs.calibrate.error_worst_codes": int(np.abs(steps).max()),
                "ocs.calibrate.crosstalk_worst_db": -float(ours.min()),
                "ocs.calibrate.crosstalk_median_db": -float(np.median(ours)),
                "ocs.calibrate.exact_worst_db": -float(exact_db.min()),
                "ocs.calibrate.exact_median_db": -float(np.median(exact_db)),
            }
        )
        table = {
            "bar": calibration.codes(made, found.bar),
            "cross": calibration.codes(made, found.cross),
        }
        (run.directory / "calibration.json").write_text(json.dumps(table, indent=1) + "\n")
        (run.directory / "calibration.png").write_bytes(
            ocs_plots.calibration(np.array(errors), -ours, -exact_db)
        )
        m = run.metrics
        log.result(
            f"{made.cells} cells in {found.sweeps} sweeps, {found.seconds:.2f} s: phase "
            f"error {1e3 * float(np.std(errors)):.1f} mrad rms, "
            f"{1e3 * float(np.abs(errors).max()):.0f} mrad at worst"
        )
        log.result(
            f"crosstalk over {permutations} permutations: worst {-ours.min():.2f}, median "
            f"{-np.median(ours):.2f} dB; exact codes {m['ocs.calibrate.exact_worst_db']:.2f}, "
            f"{m['ocs.calibrate.exact_median_db']:.2f} dB"
        )
    return run.exit_code
