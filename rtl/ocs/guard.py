"""Guard of a link with a spare: which path it should take, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.light import DEBOUNCE_BITS, LightMonitor
from lightloom.rtl.ocs.light import Model as LightModel

__all__ = ["ORDER", "Cause", "Guard", "Model", "Path", "Settings"]


class Path(enum.IntEnum, shape=2):
    """Paths of a link, and the bits of a one-hot path."""

    PRIMARY = 0
    BACKUP = 1
    LOOPBACK = 2


class Cause(enum.IntEnum, shape=2):
    """Why a path was asked for."""

    NONE = 0
    LOSS = 1
    """The active path is not usable."""
    RESTORE = 2
    """A better one has been usable for long enough."""


ORDER = Path.PRIMARY | Path.BACKUP << 2 | Path.LOOPBACK << 4
"""Reset value of the priority table."""


@dataclass
class Settings:
    """Inputs of the guard that software sets, named as its members."""

    auto: int = 1
    votes: int = 2
    down: int = 4
    up: int = 4
    order: int = ORDER
    allowed: int = 0b111
    trust: int = 0
    revertive: int = 1
    hold_off: int = 20
    restore: int = 30
    flap_count: int = 0
    flap_window: int = 1000


@dataclass
class Model:
    """Golden model of `Guard`: one call of `step` a clock, outputs as attributes after it.

    `request`, `target` and `cause` are those of the next clock, for inputs that stay.
    """

    sensors: int
    monitors: list[LightModel] = field(default_factory=list)
    blocked: list[int] = field(default_factory=lambda: [0, 0])
    tried: list[int] = field(default_factory=lambda: [0, 0])
    seen: int = 0
    since_switch: int = 0
    holding: bool = False
    waited: int = 0
    flaps: int = 0
    flap_left: int = 0
    flapping: int = 0
    losses: list[int] = field(default_factory=lambda: [0, 0])
    switches: int = 0
    dark_at: list[int] = field(default_factory=lambda: [0, 0])
    time: int = 0

    def __post_init__(self) -> None:
        """Start as after reset."""
        self.monitors = [LightModel(self.sensors) for _ in range(2)]
        self._was = [(0, 0), (0, 0)]
        self._better = False

    def ask(self, s: Settings, active: int, busy: int, keep: int = 0) -> tuple[int, int, Cause]:
        """`request`, `target` and `cause` of this clock."""
        usable = [bool(s.allowed >> p & 1) for p in Path]
        for p in (Path.PRIMARY, Path.BACKUP):
            if active == p:
                light = self.monitors[p].lit or (keep and not self.seen)
            else:
                light = self.monitors[p].lit or (s.trust >> p & 1 and not self.tried[p])
            usable[p] &= bool(light) and not self.blocked[p]
        best = Path.LOOPBACK
        for place in (2, 1, 0):
            candidate = s.order >> 2 * place & 3
            if candidate < 3 and usable[candidate]:
                best = Path(candidate)
        lost = active != Path.LOOPBACK and not usable[active]
        better = best != active and not lost
        leave = better and not keep and (s.revertive or active == Path.LOOPBACK)
        ready = s.auto and not busy and not self.holding and not self.flapping
        self._better = bool(leave)
        if lost and best != active:
            return int(bool(ready)), best, Cause.LOSS
        if leave and self.waited >= s.restore:
            return int(bool(ready)), best, Cause.RESTORE
        return 0, best, Cause.NONE

    def step(
        self,
        s: Settings,
        light: Sequence[Sequence[int]],
        mask: Sequence[Sequence[int]],
        *,
        active: int = 0,
        busy: int = 0,
        keep: int = 0,
        switched: int = 0,
        fail: int = 0,
        clear: int = 0,
    ) -> None:
        """Take the inputs of one clock."""
        request, _, cause = self.ask(s, active, busy, keep)
        self.waited = 0 if not self._better or switched else min(self.waited + 1, 2**32 - 1)
        if switched:
            self.since_switch, self.holding = 0, s.hold_off > 0
        elif self.holding:
            self.since_switch += 1
            self.holding = self.since_switch < s.hold_off
        window_over = self.flap_left == 0
        self.flap_left -= not window_over
        if request:
            self.switches = min(self.switches + 1, 0xFFFF)
            self.flaps = 1 if window_over else min(self.flaps + 1, 255)
            if window_over:
                self.flap_left = s.flap_window
            if s.flap_count and self.flaps >= s.flap_count:
                self.flapping = 1
        if clear:
            self.flapping, self.flaps, self.flap_left = 0, 0, 0
        lit_here = active < 2 and self.monitors[active].lit
        for p, monitor in enumerate(self.monitors):
            was_lit, was_fading = self._was[p]
            if was_lit and not monitor.lit:
                self.losses[p] = min(self.losses[p] + 1, 0xFFFF)
            if monitor.lit or clear:
                self.tried[p] = 0
            elif request and cause == Cause.LOSS and active == p:
                self.tried[p] = 1
            if not monitor.lit or clear:
                self.blocked[p] = 0
            elif fail and active == p:
                self.blocked[p] = 1
            if monitor.fading and not was_fading:
                self.dark_at[p] = self.time
            self._was[p] = (monitor.lit, monitor.fading)
            monitor.step(light[p], mask[p], s.votes, s.down, s.up)
        self.seen = int(not switched and bool(self.seen or lit_here))
        self.time = self.time + 1 & 0xFFFF_FFFF


class Guard(wiring.Component):
    """Watch the light of a primary and a backup path and ask for the path that should be active.

    A path is usable when it is `allowed`, light comes in (`LightMonitor`) and it is not blocked;
    the loopback needs no light. `fail` blocks the active path: the light was there and the link did
    not come up; the block ends when its light goes, or with `clear`. The best path is the first of
    `order` that is usable, and the loopback when none is: so the guard always ends somewhere.

    A far end that sends on one path only leaves the others dark until it changes too. A path with
    `trust` is therefore usable without light, once: having left it for a loss, the guard needs
    light there, or `clear`, to take it again. On the way there `hold_off` is the time that the far
    end has. A path that somebody else chose (`keep`) is not lost before its light was seen.

    Loss: when the active path is not usable the best one is asked for at once. Restore: when a
    better one than the active has been usable for `restore` clocks in a row it is asked for, if
    `revertive`, or if the loopback is active; not with `keep`. The loopback as the active path is
    never lost.

    It asks only with `auto` high and `busy` low, not within `hold_off` clocks after `switched`, and
    not while `flapping`. `flap_count` of its own requests within `flap_window` clocks of the first
    set `flapping`, which stays until `clear`: the path then stays as it is, and software has to
    look; 0 never does.

    Latency: from the light at a sensor to `request`, which is combinational, `down` + 1 clocks, for
    a loss that nothing holds up. `request` is answered by `switched` in the same clock.
    Throughput: every clock, no back-pressure. Reset: dark, nothing blocked, no hold-off.

    Parameters
    ----------
    sensors : int
        Of each path, 1 to 64.

    Members
    -------
    light, mask : In(2 * sensors)
        Sensors of the primary path, then of the backup; in this clock domain. `LightMonitor`.
    votes, down, up : In(7), In(20), In(20)
        `LightMonitor`.
    auto : In(1)
        Ask.
    order : In(6)
        Priority table: three `Path`, the best lowest; 3 is no path.
    allowed : In(3)
        Paths that may be asked for; the loopback is asked for as the last resort even when not.
    trust : In(2)
        Primary and backup: usable without light, once.
    revertive : In(1), hold_off, restore : In(32), flap_count : In(8), flap_window : In(32)
        See above.
    active : In(3)
        Active path, one-hot.
    busy : In(1)
        A request could not be taken now.
    keep : In(1)
        Somebody else chose the active path: it is left for a loss only.
    switched : In(1)
        Pulse: the path changes, whoever asked.
    fail : In(1)
        Pulse: the active path did not come up.
    clear : In(1)
        Pulse: end `flapping` and all blocks.
    request : Out(1), target : Out(Path), cause : Out(Cause)
        See above.
    lit : Out(2), fading : Out(2), steady : Out(2 * sensors)
        `LightMonitor`.
    usable : Out(3), blocked, tried : Out(2)
        See above; `tried`: left for a loss, and no light since.
    holding, flapping : Out(1)
        Hold-off runs; the flap limit was reached.
    lost : Out(2)
        Pulse: the light of a path went.
    losses : Out(2 * 16)
        Times that the light of each path went, saturating.
    switches : Out(16)
        Requests, saturating.
    time : Out(32)
        Clocks since reset, modulo 2**32.
    dark_at : Out(2 * 32)
        `time` when enough sensors of each path last began to be dark.

    Raises
    ------
    ValueError
        `sensors` is out of range.

    Ref: hold-off, wait-to-restore, revertive and non-revertive operation: ITU-T G.808.1 (recalled).
    Hold-off there delays the first switch; here it keeps switches apart, and `down` delays it.
    """

    light: Signal
    mask: Signal
    votes: Signal
    down: Signal
    up: Signal
    auto: Signal
    order: Signal
    allowed: Signal
    trust: Signal
    revertive: Signal
    hold_off: Signal
    restore: Signal
    flap_count: Signal
    flap_window: Signal
    active: Signal
    busy: Signal
    keep: Signal
    switched: Signal
    fail: Signal
    clear: Signal
    request: Signal
    target: Signal
    cause: Signal
    lit: Signal
    fading: Signal
    steady: Signal
    usable: Signal
    blocked: Signal
    tried: Signal
    holding: Signal
    flapping: Signal
    lost: Signal
    losses: Signal
    switches: Signal
    time: Signal
    dark_at: Signal

    def __init__(self, sensors: int) -> None:
        """Check the parameter and make the ports."""
        self._monitors = [LightMonitor(sensors) for _ in range(2)]
        self.sensors = sensors
        super().__init__(
            {
                "light": In(2 * sensors),
                "mask": In(2 * sensors),
                "votes": In(7),
                "down": In(DEBOUNCE_BITS),
                "up": In(DEBOUNCE_BITS),
                "auto": In(1),
                "order": In(6),
                "allowed": In(3),
                "trust": In(2),
                "revertive": In(1),
                "hold_off": In(32),
                "restore": In(32),
                "flap_count": In(8),
                "flap_window": In(32),
                "active": In(3),
                "busy": In(1),
                "keep": In(1),
                "switched": In(1),
                "fail": In(1),
                "clear": In(1),
                "request": Out(1),
                "target": Out(Path),
                "cause": Out(Cause),
                "lit": Out(2),
                "fading": Out(2),
                "steady": Out(2 * sensors),
                "usable": Out(3),
                "blocked": Out(2),
                "tried": Out(2),
                "holding": Out(1),
                "flapping": Out(1),
                "lost": Out(2),
                "losses": Out(2 * 16),
                "switches": Out(16),
                "time": Out(32),
                "dark_at": Out(2 * 32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the choice and what holds it up."""
        m = Module()
        self._watch(m)
        m.d.sync += self.time.eq(self.time + 1)
        here = self.active[:2]
        seen = Signal()  # the active path has had light since it was taken
        waits = self.keep & ~seen
        light = self.lit | (waits.replicate(2) & here) | (self.trust & ~self.tried & ~here)
        m.d.comb += self.usable.eq(self.allowed & Cat(light & ~self.blocked, 1))
        m.d.sync += seen.eq(~self.switched & (seen | (self.lit & here).any()))

        best = self.target
        m.d.comb += best.eq(Path.LOOPBACK)
        for place in (2, 1, 0):
            for path in Path:
                here = self.order.word_select(place, 2) == path
                with m.If(here & self.usable[path]):
                    m.d.comb += best.eq(path)
        best_hot = Cat(best == path for path in Path)
        lost = Signal()
        leave = Signal()
        ready = Signal()
        waited = Signal(32)
        m.d.comb += [
            lost.eq((self.active[:2] & ~self.usable[:2]).any()),
            leave.eq(
                ~lost
                & ~self.keep
                & (best_hot != self.active)
                & (self.revertive | self.active[Path.LOOPBACK])
            ),
            ready.eq(self.auto & ~self.busy & ~self.holding & ~self.flapping),
        ]
        with m.If(lost & (best_hot != self.active)):
            m.d.comb += [self.request.eq(ready), self.cause.eq(Cause.LOSS)]
        with m.Elif(leave & (waited >= self.restore)):
            m.d.comb += [self.request.eq(ready), self.cause.eq(Cause.RESTORE)]
        with m.If(~leave | self.switched):
            m.d.sync += waited.eq(0)
        with m.Elif(~waited.all()):
            m.d.sync += waited.eq(waited + 1)

        since = Signal(32)
        with m.If(self.switched):
            m.d.sync += [since.eq(0), self.holding.eq(self.hold_off != 0)]
        with m.Elif(self.holding):
            m.d.sync += [since.eq(since + 1), self.holding.eq(since + 1 < self.hold_off)]

        flaps = Signal(8)
        count = Signal(8)
        left = Signal(32)
        m.d.comb += count.eq(Mux(left == 0, 1, flaps + ~flaps.all()))
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.If(self.request):
            m.d.sync += [self.switches.eq(self.switches + ~self.switches.all()), flaps.eq(count)]
            with m.If(left == 0):
                m.d.sync += left.eq(self.flap_window)
            with m.If((self.flap_count != 0) & (count >= self.flap_count)):
                m.d.sync += self.flapping.eq(1)
        with m.If(self.clear):
            m.d.sync += [self.flapping.eq(0), flaps.eq(0), left.eq(0)]
        return m

    def _watch(self, m: Module) -> None:
        """Add the monitors, their counts, and what blocks a path."""
        for path, monitor in enumerate(self._monitors):
            m.submodules[f"light_{path}"] = monitor
            here = slice(path * self.sensors, (path + 1) * self.sensors)
            was = Signal(name=f"was_lit_{path}")
            was_fading = Signal(name=f"was_fading_{path}")
            losses = self.losses.word_select(path, 16)
            lost = was & ~monitor.lit
            m.d.sync += [was.eq(monitor.lit), was_fading.eq(monitor.fading)]
            m.d.comb += [
                monitor.light.eq(self.light[here]),
                monitor.mask.eq(self.mask[here]),
                monitor.votes.eq(self.votes),
                monitor.down.eq(self.down),
                monitor.up.eq(self.up),
                self.lit[path].eq(monitor.lit),
                self.fading[path].eq(monitor.fading),
                self.steady[here].eq(monitor.steady),
                self.lost[path].eq(lost),
            ]
            m.d.sync += losses.eq(losses + (lost & ~losses.all()))
            left = self.request & (self.cause == Cause.LOSS) & self.active[path]
            with m.If(monitor.lit | self.clear):
                m.d.sync += self.tried[path].eq(0)
            with m.Elif(left):
                m.d.sync += self.tried[path].eq(1)
            with m.If(~monitor.lit | self.clear):
                m.d.sync += self.blocked[path].eq(0)
            with m.Elif(self.fail & self.active[path]):
                m.d.sync += self.blocked[path].eq(1)
            with m.If(monitor.fading & ~was_fading):
                m.d.sync += self.dark_at.word_select(path, 32).eq(self.time)
