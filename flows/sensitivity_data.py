"""Receiver sensitivity of a design's lanes: error rates over received power, by three methods."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from lightloom.cosim import coefficients, fec, model_eye, oracle, rates, statistics
from lightloom.cosim.counting import Counted
from lightloom.cosim.importance import TooFewError
from lightloom.cosim.measure import bathtub, levels
from lightloom.cosim.measure.bathtub import Curve, q_scale
from lightloom.cosim.measure.waveform import bessel_thomson
from lightloom.cosim.rates import Bench, Interval
from lightloom.cosim.statistical_eye import StatisticalEye, statistical_eye
from lightloom.flows import link
from lightloom.flows.progress import Step
from lightloom.spec import Design, OpticalModel, routing

COARSE_DB, FINE_DB = 1.0, 0.5
MOST_LIGHT_DB = -6.0
"""Attenuation of the brightest point: more light than the design has."""
LEAST_LIGHT_DB = 30.0
WORST_RATE, BEST_RATE = 3e-2, 1e-16
"""Beyond these no more power is tried."""
COARSE_SYMBOLS = 8192
COUNTED_ERRORS = 100
MOST_COUNTED = 2_000_000
"""Symbols of a point; it is counted where they would hold a quarter of `COUNTED_ERRORS`."""
FEWEST_COUNTED = 100_000
CONFIDENCE = 0.99
"""Of all intervals."""
PHASES = 41


@dataclass(frozen=True)
class Lane:
    """A lane of a direction over power, by the statistical eye of one pattern."""

    direction: int
    lane: int
    attenuation_db: tuple[float, ...]
    rate: tuple[float, ...]
    power_dbm: float
    """Mean power at the photodiode without attenuation."""
    needed_db: float | None
    """Largest attenuation at which the rate allowed is met, None where none was found."""

    @property
    def sensitivity_dbm(self) -> float | None:
        """Least mean power at the photodiode for the rate allowed."""
        return None if self.needed_db is None else self.power_dbm - self.needed_db


@dataclass(frozen=True)
class Point:
    """The worst lane at one power."""

    attenuation_db: float
    average_dbm: float
    """At the photodiode."""
    oma_dbm: float
    """Outer, as the transmitter makes it."""
    eye: Interval
    importance: Interval | None
    """None where its draws were worth too few."""
    counted: Counted | None
    codeword_error_rate: float | None
    agree: bool
    """Whether the intervals of all methods that reach here meet."""


@dataclass(frozen=True)
class Sensitivity:
    """Everything measured of a design."""

    allowed: float
    """Bit error rate that the link may have before FEC."""
    lanes: tuple[Lane, ...]
    direction: int
    lane: int
    """The worst: that with the least margin."""
    points: tuple[Point, ...]
    sensitivity_db: float | None
    """Attenuation of the worst lane at which the rate allowed is met."""
    overload_db: float | None
    """The same where there is too much light, None where none was."""
    average_dbm: float
    oma_dbm: float
    """Of the worst lane as designed."""
    rate: float
    """Its error rate as designed."""
    codewords: Curve | None
    """Rate of codewords not corrected over mean power, None without FEC."""
    bathtubs: Mapping[str, Curve]
    eye: StatisticalEye
    thresholds_v: tuple[float, ...]


def benches(design: Design) -> tuple[OpticalModel, tuple[Bench, Bench]]:
    """Both directions of a design, with its laid-out optics and the switch as it asks for."""
    with tempfile.TemporaryDirectory() as folder:
        made = link.optics(design, Path(folder))
    c = coefficients.build(design, made.model, made.other)
    codes: tuple[int, ...] = made.fixed
    if design.switch.topology != "none" and not design.ring:
        states = routing.states(design)
        codes = tuple(made.cross[k] if s else made.bar[k] for k, s in enumerate(states))
    matrix = oracle.settled_matrix(c, codes) if c.fabric_ports else None
    serdes = design.serdes
    both = [
        Bench(
            c, direction, tuple(serdes.tx_ffe), matrix, codes, serdes.rx_ffe_taps, serdes.rx_dfe,
            serdes.precoding,
        )
        for direction in (0, 1)
    ]  # fmt: skip
    return made.model, (both[0], both[1])


def crossing(
    attenuation_db: Sequence[float], rate: Sequence[float], allowed: float, *, bright: bool = False
) -> float | None:
    """Largest attenuation at which `rate` is `allowed`, the least with `bright`: an overload.

    Linear in the Q scale between points; None where the rate does not pass on that side.
    """
    at, q = np.asarray(attenuation_db, float), q_scale(np.asarray(rate, float))
    order = np.argsort(-at if bright else at)
    at, q = at[order], q[order]
    wanted = float(q_scale(np.array([allowed]))[0])
    good = np.flatnonzero(q >= wanted)
    if not len(good) or good[-1] == len(at) - 1:
        return None
    n = int(good[-1])
    return float(at[n] + (wanted - q[n]) / (q[n + 1] - q[n]) * (at[n + 1] - at[n]))


def _codewords(points: Sequence[Point], code: fec.Code) -> Curve:
    """Rate of codewords that are not corrected over mean power, finer than the points."""
    x = np.array([p.average_dbm for p in points])[::-1]
    q = q_scale(np.array([p.eye.rate for p in points]))[::-1]
    fine = np.linspace(x[0], x[-1], 40 * len(x))
    rate = stats.norm.sf(np.interp(fine, x, q))
    return Curve(fine, np.array([code.codeword_error_rate(float(r)) for r in rate]))


def measure(
    design: Design,
    model: OpticalModel,
    both: tuple[Bench, Bench],
    allowed: float,
    step: Step,
    jobs: int,
) -> Sensitivity:
    """Measure all lanes roughly, and the worst of them by all methods."""
    responsivity = model.detector.responsivity_a_per_w * 1e-3
    with ThreadPoolExecutor(jobs) as pool:
        lanes = _lanes(both, allowed, responsivity, pool, step)
        worst = min(lanes, key=lambda one: -np.inf if one.needed_db is None else one.needed_db)
        bench, lane = both[worst.direction], worst.lane
        ratio_db = _oma_over_average_db(bench)
        grid = _grid(worst)
        code = fec.CODES[design.serdes.fec] if design.serdes.fec else None
        futures = [
            pool.submit(_point, bench.attenuated(float(db)), lane, float(db), worst, ratio_db, code)
            for db in grid
        ]
        points: list[Point] = []
        for future in futures:
            points.append(future.result())
            step.update(0.45 + 0.35 * len(points) / len(futures), "worst lane by three methods")
        at, seen = [p.attenuation_db for p in points], [p.eye.rate for p in points]
        needed = crossing(at, seen, allowed)
        darker = None if needed is None else pool.submit(_seen, bench.attenuated(needed), lane)
        eye, curve, limits = _seen(bench, lane)
        bathtubs = {"as designed": curve}
        if darker is not None:
            bathtubs["at the sensitivity"] = darker.result()[1]
    patterns = bench.patterns()
    rate = rates.eye(bench, patterns, lane, bench.receiver(patterns[0], lane)).rate
    return Sensitivity(
        allowed=allowed,
        lanes=tuple(lanes),
        direction=worst.direction,
        lane=lane,
        points=tuple(points),
        sensitivity_db=needed,
        overload_db=crossing(at, seen, allowed, bright=True),
        average_dbm=worst.power_dbm,
        oma_dbm=worst.power_dbm + ratio_db,
        rate=rate,
        codewords=_codewords(points, code) if code else None,
        bathtubs=bathtubs,
        eye=eye,
        thresholds_v=limits,
    )


def _seen(bench: Bench, lane: int) -> tuple[StatisticalEye, Curve, tuple[float, ...]]:
    """Statistical eye, bit error rate over the phase, and thresholds in V, as adapted."""
    (pattern,) = bench.patterns(1, COARSE_SYMBOLS)
    one = bench.receiver(pattern, lane)
    (slices,) = model_eye.slices(
        bench.c, pattern, lane, one.fraction_ui, (one.equalizer,), phases=PHASES,
        symbols=COARSE_SYMBOLS,
    )  # fmt: skip
    limits = tuple(t * bench.c.volts_per_step for t in one.equalizer.thresholds)
    wrong = bathtub.bathtub(slices, limits)
    # a wrong symbol is mostly one wrong bit
    return statistical_eye(slices), Curve(wrong.x, wrong.rate / np.log2(bench.c.levels)), limits


def _oma_over_average_db(bench: Bench) -> float:
    """Outer modulation amplitude over the mean power, of the transmitter's light."""
    light = model_eye.transmitted(bench.c, bench.tx_ffe, 1.0)
    found = levels.measure(light.filtered(bessel_thomson(0.5)).aligned())
    return float(10 * np.log10(found.oma_mw / light.power.mean()))


