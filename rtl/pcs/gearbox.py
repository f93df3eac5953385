"""Gearboxes between 66-bit blocks and line words of any width.

Bit 0 of a block and of a word is first in time; block after block makes one bit stream. At a width
of 64 a block passes in 32 of 33 clocks. A word of 128 bits is longer than a block: there two blocks
pass together, as one item of 132 bits, the first in the low bits.

Ref: IEEE Std 802.3-2022 clause 49.2.5 and 49.2.9 (the bit order across the PMA service interface).
"""

from collections.abc import Iterable, Iterator
from math import gcd

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BLOCK", "RxGearbox", "TxGearbox", "blocks_together", "from_blocks", "to_blocks"]

BLOCK = 66


def _check_width(width: int) -> None:
    if width not in (8, 16, 32, 64, 128):
        raise ValueError(f"width = {width}; allowed: 8, 16, 32, 64, 128")


def blocks_together(width: int) -> int:
    """Blocks of an item that a gearbox for words of `width` bits moves: 1, at 128 bits 2."""
    return -(-width // BLOCK)


def from_blocks(blocks: Iterable[int], width: int) -> Iterator[int]:
    """Golden model of `TxGearbox`: words of `width` bits of the bit stream of 66-bit `blocks`."""
    bits, count = 0, 0
    for block in blocks:
        bits |= block << count
        count += BLOCK
        while count >= width:
            yield bits & ((1 << width) - 1)
            bits, count = bits >> width, count - width


def to_blocks(words: Iterable[int], width: int, skip: int = 0) -> Iterator[int]:
    """Golden model of `RxGearbox`: 66-bit blocks of the bit stream of `words` after `skip` bits."""
    bits, count = 0, -skip
    for word in words:
        bits |= word << count if count >= 0 else word >> -count
        count += width
        while count >= BLOCK:
            yield bits & ((1 << BLOCK) - 1)
            bits, count = bits >> BLOCK, count - BLOCK


class TxGearbox(wiring.Component):
    """Blocks to words, `blocks_together` at a time.

    Combinational from ``i`` to ``o``. ``o`` has a word in every clock as long as ``i`` has a block
    when one is asked for. ``i.ready`` depends on the fill and on ``o.ready`` only, never on
    ``i.valid``, so gearboxes reset together and read together ask for blocks together. Nothing is
    lost or repeated under any pattern of ``i.valid`` and ``o.ready``.

    Parameters
    ----------
    width : int
        Bits of a word: 8, 16, 32, 64 or 128.

    Members
    -------
    i : stream.Interface(66 * blocks_together(width)), in
        Blocks, sync header in bits 0 and 1 of each.
    o : stream.Interface(width), out
        Words.

    Raises
    ------
    ValueError
        ``width`` is not allowed.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, width: int) -> None:
        """Check the parameters and declare the members."""
        _check_width(width)
        self.width = width
        self.item = BLOCK * blocks_together(width)
        super().__init__({"i": In(stream.Signature(self.item)), "o": Out(stream.Signature(width))})

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        item, width = self.item, self.width
        # All quantities are multiples of `unit`: so at most width - unit bits wait when an item is
        # taken.
        unit = gcd(item, width)
        rest = Signal(item - unit)
        count = Signal(range(item - unit + 1))
        need = Signal()
        stock = Signal(item + width - unit)
        m.d.comb += need.eq(count < width)
        # Bits of `rest` above `count` are zero.
        m.d.comb += stock.eq(
            rest | (Mux(need, self.i.payload, 0) << count[: (width - 1).bit_length()])
        )
        m.d.comb += self.o.payload.eq(stock[:width])
        m.d.comb += self.o.valid.eq(~need | self.i.valid)
        m.d.comb += self.i.ready.eq(need & self.o.ready)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += rest.eq(stock[width:])
            m.d.sync += count.eq(Mux(need, count + (item - width), count - width))
        return m


class RxGearbox(wiring.Component):
    """Words to blocks, `blocks_together` at a time, with slip.

    ``o`` is registered: an item appears one clock after the word that completes it, and stays for
    one clock. There is no back-pressure. A pulse of ``slip`` leaves out the first bit of the next
    word used (this clock's, when ``i_valid`` is high), which moves the block boundary by one bit;
    66 slips come back to the same boundary. Which two blocks are an item at 128 bits is not looked
    for: `pair_order.PairOrder` puts that right.

    Parameters
    ----------
    width : int
        Bits of a word: 8, 16, 32, 64 or 128.

    Members
    -------
    i : Signal(width), in
        Word.
    i_valid : Signal(), in
        The word is used in this clock.
    slip : Signal(), in
        Leave out the first bit of the next word.
    o : Signal(66 * blocks_together(width)), out
        Blocks, valid with ``o_valid``.
    o_valid : Signal(), out
        They are present.

    Raises
    ------
    ValueError
        ``width`` is not allowed.
    """

    i: Signal
    i_valid: Signal
    slip: Signal
    o: Signal
    o_valid: Signal

    def __init__(self, *, width: int) -> None:
        """Check the parameters and declare the members."""
        _check_width(width)
        self.width = width
        self.item = BLOCK * blocks_together(width)
        super().__init__(
            {
                "i": In(width),
                "i_valid": In(1),
                "slip": In(1),
                "o": Out(self.item),
                "o_valid": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        item, width = self.item, self.width
        most = item - 1  # bits that wait
        rest = Signal(most)
        count = Signal(range(most + 1))
        stock = Signal(most + width)
        total = Signal(range(most + width + 1))
        full = Signal()
        waiting = Signal()  # a slip that found no word yet
        slip = Signal()
        m.d.comb += slip.eq(self.slip | waiting)
        m.d.sync += waiting.eq(slip & ~self.i_valid)
        word = Mux(slip, self.i >> 1, self.i)
        m.d.comb += stock.eq(rest | (word << count))
        m.d.comb += total.eq(count + width - slip)
        m.d.comb += full.eq(total >= item)
        m.d.sync += self.o_valid.eq(self.i_valid & full)
        with m.If(self.i_valid):
            with m.If(full):
                m.d.sync += self.o.eq(stock[:item])
                m.d.sync += rest.eq(stock[item:])
                m.d.sync += count.eq(total - item)
            with m.Else():
                m.d.sync += rest.eq(stock[:most])
                m.d.sync += count.eq(total)
        return m
