"""Commit of a new map: kept routes, routing, one edge for all cells, rollback, abort, park."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.requests import Reason
from lightloom.rtl.ocs.walk import Walk
from lightloom.rtl.popcount import popcount
from lightloom.spec import fabrics

__all__ = ["Commit", "Phase"]

_GROUP = 32
"""Cells that are counted between two registers."""


class Phase(enum.Enum, shape=3):
    """Where a commit is."""

    IDLE = 0
    MEET = 1
    """Which kept routes meet dead cells."""
    KEEP = 2
    """Which cells the kept routes use."""
    ROUTE = 3
    BUDGET = 4
    SETTLE = 5


class Commit(wiring.Component):
    """Make the map that is asked for the active one, at one clock edge.

    A commit copies the request table. Routes that are the same in the active map and do not meet a
    dead cell are kept: the cells they use are fixed at their states, and the router is asked for
    the rest. Only when it finds nothing, or nothing can be kept, all routes are free: then
    `rearranged` is set when a route was given up. Then the map's power is checked, if asked for,
    and `states`, the map and `live` change together, with `change` high in that clock. Until then
    the old map is active, whatever is written meanwhile.

    A refused commit changes nothing. A commit or rollback is refused as BUSY
    unless the phase is IDLE; a rollback may also come while heaters settle. `abort` drops a commit
    that has not changed the states; later it does nothing. `park` and `watchdog` win over
    everything: states are 0 and `parked` high from the next clock on, a commit under way is
    dropped, and with `watchdog` high commits and rollbacks are refused.

    Rollback exchanges the active map with the one before, states included, in the next clock, and
    asks neither router nor budget. A park counts as a change: rollback ends it. After that, or
    after reset, there is no map before.

    `moved` counts the cells that changed, `disturbed` the routes in both maps with a changed cell
    on their old way (none of a rollback or park); both are there ``count_latency`` clocks after
    `change`.

    Latency from the commit pulse to `change`: 1 + router with nothing to keep, for the router
    starts with the pulse; 2 more where the table changed with it or the phase was not IDLE in the
    clock before, 1 more with 2 ports. 4 + walk.latency + router with routes to keep, and
    walk.latency more with dead cells; another routing and 1 when the first finds nothing; 2 more
    and the budget's time where that is on.
    After reset: parked, nothing connected.

    Parameters
    ----------
    topology, ports
        See `lightloom.spec.fabrics.plan`.

    Members
    -------
    commit, rollback, abort, park : In(1)
        Pulses.
    watchdog : In(1)
        Park as long as it is high.
    destinations : In(ports * bits), valid : In(ports)
        Request table.
    stuck_bar, stuck_cross, unusable : In(cells)
        Dead cells. Both stuck bits: unusable.
    route_start, route_drop : Out(1)
        To the router; `route_drop` resets it, also when a start came too early.
    route_destinations, route_active, route_fixed, route_value, route_unusable, route_prefer : Out
        Its inputs, held from start to the answer or drop.
    route_states, route_done, route_failed, route_reason : In(cells), In(1), In(1), In(Reason)
        Its answer.
    budget_on : In(1), budget_start, budget_done, budget_over : Out(1), In(1), In(1)
        Ask for the power of `route_states`; answer, over with it.
    settled : In(1)
        Heaters are settled; low in the clock of `change`.
    states : Out(cells)
        Of the active map, 0 when parked. Registered.
    change : Out(1)
        High in the first clock of new states, or of a park.
    parked : Out(1)
        No map is active. Registered.
    map_destinations, map_valid : Out
        Active map. Registered.
    busy, done : Out(1)
        Commit under way or heaters not settled; map active and settled.
    accepted, refused, aborted : Out(1)
        Pulses: a commit or rollback begins; is refused; a commit was dropped.
    refusal : Out(Reason)
        With `refused`.
    applied : Out(1)
        With `change`, when it is that of a commit.
    rearranged, reversible : Out(1)
        See above; there is a map to roll back to.
    counting, moved, disturbed, elapsed : Out
        Counts of the last change are not there yet; they; clocks from the last applied commit
        pulse to its `change`.

    Raises
    ------
    ValueError
        When the plan does not exist.
    """

    commit: Signal
    rollback: Signal
    abort: Signal
    park: Signal
    watchdog: Signal
    destinations: Signal
    valid: Signal
    stuck_bar: Signal
    stuck_cross: Signal
    unusable: Signal
    route_start: Signal
    route_drop: Signal
    route_destinations: Signal
    route_active: Signal
    route_fixed: Signal
    route_value: Signal
    route_unusable: Signal
    route_prefer: Signal
    route_states: Signal
    route_done: Signal
    route_failed: Signal
    route_reason: Signal
    budget_on: Signal
    budget_start: Signal
    budget_done: Signal
    budget_over: Signal
    settled: Signal
    states: Signal
    change: Signal
    parked: Signal
    map_destinations: Signal
    map_valid: Signal
    busy: Signal
    done: Signal
    accepted: Signal
    refused: Signal
    aborted: Signal
    refusal: Signal
    applied: Signal
    rearranged: Signal
    reversible: Signal
    counting: Signal
    moved: Signal
    disturbed: Signal
    elapsed: Signal

    def __init__(self, topology: str, ports: int) -> None:
        """Find the plan and make the ports."""
        self.plan = fabrics.plan(topology, ports)
        self.ports = ports
        self.cells = len(self.plan.cells)
        self.bits = (ports - 1).bit_length()
        self.walk = Walk(topology, ports)
        self.count_latency = self.walk.latency + 3
        cells, table = self.cells, ports * self.bits
        super().__init__(
            {
                "commit": In(1),
                "rollback": In(1),
                "abort": In(1),
                "park": In(1),
                "watchdog": In(1),
                "destinations": In(table),
                "valid": In(ports),
                "stuck_bar": In(cells),
                "stuck_cross": In(cells),
                "unusable": In(cells),
                "route_start": Out(1),
                "route_drop": Out(1),
                "route_destinations": Out(table),
                "route_active": Out(ports),
                "route_fixed": Out(cells),
                "route_value": Out(cells),
                "route_unusable": Out(cells),
                "route_prefer": Out(cells),
                "route_states": In(cells),
                "route_done": In(1),
                "route_failed": In(1),
                "route_reason": In(Reason),
                "budget_on": In(1),
                "budget_start": Out(1),
                "budget_done": In(1),
                "budget_over": In(1),
                "settled": In(1),
                "states": Out(cells),
                "change": Out(1),
                "parked": Out(1),
                "map_destinations": Out(table),
                "map_valid": Out(ports),
                "busy": Out(1),
                "done": Out(1),
                "accepted": Out(1),
                "refused": Out(1),
                "aborted": Out(1),
                "refusal": Out(Reason),
                "applied": Out(1),
                "rearranged": Out(1),
                "reversible": Out(1),
                "counting": Out(1),
                "moved": Out(range(cells + 1)),
                "disturbed": Out(range(ports + 1)),
                "elapsed": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the sequence."""
        m = Module()
        m.submodules.walk = walk = self.walk
        ports, bits, cells = self.ports, self.bits, self.cells
        phase = Signal(Phase)
        idle = phase == Phase.IDLE
        settling = phase == Phase.SETTLE
        routing = Signal()
        live = Signal()
        m.d.comb += self.parked.eq(~live)
        m.d.comb += routing.eq(~idle & ~settling)

        # Who may go on; a park drops everything else.
        parks = Signal()
        may_commit = Signal()
        may_roll = Signal()
        apply = Signal()
        drop = Signal()
        m.d.comb += [
            parks.eq(self.park | (self.watchdog & ~self.parked)),
            may_commit.eq(self.commit & idle & ~self.park & ~self.watchdog),
            may_roll.eq(
                self.rollback
                & ~self.commit
                & ~routing
                & self.reversible
                & ~self.park
                & ~self.watchdog
            ),
            drop.eq(routing & (self.abort | parks | self.watchdog)),
            self.aborted.eq(drop),
            self.route_drop.eq(drop | (phase == Phase.MEET)),
        ]

        # The map under way; `same` are its routes that the active map has too.
        wanted = Signal(ports * bits)
        active = Signal(ports)
        same = Signal(ports)
        same_now = Signal(ports)
        kept = Signal(ports)
        m.d.comb += same_now.eq(
            Cat(
                self.destinations.word_select(i, bits) == self.map_destinations.word_select(i, bits)
                for i in range(ports)
            )
            & self.valid
            & self.map_valid
            & (~self.parked).replicate(ports)
        )
        # They follow the table until a commit, so that they stand when the router starts with it.
        stale = Signal()
        m.d.comb += stale.eq((wanted != self.destinations) | (active != self.valid))
        with m.If(idle):
            m.d.sync += [wanted.eq(self.destinations), active.eq(self.valid)]
        with m.If(may_commit):
            m.d.sync += same.eq(same_now)

        stuck = Signal(cells)
        dead = Signal(cells)
        both = self.stuck_bar & self.stuck_cross
        before = Signal(cells)
        moves = Signal(cells)
        m.d.comb += [
            stuck.eq(self.stuck_bar ^ self.stuck_cross),
            # A stuck cell that stands as it should hurts nobody.
            dead.eq(
                self.unusable
                | both
                | (self.stuck_bar & self.states)
                | (self.stuck_cross & ~self.states)
            ),
            moves.eq(self.states ^ before),
            walk.inputs.eq(kept),
            walk.states.eq(Mux(settling, before, self.states)),
            walk.cells.eq(Mux(settling, moves, dead)),
        ]

        # The router's question. It is put with the commit already, as if nothing could be kept, and
        # dropped where something can. With 2 ports the answer would come before it is looked for.
        fixed = Signal(cells)
        first_try = Signal()
        started = Signal()
        at_once = Signal()
        m.d.comb += [
            at_once.eq(may_commit if ports > 2 else 0),
            self.route_start.eq(((phase == Phase.ROUTE) & ~started) | at_once),
            self.route_destinations.eq(wanted),
            self.route_active.eq(active),
            self.route_fixed.eq(fixed | stuck),
            self.route_value.eq(Mux(first_try, self.states, 0) & ~stuck | self.stuck_cross & stuck),
            self.route_unusable.eq(self.unusable | both),
            self.route_prefer.eq(self.states),
            self.budget_start.eq((phase == Phase.BUDGET) & ~started),
        ]

        wait = Signal(range(walk.latency + 1))
        retry = Signal()
        fails = Signal()
        m.d.comb += [
            retry.eq(
                (phase == Phase.ROUTE)
                & self.route_failed
                & first_try
                & (self.route_reason != Reason.CONFLICT)
            ),
            fails.eq(
                ((phase == Phase.ROUTE) & self.route_failed & ~retry)
                | ((phase == Phase.BUDGET) & self.budget_done & self.budget_over)
            ),
            apply.eq(
                ~drop
                & (
                    ((phase == Phase.ROUTE) & self.route_done & ~self.budget_on)
                    | ((phase == Phase.BUDGET) & self.budget_done & ~self.budget_over)
                )
            ),
        ]
        m.d.sync += started.eq((self.route_start | self.budget_start | started) & ~retry)
        with m.Switch(phase):
            with m.Case(Phase.IDLE), m.If(may_commit):
                m.d.sync += [
                    phase.eq(Mux(same_now.any() | stale, Phase.MEET, Phase.ROUTE)),
                    started.eq(at_once),
                    wait.eq(walk.latency),
                    kept.eq(0),
                ]
            with m.Case(Phase.MEET):
                m.d.sync += wait.eq(wait - 1)
                with m.If(~same.any()):
                    m.d.sync += [phase.eq(Phase.ROUTE), started.eq(0)]
                with m.Elif(~dead.any() | (wait == 0)):
                    m.d.sync += [phase.eq(Phase.KEEP), wait.eq(walk.latency)]
                    m.d.sync += kept.eq(same & Mux(dead.any(), ~walk.touched, ~0))
            with m.Case(Phase.KEEP):
                m.d.sync += wait.eq(wait - 1)
                with m.If(wait == 0):
                    m.d.sync += [phase.eq(Phase.ROUTE), fixed.eq(walk.used), started.eq(0)]
                    m.d.sync += first_try.eq(kept.any())
            with m.Case(Phase.ROUTE):
                with m.If(retry):
                    m.d.sync += [first_try.eq(0), fixed.eq(0)]
                with m.Elif(self.route_done):
                    m.d.sync += [phase.eq(Phase.BUDGET), started.eq(0)]
            with m.Case(Phase.SETTLE), m.If(self.settled & ~self.change):
                m.d.sync += phase.eq(Phase.IDLE)
        with m.If(fails | drop):
            m.d.sync += phase.eq(Phase.IDLE)
        with m.If(apply | may_roll | parks):
            m.d.sync += phase.eq(Phase.SETTLE)
        with m.If(fails | drop | apply):
            m.d.sync += [fixed.eq(0), first_try.eq(0)]

        # The one edge: states, map and park change here and nowhere else.
        old_map = Signal(ports * bits)
        old_valid = Signal(ports)
        m.d.sync += self.change.eq(apply | may_roll | parks)
        with m.If(parks):
            m.d.sync += [self.states.eq(0), self.map_valid.eq(0), live.eq(0)]
        with m.Elif(may_roll):
            m.d.sync += [
                self.states.eq(before),
                self.map_destinations.eq(old_map),
                self.map_valid.eq(old_valid),
                live.eq(1),
            ]
        with m.Elif(apply):
            m.d.sync += [
                self.states.eq(self.route_states),
                self.map_destinations.eq(wanted),
                self.map_valid.eq(active),
                live.eq(1),
            ]
        with m.If(apply | may_roll | (parks & ~self.parked)):
            m.d.sync += [
                before.eq(self.states),
                old_map.eq(self.map_destinations),
                old_valid.eq(self.map_valid),
                self.reversible.eq(~self.parked),
            ]

        # Why not.
        m.d.comb += [
            self.accepted.eq(may_commit | may_roll),
            self.refused.eq(
                (self.commit & ~may_commit) | (self.rollback & ~may_roll) | (fails & ~drop)
            ),
        ]
        with m.If(fails & ~drop):
            m.d.comb += self.refusal.eq(
                Mux(phase == Phase.BUDGET, Reason.BUDGET, self.route_reason)
            )
        with m.Elif(self.watchdog):
            m.d.comb += self.refusal.eq(Reason.WATCHDOG)
        with m.Elif(self.commit | self.park | routing | self.reversible):
            m.d.comb += self.refusal.eq(Reason.BUSY)
        with m.Else():
            m.d.comb += self.refusal.eq(Reason.NO_PREVIOUS)

        # What it cost.
        clocks = Signal(32)
        due = Signal(range(self.count_latency + 1))
        m.d.sync += [clocks.eq(Mux(may_commit, 1, clocks + 1)), self.applied.eq(apply)]
        with m.If(apply):
            m.d.sync += self.elapsed.eq(clocks + 1)
            # Without a first try, no route could be kept: all that stay were given up.
            m.d.sync += self.rearranged.eq(~first_try & same.any())
        with m.If(may_roll | parks):
            m.d.sync += [self.rearranged.eq(0), same.eq(0)]
        with m.If(apply | may_roll | parks):
            m.d.sync += due.eq(self.count_latency)
        with m.Elif(due != 0):
            m.d.sync += due.eq(due - 1)
        met = Signal(ports)
        m.d.sync += met.eq(walk.touched & same)
        parts = []
        for first in range(0, cells, _GROUP):
            part = Signal(range(_GROUP + 1), name=f"moved_{first}")
            word = moves[first : first + _GROUP]
            m.d.sync += part.eq(popcount(m, word, f"moves_{first}"))
            parts.append(part)
        disturbed = popcount(m, met, "met_count")
        with m.If(due == 1):
            m.d.sync += [self.moved.eq(sum(parts)), self.disturbed.eq(disturbed)]

        m.d.comb += [
            self.busy.eq(~idle),
            self.done.eq(idle & ~self.parked),
            self.counting.eq(due != 0),
        ]
        return m
