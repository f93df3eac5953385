"""What the light at both ends says of a protected connection, and who could take its place."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.protect.table import PLACES, Cause, entry_layout, mode_layout, state_layout

__all__ = ["Judge", "facts_layout"]


def facts_layout(bits: int) -> data.StructLayout:
    """What is known of a candidate: its entry, the map, the light at its ends."""
    return data.StructLayout(
        {
            "entry": entry_layout(bits),
            "routed": 1,  # the active map has it
            "input_used": 1,
            "output_used": 1,
            "lit": 1,
            "out_lit": 1,
            "sensor": 1,  # its output has one
        }
    )


class Judge(wiring.Component):
    """Judge the active candidate of a group, and choose another.

    The active candidate is the first that the active map has; without one there is nothing to
    judge. Otherwise both ends vote:

    | input | output | |
    | --- | --- | --- |
    | dark | dark | LOSS |
    | dark | no sensor | ALONE |
    | dark | lit | `disagree`: one sensor is bad |
    | lit | dark | WAY with mode `way`, once a group; `disagree` |
    | lit | lit, no sensor | |

    Sensors of outputs count while `calm`; until then a LOSS or WAY that was seen stands as long as
    the input stays as it is. A candidate for `loopback` is never lost.

    Another candidate is usable when it is valid, not blocked, not in the map, its input lit or it a
    loopback, and its input and output are of no route but the active one. Candidates of a group
    differ: of two with the same ports the first counts as active, whichever was asked for.

    LOSS for `hold_off` clocks in a row, ALONE or WAY for `hold_off` + `alone`, asks for the best
    usable one. RESTORE, a better one than the active usable for `restore` clocks in a row, asks for
    that, with mode `revertive`, or from a loopback; not while the active one is lost. A group that
    is `flapping` asks for nothing.

    Latency: `facts` have to be steady for two clocks, `state` and `mode` for one, before the
    outputs are looked at; `state` in that clock too. Throughput: one group at a time. No reset is
    needed.

    Parameters
    ----------
    bits : int
        Of a port number.
    time_bits : int
        Of a time.

    Members
    -------
    facts : In(PLACES * facts_layout(bits))
        Of the candidates, the best lowest.
    state, mode : In(state_layout(time_bits)), In(mode_layout)
        Of the group, see `Table`.
    calm : In(1)
        Lights at the outputs are those of the active map.
    time, hold_off, alone, restore, flap_window : In(time_bits)
        Now; see above; `flap_window` is compared with the time since ``state.window_at``.
    here : Out(facts_layout(bits))
        Facts of the active candidate, 0 without one; one clock after `facts`.
    active : Out(2)
        Its place; `PLACES` is none.
    pending : Out(Cause), same, over : Out(1)
        What holds now; it did at the last visit, of the same candidate; it has held for long
        enough.
    lost, disagree, proved, stranded : Out(1)
        LOSS, ALONE or WAY; the ends disagree; the output is lit; lost for long enough, and nothing
        is usable.
    window_over : Out(1)
        `flap_window` has passed.
    asks : Out(1), best : Out(2), target : Out(entry_layout(bits))
        A switch is wanted, to this candidate.

    Ref: revertive operation, wait to restore, hold-off: ITU-T G.808.1 (recalled).
    """

    facts: Signal
    state: data.View
    mode: data.View
    calm: Signal
    time: Signal
    hold_off: Signal
    alone: Signal
    restore: Signal
    flap_window: Signal
    here: data.View
    active: Signal
    pending: Signal
    same: Signal
    over: Signal
    lost: Signal
    disagree: Signal
    proved: Signal
    stranded: Signal
    window_over: Signal
    asks: Signal
    best: Signal
    target: data.View

    def __init__(self, bits: int, time_bits: int) -> None:
        """Make the ports."""
        self.time_bits = time_bits
        self._facts = facts_layout(bits)
        super().__init__(
            {
                "facts": In(PLACES * self._facts.size),
                "state": In(state_layout(time_bits)),
                "mode": In(mode_layout),
                "calm": In(1),
                "time": In(time_bits),
                "hold_off": In(time_bits),
                "alone": In(time_bits),
                "restore": In(time_bits),
                "flap_window": In(time_bits),
                "here": Out(self._facts),
                "active": Out(2),
                "pending": Out(Cause),
                "same": Out(1),
                "over": Out(1),
                "lost": Out(1),
                "disagree": Out(1),
                "proved": Out(1),
                "stranded": Out(1),
                "window_over": Out(1),
                "asks": Out(1),
                "best": Out(2),
                "target": Out(entry_layout(bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the three steps, a register between them."""
        m = Module()
        here, s = self.here, self.state
        facts = [
            data.View(self._facts, self.facts.word_select(n, self._facts.size))
            for n in range(PLACES)
        ]
        m.d.sync += [self.active.eq(PLACES), here.eq(0)]
        for n in reversed(range(PLACES)):
            with m.If(facts[n].routed):
                m.d.sync += [self.active.eq(n), here.eq(facts[n])]

        usable = Signal(PLACES)
        for n, fact in enumerate(facts):
            entry = fact.entry
            m.d.sync += usable[n].eq(
                entry.valid
                & (fact.lit | entry.loopback)
                & ~s.blocked[n]
                & ~fact.routed
                & (~fact.input_used | (entry.input == here.entry.input))
                & (~fact.output_used | (entry.output == here.entry.output))
            )
        vote = Signal(Cause)
        elapsed = Signal(self.time_bits)
        in_window = Signal(self.time_bits)
        both = Signal(self.time_bits + 1)
        sees = here.sensor & self.calm
        stands = here.sensor & ~self.calm & (self.active == s.active)
        m.d.sync += [
            vote.eq(Cause.NONE),
            self.proved.eq(sees & here.out_lit),
            self.disagree.eq(Mux(stands, s.disagree, sees & (here.lit ^ here.out_lit))),
            elapsed.eq(self.time - s.since),
            in_window.eq(self.time - s.window_at),
            both.eq(self.hold_off + self.alone),
        ]
        with m.If((self.active == PLACES) | here.entry.loopback):
            m.d.sync += self.disagree.eq(0)
        with m.Elif(here.lit):
            lost = sees & ~here.out_lit & self.mode.way & ~s.way_done
            with m.If(lost | (stands & (s.pending == Cause.WAY))):
                m.d.sync += vote.eq(Cause.WAY)
        with m.Elif(~here.sensor):
            m.d.sync += vote.eq(Cause.ALONE)
        with m.Elif((sees & ~here.out_lit) | (stands & (s.pending == Cause.LOSS))):
            m.d.sync += vote.eq(Cause.LOSS)

        wait = Signal(self.time_bits + 1)
        better = (usable[0] & (self.active != 0)) | (usable[1] & (self.active == 2))
        returns = better & (self.active != PLACES) & (self.mode.revertive | here.entry.loopback)
        m.d.comb += [
            self.lost.eq(vote != Cause.NONE),
            self.pending.eq(vote),
            wait.eq(both),
            self.same.eq((self.pending == s.pending) & (self.active == s.active)),
            self.over.eq(
                (self.pending != Cause.NONE)
                & ((self.same & s.over) | (Mux(self.same, elapsed, 0) >= wait))
            ),
            self.stranded.eq(self.lost & self.over & ~usable.any()),
            self.window_over.eq(in_window >= self.flap_window),
            self.asks.eq(self.over & usable.any() & ~s.flapping),
            self.best.eq(Mux(usable[0], 0, Mux(usable[1], 1, 2))),
            self.target.eq(facts[2].entry),
        ]
        with m.If(~self.lost & returns):
            m.d.comb += [self.pending.eq(Cause.RESTORE), wait.eq(self.restore)]
        with m.Elif(vote == Cause.LOSS):
            m.d.comb += wait.eq(self.hold_off)
        for n in (1, 0):
            with m.If(usable[n]):
                m.d.comb += self.target.eq(facts[n].entry)
        return m
