"""Agreement of the two ends of a link on a change of path, in words that the markers carry."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["InBand", "Kind", "word"]


class Kind(enum.IntEnum, shape=3):
    """What a word says: bits 2:0. Bits 4:3 are the path, 7:5 the number of the request."""

    IDLE = 0
    REQUEST = 1
    GRANT = 2
    REFUSE = 3
    GO = 4


class State(enum.IntEnum, shape=3):
    """What this end is at."""

    IDLE = 0
    ASK = 1
    GO = 2
    GRANT = 3
    FOLLOW = 4
    REFUSE = 5


def word(kind: Kind, path: int, number: int) -> int:
    """The word that says this."""
    return kind | path << 3 | number << 5


class InBand(wiring.Component):
    """Ask the far end to change the path together, and answer it when it asks.

    A word is a state, repeated in the markers until it changes, so a lost marker only delays. The
    asking end says REQUEST; the other GRANT or REFUSE with the number of the request; the asking
    end GO. Each end starts no frames (`pause`) from its GRANT or GO on, and changes the path `lead`
    clocks after it said or heard GO: `lead` has to cover a marker interval, the flight and the
    longest frame. When both ask at once for one path both take it as granted; for different ones
    both refuse.

    No answer within `limit` clocks, and no GO within `limit` clocks of a GRANT, end it. Should the
    GO be lost, one end alone changes: its link does not come up and it goes back (`PathSequence`).

    Latency: an answer is said in the clock after the word is heard. Reset: IDLE.

    Members
    -------
    ask : In(1), ask_path : In(2)
        Pulse: ask for a path. Ignored unless idle.
    cancel : In(1)
        Give up whatever is under way; a pulse of this clock comes nevertheless, and a far end that
        has heard GO changes.
    able : In(1), accept : In(3)
        This end could change the path now; paths that the far end may ask for.
    limit, lead : In(32)
        See above; `lead` 0 acts as 1.
    told : In(8), tell : Out(8)
        Words of the far end and to it; 0 is silence. `tell` is registered.
    agreed, refused, expired : Out(1)
        Pulse: change to the asked path now; the far end does not; it does not answer.
    follow : Out(1), follow_path : Out(2)
        Pulse: change to the path that the far end asked for, now.
    pause : Out(1)
        Start no frames.
    committed : Out(1)
        GO was said or heard: the light may go because the far end changes first.
    waiting : Out(1)
        Something is under way.
    """

    ask: Signal
    ask_path: Signal
    cancel: Signal
    able: Signal
    accept: Signal
    limit: Signal
    lead: Signal
    told: Signal
    tell: Signal
    agreed: Signal
    refused: Signal
    expired: Signal
    follow: Signal
    follow_path: Signal
    pause: Signal
    committed: Signal
    waiting: Signal

    def __init__(self) -> None:
        """Make the ports."""
        inputs = {"ask": 1, "ask_path": 2, "cancel": 1, "able": 1, "accept": 3, "told": 8}
        inputs |= {"limit": 32, "lead": 32}
        outputs = {"tell": 8, "follow_path": 2}
        outputs |= dict.fromkeys(
            ("agreed", "refused", "expired", "follow", "pause", "committed", "waiting"), 1
        )
        super().__init__(
            {name: In(width) for name, width in inputs.items()}
            | {name: Out(width) for name, width in outputs.items()}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the state machine."""
        m = Module()
        kind, path, number = self.told[:3], self.told[3:5], self.told[5:]
        own = Signal(3)
        theirs = Signal(3)
        waited = Signal(32)
        over = Signal()
        led = Signal()
        m.d.comb += [over.eq(waited >= self.limit), led.eq(waited + 1 >= self.lead)]
        m.d.sync += waited.eq(waited + 1)

        state = Signal(State)

        def go(target: State) -> None:
            m.d.sync += [state.eq(target), waited.eq(0)]

        def say(what: Kind, path: Value, number: Value) -> None:
            m.d.sync += self.tell.eq(Cat(Const(what, 3), path, number))

        def end() -> None:
            m.d.sync += self.tell.eq(0)
            go(State.IDLE)

        asked = Signal(2)
        answered = number == own
        same = (path == asked) & ((kind == Kind.REQUEST) | (kind == Kind.GO))
        with m.Switch(state):
            with m.Case(State.IDLE):
                with m.If(self.ask):
                    m.d.sync += [own.eq(own + 1), asked.eq(self.ask_path)]
                    say(Kind.REQUEST, self.ask_path, (own + 1)[:3])
                    go(State.ASK)
                with m.Elif(kind == Kind.REQUEST):
                    m.d.sync += [theirs.eq(number), self.follow_path.eq(path)]
                    with m.If(self.able & self.accept.bit_select(path, 1)):
                        say(Kind.GRANT, path, number)
                        go(State.GRANT)
                    with m.Else():
                        say(Kind.REFUSE, path, number)
                        go(State.REFUSE)
            with m.Case(State.ASK):
                with m.If(((kind == Kind.GRANT) & answered) | same):
                    say(Kind.GO, asked, own)
                    go(State.GO)
                with m.Elif((kind == Kind.REFUSE) & answered):
                    m.d.comb += self.refused.eq(1)
                    end()
                with m.Elif(kind == Kind.REQUEST):
                    m.d.comb += self.refused.eq(1)
                    say(Kind.REFUSE, path, number)
                    go(State.REFUSE)
                with m.Elif(over):
                    m.d.comb += self.expired.eq(1)
                    end()
            with m.Case(State.GO), m.If(led):
                m.d.comb += self.agreed.eq(1)
                end()
            with m.Case(State.GRANT):
                with m.If((kind == Kind.GO) & (number == theirs)):
                    go(State.FOLLOW)
                with m.Elif(over | (kind == Kind.IDLE)):
                    end()
            with m.Case(State.FOLLOW), m.If(led):
                m.d.comb += self.follow.eq(1)
                end()
            with m.Case(State.REFUSE), m.If(over | (kind != Kind.REQUEST)):
                end()
        with m.If(self.cancel):
            end()
        paused = (state == State.GO) | (state == State.GRANT) | (state == State.FOLLOW)
        m.d.comb += self.committed.eq((state == State.GO) | (state == State.FOLLOW))
        m.d.comb += [self.pause.eq(paused), self.waiting.eq(state != State.IDLE)]
        return m
