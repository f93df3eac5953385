"""Block lock: when it is given and when it is taken away."""

from functools import partial

from amaranth import C, Module, Mux, Signal

from lightloom.rtl.pcs.block_lock import GOOD_TO_LOCK, HOLD_OFF, INVALID_TO_LOSE, BlockLock
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]


def _lock(bench: Bench, *, headers: int) -> None:
    m, dut = bench.m, BlockLock(headers=headers)
    inner = bench.add(dut)
    count, invalid, hold_off = (internal(inner, n) for n in ("count", "invalid", "hold_off"))
    halves = [dut.header.word_select(n, 2) for n in range(headers)]
    bad = Signal(range(headers + 1))
    m.d.comb += bad.eq(
        Mux(dut.valid, sum((half[0] == half[1] for half in halves), C(0, headers)), 0)
    )
    # Clocks of good headers in a row, no further than what gives lock at the latest.
    window = GOOD_TO_LOCK // headers
    streak, most = Signal(range(128)), window + HOLD_OFF
    with m.If(dut.restart | bad.any()):
        m.d.sync += streak.eq(0)
    with m.Elif(dut.valid & (streak != most)):
        m.d.sync += streak.eq(streak + 1)
    # Clocks with headers, and bad ones, of a window of 64 that began with the lock.
    seen, wrong, due = Signal(range(window)), Signal(range(INVALID_TO_LOSE)), Signal()
    m.d.sync += due.eq(dut.locked & ~dut.restart & (wrong + bad >= INVALID_TO_LOSE))
    with m.If(dut.restart | ~dut.locked):
        m.d.sync += [seen.eq(0), wrong.eq(0)]
    with m.Elif(dut.valid):
        m.d.sync += seen.eq(seen + 1)
        m.d.sync += wrong.eq(Mux(seen == window - 1, 0, wrong + bad))

    was_locked = bench.past(dut.locked)
    restarted = bench.past(dut.restart)
    bench.check("locks_after_64_good", ~dut.locked | was_locked | (streak >= window))
    bench.check("locks_at_last", dut.locked | (streak < most))
    bench.check("loses_by_16_bad", (was_locked & ~dut.locked) == (was_locked & (due | restarted)))
    bench.check("slips_when_not_locked", ~dut.slip | ~dut.locked)
    # For the induction: the block's own counters.
    bench.invariant("window", ~dut.locked | ((seen == count) & (wrong == invalid)))
    bench.invariant("unlocked", dut.locked | (invalid == 0))
    waits = Mux(hold_off == 0, streak - count <= HOLD_OFF, streak + hold_off <= HOLD_OFF)
    bench.invariant("search", dut.locked | (waits & (streak >= count)))
    bench.invariant("hold_off", (hold_off == 0) | (~dut.locked & (count == 0)))
    lost = Signal()
    m.d.sync += lost.eq(lost | due)
    bench.cover(lost & ~dut.locked)


def _locks_early(dut: BlockLock, module: Module) -> None:
    with module.If(internal(module, "count") == GOOD_TO_LOCK // dut.headers - 2):
        module.d.sync += dut.locked.eq(1)


PROOFS = (
    *(
        Proof(
            "block_lock",
            name,
            f"lock after 64 good headers in a row, within {GOOD_TO_LOCK + headers * HOLD_OFF}, "
            f"until the 16th bad one of 64; {headers} a clock",
            partial(_lock, headers=headers),
            _locks_early,
            method="induction",
            depth=2,
            reach=90,
        )
        for name, headers in (("lock", 1), ("lock_pairs", 2))
    ),
)
