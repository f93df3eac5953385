"""Order of blocks in pairs: rows that leave are those that were sent."""

from amaranth import Cat, Module, Mux, Signal, Value

from lightloom.rtl.pcs.block import SECOND, Kind
from lightloom.rtl.pcs.pair_order import PairOrder
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]


class _Stream:
    """The blocks that came: of this clock, `first` and `second`, and the `last` before them."""

    def __init__(self, bench: Bench, dut: PairOrder) -> None:
        self.first: Value = Cat(dut.kinds[:4], dut.data[:64])
        self.second: Value = Cat(dut.kinds[4:], dut.data[64:])
        self.last = Signal(68)
        with bench.m.If(dut.valid):
            bench.m.d.sync += self.last.eq(self.second)
        self.used = dut.valid & dut.locked

    @staticmethod
    def half(block: Value, place: int) -> Value:
        """Whether a block is the marker of a half row."""
        second = block[4 + SECOND.bit_length() - 1]
        return (block[:4] == Kind.MARKER) & (second if place else ~second)

    def whole(self, first: Value, second: Value) -> Value:
        """Whether two blocks are a marker row."""
        return self.half(first, 0) & self.half(second, 1)


def _out(dut: PairOrder) -> Value:
    return Cat(dut.o_kinds[:4], dut.o_data[:64], dut.o_kinds[4:], dut.o_data[64:])


def _rows(bench: Bench) -> None:
    m, dut = bench.m, PairOrder()
    inner = bench.add(dut)
    came = _Stream(bench, dut)
    late = bench.constant(1, "late")  # rows begin with the second block of a pair
    first, second = Signal(68), Signal(68)
    m.d.comb += [
        first.eq(Mux(late, came.last, came.first)),
        second.eq(Mux(late, came.first, came.second)),
    ]
    # Marker blocks stand in their own half.
    bench.assume(~came.half(Mux(late, came.second, came.first), 1))
    bench.assume(~came.half(Mux(late, came.first, came.second), 0))
    joined, now = Signal(), Signal()  # a whole marker row came since the lock
    m.d.comb += now.eq(joined | came.whole(first, second))
    with m.If(~dut.locked):
        m.d.sync += joined.eq(0)
    with m.Elif(dut.valid):
        m.d.sync += joined.eq(now)
    bench.check("leaves", dut.o_valid == bench.past(came.used & now))
    sent = Cat(bench.past(first), bench.past(second))
    bench.check("unchanged", ~dut.o_valid | (_out(dut) == sent))
    bench.check("stays", ~dut.moved)
    held = Cat(internal(inner, "last_kind"), internal(inner, "last_data"))
    bench.invariant("held", held == came.last)
    bench.invariant("known", internal(inner, "known") == joined)
    bench.invariant("order", ~joined | (internal(inner, "late") == late))
    bench.invariant("half", ~came.half(came.last, 0) | late)
    bench.invariant("other_half", ~came.half(came.last, 1) | ~late)
    for order in range(2):
        bench.cover(joined & dut.o_valid & (late == order) & (dut.o_kinds == 0x19))


def _moves(bench: Bench) -> None:
    dut = PairOrder()
    inner = bench.add(dut)
    came = _Stream(bench, dut)
    early = came.whole(came.first, came.second)
    late = came.whole(came.last, came.first)
    for name, found, row in (
        ("early", early, Cat(came.first, came.second)),
        ("late", late, Cat(came.last, came.first)),
    ):
        leaves = dut.o_valid & (_out(dut) == bench.past(row))
        bench.check(name, ~bench.past(came.used & found) | leaves | dut.moved)
    bench.check("cause", ~dut.moved | bench.past(came.used & (early | late)))
    bench.check("ends", ~(dut.moved & dut.o_valid))
    held = Cat(internal(inner, "last_kind"), internal(inner, "last_data"))
    bench.invariant("held", held == came.last)
    bench.cover(dut.moved & internal(inner, "late"))


def _an_order_too_late(dut: PairOrder, module: Module) -> None:
    module.d.comb += internal(module, "use_late").eq(internal(module, "late"))


def _ignores_the_slip(dut: PairOrder, module: Module) -> None:
    module.d.comb += internal(module, "off").eq(0)


PROOFS = (
    Proof(
        "pair_order",
        "rows",
        "from the first whole marker row on every row leaves once, whole, whichever block of a "
        "pair begins it",
        _rows,
        _an_order_too_late,
        method="induction",
        depth=2,
        assumed="marker blocks stand in their own half of a row",
    ),
    Proof(
        "pair_order",
        "moves",
        "a whole marker row leaves as it came, or the slip that put it off its place is told",
        _moves,
        _ignores_the_slip,
        method="induction",
        depth=2,
    ),
)
