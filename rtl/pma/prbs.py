"""Pseudo-random test patterns: generator and checker, any number of bits a clock.

Ref: ITU-T O.150 (PRBS9, 11, 15, 23, 31), IEEE Std 802.3-2022 clause 49.2.8 (PRBS31) and clause
120.5.11 (PRBS13). The sequences here are the plain, not inverted, ones: a bit is the xor of the
earlier bits that the polynomial names.
"""

from __future__ import annotations

import operator
from functools import reduce

from amaranth.hdl import Cat, Module, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.popcount import popcount

__all__ = ["POLYNOMIALS", "Checker", "Generator", "next_bits", "sequence"]

POLYNOMIALS: dict[int, tuple[int, ...]] = {
    7: (7, 6),
    9: (9, 5),
    11: (11, 9),
    13: (13, 12, 2, 1),
    15: (15, 14),
    23: (23, 18),
    31: (31, 28),
}
"""Order to the exponents of its primitive polynomial, without the constant term."""


def _check(width: int, order: int) -> None:
    if not 1 <= width <= 512:
        raise ValueError(f"width is {width}; allowed: 1 to 512")
    if order not in POLYNOMIALS:
        raise ValueError(f"order is {order}; allowed: {sorted(POLYNOMIALS)}")


def sequence(order: int, length: int, seed: int = 1) -> list[int]:
    """Golden model: `length` bits that follow `seed`, whose top bit is the last one before them."""
    _check(1, order)
    bits = [seed >> k & 1 for k in range(order)]
    for _ in range(length):
        bits.append(reduce(operator.xor, (bits[-tap] for tap in POLYNOMIALS[order])))
    return bits[order:]


def next_bits(m: Module, history: ValueLike, order: int, width: int) -> Value:
    """Add to `m` the logic that continues a sequence; bit 0 of both vectors is first in time.

    A block of as many bits as the smallest exponent follows from vectors that exist already. Over
    GF(2) the squared polynomial annihilates the same sequence, so that exponents double, and
    blocks with them, each time that enough history exists: few wide xors and no single-bit ones.
    """
    known = Value.cast(history)
    scale = 1
    while len(known) - order < width:
        while order * scale * 2 <= len(known):
            scale *= 2
        taps = [tap * scale for tap in POLYNOMIALS[order]]
        count = min(taps[-1], width - (len(known) - order))
        block = Signal(count, name="block")
        end = len(known)
        terms = [known[end - tap : end - tap + count] for tap in taps]
        m.d.comb += block.eq(reduce(operator.xor, terms))
        known = Cat(known, block)
    return known[order : order + width]


