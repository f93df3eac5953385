"""Where bit errors lie: bursts, errors of a FEC symbol, wrong symbols of a codeword.

A code's error rate is computed for errors that are independent of each other. Feedback, a slipped
phase or a dip of the light make bursts instead: fewer symbols wrong for the same bit errors, but
more of them in one codeword. The histogram of wrong symbols in a codeword is tested against the
binomial of the same symbol error rate, with Pearson's chi-square over cells of five or more
expected codewords, and by its dispersion: variance over that of the binomial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

Positions = npt.NDArray[np.int64]
LEAST_EXPECTED = 5.0
"""Codewords that a cell of the test must hold on average."""
SIGNIFICANCE = 1e-3


class Verdict(Enum):
    """What the histogram says about the code's assumption."""

    INDEPENDENT = "no sign against independent errors"
    BURSTY = "errors come in bursts: more codewords with many wrong symbols than independent ones"
    EVEN = "errors are spread more evenly than independent ones"
    TOO_FEW = "too few errors to tell"


@dataclass(frozen=True)
class Independence:
    """Test of a histogram of wrong symbols in a codeword."""

    codewords: int
    symbol_error_rate: float
    dispersion: float | None
    """Variance over that of independent errors; 1 for these. None without an error, or where some
    codewords were not counted out."""
    chi_square: float | None
    degrees: int
    p_value: float | None
    """Probability of such a histogram or a less likely one, if errors were independent."""
    verdict: Verdict


@dataclass(frozen=True)
class Bursts:
    """Statistics of error positions."""

    bits: int
    errors: int
    burst_lengths: tuple[int, ...]
    """Bursts of 1, 2, ... bits from the first error to the last, both counted."""
    burst_errors: tuple[int, ...]
    """Bursts with 1, 2, ... errors."""
    symbol_errors: tuple[int, ...]
    """Wrong symbols with 1, 2, ... wrong bits."""
    codewords: tuple[int, ...]
    """Whole codewords with 0, 1, ... wrong symbols."""

    @property
    def longest(self) -> int:
        """Bits of the longest burst; 0 without an error."""
        return len(self.burst_lengths)


def measure(
    errors: npt.ArrayLike, bits: int, *, gap: int = 10, symbol_bits: int = 10, symbols: int = 544
) -> Bursts:
    """Statistics of the positions of wrong bits among `bits`.

    Errors closer than `gap` bits belong to one burst. The stream is cut into codewords of `symbols`
    symbols of `symbol_bits` bits, from its first bit on; what is left over counts for bursts only.
    """
    at = np.unique(np.asarray(errors, np.int64))
    if len(at) and (at[0] < 0 or at[-1] >= bits):
        raise ValueError(f"errors at {at[0]} to {at[-1]}; allowed: 0 to {bits - 1}")
    for name, value in (("gap", gap), ("symbol_bits", symbol_bits), ("symbols", symbols)):
        if value < 1:
            raise ValueError(f"{name} = {value}; allowed: 1 or more")
    first = np.flatnonzero(np.diff(at, prepend=np.int64(-gap)) >= gap) if len(at) else at
    last = np.append(first[1:], len(at)) - 1 if len(at) else at
    whole = bits // (symbol_bits * symbols)
    wrong, weights = np.unique(at // symbol_bits, return_counts=True)
    inside = wrong < whole * symbols
    each = np.bincount(wrong[inside] // symbols, minlength=whole)[:whole]
    return Bursts(
        bits=bits,
        errors=len(at),
        burst_lengths=_counts(at[last] - at[first] + 1),
        burst_errors=_counts(last - first + 1),
        symbol_errors=_counts(weights[inside]),
        codewords=tuple(np.bincount(each).tolist()),
    )


def _counts(values: npt.NDArray[np.int64]) -> tuple[int, ...]:
    """How many are 1, 2, ..."""
    return tuple(np.bincount(values)[1:].tolist()) if len(values) else ()


def independence(codewords: Sequence[int], *, symbols: int = 544, beyond: int = 0) -> Independence:
    """Test codewords with 0, 1, ... wrong symbols against independent errors.

    `beyond` codewords have more wrong symbols than the histogram counts, as a decoder that could
    not correct them has. The symbol error rate is the likeliest one with them.
    """
    counts = np.asarray(codewords, np.int64)
    total = int(counts.sum()) + beyond
    if not total:
        raise ValueError("0 codewords; allowed: 1 or more")
    values = np.arange(len(counts))
    rate = _likeliest(counts, symbols, beyond)
    mean = rate * symbols
    dispersion = None
    if 0 < rate < 1 and not beyond:
        dispersion = float(counts @ (values - mean) ** 2) / (total * mean * (1 - rate))
    expected = total * np.append(
        stats.binom.pmf(values, symbols, rate), stats.binom.sf(len(counts) - 1, symbols, rate)
    )
    seen, model = _cells(np.append(counts, beyond), expected)
    degrees = len(seen) - 2
    if degrees < 1:  # nothing is left beside the rate, which is the histogram's own
        return Independence(total, rate, dispersion, None, 0, None, Verdict.TOO_FEW)
    chi_square = float(((seen - model) ** 2 / model).sum())
    p_value = float(stats.chi2.sf(chi_square, degrees))
    verdict = Verdict.INDEPENDENT
    if p_value < SIGNIFICANCE:
        # bursts leave more codewords with few errors, and more with many
        ends = seen[0] - model[0] + seen[-1] - model[-1]
        verdict = Verdict.BURSTY if ends > 0 else Verdict.EVEN
    return Independence(total, rate, dispersion, chi_square, degrees, p_value, verdict)


def _likeliest(counts: npt.NDArray[np.int64], symbols: int, beyond: int) -> float:
    """Symbol error rate at which independent errors are most likely to make these codewords."""
    values = np.arange(len(counts))
    if not beyond:
        return float(counts @ values) / (int(counts.sum()) * symbols)

    def unlikely(logarithm: float) -> float:
        rate = float(np.exp(logarithm))
        inside = counts @ stats.binom.logpmf(values, symbols, rate)
        return -float(inside + beyond * stats.binom.logsf(len(counts) - 1, symbols, rate))

    found: Any = optimize.minimize_scalar(
        unlikely, bounds=(np.log(1e-9), np.log(0.999)), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def _cells(seen: npt.NDArray[np.int64], expected: npt.NDArray[np.float64]):
    """Neighbouring counts together until each cell expects enough."""
    cells: list[list[float]] = [[0.0, 0.0]]
    for one, model in zip(seen.tolist(), expected.tolist(), strict=True):
        if cells[-1][1] >= LEAST_EXPECTED:
            cells.append([0.0, 0.0])
        cells[-1][0] += one
        cells[-1][1] += model
    if len(cells) > 1 and cells[-1][1] < LEAST_EXPECTED:
        tail = cells.pop()
        cells[-1][0] += tail[0]
        cells[-1][1] += tail[1]
    both = np.array(cells)
    return both[:, 0], both[:, 1]
