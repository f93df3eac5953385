"""Jitter of a sampled waveform: when it crosses a threshold, and what moves those times.

The time interval error (TIE) of a crossing is its distance from the border of two symbols. Over a
known pattern the mean TIE of each of its edges is data-dependent jitter (DDJ), of which the
difference between rising and falling edges is duty-cycle distortion; what is left is random jitter
with whatever is not locked to the pattern. RJ and DJ are those of the dual-Dirac model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lightloom.cosim.measure import dual_dirac
from lightloom.cosim.measure.dual_dirac import DualDirac
from lightloom.cosim.measure.waveform import Real

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Edges:
    """Crossings of a threshold, in time order."""

    time_ui: Real
    """After the first sample."""
    rising: Bools


@dataclass(frozen=True)
class Jitter:
    """Figures of one waveform in UI."""

    edges: int
    rms_ui: float
    peak_to_peak_ui: float
    """Of the edges seen; grows with their number."""
    model: DualDirac
    """Of all jitter."""
    ddj_ui: float | None
    """Largest less smallest mean TIE of the pattern's edges; None without a pattern."""
    dcd_ui: float
    """Rising less falling edges, their means."""
    rj_ui: float
    """Deviation of random jitter; with a pattern, of what is left without the DDJ."""

    @property
    def dj_ui(self) -> float:
        """DJ(dd) of the model of all jitter."""
        return self.model.dj

    def total_ui(self, rate: float = 1e-12) -> float:
        """Total jitter at an error rate."""
        return self.model.total(rate)


def crossings(x: Real, samples_per_ui: int, threshold: float) -> Edges:
    """Where the waveform crosses `threshold`, on the line between two samples."""
    above = x > threshold
    at = np.flatnonzero(above[1:] != above[:-1])
    before, after = x[at] - threshold, x[at + 1] - threshold
    time = (at + before / (before - after)) / samples_per_ui
    return Edges(np.asarray(time, np.float64), np.asarray(after > before))


def interval_error(time_ui: Real) -> tuple[Real, npt.NDArray[np.int64]]:
    """TIE of each crossing about their common phase, and the symbol border that it belongs to."""
    if not len(time_ui):
        raise ValueError("0 edges; allowed: 1 or more")
    phase = float(np.angle(np.exp(2j * np.pi * time_ui).mean())) / (2 * np.pi)
    border = np.rint(time_ui - phase)
    error = time_ui - phase - border
    return error - error.mean(), border.astype(np.int64)


def measure(edges: Edges, period: int | None = None) -> Jitter:
    """Split the jitter of edges; `period` is the pattern's length in symbols, if it is known.

    Raises `ValueError` for fewer than 200 edges, or fewer than two periods.
    """
    error, border = interval_error(edges.time_ui)
    model = dual_dirac.of_samples(error)
    both = edges.rising.any() and not edges.rising.all()
    dcd = float(error[edges.rising].mean() - error[~edges.rising].mean()) if both else 0.0
    ddj, random = None, model.rj
    if period is not None:
        place = border % period
        if border[-1] - border[0] < 2 * period - 1:
            raise ValueError(f"period = {period}; allowed: half of the symbols seen or less")
        counts = np.bincount(place, minlength=period)
        means = np.bincount(place, error, minlength=period) / np.maximum(counts, 1)
        used = means[counts > 0]
        ddj = float(used.max() - used.min())
        # a mean of few edges follows their noise: what it takes away is given back
        left = (error - means[place]) / np.sqrt(np.maximum(1 - 1 / counts[place], 0.5))
        random = dual_dirac.of_samples(left[counts[place] > 1]).rj
    return Jitter(
        edges=len(error),
        rms_ui=float(error.std()),
        peak_to_peak_ui=float(np.ptp(error)),
        model=model,
        ddj_ui=ddj,
        dcd_ui=dcd,
        rj_ui=random,
    )