class Generator(wiring.Component):
    """Pseudo-random pattern generator.

    Latency: `o` is a register; it holds the first word after the seed one clock after `enable`.
    Throughput: one word a clock while `enable` is high, else `o` holds.
    Reset: `o` is 0 and the seed is 1.

    Parameters
    ----------
    width : int
        Bits a word, 1 to 512. Bit 0 is first in time.
    order : int
        Degree of the polynomial, a key of :data:`POLYNOMIALS`.

    Members
    -------
    enable : In(1)
        Go to the next word.
    load : In(1)
        Take `seed` as the bits before the next word; has priority over `enable`.
    seed : In(order)
        Bits before the first word, the latest in the top bit; 0 is taken as 1.
    inject : In(1)
        Invert bit 0 of the word made in this clock: one error at the far checker.
    o : Out(width)
        The word.

    Raises
    ------
    ValueError
        `width` or `order` out of range.
    """

    enable: Signal
    load: Signal
    seed: Signal
    inject: Signal
    o: Signal

    def __init__(self, *, width: int, order: int = 31) -> None:
        """See the class."""
        _check(width, order)
        self.width = width
        self.order = order
        super().__init__(
            {
                "enable": In(1),
                "load": In(1),
                "seed": In(order),
                "inject": In(1),
                "o": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        state = Signal(self.order, init=1)
        word = Signal(self.width)
        m.d.comb += word.eq(next_bits(m, state, self.order, self.width))
        with m.If(self.load):
            m.d.sync += state.eq(Cat(self.seed[0] | ~self.seed.any(), self.seed[1:]))
        with m.Elif(self.enable):
            m.d.sync += [
                state.eq(Cat(state, word)[self.width :]),
                self.o.eq(word ^ self.inject),
            ]
        return m


class Checker(wiring.Component):
    """Pattern checker that seeds itself, verifies, then runs free.

    Once locked the expected pattern comes from the checker's own register, so that a line error
    counts once; a self-synchronising checker counts it once for every term of the polynomial.

    Unlocked, the last `order` received bits are the seed. When the next `verify_words` words agree
    with it in every bit the checker locks. It loses lock when more than a quarter of the bits of a
    window of `window_words` words are wrong: unrelated data have half of theirs wrong, while a link
    with a quarter wrong carries nothing. An all-zero seed is refused, so a dead line never locks.

    Latency: `errors` and `valid` follow their word by two clocks.
    Throughput: one word a clock.
    Reset: unlocked, `errors` 0.

    Parameters
    ----------
    width : int
        Bits a word, 1 to 512. Bit 0 is first in time.
    order : int
        Degree of the polynomial, a key of :data:`POLYNOMIALS`.
    window_words : int
        Words in a window for the loss of lock, a power of two, 2 to 1024.

    Members
    -------
    i : In(width)
        Received word.
    enable : In(1)
        Low keeps the checker unlocked and everything at 0.
    freeze : In(1)
        Keep the lock however many errors there are; the pattern goes on.
    locked : Out(1)
        The pattern is found.
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
    enable: Signal
    freeze: Signal
    locked: Signal
    errors: Signal
    valid: Signal

    def __init__(self, *, width: int, order: int = 31, window_words: int = 64) -> None:
        """See the class."""
        _check(width, order)
        if window_words not in [2**k for k in range(1, 11)]:
            raise ValueError(
                f"window_words is {window_words}; allowed: a power of two from 2 to 1024"
            )
        self.width = width
        self.order = order
        self.window_words = window_words
        self.verify_words = -(-max(64, order) // width)
        super().__init__(
            {
                "i": In(width),
                "enable": In(1),
                "freeze": In(1),
                "locked": Out(1),
                "errors": Out(range(width + 1)),
                "valid": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        seed_words = -(-self.order // self.width)
        state = Signal(self.order)
        expected = Signal(self.width)
        m.d.comb += expected.eq(next_bits(m, state, self.order, self.width))

        # Stage 1: difference to the pattern. The register follows the line until it is locked.
        difference = Signal(self.width)
        checked = Signal()
        wrong = Signal()
        steps = Signal(range(seed_words + self.verify_words + 1))
        lose = Signal()
        m.d.comb += wrong.eq((expected != self.i) | ~state.any())
        m.d.sync += [
            state.eq(Cat(state, self.i)[self.width :]),
            difference.eq(expected ^ self.i),
            checked.eq(self.locked & self.enable),
        ]
        with m.If(~self.enable | lose):
            m.d.sync += [self.locked.eq(0), steps.eq(0)]
        with m.Elif(self.locked):
            m.d.sync += state.eq(Cat(state, expected)[self.width :])
        with m.Elif(steps < seed_words):
            m.d.sync += steps.eq(steps + 1)
        with m.Elif(wrong):
            # The register already holds the received bits, of which the newest may be good ones.
            m.d.sync += steps.eq(0)
        with m.Else():
            m.d.sync += steps.eq(steps + 1)
            with m.If(steps == seed_words + self.verify_words - 1):
                m.d.sync += [
                    self.locked.eq(1),
                    state.eq(Cat(state, expected)[self.width :]),
                ]

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
