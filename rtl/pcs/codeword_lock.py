"""Codeword lock: finds the groups of codewords of a lane by its alignment markers.

Ref: IEEE Std 802.3-2022 clause 91.5.3.1 and figure 91-8 (alignment marker lock by nibbles).
"""

from collections.abc import Sequence

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.fec_marker import NIBBLES, PATTERN, PATTERN_BITS
from lightloom.rtl.pcs.wide_gearbox import WideGearbox, shift_down
from lightloom.rtl.popcount import popcount

__all__ = [
    "BAD_TO_LOSE",
    "MOST_GROUPS",
    "WRONG_NIBBLES",
    "CodewordLock",
    "MarkerSearch",
    "is_marker",
    "search",
]

WRONG_NIBBLES = len(NIBBLES) // 4
"""Nibbles of a marker that may be wrong: a quarter, as 3 of 12 in clause 91."""
BAD_TO_LOSE = 4
"""Bad markers in a row that lose lock."""
MOST_GROUPS = 4096
"""Groups from a marker to the next at most."""

_WIDTHS = (8, 16, 32, 64, 128, 256)
_MARKER_END = NIBBLES[-1][0] + 4


def _check_bits(bits: int) -> None:
    if bits not in _WIDTHS:
        raise ValueError(f"bits = {bits}; allowed: {', '.join(map(str, _WIDTHS))}")


def search(stream: int, length: int, start: int = 0) -> int | None:
    """Golden model of `MarkerSearch`: first place at or after `start` where the pattern stands."""
    mask = (1 << PATTERN_BITS) - 1
    places = range(start, length - PATTERN_BITS + 1)
    return next((n for n in places if stream >> n & mask == PATTERN), None)


def is_marker(block: int) -> bool:
    """Golden model of the comparison of a marker, with its tolerance."""
    wrong: Sequence[int] = [n for n, value in NIBBLES if block >> n & 0xF != value]
    return len(wrong) <= WRONG_NIBBLES


