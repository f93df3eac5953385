"""Eye diagrams of what the kernel holds: the voltage at the sampler, noise included.

Every symbol is folded at the instant at which its receiver really sampled it, so that the phase the
clock recovery chose is at 0 UI and its movements are in the picture.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lightloom.cosim.coefficients import HISTORY_WORDS
from lightloom.cosim.kernel.binding import Kernel, KernelError
from lightloom.cosim.statistics import Equalizer

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
    """An eye diagram over two symbols and its opening."""

    density: Real
    """Part of the symbols in each cell, `[level, time]`, bottom to top; a column sums to 1."""
    time_ui: tuple[float, float]
    level_mv: tuple[float, float]
    height_mv: float
    """Lowest one less highest zero at the sampling instant, of the symbols seen; 0 when closed."""
    width_ui: float
    """Time around the sampling instant in which the eye is open."""
    threshold_mv: float
    symbols: int
    one_mv: float
    one_deviation_mv: float
    zero_mv: float
    zero_deviation_mv: float

    @property
    def q(self) -> float:
        """Distance of the mean levels over the sum of their deviations."""
        return (self.one_mv - self.zero_mv) / (self.one_deviation_mv + self.zero_deviation_mv)

    def height_at(self, error_rate: float) -> float:
        """Opening in mV if both levels were Gaussian out to `error_rate`; 0 when closed."""
        from scipy import special

        if not 0 < error_rate < 0.5:
            raise ValueError(f"error_rate = {error_rate:g}; allowed: above 0 and below 0.5")
        reach = -float(special.ndtri(error_rate))
        spread = self.one_deviation_mv + self.zero_deviation_mv
        return max(0.0, self.one_mv - self.zero_mv - reach * spread)


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


def diagram(volts: Real, *, threshold_v: float = 0.0) -> Eye:
    """Eye of folded `volts` `[symbol, point]`; a symbol is a one when sampled above the threshold.

    Raises `ValueError` when all symbols are on one side of the threshold.
    """
    points = volts.shape[1]
    middle = points // 2
    one = volts[:, middle] >= threshold_v
    if one.all() or not one.any():
        raise ValueError(f"{len(volts)} symbols on one side of {threshold_v:g} V; no eye")
    opening = volts[one].min(axis=0) - volts[~one].max(axis=0)
    closed = opening <= 0
    left = middle - int(np.argmax(closed[middle::-1])) if closed[: middle + 1].any() else -1
    right = middle + int(np.argmax(closed[middle:])) if closed[middle:].any() else points
    width = 0.0
    if not closed[middle]:
        before = 0.5
        if left >= 0:  # where the opening crosses zero between two points
            before = (middle - left - opening[left] / (opening[left] - opening[left + 1])) / points
        after = 0.5
        if right < points:
            last = right - 1
            after = (last - middle + opening[last] / (opening[last] - opening[right])) / points
        width = before + after
    low, high = float(volts.min()), float(volts.max())
    margin = 0.08 * (high - low)
    edges = np.linspace(low - margin, high + margin, LEVELS + 1)
    columns = [np.histogram(volts[:, k], edges)[0] / len(volts) for k in range(points)]
    density = np.stack(columns, axis=1)
    high_level, low_level = volts[one, middle], volts[~one, middle]
    return Eye(
        # the symbol with half a symbol of its neighbours on either side
        density=np.roll(np.tile(density, 2), points // 2, axis=1),
        time_ui=(-1.0, 1.0),
        level_mv=(float(edges[0]) * 1e3, float(edges[-1]) * 1e3),
        height_mv=max(0.0, float(opening[middle]) * 1e3),
        width_ui=width,
        threshold_mv=threshold_v * 1e3,
        symbols=len(volts),
        one_mv=float(high_level.mean()) * 1e3,
        one_deviation_mv=float(high_level.std()) * 1e3,
        zero_mv=float(low_level.mean()) * 1e3,
        zero_deviation_mv=float(low_level.std()) * 1e3,
    )
