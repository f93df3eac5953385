"""Mask test of an NRZ eye: samples inside of a polygon, and how much larger it could be.

The mask is that of IEEE 802.3 for NRZ optics: a polygon in the middle of the eye with corners at
`x1` (half height), `x2` (`y1` from the levels) and `x3` (`y2`), in UI and parts of the amplitude,
mirrored left to right and top to bottom, and a limit `y3` above the one and below the zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lightloom.cosim.measure.waveform import Real


@dataclass(frozen=True)
class Mask:
    """Corners, and the part of samples that may lie inside."""

    x: tuple[float, float, float]
    y: tuple[float, float, float]
    hit_ratio: float

    def __post_init__(self) -> None:
        """Check the order of the corners."""
        if not 0 < self.x[0] < self.x[1] < self.x[2] < 0.5:
            raise ValueError(f"x = {self.x}; allowed: rising, above 0 and below 0.5")
        if not all(0 < y < 0.5 for y in self.y):
            raise ValueError(f"y = {self.y}; allowed: above 0 and below 0.5")

    def half_height(self, phase: Real, scale: float) -> Real:
        """Half of the height of the polygon, `scale` times as large, about the middle."""
        corners = scale * np.array([0.5 - self.x[2], 0.5 - self.x[1], 0.5 - self.x[0]])
        height = scale * np.array([0.5 - self.y[1], 0.5 - self.y[0], 0.0])
        return np.interp(np.abs(phase), corners, height)


LR4 = Mask((0.25, 0.4, 0.45), (0.25, 0.28, 0.4), 5e-5)
"""100GBASE-LR4, IEEE 802.3 table 88-7 (recalled)."""


@dataclass(frozen=True)
class MaskResult:
    """Outcome of a test."""

    samples: int
    hits: int
    margin: float
    """Growth towards the borders of the symbol and the levels at which the hit ratio is met: 0 as
    large as it is, 1 the whole cell; below 0 for a mask that must shrink."""


def measure(volts: npt.ArrayLike, zero: float, one: float, mask: Mask = LR4) -> MaskResult:
    """Test a folded waveform `[symbol, point]`, the middle of a symbol at the middle point.

    `zero` and `one` are the mean levels that the mask is scaled to.
    """
    folded = np.asarray(volts, np.float64)
    if one <= zero:
        raise ValueError(f"one = {one:g}, zero = {zero:g}; allowed: one above zero")
    points = folded.shape[1]
    phase = np.arange(points) / points - 0.5
    height = np.abs((folded - zero) / (one - zero) - 0.5)
    beyond = int((height > 0.5 + mask.y[2]).sum())

    def hits(margin: float) -> int:
        return beyond + int((height < _grown(mask, phase, margin)).sum())

    low, high = -1.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        within = hits(middle) <= mask.hit_ratio * folded.size
        low, high = (middle, high) if within else (low, middle)
    return MaskResult(folded.size, hits(0.0), low)


def _grown(mask: Mask, phase: Real, margin: float) -> Real:
    """Half height of a mask that has gone `margin` of the way to the cell's borders."""
    if margin <= 0:
        return mask.half_height(phase, 1.0 + margin) if margin > -1 else np.zeros_like(phase)
    grown = Mask(
        (mask.x[0] * (1 - margin), mask.x[1] * (1 - margin), mask.x[2] * (1 - margin)),
        (mask.y[0] * (1 - margin), mask.y[1] * (1 - margin), mask.y[2]),
        mask.hit_ratio,
    )
    return grown.half_height(phase, 1.0)
