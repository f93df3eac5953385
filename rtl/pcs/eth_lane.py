"""Line coder of one lane for profile eth-64b66b: blocks to line bits and back.

Ref: IEEE Std 802.3-2022 clause 49.2.
"""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring

from lightloom.rtl.pcs import seam
from lightloom.rtl.pcs.block import Decoder, Encoder
from lightloom.rtl.pcs.block_lock import BlockLock
from lightloom.rtl.pcs.gearbox import BLOCK, RxGearbox, TxGearbox
from lightloom.rtl.pcs.scrambler import Descrambler, Scrambler

__all__ = ["EthRx", "EthTx"]


class EthTx(wiring.Component):
    """Encoder, scrambler and gearbox.

    Coders that are reset together have ``slot`` together. Throughput: a block in ``bits`` of 66
    ``run`` clocks. Latency: `latency` clocks from a block in a ``slot`` clock to its first bit at
    ``word``, and up to one more row time that the gearbox holds bits back. Reset: the scrambler
    takes ``seed`` in the first clock.

    Parameters
    ----------
    bits : int
        Line bits a clock: 8, 16, 32 or 64.

    Members
    -------
    kinds, data : Signal(4), Signal(64), in
        Block as `block.Encoder` takes it, used in a ``slot`` clock.
    marker : Signal(32), in
        Marker word.
    seed : Signal(58), in
        Scrambler state to start from.
    run : Signal(), in
        The gearbox moves.
    slot : Signal(), out
        A block is taken in this clock.
    word : Signal(bits), out
        Line bits, bit 0 first, new after each ``run`` clock.

    Raises
    ------
    ValueError
        ``bits`` is not allowed.
    """

    kinds: Signal
    data: Signal
    marker: Signal
    seed: Signal
    run: Signal
    slot: Signal
    word: Signal

    blocks = 1
    """Blocks a row."""
    latency = 2
    """Clocks from a block to its first line bits at `word`."""

    def __init__(self, bits: int) -> None:
        """Check the parameter and declare the members."""
        self.bits = bits
        self._gearbox = TxGearbox(width=bits)
        super().__init__(seam.transmit(self.blocks, bits))

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        encoder = m.submodules.encoder = Encoder()
        scrambler = m.submodules.scrambler = Scrambler()
        gearbox = m.submodules.gearbox = self._gearbox
        started = Signal()
        block = Signal(BLOCK)
        m.d.sync += started.eq(1)
        m.d.comb += [
            encoder.kind.eq(self.kinds),
            encoder.data.eq(self.data),
            encoder.marker.eq(self.marker),
            scrambler.i.eq(encoder.payload),
            scrambler.enable.eq(self.slot),
            scrambler.load.eq(~started),
            scrambler.seed.eq(self.seed),
            gearbox.i.payload.eq(block),
            gearbox.i.valid.eq(1),
            gearbox.o.ready.eq(self.run),
            self.slot.eq(gearbox.i.ready),
        ]
        with m.If(self.slot):
            m.d.sync += block.eq(Cat(encoder.header, scrambler.o))
        with m.If(self.run):
            m.d.sync += self.word.eq(gearbox.o.payload)
        return m


class EthRx(wiring.Component):
    """Gearbox, block lock, descrambler and decoder.

    Latency: a block leaves `latency` clocks after the word that completes it. Throughput: a word a
    clock, no back-pressure. Reset: not locked.

    Parameters
    ----------
    bits : int
        Line bits a clock: 8, 16, 32 or 64.

    Members
    -------
    i : Signal(bits), in
        Line bits, bit 0 first, used with ``i_valid``.
    i_valid : Signal(), in
        A word is present.
    run : Signal(), in
        Look for the block boundary; low gives up block lock.
    locked : Signal(), out
        Block lock.
    kinds, data : Signal(4), Signal(64), out
        Block as `block.Decoder` gives it, with ``valid``.
    valid : Signal(), out
        A block is present and block lock is held.
    header_errors : Signal(), out
        Pulse: a bad sync header while locked.

    Raises
    ------
    ValueError
        ``bits`` is not allowed.
    """

    i: Signal
    i_valid: Signal
    run: Signal
    locked: Signal
    kinds: Signal
    data: Signal
    valid: Signal
    header_errors: Signal

    blocks = 1
    """Blocks a row."""
    latency = 2
    """Clocks from a block's last word at `i` to the block."""

    def __init__(self, bits: int) -> None:
        """Check the parameter and declare the members."""
        self.bits = bits
        self._gearbox = RxGearbox(width=bits)
        super().__init__(seam.receive(self.blocks, bits))

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        gearbox = m.submodules.gearbox = self._gearbox
        lock = m.submodules.lock = BlockLock()
        descrambler = m.submodules.descrambler = Descrambler()
        decoder = m.submodules.decoder = Decoder()
        m.d.comb += [
            gearbox.i.eq(self.i),
            gearbox.i_valid.eq(self.i_valid),
            gearbox.slip.eq(lock.slip),
            lock.header.eq(gearbox.o[:2]),
            lock.valid.eq(gearbox.o_valid),
            lock.restart.eq(~self.run),
            self.locked.eq(lock.locked),
            self.header_errors.eq(lock.error),
            descrambler.i.eq(gearbox.o[2:]),
            descrambler.enable.eq(gearbox.o_valid),
            decoder.header.eq(gearbox.o[:2]),
            decoder.payload.eq(descrambler.o),
        ]
        m.d.sync += self.valid.eq(gearbox.o_valid & lock.locked)
        with m.If(gearbox.o_valid):
            m.d.sync += [self.kinds.eq(decoder.kind), self.data.eq(decoder.data)]
        return m
