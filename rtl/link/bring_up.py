"""Bring-up of the receiver: from light to link up, and what to do when it is lost."""

from collections.abc import Callable
from enum import IntEnum

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.row import check_lanes

__all__ = ["LOSS_CLOCKS", "RESTART_CLOCKS", "SIGNAL_CLOCKS", "BringUp", "FailReason", "State"]

SIGNAL_CLOCKS = 64
"""Light must be steady this long."""
LOSS_CLOCKS = 8
"""Light must be gone this long to count as lost."""
RESTART_CLOCKS = 64
"""Stay in RESET and DOWN, receiver held in its start state."""


class State(IntEnum):
    """State of the bring-up."""

    RESET = 0
    SIGNAL = 1
    CDR = 2
    EQUALIZE = 3
    TEST = 4
    BLOCK_LOCK = 5
    ALIGN = 6
    UP = 7
    DOWN = 8
    FAILED = 9
    ROUTE = 10


class FailReason(IntEnum):
    """Why the link last left the way up."""

    NONE = 0
    SIGNAL_TIMEOUT = 1
    CDR_TIMEOUT = 2
    EQUALIZE_TIMEOUT = 3
    BLOCK_LOCK_TIMEOUT = 4
    ALIGN_TIMEOUT = 5
    REMOTE_TIMEOUT = 6
    SIGNAL_LOST = 7
    BLOCK_LOCK_LOST = 8
    ALIGNMENT_LOST = 9
    REMOTE_LOST = 10
    ROUTE_CHANGE = 11


_WAITING = (State.SIGNAL, State.CDR, State.EQUALIZE, State.BLOCK_LOCK, State.ALIGN)


