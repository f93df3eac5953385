"""Bit error rates: confidence intervals of counted ones, and the model's own in closed form.

`bit_error_rate` is semi-analytic. A random pattern goes through the noiseless model, which gives
the mean of every sample with its intersymbol interference and crosstalk; the noise of each sample
follows from the light that the receive filter had in view, its correlation between samples from
the filter; the sampler's steps and clipping are kept. What is left for each symbol is a Gaussian
integral, and the rate is their mean: the tails are exact, only the pattern is sampled.

Symbols are levels from -1 to 1: two of them (NRZ), or four (PAM4), Gray coded, so that a wrong
decision for a level beside the right one is one wrong bit in two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from lightloom.cosim import oracle
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.equalizer import Equalizer

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]


def clopper_pearson(errors: int, bits: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval of an error rate; with no errors the lower end is 0.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26, 404 (1934).
    """
    if not 0 <= errors <= bits or bits < 1:
        raise ValueError(f"errors = {errors} of bits = {bits}; allowed: 0 to bits, bits 1 or more")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence:g}; allowed: above 0 and below 1")
    tail = (1 - confidence) / 2
    low = stats.beta.ppf(tail, errors, bits - errors + 1) if errors else 0.0
    high = stats.beta.ppf(1 - tail, errors + 1, bits - errors) if errors < bits else 1.0
    return float(low), float(high)


def gaussian_tail(q: npt.ArrayLike) -> Real:
    """Probability that a standard normal number exceeds `q`."""
    return np.asarray(special.ndtr(-np.asarray(q, float)))


@dataclass(frozen=True)
class Pattern:
    """Noiseless answer of one direction to a random pattern on every lane."""

    sent: Real
    """Levels, -1 to 1, `[transmit lane, symbol]`."""
    source: tuple[int, ...]
    """Transmit lane from which each receive lane gets most light."""
    light_a: Real
    """Photocurrent of the light, `[receive lane, sample]`, `samples_per_ui` a symbol."""


def random_levels(c: Coefficients, rng: np.random.Generator, words: int) -> Real:
    """Random levels from -1 to 1, equally likely, `[lane, symbol]`."""
    return rng.choice(np.linspace(-1.0, 1.0, c.levels), (c.lanes, words * c.symbols))


def tx_codes(c: Coefficients, sent: npt.ArrayLike, tx_ffe: Sequence[float]) -> npt.NDArray:
    """DAC codes `[word, lane, symbol]` of levels `[lane, symbol]`.

    `tx_ffe` ends with the main and the post cursor, pre-cursors before them.
    """
    top = 2 ** (c.tx_bits - 1) - 1
    steps = c.levels - 1
    odd = np.rint(np.asarray(sent) * steps).astype(int)  # -1, 1; or -3, -1, 1, 3
    total = np.zeros_like(odd)
    for k, tap in enumerate(tx_ffe):
        total += round(tap * top) * np.roll(odd, k - (len(tx_ffe) - 2), axis=1)
    codes = np.clip(np.floor(total / steps + 0.5).astype(int), -top, top)
    return codes.reshape(c.lanes, -1, c.symbols).transpose(1, 0, 2).astype(np.int16)


