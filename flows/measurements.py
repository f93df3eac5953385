"""What a laboratory would measure of a link run: transmitter, eye, jitter, channel, errors.

The transmitter is measured on the model's light without noise, behind the engine and before any
fibre; the received eye on the model of the worst lane of either direction, at the phase and with
the equalizer that its RTL settled on; jitter also on the waveform that the run really saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lightloom.cosim import fec, model_eye, package_com, prediction
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.equalizer import Equalizer
from lightloom.cosim.eye import POINTS, Capture
from lightloom.cosim.measure import bathtub, bursts, contours, jitter, levels, mask, tdecq
from lightloom.cosim.measure.bathtub import Curve
from lightloom.cosim.measure.waveform import Waveform, bessel_thomson
from lightloom.cosim.setup import DIRECTIONS, LaneErrors, Outcome
from lightloom.cosim.statistics import Complex, Pattern
from lightloom.flows import fec_figures
from lightloom.flows.report_data import Contour, Measurement, Plot
from lightloom.flows.runs import Metric
from lightloom.spec import Design, OpticalModel

DRAWN = {None: (1e-3, 1e-6, 1e-9, 1e-12), "kr4": (1e-2, 1e-4, 1e-6), "kp4": (1e-2, 1e-3, 1e-4)}
"""Contours over the eye, by FEC."""
RAW_ERROR_RATE = 1e-12
"""Without FEC."""
FAILED_CODEWORDS = 1e-12
"""Of independent errors, at the error rate that a link with FEC may have."""
MASK_BANDWIDTH = 0.75
"""Of the filter before the mask test, in symbol rates."""
LOWEST_DRAWN = 1e-18
TRIALS = 40
"""By which the equalizer of TDECQ is improved in a link run: within 0.01 dB of many."""


@dataclass(frozen=True)
class Measured:
    """Figures for `metrics.json` and what the report shows of them."""

    metrics: dict[str, Metric]
    rows: tuple[Measurement, ...]
    contours: Mapping[int, tuple[Contour, ...]] = field(default_factory=dict[int, tuple[Contour]])
    """By direction."""
    plots: tuple[Plot, ...] = ()


def allowed_error_rate(design: Design) -> float:
    """Bit error rate before FEC that a link may have; without FEC that of Ethernet, 1e-12."""
    name = design.serdes.fec
    if name is None:
        return RAW_ERROR_RATE
    low, high = -12.0, -1.0
    for _ in range(40):
        middle = (low + high) / 2
        good = fec.CODES[name].codeword_error_rate(10**middle) <= FAILED_CODEWORDS
        low, high = (middle, high) if good else (low, middle)
    return float(10**low)


def measure(
    design: Design,
    model: OpticalModel,
    outcome: Outcome,
    captured: Capture,
    *,
    coefficients: Coefficients,
    patterns: Mapping[int, Pattern],
    matrix: Complex | None,
    worst: Mapping[int, int],
) -> Measured:
    """Measure everything; `patterns` and the `worst` lane are by direction, as far as there are.

    `matrix` is the switch's field transfer `[output, input]`, None without one.
    """
    parts = [_transmitter(design, model, coefficients)]
    seen: dict[int, _Received] = {}
    for direction, lane in worst.items():
        counted = {one.lane: one for one in outcome.sides[1 - direction].errors if one.locked}
        if direction in patterns and lane in counted and counted[lane].instants_ui:
            seen[direction] = _received(
                design, coefficients, patterns[direction], counted[lane], captured, direction
            )
    parts += [
        _stress(design, coefficients, seen, matrix),
        _eye(design, seen),
        _package(design),
        _codewords(design, outcome),
    ]
    return Measured(
        metrics={key: value for part in parts for key, value in part.metrics.items()},
        rows=tuple(row for part in parts for row in part.rows),
        contours={direction: one.contours for direction, one in seen.items()},
        plots=_plots(seen),
    )


def _transmitter(design: Design, model: OpticalModel, c: Coefficients) -> Measured:
    """All transmitters have the same modulator; what differs is the loss behind it."""
    engine = design.engine
    peaks = [
        10
        ** (
            (
                engine.laser_power_dbm
                - model.modulator.insertion_loss_db
                - lane.modulator_to_fibre_db
            )
            / 10
        )
        for lane in model.engine[: c.lanes]
    ]
    light = model_eye.transmitted(c, design.serdes.tx_ffe, min(peaks))
    pam4 = c.levels == 4
    method = tdecq.TDECQ if pam4 else tdecq.TDEC
    found = levels.measure(light.filtered(bessel_thomson(method.bandwidth or 0.5)).aligned())
    if found.oma_mw <= 0:  # the drive turns the modulator over
        names = ("oma_dbm", "er_db", "rlm", "tdecq_db", "tdec_db", "mask_margin")
        return Measured({f"tx.{name}": None for name in names}, ())
    closure = tdecq.measure(light, method, refine=TRIALS)
    name = "TDECQ" if pam4 else "TDEC"
    margin = None if pam4 else _mask(light, found)
    equalized = f"of it {closure.ceq_db:.2f} dB its equalizer's noise" if pam4 else "not equalized"
    rows = [
        Measurement("OMA", found.oma_dbm, "dBm", 2, "outer, behind the engine, lowest lane"),
        Measurement("extinction ratio", found.er_db, "dB", 2, "outer levels"),
        Measurement(name, closure.db, "dB", 2, equalized),
    ]
    if found.rlm is not None:
        rows.insert(2, Measurement("RLM", found.rlm, "", 3, "1 for evenly spaced levels"))
    if margin is not None:
        rows.append(Measurement("mask margin", 100 * margin, "%", 0, "100GBASE-LR4, scaled"))
    return Measured(
        metrics={
            "tx.oma_dbm": found.oma_dbm,
            "tx.er_db": _finite(found.er_db),
            "tx.rlm": found.rlm,
            "tx.tdecq_db": _finite(closure.db) if pam4 else None,
            "tx.tdec_db": None if pam4 else _finite(closure.db),
            "tx.mask_margin": margin,
        },
        rows=_of("transmitter", rows),
    )


def _mask(light: Waveform, found: levels.Levels) -> float:
    fine = light.filtered(bessel_thomson(MASK_BANDWIDTH)).aligned().resampled(POINTS)
    folded = fine.power.reshape(-1, POINTS)
    return mask.measure(folded, found.power_mw[0], found.power_mw[-1]).margin


@dataclass(frozen=True)
class _Received:
    lane: int
    bathtub: Curve
    contours: tuple[Contour, ...]
    """Where the eye diagram is: NRZ at the sampler, PAM4 behind the equalizer."""
    height_mv: float
    width_ui: float
    """Of the worst eye's contour at the error rate allowed."""
    edges: jitter.Jitter | None


