"""Eye diagrams of what the kernel holds: the voltage at the sampler, noise included.

Every symbol is folded at the instant at which its receiver really sampled it, so that the phase the
clock recovery chose is at 0 UI and its movements are in the picture.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lightloom.cosim.coefficients import HISTORY_WORDS
from lightloom.cosim.equalizer import Equalizer
from lightloom.cosim.kernel.binding import Kernel, KernelError

Real = npt.NDArray[np.float64]

POINTS = 32
"""Instants of a symbol, -1/2 UI to the last before 1/2 UI."""
LEVELS = 160


@dataclass(frozen=True)
class Capture:
    """Folded waveforms in V, `[symbol, point]`, by direction and receive lane."""

    volts: Mapping[tuple[int, int], Real]
    volts_per_step: float

    def save(self, path: Path) -> None:
        """Write as a numpy archive."""
        arrays = {f"direction{d}_lane{lane}": v for (d, lane), v in self.volts.items()}
        np.savez_compressed(path, allow_pickle=False, step=self.volts_per_step, **arrays)

    @classmethod
    def load(cls, path: Path) -> Capture:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            volts = {}
            for name in data.files:
                if name.startswith("direction"):
                    direction, lane = name.removeprefix("direction").split("_lane")
                    volts[int(direction), int(lane)] = data[name]
            return cls(volts, float(data["step"]))


@dataclass(frozen=True)
class Eye:
    """An eye diagram over two symbols and its opening: that of the worst of PAM4's three eyes."""

    density: Real
    """Part of the symbols in each cell, `[level, time]`, bottom to top; a column sums to 1."""
    time_ui: tuple[float, float]
    level_mv: tuple[float, float]
    height_mv: float
    """Lowest symbol above a threshold less highest below it at the sampling instant, of the symbols
    seen; 0 when closed."""
    width_ui: float
    """Time around the sampling instant in which the eye is open."""
    thresholds_mv: tuple[float, ...]
    symbols: int
    means_mv: tuple[float, ...]
    """Of each level at the sampling instant, the lowest first."""
    deviations_mv: tuple[float, ...]

    @property
    def q(self) -> float:
        """Least distance of two mean levels over the sum of their deviations."""
        return min(gap / spread for gap, spread in self._gaps())

    def height_at(self, error_rate: float) -> float:
        """Opening in mV if all levels were Gaussian out to `error_rate`; 0 when closed."""
        from scipy import special

        if not 0 < error_rate < 0.5:
            raise ValueError(f"error_rate = {error_rate:g}; allowed: above 0 and below 0.5")
        reach = -float(special.ndtri(error_rate))
        return max(0.0, min(gap - reach * spread for gap, spread in self._gaps()))

    def _gaps(self) -> list[tuple[float, float]]:
        """Distance and summed deviation of each two levels beside each other."""
        means, spreads = pairwise(self.means_mv), pairwise(self.deviations_mv)
        return [(b - a, p + q) for (a, b), (p, q) in zip(means, spreads, strict=True)]


def capture(kernel: Kernel, *, points: int = POINTS, words: int = HISTORY_WORDS) -> Capture:
    """Fold the latest words of every lane of both directions, as many as are held.

    A direction in which nothing was received is left out.
    """
    if not 2 <= points <= 1024 or points % 2:
        raise ValueError(f"points = {points}; allowed: even, 2 to 1024")
    c = kernel.coefficients
    found: dict[tuple[int, int], Real] = {}
    for direction in (0, 1):
        ui = 1.0 + float(c.rate_offset[direction])
        offsets = (np.arange(points) / points - 0.5) * ui
        received = min(kernel.counters(direction).received, words, HISTORY_WORDS)
        for lane in range(c.lanes):
            folded = []
            # the right half of the last word's last symbol has not been sampled yet
            for back in range(1, received):
                start = kernel.instant(direction, lane, back)
                try:
                    columns = [
                        kernel.observe(direction, lane, start + offset, ui, c.symbols)
                        for offset in offsets
                    ]
                except KernelError:  # before the first light, or no longer held
                    break
                folded.append(np.stack(columns, axis=1))
            if folded:
                found[direction, lane] = np.concatenate(folded[::-1])
    return Capture(found, c.volts_per_step)


