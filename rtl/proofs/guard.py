"""Guard of a link: one bad sensor decides nothing, switches keep apart, failover ends."""

from amaranth import Cat, Module, Mux, Signal

from lightloom.rtl.ocs.guard import Cause, Guard, Path
from lightloom.rtl.ocs.light import LightMonitor
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]

_SENSORS = 3
_FEW = 3
_MOST = 7
"""Times are up to this many clocks in the proofs; the counters compare and add alike above it."""


def _vote(bench: Bench) -> None:
    m, dut = bench.m, LightMonitor(_SENSORS)
    inner = bench.add(dut)
    for time in (dut.down, dut.up):
        bench.assume(time == bench.constant(3, f"{time.name}_clocks"))
    bench.assume((dut.mask == 0) & (dut.votes == 2))
    bench.assume(dut.light[1] == dut.light[2])
    # The two good sensors alone, debounced beside the block.
    light, state, count = dut.light[1], Signal(), Signal(4)
    least = Mux(light, dut.up, dut.down)
    with m.If(light == state):
        m.d.sync += count.eq(0)
    with m.Elif(count + 1 >= least):
        m.d.sync += [state.eq(light), count.eq(0)]
    with m.Else():
        m.d.sync += count.eq(count + 1)
    bench.check("the_others_decide", dut.lit == bench.past(state))
    for n in (1, 2):
        bench.invariant(f"steady_{n}", dut.steady[n] == state)
        bench.invariant(f"count_{n}", internal(inner, f"count_{n}") == count)
    bench.invariant("count", count < 7)
    flickers = (dut.steady[0] != bench.past(dut.steady[0])) & dut.lit & bench.past(dut.lit)
    bench.cover(flickers & (dut.down == 3) & (dut.up == 3))


def _one_vote(dut: LightMonitor, module: Module) -> None:
    module.d.comb += internal(module, "need").eq(1)


def _hold_off(bench: Bench) -> None:
    m, dut = bench.m, Guard(_SENSORS)
    inner = bench.add(dut)
    hold_off = bench.constant(32, "clocks")
    bench.assume(dut.hold_off == hold_off)
    bench.assume(dut.switched | ~dut.request)
    running, since = Signal(), Signal(33)
    with m.If(dut.switched):
        m.d.sync += [running.eq(1), since.eq(0)]
    with m.Elif(running):
        m.d.sync += since.eq(since + ~since.all())
    # `since` clocks lie between the switch and this clock.
    bench.check("keeps_apart", ~dut.request | ~running | (since >= hold_off))
    ours = internal(inner, "since")
    held = (since < hold_off) & (hold_off != 0)
    bench.invariant("holding", ~running | (dut.holding == held))
    bench.invariant("counts", ~dut.holding | (running & (since == ours)))
    bench.cover(dut.request & running & (hold_off == 3))


def _forgets_to_hold(dut: Guard, module: Module) -> None:
    with module.If(internal(module, "since") == 1):
        module.d.sync += dut.holding.eq(0)


