"""Rows over fewer lanes: what `Narrow` sends in parts `Widen` gives out whole.

The lanes between them take no time; alignment of the receiver comes and goes at will, and the
lanes that `Narrow` is to use change at will.
"""

from amaranth import Module, Mux, Signal

from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.narrow import Narrow
from lightloom.rtl.pcs.widen import Widen
from lightloom.rtl.popcount import popcount
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]

LANES = 4
DATA_BITS = 4
"""Of each block, that are not zero; the others go the same way."""


def _rows(bench: Bench) -> None:
    m, near, far = bench.m, Narrow(lanes=LANES), Widen(lanes=LANES)
    near_inner = bench.add(near, name="near")
    connected = ("kinds", "data", "valid", "marker", "announced", "announced_new")
    far_inner = bench.add(far, driven=connected, name="far")
    announced, told = Signal(LANES), Signal()
    m.d.comb += [
        far.kinds.eq(near.o_kinds),
        far.data.eq(near.o_data),
        far.valid.eq(near.slot & far.aligned),
        far.marker.eq(near.marker),
        far.announced.eq(announced),
        far.announced_new.eq(told & far.aligned),
    ]
    m.d.sync += told.eq(far.valid & far.marker & far.good)
    with m.If(near.slot & near.marker):
        m.d.sync += announced.eq(near.announce)
    # A row of which a part was sent stays until it is taken, received lanes stay while aligned,
    # and a marker that is lost changes nothing.
    waits = Signal()
    with m.If(near.slot):
        m.d.sync += waits.eq(~near.take)
    for value in (near.kinds, near.data, near.marker):
        bench.assume(~waits | (value == bench.past(value)))
    for n in range(LANES):
        bench.assume(near.data[64 * n + DATA_BITS : 64 * (n + 1)] == 0)
    bench.assume(~bench.past(far.aligned) | (far.present == bench.past(far.present)))
    spoilt = far.valid & far.marker & ~far.good
    bench.assume(~spoilt | (near.announce == near.applied))

    known = Signal()  # a good marker came since alignment
    with m.If(~far.aligned):
        m.d.sync += known.eq(0)
    with m.Elif(far.valid & far.marker & far.good):
        m.d.sync += known.eq(1)
    reached = known & ~(near.applied & ~far.present).any()
    done = bench.past(far.valid & near.take & reached)
    kind = [far.o_kinds.word_select(n, 4) for n in range(LANES)]
    marked = bench.past(near.marker)
    whole = (far.o_kinds == bench.past(near.kinds)) & (far.o_data == bench.past(near.data))
    bench.check("each_row_once", far.o_valid == done)
    bench.check("whole", ~far.o_valid | marked | whole)
    for n in range(LANES):
        right = kind[n] == Mux(bench.past(far.good), Kind.MARKER, Kind.ERROR)
        bench.check(f"marker_{n}", ~far.o_valid | ~marked | right)
    slots = bench.past(near.slot & near.marker)
    bench.check("as_announced", ~slots | (near.applied == bench.past(near.announce)))
    bench.check("keeps_lanes", slots | (near.applied == bench.past(near.applied, init=15)))
    idle = [near.applied[n] | (near.o_kinds.word_select(n, 4) == Kind.IDLE) for n in range(LANES)]
    for n in range(LANES):
        bench.check(f"idle_{n}", near.marker | idle[n])

    # For the induction.
    count = popcount(m, near.applied, name="applied_count")
    first, got = internal(near_inner, "first"), internal(far_inner, "first")
    even = ((count == 1) | ~first[0]) & ((count != 4) | (first == 0))
    bench.invariant("count", (count == 1) | (count == 2) | (count == 4))
    bench.invariant("first", (first < LANES) & even)
    bench.invariant("begun", (first != 0) == waits)
    bench.invariant("unmarked", (first == 0) | ~near.marker)
    bench.invariant("same_part", ~known | (got == first))
    bench.invariant("lanes", ~known | (announced == near.applied))
    bench.invariant("held", ~known | told | (internal(far_inner, "held") == near.applied))
    bench.invariant("told", ~told | known)
    bench.invariant("unknown", known | ~internal(far_inner, "held").any())
    for n in range(LANES):
        part = (kind[n] == near.kinds.word_select(n, 4)) & (
            far.o_data.word_select(n, 64) == near.data.word_select(n, 64)
        )
        bench.invariant(f"part_{n}", ~known | (first <= n) | part)
    bench.cover(far.o_valid & whole & ~marked & (near.applied == 0b1010))
    bench.cover(far.o_valid & whole & ~marked & (near.applied == 0b0100))
    bench.cover(far.o_valid & marked)


def _repeats_a_block(dut: Narrow, module: Module) -> None:
    with module.If(dut.applied == 0b1010):
        module.d.comb += internal(module, "index_3").eq(internal(module, "index_1"))


PROOFS = (
    Proof(
        "narrow",
        "rows",
        "with widen: a row sent in parts comes out whole, once, whatever lanes are usable",
        _rows,
        _repeats_a_block,
        method="induction",
        depth=2,
        reach=20,
        assumed="4 lanes of which each has 4 bits of data; a row stays until it is taken; a bad "
        "marker announces no other lanes",
    ),
)
