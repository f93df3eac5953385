"""What a slicer sees at one instant of a symbol, with tails that are exact.

A Gaussian for each symbol of a pattern, about the level that the symbol has with all its
interference: the noise is integrated, only the pattern is sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from lightloom.cosim.measure.waveform import Real, Symbols

CELLS = 96
"""Parts of a level's range into which its symbols are gathered before tails are taken."""
SPREADS = 6
"""Parts of their deviations' range."""


@dataclass(frozen=True, eq=False)
class Slice:
    """One instant: mean and deviation of every symbol, and its level."""

    phase_ui: float
    mean: Real
    deviation: Real
    symbols: Symbols

    def gathered(self) -> list[tuple[Real, Real, Real]]:
        """Mean, deviation and weight of the symbols of each level, near ones taken together."""
        found: list[tuple[Real, Real, Real]] = []
        for level in range(int(self.symbols.max()) + 1):
            mine = self.symbols == level
            mean, deviation = self.mean[mine], self.deviation[mine]
            if not len(mean):
                raise ValueError(f"no symbol of level {level}; allowed: some of each")
            cell = SPREADS * _cells(mean, CELLS) + _cells(deviation, SPREADS)
            count = np.bincount(cell, minlength=CELLS * SPREADS)
            used = count > 0
            total = [np.bincount(cell, x, minlength=len(count))[used] for x in (mean, deviation)]
            count = count[used]
            found.append((total[0] / count, total[1] / count, count / len(self.mean)))
        return found

    def rates(self, thresholds: Real) -> Real:
        """Part of the symbols on the wrong side of a threshold, `[eye, threshold]`.

        For eye `k` the symbols up to level `k` should lie below, the others above.
        """
        levels = self.gathered()
        none = np.zeros(len(thresholds))
        below: list[Real] = []
        above: list[Real] = []
        for level, (mean, deviation, weight) in enumerate(levels):
            away = (thresholds - mean[:, None]) / deviation[:, None]
            last = level == len(levels) - 1
            above.append(none if last else weight @ special.ndtr(-away))
            below.append(weight @ special.ndtr(away) if level else none)
        return np.stack(
            [
                np.sum(above[: eye + 1], axis=0) + np.sum(below[eye + 1 :], axis=0)
                for eye in range(len(levels) - 1)
            ]
        )


def _cells(x: Real, parts: int) -> Symbols:
    """Part of the range of `x` in which each lies."""
    low, size = float(x.min()), float(np.ptp(x))
    if size == 0:
        return np.zeros(len(x), np.intp)
    return np.minimum(((x - low) * (parts / size)).astype(np.intp), parts - 1)
