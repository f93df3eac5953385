"""Bathtub curves: the error rate over the sampling phase, or over the threshold.

Rates are compared in the Q scale, that of a Gaussian's tail, in which the flanks of a bathtub are
straight lines; the dual-Dirac model fits them there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from lightloom.cosim.measure import dual_dirac
from lightloom.cosim.measure.dual_dirac import DualDirac
from lightloom.cosim.measure.slices import Slice
from lightloom.cosim.measure.waveform import Real, Symbols

FLANK = (1e-14, 1e-4)
"""Rates between which the flanks of a bathtub are fitted."""
DEEP = 1e-8
"""Rate that a bathtub must reach for its flanks to be tails."""


def q_scale(rate: Real) -> Real:
    """Deviations from the mean of a Gaussian beyond which lies `rate`."""
    return np.asarray(-special.ndtri(np.clip(rate, 1e-300, 0.9)), np.float64)


@dataclass(frozen=True, eq=False)
class Curve:
    """Error rate over phase in UI, or over a threshold."""

    x: Real
    rate: Real

    def opening(self, rate: float) -> float:
        """Width of the part below `rate` around the least; 0 when there is none."""
        left, right = self.crossings(rate)
        return right - left

    def crossings(self, rate: float) -> tuple[float, float]:
        """Where the curve falls below and rises above `rate`, linear in the Q scale.

        The ends of the curve where it does not cross.
        """
        q = q_scale(self.rate)
        wanted = float(q_scale(np.array([rate]))[0])
        best = int(q.argmax())
        if q[best] <= wanted:
            return float(self.x[best]), float(self.x[best])
        left = np.flatnonzero(q[:best] <= wanted)
        right = best + np.flatnonzero(q[best:] <= wanted)
        return (
            self._between(int(left[-1]), q, wanted) if left.size else float(self.x[0]),
            self._between(int(right[0]) - 1, q, wanted) if right.size else float(self.x[-1]),
        )

    def _between(self, n: int, q: Real, wanted: float) -> float:
        part = (wanted - q[n]) / (q[n + 1] - q[n])
        return float(self.x[n] + part * (self.x[n + 1] - self.x[n]))

    def dual_dirac(self, weight: float = 0.5) -> DualDirac:
        """Jitter whose flanks are those of the bathtub, fitted between the rates of `FLANK`.

        A steep flank, with few points there, is fitted at the three below the upper one. Raises
        `ValueError` when a flank has fewer than two, does not rise to the upper rate or does not
        fall well below it.
        """
        best = int(self.rate.argmin())
        if self.rate[best] > DEEP:
            raise ValueError(f"least rate = {self.rate[best]:.1e}; allowed: {DEEP:g} or less")
        outwards = (np.arange(best, -1, -1), np.arange(best, len(self.x)))
        left, right = (self._flank(side) for side in outwards)
        return dual_dirac.of_tails(*left, *right, weight)

    def _flank(self, outwards: Symbols) -> tuple[Real, Real]:
        rate = self.rate[outwards]
        if rate[-1] < FLANK[1]:
            raise ValueError(f"rate = {rate[-1]:.1e} at an end; allowed: {FLANK[1]:g} or more")
        low = int(np.argmax(rate >= FLANK[1]))
        inside = (rate[:low] > FLANK[0]).sum()
        used = outwards[max(0, low - max(3, int(inside))) : low]
        used = used[self.rate[used] > 1e-290]
        return self.x[used], self.rate[used]


def bathtub(slices: Sequence[Slice], thresholds: Sequence[float]) -> Curve:
    """Sum of the rates of all eyes at their thresholds, over the phases of the slices.

    Of PAM4 that is the symbol error rate, with NRZ the bit error rate.
    """
    at = np.asarray(thresholds, np.float64)
    rate = [float(np.trace(one.rates(at))) for one in slices]
    return Curve(np.array([one.phase_ui for one in slices]), np.array(rate))


def over_threshold(one: Slice, eye: int, thresholds: Real) -> Curve:
    """Rate of one eye over its threshold."""
    return Curve(np.asarray(thresholds, np.float64), one.rates(np.asarray(thresholds))[eye])
