"""The receiver of all lanes: samples to rows, in the recovered clock."""

from amaranth import Module, Signal
from amaranth.lib import data as layouts
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link import coders
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.histogram import BINS, Histogram
from lightloom.rtl.link.lane_rx import LaneRx, control, status
from lightloom.rtl.link.partner import Page
from lightloom.rtl.pcs.assembler import Assembler
from lightloom.rtl.pcs.deskew import Deskew
from lightloom.rtl.pcs.row import row
from lightloom.rtl.pcs.widen import Widen

__all__ = ["Receiver"]


class Receiver(wiring.Component):
    """The lanes, deskew, rows from fewer lanes where the configuration has that, row assembly.

    Works in ``sync``; rename it to the recovered clock. Latency from the last sample of a row:
    that of `LaneRx`, `Deskew.latency` and `Assembler.latency`, and `Widen.latency` where lanes may
    be left out. No back-pressure.

    Parameters
    ----------
    config : Config
        What to build.

    Members
    -------
    samples : Signal(lanes * width * adc_bits), in
        Samples.
    control : Signal(lane_rx.control), in
        Of all lanes.
    invert : Signal(lanes), in
        Polarity of each lane.
    loop_words, loop_valid : Signal(lanes * bits), Signal(), in
        Words of the near-end transmitter, used with ``control.loopback``.
    align : Signal(), in
        Let the deskew work.
    excluded : Signal(lanes), in
        Lanes that take no part.
    phase : Signal(lanes * 12), out
        Phase interpolator codes.
    decisions : Signal(lanes * bits), out
        Decided bits.
    cdr_locked, settled, block_lock : Signal(lanes), out
        State of each lane.
    aligned : Signal(), out
        Rows are aligned and every lane that carries them is there.
    remote_ready : Signal(), out
        As `Deskew`.
    remote, remote_new : Signal(32), Signal(), out
        As `Deskew`.
    present : Signal(lanes), out
        As `Deskew`.
    lane_ids, skews : Signal(4 * lanes), Signal(7 * lanes), out
        As `Deskew`.
    marker_error, skew_error : Signal(), out
        As `Deskew`.
    o, o_valid : Signal(row(blocks * lanes)), Signal(), out
        Rows.
    status : Signal(ArrayLayout(lane_rx.status, lanes)), out
        Status of each lane.
    histogram : Signal(32 * histogram.BINS), out
        As `Histogram`; 0 without FEC.
    """

    samples: Signal
    control: layouts.View
    invert: Signal
    loop_words: Signal
    loop_valid: Signal
    align: Signal
    excluded: Signal
    phase: Signal
    decisions: Signal
    cdr_locked: Signal
    settled: Signal
    block_lock: Signal
    aligned: Signal
    remote_ready: Signal
    remote: Signal
    remote_new: Signal
    present: Signal
    lane_ids: Signal
    skews: Signal
    marker_error: Signal
    skew_error: Signal
    o: layouts.View
    o_valid: Signal
    status: layouts.View
    histogram: Signal

    def __init__(self, config: Config) -> None:
        """Declare the members."""
        self.config = config
        lanes = config.lanes
        self.lanes = [LaneRx(config, coders.receive(config)) for _ in range(lanes)]
        super().__init__(
            {
                "samples": In(lanes * config.symbols_per_clock * config.adc_bits),
                "control": In(control(config)),
                "invert": In(lanes),
                "loop_words": In(lanes * config.bits),
                "loop_valid": In(1),
                "align": In(1),
                "excluded": In(lanes),
                "phase": Out(12 * lanes),
                "decisions": Out(lanes * config.bits),
                "cdr_locked": Out(lanes),
                "settled": Out(lanes),
                "block_lock": Out(lanes),
                "aligned": Out(1),
                "remote_ready": Out(1),
                "remote": Out(32),
                "remote_new": Out(1),
                "present": Out(lanes),
                "lane_ids": Out(4 * lanes),
                "skews": Out(7 * lanes),
                "marker_error": Out(1),
                "skew_error": Out(1),
                "o": Out(row(config.blocks * lanes)),
                "o_valid": Out(1),
                "status": Out(layouts.ArrayLayout(status(config), lanes)),
                "histogram": Out(32 * BINS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        config = self.config
        lanes, blocks = config.lanes, config.blocks
        deskew = Deskew(lanes=lanes, depth=config.deskew_depth, blocks=blocks)
        m.submodules.deskew = deskew
        histogram = None if config.fec is None else Histogram(lanes=lanes)
        if histogram is not None:
            m.submodules.histogram = histogram
            m.d.comb += [
                histogram.clear.eq(self.control.clear),
                self.histogram.eq(histogram.counts),
            ]
        self._lanes(m)
        for number, lane in enumerate(self.lanes):
            m.d.comb += [
                deskew.kinds.word_select(number, 4 * blocks).eq(lane.kinds),
                deskew.data.word_select(number, 64 * blocks).eq(lane.data),
                deskew.valid[number].eq(lane.valid),
                deskew.locked[number].eq(lane.block_lock),
            ]
            if histogram is not None:
                m.d.comb += [
                    histogram.codeword[number].eq(lane.codeword),
                    histogram.errors.word_select(number, 4).eq(lane.codeword_errors),
                ]
        assembler = m.submodules.assembler = Assembler(lanes=blocks * lanes)
        m.d.comb += [
            deskew.enable.eq(self.align),
            deskew.excluded.eq(self.excluded),
            self.o.eq(assembler.o),
            self.o_valid.eq(assembler.o_valid),
        ]
        same = ("remote_ready", "remote", "remote_new", "present", "lane_ids", "skews")
        for name in (*same, "marker_error", "skew_error"):
            m.d.comb += getattr(self, name).eq(getattr(deskew, name))
        if not config.degradable:
            m.d.comb += [
                assembler.kinds.eq(deskew.o_kinds),
                assembler.data.eq(deskew.o_data),
                assembler.valid.eq(deskew.o_valid),
                self.aligned.eq(deskew.aligned),
            ]
            return m
        widen = m.submodules.widen = Widen(lanes=lanes, blocks=blocks)
        m.d.comb += [
            widen.kinds.eq(deskew.o_kinds),
            widen.data.eq(deskew.o_data),
            widen.valid.eq(deskew.o_valid),
            widen.marker.eq(deskew.marker),
            widen.good.eq(deskew.good),
            widen.present.eq(deskew.present),
            widen.aligned.eq(deskew.aligned),
            widen.announced.eq(deskew.remote[16:]),
            widen.announced_new.eq(deskew.remote_new & (deskew.remote[11:13] == Page.ACTIVE)),
            assembler.kinds.eq(widen.o_kinds),
            assembler.data.eq(widen.o_data),
            assembler.valid.eq(widen.o_valid),
            self.aligned.eq(deskew.aligned & widen.complete),
        ]
        return m

    def _lanes(self, m: Module) -> None:
        """Add the lanes, connected but for the rows they give."""
        config = self.config
        size = config.symbols_per_clock * config.adc_bits
        for number, lane in enumerate(self.lanes):
            m.submodules[f"lane_{number}"] = lane
            m.d.comb += [
                lane.samples.eq(self.samples.word_select(number, size)),
                lane.control.eq(self.control),
                lane.invert.eq(self.invert[number]),
                lane.loop_word.eq(self.loop_words.word_select(number, config.bits)),
                lane.loop_valid.eq(self.loop_valid),
                self.phase.word_select(number, 12).eq(lane.phase),
                self.decisions.word_select(number, config.bits).eq(lane.decisions),
                self.cdr_locked[number].eq(lane.cdr_locked),
                self.settled[number].eq(lane.settled),
                self.block_lock[number].eq(lane.block_lock),
                self.status[number].eq(lane.status),
            ]
