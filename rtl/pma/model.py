"""Golden model of a receive lane, bit for bit and clock for clock, in plain integers.

A call of :meth:`RxLaneModel.step` is one clock edge. The model is written from the difference
equations, symbol after symbol; it shares number formats with the RTL and nothing else.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lightloom.rtl.pma.formats import RxFormat

__all__ = ["CdrModel", "EqualizerModel", "LmsModel", "Observation", "RxLaneModel"]

Words = NDArray[np.int64]


@dataclass
class EqualizerModel:
    """FFE and decision feedback as one serial process over symbols."""

    config: RxFormat
    _tail: Words = field(init=False)
    _middle: Words = field(init=False)
    _previous: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Start with silence on the line."""
        self._tail = np.zeros(self.config.post, np.int64)
        self._middle = np.zeros(self.config.width, np.int64)

    def values(self, samples: Words, taps: list[int]) -> tuple[Words, Words]:
        """Equalize the word before `samples`; return its samples and its values."""
        c = self.config
        line = np.concatenate([self._tail, self._middle, samples[: c.pre]])
        total = line[c.post : c.post + c.width] << c.COEFFICIENT_FRACTION
        for offset, tap in zip([-1, 1, 2, 3], taps, strict=False):
            start = c.post - offset
            total = total + tap * line[start : start + c.width]
        shift = c.COEFFICIENT_FRACTION - c.FRACTION_BITS
        y = (total + (1 << (shift - 1))) >> shift
        x = self._middle
        self._tail = np.concatenate([self._tail, x])[c.width :] if c.post else self._tail
        self._middle = samples
        return x, y

    def decide(self, values: Words, thresholds: int) -> Words:
        """Decide a word with feedback tap `thresholds`, one symbol after the other."""
        previous = self._previous
        result = []
        for value in values.tolist():
            previous = int(value - (thresholds if previous else -thresholds) >= 0)
            result.append(previous)
        self._previous = previous
        return np.array(result, np.int64)


@dataclass
class Observation:
    """What the loops see of one word."""

    timing: int = 0
    magnitude: int = 0
    small: int = 0
    above: int = 0
    tap_agree: tuple[int, ...] = ()
    dfe_agree: int = 0


def observe(
    config: RxFormat, x: Words, y: Words, decisions: Words, dfe: int, level: int, small: int
) -> Observation:
    """Look at one word: raw samples `x`, values `y` and decisions of the observed symbols."""
    c = config
    levels = 2 * decisions - 1
    seen = Observation(magnitude=abs(int(x[c.first])))
    offsets = [-1, 1, 2, 3][: c.ffe_taps - 1]
    agree = [0] * len(offsets)
    for n in range(c.first + 1, c.first + 1 + c.observed):
        now, before = int(levels[n]), int(levels[n - 1])
        seen.timing += int(x[n - 1]) * now - int(x[n]) * before
        margin = (int(y[n]) - dfe * before) * now
        seen.small += margin < small
        above = margin >= level
        seen.above += above
        rising = above == (now > 0)
        seen.dfe_agree += rising == (before > 0)
        for k, offset in enumerate(offsets):
            agree[k] += rising == (int(x[n - offset]) >= 0)
    seen.tap_agree = tuple(agree)
    return seen