def _ends(bench: Bench) -> None:
    m, dut = bench.m, Guard(1)
    inner = bench.add(dut, driven=("active", "switched", "busy"))
    for time in (dut.hold_off, dut.restore):
        bench.assume(time == bench.constant(range(_MOST + 1), f"{time.name}_clocks"))
    for setting in (dut.order, dut.allowed, dut.revertive, dut.keep):
        bench.assume(setting == bench.constant(setting.shape(), f"{setting.name}_set"))
    bench.assume(dut.trust == 0)
    bench.assume((dut.flap_count == 0) & dut.auto & ~dut.fail & ~dut.clear & ~dut.keep)
    # What answers it: the path is where it was asked for, one clock later.
    active = Signal(3, init=1 << Path.PRIMARY)
    with m.If(dut.request):
        m.d.sync += active.eq(Cat(dut.target == path for path in Path))
    m.d.comb += [dut.active.eq(active), dut.switched.eq(dut.request)]
    same, calm = Signal(), Signal(range(64))
    m.d.comb += same.eq(~bench.first & (dut.usable == bench.past(dut.usable)))
    m.d.sync += calm.eq(Mux(same, calm + ~calm.all(), 0))
    best = Cat(dut.target == path for path in Path)
    rest = (active == best) | (
        ~dut.revertive & ~active[Path.LOOPBACK] & (active & dut.usable).any()
    )
    long = same & (calm > _MOST)
    bench.check("rests", ~long | (rest & ~dut.request))
    nothing = ~dut.usable[:2].any()
    bench.check("dark_is_the_loopback", ~long | ~nothing | active[Path.LOOPBACK])
    bench.check("one_path", (active == 1) | (active == 2) | (active == 4))
    # For the induction: how far hold-off and wait are after so many calm clocks.
    since, waited = internal(inner, "since"), internal(inner, "waited")
    bench.invariant("flaps", ~dut.flapping)
    lost = (active & ~dut.usable)[:2].any()
    bench.invariant("since", ~dut.holding | (since < dut.hold_off))
    bench.invariant("held", ~same | rest | ~dut.holding | (since >= calm))
    bench.invariant("waits", ~same | rest | lost | (waited >= calm))
    moved = Signal()
    m.d.sync += moved.eq(moved | (dut.request & (dut.cause == Cause.RESTORE)))
    bench.cover(long & moved & (dut.restore == 2) & (dut.hold_off == 2))
    bench.cover(long & nothing)


def _stays_in_the_dark(dut: Guard, module: Module) -> None:
    with module.If(~dut.usable[:2].any()):
        module.d.comb += dut.request.eq(0)


def _trusting(bench: Bench) -> None:
    m, dut = bench.m, Guard(1)
    bench.add(dut, driven=("active", "switched", "busy"))
    for time in (dut.hold_off, dut.restore):
        bench.assume(time == bench.constant(range(_FEW + 1), f"{time.name}_clocks"))
    for setting in (dut.order, dut.allowed, dut.revertive, dut.trust):
        bench.assume(setting == bench.constant(setting.shape(), f"{setting.name}_set"))
    bench.assume((dut.flap_count == 0) & dut.auto & ~dut.fail & ~dut.clear & ~dut.keep)
    active = Signal(3, init=1 << Path.PRIMARY)
    with m.If(dut.request):
        m.d.sync += active.eq(Cat(dut.target == path for path in Path))
    m.d.comb += [dut.active.eq(active), dut.switched.eq(dut.request)]
    dark = Signal(range(64))
    m.d.sync += dark.eq(Mux(dut.lit.any(), 0, dark + ~dark.all()))
    # A trusted path after the other, and the loopback: three changes, each after a hold-off.
    long = ~dut.lit.any() & (dark > 4 * (_FEW + 2))
    bench.check("dark_is_the_loopback", ~long | (active[Path.LOOPBACK] & ~dut.request))
    been = Signal()
    m.d.sync += been.eq(been | active[Path.BACKUP])
    bench.cover(long & been & (dut.trust == 3))


def _tries_again(dut: Guard, module: Module) -> None:
    module.d.sync += dut.tried.eq(0)


PROOFS = (
    Proof(
        "light_monitor",
        "vote",
        "with two votes of three, two good sensors alone say light or dark",
        _vote,
        _one_vote,
        method="induction",
        depth=2,
        reach=20,
        assumed="no sensor masked, debounce of 7 clocks or less",
    ),
    Proof(
        "guard",
        "hold_off",
        "no request within the hold-off after a switch, whoever made it",
        _hold_off,
        _forgets_to_hold,
        method="induction",
        depth=2,
        reach=20,
        assumed="the hold-off stays as it is; a request is answered",
    ),
    Proof(
        "guard",
        "ends",
        "with light that stays it comes to rest on the best path, and without any in the loopback",
        _ends,
        _stays_in_the_dark,
        method="induction",
        depth=3,
        reach=40,
        assumed="settings stay as they are, no trust, no flap limit, times of 7 clocks or less",
    ),
    Proof(
        "guard",
        "trust",
        "in a darkness that stays, paths that it trusts are taken once, and then the loopback",
        _trusting,
        _tries_again,
        method="bounded",
        depth=40,
        reach=40,
        assumed="settings stay as they are, no flap limit, times of 3 clocks or less",
    ),
)
