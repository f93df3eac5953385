"""Deskew: the blocks of a row came equally long after the markers that the lanes were aligned by.

Inputs are free: blocks of any kind, at any rate and skew, lock and enable at will. Rows of a lane
are numbered from the marker that it began with, modulo 32, which is more than a buffer holds; of
one number, any, the blocks are kept aside and compared when that row leaves.
"""

from amaranth import Cat, Module, Mux, Signal, Value

from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.deskew import BAD_MARKERS_TO_LOSE, Deskew
from lightloom.rtl.proofs.bench import Bench, Proof, inside, internal, part, state

__all__ = ["PROOFS"]

DEPTH = 16
_NUMBER_BITS = DEPTH.bit_length()
_FLUSH, _SEARCH, _ALIGNED = range(3)


class _Lane:
    """Blocks of a lane since its marker."""

    def __init__(self, bench: Bench, dut: Deskew, inner: Module, lane: int, flush: Value) -> None:
        m = bench.m
        kinds, data = dut.kinds.word_select(lane, 4), dut.data.word_select(lane, 64)
        self.began = Signal(name=f"began_{lane}")
        self.number = Signal(8, name=f"number_{lane}")
        self.came = Signal(_NUMBER_BITS, name=f"came_{lane}")
        self.kept = Signal(68, name=f"kept_{lane}")
        self.comes = Signal(name=f"comes_{lane}")
        begins = kinds == Kind.MARKER
        m.d.comb += self.comes.eq(dut.valid[lane] & ~flush & (self.began | begins))
        with m.If(flush):
            m.d.sync += [self.began.eq(0), self.came.eq(0)]
        with m.Elif(self.comes):
            m.d.sync += [self.began.eq(1), self.came.eq(self.came + 1)]
            with m.If(~self.began):
                m.d.sync += self.number.eq(data)
        self.block = Cat(kinds, data)

        self.buffer = part(inner, f"buffer_{lane}")
        made = inside(inner, f"buffer_{lane}")
        self.found = internal(made, "found")
        self.read, self.written = (internal(made, f"{side}__addr") for side in ("read", "write"))
        self.look = part(made, "store").read_port(domain="comb")
        self.head = Cat(self.buffer.head_kinds, self.buffer.head_data)

    def marks(self, block: Value) -> Value:
        """Whether a block is the marker that the lane began with."""
        return (block[:4] == Kind.MARKER) & (block[4:12] == self.number)


