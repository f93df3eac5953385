"""The dual-Dirac model: deterministic jitter as two equal lines, Gaussian jitter around either.

`DJ(dd)` is the distance of the lines and `RJ` the deviation, so that the tails of the distribution
are those measured; `TJ(rate) = DJ + 2 Q(rate) RJ`. `DJ(dd)` is a property of the model: jitter that
is spread between two limits, a sine for one, has a smaller one than its peak-to-peak value.

Source: INCITS technical report MJSQ (Fibre Channel, Methodologies for Jitter and Signal Quality),
recalled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special

from lightloom.cosim.measure.waveform import Real

LEAST_EDGES = 200
TAIL = 0.1
"""Part of the edges on either side whose distribution is fitted."""
POINTS = 40


@dataclass(frozen=True)
class DualDirac:
    """Both lines and the deviations of the outer flanks, in the unit of what was fitted."""

    left: float
    right: float
    left_deviation: float
    right_deviation: float

    @property
    def dj(self) -> float:
        """Distance of the lines, at least 0."""
        return max(0.0, self.right - self.left)

    @property
    def rj(self) -> float:
        """Deviation, mean of both flanks."""
        return (self.left_deviation + self.right_deviation) / 2

    def total(self, rate: float, weight: float = 0.5) -> float:
        """Total jitter outside of which lies `rate` on either side.

        `weight` is the part of the symbols with a transition, by default every other; each line has
        half of them.
        """
        if not 0 < rate < weight / 2:
            raise ValueError(f"rate = {rate:g}; allowed: above 0 and below {weight / 2:g}")
        q = -float(special.ndtri(2 * rate / weight))
        return self.dj + q * (self.left_deviation + self.right_deviation)


def of_samples(samples: Real) -> DualDirac:
    """Fit the tails of a distribution of, say, crossing times.

    Both lines take part in either tail, so that a distribution without deterministic jitter is
    found as one; lines closer than about one deviation are not told from none.
    """
    count = len(samples)
    if count < LEAST_EDGES:
        raise ValueError(f"{count} samples; allowed: {LEAST_EDGES} or more")
    ordered = np.sort(samples)
    deepest = special.ndtri(max(5.0 / count, 1e-12))
    q = np.linspace(deepest, special.ndtri(TAIL), POINTS)
    p = special.ndtr(q)
    at = np.concatenate([p, 1 - p]) * count - 0.5
    x = np.interp(at, np.arange(count), ordered)
    known = np.concatenate([q, -q])
    # of an empirical quantile, in deviations of a standard normal
    density = np.exp(-(known**2) / 2) / np.sqrt(2 * np.pi)
    error = np.sqrt(np.concatenate([p, p]) / count) / density
    scale = float(samples.std())
    if ordered[0] == ordered[-1]:
        return DualDirac(float(ordered[0]), float(ordered[0]), 0.0, 0.0)
    left, right = _line(x[:POINTS], q), _line(x[POINTS:], -q)

    def residual(v: Real) -> Real:
        low = special.ndtr((x - v[0]) / v[2]) / 2 + special.ndtr((x - v[1]) / v[3]) / 2
        high = special.ndtr((v[0] - x) / v[2]) / 2 + special.ndtr((v[1] - x) / v[3]) / 2
        model = np.where(known < 0, special.ndtri(_inside(low)), -special.ndtri(_inside(high)))
        return np.asarray((model - known) / error, np.float64)

    least = 1e-3 * scale
    start = [left[0], right[0], max(left[1], least), max(right[1], least)]
    bounds = ([-np.inf, -np.inf, least / 10, least / 10], np.inf)
    found: Any = optimize.least_squares(residual, start, bounds=bounds, x_scale=scale)
    first, second, a, b = (float(v) for v in found.x)
    if first > second:
        first, second, a, b = second, first, b, a
    return DualDirac(first, second, a, b)


def _inside(p: Real) -> Real:
    return np.clip(p, 1e-300, 1 - 1e-16)


def _line(x: Real, q: Real) -> tuple[float, float]:
    """Place and deviation of a line with half of the samples, from one tail."""
    half = np.sign(q) * np.abs(special.ndtri(np.minimum(2 * special.ndtr(-np.abs(q)), 0.5)))
    slope, place = np.polyfit(half, x, 1)
    return float(place), float(slope)


def of_tails(
    left_x: Real, left_rate: Real, right_x: Real, right_rate: Real, weight: float = 0.5
) -> DualDirac:
    """Fit the two flanks of a bathtub curve over time in UI.

    The left flank is the late tail of an edge, the right one the early tail of the next, a symbol
    later; the result is that of one edge. `weight` as in `DualDirac.total`.
    """
    flanks: list[tuple[float, float]] = []
    for x, rate, sign in ((left_x, left_rate, 1.0), (right_x, right_rate, -1.0)):
        if len(x) < 2:
            raise ValueError(f"{len(x)} points of a flank; allowed: 2 or more")
        q = -special.ndtri(2 * np.asarray(rate) / weight)
        slope, place = np.polyfit(q, x, 1)
        flanks.append((float(place), sign * float(slope)))
    (late, a), (early, b) = flanks
    return DualDirac(early - 1.0, late, b, a)
