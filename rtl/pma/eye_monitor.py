"""Eye monitor: a second slicer with an offset of its own, and a shift of the sampling phase."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.popcount import popcount

__all__ = ["EyeMonitor", "count"]


def count(
    values: Sequence[int],
    levels: Sequence[int],
    *,
    top: int,
    dfe: int,
    eye: int,
    offset: int,
) -> tuple[int, int]:
    """Golden model: hits and values above of one word.

    `levels` are the level numbers, one before the first of `values` and one for each of them; `top`
    is the highest number.
    """
    hits = above = 0
    for n, value in enumerate(values):
        over = value - dfe * (2 * levels[n] - top) >= offset
        above += over
        hits += over != (levels[n + 1] > eye)
    return hits, above


class EyeMonitor(wiring.Component):
    """Counts of equalized values about a movable threshold, at a movable phase.

    `hits` counts symbols that the second slicer, with its threshold at `offset`, puts on the other
    side than the lane's decision does. It is 0 at the lane's own threshold and becomes the
    tail of the distribution of values as the offset moves through the eye. `above` counts
    values at or above the offset; its differences over offsets are the density of values, which
    needs no right decision.

    The lane has one sample a symbol, so another phase can be seen only by sampling there:
    `phase` moves the lane's own phase code. At 0 the monitor does not disturb the lane. At any
    other the decisions are those of that phase, the loops stand still (`coast`), the clock
    goes on at the frequency it had, and drifts by the error of that: stay for some thousand
    words at most and return to 0 between. The code moves one step a word, so the clock never jumps.

    Latency: counting starts 3 clocks after `start`, or after the phase has arrived and
    ``SETTLE`` words have passed. Throughput: one word a clock, ``observed`` symbols each.
    Reset: idle, counts 0, no shift.

    Parameters
    ----------
    config : RxFormat
        Widths and number formats.

    Members
    -------
    decisions, low, observed_values : In
        From :class:`lightloom.rtl.pma.rx_equalizer.RxEqualizer`.
    dfe : In(signed(dfe_bits))
        Feedback tap.
    eye : In(2)
        PAM4: eye to compare with, 0 the lowest.
    offset : In(signed(value_bits))
        Threshold, quarter sample steps.
    phase : In(signed(8))
        Phase steps from the lane's phase; more is later.
    words : In(24)
        Words to count over; 0 counts none.
    start : In(1)
        Clear the counts and begin; begins again when busy. Offset, eye, phase and words have to
        stay until `busy` falls.
    busy : Out(1)
        Waiting or counting.
    hits, above : Out(32)
        Counts, complete when `busy` is low.
    shift : Out(signed(8))
        What is to be added to the phase code.
    coast : Out(1)
        The loops have to stand still.
    """

    decisions: Signal
    low: Signal
    observed_values: Signal
    dfe: Signal
    eye: Signal
    offset: Signal
    phase: Signal
    words: Signal
    start: Signal
    busy: Signal
    hits: Signal
    above: Signal
    shift: Signal
    coast: Signal

    SETTLE = 64
    """Words from the arrival of the phase to the first that counts: the way through the sampler and
    the equalizer is shorter."""

    def __init__(self, config: RxFormat) -> None:
        """See the class."""
        self.config = config
        super().__init__(
            {
                "decisions": In(config.width),
                "low": In(config.width),
                "observed_values": In(config.observed * config.value_bits),
                "dfe": In(signed(config.dfe_bits)),
                "eye": In(2),
                "offset": In(signed(config.value_bits)),
                "phase": In(signed(8)),
                "words": In(24),
                "start": In(1),
                "busy": Out(1),
                "hits": Out(32),
                "above": Out(32),
                "shift": Out(signed(8)),
                "coast": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build comparators, counters and the walk of the phase."""
        m = Module()
        c = self.config
        bits = c.value_bits
        high = self.decisions[: c.observed + 1]
        low = self.low[: c.observed + 1]

        # One bound for each earlier symbol, so a comparator a symbol is enough.
        bounds = []
        for before in range(c.levels):
            bound = Signal(signed(bits + 1), name=f"bound_{before}")
            fed = self.dfe * (2 * before - (c.levels - 1)) if c.dfe else 0
            m.d.sync += bound.eq(self.offset + fed)
            bounds.append(bound)
        table = Array(bounds)
        over = []
        for n in range(c.observed):
            value = self.observed_values[n * bits : (n + 1) * bits].as_signed()
            before = Cat(low[n], high[n]) if c.pam4 else high[n]
            over.append(value >= table[before])
        now, inner = high[1:], low[1:]
        decided: Value = now
        if c.pam4:
            lowest = self.eye == 0
            highest = self.eye == 2
            decided = Mux(lowest, now | inner, Mux(highest, now & inner, now))
        overs = Signal(c.observed)
        wrongs = Signal(c.observed)
        m.d.sync += [overs.eq(Cat(over)), wrongs.eq(Cat(over) ^ decided)]

        left = Signal(24)
        counting = Signal()
        rest = Signal(range(self.SETTLE))
        arrived = self.shift == self.phase
        ready = arrived & (rest == 0)
        m.d.comb += [
            self.coast.eq((self.shift != 0) | (rest != 0)),
            counting.eq((left != 0) & ready),
            self.busy.eq((left != 0) | self.start),
        ]
        with m.If(~arrived):
            m.d.sync += [
                rest.eq(self.SETTLE - 1),
                self.shift.eq(Mux(self.shift < self.phase, self.shift + 1, self.shift - 1)),
            ]
        with m.Elif(rest != 0):
            m.d.sync += rest.eq(rest - 1)

        # Comparison, count and sum are a clock each, so the first words after `start` are old.
        began = Signal(2)
        m.d.sync += began.eq(Cat(self.start, began[0]))
        wrong = popcount(m, wrongs, name="wrong_ones")
        higher = popcount(m, overs, name="over_ones")
        with m.If(self.start):
            m.d.sync += [left.eq(self.words), self.hits.eq(0), self.above.eq(0)]
        with m.Elif(counting & ~began.any()):
            m.d.sync += [
                left.eq(left - 1),
                self.hits.eq(self.hits + wrong),
                self.above.eq(self.above + higher),
            ]
        return m
