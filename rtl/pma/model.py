"""Golden model of a receive lane, bit for bit and clock for clock, in plain integers.

A call of :meth:`RxLaneModel.step` is one clock edge. The model is written from the difference
equations, symbol after symbol; it shares number formats with the RTL and nothing else.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lightloom.rtl.pma.formats import RxFormat

__all__ = ["CdrModel", "EqualizerModel", "LmsModel", "Observation", "RxLaneModel"]

Words = NDArray[np.int64]


def thresholds_of(levels: list[int]) -> list[int]:
    """Decision thresholds half way between neighbouring levels."""
    return [(low + high) >> 1 for low, high in itertools.pairwise(levels)]


@dataclass
class EqualizerModel:
    """FFE and decision feedback as one serial process over symbols."""

    config: RxFormat
    line: Words = field(init=False)
    _tail: Words = field(init=False)
    _middle: Words = field(init=False)
    _previous: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Start with silence on the line."""
        c = self.config
        self._tail = np.zeros(c.post, np.int64)
        self._middle = np.zeros(c.width, np.int64)
        self.line = np.zeros(c.post + c.width + c.pre, np.int64)

    def values(self, samples: Words, taps: list[int]) -> tuple[Words, Words]:
        """Equalize the word before `samples`; return its samples and its values."""
        c = self.config
        line = np.concatenate([self._tail, self._middle, samples[: c.pre]])
        total = line[c.post : c.post + c.width] << c.COEFFICIENT_FRACTION
        for offset, tap in zip(c.offsets, taps, strict=True):
            start = c.post - offset
            total = total + tap * line[start : start + c.width]
        shift = c.COEFFICIENT_FRACTION - c.FRACTION_BITS
        y = (total + (1 << (shift - 1))) >> shift
        x = self._middle
        self.line = line
        self._tail = line[c.width : c.width + c.post]
        self._middle = samples
        return x, y

    def decide(self, values: Words, dfe: int, thresholds: Sequence[int] = (0,)) -> Words:
        """Decide a word, one symbol after the other; 0 is the lowest level."""
        c = self.config
        top = c.levels - 1
        choices = []
        for before in range(top + 1):
            over = [values >= threshold + dfe * (2 * before - top) for threshold in thresholds]
            if c.pam4:
                choices.append(np.where(over[1], 2 + over[2], over[0]))
            else:
                choices.append(over[0])
        table = np.stack(choices, axis=1).astype(int).tolist()
        previous = self._previous
        result = []
        for row in table:
            previous = row[previous]
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
    level_moves: tuple[int, ...] = ()
    tap_agree: tuple[int, ...] = ()
    dfe_agree: int = 0


