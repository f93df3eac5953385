"""What proofs of routers share: a map that is asked for, and where light goes in the fabric."""

from __future__ import annotations

from collections.abc import Callable

from amaranth import Cat, Const, Module, Mux, Signal, Value

from lightloom.rtl.ocs.route.seam import Router, RouteReason, destination_bits
from lightloom.rtl.proofs.bench import Bench
from lightloom.spec import fabrics

__all__ = ["HELD", "asked", "conflicting", "leads", "searches_rightly"]

HELD = "a map is held until it is answered or another is asked for"

_HELD = ("destinations", "active", "fixed", "value", "unusable", "prefer")


def asked(
    bench: Bench, dut: Router, busy: Callable[[Module], Value]
) -> tuple[Module, Signal, Signal]:
    """Add a router whose inputs are held, with a count of the clocks since its start.

    Starts come at any time, also before the answer. `busy` tells of the router's module whether it
    works on an answer.
    """
    m = bench.m
    inner = bench.add(dut)
    waits = Signal()
    clocks = Signal(8)
    answer = dut.done | dut.failed
    for name in _HELD:
        word = getattr(dut, name)
        bench.assume(~waits | dut.start | (word == bench.past(word)))
    with m.If(dut.start):
        m.d.sync += [waits.eq(1), clocks.eq(1)]
    with m.Elif(answer):
        m.d.sync += waits.eq(0)
    with m.Elif(waits):
        m.d.sync += clocks.eq(clocks + ~clocks.all())
    bench.invariant("searching", busy(inner) == waits)
    return inner, waits, clocks


def leads(bench: Bench, dut: Router, states: Value, name: str) -> Signal:
    """Whether the fabric at these states brings every input that is asked for to its output.

    Light follows the columns of the plan; it must not pass an unusable cell, and cells that are
    fixed must stand as they do.
    """
    m, ports = bench.m, dut.ports
    dark = Signal(dut.cells, name=f"{name}_dark")
    lines: dict[int, Value] = dict.fromkeys(range(2 * ports), Const(0, ports))
    for i in range(ports):
        lines[dut.plan.inputs[f"in{i}"]] = Const(1 << i, ports) & dut.active
    cell = 0
    for column in dut.plan.columns:
        assert isinstance(column, fabrics.Cells | fabrics.Crossings)
        cells = isinstance(column, fabrics.Cells)
        for upper in column.crossings if cells else column.uppers:
            lines[upper], lines[upper + 1] = lines[upper + 1], lines[upper]
        for upper in column.uppers if cells else ():
            pair = lines[upper], lines[upper + 1]
            m.d.comb += dark[cell].eq(dut.unusable[cell] & (pair[0] | pair[1]).any())
            for slot, line in (
                (upper, Mux(states[cell], pair[1], pair[0])),
                (upper + 1, Mux(states[cell], pair[0], pair[1])),
            ):
                light = Signal(ports, name=f"{name}_{cell}_{slot}")
                m.d.comb += light.eq(line)
                lines[slot] = light
            cell += 1
    bits = destination_bits(ports)
    arrives = Cat(
        ~dut.active[i]
        | Cat(
            (dut.destinations.word_select(i, bits) == output)
            & lines[dut.plan.outputs[f"out{output}"]][i]
            for output in range(ports)
        ).any()
        for i in range(ports)
    )
    good = Signal(name=f"{name}_leads")
    m.d.comb += good.eq(arrives.all() & ~dark.any() & (((states ^ dut.value) & dut.fixed) == 0))
    return good


def conflicting(bench: Bench, dut: Router) -> Signal:
    """Whether two inputs ask for one output."""
    bits = destination_bits(dut.ports)
    to = [dut.destinations.word_select(i, bits) for i in range(dut.ports)]
    found = Signal(name="conflicts")
    bench.m.d.comb += found.eq(
        Cat(
            dut.active[i] & dut.active[k] & (to[i] == to[k])
            for i in range(dut.ports)
            for k in range(i)
        ).any()
    )
    return found


def searches_rightly(bench: Bench, dut: Router, waits: Value, clocks: Value, most: int) -> Value:
    """Check that a search answers rightly, within `most` clocks, whatever cells are dead.

    Returns where it says that there is no routing, which is checked against all states there are.
    """
    waiting = waits & ~dut.start
    conflicts = conflicting(bench, dut)
    bench.check("ends", ~waiting | (clocks < most) | dut.done | dut.failed)
    bench.check("one_answer", ~(dut.done & dut.failed))
    bench.check("answers_what_was_asked", waits | ~(dut.done | dut.failed))
    refused = dut.failed & waiting
    bench.check("conflict", ~refused | ((dut.reason == RouteReason.CONFLICT) == conflicts))
    bench.check("no_conflict_done", ~(dut.done & waiting) | ~conflicts)
    bench.check("routed", ~(dut.done & waiting) | leads(bench, dut, dut.states, "answer"))
    # Free in every clock: when any states would do, these do.
    others = bench.free(dut.cells, "others")
    none = refused & (dut.reason == RouteReason.NO_ROUTE)
    bench.check("none_exists", ~none | ~leads(bench, dut, others, "others"))
    bench.check("no_limit", ~refused | (dut.reason != RouteReason.SEARCH_LIMIT))
    return none
