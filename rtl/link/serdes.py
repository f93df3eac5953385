"""The SerDes of one xPU: frames in and out, line codes and samples at the analogue side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from amaranth import Module, Mux, Signal, Value
from amaranth.hdl import DomainRenamer
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl import verilog
from lightloom.rtl.csr import axi_lite
from lightloom.rtl.csr.bank import Bank
from lightloom.rtl.link.bring_up import BringUp
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.counter import Counter
from lightloom.rtl.link.crossing import SteadyWord, cdc
from lightloom.rtl.link.elastic_buffer import ElasticBuffer
from lightloom.rtl.link.histogram import BINS
from lightloom.rtl.link.partner import Partner
from lightloom.rtl.link.raw import RawDeframer, RawReceiver, RawTransmitter
from lightloom.rtl.link.receiver import Receiver
from lightloom.rtl.link.registers import ADDRESS_BITS, STEPS, Lookup, registers, show_lane
from lightloom.rtl.link.route_port import RoutePort
from lightloom.rtl.link.snapshot import Snapshot
from lightloom.rtl.link.transmitter import Transmitter
from lightloom.rtl.pcs.assembler import Assembler
from lightloom.rtl.pcs.deframer import Deframer
from lightloom.rtl.pcs.deskew import Deskew
from lightloom.rtl.pcs.framer import Framer
from lightloom.rtl.pcs.row import frame_word
from lightloom.rtl.pcs.widen import Widen
from lightloom.spec import design
from lightloom.spec.rtl_manifest import RtlManifest

__all__ = ["Serdes", "generate"]

_LOOP_DEPTH = 8


class Serdes(wiring.Component):
    """SerDes of one xPU, all lanes, both directions.

    Domains: ``sync`` is the core and transmit clock, ``rx`` the recovered word clock; their rates
    may differ by `elastic_buffer.rate_limit_ppm`. Reset of both is synchronous; the two may come
    and go in any order.

    Throughput: with eth-64b66b one row of 8 bytes a lane in 32 of 33 clocks at 64 symbols a clock,
    of 16 bytes at 128, in general as the line code and FEC of the profile have it, less the START
    row of each frame, the END row of frames with a full last word and a marker row every
    `Config.marker_rows`. Latency by stage: `latency`. Back-pressure: ``i.ready`` is low while
    the link is down. ``o.ready`` low fills the elastic buffer; rows that find it full are lost and
    their frame ends with ``error``.

    Loopback (register control.loopback): the coded words of each lane go through a small
    asynchronous FIFO into the receive PCS of the same lane in place of decisions. The transmit PCS
    pauses when the FIFO is full and the receive PCS when it is empty, so any two clock rates work;
    the line carries PRBS31 meanwhile.

    Far loopback (control.far_loopback): received frames are sent back to the far end in place of
    those of ``i``; ``i`` is not ready and ``o`` not valid. The elastic buffer lies between, so the
    rates may differ.

    Optical route: a controller that switches the route tells it by the ``route_*`` inputs, which
    are asynchronous and idle at 0 (`link.route_port`). It may save the coefficients of the present
    route while the link is up; let the transmitter end its frame and start no other (pause); freeze
    the receiver, which then ignores darkness, learns nothing from it and keeps its frequency; load
    the set of the new route; and release. With a set that was saved the link comes up again
    without training and without the equalizer's search. ``link_up`` is low meanwhile.

    Parameters
    ----------
    config : Config
        What to build.

    Members
    -------
    i : stream.Interface(frame_word(blocks * lanes)), in
        Frames to send.
    o : stream.Interface(frame_word(blocks * lanes)), out
        Frames received. A frame damaged on the line ends with ``last`` and ``error``.
    tx_codes : Signal(lanes * width * tx_dac_bits), out
        DAC code of each symbol, two's complement; lane ``l`` symbol ``s`` is item ``l * width +
        s``.
    rx_samples : Signal(lanes * width * adc_bits), in
        Sample of each symbol, two's complement; domain ``rx``.
    rx_phase : Signal(lanes * 12), out
        Phase interpolator code of each lane, modulo 4096, more is later; domain ``rx``.
    rx_signal_detect : Signal(lanes), in
        Light on each lane; asynchronous.
    rx_decisions : Signal(lanes * bits), out
        Decided bits; domain ``rx``.
    link_up : Signal(), out
        Own receiver and the far end's are aligned.
    lanes_locked : Signal(lanes), out
        Block lock of each physical lane.
    state : Signal(4), out
        A `bring_up.State`.
    csr : axi_lite.Interface(12, 32), in
        Registers, `serdes.rdl`; domain ``sync``.
    route_freeze, route_pause, route_save, route_load : Signal(), in
        As `RoutePort`; asynchronous.
    route_index : Signal(4), in
        Set to save or load; asynchronous, steady around ``route_save`` and ``route_load``.
    route_tell : Signal(8), in
        Word for the far end's route controller, sent in the markers; asynchronous, taken when it
        stands for some clocks.
    route_told : Signal(8), out
        The far end's word, 0 while there is none; steady for clocks, may be taken by another domain
        when it stands there.
    frame_good : Signal(), out
        High for `route_port.FRAME_GOOD_CLOCKS` from each frame received without error.

    Ref: IEEE Std 802.3-2022 clauses 49 and 82 for the line code; framing and markers are this
    design's.
    """

    i: stream.Interface
    o: stream.Interface
    tx_codes: Signal
    rx_samples: Signal
    rx_phase: Signal
    rx_signal_detect: Signal
    rx_decisions: Signal
    link_up: Signal
    lanes_locked: Signal
    state: Signal
    csr: axi_lite.Interface
    route_freeze: Signal
    route_pause: Signal
    route_save: Signal
    route_load: Signal
    route_index: Signal
    route_tell: Signal
    route_told: Signal
    frame_good: Signal

    def __init__(self, config: Config) -> None:
        """Read the registers' description and declare the members."""
        self.config = config
        self.registers = registers(config)
        raw = config.profile == "xsr-raw"
        self._tx = (RawTransmitter if raw else Transmitter)(config)
        self._rx = (RawReceiver if raw else Receiver)(config)
        lanes, width = config.lanes, config.symbols_per_clock
        word = frame_word(config.blocks * lanes)
        super().__init__(
            {
                "i": In(stream.Signature(word)),
                "o": Out(stream.Signature(word)),
                "tx_codes": Out(lanes * width * config.tx_dac_bits),
                "rx_samples": In(lanes * width * config.adc_bits),
                "rx_phase": Out(lanes * 12),
                "rx_signal_detect": In(lanes),
                "rx_decisions": Out(lanes * config.bits),
                "link_up": Out(1),
                "lanes_locked": Out(lanes),
                "state": Out(4),
                "csr": In(axi_lite.Signature(addr_width=ADDRESS_BITS, data_width=32)),
                "route_freeze": In(1),
                "route_pause": In(1),
                "route_save": In(1),
                "route_load": In(1),
                "route_index": In(4),
                "route_tell": In(8),
                "route_told": Out(8),
                "frame_good": Out(1),
            }
        )

    @property
    def latency(self) -> dict[str, int]:
        """Clocks of each stage from ``i`` to ``o`` in path order, empty buffers, skew apart.

        A frame's word waits further for its START row, and up to one row time where the gearboxes
        hold bits back; a word that is not the last of its frame waits in the deframer for the row
        after it. With FEC `rx_pcs` begins with the last word of a group of codewords. Transmit
        stages and the last two count core clocks, the others clocks of ``rx``.
        """
        config = self.config
        tx, rx = self._tx.lanes[0], self._rx.lanes[0]
        ways = {
            "tx_pcs": tx.coder.latency,
            "tx_pma": tx.pma.latency,
            "rx_pma": config.rx_format.decision_latency,
            "rx_pcs": rx.coder.latency,
        }
        if config.profile == "xsr-raw":
            return {**ways, "elastic_buffer": ElasticBuffer.latency}
        return {
            "framer": Framer.latency,
            **ways,
            "deskew": Deskew.latency,
            **({"widen": Widen.latency} if config.degradable else {}),
            "assembler": Assembler.latency,
            "elastic_buffer": ElasticBuffer.latency,
            "deframer": Deframer.latency,
        }

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        config = self.config
        bank = m.submodules.bank = Bank(self.registers, addr_width=ADDRESS_BITS)
        wiring.connect(m, wiring.flipped(self.csr), bank.bus)
        field = bank.signal
        bring_up = m.submodules.bring_up = BringUp(lanes=config.lanes)
        tx = m.submodules.tx = self._tx
        rx = self._rx
        m.submodules.rx = DomainRenamer("rx")(rx)
        clear = field("control.clear")
        rx_clear = cdc.PulseSynchronizer(i_domain="sync", o_domain="rx")
        m.submodules.clear = rx_clear
        m.d.comb += rx_clear.i.eq(clear)

        route = m.submodules.route = RoutePort()
        m.d.comb += [
            route.own_index.eq(field("sets.index")),
            route.own_save.eq(field("sets.save")),
            route.own_load.eq(field("sets.load")),
            route.up.eq(bring_up.up),
            bring_up.hold.eq(route.frozen),
            bring_up.warm.eq(route.warm),
            self.frame_good.eq(route.frame_good),
        ]
        for name in ("freeze", "pause", "save", "load", "index"):
            m.d.comb += getattr(route, name).eq(getattr(self, f"route_{name}"))

        self._controls(m, field, bring_up, tx, rx, rx_clear.o, route)
        elastic, deframer = self._frames(m, field, bring_up, tx, rx, route)
        m.d.comb += route.good.eq(deframer.received)
        self._bring_up(m, field, bring_up, rx)
        self._partner(m, field, bring_up, tx, rx)
        m.d.comb += [self.tx_codes.eq(tx.codes), rx.samples.eq(self.rx_samples)]
        m.d.comb += [self.rx_phase.eq(rx.phase), self.rx_decisions.eq(rx.decisions)]

        # Counters and status.
        events: dict[str, Value] = {
            "frames_sent": tx.sent,
            "frames_aborted": tx.aborted,
            "frames_received": deframer.received,
            "frames_errored": deframer.errored,
            "rows_inserted": elastic.inserted,
        }
        for name, event in events.items():
            counter = m.submodules[name] = Counter()
            m.d.comb += [counter.add.eq(event), counter.clear.eq(clear)]
            m.d.comb += field(f"counter.{name}.value").eq(counter.value)
        rx_events: dict[str, Value] = {
            "rows_deleted": elastic.deleted,
            "rows_overflow": elastic.overflow,
            "marker_errors": rx.marker_error,
            "skew_errors": rx.skew_error,
        }
        rx_values: dict[str, Value] = {}
        for name, event in rx_events.items():
            counter = m.submodules[name] = DomainRenamer("rx")(Counter())
            m.d.comb += [counter.add.eq(event), counter.clear.eq(rx_clear.o)]
            rx_values[name] = counter.value
        self._status(m, field, bring_up, rx, rx_values)
        return m

    def _controls(
        self,
        m: Module,
        field: Lookup,
        bring_up: BringUp,
        tx: Transmitter,
        rx: Receiver,
        rx_clear: Value,
        route: RoutePort,
    ) -> None:
        """Registers and bring-up to the lanes; the loopback FIFO."""
        config = self.config
        loop = m.submodules.loop = fifo.AsyncFIFO(
            width=config.lanes * config.bits, depth=_LOOP_DEPTH, w_domain="sync", r_domain="rx"
        )
        loopback = field("control.loopback")
        told = tx.control
        dac_bits = config.tx_dac_bits
        m.d.comb += [
            tx.run.eq(~loopback | loop.w_rdy),
            loop.w_data.eq(tx.words),
            loop.w_en.eq(loopback),
            loop.r_en.eq(1),
            rx.loop_words.eq(loop.r_data),
            rx.loop_valid.eq(loop.r_rdy),
            told.enable.eq(field("control.enable")),
            told.prbs.eq(field("control.prbs") | loopback),
            told.train.eq(bring_up.train & field("control.training")),
            told.precode.eq(field("line.precode_tx")),
            told.inject.eq(field("control.inject")),
            tx.invert.eq(field("polarity.tx")),
        ]
        for tap in ("pre2", "pre", "main", "post"):
            m.d.comb += told[tap].eq(field(f"tx_ffe.{tap}")[:dac_bits].as_signed())
        controls: dict[str, tuple[Value, Value]] = {
            "cdr_run": (bring_up.cdr_run & ~loopback, rx.control.cdr_run),
            "equalizer_run": (
                bring_up.equalizer_run & ~field("control.freeze_eq"),
                rx.control.equalizer_run,
            ),
            "lock_run": (bring_up.lock_run, rx.control.lock_run),
            "align_run": (bring_up.align_run, rx.align),
            "freeze_cdr": (field("control.freeze_cdr"), rx.control.freeze_cdr),
            "coast": (bring_up.coast, rx.control.coast),
            "prbs": (field("control.prbs"), rx.control.prbs),
            "loopback": (loopback, rx.control.loopback),
            "invert": (field("polarity.rx"), rx.invert),
            "bypass": (field("line.fec_bypass"), rx.control.bypass),
            "precode": (field("line.precode_rx"), rx.control.precode),
            "signal_threshold": (field("line.signal_threshold"), rx.control.signal_threshold),
            "set_index": (route.set_index, rx.control.set_index),
            "eye_eye": (field("eye.eye"), rx.control.eye_eye),
            "eye_phase": (field("eye.phase"), rx.control.eye_phase),
            "eye_offset": (field("eye_offset.offset"), rx.control.eye_offset),
            "eye_words": (field("eye_words.words"), rx.control.eye_words),
        }
        pulses: dict[str, tuple[Value, Value]] = {
            "set_save": (route.set_save, rx.control.set_save),
            "set_load": (route.set_load, rx.control.set_load),
            "eye_start": (field("eye.start"), rx.control.eye_start),
        }
        for name, (value, target) in pulses.items():
            pulse = m.submodules[name] = cdc.PulseSynchronizer(i_domain="sync", o_domain="rx")
            m.d.comb += [pulse.i.eq(value), target.eq(pulse.o)]
        if config.degradable:
            controls["excluded"] = (~bring_up.use, rx.excluded)
        for name, (value, target) in controls.items():
            # A register first: what is synchronized must not glitch.
            source = Signal(len(target), name=f"{name}_held")
            seen = Signal(len(target), name=f"rx_{name}")
            m.d.sync += source.eq(value)
            m.d.comb += target.eq(seen)
            m.submodules[f"sync_{name}"] = cdc.FFSynchronizer(source, seen, o_domain="rx")
        m.d.comb += rx.control.clear.eq(rx_clear)

    def _frames(
        self,
        m: Module,
        field: Lookup,
        bring_up: BringUp,
        tx: Transmitter,
        rx: Receiver,
        route: RoutePort,
    ) -> tuple[ElasticBuffer, Deframer | RawDeframer]:
        """Rows to the core clock, frames out, and back in far loopback."""
        total = self.config.blocks * self.config.lanes
        elastic = m.submodules.elastic = ElasticBuffer(lanes=total)
        raw = self.config.profile == "xsr-raw"
        deframer = (RawDeframer if raw else Deframer)(lanes=total)
        m.submodules.deframer = deframer
        was_aligned = Signal()
        m.d.rx += was_aligned.eq(rx.aligned)
        m.d.comb += [
            elastic.i.eq(rx.o),
            elastic.i_valid.eq(rx.o_valid),
            elastic.cut.eq(was_aligned & ~rx.aligned),
            elastic.slot.eq(tx.slot),
            elastic.active.eq(bring_up.aligned),
            tx.enable.eq(bring_up.up),
        ]
        wiring.connect(m, elastic.o, deframer.i)
        far = field("control.far_loopback")
        # Paused, the frame under way still ends.
        inside = Signal()
        flow = Signal()
        ready = Signal()
        m.d.comb += [flow.eq(inside | ~route.paused), ready.eq(flow & tx.i.ready)]
        with m.If(tx.i.valid & tx.i.ready):
            m.d.sync += inside.eq(~tx.i.payload.last)
        m.d.comb += [
            tx.i.payload.eq(Mux(far, deframer.o.payload, self.i.payload)),
            tx.i.valid.eq(flow & Mux(far, deframer.o.valid, self.i.valid)),
            self.i.ready.eq(~far & ready),
            self.o.payload.eq(deframer.o.payload),
            self.o.valid.eq(~far & deframer.o.valid),
            deframer.o.ready.eq(Mux(far, ready, self.o.ready)),
        ]
        return elastic, deframer

    def _bring_up(self, m: Module, field: Lookup, bring_up: BringUp, rx: Receiver) -> None:
        for index, step in enumerate(STEPS):
            m.d.comb += bring_up.limits.word_select(index, 32).eq(field(f"timeout.{step}.clocks"))
        for index, step in enumerate((*STEPS, "up")):
            m.d.comb += field(f"lock_time.{step}.clocks").eq(bring_up.times.word_select(index, 32))
        m.d.comb += [
            bring_up.enable.eq(field("control.enable")),
            bring_up.prbs.eq(field("control.prbs")),
            bring_up.loopback.eq(field("control.loopback")),
            bring_up.attempt_limit.eq(field("attempt_limit.value")),
            field("status.state").eq(bring_up.state),
            field("status.fail_reason").eq(bring_up.fail_reason),
            field("status.up").eq(bring_up.up),
            field("status.aligned").eq(bring_up.aligned),
            field("status.remote_ready").eq(bring_up.remote_ready),
            field("status.attempts").eq(bring_up.attempts),
            field("counter.downs.value").eq(bring_up.downs),
            field("lanes.used").eq(bring_up.use),
            self.link_up.eq(bring_up.up),
            self.state.eq(bring_up.state),
            self.lanes_locked.eq(bring_up.block_lock),
        ]
        if self.config.degradable:
            m.d.comb += [
                bring_up.degrade.eq(field("control.degrade")),
                bring_up.excluded.eq(field("excluded.lanes")),
            ]
        synchronized: dict[str, tuple[Value, Signal]] = {
            "signal": (self.rx_signal_detect, bring_up.signal),
            "cdr_locked": (rx.cdr_locked, bring_up.cdr_locked),
            "equalized": (rx.settled, bring_up.equalized),
            "block_lock": (rx.block_lock, bring_up.block_lock),
            "aligned": (rx.aligned, bring_up.aligned),
            "remote_ready": (rx.remote_ready, bring_up.remote_ready),
        }
        for name, (source, target) in synchronized.items():
            m.submodules[f"sync_{name}"] = cdc.FFSynchronizer(source, target)

    def _partner(
        self, m: Module, field: Lookup, bring_up: BringUp, tx: Transmitter, rx: Receiver
    ) -> None:
        """Talk to the far end in the markers: round trip, lanes heard and used."""
        lanes = self.config.lanes
        partner = m.submodules.partner = Partner(lanes=lanes)
        heard = Signal(lanes)
        m.submodules.sync_heard = cdc.FFSynchronizer(rx.present, heard)
        m.d.comb += [
            partner.ready.eq(bring_up.ready),
            partner.heard.eq(heard),
            partner.announce.eq(tx.announce),
            partner.applied.eq(tx.applied),
            partner.marker.eq(tx.marker),
            partner.remote.eq(rx.remote),
            partner.remote_new.eq(rx.remote_new),
            partner.forget.eq(~bring_up.align_run),
            self.route_told.eq(partner.told),
            tx.marker_word.eq(partner.word),
            field("round_trip.clocks").eq(partner.round_trip),
            field("lanes.active").eq(tx.applied),
        ]
        m.submodules.tell = tell = SteadyWord(8)
        m.d.comb += [tell.i.eq(self.route_tell), partner.tell.eq(tell.o)]
        if self.config.degradable:
            # Lanes do not change under frames.
            with m.If(~bring_up.up):
                m.d.sync += tx.wanted.eq(partner.far_heard & ~field("excluded.lanes"))

    def _status(
        self,
        m: Module,
        field: Lookup,
        bring_up: BringUp,
        rx: Receiver,
        rx_values: Mapping[str, Value],
    ) -> None:
        """Bring the wide status of ``rx`` to the registers in one snapshot."""
        config = self.config
        layout = data.StructLayout(
            {
                "counters": data.ArrayLayout(32, len(rx_values)),
                "lane_ids": 4 * config.lanes,
                "skews": 7 * config.lanes,
                "histogram": 32 * BINS if config.fec else 0,
                "lanes": rx.status.shape(),
            }
        )
        snapshot = m.submodules.snapshot = Snapshot(width=layout.size, source="rx", target="sync")
        sent = Signal(layout)
        seen = Signal(layout)
        m.d.comb += [
            snapshot.i.eq(sent),
            seen.eq(snapshot.o),
            sent.lane_ids.eq(rx.lane_ids),
            sent.skews.eq(rx.skews),
            sent.lanes.eq(rx.status),
            sent.histogram.eq(rx.histogram),
        ]
        for index, (name, value) in enumerate(rx_values.items()):
            m.d.comb += sent.counters[index].eq(value)
            m.d.comb += field(f"counter.{name}.value").eq(seen.counters[index])
        if config.fec:
            for number in range(BINS):
                count = seen.histogram.word_select(number, 32)
                m.d.comb += field(f"fec_histogram[{number}].value").eq(count)
        for number in range(config.lanes):
            show_lane(m, field, number, seen.lanes[number], config)
            at = f"lane[{number}].status"
            m.d.comb += [
                field(f"{at}.signal").eq(bring_up.signal[number]),
                field(f"{at}.cdr_locked").eq(bring_up.cdr_locked[number]),
                field(f"{at}.settled").eq(bring_up.equalized[number]),
                field(f"{at}.block_lock").eq(bring_up.block_lock[number]),
                field(f"{at}.lane_id").eq(seen.lane_ids.word_select(number, 4)),
                field(f"{at}.skew").eq(seen.skews.word_select(number, 7)),
            ]


def generate(serdes: design.Serdes, directory: Path) -> RtlManifest:
    """Write ``serdes.v`` and its manifest for a design's SerDes into `directory`."""
    config = Config.from_design(serdes)
    top = Serdes(config)
    return verilog.emit(
        top,
        "serdes",
        directory=directory,
        domains={
            "rx_samples": "rx",
            "rx_phase": "rx",
            "rx_decisions": "rx",
            "rx_signal_detect": "",
            **{
                f"route_{name}": "" for name in ("freeze", "pause", "save", "load", "index", "tell")
            },
        },
        parameters={
            "profile": config.profile,
            "modulation": config.modulation,
            "lanes": config.lanes,
            "symbols_per_clock": config.symbols_per_clock,
            "adc_bits": config.adc_bits,
            "tx_dac_bits": config.tx_dac_bits,
            "rx_ffe_taps": config.rx_ffe_taps,
            "rx_dfe": int(config.rx_dfe),
            "phase_steps": config.phase_steps,
            "marker_rows": config.marker_rows,
            "word_bytes": config.word_bytes,
        },
        registers=top.registers.manifest(),
        latency=top.latency,
    )
