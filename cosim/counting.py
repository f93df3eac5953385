"""Bit errors counted behind the kernel, without RTL: random symbols, an ideal receiver, no loops.

The kernel carries random symbols of every lane; each lane is sampled at a phase that stands still,
equalized in floating point and decided, its own decisions fed back. The clocks of both sides are
equal, so that the phase stays where it is.

Errors come in clusters: runs by decision feedback, stretches in which the tracked baseline is off.
`Counted.dispersion` is how much more the counts of blocks scatter than those of independent errors
would; the interval is that of so many times fewer errors in so many times fewer bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lightloom.cosim import statistics
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.equalizer import Equalizer
from lightloom.cosim.importance import wrong_bits
from lightloom.cosim.kernel.binding import Kernel

Real = npt.NDArray[np.float64]
Levels = npt.NDArray[np.intp]

BLOCK_WORDS = 256
"""Words whose errors are one count."""
HELD_WORDS = 32
"""Words at a time through the kernel, which keeps a few more."""
SETTLE = 7.0
"""Time constants of the baseline tracker before the count."""
MOST_SYMBOLS = 1 << 25
"""Of a lane; they are held in memory."""


@dataclass(frozen=True)
class Receiver:
    """Phase and equalizer of a lane."""

    fraction_ui: float
    """Sampling instant after the start of a symbol."""
    equalizer: Equalizer


@dataclass(frozen=True)
class Counted:
    """Wrong bits of one lane or several, with their interval."""

    bits: int
    errors: int
    dispersion: float
    """Variance of the blocks' counts over their mean, 1 or more."""
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Errors over bits."""
        return self.errors / self.bits


def on_grid(c: Coefficients, direction: int, lane: int, fraction_ui: float) -> float:
    """The nearest instant at which a lane can sample: the interpolator moves in steps."""
    return _phase(c, direction, lane, fraction_ui) / c.phase_steps - float(
        c.delay_ui[direction, lane]
    )


def _phase(c: Coefficients, direction: int, lane: int, fraction_ui: float) -> int:
    steps = (fraction_ui + float(c.delay_ui[direction, lane])) * c.phase_steps
    return round(steps) % c.phase_steps


def summary(counts: Sequence[npt.NDArray[np.int64]], bits: int, confidence: float) -> Counted:
    """Total of blocks' counts, lane by lane, `bits` in each block."""
    total = int(sum(int(lane.sum()) for lane in counts))
    everything = bits * sum(len(lane) for lane in counts)
    degrees = sum(len(lane) - 1 for lane in counts)
    dispersion = 1.0
    if degrees and total:
        # Pearson's statistic of each lane about its own mean
        means = [lane.mean() for lane in counts]
        chi = sum(
            float(((lane - m) ** 2).sum()) / m for lane, m in zip(counts, means, strict=True) if m
        )
        dispersion = max(1.0, float(chi / degrees))
    low, high = statistics.clopper_pearson(
        round(total / dispersion), max(1, round(everything / dispersion)), confidence
    )
    return Counted(everything, total, dispersion, low, high)


