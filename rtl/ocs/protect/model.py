"""Golden model of the protection: what each visit of a group sees, keeps and asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lightloom.rtl.ocs.protect.table import Cause

__all__ = ["Candidate", "Group", "Model", "Request", "Settings", "View"]

_COUNT = 0xFFFF


@dataclass(frozen=True)
class Candidate:
    """An input and an output that the connection may take."""

    input: int
    output: int
    loopback: bool = False


@dataclass
class Settings:
    """Inputs of `Protection` that software sets, named as its members."""

    hold_off: int = 0
    alone: int = 0
    restore: int = 0
    flap_count: int = 0
    flap_window: int = 0


@dataclass
class View:
    """What stands in the clock of a visit: the active map, input to output, and the light."""

    map: Mapping[int, int]
    lit: Sequence[int]
    out_lit: Sequence[int]
    sensors: Sequence[int]
    calm: int


@dataclass(frozen=True)
class Request:
    """A switch that is asked for."""

    group: int
    chosen: int
    left: Candidate
    taken: Candidate
    map: Mapping[int, int]


@dataclass
class Group:
    """Table and state of a group; states as of `state_layout`."""

    candidates: list[Candidate | None] = field(default_factory=lambda: [None, None, None])
    enable: int = 0
    revertive: int = 0
    way: int = 0
    pending: Cause = Cause.NONE
    active: int = 0
    over: int = 0
    since: int = 0
    blocked: set[int] = field(default_factory=set)
    unproved: int = 0
    way_done: int = 0
    stranded: int = 0
    disagree: int = 0
    flapping: int = 0
    flaps: int = 0
    window_at: int = 0
    cause: Cause = Cause.NONE
    lost_at: int = 0
    switched_at: int = 0
    switches: int = 0
    losses: int = 0
    refusals: int = 0
    disagreements: int = 0

    def begin(self) -> None:
        """Forget the state, as a clear or a write of the mode does."""
        fresh = Group(self.candidates, self.enable, self.revertive, self.way)
        self.__dict__.update(fresh.__dict__)

    def usable(self, view: View, active: int) -> list[int]:
        """Places that could take over from the active one, the best first."""
        here = self.candidates[active]
        assert here is not None
        others = {i: o for i, o in view.map.items() if i != here.input}
        return [
            place
            for place, one in enumerate(self.candidates)
            if one is not None
            and view.map.get(one.input) != one.output
            and place not in self.blocked
            and (view.lit[one.input] or one.loopback)
            and one.input not in others
            and one.output not in others.values()
        ]

    def vote(self, view: View, active: int) -> tuple[Cause, int]:
        """What the light of the active candidate says, and whether its ends disagree."""
        here = self.candidates[active]
        assert here is not None
        if here.loopback:
            return Cause.NONE, 0
        lit = view.lit[here.input]
        if not view.sensors[here.output]:
            return (Cause.NONE if lit else Cause.ALONE), 0
        if not view.calm:
            if active != self.active:
                return Cause.NONE, 0
            seen = Cause.WAY if lit else Cause.LOSS
            return (seen if self.pending == seen else Cause.NONE), self.disagree
        out = view.out_lit[here.output]
        if lit and not out:
            return (Cause.WAY if self.way and not self.way_done else Cause.NONE), 1
        if not lit and out:
            return Cause.NONE, 1
        return (Cause.NONE if lit else Cause.LOSS), 0


@dataclass
class Model:
    """Golden model of `Protection`: `visit` for each visit, then `answer` for a request.

    Times are those of the registers in the block: `time` of a visit is the clock in which
    `visit` is high.
    """

    groups: list[Group]

    def visit(self, number: int, time: int, s: Settings, view: View) -> Request | None:
        """Judge a group; return what is asked for when the commit is free."""
        g = self.groups[number]
        active = next(
            (
                place
                for place, one in enumerate(g.candidates)
                if one is not None and view.map.get(one.input) == one.output
            ),
            3,
        )
        usable: list[int] = []
        pending, disagree, wait = Cause.NONE, 0, 0
        if active < 3:
            here = g.candidates[active]
            assert here is not None
            usable = g.usable(view, active)
            pending, disagree = g.vote(view, active)
            back = g.revertive or here.loopback
            if pending == Cause.NONE and back and usable and usable[0] < active:
                pending = Cause.RESTORE
            wait = {Cause.LOSS: s.hold_off, Cause.RESTORE: s.restore}.get(
                pending, s.hold_off + s.alone
            )
        judged, decided = time + 5, time + 6
        same = pending == g.pending and active == g.active
        waited = judged - g.since if same else 0
        over = int(pending != Cause.NONE and ((same and g.over) or waited >= wait))
        lost = pending in (Cause.LOSS, Cause.ALONE, Cause.WAY)
        if not same:
            g.since = decided
            if lost:
                g.lost_at = decided
                g.losses = min(g.losses + 1, _COUNT)
        if active != g.active:
            g.unproved = 0
        elif active < 3 and view.calm:
            here = g.candidates[active]
            assert here is not None
            g.unproved &= not (view.sensors[here.output] and view.out_lit[here.output])
        if judged - g.window_at >= s.flap_window:
            g.flaps = 0
        if disagree and not g.disagree:
            g.disagreements = min(g.disagreements + 1, _COUNT)
        g.pending, g.active, g.over, g.disagree = pending, active, over, disagree
        g.stranded = int(lost and over and not usable)
        if not over or not usable or g.flapping:
            return None
        left, taken = g.candidates[active], g.candidates[usable[0]]
        assert left is not None
        assert taken is not None
        new = {i: o for i, o in view.map.items() if i != left.input} | {taken.input: taken.output}
        return Request(number, usable[0], left, taken, new)

    def answer(self, request: Request, time: int, s: Settings, applied: bool) -> None:
        """Take the answer: the new map stands since `time`, or the candidate was refused."""
        g = self.groups[request.group]
        if not applied:
            g.blocked.add(request.chosen)
            g.refusals = min(g.refusals + 1, _COUNT)
            return
        if g.flaps == 0:
            g.window_at = time
        g.flaps = min(g.flaps + 1, 255)
        g.flapping |= int(s.flap_count > 0 and g.flaps >= s.flap_count)
        g.way_done |= g.pending == Cause.WAY
        if g.pending == Cause.WAY or (g.pending == Cause.LOSS and g.unproved):
            g.blocked.add(g.active)
        g.unproved = 1
        g.cause, g.pending, g.over, g.stranded = g.pending, Cause.NONE, 0, 0
        g.active, g.switched_at = request.chosen, time
        g.switches = min(g.switches + 1, _COUNT)
