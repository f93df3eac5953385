"""Where the time of a change of path went."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["PARTS", "STAMPS", "TimeSplit"]

PARTS = ("command", "settle", "load", "relock", "frame")
"""What a change spends its time on, in order."""
STAMPS = ("dark", "command", "settled", "up", "frame")
"""Moments of a change."""


class TimeSplit(wiring.Component):
    """Latch the clock of each step of a change, and the clocks between steps.

    `command`: from `origin`, the darkness or the order, to `switched`; `settle`: to `arrived`;
    `load`: to `released`; `relock`: to `came_up`; `frame`: to `framed`. Each is written when it
    ends, and those after it are 0 from the next `switched` on. `total` grows until `framed` and is
    their sum then. A part that is not reached keeps 0. All saturate.

    Latency: 1 clock. Reset: 0.

    Members
    -------
    time, origin : In(32)
        Clock now, and clock from which a change is counted, modulo 2**32; `origin` with `switched`.
    switched, arrived, released, came_up, framed : In(1)
        Pulses.
    stop : In(1)
        Pulse: the change ends here, whatever it has reached.
    stamps : Out(5 * 32)
        Clock of each of `STAMPS`; dark is `origin`.
    parts : Out(5 * 32)
        Clocks of each of `PARTS`.
    total : Out(32)
        See above.
    """

    time: Signal
    origin: Signal
    switched: Signal
    arrived: Signal
    released: Signal
    came_up: Signal
    framed: Signal
    stop: Signal
    stamps: Signal
    parts: Signal
    total: Signal

    def __init__(self) -> None:
        """Make the ports."""
        events = ("switched", "arrived", "released", "came_up", "framed", "stop")
        super().__init__(
            {
                "time": In(32),
                "origin": In(32),
                **{name: In(1) for name in events},
                "stamps": Out(len(STAMPS) * 32),
                "parts": Out(len(PARTS) * 32),
                "total": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the counters."""
        m = Module()
        since = Signal(32)
        gone = Signal(32)
        running = Signal()
        m.d.comb += gone.eq(self.time - self.origin)

        def stamp(name: str, value: Signal) -> None:
            m.d.sync += self.stamps.word_select(STAMPS.index(name), 32).eq(value)

        m.d.sync += since.eq(Mux(since.all(), since, since + 1))
        with m.If(running & ~self.total.all()):
            m.d.sync += self.total.eq(self.total + 1)
        steps = ((self.arrived, "settle", "settled"), (self.released, "load", None),
                 (self.came_up, "relock", "up"), (self.framed, "frame", "frame"))  # fmt: skip
        for event, name, moment in steps:
            with m.If(event & running):
                m.d.sync += since.eq(1)
                m.d.sync += self.parts.word_select(PARTS.index(name), 32).eq(since)
                if moment is not None:
                    stamp(moment, self.time)
        with m.If(self.framed | self.stop):
            m.d.sync += [running.eq(0), self.total.eq(self.total)]
        with m.If(self.switched):
            m.d.sync += [self.parts.eq(gone), self.total.eq(gone + 1), since.eq(1), running.eq(1)]
            stamp("dark", self.origin)
            stamp("command", self.time)
        return m