def _lanes(
    both: tuple[Bench, Bench],
    allowed: float,
    responsivity: float,
    pool: ThreadPoolExecutor,
    step: Step,
) -> list[Lane]:
    """All lanes of both directions, down to the least light and up to the best rate."""
    found: dict[tuple[int, int], dict[float, float]] = {}
    power: dict[tuple[int, int], float] = {}

    def rough(direction: int, db: float) -> list[float]:
        bench = both[direction].attenuated(db)
        (pattern,) = bench.patterns(1, COARSE_SYMBOLS)
        rows: list[float] = []
        for lane in range(bench.c.lanes):
            if db == 0:
                mean = float(pattern.light_a[lane].mean())
                power[direction, lane] = 10 * float(np.log10(mean / responsivity))
            one = bench.receiver(pattern, lane, phases=16)
            rate = statistics.bit_error_rate(
                bench.c, pattern, lane, one.fraction_ui, one.equalizer, precoding=bench.precoding
            )
            found.setdefault((direction, lane), {})[db] = rate
            rows.append(rate)
        return rows

    def either_way(db: float) -> list[list[float]]:
        return list(pool.map(lambda direction: rough(direction, float(db)), (0, 1)))

    brighter = np.arange(-COARSE_DB, MOST_LIGHT_DB - 0.1, -COARSE_DB)
    for k, db in enumerate(np.arange(0.0, LEAST_LIGHT_DB, COARSE_DB)):
        rows = either_way(db)
        step.update(min(0.3, 0.025 * k), "all lanes over power")
        if min(map(min, rows)) > WORST_RATE:
            break
    enough = min(allowed * 1e-3, BEST_RATE)
    for k, db in enumerate(brighter):
        if max(curve[min(curve)] for curve in found.values()) < enough:
            break
        either_way(db)
        step.update(0.3 + 0.02 * k, "all lanes over power")
    return [
        Lane(
            direction=direction,
            lane=lane,
            attenuation_db=tuple(sorted(curve)),
            rate=tuple(curve[db] for db in sorted(curve)),
            power_dbm=power[direction, lane],
            needed_db=crossing(list(curve), list(curve.values()), allowed),
        )
        for (direction, lane), curve in sorted(found.items())
    ]


