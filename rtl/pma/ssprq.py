"""Short stress pattern random quaternary (SSPRQ): 65535 PAM4 symbols made of pieces of PRBS31.

Three runs of inverted PRBS31 from fixed seeds, 32768 bits together, are sent twice, then twice
more without the first and the last bit of the 65536; the bits are Gray coded and in every second
repetition the symbols are turned around (3 minus the symbol).

On the line bits before Gray coding, which is where this module works, turning a symbol around
inverts the first bit of its pair. The bit dropped at the end of the third repetition lies in the
fourth's first symbol; since it equals the bit that PRBS31 has before the first run, the fourth
repetition begins with a run that is one bit longer. So the pattern is twelve runs of PRBS31, each
turned around or not as a whole, and no memory is needed.

Ref: IEEE Std 802.3-2022 clause 120.5.11.2.3 and table 120-2.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.gray import to_bits
from lightloom.rtl.pma.prbs import next_bits

__all__ = ["RUNS", "SYMBOLS", "Reference", "Run", "bits", "symbols"]

SYMBOLS = 65535
"""Symbols of the pattern before it repeats."""

_ORDER = 31
_SEEDS = (0x00000002, 0x34013FF7, 0x0CCCCCCC)


class Run(NamedTuple):
    """Bits of the pattern that one PRBS31 register makes."""

    seed: int
    """Which seed, 0 to 2."""
    skip: int
    """Bits left out after the seed; -1 where the bit before the first is sent too."""
    length: int
    """Bits sent."""
    turned: bool
    """Whether the symbols are turned around."""


RUNS = (
    *(Run(0, 0, 10924, False), Run(1, 0, 10922, False), Run(2, 0, 10922, False)),
    *(Run(0, 0, 10924, True), Run(1, 0, 10922, True), Run(2, 0, 10922, True)),
    *(Run(0, 1, 10923, False), Run(1, 0, 10922, False), Run(2, 0, 10921, False)),
    *(Run(0, -1, 10925, True), Run(1, 0, 10922, True), Run(2, 0, 10921, True)),
)
"""The twelve runs in order, 131070 bits."""

# The only 15 symbols of level 2 in a row follow the first bit of the last run: 30 line bits of 1.
_MARK = 15


@cache
def symbols() -> tuple[int, ...]:
    """Golden model: the levels of one period, built as the clause words it."""
    sequence: list[int] = []
    for seed, length in zip(_SEEDS, (10924, 10922, 10922), strict=True):
        # Stage S30 of the register is the oldest bit and the top one of the seed.
        line = [seed >> (_ORDER - 1 - k) & 1 for k in range(_ORDER)]
        for _ in range(length):
            line.append(line[-31] ^ line[-28])
        sequence += [1 - bit for bit in line[_ORDER:]]
    twice = sequence * 2
    line = twice + twice[1:-1]
    levels = [2 * a + (a ^ b) for a, b in zip(line[::2], line[1::2], strict=True)]
    for start, stop in ((16384, 32768), (49151, 65535)):
        levels[start:stop] = [3 - level for level in levels[start:stop]]
    return tuple(levels)


def bits() -> list[int]:
    """Golden model: the line bits of one period."""
    return to_bits(symbols())


def _around(seed: int, before: int) -> int:
    """Bits of PRBS31 from `before` bits before those of the seed to the one after; oldest first."""
    line = [_SEEDS[seed] >> (_ORDER - 1 - k) & 1 for k in range(_ORDER)]
    for _ in range(before):
        line.insert(0, line[30] ^ line[2])
    line.append(line[-31] ^ line[-28])
    return sum(bit << k for k, bit in enumerate(line))


class Reference(wiring.Component):
    """Next word of the pattern, by itself or from where the line is.

    A word that holds the end of a run is put together from the words of two PRBS31 registers: the
    old one, and one that was stepped back from the seed by the place in the word where the run
    begins. The stepping back is a table of every 32nd state and a shift.

    Following, it looks for the pattern's longest run of level 2, takes the 31 bits there as the
    state of the last run and goes on by itself; that is once a period, 65535 symbols.

    Latency: `word` is combinational from registers.
    Reset: the pattern's start.

    Parameters
    ----------
    width : int
        Line bits a word, an even number from 2 to 1024. Bit 0 is first in time; a symbol is a pair
        of bits, the low one first.

    Members
    -------
    word : Out(width)
        The next word of the pattern.
    advance : In(1)
        Take `word` as passed.
    load : In(1)
        Go to the pattern's start, and forget what the line showed; before all else.
    follow : In(1)
        `i` passes, look for the mark in it; once it was seen this is the same as `advance`.
    i : In(width)
        Received word.
    seeded : Out(1)
        The mark was seen since `load`.

    Raises
    ------
    ValueError
        `width` is odd or out of range.
    """

    word: Signal
    advance: Signal
    load: Signal
    follow: Signal
    i: Signal
    seeded: Signal

    def __init__(self, *, width: int) -> None:
        """See the class."""
        if width not in range(2, 1025, 2):
            raise ValueError(f"width is {width}; allowed: an even number from 2 to 1024")
        self.width = width
        super().__init__(
            {
                "word": Out(width),
                "advance": In(1),
                "load": In(1),
                "follow": In(1),
                "i": In(width),
                "seeded": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        width = self.width
        first_of_pair = sum(1 << k for k in range(0, width, 2))

        # The word to make: from `old`, and from bit `cut` on from `new` when the run ends in it.
        old = Signal(_ORDER)
        new = Signal(_ORDER, init=_around(0, 0) & ((1 << _ORDER) - 1))
        ends = Signal(init=1)
        cut = Signal(range(max(2, width)))
        turned_old = Signal()
        turned_new = Signal()
        # The word after it: its run and how many bits of that are left.
        run = Signal(range(len(RUNS)))
        left = Signal(range(max(r.length for r in RUNS) + 1), init=RUNS[0].length - width)

        old_word = Signal(width)
        new_word = Signal(width)
        from_new = Signal(width)
        turned = Signal(width)
        m.d.comb += [
            old_word.eq(next_bits(m, old, _ORDER, width)),
            new_word.eq(next_bits(m, new, _ORDER, width)),
            from_new.eq(Mux(ends, Const((1 << width) - 1) << cut, 0)),
            turned.eq(Mux(turned_old, ~from_new, 0) | Mux(turned_new, from_new, 0)),
            self.word.eq(
                ~((old_word & ~from_new) | (new_word & from_new)) ^ (turned & first_of_pair)
            ),
        ]

        # One word ahead: where the next run begins, and the register stepped back from there.
        following = Signal(range(len(RUNS)))
        ending = Signal()
        m.d.comb += [
            following.eq(Mux(run == len(RUNS) - 1, 0, run + 1)),
            ending.eq(left < width),
        ]
        state = self._start(m, following, left[: len(cut)])
        turns = Array([Const(r.turned, 1) for r in RUNS])[following]
        length = Array([Const(r.length, len(left)) for r in RUNS])[following]

        found = Signal()
        place = Signal(range(max(2, width // 2)))
        seen = self._find(m, found, place)

        with m.If(self.load):
            m.d.sync += [
                new.eq(new.init),
                ends.eq(1),
                cut.eq(0),
                turned_new.eq(0),
                run.eq(0),
                left.eq(left.init),
                self.seeded.eq(0),
            ]
        with m.Elif(self.follow & ~self.seeded & found):
            final = len(RUNS) - 1
            # A turned run: the second bits of pairs are those of inverted PRBS31.
            second_of_pair = sum(1 << k for k in range(0, _ORDER, 2))
            before = RUNS[final].length - 2 * _MARK - 1 + 2 - 2 * width
            m.d.sync += [
                self.seeded.eq(1),
                old.eq(seen ^ second_of_pair),
                ends.eq(0),
                turned_old.eq(1),
                run.eq(final),
                left.eq(before + (place << 1)),
            ]
        with m.Elif(Mux(self.follow, self.seeded, self.advance)):
            m.d.sync += [
                old.eq(Mux(ends, Cat(new, new_word)[width:], Cat(old, old_word)[width:])),
                turned_old.eq(Mux(ends, turned_new, turned_old)),
                ends.eq(ending),
            ]
            with m.If(ending):
                m.d.sync += [
                    new.eq(state),
                    cut.eq(left),
                    turned_new.eq(turns),
                    run.eq(following),
                    left.eq(left + length - width),
                ]
            with m.Else():
                m.d.sync += left.eq(left - width)
        return m

    def _start(self, m: Module, run: Signal, cut: Value) -> Value:
        """Register of `run` before a word in whose bit `cut` the run begins."""
        steps = Signal(range(self.width + 2))
        seed = Array([Const(r.seed, 2) for r in RUNS])[run]
        m.d.comb += steps.eq(cut + Array([Const(1 - r.skip, 2) for r in RUNS])[run])
        rows = (self.width + 1) // 32 + 1
        before = 32 * rows - 2
        wide = Signal(62)
        with m.Switch(Cat(seed, steps[5:])):
            for number in range(len(_SEEDS)):
                around = _around(number, before)
                for row in range(rows):
                    value = around >> (before - 30 - 32 * row) & ((1 << 62) - 1)
                    with m.Case(number | row << 2):
                        m.d.comb += wide.eq(value)
        fine = Signal(5)
        m.d.comb += fine.eq(~Cat(steps, Const(0, 5))[:5])
        return (wide >> fine)[:_ORDER]

    def _find(self, m: Module, found: Signal, place: Signal) -> Value:
        """Search the line for the mark; returns the newest bits of it.

        `place` is the symbol of the word that completes the mark.
        """
        line = Signal(2 * _MARK + self.width)
        tail = Signal(2 * _MARK)
        m.d.comb += line.eq(Cat(tail, self.i))
        with m.If(self.load):
            m.d.sync += tail.eq(0)
        with m.Elif(self.follow):
            m.d.sync += tail.eq(line[self.width :])
        # First bit of a pair: so many symbols of level 2 from that of two bits later on.
        ones = Signal(len(line) - 2, name="ones_1")
        firsts = sum(1 << k for k in range(0, len(ones), 2))
        m.d.comb += ones.eq(line[2:] & line[3:] & firsts)
        for shift, count in ((1, 2), (2, 4), (4, 8), (7, 15)):
            longer = Signal(len(ones), name=f"ones_{count}")
            m.d.comb += longer.eq(ones & ones >> 2 * shift)
            ones = longer
        hits = Signal(self.width)
        m.d.comb += [hits.eq(ones), found.eq(hits.any())]
        for k in range(len(place)):
            chosen = sum(1 << 2 * n for n in range(self.width // 2) if n >> k & 1)
            m.d.comb += place[k].eq((hits & chosen).any())
        return line[-_ORDER:]
