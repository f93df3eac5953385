"""Reed-Solomon codes on a channel with independent bit errors, in closed form.

A codeword fails when more than `correctable` of its symbols are wrong. Bursts, as decision feedback
makes them, hit fewer symbols with more bits each: then fewer codewords have errors, and those that
have, more of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from lightloom.rtl.fec import codes
from lightloom.rtl.fec.network import BITS

Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Code:
    """A code over symbols of `bits` bits."""

    symbols: int
    """Of a codeword."""
    correctable: int
    bits: int = 10

    @property
    def codeword_bits(self) -> int:
        """Line bits of a codeword."""
        return self.symbols * self.bits

    def symbol_error_rate(self, ber: float) -> float:
        """Probability that a symbol has a wrong bit."""
        if not 0 <= ber <= 1:
            raise ValueError(f"ber = {ber:g}; allowed: 0 to 1")
        return float(-np.expm1(self.bits * np.log1p(-ber))) if ber < 1 else 1.0

    def bit_error_rate(self, symbol_error_rate: float) -> float:
        """Inverse of `symbol_error_rate`."""
        if not 0 <= symbol_error_rate <= 1:
            raise ValueError(f"symbol_error_rate = {symbol_error_rate:g}; allowed: 0 to 1")
        if symbol_error_rate == 1:
            return 1.0
        return float(-np.expm1(np.log1p(-symbol_error_rate) / self.bits))

    def codeword_error_rate(self, ber: float) -> float:
        """Probability that a codeword cannot be corrected."""
        rate = self.symbol_error_rate(ber)
        return float(stats.binom.sf(self.correctable, self.symbols, rate))

    def histogram(self, ber: float) -> Real:
        """Probability of 0, 1, ... `correctable` wrong symbols in a codeword."""
        counts = np.arange(self.correctable + 1)
        return np.asarray(stats.binom.pmf(counts, self.symbols, self.symbol_error_rate(ber)))

    def failed_bits(self, ber: float) -> float:
        """Mean wrong bits of a codeword that cannot be corrected."""
        rate = self.symbol_error_rate(ber)
        counts = np.arange(self.correctable + 1, self.symbols + 1)
        weights = stats.binom.pmf(counts, self.symbols, rate)
        if rate == 0 or not weights.sum():
            return float(self.correctable + 1)
        return float(counts @ weights / weights.sum()) * self.bits * ber / rate


CODES = {name: Code(code.n, code.t, BITS) for name, code in codes.CODES.items()}
"""Those of the RTL."""
