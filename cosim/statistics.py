"""Bit error rates: confidence intervals of counted ones, and the model's own in closed form.

`bit_error_rate` is semi-analytic. A random pattern goes through the noiseless model, which gives
the mean of every sample with its intersymbol interference and crosstalk; the noise of each sample
follows from the light that the receive filter had in view, its correlation between samples from
the filter; the sampler's steps and clipping are kept. What is left for each symbol is a Gaussian
integral, and the rate is their mean: the tails are exact, only the pattern is sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from lightloom.cosim import oracle
from lightloom.cosim.coefficients import Coefficients

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
class Equalizer:
    """Linear receiver behind the sampler, in units of sampler steps.

    `z[n] = sum taps[k] x[n + pre - k]`; a one is decided when `z[n] - dfe a[n-1] >= threshold`
    with `a` of -1 or 1.
    """

    taps: tuple[float, ...] = (1.0,)
    pre: int = 0
    dfe: float = 0.0
    threshold: float = 0.0

    def __post_init__(self) -> None:
        """Check `pre`."""
        if not 0 <= self.pre < len(self.taps):
            raise ValueError(f"pre = {self.pre}; allowed: 0 to {len(self.taps) - 1}")

    @classmethod
    def from_registers(cls, side_taps: Sequence[int], dfe: int) -> Equalizer:
        """Return what a receive lane's registers say.

        `side_taps` are in 1/64 of the main one, the one before it first; `dfe` in quarter steps.
        The RTL rounds its values to the nearest quarter, so that it decides at minus an eighth.
        """
        side = [tap / 64 for tap in side_taps]
        pre = 1 if side else 0
        return cls((*side[:pre], 1.0, *side[pre:]), pre, dfe / 4, -0.125)


@dataclass(frozen=True)
class Pattern:
    """Noiseless answer of one direction to a random pattern on every lane."""

    bits: npt.NDArray[np.int8]
    """Sent bits, -1 or 1, `[transmit lane, symbol]`."""
    source: tuple[int, ...]
    """Transmit lane from which each receive lane gets most light."""
    light_a: Real
    """Photocurrent of the light, `[receive lane, sample]`, `samples_per_ui` a symbol."""


def tx_codes(c: Coefficients, bits: npt.NDArray[np.int8], tx_ffe: Sequence[float]) -> npt.NDArray:
    """DAC codes `[word, lane, symbol]` of bits `[lane, symbol]`; pre, main and post cursor."""
    top = 2 ** (c.tx_bits - 1) - 1
    pre, main, post = (round(tap * top) for tap in tx_ffe)
    before, after = np.roll(bits, 1, axis=1), np.roll(bits, -1, axis=1)
    codes = np.clip(pre * after + main * bits.astype(int) + post * before, -top, top)
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
    """Send random bits on every lane of a direction and return the light that arrives.

    `matrix` is the switch's transfer `[output, input]`; needed where there is a switch. Leaked
    light beats at the lasers' differences: short patterns do not average over that.
    """
    if (matrix is None) == bool(c.fabric_ports):
        raise ValueError(f"matrix is {matrix}; allowed: one exactly where there is a switch")
    words = -(-symbols // c.symbols)
    rng = np.random.default_rng(seed)
    bits = rng.choice(np.array([-1, 1], np.int8), (c.lanes, words * c.symbols))
    codes = tx_codes(c, bits, tx_ffe)
    transfer = np.eye(c.lanes, dtype=complex) if matrix is None else matrix
    transfer = transfer if direction == 0 else transfer.T
    # the lane that really talks to each, as the switch is now and not as it should be
    source = tuple(int(lane) for lane in np.abs(transfer).argmax(axis=1))
    return Pattern(bits, source, oracle.light_current(c, direction, codes, transfer))


def _taps(c: Coefficients, fraction_ui: float) -> tuple[int, Real]:
    """Whole samples and the receive response for an instant in a symbol."""
    position = fraction_ui * c.samples_per_ui
    whole = int(np.floor(position))
    row = (position - whole) * c.bank_phases
    low = min(int(row), c.bank_phases - 1)
    weight = row - low
    return whole, (1 - weight) * c.rx_bank[low] + weight * c.rx_bank[low + 1]


@dataclass(frozen=True)
class Moments:
    """Samples of one phase: bits that they decide, means and covariances, in sampler steps."""

    bits: Real
    """Sent bit of each symbol."""
    mean: Real
    covariance: Real
    """`[lag, symbol]`: of a sample with the one `lag` symbols before it."""

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

    The bits are aligned to the samples by their correlation.
    """
    n = c.samples_per_ui
    whole, taps = _taps(c, fraction_ui % 1.0)
    count = min(p.light_a.shape[1] // n, symbols or p.light_a.shape[1])
    light = p.light_a[lane, : count * n]
    level = c.rx_gain * (light.mean() + c.dark_a)
    mean = _strided(light + c.dark_a, taps, whole, n) - level
    covariance = np.zeros((lags, count))
    if c.noisy:
        variance = oracle.noise_variance(c, light)
        for lag in range(lags):
            # the earlier sample sees the same current with taps of `lag` symbols less delay
            overlap = np.zeros_like(taps)
            overlap[lag * n :] = taps[lag * n :] * taps[: len(taps) - lag * n]
            covariance[lag] = _strided(variance, overlap, whole, n)
        # what the baseline tracker makes of the noise and pattern of single words
        words = (light + c.dark_a)[: count // c.symbols * c.symbols * n].reshape(-1, c.symbols * n)
        wander = words.mean(axis=1).var() + variance.mean() / (c.symbols * n)
        r = c.baseline_rate
        covariance += r / (2 - r) * c.rx_gain**2 * wander
    step = c.volts_per_step
    sent = p.bits[p.source[lane], :count].astype(float)
    scores = [float(np.dot(np.roll(sent, d), mean)) for d in range(64)]
    aligned = np.roll(sent, int(np.argmax(scores)))
    # the first symbols lack the past of the filters, and the tail of the bits has wrapped there
    skip = min(count // 4, 2 * (len(c.tx_response) + len(taps)) // n + 64)
    return Moments(aligned[skip:], mean[skip:] / step, covariance[:, skip:] / step**2)


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


def symbol_errors(c: Coefficients, m: Moments, e: Equalizer, *, wrong_before: bool) -> Real:
    """Probability that each symbol is decided wrongly, given the decision before it.

    The main tap's sample keeps its quantization cell by cell; the other taps' sum is Gaussian about
    its mean given that cell, with the variance of uniform quantization added.
    """
    index = _decided(m, e)
    top = 2 ** (c.adc_bits - 1)
    codes = np.arange(-top, top, dtype=float)
    edges = np.concatenate([[-np.inf], codes[1:] - 0.5, [np.inf]])
    main = m.mean[index]
    deviation = np.sqrt(np.maximum(m.covariance[0, index], 1e-18))
    probability = _cells(main, deviation, edges)
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
    rest_variance = np.maximum(rest_variance - slope * with_main, 1e-18)
    sent, before = m.bits[index], m.bits[index - 1]
    previous = -before if wrong_before else before
    # given the cell, the main sample is taken to lie in its middle
    reach = 9 * deviation[:, None]
    centre = np.clip(codes[None, :], main[:, None] - reach, main[:, None] + reach)
    z = (
        e.taps[e.pre] * codes[None, :]
        + (rest_mean - e.dfe * previous)[:, None]
        + slope[:, None] * (centre - main[:, None])
        - e.threshold
    )
    if len(e.taps) == 1:
        wrong = np.where(sent[:, None] > 0, z < 0, z >= 0).astype(float)
    else:
        wrong = special.ndtr(-sent[:, None] * z / np.sqrt(rest_variance)[:, None])
    return (probability * wrong).sum(axis=1)


def _decided(m: Moments, e: Equalizer) -> npt.NDArray[np.intp]:
    """Symbols whose taps, and those of the decision before, lie inside the pattern."""
    return np.arange(len(e.taps) + 1, len(m.mean) - len(e.taps))


def _successive(m: Moments, e: Equalizer) -> Real:
    """Correlation of a decision's noise with that of the one before, positive if both help."""
    index = _decided(m, e)
    own, cross = np.zeros(len(index)), np.zeros(len(index))
    for i, tap in enumerate(e.taps):
        for j, other in enumerate(e.taps):
            at = index + e.pre - i
            own += tap * other * (m.between(at, index + e.pre - j) + (i == j) / 12)
            cross += tap * other * (m.between(at, index - 1 + e.pre - j) + (i == j + 1) / 12)
    sign = m.bits[index] * m.bits[index - 1]
    return np.clip(sign * cross / np.maximum(own, 1e-18), -0.99, 0.99)


def _propagate(right: Real, wrong: Real, correlation: Real) -> Real:
    """Error probability of each symbol when decisions feed back.

    `right` and `wrong` are its probabilities after a right and a wrong decision by themselves. The
    noise that made the decision before wrong is also part of this one's: both are averaged over the
    tail of the Gaussian that it came from.
    """
    nodes, weights = np.polynomial.legendre.leggauss(8)
    spread = np.sqrt(1 - correlation**2)
    alone = np.clip(np.stack([right, wrong]), 1e-300, 1 - 1e-16)
    margin = -special.ndtri(alone)
    # [decision before that: right, wrong][this one's decision before counted as: right, wrong]
    given = np.zeros((2, 2, len(right)))
    for node, weight in zip(nodes, weights, strict=True):
        noise = correlation * special.ndtri((node + 1) / 2 * np.roll(alone, 1, axis=1))
        given += weight / 2 * special.ndtr(-(margin[None] + noise[:, None]) / spread)
    # errors after a right and after a wrong decision
    fresh, chained = float(right.mean()), 0.0
    result = []
    for probability, ((a, b), (c, d)) in zip(right.tolist(), given.T.tolist(), strict=True):
        # `.T` turns the table: a, b are for a fresh and a chained error before, counted as right
        fresh, chained = (
            max(probability - fresh * a - chained * b, 0.0),
            fresh * c + chained * d,
        )
        result.append(fresh + chained)
    return np.array(result)


def bit_error_rate(
    c: Coefficients,
    p: Pattern,
    lane: int,
    fractions_ui: npt.ArrayLike,
    equalizer: Equalizer,
) -> float:
    """Mean error rate of a lane over sampling phases, errors carried on by the feedback included.

    `fractions_ui` is the sampling instant after the start of a symbol, or several, equally likely,
    for a phase that moves: `Kernel.instant` modulo 1.
    """
    rates = []
    for fraction in np.atleast_1d(np.asarray(fractions_ui, float)):
        m = moments(c, p, lane, float(fraction), lags=len(equalizer.taps) + 1)
        errors = symbol_errors(c, m, equalizer, wrong_before=False)
        if equalizer.dfe:
            wrong = symbol_errors(c, m, equalizer, wrong_before=True)
            errors = _propagate(errors, wrong, _successive(m, equalizer))
        rates.append(errors.mean())
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
    """Return the phase and the equalizer of least mean square error, main tap 1."""
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
            columns.append(m.bits[index - 1])
        x, sent = np.stack(columns), m.bits[index]
        correlation = x @ x.T / len(index) + noise
        target = x @ sent / len(index)
        weights = np.linalg.solve(correlation, target)
        error = 1.0 - float(target @ weights)
        snr = 10 * np.log10(max(1.0 - error, 1e-12) / max(error, 1e-12))
        if best is None or snr > best.snr_db:
            scaled = weights / weights[pre]
            feedback = -float(scaled[taps]) if dfe else 0.0
            equalizer = Equalizer(tuple(float(w) for w in scaled[:taps]), pre, feedback)
            best = Adaptation(phase / phases, equalizer, snr)
    assert best is not None
    return best
