"""Eye measurements on waveforms folded at the symbol rate.

A folded waveform is `[symbol, point]` in volts about the threshold: each row is one symbol, the
sampling instant in its middle column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Opening:
    """Eye opening of the symbols that were seen, noise included; 0 for a closed eye."""

    height_v: float
    """Lowest one to highest zero at the sampling instant."""
    width_ui: float
    """Time around the sampling instant over which no symbol crosses the threshold."""


def opening(folded: Real) -> Opening:
    """Measure a folded waveform; a symbol's bit is its sign at the sampling instant."""
    points = folded.shape[1]
    middle = points // 2
    ones = folded[:, middle] >= 0
    if ones.all() or not ones.any():
        return Opening(0.0, 0.0)
    low, high = folded[ones].min(axis=0), folded[~ones].max(axis=0)
    height = float(low[middle] - high[middle])
    clear = (low > 0) & (high < 0)
    if not clear[middle]:
        return Opening(max(height, 0.0), 0.0)
    left = right = middle
    while left > 0 and clear[left - 1]:
        left -= 1
    while right < points - 1 and clear[right + 1]:
        right += 1
    return Opening(height, (right - left + 1) / points)


def density(folded: Real, levels: int) -> tuple[Real, tuple[float, float]]:
    """Counts `[level, time]` over two symbols, and the volts of the lowest and highest edge."""
    two = np.concatenate([folded[:-1], folded[1:]], axis=1)
    span = 1.1 * float(np.abs(folded).max())
    columns = [
        np.histogram(two[:, point], bins=levels, range=(-span, span))[0]
        for point in range(two.shape[1])
    ]
    return np.stack(columns, axis=1).astype(float), (-span, span)
