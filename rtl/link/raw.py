"""Profile xsr-raw: words of line bits, without line code, frames or lane alignment."""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link.receiver import Receiver
from lightloom.rtl.link.transmitter import Transmitter, seed
from lightloom.rtl.pcs.row import RowKind, frame_word, row
from lightloom.rtl.pcs.scrambler import STATE_BITS

__all__ = ["RawDeframer", "RawReceiver", "RawTransmitter"]


class RawTransmitter(Transmitter):
    """Words of ``i`` to the lanes as they are.

    Lane `l` sends the low `Config.bits` bits of the 64-bit blocks of its part of ``i.data``;
    ``count``, ``last`` and ``error`` have no effect. In clocks without a word the lanes send the
    training pattern, so that the far end keeps its lock; nothing tells the far end which is which.
    Members as of `Transmitter`; those of rows and markers have no effect.
    """

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        config = self.config
        lanes, bits = config.lanes, config.bits
        idle = Signal()
        taken = Signal()
        everyone = (1 << lanes) - 1
        m.d.comb += [
            self.i.ready.eq(self.run & self.enable),
            taken.eq(self.i.valid & self.i.ready),
            self.sent.eq(taken),
            self.slot.eq(self.run),
            self.announce.eq(everyone),
            self.applied.eq(everyone),
        ]
        with m.If(self.run):
            m.d.sync += idle.eq(~taken)  # as late as the word that is not there
        told: Any = Signal(self.control.shape())
        m.d.comb += [told.eq(self.control), told.train.eq(self.control.train | idle)]
        size = 64 * config.blocks
        for number in range(lanes):
            lane = m.submodules[f"lane_{number}"] = self.lanes[number]
            start = Signal(STATE_BITS, init=seed(number, STATE_BITS), name=f"lane_seed_{number}")
            m.d.sync += start.eq(seed(number, STATE_BITS))
            codes = config.symbols_per_clock * config.tx_dac_bits
            m.d.comb += [
                lane.data.eq(self.i.payload.data.word_select(number, size)),
                lane.seed.eq(start),
                lane.run.eq(self.run),
                lane.control.eq(told),
                lane.invert.eq(self.invert[number]),
                self.words.word_select(number, bits).eq(lane.word),
                self.codes.word_select(number, codes).eq(lane.codes),
            ]
        return m


class RawReceiver(Receiver):
    """Decisions of the lanes as rows of DATA, lanes not aligned to each other.

    ``aligned`` and ``remote_ready`` are high while all lanes run. Members as of `Receiver`; those
    of markers have no effect.
    """

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        config = self.config
        lanes, bits, size = config.lanes, config.bits, 64 * config.blocks
        valid = Signal(lanes)
        for number in range(lanes):
            lane = m.submodules[f"lane_{number}"] = self.lanes[number]
            samples = config.symbols_per_clock * config.adc_bits
            m.d.comb += [
                lane.samples.eq(self.samples.word_select(number, samples)),
                lane.control.eq(self.control),
                lane.invert.eq(self.invert[number]),
                lane.loop_word.eq(self.loop_words.word_select(number, bits)),
                lane.loop_valid.eq(self.loop_valid),
                self.phase.word_select(number, 12).eq(lane.phase),
                self.decisions.word_select(number, bits).eq(lane.decisions),
                self.cdr_locked[number].eq(lane.cdr_locked),
                self.settled[number].eq(lane.settled),
                self.block_lock[number].eq(lane.block_lock),
                self.status[number].eq(lane.status),
                self.o.data.word_select(number, size).eq(lane.data),
                valid[number].eq(lane.valid),
            ]
        m.d.comb += [
            self.o.kind.eq(RowKind.DATA),
            self.o_valid.eq(valid.all() & self.align),
            self.aligned.eq(self.block_lock.all() & self.align),
            self.remote_ready.eq(self.aligned),
            self.present.eq((1 << lanes) - 1),
            self.lane_ids.eq(Cat(Signal(4, init=n, name=f"number_{n}") for n in range(lanes))),
        ]
        return m


class RawDeframer(wiring.Component):
    """Rows to words without frames: each DATA row is one full word with ``last``.

    Combinational. Rows lost in the elastic buffer, of which it leaves one ERROR row, become one
    word with ``error``. Members as of `pcs.deframer.Deframer`.

    Parameters
    ----------
    lanes : int
        Lanes times blocks, 1 to 64.
    """

    i: stream.Interface
    o: stream.Interface
    received: Signal
    errored: Signal

    def __init__(self, *, lanes: int) -> None:
        """Declare the members."""
        self.lanes = lanes
        super().__init__(
            {
                "i": In(stream.Signature(row(lanes))),
                "o": Out(stream.Signature(frame_word(lanes))),
                "received": Out(1),
                "errored": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        error = self.i.payload.kind == RowKind.ERROR
        useful = error | (self.i.payload.kind == RowKind.DATA)
        done = self.o.valid & self.o.ready
        m.d.comb += [
            self.o.payload.data.eq(self.i.payload.data),
            self.o.payload.count.eq(8 * self.lanes),
            self.o.payload.last.eq(1),
            self.o.payload.error.eq(error),
            self.o.valid.eq(self.i.valid & useful),
            self.i.ready.eq(self.o.ready | ~useful),
            self.received.eq(done),
            self.errored.eq(done & error),
        ]
        return m