def _grid(worst: Lane) -> list[float]:
    """Attenuations at which the worst lane is measured: where its rate is worth a point."""
    at, rate = np.array(worst.attenuation_db), np.array(worst.rate)
    kept = at[(rate < WORST_RATE) & (rate > BEST_RATE)]
    if not len(kept):
        return [0.0]
    return np.arange(kept.min(), kept.max() + FINE_DB / 2, FINE_DB).tolist()


def _point(
    bench: Bench, lane: int, db: float, worst: Lane, ratio_db: float, code: fec.Code | None
) -> Point:
    """One power by the methods that reach there."""
    patterns = bench.patterns()
    receiver = bench.receiver(patterns[0], lane)
    integral = rates.eye(bench, patterns, lane, receiver, CONFIDENCE)
    try:
        drawn = rates.sampled(bench, patterns, lane, receiver, CONFIDENCE)
    except TooFewError:
        drawn = None
    per_symbol = integral.rate * np.log2(bench.c.levels)
    counted = None
    if per_symbol * MOST_COUNTED > COUNTED_ERRORS / 4:
        symbols = int(np.clip(COUNTED_ERRORS / per_symbol, FEWEST_COUNTED, MOST_COUNTED))
        counted = rates.counted(bench, {lane: receiver}, symbols, CONFIDENCE)
    reached = [integral.widened(rates.EYE_TOLERANCE)]
    reached += [drawn] if drawn else []
    reached += [Interval(counted.rate, counted.low, counted.high)] if counted else []
    return Point(
        attenuation_db=db,
        average_dbm=worst.power_dbm - db,
        oma_dbm=worst.power_dbm - db + ratio_db,
        eye=integral,
        importance=drawn,
        counted=counted,
        codeword_error_rate=code.codeword_error_rate(integral.rate) if code else None,
        agree=all(one.meets(other) for one in reached for other in reached),
    )