def observe(
    config: RxFormat,
    line: Words,
    y: Words,
    decisions: Words,
    dfe: int,
    levels: list[int],
    small: int,
    *,
    coarse: bool = False,
) -> Observation:
    """Look at one word: raw samples `line` with the neighbours, values `y` and decisions."""
    c = config
    top = c.levels - 1
    symbols = 2 * decisions - top
    now = np.arange(1, 1 + c.observed)
    x = line[c.post :]
    timed = np.where(symbols > 0, 2, -2) if coarse else symbols
    timing = x[now - 1] * timed[now] - x[now] * timed[now - 1]
    cleared = y[now] - dfe * symbols[now - 1]
    some = range(0, c.observed, c.observed // 4) if c.pam4 else [0]
    magnitude = sum(abs(int(x[k])) for k in some) // len(some)
    seen = Observation(timing=int(timing.sum()), magnitude=magnitude)
    if c.pam4:
        error = cleared - np.array(levels)[decisions[now]]
        rising = error >= 0
        seen.small = int((abs(error) >= (levels[3] - levels[0]) >> 3).sum())
        seen.level_moves = tuple(
            int((2 * rising - 1)[decisions[now] == level].sum()) for level in range(4)
        )
    else:
        margin = cleared * symbols[now]
        seen.small = int((margin < small).sum())
        above = margin >= levels[1]
        seen.above = int(above.sum())
        rising = above == (symbols[now] > 0)
    seen.dfe_agree = int((rising == (symbols[now - 1] > 0)).sum())
    signs = line >= 0
    seen.tap_agree = tuple(int((rising == signs[c.post + now - o]).sum()) for o in c.offsets)
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
    mass: int = field(default=0, init=False)
    group: int = field(default=0, init=False)
    dwell: int = field(default=0, init=False)
    search: int = field(default=0, init=False)
    again: bool = field(default=False, init=False)
    runs: int = field(default=0, init=False)
    locked: bool = field(default=False, init=False)
    open: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Take the amplitude of half scale."""
        self.amplitude = 1 << (self.config.sample_bits - 2 + self.config.AMPLITUDE_FRACTION)

    @property
    def magnitude(self) -> int:
        """Mean magnitude of the samples."""
        return self.amplitude >> self.config.AMPLITUDE_FRACTION

    @property
    def coarse(self) -> bool:
        """PAM4 whose eye is not open yet."""
        return self.config.pam4 and not self.open

    def step(self, seen: Observation, *, freeze: bool = False, coast: bool = False) -> None:
        """Take the observation of one word."""
        c = self.config
        self.again = False
        if coast:
            if not freeze:
                moved = self.phase + (self.frequency >> c.FREQUENCY_FRACTION)
                self.phase = moved % (1 << (12 + c.PHASE_FRACTION))
            self.amplitude += seen.magnitude - self.magnitude
            return
        eighths = self.magnitude >> (c.sample_bits - 4)
        factor = c.GAIN[min(eighths, 7)]
        error = seen.timing * factor
        if not freeze:
            moved = self.phase + (self.frequency >> c.FREQUENCY_FRACTION)
            moved -= error << c.proportional_shift + self.coarse
            self.phase = moved % (1 << (12 + c.PHASE_FRACTION))
            down = c.track_shift if self.locked else c.acquire_shift
            change = error << c.proportional_shift + self.coarse + c.FREQUENCY_FRACTION >> down
            limit = c.frequency_limit
            self.frequency = max(-limit, min(limit, self.frequency - change))
        self.small += seen.small
        if c.pam4:
            self.group += seen.timing
            if self.words % c.group_words == c.group_words - 1:
                self.spread += abs(self.group)
                self.group = 0
        else:
            self.spread += abs(error)
        self.mass += seen.magnitude
        self.words += 1
        if self.words == c.lock_words:
            # A search that ran into its bound went the wrong way: begin again in the middle.
            present = eighths > 0
            symbols = c.lock_words * c.observed
            calm = self.spread < c.lock_words * c.spread_lock
            wild = self.spread >= c.lock_words * c.spread_lose
            if c.pam4:
                calm = self.spread < self.mass * c.RATIO_LOCK >> c.ratio_shift
                wild = self.spread >= self.mass * c.RATIO_LOSE >> c.ratio_shift
                good = present and calm
                bad = not present or (wild and not self.open)
                clear = present and self.small < symbols // 8
                if self.small >= symbols * 5 // 32:
                    self.open = False
            else:
                clear = False
                good = present and calm and self.small < symbols // 16
                bad = not present or (not calm and self.small >= symbols // 32)
                bad |= self.small >= symbols // 8 or wild
            if not freeze:
                self._search(good or clear)
            against = bad if self.locked else good
            self.runs = self.runs + 1 if against else 0
            if self.runs == 2:
                self.locked = not self.locked
                self.open &= self.locked
                self.runs = 0
            if clear:
                # An eye that can be read is lock at once.
                self.locked = self.open = True
                self.runs = 0
            self.words = self.small = self.spread = self.mass = 0
        self.amplitude += seen.magnitude - self.magnitude

    def restore(self, frequency: int) -> None:
        """Take a saved frequency word and look for lock from there."""
        c = self.config
        self.frequency = frequency << c.FREQUENCY_FRACTION + c.PHASE_FRACTION - 12
        self.locked = self.open = False
        self.words = self.small = self.spread = self.mass = self.group = 0
        self.runs = self.dwell = 0

    def _search(self, good: bool) -> None:
        """Begin again elsewhere after a search that found nothing."""
        c = self.config
        if self.locked or good:
            self.dwell = 0
        elif c.searching:
            self.dwell += 1
            if self.dwell == 3:
                self.dwell = 0
                self.again = c.pam4
                self.search = (self.search + 1) % len(c.search)
                self.frequency = c.search[self.search]
        elif abs(self.frequency) == c.frequency_limit:
            # It went the wrong way: begin again in the middle.
            self.frequency = 0

    @property
    def code(self) -> int:
        """Phase code at the port."""
        return self.phase >> self.config.PHASE_FRACTION


@dataclass
class LmsModel:
    """Sign-sign adaptation of taps, feedback tap and levels."""

    config: RxFormat
    tap_registers: list[int] = field(init=False)
    dfe_register: int = field(default=0, init=False)
    level_registers: list[int] = field(init=False)
    blind: bool = field(default=True, init=False)
    words: int = field(default=0, init=False)
    snapshot: list[int] = field(init=False)
    runs: int = field(default=0, init=False)
    settled: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Start with side taps 0 and the levels of half scale."""
        c = self.config
        self.tap_registers = [0] * (c.ffe_taps - 1)
        start = c.levels_start if c.pam4 else c.levels_start[1:]
        self.level_registers = [value << c.lms_fraction for value in start]
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
    def levels(self) -> list[int]:
        """All levels from the lowest, in quarter steps."""
        values = [value >> self.config.lms_fraction for value in self.level_registers]
        return values if self.config.pam4 else [-values[0], values[0]]

    @property
    def level(self) -> int:
        """Half the distance of the outer levels in quarter steps."""
        return (self.levels[-1] - self.levels[0]) >> 1

    @property
    def readout(self) -> list[int]:
        """Levels, feedback tap and side taps."""
        levels = self.levels if self.config.pam4 else [self.level]
        return [*levels, self.dfe, *self.taps]

    def follow(self, amplitude: int) -> None:
        """Before the first adaptation of PAM4: take the levels of the mean magnitude."""
        c = self.config
        mean = amplitude >> c.AMPLITUDE_FRACTION - c.FRACTION_BITS
        outer = min(mean + (mean >> 1), c.level_limit)
        levels = [-outer, -(mean >> 1), mean >> 1, outer]
        self.level_registers = [value << c.lms_fraction for value in levels]

    @property
    def coefficients(self) -> list[int]:
        """A set to save: side taps, feedback tap, levels."""
        levels = self.levels if self.config.pam4 else [self.level]
        return [*self.taps, *([self.dfe] if self.config.dfe else []), *levels]

    def restore(self, coefficients: list[int]) -> None:
        """Take a saved set."""
        c = self.config
        number = c.ffe_taps - 1
        half = 1 << c.lms_fraction >> 1
        self.tap_registers = [
            (tap << c.LMS_TAP_FRACTION) + (1 << c.LMS_TAP_FRACTION >> 1)
            for tap in coefficients[:number]
        ]
        if c.dfe:
            self.dfe_register = (coefficients[number] << c.lms_fraction) + half
        levels = coefficients[number + c.dfe :]
        self.level_registers = [(level << c.lms_fraction) + half for level in levels]
        self.blind, self.words, self.runs, self.settled = False, 0, 2, True
        self.snapshot = self.readout

    def step(self, seen: Observation, *, freeze: bool = False, amplitude: int = 0) -> None:
        """Take the observation of one word."""
        c = self.config
        if freeze:
            if c.pam4 and self.blind:
                self.follow(amplitude)
            return
        before = self.readout
        self.blind = False
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
        if c.pam4:
            self.level_registers = [
                max(-limit, min(limit, register + move))
                for register, move in zip(self.level_registers, seen.level_moves, strict=True)
            ]
        else:
            moved = self.level_registers[0] + (2 * seen.above - c.observed)
            self.level_registers = [max(1 << c.lms_fraction, min(limit, moved))]
        self.words += 1
        if self.words == c.SETTLE_WORDS:
            self.words = 0
            moves = [abs(a - b) for a, b in zip(before, self.snapshot, strict=True)]
            wide = len(self.level_registers) + 1
            quiet = max(moves[:wide]) <= c.settle_tolerance and max([0, *moves[wide:]]) <= 1
            self.snapshot = before
            self.runs = min(self.runs + 1, 2) if quiet else 0
            self.settled = self.settled or self.runs == 2


@dataclass
class RxLaneModel:
    """A receive lane without its pattern checker, clock for clock; `symbols` are level numbers."""

    config: RxFormat
    freeze_cdr: bool = False
    freeze_eq: bool = False
    coast: bool = False
    cdr: CdrModel = field(init=False)
    lms: LmsModel = field(init=False)
    symbols: Words = field(init=False)

    def __post_init__(self) -> None:
        """Fill the pipeline with silence."""
        c = self.config
        self.cdr = CdrModel(c)
        self.lms = LmsModel(c)
        self._equalizer = EqualizerModel(c)
        zero = np.zeros(c.width, np.int64)
        line = np.zeros(c.width + c.pre + c.post, np.int64)
        self.symbols = zero
        self._samples = zero
        # Words between the registers of the values and of the symbols.
        compared = c.equalizer_latency - 3 - c.ffe_stages
        self._values: deque[tuple[Words, Words]] = deque([(line, zero)] * c.ffe_stages)
        self._waiting: deque[tuple[Words, Words]] = deque([(line, zero)] * compared)
        self._compared: deque[Words] = deque([zero] * compared)
        self._line = (line, zero)
        self._thresholds = thresholds_of(self.lms.levels)
        self._feedback = 0
        self._seen: Observation | None = None

    def save(self) -> tuple[list[int], int]:
        """Coefficients and frequency word."""
        c = self.config
        word = c.FREQUENCY_FRACTION + c.PHASE_FRACTION - 12
        return self.lms.coefficients, self.cdr.frequency >> word

    def load(self, saved: tuple[list[int], int]) -> None:
        """Take what :meth:`save` gave, after a step."""
        self.lms.restore(saved[0])
        self.cdr.restore(saved[1])

    @property
    def decisions(self) -> Words:
        """Bits of the newest word as they leave the equalizer, without the stage of PAM4."""
        if not self.config.pam4:
            return self.symbols
        return np.stack([self.symbols >> 1, (self.symbols >> 1) ^ (self.symbols & 1)], 1).ravel()

    def step(self, samples: Words) -> None:
        """Take the word at the port; afterwards the attributes show the registers."""
        c = self.config
        lms = self.lms
        seen = observe(
            c,
            *self._line,
            self.symbols,
            lms.dfe,
            lms.levels,
            self.cdr.magnitude,
            coarse=self.cdr.coarse,
        )
        taps, dfe, levels = lms.taps, lms.dfe, lms.levels
        if self._seen is not None:
            amplitude = self.cdr.amplitude
            frozen = self.freeze_eq or self.coast or not self.cdr.locked
            lms.step(self._seen, freeze=frozen, amplitude=amplitude)
            self.cdr.step(self._seen, freeze=self.freeze_cdr, coast=self.coast)
            if self.cdr.again and not lms.settled:
                # What was learned from decisions without timing is wrong.
                self.lms = LmsModel(c)
        self._seen = seen
        comparing = self._values.popleft()
        if c.pam4:
            decided = self._equalizer.decide(comparing[1], self._feedback, self._thresholds)
            # Thresholds are registered on their way to the comparators.
            self._thresholds, self._feedback = thresholds_of(levels), dfe
        else:
            decided = self._equalizer.decide(comparing[1], dfe)
        self._waiting.append(comparing)
        self._line = self._waiting.popleft()
        self._compared.append(decided)
        self.symbols = self._compared.popleft()
        _, y = self._equalizer.values(self._samples, taps)
        self._values.append((self._equalizer.line, y))
        self._samples = samples