class BringUp(wiring.Component):
    """Bring-up state machine.

    RESET -> SIGNAL -> CDR -> EQUALIZE -> BLOCK_LOCK -> ALIGN -> UP. With ``prbs`` TEST follows
    EQUALIZE and stays. With ``loopback`` BLOCK_LOCK follows RESET. All outputs but ``ready`` are
    registered; a condition moves the state in the clock after it is seen.

    Each waiting state (SIGNAL, CDR, EQUALIZE, BLOCK_LOCK, ALIGN) has its own limit in clocks. A
    state that lasts longer, and a loss of light (from CDR on), of block lock (in ALIGN, UP) or of
    alignment (in UP), goes to DOWN with its reason; DOWN holds the receiver in its start state for
    `RESTART_CLOCKS` and starts again at SIGNAL. After ``attempt_limit`` timeouts with light on (in
    CDR, EQUALIZE, BLOCK_LOCK, and in ALIGN before own alignment) and no UP between, the state is
    FAILED until ``enable`` falls; a limit of 0 never gives up. With ``degrade`` a timeout in
    SIGNAL, CDR, EQUALIZE or BLOCK_LOCK while some lanes have passed leaves out the others (``use``)
    and goes on without them; the next attempt begins with all that are not ``excluded``. When the
    far end withdraws its ready bit the state goes from UP to ALIGN, the receiver stays as it is.
    ``enable`` low, or a change of ``prbs`` or ``loopback``, goes to RESET from anywhere.

    ``hold`` announces that the optical route changes: every state but RESET goes to ROUTE, which no
    darkness leaves and which counts neither as a failed attempt nor as a down; the loops stand
    still (``coast``) and keep what they know. When ``hold`` falls, ROUTE waits for steady light
    within the limit of SIGNAL. With ``warm`` it goes on to CDR with the receiver as it is, for
    coefficients that were loaded meanwhile; without, to DOWN, for a receiver that starts anew. The
    times then count from the fall of ``hold``. In digital loopback ``hold`` has no effect.

    Parameters
    ----------
    lanes : int
        1 to 64.

    Members
    -------
    enable, prbs, loopback : Signal(), in
        What to do.
    degrade : Signal(), in
        Go on without lanes that do not come up.
    excluded : Signal(lanes), in
        Lanes not to be used; taken over when an attempt begins.
    signal, cdr_locked, equalized, block_lock : Signal(lanes), in
        State of each physical lane, in this domain.
    aligned, remote_ready : Signal(), in
        State of the deskew, in this domain.
    hold : Signal(), in
        The optical route is changing.
    warm : Signal(), in
        Coefficients of the new route are loaded; looked at when ROUTE ends.
    limits : Signal(5 * 32), in
        Limits in clocks of SIGNAL, CDR, EQUALIZE, BLOCK_LOCK, ALIGN, in this order from the low
        bits.
    attempt_limit : Signal(8), in
        Failed attempts before FAILED; 0 never.
    state : Signal(4), out
        A `State`.
    fail_reason : Signal(4), out
        A `FailReason`, kept until the next failure or RESET.
    attempts : Signal(8), out
        Failed attempts since RESET or UP, saturating.
    downs : Signal(16), out
        Times that UP was left, except by ``enable`` and ``hold``, saturating.
    cdr_run, equalizer_run, lock_run, align_run : Signal(), out
        Let the part of the receiver work.
    coast : Signal(), out
        Loops go on with what they know: ``hold``, or ROUTE.
    use : Signal(lanes), out
        Lanes of this attempt.
    train : Signal(), out
        The receiver has not yet settled since RESET: send the training pattern.
    ready : Signal(), out
        This side's receiver is aligned: to be sent in the markers. Combinational.
    up : Signal(), out
        State is UP.
    times : Signal(6 * 32), out
        Clocks from the last RESET, loss or route to the end of SIGNAL, CDR, EQUALIZE, BLOCK_LOCK,
        own alignment and to UP, saturating; each is written when it happens.

    Raises
    ------
    ValueError
        ``lanes`` is not allowed.
    """

    enable: Signal
    prbs: Signal
    loopback: Signal
    degrade: Signal
    excluded: Signal
    signal: Signal
    cdr_locked: Signal
    equalized: Signal
    block_lock: Signal
    aligned: Signal
    remote_ready: Signal
    hold: Signal
    warm: Signal
    limits: Signal
    attempt_limit: Signal
    state: Signal
    fail_reason: Signal
    attempts: Signal
    downs: Signal
    cdr_run: Signal
    equalizer_run: Signal
    lock_run: Signal
    align_run: Signal
    coast: Signal
    use: Signal
    train: Signal
    ready: Signal
    up: Signal
    times: Signal

    def __init__(self, *, lanes: int) -> None:
        """Check the parameters and declare the members."""
        check_lanes(lanes)
        self.lanes = lanes
        inputs = dict.fromkeys(
            ("enable", "prbs", "loopback", "degrade", "aligned", "remote_ready", "hold", "warm"), 1
        )
        steps = ("signal", "cdr_locked", "equalized", "block_lock")
        inputs |= dict.fromkeys((*steps, "excluded"), lanes)
        inputs |= {"limits": 5 * 32, "attempt_limit": 8}
        outputs = {"state": 4, "fail_reason": 4, "attempts": 8, "downs": 16, "times": 6 * 32}
        outputs |= dict.fromkeys(("cdr_run", "equalizer_run", "lock_run", "align_run"), 1)
        outputs["coast"] = 1
        outputs |= {"use": lanes, "train": 1, "ready": 1, "up": 1}
        super().__init__(
            {name: In(width) for name, width in inputs.items()}
            | {name: Out(width) for name, width in outputs.items()}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        state = self.state
        waited = Signal(32)  # clocks in this state
        elapsed = Signal(32)  # clocks since the way up began
        steady = Signal(range(SIGNAL_CLOCKS))
        dark = Signal(range(LOSS_CLOCKS))
        light = Signal()
        no_light = Signal()
        mode = Signal(2)
        m.d.sync += mode.eq(self.prbs | self.loopback << 1)
        changed = mode != (self.prbs | self.loopback << 1)
        use = self.use

        def all_of(lanes: Value) -> Value:
            return (lanes | ~use).all()

        lit = all_of(self.signal)
        m.d.sync += steady.eq(Mux(lit, Mux(light, steady, steady + 1), 0))
        m.d.sync += dark.eq(Mux(lit, 0, Mux(no_light, dark, dark + 1)))
        m.d.comb += light.eq(steady == SIGNAL_CLOCKS - 1)
        m.d.comb += no_light.eq((dark == LOSS_CLOCKS - 1) & ~self.loopback)
        locked = all_of(self.block_lock) & use.any()

        def go(target: State) -> None:
            m.d.sync += [state.eq(target), waited.eq(0)]

        def stamp(index: int) -> None:
            m.d.sync += self.times.word_select(index, 32).eq(elapsed)

        def without(lanes: Value, passed: Callable[[], None], failed: Callable[[], None]) -> None:
            """At a timeout: go on with the lanes that passed, if that may be and there are any."""
            some = Signal()
            m.d.comb += some.eq(self.degrade & (lanes & use).any())
            with m.If(some):
                m.d.sync += use.eq(use & lanes)
                passed()
            with m.Else():
                failed()

        def down(reason: FailReason) -> None:
            m.d.sync += self.fail_reason.eq(reason)
            go(State.DOWN)

        def fail(reason: FailReason) -> None:
            m.d.sync += self.attempts.eq(self.attempts + (self.attempts != 255))
            down(reason)
            with m.If((self.attempt_limit != 0) & (self.attempts + 1 >= self.attempt_limit)):
                go(State.FAILED)

        def leave_up(reason: FailReason) -> None:
            m.d.sync += self.downs.eq(self.downs + (self.downs != 0xFFFF))
            m.d.sync += elapsed.eq(0)
            down(reason)

        limit = Signal(32)
        over = Signal()
        m.d.comb += over.eq(waited >= limit)
        for index, waiting in enumerate(_WAITING):
            timed_here = state == waiting
            if waiting == State.SIGNAL:
                timed_here |= state == State.ROUTE
            with m.If(timed_here):
                m.d.comb += limit.eq(self.limits.word_select(index, 32))

        m.d.sync += waited.eq(waited + 1)
        with m.If(elapsed != 0xFFFF_FFFF):
            m.d.sync += elapsed.eq(elapsed + 1)
        with m.Switch(state):
            with m.Case(State.RESET):
                m.d.sync += [elapsed.eq(0), self.attempts.eq(0), self.fail_reason.eq(0)]
                m.d.sync += [self.times.eq(0), use.eq(~self.excluded), self.train.eq(1)]
                with m.If(waited == RESTART_CLOCKS - 1):
                    go(State.SIGNAL)
                    with m.If(self.loopback):
                        go(State.BLOCK_LOCK)
            with m.Case(State.SIGNAL):

                def lit_up() -> None:
                    m.d.sync += dark.eq(0)  # of lanes that are left out it says nothing
                    stamp(0)
                    go(State.CDR)

                with m.If(light):
                    lit_up()
                with m.Elif(over):
                    without(self.signal, lit_up, lambda: down(FailReason.SIGNAL_TIMEOUT))
            with m.Case(State.CDR):

                def timed() -> None:
                    stamp(1)
                    go(State.EQUALIZE)

                with m.If(no_light):
                    down(FailReason.SIGNAL_LOST)
                with m.Elif(all_of(self.cdr_locked)):
                    timed()
                with m.Elif(over):
                    without(self.cdr_locked, timed, lambda: fail(FailReason.CDR_TIMEOUT))
            with m.Case(State.EQUALIZE):

                def settled() -> None:
                    stamp(2)
                    m.d.sync += self.train.eq(0)
                    go(State.BLOCK_LOCK)
                    with m.If(self.prbs):
                        go(State.TEST)

                with m.If(no_light):
                    down(FailReason.SIGNAL_LOST)
                with m.Elif(all_of(self.equalized)):
                    settled()
                with m.Elif(over):
                    without(self.equalized, settled, lambda: fail(FailReason.EQUALIZE_TIMEOUT))
            with m.Case(State.TEST), m.If(no_light):
                down(FailReason.SIGNAL_LOST)
            with m.Case(State.BLOCK_LOCK):

                def found() -> None:
                    stamp(3)
                    go(State.ALIGN)

                with m.If(no_light):
                    down(FailReason.SIGNAL_LOST)
                with m.Elif(locked):
                    found()
                with m.Elif(over):
                    without(self.block_lock, found, lambda: fail(FailReason.BLOCK_LOCK_TIMEOUT))
            with m.Case(State.ALIGN):
                own = Signal()  # own alignment was stamped
                m.d.sync += own.eq(self.aligned)
                with m.If(self.aligned & ~own):
                    stamp(4)
                with m.If(no_light):
                    down(FailReason.SIGNAL_LOST)
                with m.Elif(~locked):
                    down(FailReason.BLOCK_LOCK_LOST)
                with m.Elif(self.aligned & self.remote_ready):
                    stamp(5)
                    m.d.sync += self.attempts.eq(0)
                    go(State.UP)
                with m.Elif(over & self.aligned):
                    down(FailReason.REMOTE_TIMEOUT)
                with m.Elif(over):
                    fail(FailReason.ALIGN_TIMEOUT)
            with m.Case(State.UP):
                with m.If(no_light):
                    leave_up(FailReason.SIGNAL_LOST)
                with m.Elif(~locked):
                    leave_up(FailReason.BLOCK_LOCK_LOST)
                with m.Elif(~self.aligned):
                    leave_up(FailReason.ALIGNMENT_LOST)
                with m.Elif(~self.remote_ready):
                    leave_up(FailReason.REMOTE_LOST)
                    go(State.ALIGN)
            with m.Case(State.DOWN):
                m.d.sync += use.eq(~self.excluded)
                with m.If(waited == RESTART_CLOCKS - 1):
                    go(State.SIGNAL)
                    with m.If(self.loopback):
                        go(State.BLOCK_LOCK)
            with m.Case(State.ROUTE):
                m.d.sync += [use.eq(~self.excluded), self.fail_reason.eq(FailReason.ROUTE_CHANGE)]
                with m.If(self.hold):
                    m.d.sync += [waited.eq(0), elapsed.eq(0)]
                with m.Elif(light & self.warm):
                    m.d.sync += dark.eq(0)
                    stamp(0)
                    go(State.CDR)
                with m.Elif(light | over):
                    go(State.DOWN)
        hold = self.hold & ~self.loopback
        with m.If(hold & (state != State.RESET) & (state != State.ROUTE)):
            m.d.sync += self.attempts.eq(0)
            go(State.ROUTE)
        with m.If(~self.enable | changed):
            go(State.RESET)

        past_cdr = (state == State.EQUALIZE) | (state == State.TEST)
        locking = (state == State.BLOCK_LOCK) | (state == State.ALIGN) | (state == State.UP)
        routing = state == State.ROUTE
        m.d.sync += [
            self.coast.eq(hold | routing),
            self.cdr_run.eq(routing | (state == State.CDR) | past_cdr | locking),
            self.equalizer_run.eq(past_cdr | locking),
            self.lock_run.eq(locking),
            self.align_run.eq((state == State.ALIGN) | (state == State.UP)),
            self.up.eq(state == State.UP),
        ]
        m.d.comb += self.ready.eq(self.align_run & self.aligned)
        return m
