"""Commit of a map: one edge for all cells, kept routes kept, ways back, park above all."""

from amaranth import Cat, Const, Module, Mux, Signal, Value

from lightloom.rtl.ocs.commit import Commit
from lightloom.rtl.proofs.bench import Bench, Proof, internal
from lightloom.spec import fabrics

__all__ = ["PROOFS"]

PORTS = 4


def _commit(bench: Bench) -> tuple[Commit, Module]:
    dut = Commit("benes", PORTS)
    return dut, bench.add(dut)


def _map(dut: Commit) -> Value:
    """All that has to change together."""
    return Cat(dut.states, dut.map_destinations, dut.map_valid, dut.parked)


def _atomic(bench: Bench) -> None:
    m = bench.m
    dut, inner = _commit(bench)
    now = _map(dut)
    was = bench.past(now, init=1 << (len(now) - 1))
    # The map before the active one, by an account of its own.
    before, there = Signal(len(now)), Signal()
    moved = Signal()
    m.d.comb += moved.eq(dut.change & ~(dut.parked & was[-1]))
    with m.If(moved):
        m.d.sync += [before.eq(was), there.eq(~was[-1])]
    last, last_there = Signal(len(now)), Signal()
    m.d.comb += [last.eq(Mux(moved, was, before)), last_there.eq(Mux(moved, ~was[-1], there))]

    answered = bench.past(dut.route_done | (dut.budget_done & ~dut.budget_over))
    routed = bench.past(
        Cat(dut.route_states, dut.route_destinations, dut.route_active, Const(0, 1))
    )
    to_new = answered & (now == routed)
    to_old = bench.past(dut.rollback & last_there) & (now == bench.past(last))
    to_park = dut.parked & (dut.states == 0) & (dut.map_valid == 0)
    bench.check("one_edge", bench.first | (now == was) | dut.change)
    bench.check("whole_map", bench.first | (now == was) | to_new | to_old | to_park)
    bench.check("no_change_without_cause", ~dut.applied | dut.change)
    # For the induction: the block keeps the same account.
    account = Cat(
        internal(inner, "before"), internal(inner, "old_map"), internal(inner, "old_valid")
    )
    bench.invariant("reversible", dut.reversible == last_there)
    bench.invariant("account", ~last_there | (account == last[:-1]))
    bench.invariant("parked", ~dut.parked | ((dut.states == 0) & (dut.map_valid == 0)))
    bench.invariant("not_parked_before", ~last_there | ~last[-1])
    backs = Signal()
    m.d.sync += backs.eq(backs | (bench.past(dut.rollback) & dut.change & ~dut.parked))
    bench.cover(backs & dut.applied & (dut.states != 0))


def _ways(plan: fabrics.Plan, states: Value) -> list[Value]:
    """For each input, the cells that its light passes."""
    found: list[Value] = []
    for slot in plan.inputs.values():
        lines: dict[int, Value] = {n: Const(int(n == slot), 1) for n in range(plan.ports)}
        passed: list[Value] = []
        for column in plan.columns:
            assert isinstance(column, fabrics.Cells | fabrics.Crossings)
            for upper in column.uppers:
                pair = lines[upper], lines[upper + 1]
                swap: Value = Const(1, 1)
                if isinstance(column, fabrics.Cells):
                    swap = states[len(passed)]
                    passed.append(pair[0] | pair[1])
                lines[upper] = Mux(swap, pair[1], pair[0])
                lines[upper + 1] = Mux(swap, pair[0], pair[1])
        found.append(Cat(passed))
    return found


