"""Widths and fixed-point formats of the receive lane, shared by the RTL and its golden models."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import ClassVar

__all__ = ["RxFormat"]


@dataclass(frozen=True, kw_only=True)
class RxFormat:
    """Number formats of a receive lane.

    Samples are integers of `sample_bits`. Equalized values, the feedback tap and the levels share
    one unit, a quarter of a sample step. FFE taps are in 1/64; the main tap is 1, without register.

    Parameters
    ----------
    width : int
        Symbols a word, 8 to 128.
    sample_bits : int
        Bits of a sample, 4 to 8.
    modulation : str
        ``"nrz"`` or ``"pam4"``.
    ffe_taps : int
        Taps with the main one, 1 to 16. Before the main one stand none (1 tap), 1 (up to 5),
        2 (up to 8) or 3; the others stand after it.
    dfe : bool
        One-tap decision feedback.
    observed : int
        Symbols of a word that the loops look at, a power of two, 4 to half the width; 0 takes 16
        or half the width, whichever is less.
    phase_steps : int
        Interpolator steps in a symbol: 32, 64 or 128.
    eye : bool
        The lane has an eye monitor.
    sets : int
        Coefficient sets that the lane can save, 0 to 16.

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    width: int = 64
    sample_bits: int = 6
    modulation: str = "nrz"
    ffe_taps: int = 3
    dfe: bool = True
    observed: int = 0
    phase_steps: int = 64
    eye: bool = False
    sets: int = 0

    FRACTION_BITS: ClassVar[int] = 2
    """Equalized values resolve 2**-2 of a sample step."""
    COEFFICIENT_FRACTION: ClassVar[int] = 6
    """FFE taps resolve 2**-6."""
    PHASE_FRACTION: ClassVar[int] = 16
    """Bits of the phase register below a phase step."""
    FREQUENCY_FRACTION: ClassVar[int] = 6
    """Bits of the frequency register below those of the phase register."""
    MAXIMUM_PPM: ClassVar[int] = 350
    """Largest rate offset the frequency register can hold."""
    AMPLITUDE_FRACTION: ClassVar[int] = 6
    """The mean magnitude of the samples is over 2**6 words."""
    ACQUIRE_SHIFT: ClassVar[int] = 6
    """Integral gain is the proportional one over 2**6 a word before lock."""
    TRACK_SHIFT: ClassVar[int] = 9
    """And over 2**9 in lock."""
    GAIN: ClassVar[tuple[int, ...]] = (8, 8, 6, 4, 3, 3, 2, 2)
    """Factor on the timing error for each eighth of full scale of the mean magnitude."""
    LOCK_WORDS: ClassVar[int] = 256
    """Words in a window of the lock detector."""
    RATIO_LOCK: ClassVar[int] = 86
    """PAM4: mean magnitude of a group of 64 timing errors, in eighths of the mean magnitude of the
    samples, that lock stays under.

    Lines in lock give 64 to 86, slipping ones and noise 90 to 160.
    """
    RATIO_LOSE: ClassVar[int] = 95
    """And that ends lock where the eye is closed."""
    SETTLE_WORDS: ClassVar[int] = 256
    """Words between two looks at the coefficients."""
    LEAK_WORDS: ClassVar[int] = 8
    """FFE tap registers leak by one unit every so many words."""
    LMS_TAP_FRACTION: ClassVar[int] = 8
    """Bits below 1/64 in the registers of the FFE taps."""
    TAP_LIMIT: ClassVar[int] = 32
    """FFE side taps are within plus or minus 32/64."""

    def __post_init__(self) -> None:
        """Check the ranges and resolve `observed`."""
        if not 8 <= self.width <= 128:
            raise ValueError(f"width is {self.width}; allowed: 8 to 128")
        if not 4 <= self.sample_bits <= 8:
            raise ValueError(f"sample_bits is {self.sample_bits}; allowed: 4 to 8")
        if self.modulation not in ("nrz", "pam4"):
            raise ValueError(f"modulation is {self.modulation}; allowed: nrz, pam4")
        if not 1 <= self.ffe_taps <= 16:
            raise ValueError(f"ffe_taps is {self.ffe_taps}; allowed: 1 to 16")
        if self.observed == 0:
            most = 32 if self.pam4 else 16
            object.__setattr__(self, "observed", min(most, 2 ** (int(log2(self.width)) - 1)))
        if self.observed not in [2**k for k in range(2, 7)] or self.observed > self.width // 2:
            raise ValueError(
                f"observed is {self.observed}; allowed: a power of two from 4 to {self.width // 2}"
            )
        if self.phase_steps not in (32, 64, 128):
            raise ValueError(f"phase_steps is {self.phase_steps}; allowed: 32, 64, 128")
        if not 0 <= self.sets <= 16:
            raise ValueError(f"sets is {self.sets}; allowed: 0 to 16")

    @property
    def pam4(self) -> bool:
        """Four levels."""
        return self.modulation == "pam4"

    @property
    def symbol_bits(self) -> int:
        """Bits of a symbol."""
        return 2 if self.pam4 else 1

    @property
    def levels(self) -> int:
        """Levels of the modulation."""
        return 4 if self.pam4 else 2

    @property
    def pre(self) -> int:
        """Taps before the main one."""
        return sum(self.ffe_taps > least for least in (1, 5, 8))

    @property
    def post(self) -> int:
        """Taps after the main one."""
        return self.ffe_taps - 1 - self.pre

    @property
    def offsets(self) -> tuple[int, ...]:
        """Delay in symbols of each side tap, in their order: the earliest sample's tap last."""
        return (*range(-self.pre, 0), *range(1, self.post + 1))

    @property
    def ffe_stages(self) -> int:
        """Clocks of the FFE: partial sums of four taps, and their sum where there are more."""
        return 2 if self.ffe_taps > 5 or (self.pam4 and self.ffe_taps > 1) else 1

    @property
    def equalizer_latency(self) -> int:
        """Clocks from a sample at the lane's port to its symbol, as the loops see it."""
        select = 3 + self.pam4 if self.dfe else 1
        return 2 + self.ffe_stages + select

    @property
    def decision_latency(self) -> int:
        """Clocks from a sample at the lane's port to its decision."""
        return self.equalizer_latency + self.pam4

    @property
    def loop_latency(self) -> int:
        """Clocks from a sample at the lane's port to the phase code it moves."""
        return self.equalizer_latency + 2

    @property
    def tap_bits(self) -> int:
        """Bits of an FFE side tap."""
        return self.COEFFICIENT_FRACTION + 1

    @property
    def dfe_limit(self) -> int:
        """Greatest magnitude of the feedback tap: the outer symbol feeds half of full scale."""
        return (2**self.sample_bits - 1) // (self.levels - 1)

    @property
    def dfe_bits(self) -> int:
        """Bits of the feedback tap, with sign."""
        return self.sample_bits + 1

    @property
    def level_limit(self) -> int:
        """Greatest magnitude of a level: full scale."""
        return 2 ** (self.sample_bits - 1 + self.FRACTION_BITS) - 1

    @property
    def level_bits(self) -> int:
        """Bits of a level, without sign."""
        return self.sample_bits - 1 + self.FRACTION_BITS

    @property
    def signal_threshold(self) -> int:
        """Mean magnitude that is a signal: an eighth of full scale."""
        return 1 << (self.sample_bits - 4)

    @property
    def level_start(self) -> int:
        """Level after reset: half of full scale."""
        return (self.level_limit + 1) // 2

    @property
    def levels_start(self) -> list[int]:
        """All levels after reset, from the lowest."""
        third = self.level_start // 3
        inner = [-third, third] if self.pam4 else []
        return [-self.level_start, *inner, self.level_start]

    @property
    def coefficient_bits(self) -> int:
        """Bits of a saved set: side taps, feedback tap, levels."""
        levels = 4 * (self.level_bits + 1) if self.pam4 else self.level_bits
        return (self.ffe_taps - 1) * self.tap_bits + self.dfe * self.dfe_bits + levels

    @property
    def value_bits(self) -> int:
        """Bits of an equalized value, wide enough for any samples and taps."""
        gain = 1 + (self.ffe_taps - 1) * self.TAP_LIMIT / 2**self.COEFFICIENT_FRACTION
        top = 2 ** (self.sample_bits - 1 + self.FRACTION_BITS) * gain
        return ceil(log2(top + 1)) + 1

    @property
    def proportional_shift(self) -> int:
        """Left shift of the timing error into the phase register (:attr:`PHASE_FRACTION`).

        The error grows with `observed` and the sample scale, and a symbol has `phase_steps` steps:
        the shift undoes both, so the loop has one bandwidth in symbols for every format.
        """
        observed = int(log2(self.observed)) + self.narrow
        scale = int(log2(self.phase_steps)) - observed - self.sample_bits
        return scale + 4 + self.PHASE_FRACTION - 8 - 2 * self.pam4

    @property
    def frequency_limit(self) -> int:
        """Bound of the frequency register: :attr:`MAXIMUM_PPM`, a little over the 300 to track."""
        steps = self.MAXIMUM_PPM * 1e-6 * self.width * self.phase_steps
        return int(steps * 2 ** (self.PHASE_FRACTION + self.FREQUENCY_FRACTION))

    @property
    def searching(self) -> bool:
        """Acquisition starts from several frequencies: one alone cannot pull in 200 ppm."""
        return self.pam4 or self.width > 64

    @property
    def search(self) -> tuple[int, ...]:
        """Starts of the frequency register: 0, 140 and 280 ppm either way."""
        near = 2 * self.frequency_limit // 5
        return (0, near, -near, 2 * near, -2 * near)

    @property
    def narrow(self) -> int:
        """PAM4: halvings of the observed symbols below 32, which loops and windows make up for."""
        return max(0, 5 - int(log2(self.observed))) if self.pam4 else 0

    @property
    def lock_words(self) -> int:
        """Words in a window of the lock detector."""
        return self.LOCK_WORDS << self.narrow

    @property
    def group_words(self) -> int:
        """PAM4: words over which timing errors are summed before their magnitude is taken."""
        return 64 // self.observed

    @property
    def acquire_shift(self) -> int:
        """Integral gain under the proportional one before lock, as a shift."""
        return self.ACQUIRE_SHIFT + self.narrow

    @property
    def track_shift(self) -> int:
        """And in lock."""
        return self.TRACK_SHIFT + self.narrow

    @property
    def ratio_shift(self) -> int:
        """Shift that makes :attr:`RATIO_LOCK` eighths of a group."""
        return 3 + int(log2(self.group_words))

    @property
    def lms_fraction(self) -> int:
        """Bits below a quarter step in the registers of level and feedback tap."""
        return 12 - self.sample_bits

    @property
    def spread_lock(self) -> int:
        """Mean magnitude of the timing error, amplitude normalized, that lock stays under.

        Noise gives up to 80 at a bit error rate of 1e-4 and 16 observed symbols of 6 bits; a
        slipping loop sweeps through the whole characteristic of the detector and gives 125 to 290.
        """
        return 7 * self.observed << self.sample_bits >> 6

    @property
    def spread_lose(self) -> int:
        """Mean magnitude of the timing error that ends lock by itself."""
        return 10 * self.observed << self.sample_bits >> 6

    @property
    def timing_bits(self) -> int:
        """Bits of the timing error, with sign: `observed` pairs of full-scale samples."""
        return self.sample_bits + int(log2(self.observed)) + 2 * self.symbol_bits

    @property
    def settle_tolerance(self) -> int:
        """Move of level or feedback tap between two looks that counts as settled."""
        return max(1, 1 << self.sample_bits >> 6)
