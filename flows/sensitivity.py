"""Receiver sensitivity: error rate over received power and phase, by three methods, as a report."""

from __future__ import annotations

import base64
import csv
from collections.abc import Mapping
from pathlib import Path

from lightloom import spec
from lightloom.cosim.setup import DIRECTIONS
from lightloom.flows import measurements, pages, sensitivity_data, sensitivity_plots
from lightloom.flows.progress import Reporter
from lightloom.flows.report_data import Check, KeyFigure
from lightloom.flows.runs import Metric, Run
from lightloom.flows.sensitivity_data import CONFIDENCE, Sensitivity
from lightloom.spec import Design

COLUMNS = (
    "attenuation_db", "average_dbm", "oma_dbm", "eye", "eye_low", "eye_high", "importance",
    "importance_low", "importance_high", "importance_effective", "counted", "counted_low",
    "counted_high", "counted_errors", "counted_bits", "codeword_error_rate", "agree",
)  # fmt: skip
SHOWN = (
    "attenuation (dB)", "mean power (dBm)", "OMA (dBm)", "statistical eye", "importance sampling",
    "counted", "codewords not corrected",
)  # fmt: skip


def run(path: Path, overrides: Mapping[str, str], out: Path, jobs: int, log: Reporter) -> int:
    """Measure a design into `out`: `sensitivity.html`, pictures, `sensitivity.csv`, metrics."""
    design = spec.resolve(spec.load(path, overrides), path.resolve().parent)
    design.check_link(str(path))
    with Run(out, "sensitivity", log, dict(overrides)) as job:
        job.input("design", path)
        if design.package.touchstone is not None:
            job.input("touchstone", Path(design.package.touchstone))
        with job.step("layout, optical model"):
            model, both = sensitivity_data.benches(design)
        with job.step("sensitivity", 1.0) as step:
            allowed = measurements.allowed_error_rate(design)
            found = sensitivity_data.measure(design, model, both, allowed, step, jobs)
        job.metrics.update(metrics(design, found))
        job.checks += _checks(found)
        job.failed = not all(check.passed for check in job.checks)
        _table(found, job.directory / "sensitivity.csv")
        _page(job, design, found)
        log.result(_summary(job, found))
    return job.exit_code


def metrics(design: Design, found: Sensitivity) -> dict[str, Metric]:
    """Figures for `metrics.json`: of the worst lane, powers at the photodiode."""
    needed = found.sensitivity_db
    bits = design.serdes.bits_per_symbol
    bathtub = found.bathtubs["as designed"]
    return {
        "rx.allowed_ber": found.allowed,
        "rx.sensitivity_dbm": None if needed is None else found.average_dbm - needed,
        "rx.sensitivity_oma_dbm": None if needed is None else found.oma_dbm - needed,
        "rx.power_dbm": found.average_dbm,
        "rx.oma_dbm": found.oma_dbm,
        "rx.margin_db": needed,
        "rx.overload_dbm": None
        if found.overload_db is None
        else found.average_dbm - found.overload_db,
        "rx.ber": found.rate,
        "rx.best_ber": min(p.eye.rate for p in found.points),
        "rx.bathtub_width_ui": bathtub.opening(found.allowed),
        "rx.eye_height_mv": 1e3 * found.eye.height_v(found.allowed * bits),
        "rx.direction": DIRECTIONS[found.direction],
        "rx.lane": found.lane,
        "rx.points": len(found.points),
        "rx.points_counted": sum(p.counted is not None for p in found.points),
        "rx.points_disagreeing": sum(not p.agree for p in found.points),
    }


def _checks(found: Sensitivity) -> list[Check]:
    needed = found.sensitivity_db
    margin = "the rate allowed is not met at any power" if needed is None else f"{needed:.2f} dB"
    apart = [f"{p.average_dbm:.2f} dBm" for p in found.points if not p.agree]
    several = sum(p.importance is not None or p.counted is not None for p in found.points)
    return [
        Check("more light than the sensitivity", needed is not None and needed >= 0, margin),
        Check(
            "the methods agree",
            not apart and several > 0,
            f"not at {', '.join(apart)}" if apart else f"at {several} powers",
        ),
    ]


