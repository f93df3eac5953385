"""Protection of a chip: what it asks for, that a visit ends, and that failover ends."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.memory import Memory

from lightloom.rtl.ocs.protect.protection import VISIT, Protection
from lightloom.rtl.ocs.protect.table import PLACES, Cause, entry_layout, state_layout
from lightloom.rtl.proofs.bench import (
    Bench,
    Proof,
    encoding,
    inside,
    internal,
    ongoing,
    part,
    state,
)

__all__ = ["PROOFS"]

_PORTS, _BITS, _TIME_BITS = 2, 1, 4
_MOST_WAIT = 3
"""Clocks in which a commit is answered, and a table takes a change, in the proofs."""
_REQUESTS = 15
"""Most requests after which the scan is at rest, see `_ends`."""


def _words(bench: Bench, memory: Memory) -> list[Value]:
    """What stands in a memory."""
    ports = [memory.read_port(domain="comb") for _ in range(memory.depth)]
    bench.m.d.comb += [port.addr.eq(k) for k, port in enumerate(ports)]
    return [port.data for port in ports]


def _table(bench: Bench, inner: Module) -> tuple[list[data.View], data.View]:
    """Entries and state of the one group."""
    table = inside(inner, "table")
    entries = [
        data.View(entry_layout(_BITS), word)
        for word in _words(bench, part(table, "entries"))[:PLACES]
    ]
    fresh = internal(table, "fresh", "sync")
    word = _words(bench, part(table, "states"))[0]
    kept = Signal(state_layout(_TIME_BITS), name="kept")
    bench.m.d.comb += kept.eq(Mux(fresh[0], 0, word))
    return entries, kept


def _asks(bench: Bench) -> None:
    m, dut = bench.m, Protection(1, _PORTS, _TIME_BITS)
    inner = bench.add(dut)
    entries, kept = _table(bench, inner)
    whole = Cat(dut.map_destinations, dut.map_valid)
    bench.assume(bench.first | dut.change | (whole == bench.past(whole)))
    bench.assume(~bench.first | (dut.map_valid == 0))
    bench.assume(~dut.change | ~dut.ready)
    chosen = internal(inner, "chosen")
    fits, free_output = Signal(), Signal()
    for place, entry in enumerate(entries):
        with m.If(chosen == place):
            m.d.comb += fits.eq(
                entry.valid
                & (entry.input == dut.move_to)
                & (entry.output == dut.move_output)
                & ~kept.blocked[place]
            )
    m.d.comb += free_output.eq(
        Cat(
            dut.map_valid[i]
            & (dut.move_input != i)
            & (dut.map_destinations.word_select(i, _BITS) == dut.move_output)
            for i in range(_PORTS)
        )
        == 0
    )
    to = dut.map_destinations.word_select(dut.move_input, _BITS)
    left = dut.map_valid.bit_select(dut.move_input, 1) & (to == dut.move_from)
    taken = dut.map_valid.bit_select(dut.move_to, 1) & (dut.move_to != dut.move_input)
    asks = dut.commit
    bench.check("valid_and_not_blocked", ~asks | fits)
    bench.check("input_is_free", ~asks | ~taken)
    seen = Signal(_PORTS)
    m.d.sync += seen.eq(Mux(dut.visit, 0, seen) | dut.lit)
    loop = Cat(entry.loopback & (chosen == place) for place, entry in enumerate(entries)).any()
    bench.check("has_light", ~asks | loop | seen.bit_select(dut.move_to, 1))
    bench.check("output_is_free", ~asks | free_output)
    bench.check("leaves_the_active_route", ~asks | left)
    for i in range(_PORTS):
        same = dut.destinations.word_select(i, _BITS) == dut.map_destinations.word_select(i, _BITS)
        stays = (dut.valid[i] == dut.map_valid[i]) & same
        moved = (dut.move_input == i) | (dut.move_to == i)
        bench.check(f"route_{i}_stays", ~asks | moved | stays)
    bench.cover(asks & (dut.move_to != dut.move_input))
    bench.cover(asks & (dut.move_to == dut.move_input))


def _takes_what_is_used(dut: Protection, module: Module) -> None:
    used = internal(inside(module, "occupied"), "used")
    inside(module, "occupied").d.sync += used.eq(0)


class _Answers:
    """A commit and a request table that answer within some clocks, as they like."""

    def __init__(self, bench: Bench, dut: Protection) -> None:
        m = bench.m
        flying, settling = Signal(), Signal()
        waited, held = Signal(range(_MOST_WAIT + 1)), Signal(range(_MOST_WAIT + 1))
        self.map = Signal(_PORTS * _BITS + _PORTS)
        self.wanted = wanted = Signal.like(self.map)
        self.flying, self.settling = flying, settling
        finish, good, late = (bench.free(1, name) for name in ("finish", "good", "late"))
        m.d.comb += [
            dut.busy.eq(flying | settling),
            dut.accepted.eq(dut.commit & bench.free(1, "takes")),
            Cat(dut.map_destinations, dut.map_valid).eq(self.map),
            dut.moved.eq(dut.move & (bench.free(1, "follows") | (held == _MOST_WAIT))),
        ]
        m.d.sync += [dut.change.eq(0), dut.applied.eq(0)]
        m.d.sync += held.eq(Mux(dut.move & ~dut.moved, held + 1, 0))
        with m.If(dut.accepted):
            m.d.sync += [flying.eq(1), waited.eq(0), wanted.eq(Cat(dut.destinations, dut.valid))]
        with m.Elif(flying):
            m.d.sync += waited.eq(waited + 1)
            with m.If(finish | (waited == _MOST_WAIT - 1)):
                m.d.sync += flying.eq(0)
                with m.If(good):
                    m.d.sync += [dut.change.eq(1), dut.applied.eq(1), settling.eq(1)]
                    m.d.sync += self.map.eq(wanted)
        with m.Elif(settling & ~late & ~dut.change):
            m.d.sync += settling.eq(0)
        bench.assume(~dut.ready | ~(dut.busy | dut.change))
        bench.assume(~dut.parked)
        # Software commits too, until it is `closed`.
        self.closed = Signal()
        foreign = bench.free(len(self.map), "foreign")
        bench.assume((foreign[:_BITS] != foreign[_BITS : 2 * _BITS]) | ~foreign[2 * _BITS :].all())
        commits = bench.free(1, "commits") & ~self.closed & ~dut.busy & ~dut.commit
        with m.If(commits):
            m.d.sync += [self.map.eq(foreign), dut.change.eq(1)]
        self.driven = (
            "busy", "accepted", "map_destinations", "map_valid", "moved", "change", "applied"
        )  # fmt: skip


def _ends(bench: Bench) -> None:
    """From some visit on nothing changes but what the block asks for; it asks a few times.

    Each request lowers a number: 1 for each candidate that is not blocked, 3 for each in the map
    that is dark, 3 while the switch for a lost way is left, and the place of the active one.
    """
    m, dut = bench.m, Protection(1, _PORTS, _TIME_BITS)
    answers = _Answers(bench, dut)
    inner = bench.add(dut, driven=answers.driven)
    entries, kept = _table(bench, inner)
    judge, used = inside(inner, "judge"), internal(inside(inner, "occupied"), "used")
    closed = Signal()
    m.d.sync += closed.eq(closed | (ongoing(inner, "NEXT") & bench.free(1, "close")))
    m.d.comb += answers.closed.eq(closed)
    for changing in (dut.entry_write, dut.mode_write, dut.clear, dut.clear_all):
        bench.assume(~closed | ~changing)
    bench.assume(~closed | ~bench.past(closed) | (dut.lit == bench.past(dut.lit)))
    for n, one in enumerate(entries):
        for other in entries[:n]:
            differ = (one.input != other.input) | (one.output != other.output)
            bench.assume(differ | ~one.valid | ~other.valid)

    count, last = Signal(range(_REQUESTS + 3)), Signal(range(_REQUESTS + 2))
    bench.check("few_requests", count <= _REQUESTS)
    bench.cover(closed & (count == 3))

    # For the induction: what stands of each candidate, and what the block has seen of it.
    def output(i: int) -> Value:
        return dut.map_destinations.word_select(i, _BITS)

    occupied = [
        Cat(dut.map_valid[i] & (output(i) == o) for i in range(_PORTS)).any() for o in range(_PORTS)
    ]
    active, dark = Signal(2, name="active_place", init=PLACES), Signal(range(PLACES + 1))
    there, usable = Signal(PLACES, name="there"), Signal(PLACES, name="usable_now")
    lit = Signal(PLACES, name="has_light")
    ports: list[Value] = []
    for n, entry in enumerate(entries):
        mine = Mux(entry.input, output(1), output(0)) == entry.output
        taken = dut.map_valid.bit_select(entry.input, 1)
        full = Cat(occupied).bit_select(entry.output, 1)
        m.d.comb += [
            there[n].eq(entry.valid & taken & mine),
            lit[n].eq(dut.lit.bit_select(entry.input, 1) | entry.loopback),
        ]
        ports.append(Cat(entry, there[n], taken, full, dut.lit.bit_select(entry.input, 1)))
    m.d.comb += dark.eq(sum((there[n] & ~lit[n] for n in range(PLACES)), Const(0)))
    m.d.comb += active.eq(PLACES)
    known = Signal(len(ports[0]), name="known_of_active")
    for n in reversed(range(PLACES)):
        with m.If(there[n]):
            m.d.comb += [active.eq(n), known.eq(ports[n])]
    here = data.View(entry_layout(_BITS), known[: entry_layout(_BITS).size])

    for n, entry in enumerate(entries):
        taken, full = ports[n][-3], ports[n][-2]
        m.d.comb += usable[n].eq(
            entry.valid
            & ~there[n]
            & lit[n]
            & ~kept.blocked[n]
            & (~taken | (entry.input == here.input))
            & (~full | (entry.output == here.output))
        )

    def left(blocked: Value, way_done: Value) -> Value:
        """The number that each request lowers."""
        open_ = sum((~blocked[n] for n in range(PLACES)), Const(0))
        first = Mux(active == PLACES, 0, active)
        return open_ + 3 * dark + Mux(way_done, 0, 3) + first

    s = data.View(state_layout(_TIME_BITS), internal(inner, "group_state"))
    place, clean = internal(inner, "place", "sync"), internal(inner, "clean")
    chosen = internal(inner, "chosen")
    names = ("NEXT", "FETCH", "VOTE", "JUDGE", "DECIDE", "HOLD", "PULSE", "ANSWER", "FOLLOW")
    at = {name: Signal(name=f"at_{name}") for name in (*names, "STORE")}
    m.d.comb += [at[name].eq(ongoing(inner, name)) for name in at]
    asking = at["ANSWER"] & ~dut.applied
    looked = at["VOTE"] | at["JUDGE"] | at["DECIDE"] | at["HOLD"] | at["PULSE"]
    sure = closed & ((clean & ~at["NEXT"]) | asking)
    before = at["NEXT"] | at["FETCH"] | looked
    old, asked_before = left(kept.blocked, kept.way_done), count != 0
    with m.If(closed & dut.accepted & ~count.all()):
        m.d.sync += [count.eq(count + 1), last.eq(old)]
    bench.check("each_lowers_it", ~closed | ~dut.accepted | ~asked_before | (old < last))
    bench.invariant("counted", ~asked_before | ((count + last <= _REQUESTS + 1) & (last != 0)))
    bench.invariant("none_before", closed | (count == 0))
    still = ~closed | ~asked_before
    bench.invariant("rank", still | ~before | (old < last))
    bench.invariant("rank_asked", ~closed | ~asking | (asked_before & (old == last)))
    after = at["FOLLOW"] | at["STORE"]
    bench.invariant("rank_after", still | ~after | (left(s.blocked, s.way_done) < last))
    way = s.pending == Cause.WAY
    closes = way | ((s.pending == Cause.LOSS) & s.unproved)
    leaves = Cat(closes & (s.active == n) for n in range(PLACES))
    moved = left(s.blocked | leaves, s.way_done | way)
    bench.invariant("rank_moved", still | ~at["ANSWER"] | asking | (moved < last))
    # The registers on the way.
    table, occupy = inside(inner, "table"), inside(inner, "occupied")
    same = (s.blocked == kept.blocked) & (s.way_done == kept.way_done)
    judged = at["JUDGE"] | at["DECIDE"] | at["HOLD"] | at["PULSE"]
    bench.invariant("state", ~closed | ~(judged | at["ANSWER"]) | same)
    bench.invariant("way", ~(judged | at["ANSWER"] | after) | ~way | ~s.way_done)
    bench.invariant("way_kept", (kept.pending != Cause.WAY) | ~kept.way_done)
    again = internal(table, "again")
    bench.invariant("again", ~closed | ~(judged | at["ANSWER"] | after) | ~again)
    word = part(table, "states").read_ports[0].data
    fetched = internal(table, "fresh", "sync")[0] | (word == kept.as_value())
    bench.invariant("read_state", ~(at["FETCH"] | at["VOTE"]) | fetched)
    for n in range(PLACES):
        read = part(table, "entries").read_ports[0].data == entries[n].as_value()
        bench.invariant(f"read_{n}", ~sure | ~at["FETCH"] | (place != n + 1) | read)
        facts = internal(inner, f"facts_{n}")
        seen = looked | asking | (at["FETCH"] & (place > n + 1))
        bench.invariant(f"facts_{n}", ~sure | ~seen | (facts[: len(ports[n])] == ports[n]))
    bench.invariant("place", Mux(at["FETCH"], place != 0, place == 0))
    found = (internal(judge, "active") == active) & (internal(judge, "here")[: len(known)] == known)
    bench.invariant("active", ~sure | ~(judged | asking) | found)
    decided = at["DECIDE"] | at["HOLD"] | at["PULSE"] | asking
    bench.invariant("usable", ~sure | ~decided | (internal(judge, "usable") == usable))
    vote = internal(judge, "vote")
    lost = Cat(there[n] & ~lit[n] & (active == n) for n in range(PLACES)).any()

    def sound(cause: Value) -> Value:
        alone = (cause == Cause.LOSS) | (cause == Cause.ALONE)
        judgeable = (cause == Cause.NONE) | (active != PLACES)
        named = Value.cast(cause) <= Cause.RESTORE
        return named & judgeable & (~alone | lost) & ((cause != Cause.WAY) | ~kept.way_done)

    bench.invariant("vote_way", ~at["DECIDE"] | (vote != Cause.WAY) | ~s.way_done)
    bench.invariant("vote", ~sure | ~at["DECIDE"] | (sound(vote) & (vote <= Cause.WAY)))
    fits = Cat(
        (chosen == n) & usable[n] & (internal(inner, "target") == entries[n].as_value())
        for n in range(PLACES)
    ).any()
    returns = (s.pending != Cause.RESTORE) | (chosen < active)
    asked = fits & returns & sound(s.pending) & (s.pending != Cause.NONE) & (s.active == active)
    bench.invariant("asked", ~sure | ~(at["HOLD"] | at["PULSE"] | asking) | asked)
    wanted = answers.wanted == Cat(dut.destinations, dut.valid)
    bench.invariant("wanted", ~closed | ~asking | ~answers.flying | wanted)
    bench.invariant("flying", Mux(answers.flying, asking & ~answers.settling, 1))
    bench.invariant("unanswered", ~asking | answers.flying | ~answers.settling)
    bench.invariant("applied", ~dut.applied | (at["ANSWER"] & answers.settling & dut.change))
    bench.invariant("quiet", ~asking | ~dut.change)
    ready = internal(occupy, "ready")
    walked, step = internal(occupy, "walking"), internal(occupy, "at")
    first = Cat(dut.map_valid[0] & (output(0) == o) for o in range(_PORTS))
    far = Mux(walked, used == Mux(step == 0, 0, first), ~ready | (used == Cat(occupied)))
    bench.invariant("used", dut.change | far)


def _tries_again(dut: Protection, module: Module) -> None:
    kept = data.View(state_layout(_TIME_BITS), internal(module, "group_state"))
    with module.If(ongoing(module, "ANSWER")):
        module.d.sync += kept.blocked.eq(0)


def _returns(bench: Bench) -> None:
    m, dut = bench.m, Protection(2, _PORTS, _TIME_BITS)
    answers = _Answers(bench, dut)
    inner = bench.add(dut, driven=answers.driven)
    longest = VISIT + 1 + 2 * (_MOST_WAIT + 1)
    since = Signal(range(longest + 2))
    away = ~ongoing(inner, "NEXT")
    m.d.sync += since.eq(Mux(away, since + ~since.all(), 0))
    bench.check("visit_ends", ~away | (since < longest))
    bench.cover(bench.past(dut.moved) & (since > VISIT + 2 * _MOST_WAIT))


def _waits_for_light(dut: Protection, module: Module) -> None:
    with module.If(ongoing(module, "PULSE") & ~dut.lit[0]):
        module.d.sync += state(module).eq(encoding(module)["PULSE"])


PROOFS = (
    Proof(
        "protection",
        "asks",
        "what is asked for is the active map with one route changed to a candidate that is valid, "
        "not blocked and has light or is a loopback, and whose ports no other route has",
        _asks,
        _takes_what_is_used,
        reach=30,
        assumed="the map changes with `change` alone, and then a commit is not accepted",
    ),
    Proof(
        "protection",
        "returns",
        f"a visit ends {VISIT} clocks after it began, or with the answer to what it asked for",
        _returns,
        _waits_for_light,
        reach=40,
        assumed=f"commit and request table answer within {_MOST_WAIT + 1} clocks",
    ),
    Proof(
        "protection",
        "ends",
        f"failover ends: a group asks at most {_REQUESTS} times, whatever is answered and whatever "
        "the sensors at the outputs show",
        _ends,
        _tries_again,
        method="induction",
        depth=1,
        reach=60,
        assumed="light at the inputs, table, modes and the software's routes stay as they are; "
        "candidates differ",
    ),
)