def count(
    c: Coefficients,
    direction: int,
    receivers: Mapping[int, Receiver],
    *,
    tx_ffe: Sequence[float],
    symbols: int,
    heaters: Sequence[int] = (),
    precoding: bool = False,
    seed: int = 1,
    confidence: float = 0.95,
) -> tuple[Counted, dict[int, Counted]]:
    """Errors of all lanes of `receivers` together, and of each, in `symbols` of a lane or more.

    `heaters` are the switch's DAC codes, for the kernel's own chips. Sampling instants are those
    of `on_grid`. Raises `ValueError` when a lane's symbols are not found in what was sent.
    """
    if not 1 <= symbols <= MOST_SYMBOLS:
        raise ValueError(f"symbols = {symbols}; allowed: 1 to {MOST_SYMBOLS}")
    for lane, one in receivers.items():
        if one.equalizer.levels != c.levels:
            raise ValueError(
                f"lane {lane}: {len(one.equalizer.thresholds)} thresholds; allowed: {c.levels - 1}"
            )
    ui = float(c.ui_fs[direction])
    c = c.with_(rate_offset=np.zeros(2), ui_fs=np.full(2, ui), seed=seed)
    reach = max(len(r.equalizer.taps) for r in receivers.values()) - 1
    flight = int(c.delay_ui[direction].max()) // c.symbols + 4
    before = -(-(round(SETTLE / c.baseline_rate) + flight) // BLOCK_WORDS)
    blocks = -(-symbols // (BLOCK_WORDS * c.symbols))
    words = (before + blocks) * BLOCK_WORDS
    rng = np.random.default_rng(seed)
    sent = rng.integers(c.levels, size=(c.lanes, words * c.symbols), dtype=np.int8)
    phases = np.zeros(c.lanes, int)
    for lane, one in receivers.items():
        phases[lane] = _phase(c, direction, lane, one.fraction_ui)
    counts: dict[int, list[int]] = {lane: [] for lane in receivers}
    lanes = {lane: _Lane(c, direction, lane, one, precoding) for lane, one in receivers.items()}
    with Kernel(None, c) as kernel:
        if len(heaters):
            kernel.set_heaters(c.all_heaters(heaters), -1e15)
        tail = np.zeros((c.lanes, reach))
        for block in range(before + blocks):
            got = _block(kernel, c, direction, sent, block, phases, tx_ffe)
            samples = np.concatenate([tail, got], axis=1)
            tail = samples[:, samples.shape[1] - reach :]
            if block >= before:
                for lane, own in lanes.items():
                    counts[lane].append(own.errors(samples[lane], block, sent))
    bits = BLOCK_WORDS * c.symbols * int(np.log2(c.levels))
    each = {lane: summary([np.array(n)], bits, confidence) for lane, n in counts.items()}
    return summary([np.array(n) for n in counts.values()], bits, confidence), each


def _block(
    kernel: Kernel,
    c: Coefficients,
    direction: int,
    sent: npt.NDArray[np.int8],
    block: int,
    phases: npt.NDArray[np.int_],
    tx_ffe: Sequence[float],
) -> Real:
    """Samples `[lane, symbol]` of a block's words."""
    got = []
    for first in range(block * BLOCK_WORDS, (block + 1) * BLOCK_WORDS, HELD_WORDS):
        # a word more at either end, for the cursors of the transmitter's filter
        low, high = (first - 1) * c.symbols, (first + HELD_WORDS + 1) * c.symbols
        around = np.take(sent, np.arange(low, high), axis=1, mode="wrap")
        levels = around.astype(float) * 2 / (c.levels - 1) - 1
        kernel.transmit(direction, statistics.tx_codes(c, levels, tx_ffe)[1:-1])
        got.append(kernel.receive(1 - direction, HELD_WORDS, phases, volts=False).codes)
    return np.concatenate(got).transpose(1, 0, 2).reshape(c.lanes, -1).astype(np.float64)


class _Lane:
    """Decisions of one lane, block by block, against what was sent."""

    def __init__(
        self, c: Coefficients, direction: int, lane: int, receiver: Receiver, precoding: bool
    ) -> None:
        self._levels, self._e, self._precoding = c.levels, receiver.equalizer, precoding
        self._source = c.source_lane(direction, lane)
        self._lane = lane
        self._near = int(c.delay_ui[direction, lane]) + c.symbols
        self._symbols = c.symbols
        self._delay: int | None = None
        self._last: int | None = None
        """Last decision of the block before."""

    def errors(self, samples: Real, block: int, sent: npt.NDArray[np.int8]) -> int:
        """Wrong bits of a block, whose samples come behind as many of the last as it needs."""
        e = self._e
        size = BLOCK_WORDS * self._symbols
        value = np.convolve(samples, e.taps, "valid")[-size:]
        first = block * size - e.pre
        source = sent[self._source]
        if self._delay is None:
            self._delay = self._align(value, source, first)
        # one symbol more at the front, for what is fed back
        start = first - self._delay - 1
        want = source[start : start + size + 1].astype(np.intp)
        last = int(want[0]) if self._last is None else self._last
        decided = np.concatenate([[last], self._decide(value, last, want[1:])])
        self._last = int(decided[-1])
        if self._precoding:
            decided, want = ((x[1:] + x[:-1]) % self._levels for x in (decided, want))
            return int(wrong_bits(decided, want).sum())
        return int(wrong_bits(decided[1:], want[1:]).sum())

    def _align(self, value: Real, source: npt.NDArray[np.int8], first: int) -> int:
        """Whole symbols from sending to sampling: flight, a word of deserializer, filters."""
        centred = value - value.mean()
        scores = {
            delay: float(centred @ source[first - delay : first - delay + len(value)])
            for delay in range(self._near - 8, self._near + 24)
        }
        best = max(scores, key=lambda delay: scores[delay])
        spread = np.sqrt((centred @ centred) * len(value)) * float(np.std(source))
        if scores[best] < 0.5 * spread:
            raise ValueError(f"lane {self._lane}: its symbols are not those that were sent")
        return best

    def _decide(self, value: Real, last: int, want: Levels) -> Levels:
        """Levels decided, each with the one decided before it fed back."""
        limits = np.asarray(self._e.thresholds)
        before = np.concatenate([[last], want[:-1]])
        while True:
            # with right decisions fed back first; each pass makes the runs of wrong ones right
            fed_back = self._e.dfe * (2 * before / (self._levels - 1) - 1)
            decided = np.searchsorted(limits, value - fed_back, side="right")
            following = np.concatenate([[last], decided[:-1]])
            if not self._e.dfe or np.array_equal(following, before):
                return decided
            before = following
