"""The SerDes of one xPU: frames in and out, line codes and samples at the analogue side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from amaranth import Cat, Module, Signal, Value
from amaranth.hdl import DomainRenamer
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl import verilog
from lightloom.rtl.csr import axi_lite, rdl
from lightloom.rtl.csr.bank import Bank
from lightloom.rtl.link import coders
from lightloom.rtl.link.bring_up import BringUp
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.counter import Counter
from lightloom.rtl.link.crossing import cdc
from lightloom.rtl.link.elastic_buffer import ElasticBuffer
from lightloom.rtl.link.lane_rx import LaneRx, status
from lightloom.rtl.link.lane_tx import LaneTx
from lightloom.rtl.link.snapshot import Snapshot
from lightloom.rtl.pcs.assembler import Assembler
from lightloom.rtl.pcs.deframer import Deframer
from lightloom.rtl.pcs.deskew import Deskew
from lightloom.rtl.pcs.framer import Framer
from lightloom.rtl.pcs.row import Spread, frame_word
from lightloom.rtl.pma.tx_lane import TxLane
from lightloom.spec import design
from lightloom.spec.rtl_manifest import RtlManifest

__all__ = ["ADDRESS_BITS", "Serdes", "generate", "latency", "registers"]

ADDRESS_BITS = 12
_LOOP_DEPTH = 8
Lookup = Callable[[str], Signal]
"""Finds the signal of a register field by its path."""
_STEPS = ("signal", "cdr", "equalize", "block_lock", "align")


def registers(config: Config) -> rdl.Description:
    """Register description for `config`."""
    pre, main, post = (tap & 0xFF for tap in config.tx_ffe[-3:])
    limits = {f"LIMIT_{n.upper()}": v for n, v in zip(_STEPS, config.limits, strict=True)}
    return rdl.load(
        Path(__file__).with_name("serdes.rdl"),
        "serdes",
        {
            "LANES": config.lanes,
            "SYMBOLS_PER_CLOCK": config.symbols_per_clock,
            "PHASE_STEPS": config.phase_steps,
            "ATTEMPT_LIMIT": config.attempt_limit,
            "TX_PRE": pre,
            "TX_MAIN": main,
            "TX_POST": post,
            **limits,
        },
    )


def latency(config: Config) -> dict[str, int]:
    """Clocks of each stage from ``i`` to ``o`` in path order, empty buffers, skew apart.

    A frame's word waits further for its START row, and up to one row time where the gearboxes hold
    bits back; a word that is not the last of its frame waits in the deframer for the row after it.
    Transmit stages and the last two count core clocks, the others clocks of ``rx``.
    """
    return {
        "framer": Framer.latency,
        "tx_pcs": coders.transmit(config).latency,
        "tx_pma": TxLane.LATENCY,
        "rx_pma": config.rx_format.decision_latency,
        "rx_pcs": coders.receive(config).latency,
        "deskew": Deskew.latency,
        "assembler": Assembler.latency,
        "elastic_buffer": ElasticBuffer.latency,
        "deframer": Deframer.latency,
    }


def _seed(lane: int, bits: int) -> int:
    """Start of a lane's scrambler or pattern: odd multiples of the golden ratio, never zero."""
    return (0x9E37_79B9_7F4A_7C15 * (2 * lane + 1)) >> 3 & ((1 << bits) - 1) | 1


