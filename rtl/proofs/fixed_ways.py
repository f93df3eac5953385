"""Router of fabrics with a direct way a pair: its answer against the fabric, and every other."""

from __future__ import annotations

from amaranth import Module, Value

from lightloom.rtl.ocs.route.fixed_ways import FixedWays
from lightloom.rtl.proofs.bench import Bench, Proof, inside, internal
from lightloom.rtl.proofs.routing import HELD, asked, searches_rightly

__all__ = ["PROOFS"]

_SEARCH = 23
"""Most clocks of an answer of a crossbar of 2, whatever cells are dead."""


def _around(bench: Bench) -> None:
    dut = FixedWays("crossbar", 2)

    def busy(module: Module) -> Value:
        searching = internal(inside(module, "detour"), "phase")
        return internal(module, "running") | searching.any() | dut.done | dut.failed

    _, waits, clocks = asked(bench, dut, busy)
    none = searches_rightly(bench, dut, waits, clocks, _SEARCH)
    found = dut.done & waits & ~dut.start
    bench.check("direct", ~found | (clocks >= dut.direct_clocks))
    searched = clocks > dut.direct_clocks
    bench.cover(found & searched & dut.active.all())
    bench.cover(none & searched)


def _never_turns(dut: FixedWays, module: Module) -> None:
    back = inside(module, "detour", "back")
    back.d.comb += internal(back, "flip").eq(0)


PROOFS = (
    Proof(
        "fixed_ways",
        "around_crossbar_2",
        f"crossbar of 2, any cells fixed or unusable: every map is answered within {_SEARCH} "
        "clocks, routed past unusable cells with fixed ones as they stand, or refused as NO_ROUTE "
        "exactly when no states of the cells do that",
        _around,
        _never_turns,
        method="induction",
        depth=_SEARCH + 2,
        reach=_SEARCH + 2,
        assumed=HELD,
    ),
)
