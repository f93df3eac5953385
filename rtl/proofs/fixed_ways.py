"""Router of fabrics with a direct way a pair: its answer against the fabric, and every other."""

from __future__ import annotations

from functools import partial

from amaranth import Cat, Module, Value

from lightloom.rtl.ocs.route import RouteReason
from lightloom.rtl.ocs.route.fixed_ways import FixedWays
from lightloom.rtl.ocs.route.seam import destination_bits
from lightloom.rtl.proofs.bench import Bench, Proof, inside, internal
from lightloom.rtl.proofs.routing import HELD, asked, conflicting, leads

__all__ = ["PROOFS"]

_SEARCH = {("crossbar", 2): 23, ("crossbar", 3): 47, ("piloss", 3): 70}
"""Most clocks of an answer, whatever cells are dead."""


def _around(topology: str, ports: int, bench: Bench) -> None:
    dut = FixedWays(topology, ports)
    most = _SEARCH[topology, ports]

    def busy(module: Module) -> Value:
        searching = internal(inside(module, "detour"), "phase")
        return internal(module, "running") | searching.any() | dut.done | dut.failed

    _, waits, clocks = asked(bench, dut, busy)
    bits = destination_bits(ports)
    bench.assume(Cat(dut.destinations.word_select(i, bits) < ports for i in range(ports)).all())
    waiting = waits & ~dut.start
    conflicts = conflicting(bench, dut)
    bench.check("ends", ~waiting | (clocks < most) | dut.done | dut.failed)
    bench.check("direct", ~(waiting & dut.done) | (clocks >= dut.direct_clocks))
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
    searched = clocks > dut.direct_clocks
    bench.cover(dut.done & waiting & searched & dut.active.all())
    bench.cover(none & searched)


def _never_turns(dut: FixedWays, module: Module) -> None:
    back = inside(module, "detour", "back")
    back.d.comb += internal(back, "flip").eq(0)


PROOFS = tuple(
    Proof(
        "fixed_ways",
        f"around_{topology}_{ports}",
        f"{topology} of {ports}, any cells fixed or unusable: every map is answered within "
        f"{_SEARCH[topology, ports]} clocks, routed past unusable cells with fixed ones as they "
        "stand, or refused as NO_ROUTE exactly when no states of the cells do that",
        partial(_around, topology, ports),
        _never_turns,
        method="induction",
        depth=_SEARCH[topology, ports] + 2,
        reach=_SEARCH[topology, ports] + 2,
        assumed=HELD,
    )
    for topology, ports in (("crossbar", 2),)
)