@dataclass
class CdrModel:
    """Loop filter and lock detector."""

    config: RxFormat
    amplitude: int = field(init=False)
    frequency: int = field(default=0, init=False)
    phase: int = field(default=0, init=False)
    words: int = field(default=0, init=False)
    small: int = field(default=0, init=False)
    spread: int = field(default=0, init=False)
    runs: int = field(default=0, init=False)
    locked: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Take the amplitude of half scale."""
        self.amplitude = 1 << (self.config.sample_bits - 2 + self.config.AMPLITUDE_FRACTION)

    @property
    def magnitude(self) -> int:
        """Mean magnitude of the samples."""
        return self.amplitude >> self.config.AMPLITUDE_FRACTION

    def step(self, seen: Observation, *, freeze: bool = False) -> None:
        """Take the observation of one word."""
        c = self.config
        eighths = self.magnitude >> (c.sample_bits - 4)
        factor = c.GAIN[min(eighths, 7)]
        error = seen.timing * factor
        if not freeze:
            moved = self.phase + (self.frequency >> c.FREQUENCY_FRACTION)
            moved -= error << c.proportional_shift
            self.phase = moved % (1 << (12 + c.PHASE_FRACTION))
            down = c.TRACK_SHIFT if self.locked else c.ACQUIRE_SHIFT
            change = error << c.proportional_shift + c.FREQUENCY_FRACTION >> down
            limit = c.frequency_limit
            self.frequency = max(-limit, min(limit, self.frequency - change))
        self.small += seen.small
        self.spread += abs(error)
        self.words += 1
        if self.words == c.LOCK_WORDS:
            # A search that ran into its bound went the wrong way: begin again in the middle.
            if not self.locked and abs(self.frequency) == c.frequency_limit and not freeze:
                self.frequency = 0
            present = eighths > 0
            symbols = c.LOCK_WORDS * c.observed
            calm = self.spread < c.LOCK_WORDS * c.spread_lock
            good = present and calm and self.small < symbols // 16
            bad = not present or (not calm and self.small >= symbols // 32)
            bad |= self.small >= symbols // 8 or self.spread >= c.LOCK_WORDS * c.spread_lose
            against = bad if self.locked else good
            self.runs = self.runs + 1 if against else 0
            if self.runs == 2:
                self.locked = not self.locked
                self.runs = 0
            self.words = self.small = self.spread = 0
        self.amplitude += seen.magnitude - self.magnitude

    @property
    def code(self) -> int:
        """Phase code at the port."""
        return self.phase >> self.config.PHASE_FRACTION


@dataclass
class LmsModel:
    """Sign-sign adaptation of taps, feedback tap and level."""

    config: RxFormat
    tap_registers: list[int] = field(init=False)
    dfe_register: int = field(default=0, init=False)
    level_register: int = field(init=False)
    words: int = field(default=0, init=False)
    snapshot: list[int] = field(init=False)
    runs: int = field(default=0, init=False)
    settled: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Start with side taps 0 and the level at half scale."""
        c = self.config
        self.tap_registers = [0] * (c.ffe_taps - 1)
        self.level_register = c.level_start << c.lms_fraction
        self.snapshot = self.readout

    @property
    def taps(self) -> list[int]:
        """FFE side taps in 1/64."""
        return [value >> self.config.LMS_TAP_FRACTION for value in self.tap_registers]

    @property
    def dfe(self) -> int:
        """Feedback tap in quarter steps."""
        return self.dfe_register >> self.config.lms_fraction

    @property
    def level(self) -> int:
        """Level in quarter steps."""
        return self.level_register >> self.config.lms_fraction

    @property
    def readout(self) -> list[int]:
        """Level, feedback tap and side taps."""
        return [self.level, self.dfe, *self.taps]

    def step(self, seen: Observation, *, freeze: bool = False) -> None:
        """Take the observation of one word."""
        c = self.config
        if freeze:
            return
        before = self.readout
        for k, agree in enumerate(seen.tap_agree):
            leak = (self.tap_registers[k] > 0) - (self.tap_registers[k] < 0)
            leak *= self.words % c.LEAK_WORDS == 0
            moved = self.tap_registers[k] - (2 * agree - c.observed) - leak
            limit = c.TAP_LIMIT << c.LMS_TAP_FRACTION
            self.tap_registers[k] = max(-limit, min(limit - 1, moved))
        if c.dfe:
            limit = c.dfe_limit << c.lms_fraction
            moved = self.dfe_register + (2 * seen.dfe_agree - c.observed)
            self.dfe_register = max(-limit, min(limit, moved))
        limit = c.level_limit << c.lms_fraction
        moved = self.level_register + (2 * seen.above - c.observed)
        self.level_register = max(1 << c.lms_fraction, min(limit, moved))
        self.words += 1
        if self.words == c.SETTLE_WORDS:
            self.words = 0
            moves = [abs(a - b) for a, b in zip(before, self.snapshot, strict=True)]
            quiet = max(moves[:2]) <= c.settle_tolerance and max([0, *moves[2:]]) <= 1
            self.snapshot = before
            self.runs = min(self.runs + 1, 2) if quiet else 0
            self.settled = self.settled or self.runs == 2


@dataclass
class RxLaneModel:
    """A receive lane without its pattern checker, clock for clock."""

    config: RxFormat
    freeze_cdr: bool = False
    freeze_eq: bool = False
    cdr: CdrModel = field(init=False)
    lms: LmsModel = field(init=False)
    decisions: Words = field(init=False)

    def __post_init__(self) -> None:
        """Fill the pipeline with silence."""
        c = self.config
        self.cdr = CdrModel(c)
        self.lms = LmsModel(c)
        self._equalizer = EqualizerModel(c)
        zero = np.zeros(c.width, np.int64)
        self.decisions = zero
        self._samples = zero
        # Words between the registers of the values and of the decisions.
        self._values: deque[tuple[Words, Words]] = deque([(zero, zero)] * (3 if c.dfe else 1))
        self._compared: deque[Words] = deque([zero, zero] if c.dfe else [])
        self._line = (zero, zero)
        self._seen: Observation | None = None

    def step(self, samples: Words) -> None:
        """Take the word at the port; afterwards the attributes show the registers."""
        c = self.config
        seen = observe(
            c, *self._line, self.decisions, self.lms.dfe, self.lms.level, self.cdr.magnitude
        )
        taps, dfe = self.lms.taps, self.lms.dfe
        if self._seen is not None:
            self.lms.step(self._seen, freeze=self.freeze_eq or not self.cdr.locked)
            self.cdr.step(self._seen, freeze=self.freeze_cdr)
        self._seen = seen
        self._line = self._values.popleft()
        # The threshold acts in the stage after the values, on the oldest word but two.
        comparing = self._values[-1][1] if self._values else self._line[1]
        decided = self._equalizer.decide(comparing, dfe)
        self._compared.append(decided)
        self.decisions = self._compared.popleft()
        self._values.append(self._equalizer.values(self._samples, taps))
        self._samples = samples
