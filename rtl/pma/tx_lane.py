"""One transmit lane: test pattern or line bits, coded to symbols and equalized to DAC codes."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma import gray, precoder
from lightloom.rtl.pma.pattern import SEED_BITS, Source
from lightloom.rtl.pma.tx_ffe import BITS, TxFfe

__all__ = ["TxLane"]


class TxLane(wiring.Component):
    """Transmit lane from line bits to DAC codes.

    The bits, or those of the chosen pattern, go through Gray coding (PAM4), the precoder and the
    equalizer, which also turns the polarity.

    Clock domain: `sync`; rename it to the transmit clock where the lane is used.
    Latency: `latency` clocks from `data` to its code: 2 for NRZ, 3 for PAM4, and 2 more with the
    precoder.
    Throughput: one word a clock, without back-pressure.
    Reset: codes 0, pattern seed 1.

    Parameters
    ----------
    width : int
        Symbols a word, 2 to 512. Symbol 0 is first in time.
    dac_bits : int
        Bits of a DAC code, 4 to 10.
    modulation : str
        ``nrz`` or ``pam4``.
    taps : int
        Taps of the equalizer: 2 (pre, main), 3 (and post) or 4 (and pre2).
    patterns : sequence of str
        Names in :data:`lightloom.rtl.pma.pattern.PATTERNS`, in the order of `prbs_select`.
    with_precoder : bool or None
        Whether there is a precoder; None: for PAM4.

    Members
    -------
    data : In(width * bits), bits 1 for NRZ and 2 for PAM4
        Line bits; of a PAM4 symbol the low bit is first in time.
    enable : In(1)
        Low: codes are 0.
    invert : In(1)
        Turn the polarity.
    precode : In(1)
        Precode with 1/(1+D). Only with the precoder.
    prbs_enable : In(1)
        Send the test pattern instead of `data`; low loads the seed, so each run starts equal.
    prbs_select : In(bits of the largest number, at least 1)
        Which of `patterns`.
    prbs_seed : In(31)
        Where in the pattern the lane starts; give lanes different ones.
    inject : In(1)
        Pulse: one wrong bit in the test pattern.
    pre2, pre, main, post : In(signed(dac_bits))
        Equalizer taps in DAC steps; `pre2` and `post` are there when `taps` says so.
    line : Out(width * bits)
        The bits on their way to Gray coding, for digital loopback; combinational.
    codes : Out(width * dac_bits)
        Two's complement DAC codes.

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    data: Signal
    enable: Signal
    invert: Signal
    precode: Signal
    prbs_enable: Signal
    prbs_select: Signal
    prbs_seed: Signal
    inject: Signal
    pre2: Signal
    pre: Signal
    main: Signal
    post: Signal
    line: Signal
    codes: Signal

    LATENCY = 2
    """Clocks from `data` to `codes` with the default parameters."""

    def __init__(
        self,
        *,
        width: int,
        dac_bits: int,
        modulation: str = "nrz",
        taps: int = 3,
        patterns: Sequence[str] = ("prbs31",),
        with_precoder: bool | None = None,
    ) -> None:
        """See the class."""
        self._ffe = TxFfe(width=width, dac_bits=dac_bits, modulation=modulation, taps=taps)
        bits = BITS[modulation]
        self._source = Source(width=width * bits, patterns=patterns)
        self.width = width
        self.dac_bits = dac_bits
        self.modulation = modulation
        self.patterns = tuple(patterns)
        self.with_precoder = modulation == "pam4" if with_precoder is None else with_precoder
        self.latency = self._ffe.latency + self.with_precoder * precoder.Encoder.LATENCY
        super().__init__(
            {
                "data": In(width * bits),
                "enable": In(1),
                "invert": In(1),
                **({"precode": In(1)} if self.with_precoder else {}),
                "prbs_enable": In(1),
                "prbs_select": In(len(self._source.select)),
                "prbs_seed": In(SEED_BITS),
                "inject": In(1),
                **{name: In(signed(dac_bits)) for name in reversed(self._ffe.taps)},
                "line": Out(width * bits),
                "codes": Out(width * dac_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.source = source = self._source
        m.submodules.ffe = ffe = self._ffe
        symbols: Value = gray.encode(self.line) if self.modulation == "pam4" else self.line
        if self.with_precoder:
            coder = precoder.Encoder(width=self.width, bits=BITS[self.modulation])
            m.submodules.precoder = coder
            m.d.comb += [coder.i.eq(symbols), coder.enable.eq(self.precode)]
            symbols = coder.o
        m.d.comb += [
            source.select.eq(self.prbs_select),
            source.enable.eq(self.prbs_enable),
            source.load.eq(~self.prbs_enable),
            source.seed.eq(self.prbs_seed),
            source.inject.eq(self.inject),
            self.line.eq(Mux(self.prbs_enable, source.o, self.data)),
            ffe.i.eq(symbols),
            ffe.enable.eq(self.enable),
            ffe.invert.eq(self.invert),
            self.codes.eq(ffe.o),
        ]
        for name in ffe.taps:
            m.d.comb += getattr(ffe, name).eq(getattr(self, name))
        return m
