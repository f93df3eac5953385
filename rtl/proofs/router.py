"""Router of a Benes network: its answer against the fabric, and against every other answer."""

from __future__ import annotations

from functools import partial

from amaranth import Module, Value

from lightloom.rtl.ocs.route import RouteReason
from lightloom.rtl.ocs.route.benes import Benes, latency
from lightloom.rtl.proofs.bench import Bench, Proof, inside, internal
from lightloom.rtl.proofs.routing import HELD, asked, conflicting, leads, searches_rightly

__all__ = ["PROOFS"]

_SEARCH = 14
"""Most clocks of a search in a network of 4, whatever cells are dead."""


def _busy(module: Module) -> Value:
    return internal(module, "searching")


def _whole(ports: int, bench: Bench) -> None:
    dut = Benes(ports)
    _, waits, clocks = asked(bench, dut, _busy)
    bench.assume((dut.fixed == 0) & (dut.unusable == 0))
    waiting = waits & ~dut.start
    conflicts = conflicting(bench, dut)
    bench.check("ends", ~waiting | (clocks < latency(ports)) | dut.done | dut.failed)
    bench.check("one_answer", ~(dut.done & dut.failed))
    bench.check("answers_what_was_asked", waits | ~(dut.done | dut.failed))
    bench.check("done_when_possible", ~waiting | ~dut.done | ~conflicts)
    refused = dut.failed & waiting
    bench.check("refused_when_not", ~refused | (conflicts & (dut.reason == RouteReason.CONFLICT)))
    bench.check("routed", ~(dut.done & waiting) | leads(bench, dut, dut.states, "answer"))
    bench.cover(dut.done & waiting & dut.active.all() & dut.states[1:].any())
    bench.cover(refused)


def _around(bench: Bench) -> None:
    dut = Benes(4)
    _, waits, clocks = asked(bench, dut, _busy)
    none = searches_rightly(bench, dut, waits, clocks, _SEARCH)
    searched = clocks > latency(4)
    found = dut.done & waits & ~dut.start
    bench.cover(found & searched & dut.unusable.any() & dut.fixed.any())
    bench.cover(none & searched)


def _forgets_the_chain(dut: Benes, module: Module) -> None:
    loop = inside(module, "level", "loop")
    with loop.If(internal(loop, "begins")):
        loop.d.comb += internal(loop, "back").eq(0)


def _gives_up_early(dut: Benes, module: Module) -> None:
    choice = inside(module, "level", "choice")
    choice.d.comb += internal(choice, "was_around").eq(1)


# An induction over more clocks than an answer takes has seen the start of each.

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
            assumed=HELD,
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
        assumed=HELD,
    ),
)
