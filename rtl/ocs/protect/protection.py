"""Protection of the connections of a switch chip: scan of the groups, and switches."""

from __future__ import annotations

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.protect.judge import Judge, facts_layout
from lightloom.rtl.ocs.protect.occupied import Occupied
from lightloom.rtl.ocs.protect.table import PLACES, Cause, Table, entry_layout, state_layout

__all__ = ["VISIT", "Protection"]

VISIT = 8
"""Clocks of a visit of a group that is not switched; one that is not enabled takes 1."""
_SOFTWARE = (
    "select_group",
    "select_place",
    "entry",
    "entry_write",
    "mode",
    "mode_write",
    "clear",
    "clear_all",
)
_SHOWN = ("shown_entry", "shown_mode", "shown_state")


class Protection(wiring.Component):
    """Visit the groups one after another, and move the route of one that is lost.

    A group has up to `PLACES` candidates for one connection, an input and an output each, the best
    first; `Judge` says which of them is active, what the light at both ends tells, which others are
    usable, and when to switch.

    To switch is to ask for the active map with this one route changed, by `commit`. What is not
    applied blocks the candidate, unless a park ended it, and the next visit goes on to the next
    one. The candidate that was left is blocked for WAY, a way lost inside the chip, and for a LOSS
    when the block itself had switched to it and never saw its output lit: the light at its input
    was none. After `applied` `move` asks for the same change in the request table.

    Blocks stay until the group begins anew (`Table`), and so does `flapping`: `flap_count` switches
    within `flap_window` clocks of the first, 0 for never. Then the route stays as it is.

    Latency: `VISIT` clocks a visit, all `groups` enabled in ``groups * VISIT``; a switch is asked
    for 1 clock later than a visit that does not switch ends, when `ready` and the table did not
    change meanwhile, else at the next visit. Throughput: one switch at a time. Reset: modes of all
    groups are 0, so that nothing is visited.

    Parameters
    ----------
    groups, ports, time_bits
        As of `Table`.

    Members
    -------
    select_group, select_place, entry, entry_write, mode, mode_write, clear, clear_all,
    shown_entry, shown_mode, shown_state
        Those of `Table`.
    enable : In(1)
        Visit groups.
    hold_off, alone, restore, flap_window, calm
        Those of `Judge`.
    flap_count : In(8)
        See above.
    lit, out_lit, sensors : In(ports)
        Debounced light at inputs and outputs; outputs that have a sensor.
    map_destinations, map_valid, change : In
        Active map; `change` is high in the first clock of a new one.
    parked, busy : In(1)
        No map is active; a commit is under way, from the clock after it was accepted on.
    ready : In(1)
        A commit in this clock would be accepted.
    hold : Out(1)
        `destinations` and `valid` are wanted, for the clock before `commit` too.
    destinations, valid : Out
        The map that is wanted.
    commit : Out(1)
        Pulse: ask for it.
    accepted, applied : In(1)
        It is taken, in the same clock; it is the active map, with `change`. Not applied when `busy`
        falls or `parked` rises.
    move : Out(1), move_input, move_from, move_to, move_output : Out(bits)
        Change the request table: the connection of `move_input` with output `move_from` becomes one
        of `move_to` with `move_output`.
    moved : In(1)
        Done, or dropped.
    time : Out(time_bits)
        Clocks since reset.
    visit : Out(1), group : Out(range(groups))
        A visit begins in this clock; the group.
    switched, failed, disagreed, flapped : Out(1)
        Pulses: a switch was applied; one was refused, or nothing is usable; the ends disagree from
        now on; the flap limit is reached.

    Raises
    ------
    ValueError
        When a parameter is out of range.

    """

    select_group: Signal
    select_place: Signal
    entry: data.View
    entry_write: Signal
    mode: data.View
    mode_write: Signal
    clear: Signal
    clear_all: Signal
    shown_entry: data.View
    shown_mode: data.View
    shown_state: data.View
    enable: Signal
    hold_off: Signal
    alone: Signal
    restore: Signal
    flap_window: Signal
    flap_count: Signal
    lit: Signal
    out_lit: Signal
    sensors: Signal
    calm: Signal
    map_destinations: Signal
    map_valid: Signal
    change: Signal
    parked: Signal
    busy: Signal
    ready: Signal
    hold: Signal
    destinations: Signal
    valid: Signal
    commit: Signal
    accepted: Signal
    applied: Signal
    move: Signal
    move_input: Signal
    move_from: Signal
    move_to: Signal
    move_output: Signal
    moved: Signal
    time: Signal
    visit: Signal
    group: Signal
    switched: Signal
    failed: Signal
    disagreed: Signal
    flapped: Signal

    def __init__(self, groups: int, ports: int, time_bits: int = 32) -> None:
        """Check the sizes and make the ports."""
        self._table = Table(groups, ports, time_bits)
        self.groups, self.ports, self.time_bits = groups, ports, time_bits
        self.bits = bits = (ports - 1).bit_length()
        inner = dict(self._table.signature.members)
        super().__init__(
            {
                **{name: inner[name] for name in (*_SOFTWARE, *_SHOWN)},
                "enable": In(1),
                "hold_off": In(time_bits),
                "alone": In(time_bits),
                "restore": In(time_bits),
                "flap_window": In(time_bits),
                "flap_count": In(8),
                "lit": In(ports),
                "out_lit": In(ports),
                "sensors": In(ports),
                "calm": In(1),
                "map_destinations": In(ports * bits),
                "map_valid": In(ports),
                "change": In(1),
                "parked": In(1),
                "busy": In(1),
                "ready": In(1),
                "hold": Out(1),
                "destinations": Out(ports * bits),
                "valid": Out(ports),
                "commit": Out(1),
                "accepted": In(1),
                "applied": In(1),
                "move": Out(1),
                "move_input": Out(bits),
                "move_from": Out(bits),
                "move_to": Out(bits),
                "move_output": Out(bits),
                "moved": In(1),
                "time": Out(time_bits),
                "visit": Out(1),
                "group": Out(range(groups)),
                "switched": Out(1),
                "failed": Out(1),
                "disagreed": Out(1),
                "flapped": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the scan."""
        m = Module()
        m.submodules.table = table = self._table
        m.submodules.occupied = occupied = Occupied(self.ports)
        for name in _SOFTWARE:
            m.d.comb += getattr(table, name).eq(getattr(self, name))
        for name in _SHOWN:
            m.d.comb += getattr(self, name).eq(getattr(table, name))
        for name in ("map_destinations", "map_valid", "change"):
            m.d.comb += getattr(occupied, name).eq(getattr(self, name))
        m.d.sync += self.time.eq(self.time + 1)

        facts = [Signal(facts_layout(self.bits), name=f"facts_{n}") for n in range(PLACES)]
        target = Signal(entry_layout(self.bits))
        chosen = Signal(2)
        s = Signal(state_layout(self.time_bits), name="group_state")
        place = Signal(2)
        clean = Signal()
        m.d.comb += [
            table.group.eq(self.group),
            table.place.eq(place),
            table.new_state.eq(s),
        ]
        # What was read is the map and the table until the commit, or nothing is asked for.
        with m.If(~self.ready | ~occupied.ready | table.touched):
            m.d.sync += clean.eq(0)

        found = self._look(m, table.read_entry, occupied.used)
        m.submodules.judge = judge = Judge(self.bits, self.time_bits)
        for name in ("time", "calm", "hold_off", "alone", "restore", "flap_window"):
            m.d.comb += getattr(judge, name).eq(getattr(self, name))
        m.d.comb += [judge.facts.eq(Cat(facts)), judge.state.eq(s), judge.mode.eq(table.read_mode)]
        with m.FSM():
            with m.State("NEXT"):
                m.d.sync += place.eq(0)
                with m.If(~self.enable | ~table.read_mode.enable):
                    self._go_on(m)
                with m.Elif(occupied.ready):
                    m.d.comb += self.visit.eq(1)
                    m.d.sync += [place.eq(1), clean.eq(self.ready & ~table.touched)]
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.d.sync += place.eq(place + 1)
                for n, fact in enumerate(facts):
                    with m.If(place == n + 1):
                        m.d.sync += fact.eq(found)
                with m.If(place == PLACES):
                    m.d.sync += place.eq(0)
                    m.next = "VOTE"
            with m.State("VOTE"):
                m.d.comb += table.take.eq(1)
                m.d.sync += s.eq(Mux(table.fresh, 0, table.read_state.as_value()))
                m.next = "JUDGE"
            with m.State("JUDGE"):
                m.next = "DECIDE"
            with m.State("DECIDE"):
                m.d.sync += [chosen.eq(judge.best), target.eq(judge.target)]
                self._note(m, s, judge)
                with m.If(judge.asks & clean):
                    m.next = "HOLD"
                with m.Else():
                    m.next = "STORE"
            with m.State("HOLD"):
                m.d.comb += self.hold.eq(1)
                m.next = "PULSE"
            with m.State("PULSE"):
                m.d.comb += [self.hold.eq(1), self.commit.eq(clean & self.ready)]
                with m.If(self.commit & self.accepted):
                    m.next = "ANSWER"
                with m.Else():
                    m.next = "STORE"
            with m.State("ANSWER"):
                with m.If(self.applied):
                    self._applied(m, s, chosen)
                    m.next = "FOLLOW"
                with m.Elif(~self.busy | self.parked):
                    with m.If(~self.parked):
                        m.d.comb += self.failed.eq(1)
                        m.d.sync += s.refusals.eq(s.refusals + ~s.refusals.all())
                        m.d.sync += s.blocked.bit_select(chosen, 1).eq(1)
                    m.next = "STORE"
            with m.State("FOLLOW"):
                m.d.comb += self.move.eq(1)
                with m.If(self.moved):
                    m.next = "STORE"
            with m.State("STORE"):
                m.d.comb += table.store.eq(1)
                self._go_on(m)
                m.next = "NEXT"

        m.d.comb += [
            self.move_input.eq(judge.here.entry.input),
            self.move_from.eq(judge.here.entry.output),
            self.move_to.eq(target.input),
            self.move_output.eq(target.output),
        ]
        for i in range(self.ports):
            old = self.map_destinations.word_select(i, self.bits)
            new = self.destinations.word_select(i, self.bits)
            to = target.input == i
            m.d.comb += [
                new.eq(Mux(to, target.output, old)),
                self.valid[i].eq(to | (self.map_valid[i] & (judge.here.entry.input != i))),
            ]
        return m

    def _go_on(self, m: Module) -> None:
        last = self.group == self.groups - 1
        m.d.sync += self.group.eq(Mux(last, 0, self.group + 1))

    def _look(self, m: Module, entry: data.View, used: Signal) -> Value:
        """Facts of the candidate that the table shows."""
        outputs = [self.map_destinations.word_select(i, self.bits) for i in range(self.ports)]
        to = Signal(self.bits)
        taken = Signal()
        m.d.comb += [
            to.eq(Array(outputs)[entry.input]),
            taken.eq(self.map_valid.bit_select(entry.input, 1)),
        ]
        return Cat(
            entry,
            entry.valid & taken & (to == entry.output),
            taken,
            used.bit_select(entry.output, 1),
            self.lit.bit_select(entry.input, 1),
            self.out_lit.bit_select(entry.output, 1),
            self.sensors.bit_select(entry.output, 1),
        )

    def _note(self, m: Module, s: data.View, judge: Judge) -> None:
        """Keep what was seen."""
        begins = judge.lost & ~judge.same
        m.d.comb += [
            self.failed.eq(judge.stranded & ~s.stranded),
            self.disagreed.eq(judge.disagree & ~s.disagree),
        ]
        for name in ("pending", "active", "over", "stranded", "disagree"):
            m.d.sync += s[name].eq(getattr(judge, name))
        m.d.sync += [
            s.disagreements.eq(s.disagreements + (self.disagreed & ~s.disagreements.all())),
            s.losses.eq(s.losses + (begins & ~s.losses.all())),
        ]
        with m.If(~judge.same):
            m.d.sync += s.since.eq(self.time)
        with m.If(judge.proved | (judge.active != s.active)):
            m.d.sync += s.unproved.eq(0)
        with m.If(begins):
            m.d.sync += s.lost_at.eq(self.time)
        with m.If(judge.window_over):
            m.d.sync += s.flaps.eq(0)

    def _applied(self, m: Module, s: data.View, chosen: Signal) -> None:
        """Keep that the route was moved from `s.active` to the chosen candidate."""
        flaps = Signal(8)
        m.d.comb += [flaps.eq(s.flaps + ~s.flaps.all()), self.switched.eq(1)]
        m.d.sync += [
            s.pending.eq(Cause.NONE),
            s.over.eq(0),
            s.stranded.eq(0),
            s.unproved.eq(1),
            s.active.eq(chosen),
            s.cause.eq(s.pending),
            s.switched_at.eq(self.time),
            s.switches.eq(s.switches + ~s.switches.all()),
            s.flaps.eq(flaps),
        ]
        with m.If(s.flaps == 0):
            m.d.sync += s.window_at.eq(self.time)
        with m.If((self.flap_count != 0) & (flaps >= self.flap_count)):
            m.d.comb += self.flapped.eq(1)
            m.d.sync += s.flapping.eq(1)
        way = s.pending == Cause.WAY
        with m.If(way):
            m.d.sync += s.way_done.eq(1)
        with m.If(way | ((s.pending == Cause.LOSS) & s.unproved)):
            m.d.sync += s.blocked.bit_select(s.active, 1).eq(1)
