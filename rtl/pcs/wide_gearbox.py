"""Gearbox between words of any two widths, with realignment at the ends of groups.

Bit 0 of a word is first in time; word after word makes one bit stream. With groups, for example
codewords, a group begins in a new word on both sides, and the last word of a group holds only the
bits that are left of it.

Ref: IEEE Std 802.3-2022 clause 119.2.4 (blocks of 257 bits into messages of 514 symbols).
"""

from collections.abc import Iterable, Iterator

from amaranth import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["WideGearbox", "repack", "shift_down", "shift_up"]

_MOST = 1024


def _check(i_width: int, o_width: int, group: int | None) -> None:
    for name, width in (("i_width", i_width), ("o_width", o_width)):
        if not 1 <= width <= _MOST:
            raise ValueError(f"{name} = {width}; allowed: 1 to {_MOST}")
    least = max(i_width, o_width)
    if group is not None and group < least:
        raise ValueError(f"group = {group}; allowed: None or at least {least} bits")


def _last(width: int, group: int) -> int:
    """Bits in the last word of a group."""
    return (group - 1) % width + 1


def repack(
    words: Iterable[int], i_width: int, o_width: int, group: int | None = None
) -> Iterator[int]:
    """Golden model of `WideGearbox`: the words that leave for the words that enter."""
    bits = count = entered = left = 0
    for word in words:
        size = i_width if group is None else min(i_width, group - entered)
        entered = 0 if group is None else (entered + size) % group
        bits |= (word & (1 << size) - 1) << count
        count += size
        while True:
            size = o_width if group is None else min(o_width, group - left)
            if count < size:
                break
            left = 0 if group is None else (left + size) % group
            yield bits & (1 << size) - 1
            bits, count = bits >> size, count - size


def shift_up(m: Module, word: Value, amount: Value, unit_bits: int = 0) -> Value:
    """Add to `m` a shifter to higher bits by ``amount << unit_bits``, stages no wider than needed.

    An operator would make all stages as wide as the result.
    """
    for bit in range(len(amount)):
        step = 1 << bit + unit_bits
        stage = Signal(len(word) + step, name=f"up_{step}")
        m.d.comb += stage.eq(Mux(amount[bit], Cat(C(0, step), word), word))
        word = stage
    return word


def shift_down(m: Module, word: Value, amount: Value, width: int) -> Value:
    """Add to `m` a shifter to lower bits, the largest step first; the low `width` bits of it."""
    for bit in reversed(range(len(amount))):
        step = 1 << bit
        stage = Signal(width + step - 1, name=f"down_{step}")
        m.d.comb += stage.eq(Mux(amount[bit], word[step:], word))
        word = stage
    return word


class WideGearbox(wiring.Component):
    """Words of one width to words of another.

    A word leaves at the earliest one clock after the one that completes it; the bits that wait are
    registers and ``o`` comes from them. A word enters in every clock as long as the bits that wait
    are fewer than ``o_width`` without those that leave in the same clock, so that both sides can
    move in every clock; ``i.ready`` depends on ``o.ready``, never on ``i.valid``. With ``o.ready``
    high and ``i_width`` not above ``o_width``, ``i.ready`` is high in every clock. Nothing is lost
    or repeated under any pattern of ``i.valid`` and ``o.ready``. ``clear`` and reset empty it and
    begin a group.

    Parameters
    ----------
    i_width, o_width : int
        Bits of a word, 1 to 1024.
    group : int or None
        Bits of a group, at least one word of each side; None for a stream without groups.

    Members
    -------
    i : stream.Interface(i_width), in
        Words; above the bits that are left of the group nothing is read.
    o : stream.Interface(o_width), out
        Words; 0 above the bits that are left of the group.
    o_first : Signal(), out
        ``o`` begins a group; constant 0 without groups.
    clear : Signal(), in
        Empty the gearbox; what enters in the same clock is lost.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    i: stream.Interface
    o: stream.Interface
    o_first: Signal
    clear: Signal

    def __init__(self, *, i_width: int, o_width: int, group: int | None = None) -> None:
        """Check the parameters and declare the members."""
        _check(i_width, o_width, group)
        self.i_width = i_width
        self.o_width = o_width
        self.group = group
        super().__init__(
            {
                "i": In(stream.Signature(i_width)),
                "o": Out(stream.Signature(o_width)),
                "o_first": Out(1),
                "clear": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        i_last = o_last = None
        sizes = {self.i_width, self.o_width}
        if self.group is not None:
            i_last, o_last = _last(self.i_width, self.group), _last(self.o_width, self.group)
            sizes |= {i_last, o_last}
        # All sizes are multiples of a power of two, which leaves stages of the shifter out.
        unit_bits = min((size & -size).bit_length() - 1 for size in sizes)
        most = self.o_width + self.i_width - 1
        stock = Signal(most)  # bits above `count` units are zero
        count = Signal(range((most >> unit_bits) + 1))

        def position(width: int, moves: Signal, side: str) -> tuple[Value, Value]:
            """Flags of the first and of the last word of a group."""
            if self.group is None:
                return C(0, 1), C(0, 1)
            words = -(-self.group // width)
            index = Signal(range(words), name=f"{side}_index")
            last = Signal(name=f"{side}_last")
            m.d.comb += last.eq(index == words - 1)
            with m.If(self.clear):
                m.d.sync += index.eq(0)
            with m.Elif(moves):
                m.d.sync += index.eq(Mux(last, 0, index + 1))
            return index == 0, last

        take = Signal()
        put = Signal()
        _, at_i_last = position(self.i_width, put, "i")
        at_o_first, at_o_last = position(self.o_width, take, "o")
        m.d.comb += self.o_first.eq(at_o_first if self.group is not None else 0)

        def choose(last: Value, size: int | None, width: int) -> Value | int:
            if size is None or size == width:
                return width >> unit_bits
            return Mux(last, size >> unit_bits, width >> unit_bits)

        need = choose(at_o_last, o_last, self.o_width)
        size = choose(at_i_last, i_last, self.i_width)
        left = Signal(range((most >> unit_bits) + 1))
        kept = Signal(most)
        word = Signal(self.i_width)
        m.d.comb += [
            self.o.valid.eq(count >= need),
            take.eq(self.o.valid & self.o.ready),
            left.eq(Mux(take, count - need, count)),
            self.i.ready.eq(left < (self.o_width >> unit_bits)),
            put.eq(self.i.valid & self.i.ready),
            word.eq(self.i.payload),
            self.o.payload.eq(stock),
            kept.eq(Mux(take, stock[self.o_width :], stock)),
        ]
        if i_last is not None and i_last != self.i_width:
            with m.If(at_i_last):
                m.d.comb += word.eq(self.i.payload[:i_last])
        if o_last is not None and o_last != self.o_width:
            with m.If(at_o_last):
                m.d.comb += self.o.payload.eq(stock[:o_last])
                m.d.comb += kept.eq(Mux(take, stock[o_last:], stock))
        # `left` is below o_width when a word enters.
        shift = left[: ((self.o_width - 1) >> unit_bits).bit_length()]
        with m.If(self.clear):
            m.d.sync += [stock.eq(0), count.eq(0)]
        with m.Else():
            entering = shift_up(m, word & put.replicate(self.i_width), shift, unit_bits)
            m.d.sync += stock.eq(kept | entering)
            m.d.sync += count.eq(left + Mux(put, size, 0))
        return m
