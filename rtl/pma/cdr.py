"""Clock recovery: loop filter and lock detector of a receive lane."""

from __future__ import annotations

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.popcount import popcount

__all__ = ["Cdr"]


class Cdr(wiring.Component):
    """Proportional and integral loop from timing error to phase code, with lock detector.

    The timing error is multiplied by a small factor that undoes the amplitude of the signal to
    within a quarter, so the bandwidth hardly depends on it. The integral gain is larger
    before lock: it pulls in rate offsets for which the proportional path alone would slip. A search
    that ends a window at the bound of the frequency register starts again from 0.

    PAM4, and words of more than 64 symbols, take other starts of the frequency register in turn,
    :attr:`RxFormat.search`, where three windows found nothing.

    NRZ: lock is two windows of ``lock_words`` in a row with a signal, timing errors of small mean
    magnitude (a slipping loop sweeps through large ones, :attr:`RxFormat.spread_lock`) and margins
    that are rarely small (one in 16; noise and closed eyes have more). Lock is lost after two
    windows without a signal, with large timing errors, or with many small margins (one in 8; one in
    32 when the timing errors are not small either).

    PAM4: an eye that shows in one window (fewer than one symbol in 8 nearer to a threshold than to
    its level by three to one) is lock at once, and timing is then found with levels; until then,
    and when the eye closes (5 in 32), it is found with signs, `coarse`, at twice the gain. Without
    an open eye, lock is two windows with a signal and errors, summed over groups of 64 pairs, of
    small mean magnitude: the equalizer then opens the eye from decisions of which up to a third are
    wrong. Lock is lost after two windows without a signal, or with large errors and a closed eye.

    Latency: 1 clock from `timing` to `phase`. Throughput: one word a clock.
    Reset: phase 0, frequency 0, unlocked. `enable` low restarts all but the phase, which stays,
    because a jump of it would be a jump of the recovered clock.

    Range: tracks plus or minus 300 ppm. Pulls in 200 ppm at any phase, and 300 ppm where the eye
    before the equalizer is open.

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
    coast : In(1)
        The phase goes on with the frequency alone; the lock detector stands still.
    restore : In(1)
        Take `saved`, unlock and look for lock from there.
    saved : In(signed(16))
        Frequency word as in `frequency`.
    phase : Out(12)
        Phase code; more is later.
    frequency : Out(signed(16))
        Phase steps a word in units of 2**-12.
    small_below : Out(sample_bits)
        Quarter of the mean magnitude, in quarter steps.
    amplitude : Out(sample_bits + AMPLITUDE_FRACTION)
        Mean magnitude of the samples.
    again : Out(1)
        PAM4: the search begins elsewhere in this clock.
    coarse : Out(1)
        PAM4: time with signs.
    locked : Out(1)
        Timing is found.
    """

    timing: Signal
    magnitude: Signal
    small: Signal
    enable: Signal
    freeze: Signal
    coast: Signal
    restore: Signal
    saved: Signal
    phase: Signal
    frequency: Signal
    small_below: Signal
    amplitude: Signal
    again: Signal
    coarse: Signal
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
                "coast": In(1),
                "restore": In(1),
                "saved": In(signed(16)),
                "phase": Out(12),
                "frequency": Out(signed(16)),
                "small_below": Out(config.sample_bits),
                "amplitude": Out(config.sample_bits + config.AMPLITUDE_FRACTION),
                "again": Out(1),
                "coarse": Out(1),
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

        error = Signal(signed(c.timing_bits + 3 + c.pam4))
        factor = Signal(range(9))
        table = Array(Const(value, 4) for value in c.GAIN)
        m.d.comb += [
            self.amplitude.eq(amplitude),
            factor.eq(table[Mux(eighths > 7, 7, eighths)]),
            error.eq(self.timing * factor << self.coarse if c.pam4 else self.timing * factor),
        ]

        limit = c.frequency_limit
        bits = 12 + c.PHASE_FRACTION
        phase = Signal(bits)
        frequency = Signal(range(-limit, limit + 1))
        shift = c.proportional_shift + c.FREQUENCY_FRACTION
        push = Signal(signed(len(error) + shift - c.acquire_shift))
        moved = Signal(signed(max(len(push), len(frequency)) + 1))
        word = c.FREQUENCY_FRACTION + c.PHASE_FRACTION - 12
        m.d.comb += [
            push.eq(
                Mux(
                    self.locked,
                    (error << shift) >> c.track_shift,
                    (error << shift) >> c.acquire_shift,
                )
            ),
            moved.eq(frequency - push),
            self.phase.eq(phase[c.PHASE_FRACTION :]),
            self.frequency.eq(frequency >> word),
        ]

        words = Signal(range(c.lock_words))
        end = words == c.lock_words - 1
        again = Signal()
        found = Signal()
        begin = Signal.like(frequency)
        if c.searching:
            dwell = Signal(range(3))
            place = Signal(range(len(c.search)))
            following = Mux(place == len(c.search) - 1, 0, place + 1)
            m.d.comb += [
                again.eq((dwell == 2) & ~found),
                begin.eq(Array(c.search)[following]),
            ]
            with m.If(~self.enable):
                m.d.sync += [dwell.eq(0), place.eq(0)]
            with m.Elif(self.restore):
                m.d.sync += dwell.eq(0)
            with m.Elif(end & ~self.freeze & ~self.coast):
                m.d.sync += dwell.eq(Mux(found | again, 0, dwell + 1))
                with m.If(again):
                    m.d.sync += place.eq(following)
        else:
            # A search that ran into its bound went the wrong way, and begins again in the middle.
            edge = (moved >= limit) | (moved <= -limit)
            m.d.comb += [again.eq(~self.locked & edge), begin.eq(0)]

        with m.If(~self.enable):
            m.d.sync += [amplitude.eq(amplitude.init), frequency.eq(0)]
        with m.Else():
            m.d.sync += amplitude.eq(amplitude + self.magnitude - mean)
            with m.If(self.restore):
                m.d.sync += frequency.eq(self.saved << word)
            with m.Elif(~self.freeze & ~self.coast):
                with m.If(moved > limit):
                    m.d.sync += frequency.eq(limit)
                with m.Elif(moved < -limit):
                    m.d.sync += frequency.eq(-limit)
                with m.Else():
                    m.d.sync += frequency.eq(moved)
                with m.If(end & again):
                    m.d.sync += frequency.eq(begin)
            with m.If(~self.freeze):
                correction = Mux(self.coast, 0, error << c.proportional_shift)
                m.d.sync += phase.eq(phase + (frequency >> c.FREQUENCY_FRACTION) - correction)

        if c.pam4:
            m.d.comb += self.again.eq(end & again & ~self.freeze & ~self.coast)
            self._lock_pam4(m, words, end, found, eighths)
        else:
            self._lock_nrz(m, words, end, found, eighths, error)
        return m

    def _lock_nrz(
        self, m: Module, words: Signal, end: Value, found: Signal, eighths: Signal, error: Signal
    ) -> None:
        """Add the lock detector of NRZ."""
        c = self.config
        symbols = c.lock_words * c.observed
        small = Signal(range(symbols + 1))
        total = Signal(range(symbols + 1))
        spread = Signal(c.timing_bits + 3 + len(words))
        wide = Signal.like(spread)
        calm = Signal()
        present = Signal()
        good = Signal()
        bad = Signal()
        waiting = Signal()
        m.d.comb += [
            total.eq(small + popcount(m, self.small, name="small_ones")),
            wide.eq(spread + Mux(error < 0, -error, error)),
            calm.eq(wide < c.lock_words * c.spread_lock),
            present.eq(eighths != 0),
            good.eq(present & calm & (total < symbols // 16)),
            bad.eq(
                ~present
                | (~calm & (total >= symbols // 32))
                | (total >= symbols // 8)
                | (wide >= c.lock_words * c.spread_lose)
            ),
            found.eq(self.locked | good),
        ]
        against = Mux(self.locked, bad, good)
        with m.If(~self.enable | self.restore):
            m.d.sync += [words.eq(0), small.eq(0), spread.eq(0), waiting.eq(0), self.locked.eq(0)]
        with m.Elif(~self.coast):
            m.d.sync += [
                words.eq(words + 1),
                small.eq(Mux(end, 0, total)),
                spread.eq(Mux(end, 0, wide)),
            ]
            with m.If(end):
                m.d.sync += waiting.eq(against & ~waiting)
                with m.If(against & waiting):
                    m.d.sync += self.locked.eq(~self.locked)

    def _lock_pam4(
        self, m: Module, words: Signal, end: Value, found: Signal, eighths: Signal
    ) -> None:
        """Add the lock detector of PAM4."""
        c = self.config
        symbols = c.lock_words * c.observed
        small = Signal(range(symbols + 1))
        total = Signal(range(symbols + 1))
        group = Signal(signed(c.timing_bits + len(words) - 1))
        summed = Signal.like(group)
        spread = Signal(c.timing_bits + len(words))
        wide = Signal.like(spread)
        mass = Signal(c.sample_bits + len(words))
        heavy = Signal.like(mass)
        opened = Signal()
        present = Signal()
        good = Signal()
        wild = Signal()
        clear = Signal()
        waiting = Signal()
        complete = words % c.group_words == c.group_words - 1
        magnitude = Mux(summed < 0, -summed, summed)
        m.d.comb += [
            total.eq(small + popcount(m, self.small, name="small_ones")),
            summed.eq(group + self.timing),
            wide.eq(spread + Mux(complete, magnitude, 0)),
            heavy.eq(mass + self.magnitude),
            present.eq(eighths != 0),
            good.eq(present & (wide < heavy * c.RATIO_LOCK >> c.ratio_shift)),
            wild.eq(wide >= heavy * c.RATIO_LOSE >> c.ratio_shift),
            clear.eq(present & (total < symbols // 8)),
            self.coarse.eq(~opened),
            found.eq(self.locked | good | clear),
        ]
        against = Mux(self.locked, ~present | (wild & ~opened), good)
        with m.If(~self.enable | self.restore):
            m.d.sync += [
                words.eq(0),
                small.eq(0),
                group.eq(0),
                spread.eq(0),
                mass.eq(0),
                waiting.eq(0),
                opened.eq(0),
                self.locked.eq(0),
            ]
        with m.Elif(~self.coast):
            m.d.sync += [
                words.eq(words + 1),
                small.eq(Mux(end, 0, total)),
                group.eq(Mux(complete, 0, summed)),
                spread.eq(Mux(end, 0, wide)),
                mass.eq(Mux(end, 0, heavy)),
            ]
            with m.If(end):
                m.d.sync += waiting.eq(against & ~waiting & ~clear)
                with m.If(total >= symbols * 5 // 32):
                    m.d.sync += opened.eq(0)
                with m.If(against & waiting):
                    m.d.sync += self.locked.eq(~self.locked)
                    with m.If(self.locked):
                        m.d.sync += opened.eq(0)
                with m.If(clear):
                    m.d.sync += [self.locked.eq(1), opened.eq(1)]
