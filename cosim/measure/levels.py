"""Levels of an optical transmitter: OMA, extinction ratio, level mismatch, noise on the levels.

Definitions, recalled from IEEE 802.3 and not checked against its text:

- outer OMA, 121.8.4: mean power over the middle 2 UI of a run of 7 threes less that of a run of 6
  zeros. PRBS13Q and SSPRQ have such runs; here the longest runs of the pattern are taken, which in
  PRBS13Q are those.
- extinction ratio, 121.8.7: the ratio of the same two powers.
- RLM, 120D.3.1.2: `min(3 ES1, 3 ES2, 2 - 3 ES1, 2 - 3 ES2)` with the effective symbol levels
  `ES = (level - middle) / (outer level - middle)`.
- RIN OMA, 52.9.6: noise over modulation, both as electrical powers, a Hz of bandwidth; the
  modulation is a square wave of the OMA, so its power is `(OMA / 2)^2`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lightloom.cosim.measure.waveform import Real, Symbols, Waveform

SHORTEST_RUN = 3


@dataclass(frozen=True)
class Levels:
    """Mean power of each level in the middle of its longest runs, the lowest first."""

    power_mw: tuple[float, ...]

    @property
    def oma_mw(self) -> float:
        """Outer optical modulation amplitude."""
        return self.power_mw[-1] - self.power_mw[0]

    @property
    def oma_dbm(self) -> float:
        """Outer optical modulation amplitude over 1 mW."""
        return float(10 * np.log10(self.oma_mw))

    @property
    def er_db(self) -> float:
        """Extinction ratio; infinite when the lowest level is dark."""
        low = self.power_mw[0]
        return float(10 * np.log10(self.power_mw[-1] / low)) if low > 0 else float("inf")

    @property
    def rlm(self) -> float | None:
        """Level separation mismatch ratio, 1 for even spacing; None for two levels."""
        if len(self.power_mw) != 4:
            return None
        low, second, third, high = self.power_mw
        middle = (low + high) / 2
        es1, es2 = (second - middle) / (low - middle), (third - middle) / (high - middle)
        return min(3 * es1, 3 * es2, 2 - 3 * es1, 2 - 3 * es2)


def longest_runs(symbols: Symbols, level: int) -> tuple[int, list[int]]:
    """Length of the longest runs of a level in a repeating pattern, and where each begins."""
    count = len(symbols)
    mine = symbols == level
    if mine.all() or not mine.any():
        raise ValueError(f"level {level} in {mine.sum()} of {count} symbols; allowed: some")
    starts = np.flatnonzero(mine & ~np.roll(mine, 1))
    ends = np.flatnonzero(mine & ~np.roll(mine, -1))
    if ends[0] < starts[0]:
        ends = np.roll(ends, -1)
    lengths = (ends - starts) % count + 1
    longest = int(lengths.max())
    return longest, starts[lengths == longest].tolist()


def _run_middles(w: Waveform, level: int) -> npt.NDArray[np.intp]:
    """Samples in the middle of the level's longest runs: 2 UI of 6 or more, else 1 UI."""
    length, starts = longest_runs(w.symbols, level)
    if length < SHORTEST_RUN:
        raise ValueError(
            f"longest run of level {level} is {length} symbols; allowed: {SHORTEST_RUN} or more"
        )
    n = w.samples_per_ui
    size = 2 * n if length >= 6 else n
    first = np.array(starts) * n + (length * n - size) // 2
    return (first[:, None] + np.arange(size)) % len(w.power)


def measure(w: Waveform) -> Levels:
    """Levels of a waveform that is aligned with its symbols (`Waveform.aligned`)."""
    return Levels(tuple(float(w.power[_run_middles(w, k)].mean()) for k in range(w.levels)))


def rin_oma_db_per_hz(periods: Real, symbols: Symbols, levels: int, bandwidth_hz: float) -> float:
    """Noise of the outer levels relative to OMA.

    `periods` are samples `[period, sample]` of the same pattern, aligned with its symbols;
    `bandwidth_hz` is the noise bandwidth in which they were taken.
    """
    if len(periods) < 2:
        raise ValueError(f"{len(periods)} periods; allowed: 2 or more")
    mean = Waveform(periods.mean(axis=0), symbols, levels)
    variances = [
        float(periods[:, _run_middles(mean, level)].var(axis=0, ddof=1).mean())
        for level in (0, levels - 1)
    ]
    modulation = (measure(mean).oma_mw / 2) ** 2
    return float(10 * np.log10(np.mean(variances) / (bandwidth_hz * modulation)))
