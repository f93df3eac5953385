"""Sign-sign LMS of the receive equalizer."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.popcount import popcount

__all__ = ["Lms"]


class Lms(wiring.Component):
    """Adaptation of the FFE side taps, the feedback tap and the levels.

    Each coefficient moves every word by the number of observed symbols whose error has the sign
    of its input, less those where it has not. The registers of the FFE taps leak one unit towards 0
    every ``LEAK_WORDS``: a post-cursor tap and the feedback tap cancel the same symbol, and the
    feedback, which adds no noise, wins the tie.

    Each of the four levels of PAM4 moves with the errors of its own symbols. Until the first
    adaptation they follow the mean magnitude of the samples, which is two thirds of the outer
    level: the blind start.

    Latency: 1 clock from observation to coefficient. Throughput: one word a clock.
    Reset: taps 0, outer level at half scale.

    Parameters
    ----------
    config : RxFormat
        Widths and number formats.
    step : int
        Coefficients move by the count times ``2 ** step``, 0 to 4; 0 settles in about 1000 words.

    Members
    -------
    above, high, odd, rising, before : In(observed), positive : In(observed + pre + post)
        From :class:`lightloom.rtl.pma.observer.Observer`.
    amplitude : In(sample_bits + AMPLITUDE_FRACTION)
        Mean magnitude of the samples; PAM4 only.
    load : In(1)
        Go back to the start.
    restore : In(1)
        Take `saved` and be settled; `load` goes before.
    saved : In(config.coefficient_bits)
        Taps, then feedback tap, then levels (NRZ: the positive one), as in the outputs.
    adapt : In(1)
        Move; low keeps everything.
    taps, dfe, levels : Out
        Coefficients, as members of :class:`lightloom.rtl.pma.rx_lane.RxLane`.
    coefficients : Out(config.coefficient_bits)
        All of them in the order of `saved`.
    settled : Out(1)
        Three looks ``SETTLE_WORDS`` apart found each coefficient within one unit of the look before
        (:attr:`RxFormat.settle_tolerance` for level and feedback tap); stays until `load`.

    Raises
    ------
    ValueError
        `step` out of range.
    """

    above: Signal
    high: Signal
    odd: Signal
    rising: Signal
    before: Signal
    positive: Signal
    amplitude: Signal
    load: Signal
    restore: Signal
    saved: Signal
    adapt: Signal
    taps: Signal
    dfe: Signal
    levels: Signal
    coefficients: Signal
    settled: Signal

    def __init__(self, config: RxFormat, *, step: int = 0) -> None:
        """See the class."""
        if not 0 <= step <= 4:
            raise ValueError(f"step is {step}; allowed: 0 to 4")
        self.config = config
        self.step = step
        super().__init__(
            {
                "above": In(config.observed),
                "high": In(config.observed),
                "odd": In(config.observed),
                "rising": In(config.observed),
                "before": In(config.observed),
                "positive": In(config.observed + config.pre + config.post),
                "amplitude": In(config.sample_bits + config.AMPLITUDE_FRACTION),
                "load": In(1),
                "restore": In(1),
                "saved": In(config.coefficient_bits),
                "adapt": In(1),
                "taps": Out(max(1, config.ffe_taps - 1) * config.tap_bits),
                "dfe": Out(signed(config.dfe_bits)),
                "levels": Out(config.levels * (config.level_bits + 1)),
                "coefficients": Out(config.coefficient_bits),
                "settled": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the accumulators and the settling detector."""
        m = Module()
        c = self.config
        words = Signal(range(c.SETTLE_WORDS))
        blind = Signal(init=1)
        shown: list[Signal] = []
        moves: list[Value] = []
        at = 0

        def register(
            name: str,
            change: Callable[[Signal], Value],
            bounds: tuple[int, int],
            shape: Shape,
            fraction: int,
            tolerance: int,
            start: int = 0,
            follow: Value | None = None,
        ) -> Signal:
            """Bounded register that moves by `change`, its read-out, and the watch over it."""
            nonlocal at
            low, high = bounds
            init = start << fraction
            held = Signal(range(min(low, 0), high + 1), name=f"{name}_register", init=init)
            value = Signal(shape, name=f"{name}_value")
            moved = Signal(signed(len(held) + 8), name=f"{name}_moved")
            packed = self.saved[at : at + len(value)]
            back = Signal(shape, name=f"{name}_back")
            at += len(value)
            m.d.comb += [moved.eq(held + change(held)), value.eq(held >> fraction), back.eq(packed)]
            with m.If(self.load):
                m.d.sync += held.eq(init)
            with m.Elif(self.restore):
                # Half a unit more, so that the read-out does not fall with the first move.
                m.d.sync += held.eq((back << fraction) + (1 << fraction >> 1))
            with m.Elif(self.adapt):
                with m.If(moved < low):
                    m.d.sync += held.eq(low)
                with m.Elif(moved > high):
                    m.d.sync += held.eq(high)
                with m.Else():
                    m.d.sync += held.eq(moved)
            if follow is not None:
                with m.Elif(blind):
                    m.d.sync += held.eq(follow << fraction)

            snapshot = Signal(shape, name=f"{name}_snapshot", init=start)
            difference = Signal(signed(len(value) + 2), name=f"{name}_difference")
            m.d.comb += difference.eq(value - snapshot)
            moves.append((difference > tolerance) | (difference < -tolerance))
            with m.If(self.load):
                m.d.sync += snapshot.eq(start)
            with m.Elif(self.restore):
                m.d.sync += snapshot.eq(back)
            with m.Elif(self.adapt & (words == c.SETTLE_WORDS - 1)):
                m.d.sync += snapshot.eq(value)
            shown.append(value)
            return value

        def balance(name: str, ones: Value) -> Value:
            """Twice the ones less their number."""
            count = popcount(m, ones, name=f"{name}_ones")
            return ((count << 1) - c.observed) << self.step

        for k, offset in enumerate(c.offsets):
            first = c.post - offset
            agree = ~(self.rising ^ self.positive[first : first + c.observed])
            against = balance(f"tap_{k}", agree)

            def leaking(held: Signal, against: Value = against) -> Value:
                towards = Mux(held < 0, -1, held > 0)
                return -(against + Mux(words % c.LEAK_WORDS == 0, towards, 0))

            bound = c.TAP_LIMIT << c.LMS_TAP_FRACTION
            bounds = (-bound, bound - 1)
            register(f"tap_{k}", leaking, bounds, signed(c.tap_bits), c.LMS_TAP_FRACTION, 1)
        if shown:
            m.d.comb += self.taps.eq(Cat(shown))

        tolerance = c.settle_tolerance
        if c.dfe:
            along = balance("dfe", ~(self.rising ^ self.before))
            bound = c.dfe_limit << c.lms_fraction
            bounds = (-bound, bound)
            tap = register(
                "dfe", lambda _: along, bounds, self.dfe.shape(), c.lms_fraction, tolerance
            )
            m.d.comb += self.dfe.eq(tap)

        limit = c.level_limit
        bound = limit << c.lms_fraction
        if c.pam4:
            mean = self.amplitude >> c.AMPLITUDE_FRACTION - c.FRACTION_BITS
            outer = Signal(c.level_bits + 1)
            most = Signal(c.level_bits)
            m.d.comb += [
                outer.eq(mean + (mean >> 1)),
                most.eq(Mux(outer > limit, limit, outer)),
            ]
            levels = []
            follows = (-most, -(mean >> 1), mean >> 1, most)
            for k, (start, follow) in enumerate(zip(c.levels_start, follows, strict=True)):
                mine = Cat(
                    (self.high if k & 2 else ~self.high) & (self.odd if k & 1 else ~self.odd)
                )
                all_ones = popcount(m, mine, name=f"level_{k}_all")
                up = popcount(m, mine & self.rising, name=f"level_{k}_up")
                change = ((up << 1) - all_ones) << self.step
                levels.append(
                    register(
                        f"level_{k}",
                        lambda _, change=change: change,
                        (-bound, bound),
                        signed(c.level_bits + 1),
                        c.lms_fraction,
                        tolerance,
                        start,
                        follow,
                    )
                )
            m.d.comb += self.levels.eq(Cat(levels))
        else:
            above = balance("level", self.above)
            level = register(
                "level",
                lambda _: above,
                (1 << c.lms_fraction, bound),
                unsigned(c.level_bits),
                c.lms_fraction,
                tolerance,
                c.level_start,
            )
            both = [Signal(signed(c.level_bits + 1), name=name) for name in ("zero", "one")]
            m.d.comb += [both[0].eq(-level), both[1].eq(level), self.levels.eq(Cat(both))]
        m.d.comb += self.coefficients.eq(Cat(shown))

        runs = Signal(range(3))
        with m.If(self.load):
            m.d.sync += [words.eq(0), runs.eq(0), self.settled.eq(0), blind.eq(1)]
        with m.Elif(self.restore):
            m.d.sync += [words.eq(0), runs.eq(2), self.settled.eq(1), blind.eq(0)]
        with m.Elif(self.adapt):
            m.d.sync += [words.eq(words + 1), blind.eq(0)]
            with m.If(words == c.SETTLE_WORDS - 1):
                with m.If(Cat(moves).any()):
                    m.d.sync += runs.eq(0)
                with m.Elif(runs == 0):
                    m.d.sync += runs.eq(1)
                with m.Else():
                    m.d.sync += self.settled.eq(1)
        return m
