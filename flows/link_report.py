"""The report of a link run, filled from what was generated and measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lightloom.cosim.setup import FailoverSide, Outcome, Side
from lightloom.cosim.statistics import clopper_pearson
from lightloom.flows import budget, fec_figures, link_figures
from lightloom.flows.measurements import Measured
from lightloom.flows.report_data import (
    Ber,
    Check,
    Energy,
    Eye,
    Finding,
    InputFile,
    KeyFigure,
    Latency,
    Mark,
    Picture,
    Plot,
    ReportData,
    Span,
    Track,
)
from lightloom.flows.runs import Metric, Run, machine, versions
from lightloom.spec import Design, OpticalModel

DIRECTIONS = ("B to A", "A to B")
"""Direction that a side receives."""
MICRO = "\N{MICRO SIGN}s"


def fill(
    run: Run,
    design: Design,
    model: OpticalModel,
    outcome: Outcome,
    *,
    delays: Sequence[link_figures.Delay],
    energies: Mapping[str, float],
    eyes: Sequence[Eye],
    measured: Measured,
    predicted: Mapping[tuple[int, int], float],
    pictures: Sequence[Picture],
    findings: Sequence[Finding],
    checks: Sequence[Check],
    changed: Sequence[str],
) -> ReportData:
    """Return everything the page shows; `predicted` is the model's BER by receiving side, lane."""
    passed = all(check.passed for check in checks)
    return ReportData(
        title=design.name,
        passed=passed,
        headline=_headline(design, outcome, run),
        started_utc=run.started.isoformat(timespec="seconds"),
        figures=_figures(run, outcome),
        checks=tuple(checks),
        link=budget.link(design, model),
        stages=budget.stages(design, model),
        eyes=tuple(eyes),
        measurements=measured.rows,
        signal_plots=measured.plots,
        bers=tuple(_bers(outcome, predicted)),
        fec=fec_figures.report(
            design, outcome.sides, DIRECTIONS, link_figures.errors(*outcome.sides).ratio
        ),
        latency=tuple(
            Latency(
                name=delay.name,
                ns=delay.ns,
                cycles=delay.cycles,
                clock=_clock(design) if delay.cycles is not None else "",
                kind=delay.kind,
            )
            for delay in delays
        ),
        latency_measured_ns=_number(run.metrics["link.latency_ns"]),
        tracks=tuple(_tracks(outcome)),
        marks=tuple(_marks(outcome)),
        plots=tuple(_plots(outcome)),
        pictures=tuple(pictures),
        findings=tuple(findings),
        energy=tuple(Energy(name, value, "design") for name, value in energies.items()),
        inputs=tuple(InputFile(i.role, i.file, i.sha256, i.bytes) for i in run.inputs),
        versions=versions(),
        machine=machine(),
        seconds=run.seconds,
        design=design.model_dump(),
        changed=tuple(changed),
        settings=run.settings,
    )


def _number(value: Metric) -> float | None:
    return value if isinstance(value, float) else None


def _clock(design: Design) -> str:
    return f"{1e3 * design.serdes.baud_gbd / design.serdes.symbols_per_clock:.0f} MHz"


def _headline(design: Design, outcome: Outcome, run: Run) -> str:
    serdes = design.serdes
    size = run.metrics["link.payload_bytes"]
    if outcome.switching is not None and outcome.switching.refused:
        return f"The link was not started: {outcome.switching.refused}."
    if outcome.misrouted is not None:
        return f"The light went astray and the host took the link down: {outcome.misrouted}."
    if not outcome.up:
        reasons = ", ".join(
            f"{side.name} in {side.state} after {side.fail_reason.lower().replace('_', ' ')}"
            for side in outcome.sides
        )
        limit = f"{serdes.bring_up_timeout_us:g} {MICRO}"
        lost = run.metrics["fec.uncorrectable"]
        words = f" {lost} of {run.metrics['fec.codewords']} codewords were uncorrectable."
        return f"The link did not come up within {limit}: {reasons}." + (words if lost else "")
    wrong = run.metrics["link.payload_errors"]
    carried = "arrived unchanged" if not wrong else f"arrived with {wrong} wrong or missing bytes"
    return (
        f"{size:,} bytes went each way over {serdes.lanes} lanes of {serdes.lane_gbps:g} Gb/s "
        f"and {carried}."
    )


