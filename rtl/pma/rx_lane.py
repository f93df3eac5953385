"""One receive lane: samples in, decided bits and a sampling phase out."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma import gray, prbs, precoder
from lightloom.rtl.pma.cdr import Cdr
from lightloom.rtl.pma.coefficient_sets import CoefficientSets
from lightloom.rtl.pma.eye_monitor import EyeMonitor
from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.lms import Lms
from lightloom.rtl.pma.observer import Observer
from lightloom.rtl.pma.rx_equalizer import RxEqualizer
from lightloom.rtl.pma.signal_detect import SignalDetect

__all__ = ["RxLane"]


class RxLane(wiring.Component):
    """Receive lane: equalizer, slicer, clock recovery, adaptation and pattern checker.

    Clock domain: `sync`; rename it to the recovered word clock where the lane is used. Every
    input is expected in that domain.
    Latency: ``config.decision_latency`` clocks from `samples` to `decisions`: 6 for NRZ with the
    feedback tap, 4 without, one more beyond five taps; 9 for PAM4 with the feedback tap, 6 without.
    Throughput: one word a clock, without back-pressure.
    Reset: phase 0, taps 0, outer level at half scale, nothing locked.

    PAM4 symbols are Gray coded (:mod:`lightloom.rtl.pma.gray`); with `precode` the precoding is
    undone before (:mod:`lightloom.rtl.pma.precoder`).

    Start-up: raise `enable` with light on; the clock recovery alone runs until `cdr_locked` when
    `freeze_eq` is high, then release `freeze_eq` and wait for `settled`. Running both at
    once works too, since the timing detector does not see the taps (:mod:`lightloom.rtl.pma.cdr`).

    Parameters
    ----------
    config : RxFormat
        Widths and number formats.
    order : int
        Degree of the test pattern's polynomial.

    Members
    -------
    samples : In(width * sample_bits)
        Two's complement samples, symbol `s` in bits `s * sample_bits` up; registered at once.
    enable : In(1)
        Low: loops are held at their start, nothing is locked.
    freeze_cdr : In(1)
        The phase and the frequency word stay.
    freeze_eq : In(1)
        Taps and level stay.
    coast : In(1)
        The phase goes on with the frequency alone, taps and level stay and the lock detector stands
        still: for a line that is known to be interrupted. A set can be loaded meanwhile.
    prbs_enable : In(1)
        Low holds the pattern checker at its start.
    prbs_freeze : In(1)
        The checker does not give up its lock.
    invert : In(1)
        The line has the other polarity.
    precode : In(1)
        PAM4: undo the precoding.
    decisions : Out(width * symbol_bits)
        Decided bits, the first in time in bit 0.
    phase : Out(12)
        Phase interpolator code, modulo 4096, in steps of the interpolator; more is later.
    cdr_locked : Out(1)
        Timing is found.
    settled : Out(1)
        Taps and level have stopped moving.
    taps : Out((ffe_taps - 1) * tap_bits)
        Side taps of the FFE, two's complement in 1/64 of the main tap, at the delays
        ``config.offsets``: pre-cursors first, the earliest in front, then post-cursors in order.
    dfe : Out(signed(config.dfe_bits))
        Feedback tap in quarter sample steps for a symbol of 1 (PAM4 symbols are -3, -1, 1, 3); 0
        without a DFE.
    level : Out(config.level_bits)
        Half the distance of the outer levels behind the equalizer, in quarter sample steps.
    levels : Out(config.levels * (level_bits + 1))
        All levels from the lowest, two's complement, in quarter sample steps.
    signal_threshold : In(sample_bits)
        Mean magnitude in sample steps that is a signal; 0 takes an eighth of full scale.
    signal_detect : Out(1)
        There is a signal; needs no lock.
    set_index : In(4), set_save : In(1), set_load : In(1)
        Save the coefficients to a set, or load them from one that is valid: taps, feedback tap,
        levels and frequency word. A load ends lock, which is then sought from there with the
        coefficients held, and `settled` is high at once. Only while `enable` is high. A loaded set
        is in force two clocks later.
    set_valid : Out(max(1, sets))
        Sets that were saved.
    eye_eye : In(2), eye_offset : In(signed(value_bits)), eye_phase : In(signed(8))
    eye_words : In(24)
        Settings of the eye monitor (:mod:`lightloom.rtl.pma.eye_monitor`). While `eye_phase` is
        not 0 the loops stand still and the data are those of another phase.
    eye_start : In(1)
        Begin a count.
    eye_busy : Out(1), eye_hits : Out(32), eye_above : Out(32)
        State and counts of the eye monitor; 0 without one.
    frequency : Out(signed(16))
        Frequency word of the loop: phase steps a word in units of 2**-12.
    prbs_locked : Out(1)
        The checker has found the pattern.
    prbs_errors : Out(range(width * symbol_bits + 1))
        Wrong bits of a checked word.
    prbs_valid : Out(1)
        `prbs_errors` counts: a word was checked.
    """

    samples: Signal
    enable: Signal
    freeze_cdr: Signal
    freeze_eq: Signal
    coast: Signal
    prbs_enable: Signal
    prbs_freeze: Signal
    invert: Signal
    precode: Signal
    decisions: Signal
    phase: Signal
    cdr_locked: Signal
    settled: Signal
    taps: Signal
    dfe: Signal
    level: Signal
    levels: Signal
    signal_threshold: Signal
    signal_detect: Signal
    set_index: Signal
    set_save: Signal
    set_load: Signal
    set_valid: Signal
    eye_eye: Signal
    eye_offset: Signal
    eye_phase: Signal
    eye_words: Signal
    eye_start: Signal
    eye_busy: Signal
    eye_hits: Signal
    eye_above: Signal
    frequency: Signal
    prbs_locked: Signal
    prbs_errors: Signal
    prbs_valid: Signal

    def __init__(self, config: RxFormat, *, order: int = 31) -> None:
        """See the class."""
        self.config = config
        self.order = order
        self._equalizer = RxEqualizer(config)
        self._observer = Observer(config)
        self._cdr = Cdr(config)
        self._lms = Lms(config)
        self._checker = prbs.Checker(width=config.width * config.symbol_bits, order=order)
        super().__init__(
            {
                "samples": In(config.width * config.sample_bits),
                "enable": In(1),
                "freeze_cdr": In(1),
                "freeze_eq": In(1),
                "coast": In(1),
                "prbs_enable": In(1),
                "prbs_freeze": In(1),
                "invert": In(1),
                "precode": In(1),
                "decisions": Out(config.width * config.symbol_bits),
                "phase": Out(12),
                "cdr_locked": Out(1),
                "settled": Out(1),
                "taps": Out(max(1, (config.ffe_taps - 1)) * config.tap_bits),
                "dfe": Out(signed(config.dfe_bits)),
                "level": Out(config.level_bits),
                "levels": Out(config.levels * (config.level_bits + 1)),
                "signal_threshold": In(config.sample_bits),
                "signal_detect": Out(1),
                "set_index": In(4),
                "set_save": In(1),
                "set_load": In(1),
                "set_valid": Out(max(1, config.sets)),
                "eye_eye": In(2),
                "eye_offset": In(signed(config.value_bits)),
                "eye_phase": In(signed(8)),
                "eye_words": In(24),
                "eye_start": In(1),
                "eye_busy": Out(1),
                "eye_hits": Out(32),
                "eye_above": Out(32),
                "frequency": Out(signed(16)),
                "prbs_locked": Out(1),
                "prbs_errors": Out(range(config.width * config.symbol_bits + 1)),
                "prbs_valid": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect the blocks."""
        m = Module()
        m.submodules.equalizer = equalizer = self._equalizer
        m.submodules.observer = observer = self._observer
        m.submodules.cdr = cdr = self._cdr
        m.submodules.lms = lms = self._lms
        m.submodules.checker = checker = self._checker

        # The loops start one clock after `enable`, when the first observation is there.
        m.submodules.detector = detector = SignalDetect(self.config)
        coast = Signal()
        width = self.config.width
        bits = self.config.level_bits + 1
        bottom = lms.levels[:bits].as_signed()
        top = lms.levels[-bits:].as_signed()
        m.d.comb += self.level.eq((top - bottom) >> 1)
        running = Signal()
        m.d.sync += running.eq(self.enable)
        m.d.comb += [
            equalizer.samples.eq(self.samples),
            equalizer.taps.eq(lms.taps),
            equalizer.dfe.eq(lms.dfe),
            equalizer.levels.eq(lms.levels),
            observer.decisions.eq(equalizer.decisions),
            observer.low.eq(equalizer.low),
            observer.coarse.eq(cdr.coarse),
            observer.observed_samples.eq(equalizer.observed_samples),
            observer.observed_values.eq(equalizer.observed_values),
            observer.negative.eq(equalizer.negative),
            observer.dfe.eq(lms.dfe),
            observer.levels.eq(lms.levels),
            observer.small_below.eq(cdr.small_below),
            cdr.timing.eq(observer.timing),
            cdr.magnitude.eq(observer.magnitude),
            cdr.small.eq(observer.small),
            cdr.enable.eq(running),
            cdr.freeze.eq(self.freeze_cdr),
            cdr.coast.eq(coast),
            lms.above.eq(observer.above),
            lms.high.eq(observer.high),
            lms.odd.eq(observer.odd),
            lms.amplitude.eq(cdr.amplitude),
            lms.rising.eq(observer.rising),
            lms.before.eq(observer.before),
            lms.positive.eq(observer.positive),
            # Out of lock the decisions teach nothing. Taps that were good are kept; those of a
            # search that found nothing were learned from wrong decisions.
            lms.load.eq(~running | (cdr.again & ~lms.settled)),
            lms.adapt.eq(cdr.locked & ~self.freeze_eq & ~coast),
            detector.magnitude.eq(observer.magnitude),
            detector.threshold.eq(self.signal_threshold),
            self.signal_detect.eq(detector.detect),
            checker.i.eq(self.decisions),
            checker.enable.eq(self.prbs_enable),
            checker.freeze.eq(self.prbs_freeze),
            self.frequency.eq(cdr.frequency),
            self.cdr_locked.eq(cdr.locked),
            self.taps.eq(lms.taps),
            self.dfe.eq(lms.dfe),
            self.levels.eq(lms.levels),
            self.settled.eq(lms.settled),
            self.prbs_locked.eq(checker.locked),
            self.prbs_errors.eq(checker.errors),
            self.prbs_valid.eq(checker.valid),
        ]
        if self.config.eye:
            m.submodules.eye = eye = EyeMonitor(self.config)
            m.d.comb += [
                eye.decisions.eq(equalizer.decisions),
                eye.low.eq(equalizer.low),
                eye.observed_values.eq(equalizer.observed_values),
                eye.dfe.eq(lms.dfe),
                eye.eye.eq(self.eye_eye),
                eye.offset.eq(self.eye_offset),
                eye.phase.eq(self.eye_phase),
                eye.words.eq(self.eye_words),
                eye.start.eq(self.eye_start),
                self.eye_busy.eq(eye.busy),
                self.eye_hits.eq(eye.hits),
                self.eye_above.eq(eye.above),
                self.phase.eq(cdr.phase + eye.shift),
                coast.eq(self.coast | eye.coast),
            ]
        else:
            m.d.comb += [self.phase.eq(cdr.phase), coast.eq(self.coast)]
        if self.config.sets:
            m.submodules.sets = sets = CoefficientSets(self.config)
            m.d.comb += [
                sets.index.eq(self.set_index),
                sets.save.eq(self.set_save),
                sets.load.eq(self.set_load),
                sets.coefficients.eq(lms.coefficients),
                sets.frequency.eq(cdr.frequency),
                cdr.restore.eq(sets.restore),
                cdr.saved.eq(sets.saved_frequency),
                lms.restore.eq(sets.restore),
                lms.saved.eq(sets.saved),
                self.set_valid.eq(sets.valid),
            ]
        if self.config.pam4:
            self._bits(m)
        else:
            m.d.comb += self.decisions.eq(equalizer.decisions ^ self.invert.replicate(width))
        return m

    def _bits(self, m: Module) -> None:
        """Add the way from PAM4 levels to bits."""
        m.submodules.precoder = decoder = precoder.Decoder(width=self.config.width)
        equalizer = self._equalizer
        levels = Cat(
            bit for pair in zip(equalizer.low, equalizer.decisions, strict=True) for bit in pair
        )
        m.d.comb += [
            decoder.i.eq(levels ^ self.invert.replicate(len(levels))),
            decoder.enable.eq(self.precode),
            self.decisions.eq(gray.decode(decoder.o)),
        ]
