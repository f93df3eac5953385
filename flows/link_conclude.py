"""From the outcome of a link run to its files, its verdict and its words on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lightloom.cosim import coefficients, oracle, prediction, statistics
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.eye import Capture
from lightloom.cosim.setup import Failover, Outcome
from lightloom.cosim.statistics import Complex, Pattern
from lightloom.flows import eyes as eye_figures
from lightloom.flows import link_figures, link_report, measurements, report
from lightloom.flows.report_data import Check, Finding, Picture
from lightloom.flows.runs import Run
from lightloom.photonics.layout import LayoutResult
from lightloom.spec import Design, OpticalModel, RtlManifest

KEPT_FROM_BENCH = ("setup.json", "outcome.json", "simulation.log", "eye.npz", "results.xml")
"""Files of the simulation that go to `cosim/` in the output folder."""


def conclude(
    run: Run,
    design: Design,
    model: OpticalModel,
    serdes: RtlManifest,
    outcome: Outcome,
    *,
    fixed: tuple[int, ...],
    layouts: Sequence[LayoutResult],
    payload_bytes: int,
    build_s: float,
    changed: Sequence[str],
) -> None:
    """Measure, judge, and write metrics, figures and the report.

    `fixed` are the heater codes of either transceiver's switch on the path that it starts on.
    """
    codes = fixed
    if outcome.switching is not None and not outcome.switching.refused:
        codes = outcome.switching.codes
    heater_mw = link_figures.heater_power_mw(model, codes, chips=2 if fixed else 1)
    energies = link_figures.energy(design, model, heater_mw)
    delays = link_figures.latency(design, model, serdes)
    captured = Capture.load(run.directory / "eye.npz")
    eyes = eye_figures.measure(captured, link_figures.equalizers(design, outcome))
    drc = sum(len(made.drc.findings) for made in layouts)
    lvs = sum(len(made.lvs.findings) for made in layouts)
    run.metrics.update(
        link_figures.metrics(
            design,
            outcome,
            payload_bytes=payload_bytes,
            energies=energies,
            eye_height_mv=eyes.height_mv,
            eye_width_ui=eyes.width_ui,
            build_s=build_s,
            drc=drc,
            lvs=lvs,
        )
    )
    run.metrics["cosim.waveform_hash"] = outcome.waveform_hash
    made = coefficients.build(design, model)
    refused = model.fabric is not None and not codes
    matrix = oracle.settled_matrix(made, codes) if model.fabric is not None and codes else None
    patterns = {} if refused else received_patterns(design, made, outcome, matrix, symbols=8192)
    predicted = predict(design, made, outcome, patterns, phases=4)
    run.metrics["link.pre_fec_ber_model"] = (
        sum(predicted.values()) / len(predicted) if predicted else None
    )
    measured = measurements.measure(
        design,
        model,
        outcome,
        captured,
        coefficients=made,
        patterns=patterns,
        matrix=matrix,
        worst=eyes.worst,
    )
    run.metrics.update(measured.metrics)
    checks = _checks(run, outcome)
    run.checks += checks
    run.failed = not all(check.passed for check in checks)
    if outcome.waveform_hash is not None:
        run.identity["waveform"] = outcome.waveform_hash
    figures = link_figures.link_figures(design, outcome, delays, energies)
    if figures is not None:
        figures.write(run.directory / "link_figures.json")
    pictures = [
        Picture(f"{made.kind} chip", made.preview.read_bytes(), made.caption) for made in layouts
    ]
    findings = [
        Finding(verdict.check, f.rule, f.message, f.x_um, f.y_um)
        for made in layouts
        for verdict in (made.drc, made.lvs)
        for f in verdict.findings
    ]
    data = link_report.fill(
        run,
        design,
        model,
        outcome,
        delays=delays,
        energies=energies,
        eyes=eyes.with_contours(measured.contours),
        measured=measured,
        predicted=predicted,
        pictures=pictures,
        findings=findings,
        checks=checks,
        changed=changed,
    )
    report.write(data, run.directory / "report.html")
    _tidy(run.directory)


def summary(run: Run, outcome: Outcome) -> str:
    """What the terminal shows at the end."""
    m = run.metrics
    counted = link_figures.errors(*outcome.sides)
    lines = []
    if outcome.switching is not None:
        at = m["ocs.reconfiguration_us"]
        lines.append(
            outcome.switching.refused
            or f"switch    routed by the controller, light steady {at:.1f} us after commit"
        )
    if outcome.failover is not None:
        lines.append("failover  " + failover_text(run, outcome.failover))
    if outcome.up:
        wrong = m["link.payload_errors"]
        state = "unchanged" if not wrong else f"{wrong} wrong or missing bytes"
        lines += [
            f"link      up after {m['link.lock_time_us']:.1f} us",
            f"payload   {m['link.payload_bytes']} bytes each way, {state}",
        ]
        if m["link.latency_ns"] is not None:
            lines.append(f"latency   {m['link.latency_ns']:.1f} ns first word in to first word out")
    else:
        reasons = outcome.misrouted or "; ".join(map(link_report.status, outcome.sides))
        lines.append(f"link      down: {reasons}")
    lines += [
        f"BER       {counted.text()}",
        *(
            [f"FEC       {m['fec.uncorrectable']} of {m['fec.codewords']} codewords uncorrectable"]
            if m["fec.codewords"]
            else []
        ),
        f"energy    {m['link.energy_pj_per_bit']:.2f} pJ/bit",
        f"layout    {m['layout.drc_violations']} DRC, {m['layout.lvs_mismatches']} LVS findings",
        f"speed     {outcome.line_bits / outcome.cpu_s / 1e6:.2f} Mbit of line a CPU second",
        f"report    {run.out / 'report.html'}",
    ]
    return "\n".join(lines)


def failover_text(run: Run, made: Failover) -> str:
    """Time split and lost frames of a cut fibre in a line."""
    if made.failed is not None:
        return made.failed
    m = run.metrics
    parts = ("detect", "settle", "relock", "first_frame")
    split = ", ".join(f"{n.replace('_', ' ')} {m[f'ocs.failover.{n}_us']:.2f}" for n in parts)
    lost = f"{m['ocs.failover.frames_lost']} of {m['ocs.failover.frames_sent']} frames lost"
    return f"{m['ocs.failover.total_us']:.2f} us ({split}), {lost}"


def received_patterns(
    design: Design,
    made: Coefficients,
    outcome: Outcome,
    matrix: Complex | None,
    *,
    symbols: int,
) -> dict[int, Pattern]:
    """The model's light at the receivers by direction, for those of which a lane was counted.

    `matrix` is the switch's field transfer `[output, input]`, None without a switch.
    """
    return {
        1 - side: statistics.pattern(
            made, 1 - side, tx_ffe=design.serdes.tx_ffe, matrix=matrix, symbols=symbols
        )
        for side, measured in enumerate(outcome.sides)
        if any(lane.locked and lane.bits for lane in measured.errors)
    }


def predict(
    design: Design,
    made: Coefficients,
    outcome: Outcome,
    patterns: Mapping[int, Pattern],
    *,
    phases: int,
) -> dict[tuple[int, int], float]:
    """Closed-form error rate by receiving side and lane, for lanes that were counted."""
    found: dict[tuple[int, int], float] = {}
    for direction, pattern in patterns.items():
        side = 1 - direction
        lanes = [lane for lane in outcome.sides[side].errors if lane.locked and lane.bits]
        rates = prediction.bit_error_rates(design, made, pattern, lanes, phases=phases)
        found |= {(side, lane.lane): rate for lane, rate in zip(lanes, rates, strict=True)}
    return found


def _failover_checks(run: Run, made: Failover) -> list[Check]:
    m = run.metrics
    wrong, again = m["ocs.failover.bytes_wrong"], m["ocs.failover.frames_duplicated"]
    return [
        Check("traffic again after the fibre cut", made.failed is None, failover_text(run, made)),
        Check(
            "no frame of the stream wrong or twice",
            not wrong and not again,
            f"{wrong} bytes wrong, {again} frames twice",
        ),
    ]


def _checks(run: Run, outcome: Outcome) -> list[Check]:
    m = run.metrics
    found = []
    if outcome.switching is not None:
        refused = outcome.switching.refused
        found.append(Check("switch routed", refused is None, refused or ""))
        astray = outcome.misrouted
        found.append(Check("lanes arrive where they should", astray is None, astray or ""))
    if outcome.failover is not None:
        found += _failover_checks(run, outcome.failover)
    states = "; ".join(map(link_report.status, outcome.sides))
    found += [
        Check("link came up", outcome.up, states),
        Check(
            "payload intact",
            outcome.up and m["link.payload_errors"] == 0,
            f"{m['link.payload_errors']} of {m['link.payload_bytes']} bytes wrong or missing",
        ),
        *(
            [
                Check(
                    "no wrong byte delivered as good",
                    m["link.wrong_bytes"] == 0,
                    f"{m['fec.uncorrectable']} of {m['fec.codewords']} codewords uncorrectable",
                )
            ]
            if m["fec.codewords"] is not None
            else []
        ),
        Check("DRC", m["layout.drc_violations"] == 0, f"{m['layout.drc_violations']} findings"),
        Check("LVS", m["layout.lvs_mismatches"] == 0, f"{m['layout.lvs_mismatches']} findings"),
    ]
    return found


def _tidy(directory: Path) -> None:
    place = directory / "cosim"
    place.mkdir(exist_ok=True)
    for name in KEPT_FROM_BENCH:
        if (directory / name).exists():
            (directory / name).rename(place / name)
