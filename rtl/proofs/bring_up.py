"""Bring-up: no state is dead, none waits longer than its limit."""

from amaranth import Cat, Module, Mux, Signal, Value

from lightloom.rtl.link.bring_up import (
    LOSS_CLOCKS,
    RESTART_CLOCKS,
    SIGNAL_CLOCKS,
    BringUp,
    FailReason,
    State,
)
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]

_WAITING = (State.SIGNAL, State.CDR, State.EQUALIZE, State.BLOCK_LOCK, State.ALIGN)
LANES = 2
PATIENCE = SIGNAL_CLOCKS + RESTART_CLOCKS + len(_WAITING) + 1
"""Clocks without a fault in which the link comes up from any state."""


def _is(dut: BringUp, *states: State) -> Value:
    return Cat(dut.state == state for state in states).any()


def _limits(bench: Bench) -> None:
    m, dut = bench.m, BringUp(lanes=LANES)
    inner = bench.add(dut)
    limits = [bench.constant(32, f"limit_{state.name.lower()}") for state in _WAITING]
    bench.assume(dut.limits == Cat(limits))
    before = bench.past(dut.state)
    stay, now = Signal(32), Signal(32)  # clocks in this state before this one
    m.d.comb += now.eq(Mux(dut.state == before, stay + 1, 0))
    m.d.sync += stay.eq(now)
    waited = internal(inner, "waited")
    for state, limit in zip(_WAITING, limits, strict=True):
        here = dut.state == state
        bench.check(f"{state.name.lower()}_ends", ~here | bench.first | (now <= limit))
        bench.invariant(f"{state.name.lower()}_waited", ~here | bench.first | (now == waited))
    bench.check("down_ends", ~_is(dut, State.DOWN) | (now < RESTART_CLOCKS))
    bench.invariant("down_waited", ~_is(dut, State.DOWN) | (now == waited))
    # ROUTE lasts as long as it is held, and then no longer than SIGNAL may.
    free = Signal(32)
    hold = Signal()
    m.d.comb += hold.eq(dut.hold)
    m.d.sync += free.eq(Mux((dut.state == State.ROUTE) & ~hold, free + 1, 0))
    bench.check("route_ends", (dut.state != State.ROUTE) | bench.first | (free <= limits[0]))
    bench.invariant("route_waited", (dut.state != State.ROUTE) | bench.first | (free == waited))
    bench.check("state", dut.state <= State.ROUTE)
    timed_out = Cat(dut.fail_reason == r for r in FailReason if r.name.endswith("TIMEOUT"))
    bench.check("reason", dut.fail_reason <= FailReason.ROUTE_CHANGE)
    bench.cover(_is(dut, State.DOWN, State.FAILED) & timed_out.any() & (limits[1] == 2))


def _alive(bench: Bench) -> None:
    m, dut = bench.m, BringUp(lanes=LANES)
    inner = bench.add(dut)
    waited, steady, dark, mode = (
        internal(inner, name) for name in ("waited", "steady", "dark", "mode")
    )
    asked = Signal(2)
    m.d.comb += asked.eq(Cat(dut.prbs, dut.loopback))
    fine, good = Signal(), Signal(range(256))  # clocks in a row without a fault
    m.d.comb += fine.eq(
        dut.enable
        & ~dut.prbs
        & ~dut.hold
        & (asked == mode)
        & dut.signal.all()
        & dut.cdr_locked.all()
        & dut.equalized.all()
        & dut.block_lock.all()
        & dut.aligned
        & dut.remote_ready
    )
    m.d.sync += good.eq(Mux(fine, good + (good != PATIENCE), 0))
    way_up = (*_WAITING, State.UP)
    bench.check("comes_up", (good < PATIENCE) | _is(dut, State.UP, State.FAILED))
    bench.check("up_has_light", ~dut.up | (dark < LOSS_CLOCKS))
    was, able = bench.past(dut.state), dut.enable & (asked == mode)
    bench.check("reset_by_enable", bench.first | bench.past(able, init=1) | _is(dut, State.RESET))
    bench.assume(~dut.excluded.all())
    used = _is(dut, *_WAITING, State.UP, State.TEST)
    bench.invariant("use", ~used | dut.use.any())
    ready = (dut.block_lock | ~dut.use).all() & dut.aligned & dut.remote_ready
    arrives = (was != State.UP) & (dut.state == State.UP)
    bench.check("up_when_ready", ~arrives | bench.past(ready))
    leaves = (was == State.UP) & ~bench.past(ready)
    bench.check("leaves_up", ~leaves | (dut.state != State.UP))
    failed = (was == State.FAILED) & (dut.state != State.FAILED)
    held_before = bench.past(dut.hold & ~dut.loopback)
    bench.check("failed_until_disabled", ~failed | ~bench.past(able, init=1) | held_before)
    stood = bench.past(able) & held_before & ~bench.past(_is(dut, State.RESET), init=1)
    bench.check("route_while_held", ~stood | _is(dut, State.ROUTE))
    kept = (dut.downs == bench.past(dut.downs)) & (dut.attempts == 0)
    bench.check("a_route_is_no_failure", ~stood | (was == State.UP) | kept)
    bench.check("coasts_in_route", bench.first | ~_is(dut, State.ROUTE) | dut.coast | ~stood)
    # For the induction: how far the way up is at least, after so many good clocks.
    bench.check("state", dut.state <= State.ROUTE)
    bench.invariant("route_is_fresh", ~_is(dut, State.ROUTE) | (dut.attempts == 0))
    bench.invariant("route_is_left", ~_is(dut, State.ROUTE) | (good < SIGNAL_CLOCKS))
    bench.invariant("steady", (good == 0) | ((dark == 0) & (steady >= Mux(good < 63, good, 63))))
    bench.invariant("mode", (good == 0) | ~mode[0])
    bench.invariant("test", ~_is(dut, State.TEST) | mode[0])
    held = _is(dut, State.RESET, State.DOWN)
    bench.invariant("held", ~held | (waited < RESTART_CLOCKS))
    bench.invariant("held_long", ~held | (good < SIGNAL_CLOCKS) | (good - waited <= SIGNAL_CLOCKS))
    for step, state in enumerate(way_up[:-1]):
        most = SIGNAL_CLOCKS + RESTART_CLOCKS + 1 + step
        bench.invariant(f"{state.name.lower()}_is_left", (dut.state != state) | (good <= most))
    been_up = Signal()
    m.d.sync += been_up.eq(been_up | dut.up)
    bench.cover(been_up & _is(dut, State.DOWN))


def _cdr_never_over(dut: BringUp, module: Module) -> None:
    with module.If(dut.state == State.CDR):
        module.d.comb += internal(module, "over").eq(0)


def _down_for_ever(dut: BringUp, module: Module) -> None:
    with module.If(dut.state == State.DOWN):
        module.d.sync += internal(module, "waited").eq(0)


PROOFS = (
    Proof(
        "bring_up",
        "limits",
        "no waiting state lasts longer than its limit, DOWN no longer than 64 clocks",
        _limits,
        _cdr_never_over,
        method="induction",
        depth=2,
        reach=80,
        assumed="the limits stay as they are",
    ),
    Proof(
        "bring_up",
        "alive",
        f"{PATIENCE} clocks without a fault bring up every state but FAILED, which enable or "
        "a change of the route ends; while the route changes nothing else happens",
        _alive,
        _down_for_ever,
        assumed="not all lanes are excluded",
        method="induction",
        depth=2,
        reach=220,
    ),
)
