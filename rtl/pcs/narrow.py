"""Rows over fewer lanes than they have."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.active_lanes import active, choose
from lightloom.rtl.pcs.block import Kind

__all__ = ["Narrow", "narrow"]


def narrow(row: list[int], usable: int) -> list[list[int | None]]:
    """Golden model of `Narrow`: parts of a row that is no marker, None on lanes that carry none."""
    lanes = len(row)
    numbers = active(usable, lanes)
    parts = []
    for first in range(0, lanes, len(numbers)):
        part: list[int | None] = [None] * lanes
        for rank, number in enumerate(numbers):
            part[number] = row[first + rank]
        parts.append(part)
    return parts


class Narrow(wiring.Component):
    """Sends each row in as many parts as the active lanes need.

    Part `j` of a row carries its lanes `j * count` up to the next part on the `count` active lanes,
    in order. MARKER rows go to all lanes in one part. Lanes that are not active carry IDLE
    blocks. Combinational from ``kinds`` and ``data``; with all lanes active nothing changes.
    ``wanted`` takes effect with the row after a marker: ``applied``, which that marker announces
    (`announce`), is what the receiver must use from there on.

    Parameters
    ----------
    lanes : int
        2 to 16.
    blocks : int
        Blocks of a lane a row, 1 to 4.

    Members
    -------
    kinds, data : Signal(4 * blocks * lanes), Signal(64 * blocks * lanes), in
        Row.
    marker : Signal(), in
        It is a MARKER row.
    slot : Signal(), in
        The lanes take what they are shown.
    take : Signal(), out
        The row is done with this slot: the slot of whoever makes rows.
    wanted : Signal(lanes), in
        Usable lanes; none count as all.
    announce : Signal(lanes), out
        Active lanes after the next marker.
    applied : Signal(lanes), out
        Active lanes now. Reset: all.
    o_kinds, o_data : Signal(4 * blocks * lanes), Signal(64 * blocks * lanes), out
        Blocks for the lanes.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    kinds: Signal
    data: Signal
    marker: Signal
    slot: Signal
    take: Signal
    wanted: Signal
    announce: Signal
    applied: Signal
    o_kinds: Signal
    o_data: Signal

    def __init__(self, *, lanes: int, blocks: int = 1) -> None:
        """Check the parameters and declare the members."""
        if not 2 <= lanes <= 16:
            raise ValueError(f"lanes = {lanes}; allowed: 2 to 16")
        if not 1 <= blocks <= 4:
            raise ValueError(f"blocks = {blocks}; allowed: 1 to 4")
        self.lanes = lanes
        self.blocks = blocks
        super().__init__(
            {
                "kinds": In(4 * blocks * lanes),
                "data": In(64 * blocks * lanes),
                "marker": In(1),
                "slot": In(1),
                "take": Out(1),
                "wanted": In(lanes),
                "announce": Out(lanes),
                "applied": Out(lanes),
                "o_kinds": Out(4 * blocks * lanes),
                "o_data": Out(64 * blocks * lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        lanes, blocks = self.lanes, self.blocks
        everyone = (1 << lanes) - 1
        ahead = choose(m, Mux(self.wanted.any(), self.wanted, everyone), lanes, "ahead")
        applied = Signal(lanes, init=everyone)
        m.d.comb += self.applied.eq(applied)
        now = choose(m, applied, lanes, "now")
        first = Signal(range(lanes + 1))  # lane of the row that the first active lane carries
        last = Signal()
        m.d.comb += [
            self.announce.eq(ahead.mask),
            last.eq(self.marker | (first + now.count == lanes)),
            self.take.eq(self.slot & last),
        ]
        with m.If(self.slot):
            m.d.sync += first.eq(Mux(last, 0, first + now.count))
            with m.If(self.marker):
                m.d.sync += applied.eq(ahead.mask)
        kinds = [self.kinds.word_select(n, 4 * blocks) for n in range(lanes)]
        data = [self.data.word_select(n, 64 * blocks) for n in range(lanes)]
        for n in range(lanes):
            index = Signal(range(lanes), name=f"index_{n}")
            m.d.comb += index.eq(first + now.ranks[n])
            m.d.comb += self.o_data.word_select(n, 64 * blocks).eq(Array(data)[index])
            with m.If(self.marker):
                m.d.comb += self.o_kinds.word_select(n, 4 * blocks).eq(kinds[n])
            with m.Elif(now.mask[n]):
                m.d.comb += self.o_kinds.word_select(n, 4 * blocks).eq(Array(kinds)[index])
            with m.Else():
                m.d.comb += self.o_kinds.word_select(n, 4 * blocks).eq(Kind.IDLE)
        return m