class Serdes(wiring.Component):
    """SerDes of one xPU, all lanes, both directions.

    Domains: ``sync`` is the core and transmit clock, ``rx`` the recovered word clock; their rates
    may differ by `elastic_buffer.rate_limit_ppm`. Reset of both is synchronous; the two may come
    and go in any order.

    Throughput: one row of 8 bytes a lane in 32 of 33 clocks at 64 symbols a clock, less the START
    row of each frame, the END row of frames with a full last word and a marker row every
    `Config.marker_rows`. Latency by stage: `latency`. Back-pressure: ``i.ready`` is low while the
    link is down. ``o.ready`` low fills the elastic buffer; rows that find it full are lost and
    their frame ends with ``error``.

    Loopback (register control.loopback): the coded words of each lane go through a small
    asynchronous FIFO into the receive PCS of the same lane in place of decisions. The transmit PCS
    pauses when the FIFO is full and the receive PCS when it is empty, so any two clock rates work;
    the line carries PRBS31 meanwhile.

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

    def __init__(self, config: Config) -> None:
        """Read the registers' description and declare the members."""
        self.config = config
        self.registers = registers(config)
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
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        lanes = self.config.lanes
        bank = m.submodules.bank = Bank(self.registers, addr_width=ADDRESS_BITS)
        wiring.connect(m, wiring.flipped(self.csr), bank.bus)
        field = bank.signal
        bring_up = m.submodules.bring_up = BringUp(lanes=lanes)
        clear = field("control.clear")

        framer, words, advance, slot = self._transmitter(m, field, bring_up)
        deskew, lane_rx, rx_clear = self._receiver(m, field, bring_up, words, advance)

        # Rows to the core clock, frames out.
        total = self.config.blocks * lanes
        assembler = m.submodules.assembler = DomainRenamer("rx")(Assembler(lanes=total))
        elastic = m.submodules.elastic = ElasticBuffer(lanes=total)
        deframer = m.submodules.deframer = Deframer(lanes=total)
        was_aligned = Signal()
        m.d.rx += was_aligned.eq(deskew.aligned)
        m.d.comb += [
            assembler.kinds.eq(deskew.o_kinds),
            assembler.data.eq(deskew.o_data),
            assembler.valid.eq(deskew.o_valid),
            elastic.i.eq(assembler.o),
            elastic.i_valid.eq(assembler.o_valid),
            elastic.cut.eq(was_aligned & ~deskew.aligned),
            elastic.slot.eq(slot),
            elastic.active.eq(bring_up.aligned),
        ]
        wiring.connect(m, elastic.o, deframer.i)
        wiring.connect(m, deframer.o, wiring.flipped(self.o))
        wiring.connect(m, wiring.flipped(self.i), framer.i)

        # Bring-up.
        for index, step in enumerate(_STEPS):
            m.d.comb += bring_up.limits.word_select(index, 32).eq(field(f"timeout.{step}.clocks"))
        for index, step in enumerate((*_STEPS, "up")):
            m.d.comb += field(f"lock_time.{step}.clocks").eq(
                bring_up.times.word_select(index, 32)
            )
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
            self.link_up.eq(bring_up.up),
            self.state.eq(bring_up.state),
            self.lanes_locked.eq(bring_up.block_lock),
        ]
        synchronized: dict[str, tuple[Value, Signal]] = {
            "signal": (self.rx_signal_detect, bring_up.signal),
            "cdr_locked": (Cat(lane.cdr_locked for lane in lane_rx), bring_up.cdr_locked),
            "equalized": (Cat(lane.settled for lane in lane_rx), bring_up.equalized),
            "block_lock": (Cat(lane.block_lock for lane in lane_rx), bring_up.block_lock),
            "aligned": (deskew.aligned, bring_up.aligned),
            "remote_ready": (deskew.remote_ready, bring_up.remote_ready),
        }
        for name, (source, target) in synchronized.items():
            m.submodules[f"sync_{name}"] = cdc.FFSynchronizer(source, target)

        # Counters and status.
        events: dict[str, Value] = {
            "frames_sent": framer.sent,
            "frames_aborted": framer.aborted,
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
            "marker_errors": deskew.marker_error,
            "skew_errors": deskew.skew_error,
        }
        rx_values: dict[str, Value] = {}
        for name, event in rx_events.items():
            counter = m.submodules[name] = DomainRenamer("rx")(Counter())
            m.d.comb += [counter.add.eq(event), counter.clear.eq(rx_clear)]
            rx_values[name] = counter.value
        self._status(m, field, bring_up, deskew, lane_rx, rx_values)
        return m

    def _transmitter(
        self, m: Module, field: Lookup, bring_up: BringUp
    ) -> tuple[Framer, Value, Signal, Signal]:
        """Frames to codes; returns the framer, the words for loopback, their strobe, the slot."""
        config = self.config
        lanes, width = config.lanes, config.symbols_per_clock
        blocks = config.blocks
        framer = Framer(lanes=blocks * lanes, marker_rows=config.marker_rows)
        m.submodules.framer = framer
        spread = m.submodules.spread = Spread(lanes=blocks * lanes)
        advance = Signal()
        slot = Signal()
        m.d.comb += [
            framer.enable.eq(bring_up.up),
            framer.slot.eq(slot),
            spread.kind.eq(framer.o.kind),
            spread.count.eq(framer.o.count),
        ]
        words: list[Value] = []
        slots: list[Value] = []
        for number in range(lanes):
            lane = LaneTx(config, coders.transmit(config))
            m.submodules[f"lane_tx_{number}"] = lane
            # Registers and not constants: a constant would be folded into the lane's module, and no
            # two lanes would be alike in the Verilog.
            identity = Signal(8, init=number, name=f"lane_number_{number}")
            seed = Signal(58, init=_seed(number, 58), name=f"lane_seed_{number}")
            m.d.sync += [identity.eq(number), seed.eq(_seed(number, 58))]
            m.d.comb += [
                lane.kinds.eq(spread.kinds.word_select(number, 4 * blocks)),
                lane.data.eq(framer.o.data.word_select(number, 64 * blocks)),
                lane.marker.eq(Cat(identity, bring_up.ready)),
                lane.seed.eq(seed),
                lane.run.eq(advance),
                lane.enable.eq(field("control.enable")),
                lane.prbs_enable.eq(field("control.prbs") | field("control.loopback")),
                lane.prbs_seed.eq(seed[:31]),
                lane.inject.eq(field("control.inject")),
                lane.pre.eq(field("tx_ffe.pre")[: config.tx_dac_bits].as_signed()),
                lane.main.eq(field("tx_ffe.main")[: config.tx_dac_bits].as_signed()),
                lane.post.eq(field("tx_ffe.post")[: config.tx_dac_bits].as_signed()),
                self.tx_codes.word_select(number, width * config.tx_dac_bits).eq(lane.codes),
            ]
            slots.append(lane.slot)
            words.append(lane.word)
        # All lanes' gearboxes move together; asking all keeps the lanes' modules equal.
        m.d.comb += slot.eq(Cat(slots).all())
        return framer, Cat(words), advance, slot

    def _receiver(
        self, m: Module, field: Lookup, bring_up: BringUp, words: Value, advance: Signal
    ) -> tuple[Deskew, list[LaneRx], Signal]:
        """Samples to rows; returns the deskew, the lanes and the counters' clear in ``rx``."""
        config = self.config
        lanes, width, blocks = config.lanes, config.symbols_per_clock, config.blocks
        loop = m.submodules.loop = fifo.AsyncFIFO(
            width=lanes * config.bits, depth=_LOOP_DEPTH, w_domain="sync", r_domain="rx"
        )
        loopback = field("control.loopback")
        m.d.comb += [
            advance.eq(~loopback | loop.w_rdy),
            loop.w_data.eq(words),
            loop.w_en.eq(loopback),
        ]
        freeze_eq = Signal()
        m.d.comb += freeze_eq.eq(field("control.freeze_eq"))
        controls: dict[str, Value] = {
            "cdr_run": bring_up.cdr_run & ~loopback,
            "equalizer_run": bring_up.equalizer_run & ~freeze_eq,
            "lock_run": bring_up.lock_run,
            "align_run": bring_up.align_run,
            "freeze_cdr": field("control.freeze_cdr"),
            "prbs_enable": field("control.prbs"),
            "loopback": loopback,
        }
        rx: dict[str, Signal] = {}
        for name, value in controls.items():
            # A register first: what is synchronized must not glitch.
            source = Signal(name=f"{name}_held")
            rx[name] = Signal(name=f"rx_{name}")
            m.d.sync += source.eq(value)
            m.submodules[f"sync_{name}"] = cdc.FFSynchronizer(source, rx[name], o_domain="rx")
        clear = m.submodules.clear = cdc.PulseSynchronizer(i_domain="sync", o_domain="rx")
        m.d.comb += clear.i.eq(field("control.clear"))
        m.d.comb += loop.r_en.eq(1)

        deskew = Deskew(lanes=lanes, depth=config.deskew_depth, blocks=blocks)
        m.submodules.deskew = DomainRenamer("rx")(deskew)
        m.d.comb += deskew.enable.eq(rx["align_run"])
        lane_rx: list[LaneRx] = []
        for number in range(lanes):
            lane = LaneRx(config, coders.receive(config))
            m.submodules[f"lane_rx_{number}"] = DomainRenamer("rx")(lane)
            m.d.comb += [
                lane.samples.eq(self.rx_samples.word_select(number, width * config.adc_bits)),
                lane.cdr_run.eq(rx["cdr_run"]),
                lane.equalizer_run.eq(rx["equalizer_run"]),
                lane.lock_run.eq(rx["lock_run"]),
                lane.freeze_cdr.eq(rx["freeze_cdr"]),
                lane.prbs_enable.eq(rx["prbs_enable"]),
                lane.clear.eq(clear.o),
                lane.loopback.eq(rx["loopback"]),
                lane.loop_word.eq(loop.r_data.word_select(number, config.bits)),
                lane.loop_valid.eq(loop.r_rdy),
                self.rx_phase.word_select(number, 12).eq(lane.phase),
                self.rx_decisions.word_select(number, config.bits).eq(lane.decisions),
                deskew.kinds.word_select(number, 4 * blocks).eq(lane.kinds),
                deskew.data.word_select(number, 64 * blocks).eq(lane.data),
                deskew.valid[number].eq(lane.valid),
                deskew.locked[number].eq(lane.block_lock),
            ]
            lane_rx.append(lane)
        return deskew, lane_rx, clear.o

    def _status(
        self,
        m: Module,
        field: Lookup,
        bring_up: BringUp,
        deskew: Deskew,
        lane_rx: list[LaneRx],
        rx_values: Mapping[str, Value],
    ) -> None:
        """Bring the wide status of ``rx`` to the registers in one snapshot."""
        config = self.config
        form = config.rx_format
        layout = data.StructLayout(
            {
                "counters": data.ArrayLayout(32, len(rx_values)),
                "lane_ids": 4 * config.lanes,
                "skews": 7 * config.lanes,
                "prbs_locked": config.lanes,
                "lanes": data.ArrayLayout(status(form), config.lanes),
            }
        )
        snapshot = m.submodules.snapshot = Snapshot(
            width=layout.size, source="rx", target="sync"
        )
        sent = Signal(layout)
        seen = Signal(layout)
        m.d.comb += [
            snapshot.i.eq(sent),
            seen.eq(snapshot.o),
            sent.lane_ids.eq(deskew.lane_ids),
            sent.skews.eq(deskew.skews),
        ]
        for index, (name, value) in enumerate(rx_values.items()):
            m.d.comb += sent.counters[index].eq(value)
            m.d.comb += field(f"counter.{name}.value").eq(seen.counters[index])
        for number, lane in enumerate(lane_rx):
            at = f"lane[{number}]"
            held = Signal(16, name=f"prbs_words_high_{number}")
            here = seen.lanes[number]
            with m.If(field(f"{at}.prbs_words.value_swacc")):
                m.d.sync += held.eq(here.prbs_words[32:])
            m.d.comb += [
                sent.lanes[number].eq(lane.status),
                sent.prbs_locked[number].eq(lane.prbs_locked),
                field(f"{at}.status.signal").eq(bring_up.signal[number]),
                field(f"{at}.status.cdr_locked").eq(bring_up.cdr_locked[number]),
                field(f"{at}.status.settled").eq(bring_up.equalized[number]),
                field(f"{at}.status.prbs_locked").eq(seen.prbs_locked[number]),
                field(f"{at}.status.block_lock").eq(bring_up.block_lock[number]),
                field(f"{at}.status.lane_id").eq(seen.lane_ids.word_select(number, 4)),
                field(f"{at}.status.skew").eq(seen.skews.word_select(number, 7)),
                field(f"{at}.phase.code").eq(here.phase),
                field(f"{at}.phase.frequency").eq(here.frequency),
                field(f"{at}.level.level").eq(here.level),
                field(f"{at}.level.dfe").eq(here.dfe.as_signed()),
                field(f"{at}.prbs_errors.value").eq(here.prbs_errors),
                field(f"{at}.prbs_words.value").eq(here.prbs_words),
                field(f"{at}.prbs_words_high.value").eq(held),
                field(f"{at}.header_errors.value").eq(here.header_errors),
                field(f"{at}.block_errors.value").eq(here.block_errors),
            ]
            for tap in range(4):
                value: Value | int = 0
                if tap < form.ffe_taps - 1:
                    value = here.taps.word_select(tap, form.tap_bits).as_signed()
                m.d.comb += field(f"{at}.equalizer.tap_{tap}").eq(value)


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
        latency=latency(config),
    )
