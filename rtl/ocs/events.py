"""Events that wait for software, and the interrupt they raise."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer

__all__ = ["Events"]


class Events(wiring.Component):
    """Keep each event until it is cleared; one that comes in the same clock stays.

    Latency: `pending` 1 clock, `interrupt` 2. Throughput: every clock, no back-pressure. Reset:
    nothing is pending.

    Parameters
    ----------
    count : int
        1 to 32.

    Members
    -------
    events, clear : In(count)
        Pulses.
    mask : In(count)
        Events that raise the interrupt.
    pending : Out(count)
        Registered.
    interrupt : Out(1)
        A pending event is not masked. Registered.

    Raises
    ------
    ValueError
        `count` is out of range.
    """

    events: Signal
    clear: Signal
    mask: Signal
    pending: Signal
    interrupt: Signal

    def __init__(self, count: int) -> None:
        """Check the parameter and make the ports."""
        check_integer("count", count, 1, 32)
        super().__init__(
            {
                "events": In(count),
                "clear": In(count),
                "mask": In(count),
                "pending": Out(count),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the register."""
        m = Module()
        m.d.sync += [
            self.pending.eq((self.pending & ~self.clear) | self.events),
            self.interrupt.eq((self.pending & self.mask).any()),
        ]
        return m
