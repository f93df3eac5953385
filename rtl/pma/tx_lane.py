"""One transmit lane: test pattern or line bits, equalized to DAC codes."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma import prbs
from lightloom.rtl.pma.tx_ffe import TxFfe

__all__ = ["TxLane"]


class TxLane(wiring.Component):
    """Transmit lane from line bits to DAC codes.

    Clock domain: `sync`; rename it to the transmit clock where the lane is used.
    Latency: 2 clocks from `data` to its code.
    Throughput: one word a clock, without back-pressure.
    Reset: codes 0, pattern seed 1.

    Parameters
    ----------
    width : int
        Symbols a word, 2 to 512. Symbol 0 is first in time.
    dac_bits : int
        Bits of a DAC code, 4 to 10.
    order : int
        Degree of the test pattern's polynomial.

    Members
    -------
    data : In(width)
        Line bits.
    enable : In(1)
        Low: codes are 0.
    prbs_enable : In(1)
        Send the test pattern instead of `data`; low loads the seed, so each run starts equal.
    prbs_seed : In(order)
        Where in the pattern the lane starts; give lanes different ones.
    inject : In(1)
        Pulse: one wrong bit in the test pattern.
    pre, main, post : In(signed(dac_bits))
        Equalizer taps in DAC steps.
    line : Out(width)
        The bits on their way to the equalizer, for digital loopback; combinational.
    codes : Out(width * dac_bits)
        Two's complement DAC codes.

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    data: Signal
    enable: Signal
    prbs_enable: Signal
    prbs_seed: Signal
    inject: Signal
    pre: Signal
    main: Signal
    post: Signal
    line: Signal
    codes: Signal

    LATENCY = 2
    """Clocks from `data` to `codes`."""

    def __init__(self, *, width: int, dac_bits: int, order: int = 31) -> None:
        """See the class."""
        self.width = width
        self.dac_bits = dac_bits
        self.order = order
        self._generator = prbs.Generator(width=width, order=order)
        self._ffe = TxFfe(width=width, dac_bits=dac_bits)
        super().__init__(
            {
                "data": In(width),
                "enable": In(1),
                "prbs_enable": In(1),
                "prbs_seed": In(order),
                "inject": In(1),
                "pre": In(signed(dac_bits)),
                "main": In(signed(dac_bits)),
                "post": In(signed(dac_bits)),
                "line": Out(width),
                "codes": Out(width * dac_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.generator = generator = self._generator
        m.submodules.ffe = ffe = self._ffe
        m.d.comb += [
            generator.enable.eq(self.prbs_enable),
            generator.load.eq(~self.prbs_enable),
            generator.seed.eq(self.prbs_seed),
            generator.inject.eq(self.inject),
            self.line.eq(Mux(self.prbs_enable, generator.o, self.data)),
            ffe.i.eq(self.line),
            ffe.enable.eq(self.enable),
            ffe.pre.eq(self.pre),
            ffe.main.eq(self.main),
            ffe.post.eq(self.post),
            self.codes.eq(ffe.o),
        ]
        return m
