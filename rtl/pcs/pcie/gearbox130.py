"""Gearbox from 130-bit blocks to line words of any width up to 128.

Bit 0 of a block and of a word is first in time; block after block makes one bit stream.
"""

from collections.abc import Iterable, Iterator

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.pcie.ordered_sets import BLOCK

__all__ = ["TxGearbox130", "check_bits", "to_words"]


def check_bits(bits: int) -> None:
    """Raise ValueError when `bits` is not a width that a lane can have."""
    if not 8 <= bits <= 128:
        raise ValueError(f"bits = {bits}; allowed: 8 to 128")


def to_words(blocks: Iterable[tuple[int, int]], width: int) -> Iterator[int]:
    """Golden model: words of the bit stream of blocks (length in bits, value)."""
    bits, count = 0, 0
    for length, value in blocks:
        bits |= value << count
        count += length
        while count >= width:
            yield bits & ((1 << width) - 1)
            bits, count = bits >> width, count - width


class TxGearbox130(wiring.Component):
    """130-bit blocks to words.

    Combinational from ``i`` to ``o``. ``o`` has a word in every clock as long as ``i`` has a block
    when one is asked for. ``i.ready`` depends on the fill and on ``o.ready`` only, so gearboxes
    reset together and read together ask for blocks together. Nothing is lost or repeated under any
    pattern of ``i.valid`` and ``o.ready``.

    Parameters
    ----------
    bits : int
        Bits of a word: 8 to 128.

    Members
    -------
    i : stream.Interface(130), in
        Blocks, sync header in bits 0 and 1.
    o : stream.Interface(bits), out
        Words.

    Raises
    ------
    ValueError
        ``bits`` is out of range.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, bits: int) -> None:
        """Check the parameters and declare the members."""
        check_bits(bits)
        self.bits = bits
        super().__init__(
            {
                "i": In(stream.Signature(BLOCK)),
                "o": Out(stream.Signature(bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        bits = self.bits
        # Fewer than `bits` wait when a block is taken, so fewer than BLOCK are left after a word.
        rest = Signal(BLOCK - 1)  # bits above `count` are zero
        count = Signal(range(BLOCK))
        need = Signal()
        stock = Signal(BLOCK + bits - 1)
        m.d.comb += [
            need.eq(count < bits),
            stock.eq(rest | (Mux(need, self.i.payload, 0) << count[: (bits - 1).bit_length()])),
            self.o.payload.eq(stock[:bits]),
            self.o.valid.eq(~need | self.i.valid),
            self.i.ready.eq(need & self.o.ready),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += rest.eq(stock[bits:])
            m.d.sync += count.eq(Mux(need, count + (BLOCK - bits), count - bits))
        return m
