"""Elastic buffer of one lane that adds and removes SKP symbols."""

from collections.abc import Iterable

from amaranth import C, Cat, Module, Mux, Signal
from amaranth.lib import data, fifo, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.pcie.ordered_sets import HEADER_SET, ID_SKP, SKP_END

__all__ = ["LONGEST", "SkpBuffer", "most_words", "symbols", "without_length"]

LONGEST = 5
"""Words of SKP symbols in the longest set; a word with the end symbol comes after them."""
_SKIPS = ID_SKP * 0x01_01_01_01
_DEPTH = 16
_START = 4
_REMOVE = 12
_ADD = 3

symbols = data.StructLayout({"data": 32, "header": 2, "start": 1})
"""Four symbols, the first in the low bits; `start`: the first word of a block, with its header."""


def most_words(ppm: float) -> float:
    """Words from one SKP set to the next, at most, for rates that differ by `ppm`."""
    return 1e6 / ppm


def without_length(words: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Golden model: words (data, header, start) without those that the buffer may add or remove."""
    out, in_set = [], False
    for word in words:
        value, header, start = word
        if start:
            in_set = header == HEADER_SET and value & 0xFF == ID_SKP
        if start or not in_set or value != _SKIPS:
            out.append(word)
    return out


class SkpBuffer(wiring.Component):
    """Asynchronous FIFO of four-symbol words, as a 32-bit PIPE carries them.

    Domains ``rx`` (write) and ``sync`` (read). A SKP ordered set is a whole number of words. When
    the writer counts 12 words or more in the buffer, one word of four SKP symbols of a set is not
    written; when the reader counts 3 or fewer, one is read that was not written, before the set's
    end symbol, unless the set has 24 symbols. One word a set at most: no loss and no gap as long as
    sets that can shrink or grow are no further apart than `most_words` of the difference in rate,
    1666 words (416 blocks) at 600 ppm, which is 300 ppm at each end.

    Latency: reading starts when the reader counts 4 words. Each side sees the other's pointer late,
    so the writer counts up to 4 words more than the reader. Bound for a proof: where words written
    and read from one set to the next differ by one at most, the reader never counts fewer than 2
    words from then on and the writer never more than 13.

    Members
    -------
    i : Signal(symbols), in
        Word, ``rx``; taken with ``i_valid``.
    i_valid : Signal(), in
        A word is present.
    run : Signal(), in
        A word is wanted, ``sync``.
    o : Signal(symbols), out
        Word, ``sync``; used in a ``run`` clock with ``o_valid``.
    o_valid : Signal(), out
        A word is present.
    removed, overflow : Signal(), out
        Pulses in ``rx``: four symbols left out; a word lost.
    added, underflow : Signal(), out
        Pulses in ``sync``: four symbols more; a word wanted that is not there.

    Ref: PCI Express Base Specification 5.0 section 4.2.7.
    """

    i: data.View
    i_valid: Signal
    run: Signal
    o: data.View
    o_valid: Signal
    removed: Signal
    overflow: Signal
    added: Signal
    underflow: Signal

    def __init__(self) -> None:
        """Declare the members."""
        super().__init__(
            {
                "i": In(symbols),
                "i_valid": In(1),
                "run": In(1),
                "o": Out(symbols),
                "o_valid": Out(1),
                "removed": Out(1),
                "overflow": Out(1),
                "added": Out(1),
                "underflow": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        store = m.submodules.store = fifo.AsyncFIFO(
            width=symbols.size, depth=_DEPTH, w_domain="rx", r_domain="sync"
        )
        # rx: a set has begun and may lose a word.
        may_remove = Signal()
        begins = (self.i.header == HEADER_SET) & (self.i.data[:8] == ID_SKP)
        m.d.comb += [
            store.w_data.eq(self.i),
            self.removed.eq(
                self.i_valid
                & ~self.i.start
                & may_remove
                & (self.i.data == _SKIPS)
                & (store.w_level >= _REMOVE)
            ),
            store.w_en.eq(self.i_valid & ~self.removed),
            self.overflow.eq(store.w_en & ~store.w_rdy),
        ]
        with m.If(self.i_valid):
            m.d.rx += may_remove.eq(Mux(self.i.start, begins, may_remove & ~self.removed))

        # sync: words of SKP symbols read in this set, 0 outside sets.
        head = Signal(symbols)
        started = Signal()
        count = Signal(range(LONGEST + 1))
        done = Signal()
        heads = (head.header == HEADER_SET) & (head.data[:8] == ID_SKP)
        m.d.comb += [
            head.eq(store.r_data),
            self.o_valid.eq(store.r_rdy & started),
            self.added.eq(
                self.run
                & self.o_valid
                & (count != 0)
                & (count != LONGEST)
                & ~done
                & ~head.start
                & (head.data[:8] == SKP_END)
                & (store.r_level <= _ADD)
            ),
            self.underflow.eq(self.run & started & ~store.r_rdy),
            self.o.eq(Mux(self.added, Cat(C(_SKIPS, 32), head.header, C(0, 1)), head)),
            store.r_en.eq(self.run & self.o_valid & ~self.added),
        ]
        with m.If(store.r_level >= _START):
            m.d.sync += started.eq(1)
        with m.If(self.added):
            m.d.sync += done.eq(1)
        with m.Elif(store.r_en):
            with m.If(head.start):
                m.d.sync += [count.eq(heads), done.eq(0)]
            with m.Elif(head.data != _SKIPS):
                m.d.sync += count.eq(0)
            with m.Elif((count != 0) & (count != LONGEST)):
                m.d.sync += count.eq(count + 1)
        return m
