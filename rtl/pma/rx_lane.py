"""One receive lane: samples in, decided bits and a sampling phase out."""

from __future__ import annotations

from amaranth.hdl import Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.formats import RxFormat

__all__ = ["RxLane"]


class RxLane(wiring.Component):
    """Receive lane: equalizer, slicer, clock recovery, adaptation and pattern checker.

    Clock domain: `sync`; rename it to the recovered word clock where the lane is used. Every
    input is expected in that domain.
    Latency: 6 clocks from `samples` to `decisions` (:attr:`RxFormat.DECISION_LATENCY`).
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
        self.config = config
        self.order = order
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
