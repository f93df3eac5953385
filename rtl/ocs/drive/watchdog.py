"""Watchdog: asks for a park when nobody has kicked it for too long."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Watchdog"]


class Watchdog(wiring.Component):
    """Count clocks since the last kick; `expired` stays until it is released.

    A kick never takes `expired` back: who was silent for too long has to say that it is back by
    `release`, which also starts the count anew. A release that comes in the clock in which the
    count ends wins.

    Latency: `expired` is high in the clock that follows `limit` clocks without a kick or release.
    Throughput and back-pressure: none. After reset the count is 0 and `expired` is low.

    Members
    -------
    limit : In(32)
        Clocks; 0 is off (and leaves `expired` as it is).
    kick : In(1)
        Start the count anew.
    release : In(1)
        Start the count anew and take `expired` back.
    expired : Out(1)
        Park. Registered.
    """

    limit: Signal
    kick: Signal
    release: Signal
    expired: Signal

    def __init__(self) -> None:
        """Make the ports."""
        super().__init__({"limit": In(32), "kick": In(1), "release": In(1), "expired": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the count."""
        m = Module()
        count = Signal(32)
        with m.If(self.release):
            m.d.sync += [count.eq(0), self.expired.eq(0)]
        with m.Elif(self.kick | (self.limit == 0)):
            m.d.sync += count.eq(0)
        with m.Elif(count >= self.limit - 1):
            m.d.sync += self.expired.eq(1)
        with m.Else():
            m.d.sync += count.eq(count + 1)
        return m
