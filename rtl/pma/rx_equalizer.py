"""Receive equalizer: FFE, one-tap decision feedback and slicer."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma import dfe, rx_ffe, slicer
from lightloom.rtl.pma.formats import RxFormat

__all__ = ["RxEqualizer"]


class RxEqualizer(wiring.Component):
    """Equalizer from samples to decisions, with what the loops look at.

    Stages: sample register, register of the word that has its neighbours, FFE values (two stages
    for PAM4 and for more than five taps), comparisons, prefix selection (two stages for PAM4),
    decisions. Without feedback the comparison gives the decisions at once. PAM4 registers the sums
    of thresholds and feedback on their way to the comparators.

    Latency: ``config.equalizer_latency`` clocks from `samples` to `decisions`. The `observed`
    members belong to the word in `decisions`.
    Throughput: one word a clock, without back-pressure.
    Reset: silence in every stage.

    Parameters
    ----------
    config : RxFormat
        Widths and number formats.

    Members
    -------
    samples : In(width * sample_bits)
        Two's complement samples, symbol `s` in bits `s * sample_bits` up.
    taps : In((ffe_taps - 1) * tap_bits)
        FFE side taps, two's complement in 1/64, at delays ``config.offsets``.
    dfe : In(signed(dfe_bits))
        Feedback tap in quarter steps; not used without feedback.
    levels : In(4 * (level_bits + 1))
        Levels of PAM4 from the lowest, two's complement in quarter steps.
    decisions : Out(width)
        Decided bits of NRZ; of PAM4 the high bits of the level numbers.
    low : Out(width)
        Low bits of the level numbers of PAM4; 0 for NRZ.
    observed_samples : Out((observed + 1) * sample_bits)
        Samples of symbols 0 to ``observed``.
    observed_values : Out(observed * value_bits)
        Values before the feedback of symbols 1 to ``observed``.
    negative : Out(observed + pre + post)
        Signs of the samples that the observed values consist of: symbols ``1 - post`` to
        ``observed + pre``.
    """

    samples: Signal
    taps: Signal
    dfe: Signal
    levels: Signal
    decisions: Signal
    low: Signal
    observed_samples: Signal
    observed_values: Signal
    negative: Signal

    def __init__(self, config: RxFormat) -> None:
        """See the class."""
        self.config = config
        super().__init__(
            {
                "samples": In(config.width * config.sample_bits),
                "taps": In(max(1, config.ffe_taps - 1) * config.tap_bits),
                "dfe": In(signed(config.dfe_bits)),
                "levels": In(config.levels * (config.level_bits + 1)),
                "decisions": Out(config.width),
                "low": Out(config.width),
                "observed_samples": Out((config.observed + 1) * config.sample_bits),
                "observed_values": Out(config.observed * config.value_bits),
                "negative": Out(config.observed + config.pre + config.post),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the pipeline."""
        m = Module()
        c = self.config
        bits = c.sample_bits

        # A word waits until the first samples after it are there, and keeps the last ones before.
        sampled = Signal(c.width * bits)
        middle = Signal(c.width * bits)
        tail = Signal(c.post * bits)
        m.d.sync += [sampled.eq(self.samples), middle.eq(sampled)]
        if c.post:
            m.d.sync += tail.eq(Cat(tail, middle)[-c.post * bits :])
        after = sampled[: c.pre * bits]
        line = [*_items(tail, bits), *_items(middle, bits), *_items(after, bits)]
        taps = _items(self.taps, c.tap_bits)[: c.ffe_taps - 1]
        values = rx_ffe.values(m, c, line, taps)

        if c.pam4:
            self._pam4(m, values)
        elif c.dfe:
            if_one = Signal(c.width)
            if_zero = Signal(c.width)
            one_r = Signal(c.width)
            zero_r = Signal(c.width)
            ones, zeros = slicer.speculate(values, self.dfe)
            m.d.sync += [if_one.eq(ones), if_zero.eq(zeros)]
            one, zero = dfe.prefix(m, if_one, if_zero)
            m.d.sync += [one_r.eq(one), zero_r.eq(zero)]
            m.d.sync += self.decisions.eq(dfe.resolve(one_r, zero_r, self.decisions[-1]))
        else:
            m.d.sync += self.decisions.eq(slicer.decide(values))

        # The loops compare samples and values with decisions of the same symbols.
        signs = Cat(item[-1] for item in line[1 : 1 + len(self.negative)])
        after_values = c.equalizer_latency - 2 - c.ffe_stages
        seen: tuple[tuple[Signal, Value, int], ...] = (
            (self.observed_samples, middle[: (c.observed + 1) * bits], c.equalizer_latency - 2),
            (self.negative, signs, c.equalizer_latency - 2),
            (self.observed_values, Cat(values[1 : c.observed + 1]), after_values),
        )
        for output, value, stages in seen:
            for stage in range(stages - 1):
                register = Signal(len(output), name=f"{output.name}_{stage}")
                m.d.sync += register.eq(value)
                value = register
            m.d.sync += output.eq(value)
        return m

    def _pam4(self, m: Module, values: list[Value]) -> None:
        """Add the comparators and the selection of PAM4."""
        c = self.config
        levels = _items(self.levels, c.level_bits + 1)
        choices: list[dfe.Levels] = []
        for before in range(4) if c.dfe else range(1):
            fed = self.dfe * (2 * before - 3) if c.dfe else Const(0)
            bounds = []
            for k in range(3):
                total = ((levels[k] + levels[k + 1]) >> 1) + fed
                init = sum(c.levels_start[k : k + 2]) >> 1
                bound = Signal(total.shape(), name=f"bound_{before}_{k}", init=init)
                m.d.sync += bound.eq(total)
                bounds.append(bound)
            choices.append(slicer.levels(values, bounds))
        if not c.dfe:
            high, low = choices[0]
            m.d.sync += [self.decisions.eq(high), self.low.eq(low)]
            return
        choices = _registered(m, choices, "compared")
        steps = dfe.spans(c.width)
        half = len(steps) // 2
        choices = _registered(m, dfe.compose(m, choices, steps[:half]), "half")
        choices = _registered(m, dfe.compose(m, choices, steps[half:]), "composed")
        last = (self.decisions[-1].replicate(c.width), self.low[-1].replicate(c.width))
        high, low = dfe.select(choices, *last)
        m.d.sync += [self.decisions.eq(high), self.low.eq(low)]


def _items(packed: Value, bits: int) -> list[Value]:
    return [packed[k : k + bits].as_signed() for k in range(0, len(packed), bits)]


def _registered(m: Module, choices: Sequence[dfe.Levels], name: str) -> list[dfe.Levels]:
    result: list[dfe.Levels] = []
    for before, words in enumerate(choices):
        pair = [Signal(len(w), name=f"{name}_{before}_{k}") for k, w in enumerate(words)]
        m.d.sync += [register.eq(word) for register, word in zip(pair, words, strict=True)]
        result.append((pair[0], pair[1]))
    return result
