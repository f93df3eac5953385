"""Test and training patterns, one of several chosen at run time: source and check.

A pattern is a stream of line bits, before Gray coding and precoding. Those whose name ends in `q`
are for PAM4: the bits go in pairs to symbols.

========================  ===========================================================
`prbs7` ... `prbs31`      plain sequences of :data:`lightloom.rtl.pma.prbs.POLYNOMIALS`
`prbs13q`                 IEEE Std 802.3-2022 clause 120.5.11.2.1, bits of `prbs13`
`prbs31q`                 clause 120.5.11.2.2, inverted bits of `prbs31`
`ssprq`                   clause 120.5.11.2.3
========================  ===========================================================

The PRBS31 of clause 49.2.8 for NRZ is inverted too: `prbs31` with the lane's polarity turned.
Training uses the patterns of :data:`TRAINING`, each lane from a seed of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma import prbs, ssprq
from lightloom.rtl.pma.monitor import MAX_WIDTH, Monitor

__all__ = ["PATTERNS", "SEED_BITS", "TRAINING", "Check", "Source", "line_bits"]

SEED_BITS = 31
"""Width of a seed, that of the longest register."""

TRAINING = {"nrz": "prbs13", "pam4": "prbs13q"}
"""Pattern of link training by modulation."""


@dataclass(frozen=True)
class Pattern:
    """What makes the bits of a pattern."""

    order: int | None
    """Degree of the polynomial; SSPRQ has none."""
    inverted: bool = False
    """Whether the bits are sent inverted."""


PATTERNS = {
    **{f"prbs{order}": Pattern(order) for order in prbs.POLYNOMIALS},
    "prbs13q": Pattern(13),
    "prbs31q": Pattern(31, inverted=True),
    "ssprq": Pattern(None),
}
"""Patterns by name."""


def line_bits(name: str, length: int, seed: int = 1) -> list[int]:
    """Golden model: the first bits of a pattern; of SSPRQ from its start."""
    pattern = PATTERNS[name]
    if pattern.order is None:
        period = ssprq.bits()
        return (period * (length // len(period) + 1))[:length]
    seed = seed & ((1 << pattern.order) - 1) or 1
    return [bit ^ pattern.inverted for bit in prbs.sequence(pattern.order, length, seed)]


class _Bank:
    """References of several patterns, of which one runs."""

    def __init__(self, width: int, patterns: Sequence[str]) -> None:
        if not 1 <= width <= MAX_WIDTH:
            raise ValueError(f"width is {width}; allowed: 1 to {MAX_WIDTH}")
        unknown = [name for name in patterns if name not in PATTERNS]
        if unknown or not patterns:
            found = unknown[0] if unknown else "empty"
            raise ValueError(f"patterns is {found}; allowed: some of {', '.join(PATTERNS)}")
        if "ssprq" in patterns and width % 2:
            raise ValueError(f"width is {width}; allowed: an even number for ssprq")
        self.width = width
        self.patterns = tuple(PATTERNS[name] for name in patterns)
        self.select_bits = max(1, (len(patterns) - 1).bit_length())
        self.verify_bits = max(64, *(pattern.order or 0 for pattern in self.patterns))

    def build(
        self,
        m: Module,
        select: Signal,
        *,
        load: Value,
        advance: Value,
        follow: Value | None = None,
        seed: Value | None = None,
        i: Value | None = None,
    ) -> tuple[Signal, Signal]:
        """Add the references; those not chosen stay loaded. Returns the word and `seeded`."""
        word = Signal(self.width, name="pattern_word")
        seeded = Signal(name="pattern_seeded")
        for order in dict.fromkeys(pattern.order for pattern in self.patterns):
            if order is None:
                reference = ssprq.Reference(width=self.width)
                m.submodules.ssprq = reference
            else:
                reference = prbs.Reference(width=self.width, order=order)
                m.submodules[f"prbs{order}"] = reference
                if seed is not None:
                    m.d.comb += reference.seed.eq(seed[:order])
            chosen = Signal(name=f"chosen_{order}")
            inverted = Signal(name=f"inverted_{order}")
            m.d.comb += [
                reference.load.eq(load | ~chosen),
                reference.advance.eq(advance),
            ]
            if follow is not None:
                m.d.comb += reference.follow.eq(follow)
            if i is not None:
                m.d.comb += reference.i.eq(Mux(inverted, ~i, i))
            with m.Switch(select):
                for number, pattern in enumerate(self.patterns):
                    # A number too large is that of the last pattern.
                    final = number == len(self.patterns) - 1
                    with m.Default() if final else m.Case(number):
                        if pattern.order == order:
                            m.d.comb += [
                                chosen.eq(1),
                                inverted.eq(pattern.inverted),
                                word.eq(~reference.word if pattern.inverted else reference.word),
                                seeded.eq(reference.seeded),
                            ]
        return word, seeded


class Source(wiring.Component):
    """Source of the chosen pattern.

    Latency: `o` is a register; it holds the first word one clock after `enable`.
    Throughput: one word a clock while `enable` is high, else `o` holds.
    Reset: `o` is 0; every pattern is at its start, seed 1.

    Parameters
    ----------
    width : int
        Line bits a word, 1 to 1024 (512 PAM4 symbols); even with `ssprq`. Bit 0 is first in time.
    patterns : sequence of str
        Names in :data:`PATTERNS`, in the order of `select`.

    Members
    -------
    select : In(bits of the largest number, at least 1)
        Pattern by its number; a change begins the new one at its start.
    enable : In(1)
        Go to the next word.
    load : In(1)
        Go to the start, which for PRBS is `seed`; has priority over `enable`.
    seed : In(31)
        Bits before the first word, the latest in the highest bit that the pattern's order reaches;
        0 is taken as 1. SSPRQ has no seed.
    inject : In(1)
        Invert bit 0 of the word made in this clock: one error at the far checker.
    o : Out(width)
        The word.

    Raises
    ------
    ValueError
        `width` or `patterns` out of range.
    """

    select: Signal
    enable: Signal
    load: Signal
    seed: Signal
    inject: Signal
    o: Signal

    def __init__(self, *, width: int, patterns: Sequence[str] = ("prbs31",)) -> None:
        """See the class."""
        self._bank = _Bank(width, patterns)
        self.width = width
        self.patterns = tuple(patterns)
        super().__init__(
            {
                "select": In(self._bank.select_bits),
                "enable": In(1),
                "load": In(1),
                "seed": In(SEED_BITS),
                "inject": In(1),
                "o": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        word, _ = self._bank.build(
            m, self.select, load=self.load, advance=self.enable, seed=self.seed
        )
        with m.If(self.enable & ~self.load):
            m.d.sync += self.o.eq(word ^ self.inject)
        return m


class Check(wiring.Component):
    """Checker of the chosen pattern: finds its place by itself, then runs free.

    Once locked the expected pattern comes from the checker's own register, so that a line error
    counts once. PRBS is found from its last `order` bits at any place, SSPRQ at its longest run of
    one level, once in 65535 symbols; see :class:`lightloom.rtl.pma.monitor.Monitor` for lock and
    loss. A dead line, all 0 or all 1, never locks.

    Latency: `errors` and `valid` follow their word by two clocks.
    Throughput: one word a clock.
    Reset: unlocked, `errors` 0.

    Parameters
    ----------
    width : int
        Line bits a word, 1 to 1024 (512 PAM4 symbols); even with `ssprq`. Bit 0 is first in time.
    patterns : sequence of str
        Names in :data:`PATTERNS`, in the order of `select`.
    window_words : int
        Words in a window for the loss of lock, a power of two, 2 to 1024.

    Members
    -------
    i : In(width)
        Received word.
    select : In(bits of the largest number, at least 1)
        Pattern by its number; a change unlocks.
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
    select: Signal
    enable: Signal
    freeze: Signal
    locked: Signal
    errors: Signal
    valid: Signal

    def __init__(
        self, *, width: int, patterns: Sequence[str] = ("prbs31",), window_words: int = 64
    ) -> None:
        """See the class."""
        self._bank = _Bank(width, patterns)
        self._monitor = Monitor(
            width=width,
            verify_words=-(-self._bank.verify_bits // width),
            window_words=window_words,
        )
        self.width = width
        self.patterns = tuple(patterns)
        super().__init__(
            {
                "i": In(width),
                "select": In(self._bank.select_bits),
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
        m.submodules.monitor = monitor = self._monitor
        selected = Signal.like(self.select)
        m.d.sync += selected.eq(self.select)
        word, seeded = self._bank.build(
            m,
            selected,
            load=monitor.restart,
            advance=~monitor.follow,
            follow=monitor.follow,
            i=self.i,
        )
        m.d.comb += [
            monitor.i.eq(self.i),
            monitor.expected.eq(word),
            monitor.seeded.eq(seeded),
            monitor.enable.eq(self.enable & (selected == self.select)),
            monitor.freeze.eq(self.freeze),
            self.locked.eq(monitor.locked),
            self.errors.eq(monitor.errors),
            self.valid.eq(monitor.valid),
        ]
        return m
