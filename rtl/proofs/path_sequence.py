"""Sequence of a change of path: one path at every moment, every wait ends, the watchdog parks."""

from amaranth import Module, Mux, Signal

from lightloom.rtl.ocs.drive.watchdog import Watchdog
from lightloom.rtl.ocs.guard import Path
from lightloom.rtl.ocs.ocstrx.sequence import PULSE_CLOCKS, PathSequence, Phase
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]

_ORDER = (Phase.ASK, Phase.PAUSE, Phase.SAVE, Phase.SETTLE, Phase.LOAD, Phase.RELOCK, Phase.FRAME,
          Phase.IDLE)  # fmt: skip
"""Phases of a change, each followed by itself and later ones only."""


def _one_path(bench: Bench) -> None:
    dut = PathSequence()
    bench.add(dut)
    path = dut.path
    bench.check("exactly_one", (path == 1) | (path == 2) | (path == 4))
    was = bench.past(path, init=1)
    moved = path != was
    bench.check("announced", ~moved | dut.parked | (dut.freeze & dut.change))
    bench.check("parked_is_primary", ~dut.parked | path[Path.PRIMARY])
    held = dut.phase == Phase.SETTLE
    bench.check("frozen_until_settled", ~held | (dut.freeze & dut.pause))
    bench.check("no_save_in_the_dark", ~dut.save | ~dut.freeze)
    bench.check("load_is_frozen", ~dut.load | dut.freeze)
    loading = dut.phase == Phase.LOAD
    bench.invariant("freeze", dut.freeze == (held | loading))
    bench.invariant("path", (dut.path == 1) | (dut.path == 2) | (dut.path == 4))
    bench.invariant("phase", dut.phase <= Phase.FRAME)
    bench.invariant("pause", ~(held | loading) | dut.pause)
    bench.invariant("save", ~dut.save | (dut.phase == Phase.SAVE))
    bench.invariant("load", ~dut.load | loading)
    bench.invariant("parked", dut.parked == (dut.phase == Phase.PARKED))
    bench.cover(moved & path[Path.LOOPBACK])
    bench.cover(moved & ~dut.parked & (was == 4))


def _both(dut: PathSequence, module: Module) -> None:
    with module.If(dut.phase == Phase.LOAD):
        module.d.sync += internal(module, "path", "sync")[Path.PRIMARY].eq(1)


def _ends(bench: Bench) -> None:
    m, dut = bench.m, PathSequence()
    inner = bench.add(dut)
    limits: dict[Phase, Signal] = {}
    for phase in (Phase.PAUSE, Phase.SETTLE, Phase.RELOCK, Phase.FRAME):
        name = {Phase.PAUSE: "pause_clocks"}.get(phase, f"{phase.name.lower()}_limit")
        limits[phase] = bench.constant(32, name)
        bench.assume(getattr(dut, name) == limits[phase])
    phase, waited = dut.phase, internal(inner, "waited")
    before = bench.past(phase)
    asked = dut.command | dut.follow | dut.guard_request | dut.park | dut.stop
    entered = bench.past(dut.switched | asked)
    stay, now = Signal(33), Signal(33)  # clocks in this phase before this one
    m.d.comb += now.eq(Mux((phase == before) & ~entered, stay + 1, 0))
    m.d.sync += stay.eq(now)
    for here, limit in limits.items():
        name = here.name.lower()
        bench.check(f"{name}_ends", (phase != here) | bench.first | (now <= limit))
        bench.invariant(f"{name}_waited", (phase != here) | bench.first | (now <= waited))
    for here in (Phase.SAVE, Phase.LOAD):
        short = waited < 3 * PULSE_CLOCKS
        bench.check(f"{here.name.lower()}_ends", (phase != here) | short)
    answered = bench.past(~dut.asking & (phase == Phase.ASK) & (waited != 0) & ~asked & ~dut.ask)
    bench.check("ask_ends", ~answered | (phase != Phase.ASK))
    # Without a new request the phase only goes on, but for one way back to the old path.
    planned = internal(inner, "planned")
    back = (before == Phase.RELOCK) & (phase == Phase.SETTLE) & bench.past(planned) & ~planned
    due = (before == Phase.IDLE) & (phase == Phase.SAVE)  # the set is saved from time to time
    place = {here: n for n, here in enumerate(_ORDER)}
    goes_on = Signal()
    for here in _ORDER:
        for after in _ORDER:
            if place[after] >= place[here]:
                with m.If((before == here) & (phase == after)):
                    m.d.comb += goes_on.eq(1)
    quiet = ~bench.first & ~bench.past(asked, init=1) & (before != Phase.PARKED)
    bench.check("goes_on", ~quiet | goes_on | back | due)
    bench.check("phase", phase <= Phase.FRAME)
    bench.cover(back & (limits[Phase.RELOCK] == 2))
    framed = Signal()
    m.d.sync += framed.eq(framed | dut.framed)
    bench.cover(framed & (phase == Phase.IDLE))


