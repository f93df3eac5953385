"""Row assembly: aligned blocks of all lanes in, rows out."""

from amaranth import Module, Signal
from amaranth.lib import data as layouts
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.row import Gather, check_lanes, row

__all__ = ["Assembler"]


class Assembler(wiring.Component):
    """Block kinds to rows, registered.

    Latency: `latency` clocks. Throughput: one row a clock, no back-pressure. Reset: not valid.

    Parameters
    ----------
    lanes : int
        Lanes times blocks of a lane a row, 1 to 64.

    Members
    -------
    kinds, data : Signal(4 * lanes), Signal(64 * lanes), in
        Blocks in lane number order, with ``valid``.
    valid : Signal(), in
        Blocks are present.
    o : Signal(row(lanes)), out
        Row, with ``o_valid``.
    o_valid : Signal(), out
        A row is present.

    Raises
    ------
    ValueError
        ``lanes`` is out of range.
    """

    kinds: Signal
    data: Signal
    valid: Signal
    o: layouts.View
    o_valid: Signal

    latency = 1
    """Clocks from blocks to their row."""

    def __init__(self, *, lanes: int) -> None:
        """Check the parameter and declare the members."""
        check_lanes(lanes)
        self.lanes = lanes
        super().__init__(
            {
                "kinds": In(4 * lanes),
                "data": In(64 * lanes),
                "valid": In(1),
                "o": Out(row(lanes)),
                "o_valid": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        gather = m.submodules.gather = Gather(lanes=self.lanes)
        m.d.comb += gather.kinds.eq(self.kinds)
        m.d.sync += self.o_valid.eq(self.valid)
        with m.If(self.valid):
            m.d.sync += [
                self.o.data.eq(self.data),
                self.o.kind.eq(gather.kind),
                self.o.count.eq(gather.count),
            ]
        return m
