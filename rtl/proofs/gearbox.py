"""Gearboxes: every bit that goes in comes out, once and in its place."""

import math
from functools import partial

from amaranth import Cat, Module, Mux, Signal, Value

from lightloom.rtl.pcs.gearbox import RxGearbox, TxGearbox
from lightloom.rtl.pcs.wide_gearbox import WideGearbox
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]

WIDTHS = (16, 32, 64, 128)


def _bit(word: Value, index: Value) -> Value:
    return word.bit_select(index[: max(1, (len(word) - 1).bit_length())], 1)


def _follow(
    bench: Bench, moment: Value, word: Value, used: Value | int, fill: Value
) -> "_Followed":
    """Choose any of the `used` bits of `word` at any one `moment`; `fill` bits leave before it."""
    m = bench.m
    which = bench.constant(range(len(word)), "which")
    once, start = Signal(), Signal()
    m.d.comb += start.eq(moment & bench.free(1, "choose") & ~once & (which < used))
    m.d.sync += once.eq(once | start)
    return _Followed(bench, start, which, fill + which, _bit(word, which), fill)


class _Followed:
    """One bit on its way. What holds for it holds for every bit, since it is any."""

    def __init__(
        self, bench: Bench, start: Value, which: Value, place: Value, bit: Value, fill: Value
    ) -> None:
        m = bench.m
        self.bench, self.which = bench, which
        self.waits, self.left, self.kept = Signal(), Signal(9), Signal()
        self.here, self.now_left, self.now_kept = Signal(), Signal(9), Signal()
        m.d.comb += [
            self.here.eq(start | self.waits),
            self.now_left.eq(Mux(start, place, self.left)),
            self.now_kept.eq(Mux(start, bit, self.kept)),
        ]
        bench.invariant("counted", ~self.waits | (self.left < fill))

    def leaves(self, sent: Value, word: Value, stored: Value) -> Signal:
        """Check the bit when it leaves in `word`, and that `stored` holds it until then."""
        m, bench = self.bench.m, self.bench
        leaves = Signal()
        m.d.comb += leaves.eq(self.here & sent & (self.now_left < len(word)))
        m.d.sync += [
            self.waits.eq(self.here & ~leaves),
            self.left.eq(self.now_left - Mux(sent, len(word), 0)),
            self.kept.eq(self.now_kept),
        ]
        bench.check("order", ~leaves | (_bit(word, self.now_left) == self.now_kept))
        bench.invariant("stored", ~self.waits | (_bit(stored, self.left) == self.kept))
        return leaves


def _transmit(bench: Bench, *, width: int) -> None:
    m, dut = bench.m, TxGearbox(width=width)
    inner, item = bench.add(dut), dut.item
    rest, count = internal(inner, "rest"), internal(inner, "count")
    fill, stock = Signal(9), Signal(9)  # bits taken and not sent
    taken, sent = Signal(), Signal()
    m.d.comb += [
        taken.eq(dut.i.valid & dut.i.ready),
        sent.eq(dut.o.valid & dut.o.ready),
        stock.eq(fill + Mux(taken, item, 0)),
    ]
    m.d.sync += fill.eq(stock - Mux(sent, width, 0))
    bench.check("sent_was_taken", ~sent | (stock >= width))
    bench.check("word_is_offered", dut.o.valid | (fill < width))
    bench.invariant("fill", (fill == count) & ((rest >> count) == 0))
    unit = math.gcd(item, width)  # a power of two
    bench.invariant("units", (fill & (unit - 1) == 0) & (fill < item))
    bit = _follow(bench, taken, dut.i.payload, item, fill)
    bench.cover(bit.leaves(sent, dut.o.payload, rest) & (bit.which == item - 1))


def _receive(bench: Bench, *, width: int) -> None:
    m, dut = bench.m, RxGearbox(width=width)
    inner, item = bench.add(dut), dut.item
    rest, count = internal(inner, "rest"), internal(inner, "count")
    fill = Signal(9)  # bits received and not in a block that was given out
    owed, skip = Signal(), Signal()
    m.d.comb += skip.eq(dut.slip | owed)
    m.d.sync += owed.eq(skip & ~dut.i_valid)
    m.d.sync += fill.eq(fill + Mux(dut.i_valid, width - skip, 0) - Mux(dut.o_valid, item, 0))
    bench.check("block_was_received", ~dut.o_valid | (fill >= item))
    bench.check("block_is_given", fill < Mux(dut.o_valid, 2 * item, item))
    bench.invariant("fill", (fill == count + Mux(dut.o_valid, item, 0)) & ((rest >> count) == 0))
    bench.invariant("slip", owed == internal(inner, "waiting"))
    # The first bit used is the second of a word that is slipped.
    word = Mux(skip, dut.i >> 1, dut.i)
    bit = _follow(bench, dut.i_valid, word, width - skip, fill)
    stored = Mux(dut.o_valid, Cat(dut.o, rest), rest)
    bench.cover(bit.leaves(dut.o_valid, dut.o, stored) & (bit.which == width - 1))


def _repack(bench: Bench, *, i_width: int, o_width: int) -> None:
    m, dut = bench.m, WideGearbox(i_width=i_width, o_width=o_width)
    inner = bench.add(dut, driven=("clear",))
    stock, count = internal(inner, "stock"), internal(inner, "count")
    unit = math.gcd(i_width, o_width) & -math.gcd(i_width, o_width)
    fill = Signal(9)  # bits taken and not sent
    taken, sent = Signal(), Signal()
    m.d.comb += [taken.eq(dut.i.valid & dut.i.ready), sent.eq(dut.o.valid & dut.o.ready)]
    m.d.sync += fill.eq(fill + Mux(taken, i_width, 0) - Mux(sent, o_width, 0))
    bench.check("sent_was_taken", ~sent | (fill >= o_width))
    bench.check("word_is_offered", dut.o.valid == (fill >= o_width))
    bench.invariant("fill", (fill == count * unit) & (fill < i_width + o_width))
    bench.invariant("zero_above", (stock >> fill) == 0)
    bit = _follow(bench, taken, dut.i.payload, i_width, fill)
    bench.cover(bit.leaves(sent, dut.o.payload, stock) & (bit.which == i_width - 1))


def _never_waits(dut: TxGearbox, module: Module) -> None:
    module.d.comb += dut.i.ready.eq(1)


def _always_takes(dut: WideGearbox, module: Module) -> None:
    module.d.comb += dut.i.ready.eq(1)


def _forgets_a_slip(dut: RxGearbox, module: Module) -> None:
    module.d.sync += internal(module, "waiting").eq(0)


PROOFS = (
    *(
        Proof(
            "tx_gearbox",
            f"order_{width}",
            f"every bit taken leaves once, in order, {width} bits a word",
            partial(_transmit, width=width),
            _never_waits,
            method="induction",
            depth=2,
        )
        for width in WIDTHS
    ),
    *(
        Proof(
            "rx_gearbox",
            f"order_{width}",
            f"every bit of {width}-bit words but those slipped leaves once, in order",
            partial(_receive, width=width),
            _forgets_a_slip,
            method="induction",
            depth=2,
        )
        for width in WIDTHS
    ),
    *(
        Proof(
            "wide_gearbox",
            f"order_{i_width}_{o_width}",
            f"every bit of {i_width}-bit words leaves once, in order, {o_width} bits a word",
            partial(_repack, i_width=i_width, o_width=o_width),
            _always_takes,
            method="induction",
            depth=2,
        )
        for i_width, o_width in ((32, 40), (64, 160), (160, 64))
    ),
)
