"""Syndromes of received codewords."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec.codes import Code
from lightloom.rtl.fec.field import BITS, power
from lightloom.rtl.fec.network import combine, scale

__all__ = ["Syndromes"]


class Syndromes(wiring.Component):
    """Values of the received polynomial at the roots of the code.

    Every word has ``symbols`` symbols, the first in time in the low bits; a codeword that does not
    end with its last word is followed by zeros there, which gives the syndromes of the longer word.

    Latency: `done` 2 clocks after the word with `last`. Throughput: a word a clock, codewords
    without a gap. Reset: no codeword. There is no back-pressure; `s` is valid with `done` only.

    Parameters
    ----------
    code : Code
        The code.
    symbols : int
        Symbols a clock, 1 to 68, at most k.

    Members
    -------
    i : Signal(10 * symbols), in
        Word.
    i_valid : Signal(), in
        A word is present.
    first, last : Signal(), in
        It is the first, the last of a codeword.
    s : Signal(10 * code.parity), out
        Syndromes, that of alpha^0 in the low bits.
    done : Signal(), out
        The syndromes of a codeword are present.

    Raises
    ------
    ValueError
        ``symbols`` is out of range.
    """

    i: Signal
    i_valid: Signal
    first: Signal
    last: Signal
    s: Signal
    done: Signal

    latency = 2

    def __init__(self, code: Code, symbols: int) -> None:
        """Check the parameters and declare the members."""
        code.check_symbols(symbols)
        self.code = code
        self.symbols = symbols
        super().__init__(
            {
                "i": In(BITS * symbols),
                "i_valid": In(1),
                "first": In(1),
                "last": In(1),
                "s": Out(BITS * code.parity),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        p, count = self.symbols, self.code.parity
        inputs = [self.i.word_select(j, BITS) for j in range(p)]
        constants = [[power(i * (p - 1 - j)) for j in range(p)] for i in range(count)]
        valid, first, last = Signal(), Signal(), Signal()
        m.d.sync += [
            valid.eq(self.i_valid),
            first.eq(self.first),
            last.eq(self.last),
            self.done.eq(valid & last),
        ]
        sums = [Signal(BITS, name=f"s_{i}") for i in range(count)]
        for i, value in enumerate(combine(m, inputs, constants, "value")):
            word = Signal(BITS, name=f"word_{i}")
            moved = scale(m, sums[i], power(i * p), f"moved_{i}")
            m.d.sync += word.eq(value)
            with m.If(valid):
                m.d.sync += sums[i].eq(word ^ (moved & (~first).replicate(BITS)))
        m.d.comb += self.s.eq(Cat(*sums))
        return m
