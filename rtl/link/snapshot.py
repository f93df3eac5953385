"""Wide status from one clock domain to another."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link.crossing import cdc

__all__ = ["Snapshot"]


class Snapshot(wiring.Component):
    """Copies of a wide value, each consistent in itself.

    Domains ``source`` and ``target`` are named by the arguments. A copy is held still in ``source``
    while a toggle goes over and comes back, so every bit of ``o`` is of the same clock of
    ``source``. A copy takes 3 clocks of ``target`` and arrives every ``interval`` clocks of
    ``source`` or less often, as the handshake allows. Reset: 0.

    Parameters
    ----------
    width : int
        Bits, at least 1.
    source, target : str
        Clock domains.
    interval : int
        Clocks of ``source`` between copies, 1 to 1024.

    Members
    -------
    i : Signal(width), in
        Value in ``source``.
    o : Signal(width), out
        Last copy, in ``target``.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    i: Signal
    o: Signal

    def __init__(self, *, width: int, source: str, target: str, interval: int = 32) -> None:
        """Check the parameters and declare the members."""
        if width < 1:
            raise ValueError(f"width = {width}; allowed: at least 1")
        if not 1 <= interval <= 1024:
            raise ValueError(f"interval = {interval}; allowed: 1 to 1024")
        self.width = width
        self.source = source
        self.target = target
        self.interval = interval
        super().__init__({"i": In(width), "o": Out(width)})

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        held = Signal(self.width)
        request = Signal()
        acknowledge = Signal()
        request_seen = Signal()
        acknowledge_seen = Signal()
        wait = Signal(range(self.interval))
        m.submodules.request = cdc.FFSynchronizer(request, request_seen, o_domain=self.target)
        m.submodules.acknowledge = cdc.FFSynchronizer(
            acknowledge, acknowledge_seen, o_domain=self.source
        )
        with m.If(wait != 0):
            m.d[self.source] += wait.eq(wait - 1)
        with m.Elif(request == acknowledge_seen):
            m.d[self.source] += [held.eq(self.i), request.eq(~request)]
            m.d[self.source] += wait.eq(self.interval - 1)
        with m.If(request_seen != acknowledge):
            m.d[self.target] += [self.o.eq(held), acknowledge.eq(request_seen)]
        return m
