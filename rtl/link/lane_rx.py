"""Receive lane: samples to rows' blocks."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data as layouts
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link.config import Config
from lightloom.rtl.link.counter import Counter
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pma.rx_lane import RxLane

__all__ = ["PRBS_WORDS_BITS", "LaneRx", "control", "status"]

PRBS_WORDS_BITS = 48


def control(config: Config) -> layouts.StructLayout:
    """What all receive lanes are told alike.

    `cdr_run`, `equalizer_run`, `lock_run`: let clock recovery, adaptation, block lock work.
    `freeze_cdr`: hold the phase. `coast`: the line is interrupted. `prbs`: check the test pattern.
    `clear`: set the counters to 0. `loopback`: use words of the near-end transmitter in place of
    decisions. `bypass`: mark codewords with errors in place of correcting them. The others: as
    `pma.rx_lane.RxLane`.
    """
    flags = (
        "cdr_run",
        "equalizer_run",
        "lock_run",
        "freeze_cdr",
        "coast",
        "prbs",
        "clear",
        "loopback",
    )
    form = config.rx_format
    return layouts.StructLayout(
        {
            **dict.fromkeys(flags, 1),
            "bypass": 1,
            "precode": 1,
            "signal_threshold": form.sample_bits,
            "set_index": 4,
            "set_save": 1,
            "set_load": 1,
            "eye_eye": 2,
            "eye_offset": signed(form.value_bits),
            "eye_phase": signed(8),
            "eye_words": 24,
            "eye_start": 1,
        }
    )


def status(config: Config) -> layouts.StructLayout:
    """Layout of the status of a lane, as it crosses to the registers."""
    form = config.rx_format
    return layouts.StructLayout(
        {
            "phase": 12,
            "frequency": 16,
            "taps": max(1, form.ffe_taps - 1) * form.tap_bits,
            "dfe": form.dfe_bits,
            "level": form.level_bits,
            "levels": form.levels * (form.level_bits + 1),
            "signal_detect": 1,
            "sets": max(1, form.sets),
            "eye_busy": 1,
            "eye_hits": 32,
            "eye_above": 32,
            "prbs_locked": 1,
            "prbs_errors": 32,
            "prbs_words": PRBS_WORDS_BITS,
            "header_errors": 32,
            "block_errors": 32,
            "fec_corrected": 32,
            "fec_uncorrectable": 32,
            "fec_symbol_errors": 32,
        }
    )


class LaneRx(wiring.Component):
    """One lane of the receiver: receive lane of `pma`, line coder of the profile, counters.

    Works in ``sync``; rename it to the recovered clock. Latency: `RxFormat.decision_latency` clocks
    to the decisions, then ``coder.latency``. All that differs between lanes are inputs.

    Parameters
    ----------
    config : Config
        Widths and number formats.
    coder : component
        Receive coder of the profile (`link.coders`).

    Members
    -------
    samples : Signal(width * sample_bits), in
        Samples of the symbols of one clock.
    control : Signal(control(config)), in
        Common to all lanes.
    invert : Signal(), in
        Polarity.
    loop_word, loop_valid : Signal(bits), Signal(), in
        Word of the near-end transmitter.
    decisions : Signal(bits), out
        Decided bits.
    phase : Signal(12), out
        Phase interpolator code.
    cdr_locked, settled, block_lock : Signal(), out
        State.
    kinds, data : Signal(4 * blocks), Signal(64 * blocks), out
        Blocks of a row of this lane, with ``valid``.
    valid : Signal(), out
        A row is present and block lock is held.
    codeword, codeword_errors : Signal(), Signal(4), out
        With FEC: a codeword is done that was not uncorrectable, and its symbol errors.
    status : Signal(status(config)), out
        Values for the registers.
    """

    samples: Signal
    control: layouts.View
    invert: Signal
    loop_word: Signal
    loop_valid: Signal
    decisions: Signal
    phase: Signal
    cdr_locked: Signal
    settled: Signal
    block_lock: Signal
    kinds: Signal
    data: Signal
    valid: Signal
    codeword: Signal
    codeword_errors: Signal
    status: layouts.View

    def __init__(self, config: Config, coder: Any) -> None:
        """Declare the members."""
        self.config = config
        self.coder = coder
        self._pma = RxLane(config.rx_format)
        bits = config.bits
        super().__init__(
            {
                "samples": In(config.symbols_per_clock * config.adc_bits),
                "control": In(control(config)),
                "invert": In(1),
                "loop_word": In(bits),
                "loop_valid": In(1),
                "decisions": Out(bits),
                "phase": Out(12),
                "cdr_locked": Out(1),
                "settled": Out(1),
                "block_lock": Out(1),
                "kinds": Out(4 * coder.blocks),
                "data": Out(64 * coder.blocks),
                "valid": Out(1),
                "codeword": Out(1),
                "codeword_errors": Out(4),
                "status": Out(status(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        pma = m.submodules.pma = self._pma
        coder = m.submodules.coder = self.coder
        told = self.control
        m.d.comb += [
            pma.samples.eq(self.samples),
            pma.enable.eq(told.cdr_run),
            pma.freeze_cdr.eq(told.freeze_cdr),
            pma.freeze_eq.eq(~told.equalizer_run),
            pma.coast.eq(told.coast),
            pma.prbs_enable.eq(told.prbs),
            pma.invert.eq(self.invert),
            pma.precode.eq(told.precode),
            pma.signal_threshold.eq(told.signal_threshold),
            pma.set_index.eq(told.set_index),
            pma.set_save.eq(told.set_save),
            pma.set_load.eq(told.set_load),
            pma.eye_eye.eq(told.eye_eye),
            pma.eye_offset.eq(told.eye_offset),
            pma.eye_phase.eq(told.eye_phase),
            pma.eye_words.eq(told.eye_words),
            pma.eye_start.eq(told.eye_start),
            self.decisions.eq(pma.decisions),
            self.phase.eq(pma.phase),
            self.cdr_locked.eq(pma.cdr_locked),
            self.settled.eq(pma.settled),
            coder.i.eq(Mux(told.loopback, self.loop_word, pma.decisions)),
            coder.i_valid.eq(~told.loopback | self.loop_valid),
            coder.run.eq(told.lock_run),
            self.block_lock.eq(coder.locked),
            self.kinds.eq(coder.kinds),
            self.data.eq(coder.data),
            self.valid.eq(coder.valid),
        ]

        errors = m.submodules.header_errors = Counter(add_width=len(coder.header_errors))
        blocks = m.submodules.block_errors = Counter()
        kinds = [self.kinds.word_select(n, 4) for n in range(coder.blocks)]
        prbs_errors = m.submodules.prbs_errors = Counter(add_width=len(pma.prbs_errors))
        prbs_words = m.submodules.prbs_words = Counter(width=PRBS_WORDS_BITS)
        m.d.comb += [
            errors.add.eq(coder.header_errors),
            blocks.add.eq(self.valid & Cat(kind == Kind.ERROR for kind in kinds).any()),
            prbs_errors.add.eq(pma.prbs_errors),
            prbs_words.add.eq(pma.prbs_valid),
            self.status.phase.eq(pma.phase),
            self.status.frequency.eq(pma.frequency),
            self.status.taps.eq(pma.taps),
            self.status.dfe.eq(pma.dfe),
            self.status.level.eq(pma.level),
            self.status.levels.eq(pma.levels),
            self.status.signal_detect.eq(pma.signal_detect),
            self.status.sets.eq(pma.set_valid),
            self.status.eye_busy.eq(pma.eye_busy),
            self.status.eye_hits.eq(pma.eye_hits),
            self.status.eye_above.eq(pma.eye_above),
            self.status.prbs_locked.eq(pma.prbs_locked),
            self.status.prbs_errors.eq(prbs_errors.value),
            self.status.prbs_words.eq(prbs_words.value),
            self.status.header_errors.eq(errors.value),
            self.status.block_errors.eq(blocks.value),
        ]
        counters = [errors, blocks, prbs_errors, prbs_words]
        if self.config.fec is not None:
            m.d.comb += [
                coder.bypass.eq(told.bypass),
                self.codeword.eq(coder.codeword & ~coder.uncorrectable),
                self.codeword_errors.eq(coder.symbol_errors),
            ]
            for name in ("corrected", "uncorrectable", "symbol_errors"):
                event = getattr(coder, name)
                counter = m.submodules[f"fec_{name}"] = Counter(add_width=len(event))
                m.d.comb += [
                    counter.add.eq(event),
                    self.status[f"fec_{name}"].eq(counter.value),
                ]
                counters.append(counter)
        for counter in counters:
            m.d.comb += counter.clear.eq(told.clear)
        return m
