"""Order of blocks in pairs: which of two blocks that came together is the first of its row.

Where a lane brings two blocks of 66 bits in a clock, sync headers give their boundaries but not
which two of them were sent as a row. The marker tells: both blocks of a marker row are markers, the
second with `block.SECOND` in its word.
"""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.block import SECOND, Kind

__all__ = ["Model", "PairOrder"]

Block = tuple[Kind, int]


def _half(item: Block) -> int | None:
    """Place in its row of a marker block, None of others."""
    kind, data = item
    return (data & SECOND) // SECOND if kind == Kind.MARKER else None


class Model:
    """Golden model of `PairOrder`: one call of `pair` a pair of blocks."""

    def __init__(self) -> None:
        """Start as after reset."""
        self.late: bool | None = None
        self.held: Block = (Kind.IDLE, 0)
        self.moved = False

    def pair(self, first: Block, second: Block) -> tuple[Block, Block] | None:
        """Take the blocks of a clock; returns the row."""
        last, self.held = self.held, second
        before, self.moved = self.late, False
        halves = [_half(item) for item in (last, first, second)]
        if halves[1:] == [0, 1]:
            self.late = False
        elif halves[:2] == [0, 1]:
            self.late = True
        if before is not None and self.late != before:
            self.late, self.moved = None, True
        if self.late is None:
            return None
        row = (last, first) if self.late else (first, second)
        low, high = (
            (Kind.ERROR, item[1]) if _half(item) == 1 - n else item for n, item in enumerate(row)
        )
        return low, high


class PairOrder(wiring.Component):
    """Pairs of blocks to rows.

    A row is the pair as it comes, or the second block of a pair and the first of the next. The
    first whole marker row after ``locked`` rose says which, and is the first row that leaves. A
    marker row that is found half a row off later says that the lane has slipped by a block: rows
    end, ``moved`` pulses, and whoever gives ``locked`` must take it away. A marker block in the
    other half of a row than its own is an ERROR block.

    Latency: `latency` clocks from the pair that ends a row. Throughput: a row a clock, no
    back-pressure. Reset: order not known.

    Members
    -------
    kinds, data : Signal(8), Signal(128), in
        A `block.Kind` and data of each block, the first in time in the low bits, with ``valid``.
    valid : Signal(), in
        A pair is present.
    locked : Signal(), in
        Block lock; low forgets the order.
    o_kinds, o_data : Signal(8), Signal(128), out
        Row, with ``o_valid``.
    o_valid : Signal(), out
        A row is present.
    moved : Signal(), out
        Pulse: a marker row was found half a row off.
    """

    kinds: Signal
    data: Signal
    valid: Signal
    locked: Signal
    o_kinds: Signal
    o_data: Signal
    o_valid: Signal
    moved: Signal

    latency = 1
    """Clocks from the pair that ends a row to the row."""

    def __init__(self) -> None:
        """Declare the members."""
        super().__init__(
            {
                "kinds": In(8),
                "data": In(128),
                "valid": In(1),
                "locked": In(1),
                "o_kinds": Out(8),
                "o_data": Out(128),
                "o_valid": Out(1),
                "moved": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        # Three blocks in a row: the one before the pair, and the pair.
        last_kind = Signal(4)
        last_data = Signal(64)
        kinds: list[Value] = [last_kind, self.kinds[:4], self.kinds[4:]]
        data: list[Value] = [last_data, self.data[:64], self.data[64:]]
        begins = Signal(3)  # marker of the first half of a row
        ends = Signal(3)
        second = SECOND.bit_length() - 1
        for n in range(3):
            is_marker = kinds[n] == Kind.MARKER
            m.d.comb += begins[n].eq(is_marker & ~data[n][second])
            m.d.comb += ends[n].eq(is_marker & data[n][second])

        known = Signal()
        late = Signal()  # a row begins with the second block of a pair
        now_early = Signal()
        now_late = Signal()
        use_late = Signal()
        off = Signal()
        m.d.comb += [
            now_late.eq(begins[0] & ends[1]),
            now_early.eq(begins[1] & ends[2]),
            use_late.eq(Mux(known, late, now_late)),
            off.eq(known & Mux(late, now_early, now_late)),
        ]
        halves: list[tuple[Value, Value]] = []
        for n, wrong in ((0, ends), (1, begins)):
            early, behind = n + 1, n
            kind = Mux(use_late, kinds[behind], kinds[early])
            astray = Mux(use_late, wrong[behind], wrong[early])
            content = Mux(use_late, data[behind], data[early])
            halves.append((Mux(astray, Kind.ERROR, kind), content))
        m.d.sync += [self.o_valid.eq(0), self.moved.eq(0)]
        with m.If(~self.locked):
            m.d.sync += known.eq(0)
        with m.Elif(self.valid):
            found = known | now_late | now_early
            m.d.sync += [
                known.eq(found & ~off),
                late.eq(use_late),
                self.o_valid.eq(found & ~off),
                self.moved.eq(off),
            ]
        with m.If(self.valid):
            m.d.sync += [
                Cat(last_kind, last_data).eq(Cat(kinds[2], data[2])),
                self.o_kinds.eq(Cat(kind for kind, _ in halves)),
                self.o_data.eq(Cat(content for _, content in halves)),
            ]
        return m
