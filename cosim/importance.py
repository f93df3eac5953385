"""Bit error rates down to 1e-12 and below by importance sampling of the waveform model.

Each draw takes one symbol of a random pattern and gives the current impulses in its window, white,
with the variance of the light in each sample (`oracle.noise_variance`), a push along the direction
in which they move the decision most: towards a threshold, as far as it is away. The receive filter
colours them, the sampler rounds and clips them, the equalizer, the slicer and its feedback decide.
A draw counts with the ratio of the densities without and with the push, which is exact whatever the
push was: a poor one costs draws, not truth. The symbol is chosen in proportion to how likely it
seems to be decided wrong, a tenth of the time evenly, and counts accordingly.

Beside `statistics.bit_error_rate`, which integrates the tails, nothing is taken for Gaussian here
but the impulses themselves and the tracked baseline (one number a draw, as many deviations away
as it has there). What both share: the noiseless pattern, so that the interval is that of the noise
and of the choice of symbols, not of another pattern.

Decision feedback and precoding: decisions before the symbol run in from a right one, and a wrong
one is followed until the first right one, whose feedback is right again. A draw counts the wrong
bits of the run that begins at its symbol. Runs longer than `RUN` symbols count up to there, and
`Estimate.unfinished` says how much of the rate they are.

Source: P. J. Smith, M. Shafi and H. Gao, "Quick simulation: a review of importance sampling
techniques in communications systems", IEEE J. Sel. Areas Commun. 15, 597 (1997).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from lightloom.cosim import oracle, statistics
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.equalizer import Equalizer
from lightloom.cosim.statistics import Moments, Pattern

Real = npt.NDArray[np.float64]
Levels = npt.NDArray[np.intp]

LEAST_EFFECTIVE = 100.0
"""Draws that an estimate must be worth; its standard error is then a tenth of it."""
WARM = 4
"""Decisions before the symbol that run in from a right one."""
RUN = 24
"""Decisions behind the symbol in which its run of errors is followed."""
EVEN = 0.1
"""Part of the draws whose symbol is chosen evenly."""
UNPUSHED = 0.05
"""Part of the draws whose noise is as it is."""
CHUNK = 2048
"""Draws at a time."""


class TooFewError(ValueError):
    """The draws are worth too few for an interval."""


@dataclass(frozen=True)
class Estimate:
    """A bit error rate with its interval."""

    rate: float
    low: float
    high: float
    effective: float
    """Equally weighted error events that would give the same variance."""
    draws: int
    unfinished: float
    """Part of the rate from runs of errors that were not followed to their end."""


def effective_size(weights: Real) -> float:
    """Equally weighted draws that would give the same variance: (sum w)^2 / sum w^2, 0 for none."""
    most = float(weights.max(initial=0.0))
    if most == 0:
        return 0.0
    scaled = weights / most
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def bit_error_rate(
    c: Coefficients,
    p: Pattern,
    lane: int,
    fraction_ui: float,
    equalizer: Equalizer,
    *,
    precoding: bool = False,
    draws: int = 16384,
    seed: int = 1,
    confidence: float = 0.95,
    least_effective: float = LEAST_EFFECTIVE,
) -> Estimate:
    """Error rate of a lane that samples at `fraction_ui` after the start of a symbol.

    The same question as `statistics.bit_error_rate` answers. Raises `TooFewError` when the draws
    that ended in errors are worth fewer than `least_effective`.
    """
    if equalizer.levels != c.levels:
        raise ValueError(f"{len(equalizer.thresholds)} thresholds; allowed: {c.levels - 1}")
    if draws < 2:
        raise ValueError(f"draws = {draws}; allowed: 2 or more")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence:g}; allowed: above 0 and below 1")
    if not c.noisy:
        raise ValueError("the model has no noise; allowed: Coefficients.noisy = True")
    window = _Window(c, p, lane, fraction_ui, equalizer, precoding)
    rng = np.random.default_rng(seed)
    parts = [window.draw(rng, min(CHUNK, draws - n)) for n in range(0, draws, CHUNK)]
    values = np.concatenate([value for value, _ in parts])
    unfinished = sum(float(value[open_].sum()) for value, open_ in parts)
    effective = effective_size(values)
    if effective < least_effective:
        raise TooFewError(
            f"{draws} draws with {np.count_nonzero(values)} error events are worth "
            f"{effective:.1f}; allowed: at least {least_effective:g}; take more draws"
        )
    bits = float(np.log2(c.levels))
    rate = float(values.mean()) / bits
    deviation = float(values.std(ddof=1)) / draws**0.5 / bits
    reach = float(special.ndtri((1 + confidence) / 2)) * deviation
    return Estimate(
        rate=rate,
        low=max(0.0, rate - reach),
        high=min(1.0, rate + reach),
        effective=effective,
        draws=draws,
        unfinished=unfinished / float(values.sum()),
    )


class _Window:
    """The impulses that a decision and those around it see, and what is made of them."""

    def __init__(
        self,
        c: Coefficients,
        p: Pattern,
        lane: int,
        fraction_ui: float,
        e: Equalizer,
        precoding: bool,
    ) -> None:
        n = c.samples_per_ui
        self._c, self._e, self._precoding = c, e, precoding
        runs = bool(e.dfe) or precoding
        self._warm = WARM if runs else 0
        self._decisions = self._warm + 1 + (RUN if runs else 0)
        self._m = m = statistics.moments(c, p, lane, fraction_ui, lags=len(e.taps))
        self._deviation = np.sqrt(oracle.noise_variance(c, p.light_a[lane]))
        whole, taps = statistics.receive_taps(c, fraction_ui % 1.0)
        samples = self._decisions + len(e.taps) - 1
        self._before = self._warm - e.pre + len(e.taps) - 1
        """Symbols from the first sample of the window to the symbol of the draw."""
        length = (samples - 1) * n + len(taps)
        self._response = np.zeros((length, samples))
        for k in range(samples):
            self._response[k * n : k * n + len(taps), k] = taps[::-1] / c.volts_per_step
        # sample k of the pattern sees the current up to k n + whole
        self._start = (m.first - self._before) * n + whole - len(taps) + 1
        self._sent: Levels = np.rint((m.sent + 1) / 2 * (c.levels - 1)).astype(np.intp)
        last = samples - 1 - self._before
        margin = max(self._before, self._warm + 1, -self._start // n + 1) + 1
        self._symbols = np.arange(margin, len(m.sent) - last - 1)
        if not len(self._symbols):
            raise ValueError(f"pattern of {p.sent.shape[1]} symbols; allowed: longer ones")
        # of the sum that decides the symbol of the draw, by sample of the window
        self._weights = np.zeros(samples)
        self._weights[self._warm : self._warm + len(e.taps)] = e.taps[::-1]
        self._steer(m)

    def _steer(self, m: Moments) -> None:
        """Distances to the thresholds above and below, and how often to choose each symbol."""
        c, e, at = self._c, self._e, self._symbols
        top = 2 ** (c.adc_bits - 1)
        value, variance = -e.dfe * m.sent[at - 1], np.zeros(len(at))
        for i, tap in enumerate(e.taps):
            value += tap * np.clip(m.mean[at + e.pre - i], -top, top - 1)
            for j, other in enumerate(e.taps):
                variance += tap * other * m.between(at + e.pre - i, at + e.pre - j)
        rounded = sum(tap**2 for tap in e.taps) / 12
        limits = np.concatenate([[-np.inf], e.thresholds, [np.inf]])
        level = self._sent[at]
        away = np.stack([limits[level + 1] - value, value - limits[level]])  # up, down
        total = np.maximum(variance, 1e-18) + rounded
        # the impulses make their part of the deviation, the sampler's rounding the rest
        self._push = (
            np.where(
                np.isfinite(away), np.maximum(away, 0.0) * np.sqrt(np.maximum(variance, 1e-18)), 0.0
            )
            / total
        )
        # wider tails than it seems, so that what the guess leaves out is not missed
        seems = special.ndtr(-np.maximum(away, 0.0) / np.sqrt(1.1 * total))
        seems = np.where(np.isfinite(away), np.maximum(seems, 1e-300), 0.0)
        each = seems.sum(axis=0)
        self._choice = (1 - EVEN) * each / each.sum() + EVEN / len(at)
        self._sides = (1 - UNPUSHED) * seems / each

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Real, npt.NDArray[np.bool_]]:
        """Wrong bits of `count` draws with their weights, and whether a run went on."""
        m, n = self._m, self._c.samples_per_ui
        chosen = rng.choice(len(self._symbols), count, p=self._choice)
        at = self._symbols[chosen]
        length, samples = self._response.shape
        span = self._start + at[:, None] * n + np.arange(length)
        deviation = self._deviation[span]
        # all impulses and the baseline, and the unit vector along which they decide
        noise = rng.standard_normal((count, length + 1))
        baseline = np.sqrt(m.baseline_variance)
        along = np.empty_like(noise)
        along[:, :-1] = deviation * (self._response @ self._weights)
        along[:, -1] = baseline * self._weights.sum()
        along /= np.linalg.norm(along, axis=1)[:, None]
        push = self._push[:, chosen]
        sides = self._sides[:, chosen]
        pick = rng.random(count)
        moved = np.where(
            pick < sides[0], push[0], np.where(pick < sides.sum(axis=0), -push[1], 0.0)
        )
        noise += moved[:, None] * along
        lies = (noise * along).sum(axis=1)
        pushed = UNPUSHED + sides[0] * np.exp(push[0] * lies - push[0] ** 2 / 2)
        pushed += sides[1] * np.exp(-push[1] * lies - push[1] ** 2 / 2)
        weight = 1 / (pushed * self._choice[chosen] * len(self._symbols))
        first = at[:, None] - self._before + np.arange(samples)
        x = m.mean[first] + (deviation * noise[:, :-1]) @ self._response
        x += baseline * noise[:, -1:]
        bits, open_ = self._decide(at, x)
        return bits * weight, open_ & (bits > 0)

    def _decide(self, at: Levels, x: Real) -> tuple[Real, npt.NDArray[np.bool_]]:
        """Wrong bits of the run of errors that begins at each symbol, and whether it goes on."""
        c, e = self._c, self._e
        top = 2 ** (c.adc_bits - 1)
        codes = np.clip(np.floor(x + 0.5), -top, top - 1)
        size, reach = self._decisions, len(e.taps) - 1
        value = np.zeros((len(x), size))
        for k, tap in enumerate(e.taps):
            value += tap * codes[:, reach - k : reach - k + size]
        limits = np.asarray(e.thresholds)
        # one more at the front: the decision from which the feedback runs in
        sent = self._sent[at[:, None] - self._warm - 1 + np.arange(size + 1)]
        decided = np.empty_like(sent)
        decided[:, 0] = sent[:, 0]
        for k in range(size):
            fed_back = e.dfe * (2 * decided[:, k] / (c.levels - 1) - 1)
            decided[:, k + 1] = np.searchsorted(limits, value[:, k] - fed_back, side="right")
        wrong = decided != sent
        here = self._warm + 1
        run = np.logical_and.accumulate(wrong[:, here:], axis=1)
        if self._warm:
            run &= ~wrong[:, here - 1 : here]
        counted = run
        if self._precoding:
            decided[:, 1:] = (decided[:, 1:] + decided[:, :-1]) % c.levels
            sent[:, 1:] = (sent[:, 1:] + sent[:, :-1]) % c.levels
            # the first right decision behind a run is added to the last wrong one
            counted = run.copy()
            counted[:, 1:] |= run[:, :-1]
        bits = np.where(counted, wrong_bits(decided[:, here:], sent[:, here:]), 0).sum(axis=1)
        return bits.astype(float), run[:, -1] & (size > 1)


_GRAY = np.array([0b00, 0b01, 0b11, 0b10])
_ONES = np.array([0, 1, 1, 2])


def wrong_bits(decided: Levels, sent: Levels) -> Levels:
    """Wrong bits of each symbol by its level, the lowest 0: Gray coded, of two levels or four."""
    return _ONES[_GRAY[decided] ^ _GRAY[sent]]
