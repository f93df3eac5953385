"""Block lock: when it is given and when it is taken away."""

from amaranth import Module, Mux, Signal

from lightloom.rtl.pcs.block_lock import GOOD_TO_LOCK, HOLD_OFF, INVALID_TO_LOSE, BlockLock
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]


def _lock(bench: Bench) -> None:
    m, dut = bench.m, BlockLock()
    inner = bench.add(dut)
    count, invalid, hold_off = (internal(inner, n) for n in ("count", "invalid", "hold_off"))
    good, bad = Signal(), Signal()
    m.d.comb += [
        good.eq(dut.valid & (dut.header[0] != dut.header[1])),
        bad.eq(dut.valid & (dut.header[0] == dut.header[1])),
    ]
    # Good headers in a row, no further than what gives lock at the latest.
    streak, most = Signal(range(128)), GOOD_TO_LOCK + HOLD_OFF
    with m.If(dut.restart | bad):
        m.d.sync += streak.eq(0)
    with m.Elif(good & (streak != most)):
        m.d.sync += streak.eq(streak + 1)
    # Headers, and bad ones, of a window of 64 that began with the lock.
    seen, wrong, due = Signal(range(GOOD_TO_LOCK)), Signal(range(INVALID_TO_LOSE)), Signal()
    m.d.sync += due.eq(dut.locked & ~dut.restart & bad & (wrong == INVALID_TO_LOSE - 1))
    with m.If(dut.restart | ~dut.locked):
        m.d.sync += [seen.eq(0), wrong.eq(0)]
    with m.Elif(dut.valid):
        m.d.sync += seen.eq(seen + 1)
        m.d.sync += wrong.eq(Mux(seen == GOOD_TO_LOCK - 1, 0, wrong + bad))

    was_locked = bench.past(dut.locked)
    restarted = bench.past(dut.restart)
    bench.check("locks_after_64_good", ~dut.locked | was_locked | (streak >= GOOD_TO_LOCK))
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
    with module.If(internal(module, "count") == GOOD_TO_LOCK - 2):
        module.d.sync += dut.locked.eq(1)


PROOFS = (
    Proof(
        "block_lock",
        "lock",
        "lock after 64 good headers in a row, within 67, until the 16th bad one of 64",
        _lock,
        _locks_early,
        method="induction",
        depth=2,
        reach=90,
    ),
)
