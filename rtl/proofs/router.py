"""Router of a Benes network: its answer against the fabric, and against every other answer."""

from __future__ import annotations

from functools import partial

from amaranth import Cat, Const, Module, Mux, Signal, Value

from lightloom.rtl.ocs.route import RouteReason
from lightloom.rtl.ocs.route.benes import Benes, latency
from lightloom.rtl.proofs.bench import Bench, Proof, inside, internal
from lightloom.spec import fabrics

__all__ = ["PROOFS"]

_HELD = ("destinations", "active", "fixed", "value", "unusable", "prefer")
_SEARCH = 14
"""Most clocks of a search in a network of 4, whatever cells are dead."""


def _asked(bench: Bench, dut: Benes) -> tuple[Signal, Signal]:
    """Add a router whose inputs are held, with a count of the clocks since its start.

    Starts come at any time, also before the answer.
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
    bench.invariant("searching", internal(inner, "searching") == waits)
    return waits, clocks


def _leads(bench: Bench, dut: Benes, states: Value, name: str) -> Signal:
    """Whether the fabric at these states brings every input that is asked for to its output.

    Light follows the columns of the plan; it must not pass an unusable cell, and cells that are
    fixed must stand as they do.
    """
    m, ports = bench.m, dut.ports
    dark = Signal(dut.cells, name=f"{name}_dark")
    lines: dict[int, Value] = {
        dut.plan.inputs[f"in{i}"]: Const(1 << i, ports) & dut.active for i in range(ports)
    }
    cell = 0
    for column in dut.plan.columns:
        assert isinstance(column, fabrics.Cells | fabrics.Crossings)
        for upper in column.uppers:
            pair = lines[upper], lines[upper + 1]
            if isinstance(column, fabrics.Crossings):
                lines[upper], lines[upper + 1] = pair[1], pair[0]
                continue
            m.d.comb += dark[cell].eq(dut.unusable[cell] & (pair[0] | pair[1]).any())
            for slot, line in (
                (upper, Mux(states[cell], pair[1], pair[0])),
                (upper + 1, Mux(states[cell], pair[0], pair[1])),
            ):
                light = Signal(ports, name=f"{name}_{cell}_{slot}")
                m.d.comb += light.eq(line)
                lines[slot] = light
            cell += 1
    bits = ports.bit_length() - 1
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


def _conflicts(bench: Bench, dut: Benes) -> Signal:
    """Whether two inputs ask for one output."""
    bits = dut.ports.bit_length() - 1
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


def _whole(ports: int, bench: Bench) -> None:
    dut = Benes(ports)
    waits, clocks = _asked(bench, dut)
    bench.assume((dut.fixed == 0) & (dut.unusable == 0))
    waiting = waits & ~dut.start
    conflicts = _conflicts(bench, dut)
    bench.check("ends", ~waiting | (clocks < latency(ports)) | dut.done | dut.failed)
    bench.check("one_answer", ~(dut.done & dut.failed))
    bench.check("answers_what_was_asked", waits | ~(dut.done | dut.failed))
    bench.check("done_when_possible", ~waiting | ~dut.done | ~conflicts)
    refused = dut.failed & waiting
    bench.check("refused_when_not", ~refused | (conflicts & (dut.reason == RouteReason.CONFLICT)))
    leads = _leads(bench, dut, dut.states, "answer")
    bench.check("routed", ~(dut.done & waiting) | leads)
    bench.cover(dut.done & waiting & dut.active.all() & dut.states[1:].any())
    bench.cover(refused)


def _around(bench: Bench) -> None:
    dut = Benes(4)
    waits, clocks = _asked(bench, dut)
    waiting = waits & ~dut.start
    conflicts = _conflicts(bench, dut)
    bench.check("ends", ~waiting | (clocks < _SEARCH) | dut.done | dut.failed)
    bench.check("one_answer", ~(dut.done & dut.failed))
    bench.check("answers_what_was_asked", waits | ~(dut.done | dut.failed))
    refused = dut.failed & waiting
    bench.check("conflict", ~refused | ((dut.reason == RouteReason.CONFLICT) == conflicts))
    bench.check("no_conflict_done", ~(dut.done & waiting) | ~conflicts)
    bench.check("routed", ~(dut.done & waiting) | _leads(bench, dut, dut.states, "answer"))
    # Free in every clock: when any states would do, these do.
    others = bench.free(dut.cells, "others")
    none = refused & (dut.reason == RouteReason.NO_ROUTE)
    bench.check("none_exists", ~none | ~_leads(bench, dut, others, "others"))
    bench.check("no_limit", ~refused | (dut.reason != RouteReason.SEARCH_LIMIT))
    searched = clocks > latency(4)
    bench.cover(dut.done & waiting & searched & dut.unusable.any() & dut.fixed.any())
    bench.cover(none & searched)


def _forgets_the_chain(dut: Benes, module: Module) -> None:
    loop = inside(module, "level", "loop")
    with loop.If(internal(loop, "begins")):
        loop.d.comb += internal(loop, "back").eq(0)


def _gives_up_early(dut: Benes, module: Module) -> None:
    choice = inside(module, "level", "choice")
    choice.d.comb += internal(choice, "was_around").eq(1)


# An induction over more clocks than an answer takes has seen the start of each.
_HELD_MAP = "a map is held until it is answered or another is asked for"

PROOFS = (
    *(
        Proof(
            "router",
            f"whole_{ports}",
            f"Benes of {ports}, whole cells: every map is answered within {latency(ports)} clocks, "
            "routed as the fabric leads light, or refused as CONFLICT exactly when two inputs ask "
            "for one output",
            partial(_whole, ports),
            _forgets_the_chain,
            method="induction",
            depth=ports + 1,
            reach=ports + 1,
            assumed=_HELD_MAP,
        )
        for ports in (4,)
    ),
    Proof(
        "router",
        "around_4",
        f"Benes of 4, any cells fixed or unusable: every map is answered within {_SEARCH} clocks, "
        "routed past unusable cells with fixed ones as they stand, or refused as NO_ROUTE exactly "
        "when no states of the cells do that",
        _around,
        _gives_up_early,
        method="induction",
        depth=_SEARCH + 2,
        reach=_SEARCH + 2,
        assumed=_HELD_MAP,
    ),
)