def equalize(volts: Real, step: float, equalizer: Equalizer) -> Real:
    """What the receiver's equalizer makes of folded `volts`, before its thresholds."""
    order = len(equalizer.taps)
    count = len(volts) - order
    if count < 2:
        raise ValueError(f"{len(volts)} symbols; allowed: at least {order + 2}")
    total = np.zeros((count, volts.shape[1]))
    for k, tap in enumerate(equalizer.taps):
        start = order - 1 - k
        total += tap * volts[start : start + count]
    if not equalizer.dfe:
        return total
    # the same decisions for every point: those made at the sampling instant
    limits = [threshold * step for threshold in equalizer.thresholds]
    middle = volts.shape[1] // 2
    previous, feedback = 1.0, np.zeros(count)
    for symbol, value in enumerate(total[:, middle].tolist()):
        feedback[symbol] = equalizer.dfe * step * previous
        previous = bisect_right(limits, value - feedback[symbol]) * 2 / len(limits) - 1
    return total - feedback[:, None]


def middle_thresholds(volts: Real, levels: int) -> tuple[float, ...]:
    """Thresholds in V half way between the means of the levels, as the symbols themselves lie.

    `volts` are folded, `[symbol, point]`. Symbols go to the nearest mean, the mean follows them.
    """
    sampled = np.sort(volts[:, volts.shape[1] // 2])
    means = np.quantile(sampled, (np.arange(levels) + 0.5) / levels)
    for _ in range(100):
        limits = (means[:-1] + means[1:]) / 2
        parts = np.split(sampled, np.searchsorted(sampled, limits))
        moved = np.array([p.mean() if p.size else m for p, m in zip(parts, means, strict=True)])
        if np.array_equal(moved, means):
            break
        means = moved
    return tuple(((means[:-1] + means[1:]) / 2).tolist())


def diagram(volts: Real, *, thresholds_v: Sequence[float] = (0.0,)) -> Eye:
    """Eye of folded `volts` `[symbol, point]`; levels are parted by ascending thresholds.

    Raises `ValueError` when no symbol is sampled on one side of a threshold.
    """
    middle = volts.shape[1] // 2
    level = np.searchsorted(thresholds_v, volts[:, middle], side="right")
    groups = [volts[level == k] for k in range(len(thresholds_v) + 1)]
    for k, (below, above) in enumerate(pairwise(groups)):
        if not below.size or not above.size:
            raise ValueError(f"{len(volts)} symbols on one side of {thresholds_v[k]:g} V; no eye")
    openings = [high.min(axis=0) - low.max(axis=0) for low, high in pairwise(groups)]
    sampled = [group[:, middle] for group in groups]
    low, high = float(volts.min()), float(volts.max())
    margin = 0.08 * (high - low)
    edges = np.linspace(low - margin, high + margin, LEVELS + 1)
    points = volts.shape[1]
    columns = [np.histogram(volts[:, k], edges)[0] / len(volts) for k in range(points)]
    density = np.stack(columns, axis=1)
    return Eye(
        # the symbol with half a symbol of its neighbours on either side
        density=np.roll(np.tile(density, 2), points // 2, axis=1),
        time_ui=(-1.0, 1.0),
        level_mv=(float(edges[0]) * 1e3, float(edges[-1]) * 1e3),
        height_mv=max(0.0, min(float(opening[middle]) * 1e3 for opening in openings)),
        width_ui=min(_width(opening) for opening in openings),
        thresholds_mv=tuple(threshold * 1e3 for threshold in thresholds_v),
        symbols=len(volts),
        means_mv=tuple(float(x.mean()) * 1e3 for x in sampled),
        deviations_mv=tuple(float(x.std()) * 1e3 for x in sampled),
    )


def _width(opening: Real) -> float:
    """UI around the middle point in which `opening` is above 0."""
    points = len(opening)
    middle = points // 2
    closed = opening <= 0
    if closed[middle]:
        return 0.0
    left = middle - int(np.argmax(closed[middle::-1])) if closed[: middle + 1].any() else -1
    right = middle + int(np.argmax(closed[middle:])) if closed[middle:].any() else points
    before = after = 0.5
    if left >= 0:  # where the opening crosses zero between two points
        before = (middle - left - opening[left] / (opening[left] - opening[left + 1])) / points
    if right < points:
        last = right - 1
        after = (last - middle + opening[last] / (opening[last] - opening[right])) / points
    return float(before + after)
