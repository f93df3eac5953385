"""Elastic buffer: rows in order at any rates, and none lost within the rates it is made for.

Both clocks run on one clock of the proof, each with an enable. The pointers that cross are Gray
codes, so that a synchronizer that settles late is one whose clock comes a little later: any order
of the two clocks is among the runs.
"""

from amaranth import Const, Module, Mux, Signal, Value

from lightloom.rtl.link.elastic_buffer import ElasticBuffer
from lightloom.rtl.pcs.row import RowKind
from lightloom.rtl.proofs.bench import Bench, Proof, inside, internal, part

__all__ = ["PROOFS"]

BURST = 2
"""Rows that may come before the reader's clocks for them: jitter and the cadence of rows."""
LAG = 2
"""Clocks of the proof in which either clock comes at least once."""


def _binary(gray: Value) -> Value:
    value: Value = Const(0, 1)
    for place in range(len(gray)):
        value = value | (gray[place:].xor() << place)
    return value[: len(gray)]


class _Pointers:
    """Pointers of the FIFO, where they are made and as the other side sees them."""

    def __init__(self, bench: Bench, dut: ElasticBuffer, buffer: Module) -> None:
        m = bench.m
        self.store = inside(buffer, "store")
        there = inside(self.store, "produce_cdc")
        back = inside(self.store, "consume_cdc")
        width = dut.depth.bit_length()

        def distance(name: str, to: Value, start: Value) -> Signal:
            result = Signal(width, name=name)
            m.d.comb += result.eq(to - start)
            return result

        self.written = internal(self.store, "produce_w_bin")
        self.read = internal(self.store, "consume_r_bin")
        seen = [_binary(internal(there, f"stage{n}")) for n in range(2)]
        freed = [_binary(internal(back, f"stage{n}")) for n in range(2)]
        self.level = distance("level", self.written, self.read)
        self.coming = distance("coming", self.written, seen[0])
        self.crossing = distance("crossing", seen[0], seen[1])
        self.here = distance("here", seen[1], self.read)
        self.going = distance("going", self.read, freed[0])
        self.returning = distance("returning", freed[0], freed[1])
        used = self.level + self.going + self.returning
        for name, binary in (("produce_w_gry", self.written), ("consume_r_gry", self.read)):
            bench.invariant(name, _binary(internal(self.store, name)) == binary)
        bench.invariant("seen", self.here + self.crossing + self.coming == self.level)
        bench.invariant("used", used <= dut.depth)


def _order(bench: Bench) -> None:
    m, dut = bench.m, ElasticBuffer(lanes=1)
    rx, core = bench.free(1, "rx_clock"), bench.free(1, "core_clock")
    buffer = bench.add(dut, domains={"rx": rx, "sync": core})
    at = _Pointers(bench, dut, buffer)
    look = part(at.store, "storage").read_port(domain="comb")
    spare = (dut.i.kind == RowKind.IDLE) | (dut.i.kind == RowKind.MARKER)
    lost = internal(buffer, "lost")
    full = (at.level + at.going + at.returning) == dut.depth
    # Any row but idle that comes while there is room and nothing was lost before it.
    comes = rx & dut.i_valid & ~spare & ~lost & ~dut.cut & ~full
    place, kept, waits = Signal.like(at.written), Signal.like(dut.i.as_value()), Signal()
    chosen, left, taken = Signal(), Signal.like(at.written), core & dut.o.valid & dut.o.ready
    m.d.comb += [
        chosen.eq(comes & bench.free(1, "choose") & ~waits),
        left.eq(place - at.read),
        look.addr.eq(place),
    ]
    leaves = Signal()
    m.d.comb += leaves.eq(waits & taken & (left == 0))
    with m.If(chosen):
        m.d.sync += [waits.eq(1), place.eq(at.written), kept.eq(dut.i.as_value())]
    with m.Elif(leaves):
        m.d.sync += waits.eq(0)
    head = dut.o.payload.as_value() == kept
    bench.check("order", ~leaves | head)
    bench.invariant("stored", ~waits | ((left < at.level) & (look.data == kept)))
    bench.invariant("offered", ~waits | (left != 0) | (at.here == 0) | head)
    bench.check("never_from_empty", ~taken | (at.level != 0))
    bench.check("deletes_idle_only", ~dut.deleted | spare)
    cut = rx & dut.i_valid & ~spare & full
    bench.check("loss_is_told", ~cut | dut.overflow | dut.cut)
    bench.cover(leaves & (kept[:64] == 0x0123_4567_89AB_CDEF))


def _overflow(bench: Bench) -> None:
    m, dut = bench.m, ElasticBuffer(lanes=1)
    rx, core = bench.free(1, "rx_clock"), bench.free(1, "core_clock")
    for enable in (rx, core):
        idle = Signal(range(LAG + 1))
        m.d.sync += idle.eq(Mux(enable, 0, idle + 1))
        bench.assume(enable | (idle < LAG - 1))
        bench.invariant("clock_comes", idle < LAG)
    buffer = bench.add(dut, driven=("o.ready", "cut"), domains={"rx": rx, "sync": core})
    m.d.comb += dut.o.ready.eq(1)
    # The rate: rows never run ahead of the reader's clocks by more than the burst.
    ahead, comes = Signal(range(BURST + 1)), rx & dut.i_valid
    bench.assume(~(comes & ~core & (ahead == BURST)))
    with m.If(comes & ~core):
        m.d.sync += ahead.eq(ahead + 1)
    with m.Elif(core & ~comes & (ahead != 0)):
        m.d.sync += ahead.eq(ahead - 1)
    bench.check("no_overflow", ~(rx & dut.overflow))
    # For the induction: how far the pointers can be apart.
    at = _Pointers(bench, dut, buffer)
    bench.invariant("ahead", ahead <= BURST)
    bench.invariant("coming", at.coming <= ahead + 1)
    bench.invariant("crossing", at.crossing <= BURST + 1)
    bench.invariant("going", at.going <= LAG)
    bench.invariant("returning", at.returning <= LAG)
    bench.invariant("level", at.level <= dut.catch_up_level + 2 * (BURST + 1) + ahead)
    bench.invariant("not_lost", ~internal(buffer, "lost"))
    bench.cover(rx & dut.deleted)
    bench.cover(core & dut.o.valid & ~dut.slot)


def _no_catch_up(dut: ElasticBuffer, module: Module) -> None:
    with module.If(~dut.slot):
        module.d.comb += dut.o.valid.eq(0)


def _deletes_data(dut: ElasticBuffer, module: Module) -> None:
    with module.If(dut.i.kind == RowKind.DATA):
        module.d.comb += internal(module, "written")[0].eq(1)


PROOFS = (
    Proof(
        "elastic_buffer",
        "order",
        "rows but idle leave once, in order and unchanged; a loss is told; idle alone is deleted",
        _order,
        _deletes_data,
        method="induction",
        depth=4,
        reach=12,
    ),
    Proof(
        "elastic_buffer",
        "no_overflow",
        "no row is lost",
        _overflow,
        _no_catch_up,
        method="induction",
        depth=4,
        reach=70,
        assumed=f"rows never run ahead of the reader's clocks by more than {BURST}, its ready is "
        "high, and neither clock is more than twice as fast as the other",
    ),
)