def _settles_for_ever(dut: PathSequence, module: Module) -> None:
    with module.If((dut.phase == Phase.SETTLE) & ~dut.settled):
        module.d.sync += dut.phase.eq(Phase.SETTLE)


def _parks(bench: Bench) -> None:
    m, dut, watchdog = bench.m, PathSequence(), Watchdog()
    bench.add(dut, driven=("stop",))
    inner = bench.add(watchdog, name="watchdog")
    m.d.comb += dut.stop.eq(watchdog.expired)
    limit = bench.constant(32, "limit")
    bench.assume((watchdog.limit == limit) & (limit != 0))
    silent = Signal(33)  # clocks without a kick or release before this one
    heard = watchdog.kick | watchdog.release
    m.d.sync += silent.eq(Mux(heard, 0, silent + ~silent.all()))
    late = silent > limit
    bench.check("parks", ~late | dut.parked)
    bench.check("stays", ~bench.past(watchdog.expired) | dut.parked)
    bench.check("parked_is_dark", ~dut.parked | (dut.path[Path.PRIMARY] & ~dut.freeze))
    count = internal(inner, "count")
    phase = dut.phase
    held = (phase == Phase.SETTLE) | (phase == Phase.LOAD)
    bench.invariant("phase", phase <= Phase.FRAME)
    bench.invariant("freeze", dut.freeze == held)
    bench.invariant("parked", dut.parked == (phase == Phase.PARKED))
    bench.invariant("primary", ~dut.parked | (dut.path == 1))
    bench.invariant("count", watchdog.expired | (silent == count))
    bench.invariant("in_time", watchdog.expired | (count < limit))
    been = Signal()
    m.d.sync += been.eq(been | dut.switched)
    bench.cover(late & been & (limit == 9))


def _not_while_settling(dut: PathSequence, module: Module) -> None:
    with module.If(dut.phase == Phase.SETTLE):
        module.d.sync += [
            dut.phase.eq(Phase.SETTLE),
            internal(module, "parked", "sync").eq(0),
        ]


PROOFS = (
    Proof(
        "path_sequence",
        "one_path",
        "exactly one path in every clock, and it moves only with the receiver frozen or parked",
        _one_path,
        _both,
        method="induction",
        depth=2,
        reach=80,
    ),
    Proof(
        "path_sequence",
        "ends",
        "every phase ends at its limit, and without a new request the next one is a later one",
        _ends,
        _settles_for_ever,
        method="induction",
        depth=2,
        reach=150,
        assumed="the limits stay as they are",
    ),
    Proof(
        "path_sequence",
        "watchdog",
        "whatever goes on, the limit without a kick parks, and only release and a command end it",
        _parks,
        _not_while_settling,
        method="induction",
        depth=2,
        reach=30,
        assumed="the limit stays as it is",
    ),
)
