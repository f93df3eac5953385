"""Pseudo-random test patterns: generator and checker, any number of bits a clock.

Ref: ITU-T O.150 (PRBS9, 11, 15, 23, 31), IEEE Std 802.3-2022 clause 49.2.8 (PRBS31) and clause
120.5.11.2.1 (PRBS13Q). The sequences here are the plain, not inverted, ones: a bit is the xor of
the earlier bits that the polynomial names.
"""

from __future__ import annotations

import operator
from functools import reduce

from amaranth.hdl import Cat, Module, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.monitor import MAX_WIDTH, Monitor

__all__ = ["POLYNOMIALS", "Checker", "Generator", "Reference", "next_bits", "sequence"]

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

# The same sequence by exponents that lie close together: a multiple of the polynomial. Exponent 1
# would make each bit wait for the one before it.
_MULTIPLES = {13: (47, 35, 31, 30)}


def _check(width: int, order: int) -> None:
    if not 1 <= width <= MAX_WIDTH:
        raise ValueError(f"width is {width}; allowed: 1 to {MAX_WIDTH}")
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
    Where a multiple of the polynomial is used, the first bits are xors of the given history.
    """
    pieces = [Value.cast(history)]
    known = len(pieces[0])

    def window(start: int, stop: int) -> Value:
        """Bits of the pieces put together, naming only the pieces that they lie in."""
        parts, at = [], 0
        for piece in pieces:
            low, high = max(start - at, 0), min(stop - at, len(piece))
            if low < high:
                parts.append(piece[low:high])
            at += len(piece)
        return Cat(parts)

    exponents = _MULTIPLES.get(order, POLYNOMIALS[order])
    if exponents[0] > order:
        # Which bits of the history each bit is the xor of.
        masks = [1 << k for k in range(order)]
        count = min(exponents[0] - order, width)
        for _ in range(count):
            masks.append(reduce(operator.xor, (masks[-tap] for tap in POLYNOMIALS[order])))
        first = Signal(count, name="first")
        m.d.comb += first.eq(Cat((pieces[0] & mask).xor() for mask in masks[order:]))
        pieces.append(first)
        known += count
    scale = 1
    while known - order < width:
        while exponents[0] * scale * 2 <= known:
            scale *= 2
        taps = [tap * scale for tap in exponents]
        count = min(taps[-1], width - (known - order))
        block = Signal(count, name="block")
        terms = [window(known - tap, known - tap + count) for tap in taps]
        m.d.comb += block.eq(reduce(operator.xor, terms))
        pieces.append(block)
        known += count
    return window(order, order + width)


class Reference(wiring.Component):
    """Register of a sequence: the next word of it, by itself or after the line.

    Latency: `word` is combinational from the register.
    Reset: the register holds 1.

    Parameters
    ----------
    width : int
        Bits a word, 1 to 1024 (512 PAM4 symbols). Bit 0 is first in time.
    order : int
        Degree of the polynomial, a key of :data:`POLYNOMIALS`.

    Members
    -------
    word : Out(width)
        What comes after the bits in the register.
    advance : In(1)
        Take `word` as passed.
    load : In(1)
        Take `seed`, and forget how much of the line was followed; before all else.
    seed : In(order)
        Bits before the next word, the latest in the top bit; 0 is taken as 1.
    follow : In(1)
        Take `i` as passed; before `advance`.
    i : In(width)
        Received word.
    seeded : Out(1)
        All bits in the register are received ones, and not all are 0, which is no state of the
        sequence.

    Raises
    ------
    ValueError
        `width` or `order` out of range.
    """

    word: Signal
    advance: Signal
    load: Signal
    seed: Signal
    follow: Signal
    i: Signal
    seeded: Signal

    def __init__(self, *, width: int, order: int = 31) -> None:
        """See the class."""
        _check(width, order)
        self.width = width
        self.order = order
        super().__init__(
            {
                "word": Out(width),
                "advance": In(1),
                "load": In(1),
                "seed": In(order),
                "follow": In(1),
                "i": In(width),
                "seeded": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        state = Signal(self.order, init=1)
        words = -(-self.order // self.width)
        followed = Signal(range(words + 1))
        m.d.comb += [
            self.word.eq(next_bits(m, state, self.order, self.width)),
            self.seeded.eq((followed == words) & state.any()),
        ]
        with m.If(self.load):
            m.d.sync += [
                state.eq(Cat(self.seed[0] | ~self.seed.any(), self.seed[1:])),
                followed.eq(0),
            ]
        with m.Elif(self.follow):
            m.d.sync += state.eq(Cat(state, self.i)[self.width :])
            with m.If(followed != words):
                m.d.sync += followed.eq(followed + 1)
        with m.Elif(self.advance):
            m.d.sync += state.eq(Cat(state, self.word)[self.width :])
        return m


class Generator(wiring.Component):
    """Pseudo-random pattern generator.

    Latency: `o` is a register; it holds the first word after the seed one clock after `enable`.
    Throughput: one word a clock while `enable` is high, else `o` holds.
    Reset: `o` is 0 and the seed is 1.

    Parameters
    ----------
    width : int
        Bits a word, 1 to 1024. Bit 0 is first in time.
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
        m.submodules.reference = reference = Reference(width=self.width, order=self.order)
        m.d.comb += [
            reference.load.eq(self.load),
            reference.seed.eq(self.seed),
            reference.advance.eq(self.enable),
        ]
        with m.If(self.enable & ~self.load):
            m.d.sync += self.o.eq(reference.word ^ self.inject)
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
        Bits a word, 1 to 1024. Bit 0 is first in time.
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
        self.width = width
        self.order = order
        self._monitor = Monitor(
            width=width, verify_words=-(-max(64, order) // width), window_words=window_words
        )
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
        m.submodules.reference = reference = Reference(width=self.width, order=self.order)
        m.submodules.monitor = monitor = self._monitor
        m.d.comb += [
            reference.i.eq(self.i),
            reference.load.eq(monitor.restart),
            reference.follow.eq(monitor.follow),
            reference.advance.eq(1),
            monitor.i.eq(self.i),
            monitor.enable.eq(self.enable),
            monitor.freeze.eq(self.freeze),
            monitor.expected.eq(reference.word),
            monitor.seeded.eq(reference.seeded),
            self.locked.eq(monitor.locked),
            self.errors.eq(monitor.errors),
            self.valid.eq(monitor.valid),
        ]
        return m
