"""Clock recovery: loop filter and lock detector of a receive lane."""

from __future__ import annotations

from amaranth.hdl import Array, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.popcount import popcount

__all__ = ["Cdr"]


class Cdr(wiring.Component):
    """Proportional and integral loop from timing error to phase code, with lock detector.

    The timing error is multiplied by a small factor that undoes the amplitude of the signal to
    within a quarter, so the bandwidth hardly depends on it. The integral gain is larger
    before lock: it pulls in rate offsets for which the proportional path alone would slip. A search
    that ends a window at the bound of the frequency register starts again from 0.

    Lock is two windows of ``LOCK_WORDS`` in a row with a signal, timing errors of small mean
    magnitude (a slipping loop sweeps through large ones, :attr:`RxFormat.spread_lock`) and margins
    that are rarely small (one in 16; noise and closed eyes have more). Lock is lost after two
    windows without a signal, with large timing errors, or with many small margins (one in 8; one in
    32 when the timing errors are not small either).

    Latency: 1 clock from `timing` to `phase`. Throughput: one word a clock.
    Reset: phase 0, frequency 0, unlocked. `enable` low restarts all but the phase, which stays,
    because a jump of it would be a jump of the recovered clock.

    Range: tracks plus or minus 300 ppm. Pulls in 200 ppm from frequency 0 at any phase for words of
    up to 64 symbols (a slip a word grows with its length: 100 ppm at 128), and 300 ppm where
    the eye before the equalizer is open.

    Parameters
    ----------
    config : RxFormat
        Widths and number formats.

    Members
    -------
    timing, magnitude, small : In
        From :class:`lightloom.rtl.pma.observer.Observer`.
    enable : In(1)
        Run.
    freeze : In(1)
        Phase and frequency stay.
    phase : Out(12)
        Phase code; more is later.
    frequency : Out(signed(16))
        Phase steps a word in units of 2**-12.
    small_below : Out(sample_bits)
        Quarter of the mean magnitude, in quarter steps.
    locked : Out(1)
        Timing is found.
    """

    timing: Signal
    magnitude: Signal
    small: Signal
    enable: Signal
    freeze: Signal
    phase: Signal
    frequency: Signal
    small_below: Signal
    locked: Signal

    def __init__(self, config: RxFormat) -> None:
        """See the class."""
        self.config = config
        super().__init__(
            {
                "timing": In(signed(config.timing_bits)),
                "magnitude": In(config.sample_bits),
                "small": In(config.observed),
                "enable": In(1),
                "freeze": In(1),
                "phase": Out(12),
                "frequency": Out(signed(16)),
                "small_below": Out(config.sample_bits),
                "locked": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the loop."""
        m = Module()
        c = self.config

        amplitude = Signal(
            c.sample_bits + c.AMPLITUDE_FRACTION,
            init=1 << (c.sample_bits - 2 + c.AMPLITUDE_FRACTION),
        )
        mean = Signal(c.sample_bits)
        eighths = Signal(4)
        m.d.comb += [
            mean.eq(amplitude >> c.AMPLITUDE_FRACTION),
            eighths.eq(mean >> (c.sample_bits - 4)),
            self.small_below.eq(mean),
        ]

        error = Signal(signed(c.timing_bits + 3))
        factor = Signal(range(9))
        table = Array(Const(value, 4) for value in c.GAIN)
        m.d.comb += [
            factor.eq(table[Mux(eighths > 7, 7, eighths)]),
            error.eq(self.timing * factor),
        ]

        limit = c.frequency_limit
        bits = 12 + c.PHASE_FRACTION
        phase = Signal(bits)
        frequency = Signal(range(-limit, limit + 1))
        shift = c.proportional_shift + c.FREQUENCY_FRACTION
        push = Signal(signed(len(error) + shift - c.ACQUIRE_SHIFT))
        moved = Signal(signed(max(len(push), len(frequency)) + 1))
        m.d.comb += [
            push.eq(
                Mux(
                    self.locked,
                    (error << shift) >> c.TRACK_SHIFT,
                    (error << shift) >> c.ACQUIRE_SHIFT,
                )
            ),
            moved.eq(frequency - push),
            self.phase.eq(phase[c.PHASE_FRACTION :]),
            self.frequency.eq(frequency >> (c.FREQUENCY_FRACTION + c.PHASE_FRACTION - 12)),
        ]

        words = Signal(range(c.LOCK_WORDS))
        small = Signal(range(c.LOCK_WORDS * c.observed + 1))
        total = Signal(range(c.LOCK_WORDS * c.observed + 1))
        spread = Signal(c.timing_bits + 3 + words.shape().width)
        wide = Signal.like(spread)
        calm = Signal()
        present = Signal()
        good = Signal()
        bad = Signal()
        against = Signal()
        waiting = Signal()
        symbols = c.LOCK_WORDS * c.observed
        end = words == c.LOCK_WORDS - 1
        m.d.comb += [
            total.eq(small + popcount(m, self.small, name="small_ones")),
            wide.eq(spread + Mux(error < 0, -error, error)),
            calm.eq(wide < c.LOCK_WORDS * c.spread_lock),
            present.eq(eighths != 0),
            good.eq(present & calm & (total < symbols // 16)),
            bad.eq(
                ~present
                | (~calm & (total >= symbols // 32))
                | (total >= symbols // 8)
                | (wide >= c.LOCK_WORDS * c.spread_lose)
            ),
            against.eq(Mux(self.locked, bad, good)),
        ]

        with m.If(~self.enable):
            m.d.sync += [
                amplitude.eq(amplitude.init),
                frequency.eq(0),
                words.eq(0),
                small.eq(0),
                spread.eq(0),
                waiting.eq(0),
                self.locked.eq(0),
            ]
        with m.Else():
            m.d.sync += [
                amplitude.eq(amplitude + self.magnitude - mean),
                words.eq(words + 1),
                small.eq(Mux(end, 0, total)),
                spread.eq(Mux(end, 0, wide)),
            ]
            with m.If(~self.freeze):
                m.d.sync += phase.eq(
                    phase + (frequency >> c.FREQUENCY_FRACTION) - (error << c.proportional_shift)
                )
                with m.If(moved > limit):
                    m.d.sync += frequency.eq(limit)
                with m.Elif(moved < -limit):
                    m.d.sync += frequency.eq(-limit)
                with m.Else():
                    m.d.sync += frequency.eq(moved)
                with m.If(end & ~self.locked & ((moved >= limit) | (moved <= -limit))):
                    m.d.sync += frequency.eq(0)
            with m.If(end):
                m.d.sync += waiting.eq(against & ~waiting)
                with m.If(against & waiting):
                    m.d.sync += self.locked.eq(~self.locked)
        return m
