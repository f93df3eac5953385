"""Sign-sign LMS of the receive equalizer."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.popcount import popcount
from lightloom.rtl.pma.rx_ffe import OFFSETS

__all__ = ["Lms"]


class Lms(wiring.Component):
    """Adaptation of the FFE side taps, the feedback tap and the level.

    Each coefficient moves every word by the number of observed symbols whose error has the sign
    of its input, less those where it has not. The registers of the FFE taps leak one unit towards 0
    every ``LEAK_WORDS``: a post-cursor tap and the feedback tap cancel the same symbol, and the
    feedback, which adds no noise, wins the tie.

    Latency: 1 clock from observation to coefficient. Throughput: one word a clock.
    Reset: taps 0, level at half scale.

    Parameters
    ----------
    config : RxFormat
        Widths and number formats.
    step : int
        Coefficients move by the count times ``2 ** step``, 0 to 4; 0 settles in about 1000 words.

    Members
    -------
    above, rising, before : In(observed), positive : In(width)
        From :class:`lightloom.rtl.pma.observer.Observer`.
    load : In(1)
        Go back to the start.
    adapt : In(1)
        Move; low keeps everything.
    taps, dfe, level : Out
        Coefficients, as members of :class:`lightloom.rtl.pma.rx_lane.RxLane`.
    settled : Out(1)
        Three looks ``SETTLE_WORDS`` apart found each coefficient within one unit of the look before
        (:attr:`RxFormat.settle_tolerance` for level and feedback tap); stays until `load`.

    Raises
    ------
    ValueError
        `step` out of range.
    """

    above: Signal
    rising: Signal
    before: Signal
    positive: Signal
    load: Signal
    adapt: Signal
    taps: Signal
    dfe: Signal
    level: Signal
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
                "rising": In(config.observed),
                "before": In(config.observed),
                "positive": In(config.width),
                "load": In(1),
                "adapt": In(1),
                "taps": Out(max(1, config.ffe_taps - 1) * config.tap_bits),
                "dfe": Out(signed(config.dfe_bits)),
                "level": Out(config.level_bits),
                "settled": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the accumulators and the settling detector."""
        m = Module()
        c = self.config
        readout: list[Value] = []
        words = Signal(range(c.SETTLE_WORDS))

        def accumulator(
            name: str, ones: Value, leak: bool, low: int, high: int, start: int, fraction: int
        ) -> Value:
            """Bounded register that moves by twice the ones less their number."""
            shape = range(min(low, 0), high + 1)
            register = Signal(shape, name=f"{name}_register", init=start)
            count = popcount(m, ones, name=f"{name}_ones")
            moved = Signal(signed(len(register) + 8), name=f"{name}_moved")
            change = ((count << 1) - c.observed) << self.step
            if leak:
                towards = Mux(register < 0, -1, register > 0)
                change = change + Mux(words % c.LEAK_WORDS == 0, towards, 0)
                m.d.comb += moved.eq(register - change)
            else:
                m.d.comb += moved.eq(register + change)
            with m.If(self.load):
                m.d.sync += register.eq(start)
            with m.Elif(self.adapt):
                with m.If(moved < low):
                    m.d.sync += register.eq(low)
                with m.Elif(moved > high):
                    m.d.sync += register.eq(high)
                with m.Else():
                    m.d.sync += register.eq(moved)
            return register >> fraction

        level_top = c.level_limit << c.lms_fraction
        level_low = 1 << c.lms_fraction
        start = c.level_start << c.lms_fraction
        level = accumulator(
            "level", self.above, False, level_low, level_top, start, c.lms_fraction
        )
        m.d.comb += self.level.eq(level)
        readout.append(self.level)
        if c.dfe:
            bound = c.dfe_limit << c.lms_fraction
            agree = ~(self.rising ^ self.before)
            tap = accumulator("dfe", agree, False, -bound, bound, 0, c.lms_fraction)
            m.d.comb += self.dfe.eq(tap)
            readout.append(self.dfe)
        bound = c.TAP_LIMIT << c.LMS_TAP_FRACTION
        for k, offset in enumerate(OFFSETS[: c.ffe_taps - 1]):
            first = c.first + 1 - offset
            agree = ~(self.rising ^ self.positive[first : first + c.observed])
            value = accumulator(
                f"tap_{k}", agree, True, -bound, bound - 1, 0, c.LMS_TAP_FRACTION
            )
            tap = Signal(signed(c.tap_bits), name=f"tap_{k}")
            m.d.comb += tap.eq(value)
            m.d.comb += self.taps[k * c.tap_bits : (k + 1) * c.tap_bits].eq(tap)
            readout.append(tap)

        runs = Signal(range(3))
        moves = []
        for k, value in enumerate(readout):
            snapshot = Signal(value.shape(), name=f"snapshot_{k}", init=0)
            if k == 0:
                snapshot = Signal(value.shape(), name="snapshot_level", init=c.level_start)
            moved = Signal(signed(len(snapshot) + 2), name=f"difference_{k}")
            m.d.comb += moved.eq(value - snapshot)
            far = 1 if k > c.dfe else c.settle_tolerance
            moves.append((moved > far) | (moved < -far))
            with m.If(self.load):
                m.d.sync += snapshot.eq(snapshot.init)
            with m.Elif(self.adapt & (words == c.SETTLE_WORDS - 1)):
                m.d.sync += snapshot.eq(value)
        with m.If(self.load):
            m.d.sync += [words.eq(0), runs.eq(0), self.settled.eq(0)]
        with m.Elif(self.adapt):
            m.d.sync += words.eq(words + 1)
            with m.If(words == c.SETTLE_WORDS - 1):
                with m.If(Cat(moves).any()):
                    m.d.sync += runs.eq(0)
                with m.Elif(runs == 0):
                    m.d.sync += runs.eq(1)
                with m.Else():
                    m.d.sync += self.settled.eq(1)
        return m
