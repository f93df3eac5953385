"""Transmit feed-forward equalizer: bits in, DAC codes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from amaranth.hdl import Array, Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["TxFfe", "codes"]


def codes(bits: Iterable[int], taps: Sequence[int], dac_bits: int) -> list[int]:
    """Golden model: code of every bit but the first and the last of `bits`."""
    top = 2 ** (dac_bits - 1) - 1
    levels = [1 if bit else -1 for bit in bits]
    pre, main, post = taps
    sums = (
        pre * after + main * now + post * before
        for before, now, after in zip(levels, levels[1:], levels[2:], strict=False)
    )
    return [max(-top, min(top, total)) for total in sums]


class TxFfe(wiring.Component):
    """Three-tap transmit equalizer for NRZ.

    A bit is a level of +1 or -1, so a code is one of eight sums of the three taps. The sums are
    made once, in registers, and each symbol picks one with the bits before, at and after it. A
    second modulation replaces the table and the number of bits a symbol picks with.

    Latency: 2 clocks from a bit to its code; 2 clocks from a tap to the codes.
    Throughput: one word a clock, without back-pressure.
    Reset: codes 0.

    Parameters
    ----------
    width : int
        Symbols a word, 2 to 512. Symbol 0 is first in time.
    dac_bits : int
        Bits of a code, 4 to 10.

    Members
    -------
    i : In(width)
        Bits to send; 1 is the high level.
    pre, main, post : In(signed(dac_bits))
        Taps in DAC steps: weights of the bit after, at and before the code.
    enable : In(1)
        Low: codes are 0, the middle level, no light modulation.
    o : Out(width * dac_bits)
        Two's complement codes, symbol `s` in bits `s * dac_bits` up; saturated to plus or minus
        ``2 ** (dac_bits - 1) - 1``, so that both polarities reach equally far.

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    i: Signal
    pre: Signal
    main: Signal
    post: Signal
    enable: Signal
    o: Signal

    def __init__(self, *, width: int, dac_bits: int) -> None:
        """See the class."""
        if not 2 <= width <= 512:
            raise ValueError(f"width is {width}; allowed: 2 to 512")
        if not 4 <= dac_bits <= 10:
            raise ValueError(f"dac_bits is {dac_bits}; allowed: 4 to 10")
        self.width = width
        self.dac_bits = dac_bits
        super().__init__(
            {
                "i": In(width),
                "pre": In(signed(dac_bits)),
                "main": In(signed(dac_bits)),
                "post": In(signed(dac_bits)),
                "enable": In(1),
                "o": Out(width * dac_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        top = 2 ** (self.dac_bits - 1) - 1

        # Index bits: 2 = after, 1 = at, 0 = before, as they lie in the bit stream.
        table = [Signal(signed(self.dac_bits), name=f"level_{index}") for index in range(8)]
        for index in range(4, 8):
            total = Signal(signed(self.dac_bits + 2), name=f"sum_{index}")
            bounded = Signal(signed(self.dac_bits), name=f"bounded_{index}")
            m.d.comb += total.eq(
                self.pre
                + (self.main if index & 2 else -self.main)
                + (self.post if index & 1 else -self.post)
            )
            with m.If(total > top):
                m.d.comb += bounded.eq(top)
            with m.Elif(total < -top):
                m.d.comb += bounded.eq(-top)
            with m.Else():
                m.d.comb += bounded.eq(total)
            with m.If(self.enable):
                m.d.sync += [table[index].eq(bounded), table[7 - index].eq(-bounded)]
            with m.Else():
                m.d.sync += [table[index].eq(0), table[7 - index].eq(0)]

        # The code of a word's last bit needs the first bit of the next word.
        word = Signal(self.width)
        last = Signal()
        m.d.sync += [word.eq(self.i), last.eq(word[-1])]
        stream = Cat(last, word, self.i[0])
        m.d.sync += self.o.eq(
            Cat(Array(table)[stream[s : s + 3]] for s in range(self.width))
        )
        return m
