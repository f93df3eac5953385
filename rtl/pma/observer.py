"""What the loops of a receive lane see of a word: timing error and error signs."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
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

    In the sum over adjacent pairs, an inner sample has the factor ``d[n+1] - d[n-1]``, which is 0
    or twice a sign: an adder a symbol and no multiplier. Since every pair is
    complete, the pattern noise of an isolated transition cancels.

    Latency: 1 clock. Throughput: one word a clock. Reset: 0.

    Ref: K. H. Mueller, M. Muller, "Timing recovery in digital synchronous data receivers", IEEE
    Trans. Commun. 24 (1976), pp. 516-531.

    Parameters
    ----------
    config : RxFormat
        Widths and number formats.

    Members
    -------
    decisions, observed_samples, observed_values, negative : In
        From :class:`lightloom.rtl.pma.rx_equalizer.RxEqualizer`.
    dfe : In(signed(dfe_bits))
        Feedback tap.
    level : In(level_bits)
        Level of a one.
    small_below : In(sample_bits)
        A margin under this, in quarter steps, is small.
    timing : Out(signed(timing_bits))
        Timing error; positive when sampling is late.
    magnitude : Out(sample_bits)
        Magnitude of one sample of the word.
    small : Out(observed)
        Symbols whose margin is small.
    above : Out(observed)
        Symbols whose margin reaches the level.
    rising : Out(observed)
        Symbols whose value is above the expected one.
    before : Out(observed)
        Decision before each symbol.
    positive : Out(width)
        Samples of the word at or above 0.
    """

    decisions: Signal
    observed_samples: Signal
    observed_values: Signal
    negative: Signal
    dfe: Signal
    level: Signal
    small_below: Signal
    timing: Signal
    magnitude: Signal
    small: Signal
    above: Signal
    rising: Signal
    before: Signal
    positive: Signal

    def __init__(self, config: RxFormat) -> None:
        """See the class."""
        self.config = config
        super().__init__(
            {
                "decisions": In(config.width),
                "observed_samples": In((config.observed + 1) * config.sample_bits),
                "observed_values": In(config.observed * config.value_bits),
                "negative": In(config.width),
                "dfe": In(signed(config.dfe_bits)),
                "level": In(config.level_bits),
                "small_below": In(config.sample_bits),
                "timing": Out(signed(config.timing_bits)),
                "magnitude": Out(config.sample_bits),
                "small": Out(config.observed),
                "above": Out(config.observed),
                "rising": Out(config.observed),
                "before": Out(config.observed),
                "positive": Out(config.width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the detector and the comparators."""
        m = Module()
        c = self.config
        count = c.observed
        bits = c.sample_bits
        x = [self.observed_samples[k * bits : (k + 1) * bits].as_signed() for k in range(count + 1)]
        d = self.decisions[c.first : c.first + count + 1]

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
            value = self.observed_values[n * c.value_bits : (n + 1) * c.value_bits].as_signed()
            margin = Signal(signed(c.value_bits + 1), name=f"margin_{n}")
            fed = Mux(d[n], self.dfe, -self.dfe) if c.dfe else Const(0)
            cleared = value - fed
            m.d.comb += margin.eq(Mux(d[n + 1], cleared, -cleared))
            small.append(margin < self.small_below)
            above.append(margin >= self.level)
        high = Cat(above)
        m.d.sync += [
            self.small.eq(Cat(small)),
            self.above.eq(high),
            self.rising.eq(~(high ^ d[1:])),
            self.before.eq(d[:-1]),
            self.positive.eq(~self.negative),
        ]
        return m
