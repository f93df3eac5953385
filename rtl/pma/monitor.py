"""Comparison of a received pattern with a reference: lock, loss of lock and the count of errors."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.popcount import popcount

__all__ = ["MAX_WIDTH", "Monitor"]

MAX_WIDTH = 1024
"""Most bits a clock of a pattern: 512 PAM4 symbols."""


class Monitor(wiring.Component):
    """Finds out whether a reference is in step with the line, then counts what differs.

    Unlocked, the reference follows the line. As soon as it is `seeded` its words are compared; when
    `verify_words` in a row agree in every bit the monitor locks, at the first that does not the
    reference begins again. Locked, the reference runs free, so that a line error counts once. The
    lock is lost when more than a quarter of the bits of a window of `window_words` words are wrong:
    unrelated data have half of theirs wrong, while a link with a quarter wrong carries nothing.

    Latency: `errors` and `valid` follow their word by two clocks.
    Throughput: one word a clock.
    Reset: unlocked, `errors` 0.

    Parameters
    ----------
    width : int
        Bits a word, 1 to 1024.
    verify_words : int
        Words that must agree, at least 1.
    window_words : int
        Words in a window for the loss of lock, a power of two, 2 to 1024.

    Members
    -------
    i, expected : In(width)
        Received word and the word that the reference has for it.
    seeded : In(1)
        `expected` can be right.
    enable : In(1)
        Low keeps the monitor unlocked and everything at 0.
    freeze : In(1)
        Keep the lock however many errors there are; the pattern goes on.
    follow : Out(1)
        The reference is to take the word of this clock from the line.
    restart : Out(1)
        The reference is to forget what it took.
    locked : Out(1)
        The reference is in step.
    errors : Out(range(width + 1))
        Wrong bits of the word; 0 unless `valid`.
    valid : Out(1)
        `errors` belongs to a checked word: `width` bits to count.

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    i: Signal
    expected: Signal
    seeded: Signal
    enable: Signal
    freeze: Signal
    follow: Signal
    restart: Signal
    locked: Signal
    errors: Signal
    valid: Signal

    def __init__(self, *, width: int, verify_words: int, window_words: int = 64) -> None:
        """See the class."""
        if not 1 <= width <= MAX_WIDTH:
            raise ValueError(f"width is {width}; allowed: 1 to {MAX_WIDTH}")
        if verify_words < 1:
            raise ValueError(f"verify_words is {verify_words}; allowed: at least 1")
        if window_words not in [2**k for k in range(1, 11)]:
            raise ValueError(
                f"window_words is {window_words}; allowed: a power of two from 2 to 1024"
            )
        self.width = width
        self.verify_words = verify_words
        self.window_words = window_words
        super().__init__(
            {
                "i": In(width),
                "expected": In(width),
                "seeded": In(1),
                "enable": In(1),
                "freeze": In(1),
                "follow": Out(1),
                "restart": Out(1),
                "locked": Out(1),
                "errors": Out(range(width + 1)),
                "valid": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        # Stage 1: difference to the pattern, and the lock.
        difference = Signal(self.width)
        checked = Signal()
        agreed = Signal(range(self.verify_words))
        wrong = Signal()
        lose = Signal()
        last = Signal()
        m.d.comb += [
            wrong.eq(self.expected != self.i),
            last.eq(agreed == self.verify_words - 1),
            # The word that completes the lock is already the reference's own.
            self.follow.eq(~self.locked & ~(self.seeded & ~wrong & last)),
            self.restart.eq(~self.enable | lose | (~self.locked & self.seeded & wrong)),
        ]
        m.d.sync += [
            difference.eq(self.expected ^ self.i),
            checked.eq(self.locked & self.enable),
        ]
        with m.If(self.restart):
            m.d.sync += [self.locked.eq(0), agreed.eq(0)]
        with m.Elif(~self.locked & self.seeded):
            m.d.sync += [self.locked.eq(last), agreed.eq(agreed + 1)]

        # Stage 2: count.
        with m.If(checked & self.enable):
            m.d.sync += self.errors.eq(popcount(m, difference))
        with m.Else():
            m.d.sync += self.errors.eq(0)
        m.d.sync += self.valid.eq(checked & self.enable)

        # Window of the loss of lock.
        words = Signal(range(self.window_words))
        total = Signal(range(self.window_words * self.width + 1))
        limit = self.window_words * self.width // 4
        with m.If(~self.locked):
            m.d.sync += [words.eq(0), total.eq(0)]
        with m.Elif(self.valid):
            m.d.sync += [words.eq(words + 1), total.eq(total + self.errors)]
            with m.If(words == 0):
                m.d.sync += total.eq(self.errors)
        m.d.comb += lose.eq(self.locked & (total > limit) & ~self.freeze)
        return m