def _received(
    design: Design,
    c: Coefficients,
    pattern: Pattern,
    lane: LaneErrors,
    captured: Capture,
    direction: int,
) -> _Received:
    equalizer = prediction.equalizer(design, lane.taps, lane.dfe, lane.levels)
    centre = float(prediction.instants(lane, 1)[0])
    shown = equalizer if c.levels == 4 else Equalizer()
    decided, drawn = model_eye.slices(c, pattern, lane.lane, centre, (equalizer, shown))
    thresholds = [limit * c.volts_per_step for limit in equalizer.thresholds]
    allowed = allowed_error_rate(design)
    lines = contours.contours(decided[::2], (allowed,))
    return _Received(
        lane=lane.lane,
        bathtub=bathtub.bathtub(decided, thresholds),
        contours=tuple(
            Contour(line.rate, line.phase_ui, 1e3 * line.low, 1e3 * line.high)
            for line in contours.contours(drawn[::2], DRAWN[design.serdes.fec])
            if len(line.phase_ui)
        ),
        height_mv=1e3 * min(line.height_at(0.0) for line in lines),
        width_ui=min(line.width_ui for line in lines),
        edges=_edges(c, captured, direction, lane.lane),
    )


def _edges(c: Coefficients, captured: Capture, direction: int, lane: int) -> jitter.Jitter | None:
    """Jitter of the captured waveform about its mean; of PAM4 it would be that of its slopes."""
    volts = captured.volts.get((direction, lane))
    if c.levels != 2 or volts is None:
        return None
    edges = jitter.crossings(volts.ravel(), volts.shape[1], 0.0)
    return jitter.measure(edges) if len(edges.time_ui) >= 200 else None


def _stress(
    design: Design, c: Coefficients, seen: Mapping[int, _Received], matrix: Complex | None
) -> Measured:
    """Closure of the light at the detector: of the direction whose eye is lower."""
    pam4 = c.levels == 4
    metrics: dict[str, Metric] = {"rx.secq_db": None, "rx.sec_db": None}
    if not seen:
        return Measured(metrics, ())
    direction = min(seen, key=lambda d: seen[d].height_mv)
    light = model_eye.received(c, direction, seen[direction].lane, design.serdes.tx_ffe, matrix)
    # the scale does not matter; mA come near to the mW that figures are in
    light = Waveform(1e3 * light.power, light.symbols, light.levels)
    try:
        found = tdecq.measure(light, tdecq.TDECQ if pam4 else tdecq.TDEC, refine=TRIALS).db
    except ValueError:  # no OMA is left of the signal
        return Measured(metrics, ())
    metrics["rx.secq_db" if pam4 else "rx.sec_db"] = _finite(found)
    name = "SECQ" if pam4 else "SEC"
    note = "as TDECQ" if pam4 else "as TDEC"
    row = Measurement(name, found, "dB", 2, f"{note}, of the light at the detector, with crosstalk")
    return Measured(metrics, _of("receiver, worst lane", [row]))


