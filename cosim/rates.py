"""The bit error rate of a lane by three methods, each with its interval, over received power.

- `eye`: the statistical eye. The tail of each symbol's noise is integrated; `PATTERNS` random
  patterns are sampled, and their spread is the interval.
- `importance`: noise drawn towards the thresholds and weighted, over the same patterns.
- `counting`: decisions behind the kernel, on symbols of its own.

The received power is changed as an attenuator before the receiver changes it, for all lanes alike:
light, crosstalk and intensity noise fall together, thermal noise stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import stats

from lightloom.cosim import counting, importance, statistics
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.counting import Counted, Receiver
from lightloom.cosim.statistics import Complex, Pattern

PATTERNS = 8
SYMBOLS = 4096
"""Of each pattern."""
DRAWS = 2048
"""Of importance sampling, for each pattern."""
EYE_TOLERANCE = 0.06
"""Of the statistical eye's rate, beyond its interval: it takes the rounding of the samples that the
side taps weigh for even noise. Measured against importance sampling with 200,000 draws: 4 % at
3e-12 with 3 taps and a 6 bit sampler, below 2 % from 1e-2 to 1e-5."""


@dataclass(frozen=True)
class Interval:
    """A rate and where it lies with the confidence asked for."""

    rate: float
    low: float
    high: float
    effective: float | None = None
    """Equally weighted error events of importance sampling."""

    def meets(self, other: Interval) -> bool:
        """Whether the two intervals have a rate in common."""
        return self.low <= other.high and other.low <= self.high

    def widened(self, part: float) -> Interval:
        """The interval with a part of the rate more on either side."""
        return replace(self, low=self.low * (1 - part), high=self.high * (1 + part))


@dataclass(frozen=True, eq=False)
class Bench:
    """One direction of a link without its loops, and the receiver that its lanes adapt."""

    c: Coefficients
    direction: int
    tx_ffe: tuple[float, ...]
    matrix: Complex | None
    """Field transfer of the switch, None without one."""
    heaters: tuple[int, ...]
    """The codes that make it, for the kernel."""
    ffe_taps: int
    dfe: bool
    precoding: bool = False

    def attenuated(self, db: float) -> Bench:
        """The same with less light; a negative number is more."""
        return replace(self, c=self.c.with_(source_field=self.c.source_field * 10 ** (-db / 20)))

    def patterns(self, count: int = PATTERNS, symbols: int = SYMBOLS) -> list[Pattern]:
        """Answers to different random patterns."""
        return [
            statistics.pattern(
                self.c, self.direction, tx_ffe=self.tx_ffe, matrix=self.matrix, symbols=symbols,
                seed=seed,
            )
            for seed in range(1, count + 1)
        ]  # fmt: skip

    def receiver(self, p: Pattern, lane: int, phases: int = 32) -> Receiver:
        """Phase on the interpolator's grid and equalizer of least mean square error."""
        best = statistics.adapt(self.c, p, lane, taps=self.ffe_taps, dfe=self.dfe, phases=phases)
        at = counting.on_grid(self.c, self.direction, lane, best.fraction_ui)
        return Receiver(at, best.equalizer)


def _spread(rates: npt.ArrayLike, confidence: float, effective: float | None = None) -> Interval:
    """Mean of independent rates with Student's interval."""
    values = np.asarray(rates, float)
    mean = float(values.mean())
    reach = float(
        stats.t.ppf((1 + confidence) / 2, len(values) - 1)
        * values.std(ddof=1)
        / np.sqrt(len(values))
    )
    return Interval(mean, max(0.0, mean - reach), mean + reach, effective)


def eye(
    bench: Bench,
    patterns: Sequence[Pattern],
    lane: int,
    receiver: Receiver,
    confidence: float = 0.95,
) -> Interval:
    """By the statistical eye."""
    rates = [
        statistics.bit_error_rate(
            bench.c, p, lane, receiver.fraction_ui, receiver.equalizer, precoding=bench.precoding
        )
        for p in patterns
    ]
    return _spread(rates, confidence)


def sampled(
    bench: Bench,
    patterns: Sequence[Pattern],
    lane: int,
    receiver: Receiver,
    confidence: float = 0.95,
    *,
    draws: int = DRAWS,
    seed: int = 1,
) -> Interval:
    """By importance sampling; raises `importance.TooFewError` for draws that are worth too few."""
    found = [
        importance.bit_error_rate(
            bench.c, p, lane, receiver.fraction_ui, receiver.equalizer,
            precoding=bench.precoding, draws=draws, seed=seed * 1000 + k, least_effective=0.0,
        )
        for k, p in enumerate(patterns)
    ]  # fmt: skip
    effective = sum(one.effective for one in found)
    if effective < importance.LEAST_EFFECTIVE:
        raise importance.TooFewError(
            f"{draws * len(found)} draws are worth {effective:.1f}; allowed: at least "
            f"{importance.LEAST_EFFECTIVE:g}; take more draws"
        )
    return _spread([one.rate for one in found], confidence, effective)


def counted(
    bench: Bench,
    receivers: dict[int, Receiver],
    symbols: int,
    confidence: float = 0.95,
    *,
    seed: int = 1,
) -> Counted:
    """By counting behind the kernel, all lanes of `receivers` together."""
    total, _ = counting.count(
        bench.c,
        bench.direction,
        receivers,
        tx_ffe=bench.tx_ffe,
        symbols=symbols,
        heaters=bench.heaters,
        precoding=bench.precoding,
        seed=seed,
        confidence=confidence,
    )
    return total
