"""Crossings between clock domains; `amaranth.lib.cdc`, which the type checker's stubs leave out."""

from __future__ import annotations

import importlib

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["STEADY_CLOCKS", "SteadyWord", "cdc"]

cdc = importlib.import_module("amaranth.lib.cdc")

STEADY_CLOCKS = 4
"""Clocks that a word stands before another clock domain takes it."""


class SteadyWord(wiring.Component):
    """A word of several bits from another clock domain, taken when it stands still.

    Its bits may arrive in different clocks, so a word counts when it has been the same for
    `STEADY_CLOCKS` + 1 clocks. A sender has to hold each for 6 clocks of this domain.

    Latency: 2 clocks of synchronizer, then `STEADY_CLOCKS` + 1. Reset: 0.

    Parameters
    ----------
    width : int
        Bits, 1 or more.

    Members
    -------
    i : In(width)
        Asynchronous.
    o : Out(width)
        The last word that stood. Registered.
    """

    i: Signal
    o: Signal

    def __init__(self, width: int) -> None:
        """Make the ports."""
        if width < 1:
            raise ValueError(f"width = {width!r}; allowed: 1 or more")
        super().__init__({"i": In(width), "o": Out(width)})

    def elaborate(self, platform: object) -> Module:
        """Build the synchronizer and the comparison."""
        m = Module()
        here, last = Signal.like(self.i), Signal.like(self.i)
        stands = Signal(range(STEADY_CLOCKS))
        m.submodules.sync = cdc.FFSynchronizer(self.i, here)
        m.d.sync += last.eq(here)
        with m.If(here != last):
            m.d.sync += stands.eq(0)
        with m.Elif(stands == STEADY_CLOCKS - 1):
            m.d.sync += self.o.eq(last)
        with m.Else():
            m.d.sync += stands.eq(stands + 1)
        return m
