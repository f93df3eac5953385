"""The statistical eye: error rate over sampling phase and threshold, behind the equalizer.

Convolving the distributions of the cursors, as a statistical eye is made of a pulse response, takes
the link for linear and its noise for one Gaussian. Here the modulator is not linear, and a one is
noisier than a zero. So the mean of every symbol of a random pattern comes from the waveform model,
with the noise of the light in its view, and its tail is integrated: exact in the tails, sampled in
the pattern. For a linear link with even noise both are the same, as a test shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lightloom.cosim.measure.bathtub import Curve
from lightloom.cosim.measure.slices import Slice
from lightloom.cosim.measure.waveform import Real


@dataclass(frozen=True, eq=False)
class StatisticalEye:
    """Rate at which a threshold at some level and phase is missed, `[eye, level, phase]`.

    The eyes of PAM4 from the lowest; rates are parts of all symbols.
    """

    phase_ui: Real
    level_v: Real
    rate: Real

    @property
    def whole(self) -> Real:
        """Rate of the eye whose threshold a level may be, the least of all, `[level, phase]`."""
        return self.rate.min(axis=0)

    def over_phase(self, thresholds_v: Sequence[float]) -> Curve:
        """Symbol error rate over the phase, a threshold for each eye."""
        rows = [
            np.array([10 ** np.interp(t, self.level_v, column) for column in rate.T])
            for t, rate in zip(thresholds_v, np.log10(self.rate), strict=True)
        ]
        return Curve(self.phase_ui, np.sum(rows, axis=0))

    def over_level(self, eye: int, phase_ui: float = 0.0) -> Curve:
        """Rate of an eye over its threshold, at the phase nearest to the one given."""
        nearest = int(np.argmin(np.abs(self.phase_ui - phase_ui)))
        return Curve(self.level_v, self.rate[eye, :, nearest])

    def height_v(self, rate: float, phase_ui: float = 0.0) -> float:
        """Opening of the worst eye at a rate."""
        return min(self.over_level(e, phase_ui).opening(rate) for e in range(len(self.rate)))


def statistical_eye(slices: Sequence[Slice], levels: int = 201) -> StatisticalEye:
    """Return the map of `slices`, as `model_eye.slices` makes them."""
    low = min(float((s.mean - 3 * s.deviation).min()) for s in slices)
    high = max(float((s.mean + 3 * s.deviation).max()) for s in slices)
    level = np.linspace(low, high, levels)
    rate = np.stack([s.rates(level) for s in slices], axis=2)
    return StatisticalEye(np.array([s.phase_ui for s in slices]), level, np.clip(rate, 1e-300, 1.0))