def _eye(design: Design, seen: Mapping[int, _Received]) -> Measured:
    """The worse direction of each figure."""
    rate = allowed_error_rate(design)
    symbol_rate = rate * design.serdes.bits_per_symbol
    metrics: dict[str, Metric] = {
        "eye.contour_rate": rate,
        "eye.contour_height_mv": None,
        "eye.contour_width_ui": None,
        "eye.bathtub_width_ui": None,
        "jitter.tj_ui": None,
        "jitter.dj_ui": None,
        "jitter.rj_ui": None,
        "jitter.tie_rms_ui": None,
    }
    rows: list[Measurement] = []
    at = f"at {rate:.0e}".replace("e-0", "e-") if rate < RAW_ERROR_RATE * 1.5 else f"at {rate:.1e}"
    if seen:
        height, width = (
            min(s.height_mv for s in seen.values()),
            min(s.width_ui for s in seen.values()),
        )
        opening = min(s.bathtub.opening(symbol_rate) for s in seen.values())
        metrics |= {
            "eye.contour_height_mv": height,
            "eye.contour_width_ui": width,
            "eye.bathtub_width_ui": opening,
            "jitter.tj_ui": 1.0 - opening,
        }
        rows += [
            Measurement("contour height", height, "mV", 1, f"behind the equalizer, {at}"),
            Measurement("contour width", width, "UI", 3, f"behind the equalizer, {at}"),
            Measurement("total jitter", 1.0 - opening, "UI", 3, f"what the bathtub lacks, {at}"),
        ]
    models = [m for m in (_flanks(s.bathtub) for s in seen.values()) if m is not None]
    if seen and len(models) == len(seen):
        model = max(models, key=lambda m: m.total(RAW_ERROR_RATE))
        metrics |= {"jitter.dj_ui": model.dj, "jitter.rj_ui": model.rj}
        rows += [
            Measurement("DJ(dd)", model.dj, "UI", 3, "dual-Dirac, of the bathtub's flanks"),
            Measurement("RJ", model.rj, "UI", 4, "one deviation, of the bathtub's flanks"),
        ]
    edges = [s.edges.rms_ui for s in seen.values() if s.edges is not None]
    if edges:
        metrics["jitter.tie_rms_ui"] = max(edges)
        rows.append(Measurement("TIE", max(edges), "UI rms", 4, "of the run, at the sampler"))
    return Measured(metrics, _of("", rows))


def _flanks(curve: Curve):
    try:
        return curve.dual_dirac()
    except ValueError:  # no flank reaches rates at which the model may be fitted
        return None


def _package(design: Design) -> Measured:
    found = package_com.measure(design)
    return Measured(
        {"package.com_db": found.db},
        _of("package", [Measurement("COM", found.db, "dB", 2, "once, SerDes to SerDes")]),
    )


def _codewords(design: Design, outcome: Outcome) -> Measured:
    """Whether wrong symbols are spread over codewords as the code's error rate assumes."""
    counted = fec_figures.codewords(design, *outcome.sides)
    metrics: dict[str, Metric] = {"fec.independence_p": None, "fec.dispersion": None}
    if counted is None or not counted.received:
        return Measured(metrics, ())
    tested = bursts.independence(
        counted.histogram, symbols=counted.code.symbols, beyond=counted.uncorrectable
    )
    metrics |= {"fec.independence_p": tested.p_value, "fec.dispersion": tested.dispersion}
    rows: list[Measurement] = []
    if tested.p_value is not None:
        note = f"if independent; {tested.verdict.value}"
        rows.append(Measurement("probability", tested.p_value, "", 3, note))
    if tested.dispersion is not None:
        rows.append(Measurement("dispersion", tested.dispersion, "", 3, "1 for independent errors"))
    return Measured(metrics, _of("wrong symbols of codewords", rows))


def _plots(seen: Mapping[int, _Received]) -> tuple[Plot, ...]:
    if not seen:
        return ()
    curves = {
        f"{DIRECTIONS[direction]}, lane {one.lane}": np.where(
            one.bathtub.rate >= LOWEST_DRAWN, one.bathtub.rate, np.nan
        )
        for direction, one in seen.items()
    }
    return (
        Plot(
            title="Bathtub",
            x=next(iter(seen.values())).bathtub.x,
            x_label="time after the sampling instant (UI)",
            curves=curves,
            y_label="symbol error rate",
            log_y=True,
            caption="Model behind the equalizer and thresholds that the RTL settled on, right "
            "decisions fed back.",
        ),
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _of(group: str, rows: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """The first row names the group; what is infinite has no row."""
    return tuple(
        replace(row, group="" if n else group)
        for n, row in enumerate(row for row in rows if np.isfinite(row.value))
    )
