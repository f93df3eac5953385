"""Widths and fixed-point formats of the receive lane, shared by the RTL and its golden models."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import ClassVar

__all__ = ["RxFormat"]


@dataclass(frozen=True, kw_only=True)
class RxFormat:
    """Number formats of a receive lane.

    Samples are integers of `sample_bits`. Equalized values, the feedback tap and the level share
    one unit, a quarter of a sample step. FFE taps are in 1/64; the main tap is 1 and has no register.

    Parameters
    ----------
    width : int
        Symbols a word, 8 to 128.
    sample_bits : int
        Bits of a sample, 4 to 8.
    ffe_taps : int
        Taps with the main one, 1 to 5: main; pre, main; pre, main, post; and so on.
    dfe : bool
        One-tap decision feedback.
    observed : int
        Symbols of a word that the loops look at, a power of two, 4 to half the width; 0 takes 16 or half the
        width, whichever is less.
    phase_steps : int
        Interpolator steps in a symbol: 32, 64 or 128.

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    width: int = 64
    sample_bits: int = 6
    ffe_taps: int = 3
    dfe: bool = True
    observed: int = 0
    phase_steps: int = 64

    DECISION_LATENCY: ClassVar[int] = 6
    """Clocks from a sample at the lane's port to its decision."""
    LOOP_LATENCY: ClassVar[int] = 8
    """Clocks from a sample at the lane's port to the phase code it moves."""
    FRACTION_BITS: ClassVar[int] = 2
    """Equalized values resolve 2**-2 of a sample step."""
    COEFFICIENT_FRACTION: ClassVar[int] = 6
    """FFE taps resolve 2**-6."""
    TAP_LIMIT: ClassVar[int] = 32
    """FFE side taps are within plus or minus 32/64."""

    def __post_init__(self) -> None:
        if not 8 <= self.width <= 128:
            raise ValueError(f"width is {self.width}; allowed: 8 to 128")
        if not 4 <= self.sample_bits <= 8:
            raise ValueError(f"sample_bits is {self.sample_bits}; allowed: 4 to 8")
        if not 1 <= self.ffe_taps <= 5:
            raise ValueError(f"ffe_taps is {self.ffe_taps}; allowed: 1 to 5")
        if self.observed == 0:
            object.__setattr__(self, "observed", min(16, 2 ** (int(log2(self.width)) - 1)))
        if self.observed not in [2**k for k in range(2, 7)] or self.observed > self.width // 2:
            raise ValueError(
                f"observed is {self.observed}; allowed: a power of two from 4 to {self.width // 2}"
            )
        if self.phase_steps not in (32, 64, 128):
            raise ValueError(f"phase_steps is {self.phase_steps}; allowed: 32, 64, 128")

    @property
    def pre(self) -> int:
        """Taps before the main one."""
        return 1 if self.ffe_taps > 1 else 0

    @property
    def post(self) -> int:
        """Taps after the main one."""
        return self.ffe_taps - 1 - self.pre

    @property
    def first(self) -> int:
        """First observed symbol of a word; far enough in that no loop needs the word before."""
        return max(1, self.post)

    @property
    def tap_bits(self) -> int:
        """Bits of an FFE side tap."""
        return self.COEFFICIENT_FRACTION + 1

    @property
    def dfe_limit(self) -> int:
        """Greatest magnitude of the feedback tap: half of full scale."""
        return 2**self.sample_bits - 1

    @property
    def dfe_bits(self) -> int:
        """Bits of the feedback tap, with sign."""
        return self.sample_bits + 1

    @property
    def level_limit(self) -> int:
        """Greatest level: full scale."""
        return 2 ** (self.sample_bits - 1 + self.FRACTION_BITS) - 1

    @property
    def level_bits(self) -> int:
        """Bits of the level, without sign."""
        return self.sample_bits - 1 + self.FRACTION_BITS

    @property
    def level_start(self) -> int:
        """Level after reset: half of full scale."""
        return (self.level_limit + 1) // 2

    @property
    def value_bits(self) -> int:
        """Bits of an equalized value, wide enough for any samples and taps."""
        gain = 1 + (self.ffe_taps - 1) * self.TAP_LIMIT / 2**self.COEFFICIENT_FRACTION
        top = 2 ** (self.sample_bits - 1 + self.FRACTION_BITS) * gain
        return ceil(log2(top + 1)) + 1
