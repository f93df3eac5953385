"""Receive equalizer: FFE, one-tap decision feedback and slicer."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma import dfe, rx_ffe, slicer
from lightloom.rtl.pma.formats import RxFormat

__all__ = ["RxEqualizer"]


class RxEqualizer(wiring.Component):
    """Equalizer from samples to decisions, with what the loops look at.

    Stages: sample register, register of the word that has its neighbours, FFE values, comparisons,
    prefix selection, decisions. Without feedback the comparison gives the decisions at once.

    Latency: ``config.decision_latency`` clocks from `samples` to `decisions`, 6 with feedback and
    4 without. The `observed` members belong to the word in `decisions`.
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
        FFE side taps, two's complement in 1/64; the pre-cursor first.
    dfe : In(signed(dfe_bits))
        Feedback tap in quarter steps; not used without feedback.
    decisions : Out(width)
        Decided bits.
    observed_samples : Out((observed + 1) * sample_bits)
        Samples of symbols ``first`` to ``first + observed``.
    observed_values : Out(observed * value_bits)
        Values before the feedback of symbols ``first + 1`` to ``first + observed``.
    negative : Out(width)
        Signs of the word's samples.
    """

    samples: Signal
    taps: Signal
    dfe: Signal
    decisions: Signal
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
                "decisions": Out(config.width),
                "observed_samples": Out((config.observed + 1) * config.sample_bits),
                "observed_values": Out(config.observed * config.value_bits),
                "negative": Out(config.width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the pipeline."""
        m = Module()
        c = self.config
        bits = c.sample_bits

        # A word waits until the first sample after it is there, and keeps the last ones before it.
        sampled = Signal(c.width * bits)
        middle = Signal(c.width * bits)
        tail = Signal(c.post * bits)
        m.d.sync += [sampled.eq(self.samples), middle.eq(sampled)]
        if c.post:
            m.d.sync += tail.eq(middle[-c.post * bits :])
        after = sampled[: c.pre * bits]
        line = _items(tail, bits) + _items(middle, bits) + _items(after, bits)
        taps = _items(self.taps, c.tap_bits)[: c.ffe_taps - 1]
        values = []
        for value in rx_ffe.values(m, c, line, taps):
            register = Signal(signed(c.value_bits), name=f"{value.name}_r")
            m.d.sync += register.eq(value)
            values.append(register)

        if c.dfe:
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
        first, last = c.first, c.first + c.observed
        seen: tuple[tuple[Signal, Value, int], ...] = (
            (self.observed_samples, middle[first * bits : (last + 1) * bits], 1),
            (self.negative, Cat(item[-1] for item in _items(middle, bits)), 1),
            (self.observed_values, Cat(values[first + 1 : last + 1]), 0),
        )
        for output, value, extra in seen:
            for stage in range(c.decision_latency - 4 + extra):
                register = Signal(len(output), name=f"{output.name}_{stage}")
                m.d.sync += register.eq(value)
                value = register
            m.d.sync += output.eq(value)
        return m


def _items(packed: Value, bits: int) -> list[Value]:
    return [packed[k : k + bits].as_signed() for k in range(0, len(packed), bits)]