def _rows(bench: Bench) -> None:
    m, dut = bench.m, Deskew(lanes=2, depth=DEPTH)
    inner = bench.add(dut, driven=("excluded",))
    flush = internal(inner, "flush", "sync")
    lanes = [_Lane(bench, dut, inner, n, flush) for n in range(2)]
    place = bench.constant(_NUMBER_BITS, "place")
    for lane in lanes:
        with m.If(lane.comes & (lane.came == place)):
            m.d.sync += lane.kept.eq(lane.block)
    # Rows that left the buffers, and those that came out.
    gone, out = Signal(_NUMBER_BITS), Signal(_NUMBER_BITS)
    none_gone, none_out = Signal(init=1), Signal(init=1)
    waiting, overflow, leaves, up = Signal(), Signal(), Signal(), Signal()
    held = [(lane.came - gone)[:_NUMBER_BITS] for lane in lanes]
    lost = [lane.comes & (level == DEPTH) for lane, level in zip(lanes, held, strict=True)]
    m.d.comb += [
        up.eq(dut.enable & dut.locked.all()),
        waiting.eq(Cat(level != 0 for level in held).all()),
        overflow.eq(Cat(lost).any()),
        leaves.eq(dut.aligned & waiting),
    ]
    with m.If(flush):
        m.d.sync += [gone.eq(0), out.eq(0), none_gone.eq(1), none_out.eq(1)]
    with m.Else():
        m.d.sync += [gone.eq(gone + leaves), out.eq(out + dut.o_valid)]
        m.d.sync += [none_gone.eq(none_gone & ~leaves), none_out.eq(none_out & ~dut.o_valid)]

    swapped = lanes[0].number == 1
    own = Mux(swapped, lanes[1].number == 0, (lanes[0].number == 0) & (lanes[1].number == 1))
    sent = [Mux(swapped, lanes[1 - n].kept, lanes[n].kept) for n in range(2)]
    row = [Cat(dut.o_kinds.word_select(n, 4), dut.o_data.word_select(n, 64)) for n in range(2)]
    whole = Cat(row[n] == sent[n] for n in range(2)).all()
    bench.check("same_row", ~dut.o_valid | (out != place) | whole)
    bench.check("own_numbers", ~dut.o_valid | own)
    markers = [row[n][:4] == Kind.MARKER for n in range(2)]
    right = Cat(markers[n] & (row[n][4:12] == n) for n in range(2)).all()
    bench.check("begins_with_markers", ~dut.o_valid | ~none_out | right)
    bad = Signal()
    m.d.comb += bad.eq(dut.o_valid & Cat(markers).any() & ~right)
    bench.check("marker", ~dut.o_valid | (dut.marker == Cat(markers).any()))
    bench.check("good", ~dut.o_valid | (dut.good == right))
    bench.check("bad_marker_is_told", ~bench.past(bad) | dut.marker_error)
    misses = Signal(range(BAD_MARKERS_TO_LOSE))
    last = bad & (misses == BAD_MARKERS_TO_LOSE - 1)
    with m.If(~dut.aligned | (dut.o_valid & right)):
        m.d.sync += misses.eq(0)
    with m.Elif(bad):
        m.d.sync += misses.eq(misses + 1)
    bench.check("loss_is_told", dut.skew_error == bench.past(overflow))
    ends = ~up | overflow | last
    bench.check("ends", ~bench.past(ends) | ~dut.aligned)
    bench.check("stays", ~bench.past(dut.aligned & ~ends) | dut.aligned)
    found = ~flush & ~dut.aligned & waiting & own & up & ~overflow
    bench.check("begins", bench.past(found) | bench.past(dut.aligned) | ~dut.aligned)
    bench.check("is_found", ~bench.past(found) | dut.aligned)
    due = bench.past(bench.past(leaves))
    bench.check("at_once", ~dut.aligned | (dut.o_valid == due))

    # For the induction.
    now = state(inner)
    searching, aligned = now == _SEARCH, now == _ALIGNED
    bench.invariant("state", now <= _ALIGNED)
    bench.invariant("flush", flush == (now == _FLUSH))
    bench.invariant("aligned", dut.aligned == aligned)
    left = Signal(_NUMBER_BITS)
    m.d.comb += left.eq(place - gone)
    for n, lane in enumerate(lanes):
        level = lane.buffer.level
        m.d.comb += lane.look.addr.eq(lane.read + left)
        bench.invariant(f"addresses_{n}", (lane.written - lane.read)[:4] == level[:4])
        bench.invariant(f"most_{n}", level <= DEPTH)
        bench.invariant(f"level_{n}", flush | (level == held[n]))
        bench.invariant(f"found_{n}", flush | (lane.found == lane.began))
        bench.invariant(f"began_{n}", flush | lane.began | ((level == 0) & none_gone))
        bench.invariant(f"holds_{n}", flush | ~lane.began | ~none_gone | (level != 0))
        bench.invariant(f"stored_{n}", flush | (left >= level) | (lane.look.data == lane.kept))
        marks = lane.marks(lane.head)
        bench.invariant(f"head_{n}", flush | ~none_gone | (level == 0) | marks)
        bench.invariant(f"aligned_{n}", ~aligned | (lane.began & own))
    # Rows on their way: stage 1, then stage 2.
    raw_valid, ordered = internal(inner, "raw_valid"), internal(inner, "ordered")
    raw_first, ordered_first = bench.past(none_gone), bench.past(bench.past(none_gone))
    bench.invariant("nothing_early", ~searching | (none_gone & none_out & ~raw_valid & ~ordered))
    bench.invariant("rows", flush | ((out + ordered + raw_valid)[:_NUMBER_BITS] == gone))
    first_leaves = Mux(ordered, ordered_first, Mux(raw_valid, raw_first, none_gone))
    bench.invariant("first", ~aligned | (none_out == first_leaves))
    bench.invariant("first_raw", ~aligned | ~ordered | ~raw_valid | ~raw_first)
    bench.invariant("first_gone", ~aligned | ~(ordered | raw_valid) | ~none_gone)
    raw_place = (out + ordered)[:_NUMBER_BITS] == place
    for n, lane in enumerate(lanes):
        raw = Cat(internal(inner, f"raw_kinds_{n}"), internal(inner, f"raw_data_{n}"))
        waits = aligned & raw_valid
        bench.invariant(f"raw_{n}", ~waits | ~raw_place | (raw == lane.kept))
        bench.invariant(f"raw_marks_{n}", ~waits | ~raw_first | lane.marks(raw))
        bench.invariant(f"source_{n}", ~aligned | (internal(inner, f"source_{n}") == swapped ^ n))
    bench.invariant("present", ~aligned | dut.present.all())
    bench.invariant("misses", ~aligned | (internal(inner, "misses") == misses))
    ahead = (dut.skews[:7] == 5) & (dut.lane_ids[:4] == 1)
    bench.cover(dut.o_valid & ahead & (out == place) & (place == 1))
    bench.cover(bad)
    bench.cover(dut.skew_error & bench.past(dut.aligned))


def _loses_a_row(dut: Deskew, module: Module) -> None:
    buffer = inside(module, "buffer_0")
    with buffer.If(part(module, "buffer_0").level == 2):
        buffer.d.comb += internal(buffer, "write__en").eq(0)


PROOFS = (
    Proof(
        "deskew",
        "rows",
        "a row has the blocks that came equally long after the lanes' markers, in lane order, each "
        "once; bad markers and loss are told",
        _rows,
        _loses_a_row,
        method="induction",
        depth=2,
        reach=24,
        assumed="2 lanes of 16 rows, none excluded",
    ),
)
