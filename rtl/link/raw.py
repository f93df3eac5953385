"""Profile xsr-raw: words of line bits, without line code, frames or lane alignment."""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link.receiver import Receiver
from lightloom.rtl.link.transmitter import Transmitter
from lightloom.rtl.pcs.row import RowKind, frame_word, row

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
        idle = Signal()
        taken = Signal()
        everyone = (1 << config.lanes) - 1
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
        self._lanes(m, told)
        for number, lane in enumerate(self.lanes):
            m.d.comb += lane.data.eq(self.i.payload.data.word_select(number, 64 * config.blocks))
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
        lanes = config.lanes
        valid = Signal(lanes)
        self._lanes(m)
        for number, lane in enumerate(self.lanes):
            m.d.comb += [
                self.o.data.word_select(number, 64 * config.blocks).eq(lane.data),
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
