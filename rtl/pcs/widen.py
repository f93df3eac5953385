"""Rows from parts that came over fewer lanes."""

from collections.abc import Sequence

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.active_lanes import active, choose, sizes
from lightloom.rtl.pcs.block import Kind

__all__ = ["Widen", "widen"]


def widen(parts: Sequence[Sequence[int | None]], usable: int) -> list[int | None]:
    """Golden model of `Widen`: the row of its parts, the inverse of `narrow`."""
    numbers = active(usable, len(parts[0]))
    return [part[number] for part in parts for number in numbers]


class Widen(wiring.Component):
    """Collects the parts that `narrow.Narrow` sends.

    A marker row starts anew. Rows that come before a marker has announced its lanes, and rows for
    which an announced lane is not `present`, are not given out. Throughput: a part a clock, no
    back-pressure. Latency: `latency` clocks from the last part of a row. Reset: nothing known.

    Parameters
    ----------
    lanes : int
        2 to 16.
    blocks : int
        Blocks of a lane a row, 1 to 4.

    Members
    -------
    kinds, data : Signal(4 * blocks * lanes), Signal(64 * blocks * lanes), in
        Blocks in lane number order, with ``valid``.
    valid : Signal(), in
        Blocks are present.
    marker, good : Signal(), in
        They are of a marker row, of a good one.
    present : Signal(lanes), in
        Lane numbers that are received.
    aligned : Signal(), in
        Low forgets what was announced.
    announced : Signal(lanes), in
        Active lanes from the last good marker row on, with ``announced_new``, which may come with
        the row after the marker.
    announced_new : Signal(), in
        A marker announced lanes.
    complete : Signal(), out
        The announced lanes are known and present.
    o_kinds, o_data : Signal(4 * blocks * lanes), Signal(64 * blocks * lanes), out
        Row. Of a marker row that is not good all kinds are ERROR.
    o_valid : Signal(), out
        A row is present.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    kinds: Signal
    data: Signal
    valid: Signal
    marker: Signal
    good: Signal
    present: Signal
    aligned: Signal
    announced: Signal
    announced_new: Signal
    complete: Signal
    o_kinds: Signal
    o_data: Signal
    o_valid: Signal

    latency = 1
    """Clocks from the last part of a row to the row."""

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
                "valid": In(1),
                "marker": In(1),
                "good": In(1),
                "present": In(lanes),
                "aligned": In(1),
                "announced": In(lanes),
                "announced_new": In(1),
                "complete": Out(1),
                "o_kinds": Out(4 * blocks * lanes),
                "o_data": Out(64 * blocks * lanes),
                "o_valid": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        lanes, blocks = self.lanes, self.blocks
        held = Signal(lanes)
        mask = Signal(lanes)
        m.d.comb += mask.eq(Mux(self.announced_new, self.announced, held))
        with m.If(~self.aligned):
            m.d.sync += held.eq(0)
        with m.Elif(self.announced_new):
            m.d.sync += held.eq(self.announced)
        complete = Signal()
        m.d.comb += complete.eq(mask.any() & ~(mask & ~self.present).any())
        m.d.sync += self.complete.eq(complete & self.aligned)

        now = choose(m, mask, lanes, "now")
        first = Signal(range(lanes + 1))
        last = Signal()
        m.d.comb += last.eq(first + now.count == lanes)
        kinds: list[Value] = [self.kinds.word_select(n, 4 * blocks) for n in range(lanes)]
        data: list[Value] = [self.data.word_select(n, 64 * blocks) for n in range(lanes)]
        # What the active lane of each rank holds.
        by_rank_kinds = [Signal(4 * blocks, name=f"ranked_kinds_{n}") for n in range(lanes)]
        by_rank_data = [Signal(64 * blocks, name=f"ranked_data_{n}") for n in range(lanes)]
        for rank in range(lanes):
            m.d.comb += by_rank_kinds[rank].eq(now.pick(kinds, Value.cast(rank)))
            m.d.comb += by_rank_data[rank].eq(now.pick(data, Value.cast(rank)))

        marked = Signal(4)
        m.d.comb += marked.eq(Mux(self.good, Kind.MARKER, Kind.ERROR))
        m.d.sync += self.o_valid.eq(self.valid & complete & (self.marker | last))
        with m.If(self.valid):
            m.d.sync += first.eq(Mux(self.marker | last, 0, first + now.count))
        for lane in range(lanes):
            out_kinds = self.o_kinds.word_select(lane, 4 * blocks)
            out_data = self.o_data.word_select(lane, 64 * blocks)
            with m.If(self.valid & self.marker):
                m.d.sync += out_kinds.eq(marked.replicate(blocks))
            with m.Elif(self.valid):
                for size in sizes(lanes):
                    with m.If((now.count == size) & (first == lane // size * size)):
                        m.d.sync += out_kinds.eq(by_rank_kinds[lane % size])
                        m.d.sync += out_data.eq(by_rank_data[lane % size])
        return m