def _kept(bench: Bench) -> None:
    m = bench.m
    dut, _ = _commit(bench)
    # What is asked of a router: cells that stand keep their state.
    wrong = dut.route_fixed & (dut.route_states ^ dut.route_value)
    bench.assume(~(dut.route_done | dut.budget_done) | (wrong == 0))
    for dead in (dut.stuck_bar, dut.stuck_cross, dut.unusable):
        bench.assume(bench.first | (dead == bench.past(dead)))
    old, old_map = bench.past(dut.states), bench.past(dut.map_destinations)
    old_valid = bench.past(dut.map_valid)
    both = dut.stuck_bar & dut.stuck_cross
    dead = Signal(dut.cells)
    m.d.comb += dead.eq(dut.unusable | both | (dut.stuck_bar & old) | (dut.stuck_cross & ~old))
    moves = Signal(dut.cells)
    m.d.comb += moves.eq(old ^ dut.states)
    stays = Signal()
    for i, way in enumerate(_ways(dut.plan, old)):
        passed = Signal(dut.cells, name=f"way_{i}")
        same = Signal(name=f"same_{i}")
        m.d.comb += [
            passed.eq(way),
            same.eq(
                old_valid[i]
                & dut.map_valid[i]
                & (
                    old_map.word_select(i, dut.bits)
                    == dut.map_destinations.word_select(i, dut.bits)
                )
                & ((passed & dead) == 0)
            ),
        ]
        asked = dut.applied & ~dut.rearranged & same
        bench.check(f"route_{i}_stays", bench.first | ~asked | ((passed & moves) == 0))
        if i == 0:
            m.d.comb += stays.eq(asked & moves.any() & dead.any())
    bench.cover(stays)


def _back(bench: Bench) -> None:
    dut, _ = _commit(bench)
    now = _map(dut)
    was = bench.past(now, init=1 << (len(now) - 1))
    quiet = dut.aborted & ~dut.park & ~dut.watchdog
    bench.check("aborted_is_not_applied", ~bench.past(dut.aborted) | ~dut.applied)
    bench.check("aborted_changes_nothing", bench.first | ~bench.past(quiet) | (now == was))
    bench.check("aborted_is_over", ~bench.past(quiet) | ~dut.busy)
    refused = bench.past(dut.refused & ~dut.park & ~dut.watchdog & ~dut.rollback)
    bench.check("refused_changes_nothing", bench.first | ~refused | (now == was) | dut.applied)
    bench.check("refused_says_why", ~dut.refused | (dut.refusal != 0) | dut.route_failed)
    bench.cover(bench.past(quiet) & (dut.states != 0))


def _park(bench: Bench) -> None:
    dut, _ = _commit(bench)
    stop = bench.past(dut.park | dut.watchdog)
    dark = dut.parked & (dut.states == 0) & (dut.map_valid == 0)
    bench.check("parked", ~stop | dark)
    bench.check("stays_parked", ~dut.parked | dark)
    bench.check("tells", ~bench.past(dut.park) | dut.change)
    bench.check("nothing_applied", ~stop | ~dut.applied)
    met = bench.past(dut.park & dut.route_done & dut.busy)
    bench.cover(met & bench.past(dut.states != 0))


def _first_cell_early(dut: Commit, module: Module) -> None:
    with module.If(dut.route_start):
        module.d.sync += dut.states[0].eq(dut.route_value[0] ^ 1)


def _forgets_the_first(dut: Commit, module: Module) -> None:
    module.d.comb += dut.walk.inputs[0].eq(0)


def _abort_comes_late(dut: Commit, module: Module) -> None:
    with module.If(dut.aborted & dut.route_done):
        module.d.sync += dut.states.eq(dut.route_states)


def _answer_beats_park(dut: Commit, module: Module) -> None:
    with module.If(dut.park & dut.route_done):
        module.d.sync += dut.states.eq(dut.route_states)


PROOFS = (
    Proof(
        "commit",
        "atomic",
        "states and map are in every clock a whole map: the old one, the router's answer, the one "
        "before, or none; all at one edge",
        _atomic,
        _first_cell_early,
        method="induction",
        depth=2,
        reach=14,
    ),
    Proof(
        "commit",
        "kept",
        "a commit that rearranges nothing leaves every cell of every route of both maps alone, "
        "unless the route met a dead cell",
        _kept,
        _forgets_the_first,
        method="bounded",
        depth=14,
        reach=14,
        assumed="the router leaves fixed cells as they are; dead cells stay the same",
    ),
    Proof(
        "commit",
        "back",
        "a commit that is aborted or refused changes nothing",
        _back,
        _abort_comes_late,
        method="induction",
        depth=2,
        reach=14,
    ),
    Proof(
        "commit",
        "park",
        "a park or the watchdog parks in the next clock, whatever else happens",
        _park,
        _answer_beats_park,
        method="induction",
        depth=2,
        reach=14,
    ),
)
