"""Line coder of one lane for profile eth-64b66b: blocks to line bits and back.

A row is one block of 66 bits; with 128 line bits a clock it is two, which come and go together.

Ref: IEEE Std 802.3-2022 clause 49.2.
"""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring

from lightloom.rtl.pcs import seam
from lightloom.rtl.pcs.block import SECOND, Decoder, Encoder
from lightloom.rtl.pcs.block_lock import BlockLock
from lightloom.rtl.pcs.gearbox import BLOCK, RxGearbox, TxGearbox, blocks_together
from lightloom.rtl.pcs.pair_order import PairOrder
from lightloom.rtl.pcs.wide_scrambler import Descrambler, Scrambler

__all__ = ["EthRx", "EthTx"]


class EthTx(wiring.Component):
    """Encoders, scrambler and gearbox.

    Coders that are reset together have ``slot`` together. Throughput: a row in ``bits`` of 66
    ``run`` clocks, with two blocks a row of 132. Latency: `latency` clocks from a row in a ``slot``
    clock to its first bit at ``word``, and up to one more row time that the gearbox holds bits
    back. Reset: the scrambler takes ``seed`` in the first clock.

    Parameters
    ----------
    bits : int
        Line bits a clock: 8, 16, 32, 64 or 128.

    Members
    -------
    kinds, data : Signal(4 * blocks), Signal(64 * blocks), in
        Blocks as `block.Encoder` takes them, the first in the low bits, used in a ``slot`` clock.
    marker : Signal(32), in
        Marker word; a second block has `block.SECOND` set in its own.
    seed : Signal(58), in
        Scrambler state to start from.
    run : Signal(), in
        The gearbox moves.
    slot : Signal(), out
        A row is taken in this clock.
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

    latency = 2
    """Clocks from a row to its first line bits at `word`."""

    def __init__(self, bits: int) -> None:
        """Check the parameter and declare the members."""
        self.bits = bits
        self._gearbox = TxGearbox(width=bits)
        self.blocks = blocks_together(bits)
        """Blocks a row."""
        super().__init__(seam.transmit(self.blocks, bits))

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        encoders = []
        for n in range(self.blocks):
            encoder = m.submodules[f"encoder_{n}" if n else "encoder"] = Encoder()
            m.d.comb += [
                encoder.kind.eq(self.kinds.word_select(n, 4)),
                encoder.data.eq(self.data.word_select(n, 64)),
                encoder.marker.eq(self.marker | SECOND if n else self.marker),
            ]
            encoders.append(encoder)
        scrambler = m.submodules.scrambler = Scrambler(width=64 * self.blocks)
        gearbox = m.submodules.gearbox = self._gearbox
        started = Signal()
        item = Signal(BLOCK * self.blocks)
        m.d.sync += started.eq(1)
        m.d.comb += [
            scrambler.i.eq(Cat(encoder.payload for encoder in encoders)),
            scrambler.enable.eq(self.slot),
            scrambler.load.eq(~started),
            scrambler.seed.eq(self.seed),
            gearbox.i.payload.eq(item),
            gearbox.i.valid.eq(1),
            gearbox.o.ready.eq(self.run),
            self.slot.eq(gearbox.i.ready),
        ]
        with m.If(self.slot):
            m.d.sync += item.eq(
                Cat(
                    Cat(encoder.header, scrambler.o.word_select(n, 64))
                    for n, encoder in enumerate(encoders)
                )
            )
        with m.If(self.run):
            m.d.sync += self.word.eq(gearbox.o.payload)
        return m


class EthRx(wiring.Component):
    """Gearbox, block lock, descrambler and decoders.

    Latency: a row leaves `latency` clocks after the word that completes it, with two blocks a row
    up to one clock more. Throughput: a word a clock, no back-pressure. Reset: not locked.

    With two blocks a row the headers leave open which two blocks were sent together: `PairOrder`
    takes it from the markers. Lock is that of the blocks; the first row that leaves after it is a
    marker row, and with a marker that is a block off its place the lock is given up.

    Parameters
    ----------
    bits : int
        Line bits a clock: 8, 16, 32, 64 or 128.

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
    kinds, data : Signal(4 * blocks), Signal(64 * blocks), out
        Blocks as `block.Decoder` gives them, with ``valid``.
    valid : Signal(), out
        A row is present and block lock is held.
    header_errors : Signal(range(blocks + 1)), out
        Bad sync headers seen in this clock while locked.

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

    def __init__(self, bits: int) -> None:
        """Check the parameter and declare the members."""
        self.bits = bits
        self._gearbox = RxGearbox(width=bits)
        self.blocks = blocks_together(bits)
        """Blocks a row."""
        self.latency = 2 if self.blocks == 1 else 2 + PairOrder.latency
        """Clocks from a row's last word at `i` to the row."""
        super().__init__(seam.receive(self.blocks, bits, errors=self.blocks))

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        gearbox = m.submodules.gearbox = self._gearbox
        lock = m.submodules.lock = BlockLock(headers=self.blocks)
        descrambler = m.submodules.descrambler = Descrambler(width=64 * self.blocks)
        items = [gearbox.o.word_select(n, BLOCK) for n in range(self.blocks)]
        restart = Signal()
        m.d.comb += [
            restart.eq(~self.run),
            gearbox.i.eq(self.i),
            gearbox.i_valid.eq(self.i_valid),
            gearbox.slip.eq(lock.slip),
            lock.header.eq(Cat(item[:2] for item in items)),
            lock.valid.eq(gearbox.o_valid),
            lock.restart.eq(restart),
            self.locked.eq(lock.locked),
            self.header_errors.eq(lock.error),
            descrambler.i.eq(Cat(item[2:] for item in items)),
            descrambler.enable.eq(gearbox.o_valid),
        ]
        decoders = []
        for n, item in enumerate(items):
            decoder = m.submodules[f"decoder_{n}" if n else "decoder"] = Decoder()
            m.d.comb += [
                decoder.header.eq(item[:2]),
                decoder.payload.eq(descrambler.o.word_select(n, 64)),
            ]
            decoders.append(decoder)
        kinds, data, valid = self.kinds, self.data, self.valid
        if self.blocks == 2:
            order = m.submodules.order = PairOrder()
            kinds, data, valid = Signal(8), Signal(128), Signal()
            m.d.comb += [
                order.kinds.eq(kinds),
                order.data.eq(data),
                order.valid.eq(valid),
                order.locked.eq(lock.locked),
                restart.eq(~self.run | order.moved),
                self.kinds.eq(order.o_kinds),
                self.data.eq(order.o_data),
                self.valid.eq(order.o_valid & lock.locked),
            ]
        m.d.sync += valid.eq(gearbox.o_valid & lock.locked)
        with m.If(gearbox.o_valid):
            m.d.sync += [
                kinds.eq(Cat(decoder.kind for decoder in decoders)),
                data.eq(Cat(decoder.data for decoder in decoders)),
            ]
        return m