def _figures(run: Run, outcome: Outcome) -> tuple[KeyFigure, ...]:
    m = run.metrics
    counted = link_figures.errors(*outcome.sides)

    def number(key: str, form: str) -> str:
        value = m[key]
        return "-" if value is None else form.format(value)

    if not counted.bits:
        ber = KeyFigure("pre-FEC BER", "not measured")
    elif counted.errors:
        note = f"{counted.low:.2e} to {counted.high:.2e}, 95 %"
        ber = KeyFigure("pre-FEC BER", f"{counted.ratio:.2e}", "", note)
    else:
        note = f"zero errors in {counted.bits:.3g} bits, 95 %"
        ber = KeyFigure("pre-FEC BER", f"< {counted.high:.1e}", "", note)
    found = [
        KeyFigure("link", "up" if outcome.up else "down"),
        ber,
        KeyFigure("latency", number("link.latency_ns", "{:.1f}"), "ns", "first word in to out"),
        KeyFigure("bring-up", number("link.lock_time_us", "{:.1f}"), MICRO, "enable to link up"),
        KeyFigure("eye height", number("eye.height_mv", "{:.0f}"), "mV", "worst lane"),
        KeyFigure("eye width", number("eye.width_ui", "{:.2f}"), "UI", "worst lane"),
        KeyFigure("energy", number("link.energy_pj_per_bit", "{:.2f}"), "pJ/bit"),
        KeyFigure("simulated", f"{outcome.line_bits / 1e6:.1f}", "Mbit", "line bits, both ways"),
        KeyFigure(
            "speed", f"{outcome.line_bits / outcome.cpu_s / 1e6:.2f}", "Mbit/s", "a CPU second"
        ),
    ]
    if m["fec.codewords"]:
        failed = f"{m['fec.uncorrectable']} of {m['fec.codewords']} codewords uncorrectable"
        post = number("link.post_fec_ber", "{:.1e}")
        if not m["fec.uncorrectable"]:
            post = "< " + number("link.post_fec_ber_high", "{:.1e}")
        found.insert(2, KeyFigure("post-FEC BER", post, "", failed))
    if outcome.failover is not None:
        lost = f"fibre cut to first frame; {m['ocs.failover.frames_lost']} frames lost"
        found.insert(
            -5, KeyFigure("failover", number("ocs.failover.total_us", "{:.2f}"), MICRO, lost)
        )
    elif m["ocs.reconfiguration_us"] is not None:
        text = number("ocs.reconfiguration_us", "{:.1f}")
        found.insert(-5, KeyFigure("switching", text, MICRO, "commit to within 1 dB"))
    return tuple(found)


def _bers(outcome: Outcome, predicted: Mapping[tuple[int, int], float]) -> list[Ber]:
    found: list[Ber] = []
    for side, direction in zip(outcome.sides, DIRECTIONS, strict=True):
        for lane in side.errors:
            if not lane.bits or not lane.locked:
                continue
            wrong = min(lane.errors, lane.bits)
            low, high = clopper_pearson(wrong, lane.bits)
            found.append(
                Ber(
                    direction=direction,
                    lane=str(lane.lane),
                    bits=lane.bits,
                    errors=wrong,
                    low=low,
                    high=high,
                    predicted=predicted.get(("AB".index(side.name), lane.lane)),
                )
            )
    return found


def _tracks(outcome: Outcome) -> list[Track]:
    names = list(dict.fromkeys(change.track for change in outcome.changes))
    tracks: list[Track] = []
    if outcome.switching is not None:
        s = outcome.switching
        spans = (
            Span("calibration", 0.0, s.commit_us),
            Span("settling", s.commit_us, s.done_us),
            Span("refused" if s.refused else "routed", s.done_us, outcome.end_us, not s.refused),
        )
        tracks.append(Track("switch", spans))
    for name in names:
        changes = [change for change in outcome.changes if change.track == name]
        ends = [change.time_us for change in changes[1:]] + [outcome.end_us]
        good = {"UP": True, "TEST": True, "DOWN": False, "FAILED": False}
        good |= {"PRIMARY": True, "BACKUP": True}
        spans = tuple(
            Span(c.state.lower().replace("_", " "), c.time_us, end, good.get(c.state))
            for c, end in zip(changes, ends, strict=True)
            if end > c.time_us
        )
        tracks.append(Track(name, spans))
    if outcome.failover is not None and outcome.failover.cut_us is not None:
        tracks += [_split_track(side, outcome.failover.cut_us) for side in outcome.failover.sides]
    return tracks


def _split_track(side: FailoverSide, cut_us: float) -> Track:
    """Where the time after the cut went at one end, without the flight of the last light."""
    at, spans = cut_us, []
    for name, us in side.split_us.items():
        if name != "total":
            label = "detect" if name == "command" else name
            spans.append(Span(label, at, at + us, None))
            at += us
    return Track(f"{side.name} failover", tuple(spans))


def _marks(outcome: Outcome) -> list[Mark]:
    found: list[Mark] = []
    if outcome.switching is not None:
        found.append(Mark(outcome.switching.commit_us, "commit"))
    if outcome.failover is not None and outcome.failover.cut_us is not None:
        found.append(Mark(outcome.failover.cut_us, "cut"))
    return found


def _plots(outcome: Outcome) -> list[Plot]:
    s = outcome.switching
    if s is None or len(s.time_us) < 2:
        return []
    losses = np.array(s.loss_db)
    curves = {f"in {port}": losses[:, port] for port in range(losses.shape[1])}
    return [
        Plot(
            title="Routes while the switch settles",
            x=np.array(s.time_us) - s.commit_us,
            x_label=f"time after commit ({MICRO})",
            curves=curves,
            y_label="fibre to fibre loss of the route asked for (dB)",
            caption="Heaters follow their codes with their thermal time constant.",
        )
    ]


def status(side: Side) -> str:
    """State of a side in words, for a terminal."""
    reason = "" if side.fail_reason == "NONE" else f" ({side.fail_reason.lower()})"
    return f"{side.name}: {side.state.lower()}{reason}"