class MarkerSearch(wiring.Component):
    """Compares the pattern of the marker at every bit offset.

    ``found`` and ``offset`` speak of the word `latency` words before the present one: the pattern
    began ``offset`` bits after the first of the 47 bits that stood before that word, and ended in
    it. They change with ``i_valid`` only. Should it stand at two places of one word, ``offset`` is
    meaningless.

    Parameters
    ----------
    bits : int
        Bits of a word: 8, 16, 32, 64, 128 or 256.

    Members
    -------
    i : Signal(bits), in
        Word, bit 0 first in time, used with ``i_valid``.
    i_valid : Signal(), in
        A word is present.
    found : Signal(), out
        The pattern is found.
    offset : Signal(range(bits)), out
        Where.

    Raises
    ------
    ValueError
        ``bits`` is not allowed.
    """

    i: Signal
    i_valid: Signal
    found: Signal
    offset: Signal

    latency = 3
    """Words from the one in which the pattern ends to the one with ``found``."""
    before = PATTERN_BITS - 1
    """Bits before a word in which a pattern that ends in it may begin."""

    def __init__(self, bits: int) -> None:
        """Check the parameter and declare the members."""
        _check_bits(bits)
        self.bits = bits
        super().__init__(
            {"i": In(bits), "i_valid": In(1), "found": Out(1), "offset": Out(range(bits))}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        bits = self.bits
        history = Signal(self.before)
        halves = [Signal(bits, name=f"half_{n}") for n in range(2)]
        match = Signal(bits)
        window = Cat(history, self.i)
        # Where each nibble of the pattern stands in the window; several nibbles are equal.
        nibbles = [PATTERN >> k & 0xF for k in range(0, PATTERN_BITS, 4)]
        stands: dict[int, Signal] = {}
        reach = len(window) - 3
        for nibble in nibbles:
            if nibble not in stands:
                bit = [w if nibble >> k & 1 else ~w
                       for k in range(4) for w in (window[k : k + reach],)]  # fmt: skip
                stands[nibble] = Signal(reach, name=f"nibble_{nibble:x}")
                m.d.comb += stands[nibble].eq(bit[0] & bit[1] & bit[2] & bit[3])
        equal = [stands[nibble][4 * k : 4 * k + bits] for k, nibble in enumerate(nibbles)]
        with m.If(self.i_valid):
            m.d.sync += history.eq(window[bits:])
            for half, terms in zip(halves, (equal[:6], equal[6:]), strict=True):
                total = terms[0]
                for term in terms[1:]:
                    total &= term
                m.d.sync += half.eq(total)
            m.d.sync += match.eq(halves[0] & halves[1])
            m.d.sync += self.found.eq(match.any())
            for bit in range(len(self.offset)):
                places = Cat(match[n] for n in range(bits) if n >> bit & 1)
                m.d.sync += self.offset[bit].eq(places.any())
        return m


class CodewordLock(wiring.Component):
    """Groups of codewords from line bits at any offset.

    Search: the pattern of a marker, without a wrong bit, is looked for at every bit; a marker is
    the first block of a group. The next groups leave at ``o``, and the first bits of each are
    compared with the marker, `WRONG_NIBBLES` wrong nibbles allowed. The first marker that comes
    gives lock: two in a distance of whole groups. That distance, up to `MOST_GROUPS` groups, is
    learnt, so that it need not be known; a marker that comes earlier shortens it. `BAD_TO_LOSE`
    places in a row with a bad marker lose lock, ``restart`` and low ``run`` at once; then the
    search starts again. Without a second marker in `MOST_GROUPS` groups too.

    Latency: a word of ``o`` appears `latency` clocks after the word of ``i`` with its last bit or,
    at some offsets, after the next one.
    ``locked`` and ``error`` change three clocks after the word of ``o`` with the last compared bit.
    Throughput: a word a clock, no back-pressure. Reset: not locked.

    Parameters
    ----------
    bits : int
        Line bits of a word: 8, 16, 32, 64, 128 or 256.
    o_width : int
        Bits of a word of ``o``, at least ``bits``; a multiple of 4, or at least 160.
    group : int
        Bits of a group: a multiple of ``o_width``, at least 47 and three words of ``i``.

    Members
    -------
    i : Signal(bits), in
        Word, bit 0 first in time, used with ``i_valid``.
    i_valid : Signal(), in
        A word is present.
    run : Signal(), in
        Search and lock; low gives up lock.
    restart : Signal(), in
        Give up lock and search again.
    o : Signal(o_width), out
        Bits of groups, with ``o_valid``; they leave before lock too.
    o_valid : Signal(), out
        A word is present.
    o_first : Signal(), out
        The first word of a group is present.
    aligned : Signal(), out
        A pattern was found and groups leave.
    locked : Signal(), out
        Lock.
    error : Signal(), out
        Pulse: a bad marker while locked.

    Raises
    ------
    ValueError
        A parameter is out of range.

    Ref: IEEE Std 802.3-2022 figure 91-8.
    """

    i: Signal
    i_valid: Signal
    run: Signal
    restart: Signal
    o: Signal
    o_valid: Signal
    o_first: Signal
    aligned: Signal
    locked: Signal
    error: Signal

    latency = 2
    """Clocks from a word of `i` to the word of `o` that it completes."""

    def __init__(self, *, bits: int, o_width: int, group: int) -> None:
        """Check the parameters and declare the members."""
        _check_bits(bits)
        if o_width < bits or (o_width % 4 and o_width < _MARKER_END):
            raise ValueError(
                f"o_width = {o_width}; allowed: at least {bits}, and a multiple of 4 or at least "
                f"{_MARKER_END}"
            )
        least = PATTERN_BITS - 1 + MarkerSearch.latency * bits
        if group % o_width or group < max(least, _MARKER_END):
            raise ValueError(
                f"group = {group}; allowed: a multiple of {o_width}, at least "
                f"{max(least, _MARKER_END)} bits"
            )
        self.bits = bits
        self.o_width = o_width
        self.group = group
        super().__init__(
            {
                "i": In(bits),
                "i_valid": In(1),
                "run": In(1),
                "restart": In(1),
                "o": Out(o_width),
                "o_valid": Out(1),
                "o_first": Out(1),
                "aligned": Out(1),
                "locked": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        bits = self.bits
        finder = m.submodules.finder = MarkerSearch(bits)
        gearbox = m.submodules.gearbox = WideGearbox(i_width=bits, o_width=self.o_width)
        give_up = Signal()
        lost = Signal()
        m.d.comb += give_up.eq(~self.run | self.restart | lost)

        # From the start of the present word to the next group after the pattern.
        distance = Signal(range(self.group + bits))
        m.d.comb += distance.eq(
            finder.offset + (self.group - finder.before - finder.latency * bits)
        )
        within = (bits - 1).bit_length()
        shift = Signal(within)
        wait = Signal(len(distance) - within)
        previous = Signal(bits)
        word = Signal(bits)
        word_valid = Signal()
        begin = Signal()
        turned = shift_down(m, Cat(previous, self.i), shift, bits)
        m.d.comb += [finder.i.eq(self.i), finder.i_valid.eq(self.i_valid)]
        with m.If(self.i_valid):
            m.d.sync += [previous.eq(self.i), word.eq(turned)]
        m.d.sync += word_valid.eq(self.i_valid & (self.aligned | begin) & ~give_up)
        with m.FSM():
            with m.State("SEARCH"), m.If(self.i_valid & finder.found & ~give_up):
                m.d.sync += Cat(shift, wait).eq(distance)
                m.next = "WAIT"
            with m.State("WAIT"):
                with m.If(give_up):
                    m.next = "SEARCH"
                with m.Elif(self.i_valid):
                    m.d.sync += wait.eq(wait - 1)
                    # The group began in the word before this one.
                    with m.If(wait == 0):
                        m.d.comb += begin.eq(1)
                        m.d.sync += self.aligned.eq(1)
                        m.next = "ALIGNED"
            with m.State("ALIGNED"), m.If(give_up):
                m.d.sync += self.aligned.eq(0)
                m.next = "SEARCH"

        words = self.group // self.o_width
        index = Signal(range(words))
        m.d.comb += [
            gearbox.i.payload.eq(word),
            gearbox.i.valid.eq(word_valid),
            gearbox.o.ready.eq(1),
            gearbox.clear.eq(~self.aligned),
            self.o.eq(gearbox.o.payload),
            self.o_valid.eq(gearbox.o.valid & self.aligned),
            self.o_first.eq(self.o_valid & (index == 0)),
        ]
        with m.If(~self.aligned):
            m.d.sync += index.eq(0)
        with m.Elif(self.o_valid):
            m.d.sync += index.eq(index + 1)
            with m.If(index == words - 1):
                m.d.sync += index.eq(0)

        checked = Signal()
        good = Signal()
        self._compare(m, index, checked, good)
        self._count(m, checked, good, lost)
        return m

    def _compare(self, m: Module, index: Signal, checked: Signal, good: Signal) -> None:
        """Compare the marker in as many words as it takes: `checked` and `good` once a group."""
        width = self.o_width
        parts = [
            [(at - start, value) for at, value in NIBBLES if start <= at < start + width]
            for start in range(0, _MARKER_END, width)
        ]
        mismatch = Signal(max(map(len, parts)))
        first = Signal()
        last = Signal()
        m.d.sync += [mismatch.eq(0), first.eq(self.o_first)]
        m.d.sync += last.eq(self.o_valid & (index == len(parts) - 1))
        with m.If(self.o_valid), m.Switch(index):
            for n, part in enumerate(parts):
                with m.Case(n):
                    m.d.sync += mismatch.eq(
                        Cat(self.o[at : at + 4] != value for at, value in part)
                    )
        wrong = Signal(range(len(NIBBLES) + 1))
        total = Signal(range(len(NIBBLES) + 1))
        m.d.comb += total.eq(wrong + popcount(m, mismatch, "wrong_nibbles"))
        m.d.sync += wrong.eq(total)
        with m.If(first):
            m.d.comb += total.eq(popcount(m, mismatch, "wrong_nibbles_first"))
        m.d.sync += [checked.eq(last & self.aligned), good.eq(total <= WRONG_NIBBLES)]

    def _count(self, m: Module, checked: Signal, good: Signal, lost: Signal) -> None:
        """Learn the distance of markers and judge those at their places."""
        distance = Signal(range(MOST_GROUPS))
        groups = Signal(range(MOST_GROUPS + 1), init=1)  # from the last place to this group
        misses = Signal(range(BAD_TO_LOSE))
        m.d.sync += self.error.eq(0)
        with m.If(~self.aligned):
            m.d.sync += [self.locked.eq(0), groups.eq(1), misses.eq(0)]
        with m.Elif(checked):
            m.d.sync += groups.eq(groups + 1)
            with m.If(good):
                m.d.sync += [self.locked.eq(1), distance.eq(groups), groups.eq(1), misses.eq(0)]
            with m.Elif(self.locked & (groups == distance)):
                m.d.sync += [self.error.eq(1), groups.eq(1), misses.eq(misses + 1)]
                m.d.comb += lost.eq(misses == BAD_TO_LOSE - 1)
            with m.Elif(groups == MOST_GROUPS - 1):
                m.d.comb += lost.eq(1)
        with m.If(lost | ~self.run | self.restart):
            m.d.sync += self.locked.eq(0)
