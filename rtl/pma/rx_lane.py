"""One receive lane: samples in, decided bits and a sampling phase out."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma import prbs
from lightloom.rtl.pma.cdr import Cdr
from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.lms import Lms
from lightloom.rtl.pma.observer import Observer
from lightloom.rtl.pma.rx_equalizer import RxEqualizer

__all__ = ["RxLane"]


class RxLane(wiring.Component):
    """Receive lane: equalizer, slicer, clock recovery, adaptation and pattern checker.

    Clock domain: `sync`; rename it to the recovered word clock where the lane is used. Every
    input is expected in that domain.
    Latency: 6 clocks from `samples` to `decisions` with the feedback tap, 4 without.
    Throughput: one word a clock, without back-pressure.
    Reset: phase 0, taps 0, level at half scale, nothing locked.

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
    prbs_enable : In(1)
        Low holds the pattern checker at its start.
    prbs_freeze : In(1)
        The checker does not give up its lock.
    decisions : Out(width)
        Decided bits.
    phase : Out(12)
        Phase interpolator code, modulo 4096, in steps of the interpolator; more is later.
    cdr_locked : Out(1)
        Timing is found.
    settled : Out(1)
        Taps and level have stopped moving.
    taps : Out((ffe_taps - 1) * tap_bits)
        Side taps of the FFE, two's complement in 1/64 of the main tap: the pre-cursor first
        when there is one, then post-cursors in order.
    dfe : Out(signed(config.dfe_bits))
        Feedback tap in quarter sample steps; 0 without a DFE.
    level : Out(config.level_bits)
        Level of a one behind the equalizer, in quarter sample steps.
    frequency : Out(signed(16))
        Frequency word of the loop: phase steps a word in units of 2**-12.
    prbs_locked : Out(1)
        The checker has found the pattern.
    prbs_errors : Out(range(width + 1))
        Wrong bits of a checked word.
    prbs_valid : Out(1)
        `prbs_errors` counts: `width` bits were checked.
    """

    samples: Signal
    enable: Signal
    freeze_cdr: Signal
    freeze_eq: Signal
    prbs_enable: Signal
    prbs_freeze: Signal
    decisions: Signal
    phase: Signal
    cdr_locked: Signal
    settled: Signal
    taps: Signal
    dfe: Signal
    level: Signal
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
        self._checker = prbs.Checker(width=config.width, order=order)
        super().__init__(
            {
                "samples": In(config.width * config.sample_bits),
                "enable": In(1),
                "freeze_cdr": In(1),
                "freeze_eq": In(1),
                "prbs_enable": In(1),
                "prbs_freeze": In(1),
                "decisions": Out(config.width),
                "phase": Out(12),
                "cdr_locked": Out(1),
                "settled": Out(1),
                "taps": Out(max(1, (config.ffe_taps - 1)) * config.tap_bits),
                "dfe": Out(signed(config.dfe_bits)),
                "level": Out(config.level_bits),
                "frequency": Out(signed(16)),
                "prbs_locked": Out(1),
                "prbs_errors": Out(range(config.width + 1)),
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
        running = Signal()
        m.d.sync += running.eq(self.enable)
        m.d.comb += [
            equalizer.samples.eq(self.samples),
            equalizer.taps.eq(lms.taps),
            equalizer.dfe.eq(lms.dfe),
            observer.decisions.eq(equalizer.decisions),
            observer.observed_samples.eq(equalizer.observed_samples),
            observer.observed_values.eq(equalizer.observed_values),
            observer.negative.eq(equalizer.negative),
            observer.dfe.eq(lms.dfe),
            observer.level.eq(lms.level),
            observer.small_below.eq(cdr.small_below),
            cdr.timing.eq(observer.timing),
            cdr.magnitude.eq(observer.magnitude),
            cdr.small.eq(observer.small),
            cdr.enable.eq(running),
            cdr.freeze.eq(self.freeze_cdr),
            lms.above.eq(observer.above),
            lms.rising.eq(observer.rising),
            lms.before.eq(observer.before),
            lms.positive.eq(observer.positive),
            lms.load.eq(~running),
            # Out of lock the decisions teach nothing; taps that were good are kept.
            lms.adapt.eq(cdr.locked & ~self.freeze_eq),
            checker.i.eq(equalizer.decisions),
            checker.enable.eq(self.prbs_enable),
            checker.freeze.eq(self.prbs_freeze),
            self.decisions.eq(equalizer.decisions),
            self.phase.eq(cdr.phase),
            self.frequency.eq(cdr.frequency),
            self.cdr_locked.eq(cdr.locked),
            self.taps.eq(lms.taps),
            self.dfe.eq(lms.dfe),
            self.level.eq(lms.level),
            self.settled.eq(lms.settled),
            self.prbs_locked.eq(checker.locked),
            self.prbs_errors.eq(checker.errors),
            self.prbs_valid.eq(checker.valid),
        ]
        return m
