"""Search of one cell's heater power: where a tap is darkest and brightest."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.lock.probe import Probe, sum_bits

__all__ = ["ZERO", "Sweep"]

ZERO = 1 << 15
"""Calibrated power of the cell during a sweep: trims then reach every power."""


class Sweep(wiring.Component):
    """Step a cell's power, measure one tap at each step, and keep what a calibration needs.

    The cell's calibrated power must be `ZERO`; the sweep moves its trim. At each of `count` powers
    from `first`, `step` apart, it waits `wait` clocks for the heater and measures the tap with
    `Probe`. It keeps the least and the greatest sum with the first power of each, and the first and
    the last power at which the sum was below `threshold`: the middle of these two is the minimum
    much more precisely than the least sample, for there the curve is steep. `edge` says that the
    minimum was cut off by an end of the sweep, and `parts` counts the stretches below `threshold`.

    At the end the cell stays at the last power; a sweep with `count` 1 is a way to set it. A power
    beyond 65535 ends the sweep. `stop` ends it at once, without `done`.

    Latency: count * (wait + probe + 3) clocks. Reset: idle. `start` while busy is ignored.

    Parameters
    ----------
    cells, sources, sample_bits
        See `Probe`.

    Members
    -------
    start, stop : In(1)
        See above.
    cell, source, tap : In(cell bits), In(source bits), In(1)
        Swept cell, source of its light, 1 = lower tap; held while busy.
    first, step, count : In(16), In(16), In(12)
        Powers; `count` at least 1. Held while busy.
    threshold : In(signed(sum_bits))
        See above.
    wait, groups, repeats, guard, patience : In(24), In(4), In(3), In(16), In(16)
        See above and `Probe`; `tap` gets the repeats.
    sample_valid, sample_channel, sample_value, channel, pilot_on, pilot_source, pilot_level
        See `Probe`.
    trim_write, trim_cell, trim_value : Out(1), Out(cell bits), Out(signed(16))
        To the drive.
    busy, done : Out(1)
        Sweeping; one clock at the end.
    silent : Out(1)
        The last sweep ended early: no samples came.
    low, high : Out(signed(sum_bits))
        Least and greatest sum.
    low_at, high_at, below_first, below_last : Out(16)
        Powers, see above.
    below, edge : Out(1)
        Some sum was below `threshold`; so was that of the first or of the last power.
    parts : Out(4)
        Stretches below `threshold`, at most 15.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    start: Signal
    stop: Signal
    cell: Signal
    source: Signal
    tap: Signal
    first: Signal
    step: Signal
    count: Signal
    threshold: Signal
    wait: Signal
    groups: Signal
    repeats: Signal
    guard: Signal
    patience: Signal
    sample_valid: Signal
    sample_channel: Signal
    sample_value: Signal
    channel: Signal
    pilot_on: Signal
    pilot_source: Signal
    pilot_level: Signal
    trim_write: Signal
    trim_cell: Signal
    trim_value: Signal
    busy: Signal
    done: Signal
    silent: Signal
    low: Signal
    high: Signal
    low_at: Signal
    high_at: Signal
    below_first: Signal
    below_last: Signal
    below: Signal
    edge: Signal
    parts: Signal

    def __init__(self, cells: int, sources: int, *, sample_bits: int = 12) -> None:
        """Check the parameters and make the ports."""
        self._probe = Probe(cells, sources, sample_bits=sample_bits)
        cell_bits = len(self._probe.cell)
        source_bits = len(self._probe.source)
        total = signed(sum_bits(sample_bits))
        super().__init__(
            {
                "start": In(1),
                "stop": In(1),
                "cell": In(cell_bits),
                "source": In(source_bits),
                "tap": In(1),
                "first": In(16),
                "step": In(16),
                "count": In(12),
                "threshold": In(total),
                "wait": In(24),
                **self._probe.passed(),
                "trim_write": Out(1),
                "trim_cell": Out(cell_bits),
                "trim_value": Out(signed(16)),
                "busy": Out(1),
                "done": Out(1),
                "silent": Out(1),
                "low": Out(total),
                "high": Out(total),
                "low_at": Out(16),
                "high_at": Out(16),
                "below_first": Out(16),
                "below_last": Out(16),
                "below": Out(1),
                "edge": Out(1),
                "parts": Out(4),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the sequence of a sweep."""
        m = Module()
        m.submodules.probe = probe = self._probe
        probe.join(m, self)
        power = Signal(16)
        following = Signal(17)
        left = Signal(12)
        waited = Signal(24)
        fresh = Signal()
        was_below = Signal()
        value = Signal.like(self.low)
        under = Signal()
        ends = Signal()
        m.d.comb += [
            probe.stop.eq(self.stop),
            probe.cell.eq(self.cell),
            probe.source.eq(self.source),
            probe.tap.eq(self.tap),
            self.trim_cell.eq(self.cell),
            self.trim_value.eq(power - ZERO),
            value.eq(Mux(self.tap, probe.lower, probe.upper)),
            under.eq(value < self.threshold),
            following.eq(power + self.step),
            ends.eq((left == 0) | following[16]),
        ]
        m.d.sync += self.done.eq(0)
        with m.FSM():
            with m.State("IDLE"), m.If(self.start & ~self.stop):
                m.d.sync += [
                    power.eq(self.first),
                    left.eq(self.count - 1),
                    fresh.eq(1),
                    was_below.eq(0),
                    self.busy.eq(1),
                    self.silent.eq(0),
                    self.below.eq(0),
                    self.edge.eq(0),
                    self.parts.eq(0),
                ]
                m.next = "SET"
            with m.State("SET"):
                m.d.comb += self.trim_write.eq(1)
                m.d.sync += waited.eq(0)
                m.next = "WAIT"
                with m.If(self.stop):
                    m.next = "IDLE"
            with m.State("WAIT"):
                m.d.sync += waited.eq(waited + 1)
                with m.If(self.stop):
                    m.next = "IDLE"
                with m.Elif(waited >= self.wait):
                    m.d.comb += probe.start.eq(1)
                    m.next = "PROBE"
            with m.State("PROBE"):
                with m.If(self.stop):
                    m.next = "IDLE"
                with m.Elif(probe.done):
                    m.d.sync += [fresh.eq(0), was_below.eq(under), left.eq(left - 1)]
                    with m.If(fresh | (value < self.low)):
                        m.d.sync += [self.low.eq(value), self.low_at.eq(power)]
                    with m.If(fresh | (value > self.high)):
                        m.d.sync += [self.high.eq(value), self.high_at.eq(power)]
                    with m.If(under):
                        m.d.sync += [self.below.eq(1), self.below_last.eq(power)]
                        with m.If(~self.below):
                            m.d.sync += self.below_first.eq(power)
                        with m.If(~was_below & (self.parts != 15)):
                            m.d.sync += self.parts.eq(self.parts + 1)
                        with m.If(fresh | ends):
                            m.d.sync += self.edge.eq(1)
                    m.d.sync += power.eq(following)
                    m.next = "SET"
                    with m.If(ends | probe.silent):
                        m.d.sync += [self.busy.eq(0), self.done.eq(1), self.silent.eq(probe.silent)]
                        m.next = "IDLE"
        with m.If(self.stop):
            m.d.sync += self.busy.eq(0)
        return m