def pattern(
    c: Coefficients,
    direction: int,
    *,
    tx_ffe: Sequence[float],
    matrix: Complex | None = None,
    symbols: int = 65536,
    seed: int = 1,
) -> Pattern:
    """Send random symbols on every lane of a direction and return the light that arrives.

    `matrix` is the switch's transfer `[output, input]`; needed where there is a switch. Leaked
    light beats at the lasers' differences: short patterns do not average over that.
    """
    if (matrix is None) == bool(c.fabric_ports):
        raise ValueError(f"matrix is {matrix}; allowed: one exactly where there is a switch")
    words = -(-symbols // c.symbols)
    rng = np.random.default_rng(seed)
    sent = random_levels(c, rng, words)
    codes = tx_codes(c, sent, tx_ffe)
    transfer = np.eye(c.lanes, dtype=complex) if matrix is None else matrix
    transfer = transfer if direction == 0 or not c.fabric_shared else transfer.T
    # the lane that really talks to each, as the switch is now and not as it should be
    source = tuple(int(lane) for lane in np.abs(transfer).argmax(axis=1))
    return Pattern(sent, source, oracle.light_current(c, direction, codes, transfer))


def receive_taps(c: Coefficients, fraction_ui: float) -> tuple[int, Real]:
    """Whole samples and the receive response for an instant in a symbol."""
    position = fraction_ui * c.samples_per_ui
    whole = int(np.floor(position))
    row = (position - whole) * c.bank_phases
    low = min(int(row), c.bank_phases - 1)
    weight = row - low
    return whole, (1 - weight) * c.rx_bank[low] + weight * c.rx_bank[low + 1]


@dataclass(frozen=True)
class Moments:
    """Samples of one phase: symbols that they decide, means and covariances, in sampler steps."""

    sent: Real
    """Level of each symbol, -1 to 1."""
    mean: Real
    covariance: Real
    """`[lag, symbol]`: of a sample with the one `lag` symbols before it."""
    first: int
    """Symbol of the pattern at which these begin."""
    baseline_variance: float
    """Of the tracked baseline, in `covariance` at every lag."""

    def between(self, a: npt.NDArray[np.intp], b: npt.NDArray[np.intp]) -> Real:
        """Covariance of samples `a` and `b`, a constant number of symbols apart."""
        return self.covariance[abs(int(a[0] - b[0])), np.maximum(a, b)]


def moments(
    c: Coefficients,
    p: Pattern,
    lane: int,
    fraction_ui: float,
    *,
    lags: int = 1,
    symbols: int | None = None,
) -> Moments:
    """Mean and covariances of a lane's samples at `fraction_ui` after the start of each symbol.

    The symbols are aligned to the samples by their correlation.
    """
    n = c.samples_per_ui
    whole, taps = receive_taps(c, fraction_ui % 1.0)
    count = min(p.light_a.shape[1] // n, symbols or p.light_a.shape[1])
    light = p.light_a[lane, : count * n]
    sent = p.sent[p.source[lane], :count]
    middle, wander = _tracked(c, light, sent)
    level = c.rx_gain * (middle + c.dark_a)
    mean = _strided(light + c.dark_a, taps, whole, n) - level
    covariance = np.zeros((lags, count))
    tracked = 0.0
    if c.noisy:
        variance = oracle.noise_variance(c, light)
        for lag in range(lags):
            # the earlier sample sees the same current with taps of `lag` symbols less delay
            overlap = np.zeros_like(taps)
            overlap[lag * n :] = taps[lag * n :] * taps[: max(0, len(taps) - lag * n)]
            covariance[lag] = _strided(variance, overlap, whole, n)
        # what the baseline tracker makes of the noise and pattern of single words
        wander += variance.mean() / (c.symbols * n)
        r = c.baseline_rate
        tracked = float(r / (2 - r) * c.rx_gain**2 * wander)
        covariance += tracked
    step = c.volts_per_step
    scores = [float(np.dot(np.roll(sent, d), mean)) for d in range(64)]
    aligned = np.roll(sent, int(np.argmax(scores)))
    # the first symbols lack the past of the filters, and the tail of the pattern has wrapped there
    skip = min(count // 4, 2 * (len(c.tx_response) + len(taps)) // n + 64)
    return Moments(
        sent=aligned[skip:],
        mean=mean[skip:] / step,
        covariance=covariance[:, skip:] / step**2,
        first=skip,
        baseline_variance=tracked / step**2,
    )


def _tracked(c: Coefficients, light: Real, sent: Real) -> tuple[float, float]:
    """Mean light, and the variance of the mean of a word, with symbols that are equally likely.

    The pattern has a few more of some; what of its light follows their sum is taken for as strong
    as it is on average.
    """
    words = len(sent) // c.symbols
    by_word = light[: words * c.symbols * c.samples_per_ui].reshape(words, -1).mean(axis=1)
    own = sent[: words * c.symbols].reshape(words, -1).mean(axis=1)
    seen = float(own.var())
    slope = float(np.mean((own - own.mean()) * by_word)) / seen if seen else 0.0
    power = float((np.linspace(-1, 1, c.levels) ** 2).mean())
    rest = max(0.0, float(by_word.var()) - slope**2 * seen)
    return float(light.mean() - slope * sent.mean()), slope**2 * power / c.symbols + rest


def _strided(x: Real, taps: Real, whole: int, n: int) -> Real:
    """`sum_m taps[m] x[k n + whole - m]` for each k, with x zero before its start."""
    count = len(x) // n
    padded = np.concatenate([np.zeros(n), x])
    total = np.zeros(count)
    for phase in range(n):
        # taps of this phase meet every n-th sample from `whole - phase` on
        total += np.convolve(padded[n + whole - phase :: n], taps[phase::n])[:count]
    return total


def _cells(mean: Real, deviation: Real, edges: Real) -> Real:
    """Probability of each cell between `edges`, exact far out in either tail."""
    a = (edges[None, :] - mean[:, None]) / deviation[:, None]
    below = special.ndtr(np.where(a > 0, -a, a))  # of the tail on a's own side
    low, high = below[:, :-1], below[:, 1:]
    upper, lower = a[:, :-1] > 0, a[:, 1:] <= 0
    return np.where(upper, low - high, np.where(lower, high - low, 1 - low - high))


Chains = dict[tuple[int, int], Real]
"""Probability of each symbol's error, by its sign (1 a level too high, -1 too low) and the state
before: 0 for a right decision, or the sign of its error."""


@dataclass(frozen=True)
class Mistakes:
    """Probabilities of wrong decisions, symbol by symbol."""

    up: Real
    """Of a level above the right one."""
    down: Real
    bits: Real
    """Expected wrong bits."""


class Decisions:
    """What the equalizer makes of samples, before the feedback: mixtures of Gaussians.

    The main tap's sample keeps its quantization cell by cell; the other taps' sum is Gaussian about
    its mean given that cell, with the variance of uniform quantization added.
    """

    def __init__(self, c: Coefficients, m: Moments, e: Equalizer) -> None:
        """Work out the value of each symbol and cell."""
        index = _decided(m, e)
        top = 2 ** (c.adc_bits - 1)
        codes = np.arange(-top, top, dtype=float)
        edges = np.concatenate([[-np.inf], codes[1:] - 0.5, [np.inf]])
        main = m.mean[index]
        deviation = np.sqrt(np.maximum(m.covariance[0, index], 1e-18))
        rest_mean = np.zeros(len(index))
        rest_variance = np.full(len(index), 1e-18)
        with_main = np.zeros(len(index))
        for i, tap in enumerate(e.taps):
            if i == e.pre:
                continue
            rest_mean += tap * np.clip(m.mean[index + e.pre - i], -top, top - 1)
            rest_variance += tap**2 / 12
            with_main += tap * m.between(index + e.pre - i, index)
            for j, other in enumerate(e.taps):
                if j != e.pre:
                    rest_variance += tap * other * m.between(index + e.pre - i, index + e.pre - j)
        slope = with_main / deviation**2
        # given the cell, the main sample is taken to lie in its middle
        reach = 9 * deviation[:, None]
        centre = np.clip(codes[None, :], main[:, None] - reach, main[:, None] + reach)
        self._e = e
        self._sent, self._before = m.sent[index], m.sent[index - 1]
        self._probability = _cells(main, deviation, edges)
        self._value = (
            e.taps[e.pre] * codes[None, :]
            + rest_mean[:, None]
            + slope[:, None] * (centre - main[:, None])
        )
        self._spread = np.sqrt(np.maximum(rest_variance - slope * with_main, 1e-18))

    def tails(self) -> Chains:
        """Errors of each symbol by their sign and the state before, each state by itself.

        An NRZ symbol can be wrong in one way only: both signs are one, that away from the symbol.
        """
        if self._e.levels == 2:
            made = {0: self.mistakes(), 1: self.mistakes(-self._before)}
            found = {(1, state): m.up + m.down for state, m in made.items()}
        else:
            made = {state: self.mistakes(state) for state in (0, 1, -1)}
            found = {(1, state): m.up for state, m in made.items()}
            found |= {(-1, state): m.down for state, m in made.items()}
        return {key: np.clip(p, 1e-300, 1 - 1e-16) for key, p in found.items()}

    def correlation(self, m: Moments) -> Real:
        """Of a decision's noise with that of the one before, both in the sign of `tails`."""
        found = _successive(m, self._e)
        return found * self._sent * self._before if self._e.levels == 2 else found

    def mistakes(self, before: int | Real = 0) -> Mistakes:
        """Wrong decisions when the one before was right, or a level too high (1) or low (-1)."""
        e, steps = self._e, self._e.levels - 1
        fed_back = e.dfe * (self._before + before * 2 / steps)
        right = np.rint((self._sent + 1) / 2 * steps).astype(int)
        limits = np.concatenate([np.full(steps, -np.inf), e.thresholds, np.full(steps, np.inf)])
        up, down = [], []
        for k in range(steps):
            up.append(self._beyond(limits[steps + right + k] + fed_back, 1))
            down.append(self._beyond(limits[steps + right - 1 - k] + fed_back, -1))
        # Gray code: two levels off are two wrong bits, three are one again
        bits = sum(w * (a + b) for w, a, b in zip((1, 1, -1), up, down, strict=False))
        return Mistakes(up[0], down[0], np.asarray(bits))

    def _beyond(self, limit: Real, sign: int) -> Real:
        """Probability of each symbol's value at or above (below for `sign` -1) its `limit`."""
        away = sign * (self._value - limit[:, None])
        if len(self._e.taps) == 1:
            beyond = (away >= 0 if sign > 0 else away > 0).astype(float)
        else:
            beyond = special.ndtr(away / self._spread[:, None])
        return (self._probability * beyond).sum(axis=1)


def _decided(m: Moments, e: Equalizer) -> npt.NDArray[np.intp]:
    """Symbols whose taps, and those of the decision before, lie inside the pattern."""
    return np.arange(len(e.taps) + 1, len(m.mean) - len(e.taps))


def _successive(m: Moments, e: Equalizer) -> Real:
    """Correlation of a decision's noise with that of the one before."""
    index = _decided(m, e)
    own, cross = np.zeros(len(index)), np.zeros(len(index))
    for i, tap in enumerate(e.taps):
        for j, other in enumerate(e.taps):
            at = index + e.pre - i
            own += tap * other * (m.between(at, index + e.pre - j) + (i == j) / 12)
            cross += tap * other * (m.between(at, index - 1 + e.pre - j) + (i == j + 1) / 12)
    return np.clip(cross / np.maximum(own, 1e-18), -0.99, 0.99)


def _propagate(tail: Chains, correlation: Real) -> Chains:
    """Errors of each symbol when decisions feed back.

    `tail` has a symbol's errors after each state by themselves. The noise that made the decision
    before wrong is also part of this one's: both are averaged over the tail of the Gaussian that it
    came from. An error's probability depends on those of the symbol before; the loop follows runs
    of errors until longer ones no longer count.
    """
    nodes, weights = np.polynomial.legendre.leggauss(8)
    spread = np.sqrt(1 - correlation**2)
    margin = {key: -special.ndtri(p) for key, p in tail.items()}
    given: dict[tuple[tuple[int, int], tuple[int, int]], Real] = {}
    for cause, p in tail.items():
        before = np.roll(p, 1)
        for key in tail:
            if key[1] not in (0, cause[0]):
                continue  # the state before is what the error before made it
            total = np.zeros(len(correlation))
            for node, weight in zip(nodes, weights, strict=True):
                noise = cause[0] * correlation * -special.ndtri((node + 1) / 2 * before)
                total += weight / 2 * special.ndtr(-(margin[key] - key[0] * noise) / spread)
            given[key, cause] = total
    found: Chains = {key: p if key[1] == 0 else np.zeros_like(p) for key, p in tail.items()}
    for _ in range(_LONGEST_RUN):
        last = {key: np.roll(p, 1) for key, p in found.items()}
        following: Chains = {}
        for key, p in tail.items():
            causes = [c for c in tail if (key, c) in given]
            chained = sum((last[c] * given[key, c] for c in causes), np.zeros_like(p))
            following[key] = np.maximum(p - chained, 0.0) if key[1] == 0 else chained
        change = sum(float(abs(following[k] - found[k]).sum()) for k in found)
        found = following
        if change <= 1e-6 * sum(float(p.sum()) for p in found.values()):
            break
    return found


_LONGEST_RUN = 200


def bit_error_rate(
    c: Coefficients,
    p: Pattern,
    lane: int,
    fractions_ui: npt.ArrayLike,
    equalizer: Equalizer,
    *,
    precoding: bool = False,
) -> float:
    """Mean error rate of a lane over sampling phases, errors carried on by the feedback included.

    `fractions_ui` is the sampling instant after the start of a symbol, or several, equally likely,
    for a phase that moves: `Kernel.instant` modulo 1. With `precoding`, 1/(1+D) modulo 4, a run of
    errors of changing sign is wrong where it begins and behind its end.
    """
    if equalizer.levels != c.levels:
        raise ValueError(f"{len(equalizer.thresholds)} thresholds; allowed: {c.levels - 1}")
    rates = []
    for fraction in np.atleast_1d(np.asarray(fractions_ui, float)):
        m = moments(c, p, lane, float(fraction), lags=len(equalizer.taps) + 1)
        decisions = Decisions(c, m, equalizer)
        right = decisions.mistakes()
        wrong_bits = float(right.bits.mean())
        if equalizer.dfe or precoding:
            chains = _propagate(decisions.tails(), decisions.correlation(m))
            symbols = sum(float(q.mean()) for q in chains.values())
            # jumps over more than a level are rare enough to be the same without feedback
            jumps = wrong_bits - float((right.up + right.down).mean())
            if precoding:
                runs = sum(float(q.mean()) for (_, state), q in chains.items() if state == 0)
                same = sum(float(chains[sign, sign].mean()) for sign in (1, -1))
                # one where a run begins, one behind its end, two bits inside where signs repeat
                symbols = 2 * runs + 2 * same
            wrong_bits = symbols + jumps
        rates.append(wrong_bits / np.log2(c.levels))
    return float(np.mean(rates))


@dataclass(frozen=True)
class Adaptation:
    """Best sampling phase and equalizer of a lane."""

    fraction_ui: float
    equalizer: Equalizer
    snr_db: float


def adapt(
    c: Coefficients, p: Pattern, lane: int, *, taps: int = 3, dfe: bool = True, phases: int = 64
) -> Adaptation:
    """Return the phase and the equalizer of least mean square error, main tap 1.

    The thresholds of PAM4 are half way between the mean levels, that of NRZ is 0.
    """
    pre = 1 if taps > 1 else 0
    top = 2 ** (c.adc_bits - 1)
    best: Adaptation | None = None
    for phase in range(phases):
        m = moments(c, p, lane, phase / phases, lags=taps, symbols=8192)
        index = np.arange(taps, len(m.mean) - taps)
        columns = [np.clip(m.mean[index + pre - k], -top, top - 1) for k in range(taps)]
        noise = np.zeros((taps + dfe, taps + dfe))
        for i in range(taps):
            for j in range(taps):
                noise[i, j] = m.covariance[abs(i - j)].mean() + (i == j) / 12
        if dfe:
            columns.append(m.sent[index - 1])
        x, sent = np.stack(columns), m.sent[index]
        correlation = x @ x.T / len(index) + noise
        target = x @ sent / len(index)
        weights = np.linalg.solve(correlation, target)
        power = float(sent @ sent) / len(index)
        error = power - float(target @ weights)
        snr = 10 * np.log10(max(power - error, 1e-12) / max(error, 1e-12))
        if best is None or snr > best.snr_db:
            scaled = weights / weights[pre]
            feedback = -float(scaled[taps]) if dfe else 0.0
            thresholds = (0.0,)
            if c.levels > 2:
                z = scaled @ x
                means = [z[abs(sent - a) < 0.1].mean() for a in np.linspace(-1, 1, c.levels)]
                thresholds = tuple(float(a + b) / 2 for a, b in pairwise(means))
            equalizer = Equalizer(tuple(float(w) for w in scaled[:taps]), pre, feedback, thresholds)
            best = Adaptation(phase / phases, equalizer, snr)
    assert best is not None
    return best
