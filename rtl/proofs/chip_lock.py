"""Locks of a chip: trims stay in their limits and need light; searches and sweeps end."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.memory import Memory

from lightloom.rtl.ocs.lock.dither import FRACTION, DitherLock
from lightloom.rtl.ocs.lock.ring import RingLock
from lightloom.rtl.ocs.lock.sweep import Sweep
from lightloom.rtl.proofs.bench import (
    Bench,
    Proof,
    encoding,
    inside,
    internal,
    ongoing,
    part,
    state,
)

__all__ = ["PROOFS"]


def _told(bench: Bench, dut: DitherLock) -> None:
    """States are new with `change` alone."""
    bench.assume(bench.first | dut.change | (dut.states == bench.past(dut.states)))


def _words(bench: Bench, memory: Memory) -> list[Value]:
    """What stands in a memory."""
    ports = [memory.read_port(domain="comb") for _ in range(memory.depth)]
    bench.m.d.comb += [port.addr.eq(k) for k, port in enumerate(ports)]
    return [port.data for port in ports]


def _limits(bench: Bench) -> None:
    m, dut = bench.m, DitherLock("benes", 2, sample_bits=8)
    inner = bench.add(dut, driven=["limit", "step"])
    limit, step = bench.constant(15, "limit"), bench.constant(16, "step")
    m.d.comb += [dut.limit.eq(limit), dut.step.eq(step)]
    _told(bench, dut)
    memory = part(inner, "integrators")
    write, read = memory.write_ports[0], memory.read_ports[0]
    kept = _words(bench, memory)
    edge, most = limit << FRACTION, step << FRACTION
    moves = dut.visited & ~dut.held

    def bounded(value: Value, bound: Value) -> Value:
        return (value <= bound) & (value >= -bound)

    bench.check("trim", ~dut.trim_write | bounded(dut.trim_value, limit))
    for number, word in enumerate(kept):
        bench.check(f"integrator_{number}", bounded(word, edge))
        mine = moves & (dut.states[0] == number)
        moved = bounded(write.data - word, most) & write.en & (write.addr == number)
        bench.check(f"step_{number}", ~mine | moved)
    shown = Mux(dut.states[0], kept[1], kept[0]) >> FRACTION
    bench.check("of_the_state", ~dut.trim_write | moves | (dut.trim_value == shown))
    # For the induction: the word read is the one of the address a clock ago.
    address = bench.past(read.addr)
    stood = Mux(address[0], bench.past(kept[1]), bench.past(kept[0]))
    bench.invariant("read", bench.first | (read.data == stood))
    bench.invariant("read_bounded", bench.first | bounded(read.data, edge))
    bench.invariant("one_cell", (dut.trim_cell == 0) | ongoing(inner, "BEGIN"))
    wrote, rewrite = bench.past(write.en), internal(inner, "rewrite")
    adds, moving = ongoing(inner, "ADD"), ongoing(inner, "MOVE")
    bench.invariant("waits_to_read", ~(ongoing(inner, "WRITE") | adds | moving) | ~wrote)
    move, new = internal(inner, "move"), internal(inner, "new")
    bench.invariant("move", ~(adds | moving) | (move <= most))
    old = Mux(dut.states[0], kept[1], kept[0])
    sum_ = Mux(internal(inner, "negative"), old + move, old - move)
    bench.invariant("sum", ~moving | rewrite | dut.change | (new == sum_))
    bench.cover(moves & dut.limited & (limit > 5))


def _is_above_by_one(dut: DitherLock, module: Module) -> None:
    with module.If(internal(module, "negative")):
        module.d.comb += internal(module, "edge").eq((dut.limit << FRACTION) + (1 << FRACTION))


def _dark(bench: Bench) -> None:
    m, dut = bench.m, DitherLock("crossbar", 2, sample_bits=8)
    inner = bench.add(dut)
    dark = Signal()
    with m.If(dut.light != 0):
        m.d.sync += dark.eq(0)
    with m.Elif(ongoing(inner, "BEGIN")):
        m.d.sync += dark.eq(1)
    bench.check("no_dither", ~dark | ~dut.dither_on)
    bench.check("no_move", ~dark | ~dut.visited)
    was_lit = Signal()
    m.d.sync += was_lit.eq(was_lit | dut.dither_on)
    bench.cover(was_lit & dark & dut.round)


def _believes_in_light(dut: DitherLock, module: Module) -> None:
    with module.If(ongoing(module, "TAKE") & (dut.trim_cell == 1)):
        module.d.sync += internal(module, "found_1").eq(-1)


def _rewritten(bench: Bench) -> None:
    m, dut = bench.m, DitherLock("crossbar", 2, sample_bits=8)
    inner = bench.add(dut)
    _told(bench, dut)
    old, cell = Signal(dut.cells), dut.trim_cell
    with m.If(dut.change):
        m.d.sync += old.eq(-1)
    with m.Elif(dut.trim_write):
        m.d.sync += old.bit_select(cell, 1).eq(0)
    bench.check("before_a_move", ~dut.visited | (old == 0))
    writes = ongoing(inner, "LOOK") | ongoing(inner, "WRITE")
    bench.invariant("will_be", (old == 0) | writes | internal(inner, "rewrite"))
    bench.invariant("in_order", ~writes | ((old & ((1 << cell) - 1)) == 0))
    goes_on = ongoing(inner, "BEGIN") | ongoing(inner, "NEXT")
    bench.invariant("cells", goes_on | (cell < dut.cells))
    wrote = bench.past(dut.trim_write & (old == 1 << (dut.cells - 1)))
    bench.cover(wrote & (old == 0))


def _misses_a_change(dut: DitherLock, module: Module) -> None:
    with module.If(ongoing(module, "TAKE")):
        module.d.sync += internal(module, "rewrite").eq(0)


def _lost(bench: Bench) -> None:
    m, dut = bench.m, DitherLock("benes", 2, sample_bits=8)
    inner = bench.add(dut, driven=["sample_value", "groups", "repeats"])
    _told(bench, dut)
    groups = bench.constant(4, "groups")
    taps = [bench.constant(8, name) for name in ("upper", "lower")]
    m.d.comb += [
        dut.groups.eq(groups),
        dut.repeats.eq(0),
        dut.sample_value.eq(Mux(dut.sample_channel[0], taps[1], taps[0])),
    ]
    bench.check("no_move", ~dut.visited | dut.held)
    bench.check("no_trim", ~dut.trim_write | (dut.trim_value == 0))
    # For the induction: sums cancel over a group of slots.
    probe = inside(inner, "probe")
    block = part(inner, "probe")
    slot, left = internal(probe, "slot"), internal(probe, "left")
    guarding, other = internal(probe, "guarding"), internal(probe, "other")
    for name, sum_, tap, ours in (
        ("upper", block.upper, taps[0], ~block.tap),
        ("lower", block.lower, taps[1], block.tap),
    ):
        value = Signal(signed(9))
        m.d.comb += value.eq(tap)
        before = Mux(slot[0], Mux(slot[1], -value, value), 0)
        taken = ~guarding & Mux(ours, left == 0, other)
        now = Mux(taken, Mux(slot[0] == slot[1], value, -value), 0)
        goes_on = block.busy & ~dut.change
        bench.invariant(f"{name}_so_far", ~goes_on | (sum_ == before + now))
        bench.invariant(f"{name}_at_end", ~block.done | block.silent | (sum_ == 0))
    bench.invariant("one_sample", ~block.busy | guarding | (left <= 1))
    bench.invariant("busy", ~block.busy | ongoing(inner, "PROBE"))
    sums = [internal(inner, name) for name in ("slope", "bright")]
    measures = ongoing(inner, "WAIT") | ongoing(inner, "PROBE") | ongoing(inner, "CHECK")
    for sum_ in sums:
        bench.invariant(f"{sum_.name}_is_none", ~measures | (sum_ == 0))
    for name in ("DIVIDE", "SCALE", "ADD", "MOVE"):
        bench.invariant(f"no_{name.lower()}", ~ongoing(inner, name))
    memory = part(inner, "integrators")
    for number, word in enumerate(_words(bench, memory)):
        bench.invariant(f"integrator_{number}", word == 0)
    bench.invariant("read", bench.first | (memory.read_ports[0].data == 0))
    bench.invariant("one_cell", (dut.trim_cell == 0) | ongoing(inner, "BEGIN"))
    bench.cover(dut.held & dut.visited & (taps[0] == 9) & (taps[1] == 7) & ~block.silent)


def _moves_when_ended(dut: DitherLock, module: Module) -> None:
    with module.If(ongoing(module, "WAIT") & dut.clear):
        module.d.sync += state(module).eq(encoding(module)["MOVE"])


def _search(bench: Bench) -> None:
    m, dut = bench.m, RingLock(2, code_bits=6, sample_bits=8)
    inner = bench.add(dut)
    top = (1 << dut.code_bits) - 1
    code, waited = internal(inner, "code"), internal(inner, "waited")
    # Readings of the search under way, and clocks of the reading under way.
    place, enabled = bench.past(dut.channel), bench.past(dut.enable)
    was = bench.past(dut.searching)
    moved = internal(inner, "ready")
    readings, clocks = Signal(8), Signal(18)
    with m.If(~dut.searching):
        m.d.sync += readings.eq(0)
    with m.Elif(moved):
        m.d.sync += readings.eq(readings + (readings != 255))
    takes = dut.searching | ongoing(inner, "UP") | ongoing(inner, "DOWN")
    m.d.sync += clocks.eq(Mux(takes & ~moved, clocks + (clocks != (1 << 18) - 1), 0))
    ended = was & ~dut.searching & enabled
    answer = (dut.locked | dut.failed).bit_select(place, 1)
    bench.check("ends", ~dut.searching | (readings <= top))
    bench.check("reading_ends", ~takes | (clocks < 1 << 17))
    bench.check("says_what_came", ~ended | answer)
    bench.check("one_answer", (dut.locked & dut.failed) == 0)
    bench.invariant("code", ~dut.searching | (readings <= code))
    bench.invariant("waited", ~takes | (clocks == waited))
    mine = (dut.locked | dut.failed).bit_select(dut.channel, 1)
    bench.invariant("has_none_yet", ~dut.searching | ~mine)
    bench.invariant("two_rings", dut.channel < dut.rings)
    lost = Signal()
    fell = (bench.past(dut.locked) & ~dut.locked) != 0
    m.d.sync += lost.eq(lost | fell)
    bench.cover(lost & (dut.failed == 1) & (dut.locked == 2))


def _forgets_to_fail(dut: RingLock, module: Module) -> None:
    with module.If(dut.searching & (dut.sample_value == 77)):
        module.d.sync += dut.failed.eq(0)


def _sweep(bench: Bench) -> None:
    m, dut = bench.m, Sweep(1, 1, sample_bits=8)
    driven = {"wait": 24, "groups": 4, "repeats": 3, "guard": 16, "patience": 16}
    inner = bench.add(dut, driven=driven)
    held = {name: bench.constant(bits, name) for name, bits in driven.items()}
    m.d.comb += [getattr(dut, name).eq(value) for name, value in held.items()]
    probe, block = inside(inner, "probe"), part(inner, "probe")
    slot, last, samples, other = (
        internal(probe, name) for name in ("slot", "last", "left", "other")
    )
    guarding = internal(probe, "guarding")
    steps, phase = internal(inner, "left"), Signal(2)
    m.d.comb += phase.eq(Mux(ongoing(inner, "SET"), 2, ongoing(inner, "WAIT")))
    # What is left: steps, parts of a step, slots, parts of a slot, samples.
    taking, slots = Signal(7), Signal(12)
    m.d.comb += [slots.eq(last - slot), taking.eq(samples + ~other)]
    inner_rank = Mux(block.busy, Cat(Mux(guarding, 0, taking), guarding, slots), 0)
    rank = Signal(12 + 2 + 12 + 1 + 7)
    m.d.comb += rank.eq(Cat(Mux(phase == 0, inner_rank, 0), phase, steps))
    was, goes_on = bench.past(rank), dut.busy & bench.past(dut.busy)
    still = Signal(25)
    stood = bench.past(still)
    m.d.comb += still.eq(Mux(goes_on & (rank == was), stood + 1, 0))
    time = Mux(guarding, held["guard"], held["patience"])
    bench.check("falls", ~goes_on | (rank <= was))
    bench.check("waits", ~dut.busy | (still <= Mux(phase == 1, held["wait"], time)))
    bench.check("idle", dut.busy == ~ongoing(inner, "IDLE"))
    ends = bench.past(dut.busy) & ~dut.busy & ~bench.past(dut.stop)
    bench.check("done", ends == dut.done)
    # For the induction.
    probing = ongoing(inner, "PROBE")
    bench.invariant("wait", (phase != 1) | (still == internal(inner, "waited")))
    bench.invariant("set", (phase != 2) | (still == 0))
    bench.invariant("probe", ~block.busy | (still == internal(probe, "waited")))
    bench.invariant("probes", probing == (block.busy | block.done))
    bench.invariant("not_both", ~block.busy | ~block.done)
    bench.invariant("done_at_once", ~block.done | (still == 0))
    bench.invariant("slots", ~block.busy | (slot <= last))
    bench.invariant("samples", ~block.busy | guarding | ((samples <= 64) & (taking != 0)))
    bench.cover(dut.done & ~dut.silent & (bench.past(steps) == 0) & (dut.low != dut.high))


def _counts_in_vain(dut: Sweep, module: Module) -> None:
    with module.If((internal(module, "left") == 2) & dut.start):
        module.d.sync += internal(module, "left").eq(2)


PROOFS = (
    Proof(
        "dither_lock",
        "limits",
        "integrators and trims stay within the limit, a visit moves by at most the step",
        _limits,
        _is_above_by_one,
        method="induction",
        depth=2,
        reach=120,
        assumed="limit and step are constant; states are new with `change` alone",
    ),
    Proof(
        "dither_lock",
        "dark",
        "in a round in which all inputs are dark no cell is dithered or moved",
        _dark,
        _believes_in_light,
        reach=90,
    ),
    Proof(
        "dither_lock",
        "rewritten",
        "after a change the trims of all cells are written before one moves",
        _rewritten,
        _misses_a_change,
        method="induction",
        depth=2,
        reach=60,
        assumed="states are new with `change` alone",
    ),
    Proof(
        "dither_lock",
        "lost",
        "taps without the pilot move no trim, whatever else they show",
        _lost,
        _moves_when_ended,
        method="induction",
        depth=2,
        reach=120,
        assumed="a sample a slot; the number of slots is constant; states are new with `change`",
    ),
    Proof(
        "ring_lock",
        "search",
        "a search ends after at most a reading a code, in lock or as failed; a reading ends",
        _search,
        _forgets_to_fail,
        method="induction",
        depth=2,
        reach=60,
    ),
    Proof(
        "lock_sweep",
        "ends",
        "what is left of a sweep only falls, and stands no longer than its waits",
        _sweep,
        _counts_in_vain,
        method="induction",
        depth=2,
        reach=80,
        assumed="what a measurement takes is constant",
    ),
)
