"""Transmit lane: rows' blocks to DAC codes."""

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.block import Encoder
from lightloom.rtl.pcs.gearbox import BLOCK, TxGearbox
from lightloom.rtl.pcs.scrambler import STATE_BITS, Scrambler
from lightloom.rtl.pma.tx_lane import TxLane

__all__ = ["LaneTx"]


class LaneTx(wiring.Component):
    """One lane of the transmitter: encoder, scrambler, gearbox, line pattern and equalizer.

    Lanes that are reset together have ``slot`` together. Latency from ``kind`` and ``data`` in a
    ``slot`` clock to the first symbol of the block at ``codes``: `pcs_latency` and `TxLane.LATENCY`
    clocks, and up to one more row time that the gearbox holds bits back. All that differs between
    lanes are inputs.

    Parameters
    ----------
    width : int
        Symbols a clock: 16, 32 or 64.
    dac_bits : int
        Bits of a DAC code.

    Members
    -------
    kind, data : Signal(4), Signal(64), in
        Block as `block.Encoder` takes it, used in a ``slot`` clock.
    lane : Signal(8), in
        Lane number.
    ready : Signal(), in
        ``ready`` bit of markers.
    seed : Signal(58), in
        Scrambler state to start from, loaded in the first clock after reset.
    run : Signal(), in
        The gearbox moves; low while a loopback receiver is not ready for a word.
    slot : Signal(), out
        A block is taken in this clock.
    word : Signal(width), out
        Line bits of the coded data, new after each ``run`` clock.
    enable, prbs_enable, inject : Signal(), in
        As `pma.tx_lane.TxLane`.
    prbs_seed : Signal(31), in
        As `pma.tx_lane.TxLane`.
    pre, main, post : Signal(signed(dac_bits)), in
        Equalizer taps.
    codes : Signal(width * dac_bits), out
        DAC codes.
    """

    kind: Signal
    data: Signal
    lane: Signal
    ready: Signal
    seed: Signal
    run: Signal
    slot: Signal
    word: Signal
    enable: Signal
    prbs_enable: Signal
    prbs_seed: Signal
    inject: Signal
    pre: Signal
    main: Signal
    post: Signal
    codes: Signal

    pcs_latency = 2
    """Clocks from a block to its first line bits at `word`."""

    def __init__(self, *, width: int, dac_bits: int) -> None:
        """Check the parameters and declare the members."""
        self.width = width
        self._gearbox = TxGearbox(width=width)
        self._pma = TxLane(width=width, dac_bits=dac_bits)
        super().__init__(
            {
                "kind": In(4),
                "data": In(64),
                "lane": In(8),
                "ready": In(1),
                "seed": In(STATE_BITS),
                "run": In(1),
                "slot": Out(1),
                "word": Out(width),
                "enable": In(1),
                "prbs_enable": In(1),
                "prbs_seed": In(31),
                "inject": In(1),
                "pre": In(signed(dac_bits)),
                "main": In(signed(dac_bits)),
                "post": In(signed(dac_bits)),
                "codes": Out(width * dac_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        encoder = m.submodules.encoder = Encoder()
        scrambler = m.submodules.scrambler = Scrambler()
        gearbox = m.submodules.gearbox = self._gearbox
        pma = m.submodules.pma = self._pma
        started = Signal()
        block = Signal(BLOCK)
        m.d.sync += started.eq(1)
        m.d.comb += [
            encoder.kind.eq(self.kind),
            encoder.data.eq(self.data),
            encoder.lane.eq(self.lane),
            encoder.ready.eq(self.ready),
            scrambler.i.eq(encoder.payload),
            scrambler.enable.eq(self.slot),
            scrambler.load.eq(~started),
            scrambler.seed.eq(self.seed),
            gearbox.i.payload.eq(block),
            gearbox.i.valid.eq(1),
            gearbox.o.ready.eq(self.run),
            self.slot.eq(gearbox.i.ready),
            pma.data.eq(self.word),
            pma.enable.eq(self.enable),
            pma.prbs_enable.eq(self.prbs_enable),
            pma.prbs_seed.eq(self.prbs_seed),
            pma.inject.eq(self.inject),
            pma.pre.eq(self.pre),
            pma.main.eq(self.main),
            pma.post.eq(self.post),
            self.codes.eq(pma.codes),
        ]
        with m.If(self.slot):
            m.d.sync += block.eq(Cat(encoder.header, scrambler.o))
        with m.If(self.run):
            m.d.sync += self.word.eq(gearbox.o.payload)
        return m
