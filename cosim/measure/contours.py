"""Contours of an eye: the lines at which a threshold is missed with the same error rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from lightloom.cosim.measure.bathtub import Curve, q_scale
from lightloom.cosim.measure.slices import Slice
from lightloom.cosim.measure.waveform import Real


@dataclass(frozen=True, eq=False)
class Contour:
    """Line of equal error rate around an eye: lower and upper threshold at each phase."""

    rate: float
    eye: int
    phase_ui: Real
    low: Real
    high: Real

    @property
    def height(self) -> float:
        """Largest opening over the phases."""
        return float((self.high - self.low).max()) if len(self.low) else 0.0

    def height_at(self, phase_ui: float) -> float:
        """Opening at a phase; 0 outside of the contour."""
        if not len(self.phase_ui):
            return 0.0
        size = np.interp(phase_ui, self.phase_ui, self.high - self.low, left=0.0, right=0.0)
        return float(size)

    @property
    def width_ui(self) -> float:
        """Time between its first and its last phase."""
        return float(self.phase_ui[-1] - self.phase_ui[0]) if len(self.phase_ui) else 0.0


def contours(
    slices: Sequence[Slice], rates: Sequence[float], *, levels: int = 241
) -> tuple[Contour, ...]:
    """Contours of every eye at each rate, the eyes in turn.

    Levels between those tried are found linear in the Q scale; a contour begins and ends at the
    first and the last phase at which it is open, the ends to the part of a step that it lacks.
    """
    low = min(float((s.mean - 3 * s.deviation).min()) for s in slices)
    high = max(float((s.mean + 3 * s.deviation).max()) for s in slices)
    tried = np.linspace(low, high, levels)
    phase = np.array([one.phase_ui for one in slices])
    q = np.stack([q_scale(one.rates(tried)) for one in slices], axis=1)  # [eye, phase, threshold]
    found: list[Contour] = []
    for eye, over in enumerate(q):
        for rate in rates:
            wanted = float(q_scale(np.array([rate]))[0])
            rows = [Curve(tried, special.ndtr(-row)).crossings(rate) for row in over]
            best = over.max(axis=1) - wanted
            open_ = best > 0
            if not open_.any():
                found.append(Contour(rate, eye, np.zeros(0), np.zeros(0), np.zeros(0)))
                continue
            middle = int(best.argmax())
            first, last = middle, middle
            while first > 0 and open_[first - 1]:
                first -= 1
            while last + 1 < len(phase) and open_[last + 1]:
                last += 1
            inside = slice(first, last + 1)
            x = [*phase[inside]]
            lower = [row[0] for row in rows[inside]]
            upper = [row[1] for row in rows[inside]]
            for outer, at in ((last + 1, len(x)), (first - 1, 0)):
                if 0 <= outer < len(phase):
                    inner = outer + 1 if at == 0 else outer - 1
                    part = best[inner] / (best[inner] - best[outer])
                    x.insert(at, phase[inner] + part * (phase[outer] - phase[inner]))
                    tip = float(np.mean(rows[inner]) * (1 - part) + np.mean(rows[outer]) * part)
                    lower.insert(at, tip)
                    upper.insert(at, tip)
            found.append(Contour(rate, eye, np.array(x), np.array(lower), np.array(upper)))
    return tuple(found)
