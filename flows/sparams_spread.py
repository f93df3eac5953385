"""What a switch loses and leaks in other settings than its design's, and on other chips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightloom.flows import sparams_plots
from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Metric, Run

if TYPE_CHECKING:
    from lightloom.flows.sparams import Chip
    from lightloom.photonics.circuit.statistics import Spread

SHORT = 12
"""Ports up to which a permutation is named in a line of text."""


def permutations(run: Run, made: Chip, count: int, log: Reporter) -> None:
    """Measure all permutations, or `count` random ones where there are too many, at the carrier.

    Writes `permutations.npz` and `permutations.png`.
    """
    from lightloom.photonics.circuit import paths, scatter, statistics, traffic

    switch = made.design.switch
    carrier = scatter.frequency_hz(made.design.engine.wavelength_nm)
    drive = traffic.drive(made.fabric, made.table)
    with run.step("permutations"):
        settings = traffic.every(
            made.program, switch.topology, switch.ports, count, made.design.run.seed
        )
        found = statistics.statistics(made.program, drive, settings, carrier, carrier)
        ways = paths.paths(
            made.program, made.netlist, drive.bar_rad, drive.cross_rad, carrier, carrier
        )
    loss, crosstalk, worst = found.loss, found.crosstalk, ways.worst
    metrics: dict[str, Metric] = {
        "count": len(settings.states),
        "total": float(settings.total),
        "exact": settings.exact,
        "unseen_percent": found.unseen_percent,
        **_figures("loss", loss),
        **_figures("crosstalk", crosstalk),
        "worst_loss_db": loss.most,
        "worst_crosstalk_db": crosstalk.most,
        "paths": float(ways.count.sum()),
        "best_path_db": ways.best.loss_db,
        "worst_path_db": worst.loss_db,
        "worst_path": f"{worst.input} to {worst.output}",
        "worst_path_cells": worst.cells,
        "worst_path_crossings": worst.crossings,
        "worst_path_mm": worst.length_um / 1000,
    }
    run.metrics.update({f"sparams.permutations.{key}": value for key, value in metrics.items()})
    np.savez_compressed(
        run.directory / "permutations.npz",
        settings=np.array(settings.names),
        inputs=np.array(found.inputs),
        outputs=np.array(found.outputs),
        targets=settings.targets,
        loss_db=found.loss_db,
        crosstalk_db=found.crosstalk_db,
        paths=ways.count,
        path_mean_db=ways.mean_db,
    )
    picture = sparams_plots.distributions(
        [
            ("insertion loss (dB)", {"": found.loss_db}),
            ("crosstalk at an output (dB)", {"": found.crosstalk_db}),
        ]
    )
    (run.directory / "permutations.png").write_bytes(picture)
    kind = "paths" if switch.topology == "ocstrx" else "permutations"
    seen = f"all {len(settings.states)}" if settings.exact else f"{len(settings.states)} random"
    log.result(
        f"{seen} {kind}: loss {loss.least:.2f} to {loss.most:.2f} dB, mean {loss.mean:.2f}; "
        f"crosstalk at most {crosstalk.most:.1f} dB, median {crosstalk.percentiles[2]:.1f}"
    )
    if not settings.exact:
        log.result(
            f"with {100 * statistics.CONFIDENCE:.0f} % confidence at most "
            f"{found.unseen_percent:.2g} % of all {kind} are worse than these"
        )
    at = found.worst_loss
    where = f" in {at.setting}" if switch.ports <= SHORT else ""
    log.result(f"most loss: {at.input} to {at.output}{where}, {at.value_db:.2f} dB")
    log.result(
        f"of {_count(float(ways.count.sum()))} ways over all cell states: {worst.input} to "
        f"{worst.output}, {worst.loss_db:.2f} dB, {worst.cells} cells, {worst.crossings} "
        f"crossings, {worst.length_um / 1000:.2f} mm"
    )


def variation(run: Run, made: Chip, count: int, log: Reporter) -> None:
    """Measure `count` chips of the process in the design's setting, at the carrier.

    Writes `variation.npz` and `variation.png`.
    """
    from lightloom.photonics.circuit import scatter
    from lightloom.photonics.circuit.process import Process, Wafer
    from lightloom.photonics.circuit.statistics import spread
    from lightloom.photonics.circuit.variation import vary

    carrier = scatter.frequency_hz(made.design.engine.wavelength_nm)
    program = made.program
    targets = [
        program.outputs.index(made.targets[name]) if name in made.targets else -1
        for name in program.inputs
    ]
    with run.step("variation"):
        found = vary(
            Wafer(program, made.netlist, Process()),
            made.fabric,
            made.table,
            made.states,
            targets,
            count,
            made.design.run.seed,
            carrier,
            carrier,
        )
    values = {
        "loss_before": found.loss_before_db,
        "loss_after": found.loss_after_db,
        "crosstalk_before": found.crosstalk_before_db,
        "crosstalk_after": found.crosstalk_after_db,
    }
    spreads = {name: spread(samples) for name, samples in values.items()}
    metrics: dict[str, Metric] = {
        "chips": count,
        "phase_error_sigma_rad": float(found.phase_error_rad.std()),
    }
    for name, figures in spreads.items():
        metrics |= _figures(name, figures)
    run.metrics.update({f"sparams.variation.{key}": value for key, value in metrics.items()})
    np.savez_compressed(
        run.directory / "variation.npz",
        inputs=np.array(found.inputs),
        outputs=np.array(found.outputs),
        targets=np.array(found.targets),
        phase_error_rad=found.phase_error_rad,
        loss_before_db=found.loss_before_db,
        loss_after_db=found.loss_after_db,
        crosstalk_before_db=found.crosstalk_before_db,
        crosstalk_after_db=found.crosstalk_after_db,
    )
    picture = sparams_plots.distributions(
        [
            (
                title,
                {"before calibration": values[f"{key}_before"], "after": values[f"{key}_after"]},
            )
            for title, key in (
                ("insertion loss (dB)", "loss"),
                ("crosstalk at an output (dB)", "crosstalk"),
            )
        ]
    )
    (run.directory / "variation.png").write_bytes(picture)
    for when, text in (("before", "before calibration"), ("after", "after calibration")):
        loss, crosstalk = spreads[f"loss_{when}"], spreads[f"crosstalk_{when}"]
        log.result(
            f"{count} chips {text}: loss {loss.percentiles[2]:.2f} dB median, "
            f"{loss.percentiles[4]:.2f} at 99 %; crosstalk {crosstalk.percentiles[2]:.1f} dB "
            f"median, {crosstalk.percentiles[4]:.1f} at 99 %"
        )


def _count(number: float) -> str:
    return f"all {number:,.0f}" if number < 1e6 else f"{number:.3g}"


def _figures(name: str, spread: Spread) -> dict[str, Metric]:
    from lightloom.photonics.circuit.statistics import PERCENTILES

    found: dict[str, Metric] = {
        f"{name}_mean_db": spread.mean,
        f"{name}_sigma_db": spread.deviation,
        f"{name}_most_db": spread.most,
    }
    for percent, value in zip(PERCENTILES, spread.percentiles, strict=True):
        found[f"{name}_p{percent}_db"] = value
    return found
