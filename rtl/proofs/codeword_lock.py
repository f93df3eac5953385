"""Codeword lock: a good marker gives it, the fourth bad one in a row takes it away."""

from amaranth import Module, Mux, Signal

from lightloom.rtl.pcs.codeword_lock import BAD_TO_LOSE, CodewordLock
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]


def _lock(bench: Bench) -> None:
    m, dut = bench.m, CodewordLock(bits=64, o_width=64, group=256)
    inner = bench.add(dut)
    checked, good, misses = (internal(inner, name) for name in ("checked", "good", "misses"))
    was = bench.past(dut.locked)
    gives_up = ~dut.run | dut.restart
    bench.check("given_by_marker", ~dut.locked | was | bench.past(checked & good))
    bench.check("given_up_at_once", ~bench.past(gives_up) | ~dut.locked)
    bench.check("aligned", ~dut.locked | was | bench.past(dut.aligned))
    bad = Signal(range(BAD_TO_LOSE + 1))  # since the last good marker
    m.d.sync += bad.eq(Mux(dut.locked, bad + dut.error, 0))
    with m.If((checked & good) | ~dut.aligned):
        m.d.sync += bad.eq(0)
    now = bad + dut.error
    bench.check("fourth_bad_loses", ~dut.locked | (now < BAD_TO_LOSE))
    bench.invariant("misses", ~dut.locked | (now == misses))
    bench.check("error_while_locked", ~dut.error | was)
    bench.cover(dut.locked & dut.error)


def _never_loses(dut: CodewordLock, module: Module) -> None:
    with module.If(internal(module, "misses") == BAD_TO_LOSE - 1):
        module.d.comb += internal(module, "lost").eq(0)


PROOFS = (
    Proof(
        "codeword_lock",
        "lock",
        "a good marker gives lock; the fourth bad one in a row, restart and low run take it",
        _lock,
        _never_loses,
        method="induction",
        depth=3,
        reach=60,
    ),
)
