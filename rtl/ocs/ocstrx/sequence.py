"""Sequence of a change of path: who may ask, what happens in which order, and what if it fails."""

from __future__ import annotations

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.guard import Path

__all__ = ["PULSE_CLOCKS", "PathSequence", "Phase", "Reason"]

PULSE_CLOCKS = 16
"""Clocks of `save` and `load`, and that `index` stands before and after."""


class Phase(enum.IntEnum, shape=4):
    """Where a change of path is."""

    PARKED = 0
    IDLE = 1
    ASK = 2
    PAUSE = 3
    SAVE = 4
    SETTLE = 5
    LOAD = 6
    RELOCK = 7
    FRAME = 8


class Reason(enum.IntEnum, shape=4):
    """What went wrong last."""

    NONE = 0
    BUSY = 1
    BAD_PATH = 2
    WATCHDOG = 3
    REFUSED = 4
    NO_ANSWER = 5
    SETTLE_TIMEOUT = 6
    RELOCK_TIMEOUT = 7
    NO_FRAME = 8
    OVERTAKEN = 9
    RX_DARK = 10


class PathSequence(wiring.Component):
    """Hold the active path, one-hot, and change it in order.

    Planned, by `command`: with `command_ask` the far end is asked and both change together (ASK);
    without, PAUSE for `pause_clocks` lets frames end. Then SAVE keeps the set of the old path while
    the link is still up, if `use_sets`. `follow`, from the far end, begins with SAVE. A request of
    the guard begins at once with the change: what the receiver learnt last is darkness.

    The change: the receiver is frozen and the path moves, both in the clock after the request;
    SETTLE until `settled`; LOAD brings the set of the new path, if `use_sets`; the receiver is
    released; RELOCK until `link_up`; FRAME until `frame_good`; IDLE. SETTLE, RELOCK and FRAME end
    at their limits too, each with its `Reason`. A planned change that does not relock goes back to
    the old path, once, if `rollback`; any other says `fail`, and the guard may choose again.

    The guard is heard in all phases but PARKED, SAVE, SETTLE and LOAD, and overtakes a change in
    ASK and PAUSE; commands are heard in PARKED, IDLE (also while it saves), RELOCK and FRAME,
    others are refused: BUSY. A path that was commanded or followed is `kept`: the guard leaves it
    for a loss only. While `forced`, from a command with `command_force` to the next without or to a
    park, the guard is not heard at all. In IDLE with the link up a set is saved every
    `save_interval` clocks, so that there is one when the light goes.

    Park and `stop` go to PARKED from anywhere in one clock: heaters without power are crossed, and
    that is the primary path. A command ends PARKED unless `stop` is high. After reset PARKED.

    Latency: `guard_request` to `path` and `change` 1 clock. No back-pressure.

    Members
    -------
    park, stop : In(1)
        Pulse; level (the watchdog has expired).
    command : In(1), command_path : In(2), command_ask, command_force : In(1)
        Pulse, and what it asks for.
    agreed, refused, expired : In(1)
        `InBand`: outcome of `ask`.
    asking : In(1)
        `InBand` has something under way.
    follow : In(1), follow_path : In(2)
        `InBand`: the far end changes.
    guard_request : In(1), guard_target : In(2)
        `Guard`.
    settled, link_up, frame_good : In(1)
        Levels, in this clock domain.
    pause_clocks, settle_limit, relock_limit, frame_limit, save_interval : In(32)
        Clocks; a `save_interval` of 0 never saves by itself.
    use_sets, rollback : In(1)
        See above.
    sets : In(3 * 4)
        Number of the set of each path.
    path : Out(3)
        Active path, one-hot, bit `Path`. Registered.
    change : Out(1)
        Pulse, in the first clock of the new path.
    parked : Out(1)
        Heaters off. Registered.
    phase : Out(Phase)
        See above.
    busy : Out(1)
        Neither at rest, in IDLE or saving from there, nor PARKED.
    guard_busy : Out(1)
        The guard is not heard.
    switched : Out(1)
        Pulse: the path is changed at the end of this clock.
    fail : Out(1)
        Pulse: no relock on this path.
    ask : Out(1), ask_path : Out(2), cancel : Out(1)
        To `InBand`.
    able : Out(1)
        This end could change now.
    freeze, pause, save, load : Out(1), index : Out(4)
        To the SerDes. Registered.
    forced, kept : Out(1)
        See above. Registered.
    reason : Out(Reason)
        Of the last failure, until the next change or command that is taken.
    failed : Out(1)
        Pulse: `reason` is set in this clock.
    arrived, released : Out(1)
        Pulse: SETTLE ends; the receiver is released.
    came_up, framed : Out(1)
        Pulse: link up, first good frame, after a change.
    """

    park: Signal
    stop: Signal
    command: Signal
    command_path: Signal
    command_ask: Signal
    command_force: Signal
    agreed: Signal
    refused: Signal
    expired: Signal
    asking: Signal
    follow: Signal
    follow_path: Signal
    guard_request: Signal
    guard_target: Signal
    settled: Signal
    link_up: Signal
    frame_good: Signal
    pause_clocks: Signal
    settle_limit: Signal
    relock_limit: Signal
    frame_limit: Signal
    save_interval: Signal
    use_sets: Signal
    rollback: Signal
    sets: Signal
    path: Signal
    change: Signal
    parked: Signal
    phase: Signal
    busy: Signal
    guard_busy: Signal
    switched: Signal
    fail: Signal
    ask: Signal
    ask_path: Signal
    cancel: Signal
    able: Signal
    freeze: Signal
    pause: Signal
    save: Signal
    load: Signal
    index: Signal
    forced: Signal
    kept: Signal
    reason: Signal
    failed: Signal
    arrived: Signal
    released: Signal
    came_up: Signal
    framed: Signal

    def __init__(self) -> None:
        """Make the ports."""
        inputs: dict[str, int] = dict.fromkeys(
            ("park", "stop", "command", "command_ask", "command_force", "agreed", "refused",
             "expired", "asking", "follow", "guard_request", "settled", "link_up", "frame_good",
             "use_sets", "rollback"), 1
        )  # fmt: skip
        inputs |= dict.fromkeys(("command_path", "follow_path", "guard_target"), 2)
        inputs |= dict.fromkeys(
            ("pause_clocks", "settle_limit", "relock_limit", "frame_limit", "save_interval"), 32
        )
        inputs["sets"] = 3 * 4
        outputs: dict[str, int] = dict.fromkeys(
            ("change", "busy", "guard_busy", "switched", "fail", "ask", "cancel", "able", "freeze",
             "pause", "save", "load", "kept", "forced", "failed", "arrived", "released", "came_up",
             "framed"), 1
        )  # fmt: skip
        outputs |= {"ask_path": 2, "index": 4}
        super().__init__(
            {name: In(width) for name, width in inputs.items()}
            | {name: Out(width) for name, width in outputs.items()}
            | {
                "path": Out(3),
                "parked": Out(1),
                "phase": Out(Phase),
                "reason": Out(Reason),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the sequence."""
        m = Module()
        phase = self.phase
        waited = Signal(32)
        target = Signal(2)
        planned = Signal()  # a change that may go back
        own_save = Signal()  # SAVE goes back to IDLE
        before = Signal(2)
        idle_for = Signal(32)
        active = Signal(2)
        path = Signal(3, init=1 << Path.PRIMARY)
        parked = Signal(init=1)
        m.d.comb += [
            self.path.eq(path),
            self.parked.eq(parked),
            active.eq(Mux(path[1], Path.BACKUP, Mux(path[2], Path.LOOPBACK, Path.PRIMARY))),
        ]
        m.d.sync += [waited.eq(waited + ~waited.all()), self.change.eq(0)]
        numbers = Array(self.sets.word_select(n, 4) for n in range(3))

        def go(where: Phase) -> None:
            m.d.sync += [phase.eq(where), waited.eq(0)]

        def fault(reason: Reason) -> None:
            m.d.sync += self.reason.eq(reason)
            m.d.comb += self.failed.eq(1)

        def switch(to: Value) -> None:
            """Change now; whatever the value, to one path."""
            m.d.sync += [
                path.eq(Cat(to == Path.PRIMARY, to == Path.BACKUP, to[1])),
                self.change.eq(1),
                parked.eq(0),
                self.freeze.eq(1),
                self.pause.eq(1),
                self.save.eq(0),
                before.eq(active),
                target.eq(to),
            ]
            m.d.comb += self.switched.eq(1)
            go(Phase.SETTLE)

        def begin(to: Value) -> None:
            """Planned: save first, if that can be."""
            m.d.sync += [self.kept.eq(1), target.eq(to), planned.eq(1), self.reason.eq(Reason.NONE)]
            with m.If(self.use_sets & self.link_up & ~parked):
                m.d.sync += [own_save.eq(0), self.index.eq(numbers[active]), self.pause.eq(1)]
                go(Phase.SAVE)
            with m.Else():
                switch(to)

        def pulse(level: Signal, on: Value | int) -> Value:
            """Drive `level` in the middle third; true in the last clock."""
            m.d.sync += level.eq(
                (waited >= PULSE_CLOCKS - 1) & (waited < 2 * PULSE_CLOCKS - 1) & on
            )
            return waited == 3 * PULSE_CLOCKS - 1

        with m.Switch(phase):
            with m.Case(Phase.IDLE):
                m.d.sync += idle_for.eq(Mux(self.link_up, idle_for + ~idle_for.all(), 0))
                due = (self.save_interval != 0) & (idle_for >= self.save_interval)
                with m.If(self.follow):
                    begin(self.follow_path)
                with m.Elif(due & self.use_sets & self.link_up & ~self.asking):
                    m.d.sync += [own_save.eq(1), idle_for.eq(0), self.index.eq(numbers[active])]
                    go(Phase.SAVE)
            with m.Case(Phase.ASK):
                with m.If(self.agreed):
                    begin(target)
                with m.Elif(self.refused):
                    fault(Reason.REFUSED)
                    go(Phase.IDLE)
                with m.Elif(self.expired | ~(self.asking | self.ask | (waited == 0))):
                    fault(Reason.NO_ANSWER)
                    go(Phase.IDLE)
            with m.Case(Phase.PAUSE), m.If(waited >= self.pause_clocks):
                begin(target)
            with m.Case(Phase.SAVE):
                saved = pulse(self.save, 1)
                with m.If(self.follow & own_save):
                    m.d.sync += self.save.eq(0)
                    begin(self.follow_path)
                with m.Elif(saved & own_save):
                    go(Phase.IDLE)
                with m.Elif(saved):
                    switch(target)
            with m.Case(Phase.SETTLE):
                over = waited >= self.settle_limit
                with m.If((self.settled & (waited != 0)) | over):
                    m.d.sync += self.index.eq(numbers[active])
                    m.d.comb += self.arrived.eq(1)
                    go(Phase.LOAD)
                with m.If(over & ~self.settled):
                    fault(Reason.SETTLE_TIMEOUT)
            with m.Case(Phase.LOAD), m.If(pulse(self.load, self.use_sets)):
                m.d.sync += [self.freeze.eq(0), self.pause.eq(0)]
                m.d.comb += self.released.eq(1)
                go(Phase.RELOCK)
            with m.Case(Phase.RELOCK):
                # What was up before the release is not seen: it takes the crossing to fall.
                with m.If(self.link_up & (waited >= PULSE_CLOCKS)):
                    m.d.comb += self.came_up.eq(1)
                    go(Phase.FRAME)
                with m.Elif(waited >= self.relock_limit):
                    fault(Reason.RELOCK_TIMEOUT)
                    with m.If(planned & self.rollback & (before != active)):
                        m.d.sync += planned.eq(0)
                        switch(before)
                    with m.Else():
                        m.d.comb += self.fail.eq(1)
                        go(Phase.IDLE)
            with m.Case(Phase.FRAME):
                with m.If(self.follow):
                    begin(self.follow_path)
                with m.Elif(self.frame_good):
                    m.d.comb += self.framed.eq(1)
                    go(Phase.IDLE)
                with m.Elif(waited >= self.frame_limit):
                    fault(Reason.NO_FRAME)
                    go(Phase.IDLE)
        with m.If((phase != Phase.IDLE) | self.switched):
            m.d.sync += idle_for.eq(0)

        here = {p: phase == p for p in Phase}
        own = here[Phase.SAVE] & own_save
        deaf = here[Phase.PARKED] | here[Phase.SETTLE] | here[Phase.LOAD]
        deaf |= here[Phase.SAVE] & ~own_save  # for 48 clocks: the far end may be gone already
        at_rest = here[Phase.IDLE] | own
        open_ = at_rest | here[Phase.RELOCK] | here[Phase.FRAME]
        taken = Signal()
        overtakes = Signal()
        moving = Signal()
        bad = self.command_path == 3
        m.d.comb += [
            self.guard_busy.eq(deaf | self.forced | self.stop | self.park | self.command),
            taken.eq(
                self.command & ~bad & ~self.stop & ~self.park & (open_ | here[Phase.PARKED])
                & ~(self.command_ask & self.asking) & ~moving
            ),
            moving.eq(self.follow | (here[Phase.RELOCK] & (waited >= self.relock_limit))),
            self.able.eq((at_rest | here[Phase.FRAME]) & ~self.forced & ~self.command),
            self.busy.eq(~at_rest & ~here[Phase.PARKED]),
            overtakes.eq(self.guard_request & ~self.guard_busy),
            self.cancel.eq(self.park | self.stop | overtakes | (taken & ~self.command_ask)),
            self.ask_path.eq(self.command_path),
        ]  # fmt: skip
        with m.If(overtakes):
            m.d.sync += [planned.eq(0), self.kept.eq(0), self.reason.eq(Reason.NONE)]
            with m.If(here[Phase.ASK] | here[Phase.PAUSE]):
                fault(Reason.OVERTAKEN)
            switch(self.guard_target)
        with m.If(taken):
            m.d.sync += [
                self.forced.eq(self.command_force),
                self.reason.eq(Reason.NONE),
                target.eq(self.command_path),
                self.save.eq(0),
            ]
            with m.If(here[Phase.PARKED]):
                m.d.sync += [planned.eq(0), self.kept.eq(1)]
                switch(self.command_path)
            with m.Elif(self.command_ask & self.link_up):
                m.d.comb += self.ask.eq(1)
                go(Phase.ASK)
            with m.Else():
                m.d.sync += self.pause.eq(1)
                go(Phase.PAUSE)
        with m.Elif(self.command):
            m.d.comb += self.failed.eq(1)
            m.d.sync += self.reason.eq(
                Mux(bad, Reason.BAD_PATH, Mux(self.stop, Reason.WATCHDOG, Reason.BUSY))
            )
        with m.If(self.park | self.stop):
            m.d.comb += self.switched.eq(~parked)
            m.d.sync += [
                path.eq(1 << Path.PRIMARY),
                parked.eq(1),
                self.change.eq(0),
                self.forced.eq(0),
            ]
            m.d.sync += [s.eq(0) for s in (self.freeze, self.pause, self.save, self.load)]
            go(Phase.PARKED)
        return m
