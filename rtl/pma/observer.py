"""What the loops of a receive lane see of a word: timing error and error signs."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.formats import RxFormat

__all__ = ["Observer"]


def _tree(terms: list[Value]) -> Value:
    """Sum in a balanced tree of adders."""
    while len(terms) > 1:
        terms = [
            terms[k] + terms[k + 1] if k + 1 < len(terms) else terms[k]
            for k in range(0, len(terms), 2)
        ]
    return terms[0]


class Observer(wiring.Component):
    """Timing error and error signs of the observed symbols.

    The timing error is the Mueller-Muller detector on *samples* and decisions, summed over pairs:
    ``x[n-1] d[n] - x[n] d[n-1]``, mean ``h[-1] - h[1]`` of the pulse before the equalizer.
    Equalized values must not be used here: the taps drive ``h[-1]`` and ``h[1]`` behind the
    equalizer to zero at any phase, which leaves the detector without information, and phase
    and taps drift together. The decisions do come from behind the equalizer, which reads eyes
    that are closed before it.

    PAM4 before its eye is open (`coarse`) takes the sign of each symbol in place of its level: the
    detector with levels has false zeros where decisions are wrong, the one with signs has none
    between the best phase and the worst; it has more pattern noise, which the open eye then sheds.

    In the sum over adjacent pairs, an inner sample has the factor ``d[n+1] - d[n-1]``, which is 0
    or twice a sign (twice a small number for PAM4): an adder a symbol and no multiplier. Since
    every pair is complete, the pattern noise of an isolated transition cancels.

    Latency: 1 clock. Throughput: one word a clock. Reset: 0.

    Ref: K. H. Mueller, M. Muller, "Timing recovery in digital synchronous data receivers", IEEE
    Trans. Commun. 24 (1976), pp. 516-531.

    Parameters
    ----------
    config : RxFormat
        Widths and number formats.

    Members
    -------
    decisions, low, observed_samples, observed_values, negative : In
        From :class:`lightloom.rtl.pma.rx_equalizer.RxEqualizer`.
    coarse : In(1)
        PAM4: time with signs.
    dfe : In(signed(dfe_bits))
        Feedback tap.
    levels : In(levels * (level_bits + 1))
        Levels from the lowest.
    small_below : In(sample_bits)
        NRZ: a margin under this, in quarter steps, is small.
    timing : Out(signed(timing_bits))
        Timing error; positive when sampling is late.
    magnitude : Out(sample_bits)
        Magnitude of one sample of the word; PAM4: mean of four.
    small : Out(observed)
        Symbols whose margin is small; PAM4: that are off their level by three quarters of the way
        to the threshold or more.
    above : Out(observed)
        NRZ: symbols whose margin reaches the level.
    high, odd : Out(observed)
        PAM4: bits of the level numbers of the symbols.
    rising : Out(observed)
        Symbols whose value is above the expected one.
    before : Out(observed)
        Decision before each symbol.
    positive : Out(observed + pre + post)
        Samples at or above 0, of symbols ``1 - post`` up.
    """

    decisions: Signal
    low: Signal
    coarse: Signal
    observed_samples: Signal
    observed_values: Signal
    negative: Signal
    dfe: Signal
    levels: Signal
    small_below: Signal
    timing: Signal
    magnitude: Signal
    small: Signal
    above: Signal
    high: Signal
    odd: Signal
    rising: Signal
    before: Signal
    positive: Signal

    def __init__(self, config: RxFormat) -> None:
        """See the class."""
        self.config = config
        super().__init__(
            {
                "decisions": In(config.width),
                "low": In(config.width),
                "coarse": In(1),
                "observed_samples": In((config.observed + 1) * config.sample_bits),
                "observed_values": In(config.observed * config.value_bits),
                "negative": In(config.observed + config.pre + config.post),
                "dfe": In(signed(config.dfe_bits)),
                "levels": In(config.levels * (config.level_bits + 1)),
                "small_below": In(config.sample_bits),
                "timing": Out(signed(config.timing_bits)),
                "magnitude": Out(config.sample_bits),
                "small": Out(config.observed),
                "above": Out(config.observed),
                "high": Out(config.observed),
                "odd": Out(config.observed),
                "rising": Out(config.observed),
                "before": Out(config.observed),
                "positive": Out(config.observed + config.pre + config.post),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the detector and the comparators."""
        m = Module()
        c = self.config
        bits = c.sample_bits
        count = c.observed + 1
        x = [self.observed_samples[k * bits : (k + 1) * bits].as_signed() for k in range(count)]
        m.d.sync += self.positive.eq(~self.negative)
        if c.pam4:
            self._pam4(m, x)
        else:
            self._nrz(m, x)
        return m

    def _value(self, n: int) -> Value:
        bits = self.config.value_bits
        return self.observed_values[n * bits : (n + 1) * bits].as_signed()

    def _level(self, k: int) -> Value:
        bits = self.config.level_bits + 1
        return self.levels[k * bits : (k + 1) * bits].as_signed()

    def _nrz(self, m: Module, x: list[Value]) -> None:
        c = self.config
        count = c.observed
        d = self.decisions[: count + 1]
        terms: list[Value] = [Mux(d[1], x[0], -x[0]), Mux(d[count - 1], -x[count], x[count])]
        for n in range(1, count):
            signed_sample = Mux(d[n + 1], x[n], -x[n])
            terms.append(Mux(d[n + 1] == d[n - 1], Const(0, signed(2)), signed_sample) << 1)
        m.d.sync += [
            self.timing.eq(_tree(terms)),
            self.magnitude.eq(Mux(x[0] < 0, -x[0], x[0])),
        ]

        # Folding by the decision leaves one margin to compare, never two levels.
        small, above = [], []
        for n in range(count):
            margin = Signal(signed(c.value_bits + 1), name=f"margin_{n}")
            fed = Mux(d[n], self.dfe, -self.dfe) if c.dfe else Const(0)
            cleared = self._value(n) - fed
            m.d.comb += margin.eq(Mux(d[n + 1], cleared, -cleared))
            small.append(margin < self.small_below)
            above.append(margin >= self._level(1))
        high = Cat(above)
        m.d.sync += [
            self.small.eq(Cat(small)),
            self.above.eq(high),
            self.rising.eq(~(high ^ d[1:])),
            self.before.eq(d[:-1]),
        ]

    def _pam4(self, m: Module, x: list[Value]) -> None:
        c = self.config
        count = c.observed
        high = self.decisions[: count + 1]
        low = self.low[: count + 1]
        # -3, -1, 1, 3 are 2 * level - 3, so a difference of symbols is twice one of levels.
        number = []
        for n in range(count + 1):
            timed = Signal(2, name=f"timed_{n}")
            m.d.comb += timed.eq(Cat(low[n], high[n]))
            number.append(timed)
        # With signs, -2 and 2 stand for all levels.
        ends = [Signal(signed(3), name=f"end_{n}") for n in (1, count - 1)]
        for end, n in zip(ends, (1, count - 1), strict=True):
            m.d.comb += end.eq(
                Mux(self.coarse, Mux(high[n], 2, -2), (number[n] << 1) - Const(3, signed(3)))
            )
        terms: list[Value] = [x[0] * ends[0], -(x[count] * ends[1])]
        for n in range(1, count):
            difference = Signal(signed(3), name=f"difference_{n}")
            m.d.comb += difference.eq(
                Mux(
                    self.coarse,
                    (high[n + 1] - high[n - 1]) << 1,
                    number[n + 1] - number[n - 1],
                )
            )
            terms.append((x[n] * difference) << 1)
        some = [x[k] for k in range(0, count, count // 4)]
        m.d.sync += [
            self.timing.eq(_tree(terms)),
            self.magnitude.eq(_tree([Mux(value < 0, -value, value) for value in some]) >> 2),
        ]

        levels = Array(self._level(k) for k in range(4))
        feeds = []
        for k in range(4):
            feed = Signal(signed(c.dfe_bits + 2), name=f"feed_{k}")
            m.d.comb += feed.eq(self.dfe * (2 * k - 3) if c.dfe else 0)
            feeds.append(feed)
        fed = Array(feeds)
        reach = Signal(signed(c.level_bits))
        m.d.comb += reach.eq((self._level(3) - self._level(0)) >> 3)
        small, rising = [], []
        for n in range(count):
            error = Signal(signed(c.value_bits + 2), name=f"error_{n}")
            m.d.comb += error.eq(self._value(n) - fed[number[n]] - levels[number[n + 1]])
            rising.append(~error[-1])
            small.append((error >= reach) | (error <= -reach))
        m.d.sync += [
            self.small.eq(Cat(small)),
            self.rising.eq(Cat(rising)),
            self.before.eq(high[:-1]),
            self.high.eq(high[1:]),
            self.odd.eq(low[1:]),
        ]