def _table(found: Sensitivity, path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for p in found.points:
            drawn, counted = p.importance, p.counted
            writer.writerow(
                [
                    p.attenuation_db, p.average_dbm, p.oma_dbm, p.eye.rate, p.eye.low, p.eye.high,
                    *((drawn.rate, drawn.low, drawn.high, drawn.effective) if drawn else [""] * 4),
                    *(
                        (counted.rate, counted.low, counted.high, counted.errors, counted.bits)
                        if counted else [""] * 5
                    ),
                    "" if p.codeword_error_rate is None else p.codeword_error_rate, int(p.agree),
                ]
            )  # fmt: skip


def _rows(found: Sensitivity) -> list[list[str]]:
    rows: list[list[str]] = []
    for p in found.points:
        counted = "" if p.counted is None else f"{p.counted.errors} in {p.counted.bits:.2g} bits"
        lost = p.codeword_error_rate
        rows.append(
            [
                f"{p.attenuation_db:.1f}",
                f"{p.average_dbm:.2f}",
                f"{p.oma_dbm:.2f}",
                f"{p.eye.rate:.2e}",
                "" if p.importance is None else f"{p.importance.rate:.2e}",
                counted if p.counted is None else f"{p.counted.rate:.2e} ({counted})",
                "" if lost is None else f"{lost:.1e}",
            ]
        )
    return rows


def _page(job: Run, design: Design, found: Sensitivity) -> None:
    pictures = {
        "error rate over received power": ("curve.svg", sensitivity_plots.curve(found)),
        "bathtub": ("bathtub.svg", sensitivity_plots.bathtubs(found)),
        "statistical eye as designed": ("eye.svg", sensitivity_plots.eye(found)),
    }
    for name, svg in pictures.values():
        (job.directory / name).write_bytes(svg)
    m = job.metrics
    needed = found.sensitivity_db
    figures = [
        KeyFigure(
            "sensitivity", _number(m["rx.sensitivity_dbm"]), "dBm", "mean, at the photodiode"
        ),
        KeyFigure("sensitivity", _number(m["rx.sensitivity_oma_dbm"]), "dBm", "outer OMA"),
        KeyFigure("received", _number(m["rx.power_dbm"]), "dBm", "as designed, worst lane"),
        KeyFigure("margin", _number(needed), "dB"),
        KeyFigure("BER", f"{found.rate:.1e}", "", "as designed, before FEC"),
        KeyFigure("bathtub", _number(m["rx.bathtub_width_ui"], 3), "UI", "at the rate allowed"),
    ]
    page = pages.environment().get_template("sensitivity.html.j2").render(
        title=design.name,
        passed=not job.failed,
        headline=f"Receiver sensitivity of {design.serdes.lanes} lanes of "
        f"{design.serdes.lane_gbps:g} Gb/s at a bit error rate of {found.allowed:.1e} before "
        f"{'FEC' if design.serdes.fec else 'the link layer'}.",
        figures=figures,
        checks=job.checks,
        place=f"{DIRECTIONS[found.direction]}, lane {found.lane}",
        confidence=f"{100 * CONFIDENCE:g} %",
        pictures=[(n, base64.b64encode(svg).decode()) for n, (_, svg) in pictures.items()],
        columns=SHOWN,
        rows=_rows(found),
        lanes=[
            (
                DIRECTIONS[one.direction], str(one.lane), f"{one.power_dbm:.2f}",
                _number(one.sensitivity_dbm), _number(one.needed_db),
            )
            for one in found.lanes
        ],
        inputs=job.inputs,
        settings=job.settings,
        started=job.started.isoformat(timespec="seconds"),
    )  # fmt: skip
    (job.directory / "sensitivity.html").write_text(page, encoding="utf-8")


def _number(value: Metric, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if isinstance(value, float) else "-"


def _summary(job: Run, found: Sensitivity) -> str:
    m = job.metrics
    at = f"{DIRECTIONS[found.direction]}, lane {found.lane}"
    return "\n".join(
        [
            f"sensitivity {_number(m['rx.sensitivity_dbm'])} dBm at a BER of {found.allowed:.1e} "
            f"({at}); OMA {_number(m['rx.sensitivity_oma_dbm'])} dBm",
            f"received    {found.average_dbm:.2f} dBm, margin {_number(found.sensitivity_db)} dB, "
            f"BER {found.rate:.1e}",
            f"methods     {m['rx.points']} powers, {m['rx.points_counted']} of them counted, "
            f"{m['rx.points_disagreeing']} where methods disagree",
            f"report      {job.out / 'sensitivity.html'}",
        ]
    )
