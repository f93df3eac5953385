"""Router of a Benes network: the looping algorithm, with a search where cells stand or are dead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.route.choice import Choice
from lightloom.rtl.ocs.route.loop import Loop
from lightloom.rtl.ocs.route.seam import Router, RouteReason
from lightloom.spec import benes
from lightloom.spec.routes import SEARCH_LIMIT

__all__ = ["Benes", "Level", "latency"]


def latency(ports: int) -> int:
    """Most cycles from ``start`` to ``done`` of a `Benes` when no cell stands or is dead."""
    return ports - 2


class _Phase(enum.Enum, shape=3):
    IDLE = 0
    WALK = 1
    WAIT = 2
    BLAME = 3
    CHOOSE = 4
    FAILED = 5


def _signature(ports: int) -> dict[str, Any]:
    cells = benes.cells(ports)
    return {
        "start": In(1),
        "destinations": In(ports * (ports.bit_length() - 1)),
        "active": In(ports),
        "fixed": In(cells),
        "value": In(cells),
        "unusable": In(cells),
        "prefer": In(cells),
        "states": Out(cells),
        "done": Out(1),
        "failed": Out(1),
        "conflict": Out(1),
        "blame": Out(ports),
        "hungry": Out(2 * ports),
    }


class Level(wiring.Component):
    """A (sub-)network: `Loop` for its outer columns, two levels of half the size for the rest.

    The levels below work at the same time. When one finds that it has no routing it names the
    inputs that its proof rests on; `Choice` then flips components of these, and both try anew.
    When nothing is left to flip, this level has no routing: the proof rests on all inputs of the
    components that any failure named.

    Latency: a walk of `Loop`, then that of the slower sub-network; 3 cycles more and that of the
    sub-networks for each orientation that is tried in vain. With 2 ports all is combinational.
    ``start`` begins anew at any time. Reset: idle.

    Parameters
    ----------
    ports : int
        A power of two from 2 to 128.
    check : bool
        See `Loop`.

    Members
    -------
    start, destinations, active, fixed, value, unusable, prefer, states, done, failed
        As in `lightloom.rtl.ocs.route.seam.Router`.
    conflict : Out(1)
        Pulse, instead of the others: two inputs ask for one output.
    blame : Out(ports)
        With ``failed``: these inputs alone have no routing.
    hungry : Out(2 * ports)
        Inputs, then outputs, from which a way leads to an unusable cell. Combinational.
    """

    start: Signal
    destinations: Signal
    active: Signal
    fixed: Signal
    value: Signal
    unusable: Signal
    prefer: Signal
    states: Signal
    done: Signal
    failed: Signal
    conflict: Signal
    blame: Signal
    hungry: Signal

    def __init__(self, ports: int, *, check: bool = False) -> None:
        """Make the ports."""
        self.ports = ports
        self.check = check
        super().__init__(_signature(ports))

    def elaborate(self, platform: object) -> Module:
        """Build one level and the two below it."""
        return self._cell() if self.ports == 2 else self._network()

    def _cell(self) -> Module:
        m = Module()
        both = self.active.all()
        cross = Signal()
        wrong = Signal()
        twice = Signal()
        m.d.comb += [
            cross.eq(Mux(self.active[0], self.destinations[0], ~self.destinations[1])),
            twice.eq(both & (self.destinations[0] == self.destinations[1])),
            wrong.eq(self.active.any() & (self.unusable | (self.fixed & (self.value ^ cross)))),
            self.states.eq(Mux(self.active.any(), cross, Mux(self.fixed, self.value, self.prefer))),
            self.conflict.eq(self.start & twice),
            self.failed.eq(self.start & wrong & ~twice),
            self.done.eq(self.start & ~wrong & ~twice),
            self.blame.eq(self.active),
            self.hungry.eq(self.unusable.replicate(4)),
        ]
        return m

    def _network(self) -> Module:
        m = Module()
        ports, rows = self.ports, self.ports // 2
        bits = ports.bit_length() - 1
        columns = benes.stages(ports)
        m.submodules.loop = loop = Loop(ports, check=self.check)
        m.submodules.choice = choice = Choice(rows)
        m.submodules.half_0 = upper = Level(rows)
        m.submodules.half_1 = lower = Level(rows)

        def outer(word: Value) -> Value:
            return Cat(word.word_select(0, rows), word.word_select(columns - 1, rows))

        m.d.comb += [
            loop.start.eq(self.start),
            loop.destinations.eq(self.destinations),
            loop.active.eq(self.active),
            loop.fixed.eq(outer(self.fixed)),
            loop.value.eq(outer(self.value)),
            loop.unusable.eq(outer(self.unusable)),
            loop.hungry_first.eq(Cat(upper.hungry[:rows], lower.hungry[:rows])),
            loop.hungry_last.eq(Cat(upper.hungry[rows:], lower.hungry[rows:])),
            choice.clear.eq(self.start),
        ]

        # How the outer columns stand with the present choice, and what is left for the halves.
        flip = Signal(rows)
        idle = outer((self.fixed & self.value) | (~self.fixed & self.prefer))
        m.d.comb += flip.eq(loop.flip ^ choice.flip)
        row_part = [loop.row_part.word_select(row, bits - 1) for row in range(rows)]
        for row in range(rows):
            inputs = slice(2 * row, 2 * row + 2)
            cross = Signal(name=f"cross_{row}")
            pair_part = loop.pair_part.word_select(row, bits - 1)
            m.d.comb += [
                cross.eq(loop.first[row] ^ flip.bit_select(row_part[row], 1)),
                self.states[row].eq(Mux(self.active[inputs].any(), cross, idle[row])),
                self.states[(columns - 1) * rows + row].eq(
                    Mux(
                        loop.used[row],
                        loop.last[row] ^ flip.bit_select(pair_part, 1),
                        idle[rows + row],
                    )
                ),
            ]
            for half, odd in ((upper, cross), (lower, ~cross)):
                even_wants, odd_wants = (
                    self.destinations.word_select(2 * row + k, bits)[1:] for k in range(2)
                )
                m.d.comb += [
                    half.destinations.word_select(row, bits - 1).eq(
                        Mux(odd, odd_wants, even_wants)
                    ),
                    half.active[row].eq(Mux(odd, self.active[2 * row + 1], self.active[2 * row])),
                ]
        for stage in range(benes.stages(rows)):
            for place, half in enumerate((upper, lower)):
                outside = 2 * (stage + 1) + place
                for ours, theirs in (
                    (self.fixed, half.fixed),
                    (self.value, half.value),
                    (self.unusable, half.unusable),
                    (self.prefer, half.prefer),
                ):
                    m.d.comb += theirs.word_select(stage, rows // 2).eq(
                        ours.word_select(outside, rows // 2)
                    )
                m.d.comb += self.states.word_select(outside, rows // 2).eq(
                    half.states.word_select(stage, rows // 2)
                )

        # Idle ports are wanted where unusable cells are: only they may lead there.
        dead = Signal(ports)
        m.d.comb += dead.eq(outer(self.unusable))
        m.d.comb += self.hungry.eq(
            Cat(
                Cat(
                    (dead[side * rows + row] | upper.hungry[side * rows + row]
                     | lower.hungry[side * rows + row]).replicate(2)
                    for row in range(rows)
                )
                for side in (0, 1)
            )
        )  # fmt: skip
        starved = Signal()
        doomed = Signal()  # starved, told a clock later: the halves start and cannot end well
        both = Signal(rows)
        m.d.comb += both.eq(Cat(self.active[2 * row : 2 * row + 2].all() for row in range(rows)))
        m.d.comb += starved.eq(_starved(m, ports, self.unusable, (both, loop.full), "full"))

        phase = Signal(_Phase)
        launch = Signal()
        ready = Signal(2)  # halves that have their routing
        touched = Signal(rows)  # components that failures depend on
        blamed = Signal(rows)  # inputs of the halves, which are rows here
        culprits = Signal(rows)
        first_try = Signal()
        start_now = Signal()
        waiting = Signal()
        m.d.comb += [
            # The cycle of `loop.done` is the first of the wait.
            waiting.eq(((phase == _Phase.WAIT) | loop.done) & ~self.start),
            first_try.eq(loop.done & ~self.start),
            start_now.eq((first_try & ~loop.bad.any()) | (launch & ~self.start)),
            upper.start.eq(start_now),
            lower.start.eq(start_now),
            self.conflict.eq(loop.conflict & ~self.start),
        ]
        settled = Signal(2)
        m.d.comb += settled.eq(Mux(start_now, 0, ready) | Cat(upper.done, lower.done))
        broken = upper.failed | lower.failed
        m.d.comb += [
            self.done.eq(
                waiting & settled.all() & ~broken & ~(first_try & loop.bad.any()) & ~doomed
            ),
            self.failed.eq(((phase == _Phase.FAILED) | doomed) & ~self.start),
            self.blame.eq(
                Cat(
                    self.active[i] & (doomed | touched.bit_select(row_part[i // 2], 1))
                    for i in range(ports)
                )
            ),
            choice.step.eq(phase == _Phase.CHOOSE),
            choice.culprits.eq(culprits & ~loop.forced),
        ]
        m.d.sync += [ready.eq(settled), launch.eq(0), doomed.eq(first_try & starved)]
        with m.If(self.start):
            m.d.sync += [phase.eq(_Phase.WALK), touched.eq(0)]
        with m.Elif(doomed):
            m.d.sync += [phase.eq(_Phase.IDLE), launch.eq(0)]
        with m.Elif(first_try & loop.bad.any()):
            m.d.sync += [phase.eq(_Phase.FAILED), touched.eq(loop.bad)]
        with m.Elif(waiting):
            m.d.sync += [
                phase.eq(Mux(broken, _Phase.BLAME, Mux(settled.all(), _Phase.IDLE, _Phase.WAIT))),
                blamed.eq(Mux(upper.failed, upper.blame, 0) | Mux(lower.failed, lower.blame, 0)),
            ]
        with m.Elif(phase == _Phase.BLAME):
            named = [Signal(rows, name=f"named_{row}") for row in range(rows)]
            for row in range(rows):
                m.d.comb += named[row].bit_select(row_part[row], 1).eq(blamed[row])
            m.d.sync += [
                culprits.eq(Cat(Cat(n[k] for n in named).any() for k in range(rows))),
                phase.eq(_Phase.CHOOSE),
            ]
        with m.Elif(phase == _Phase.CHOOSE):
            m.d.sync += [
                touched.eq(touched | culprits),
                phase.eq(Mux(choice.exhausted, _Phase.FAILED, _Phase.WAIT)),
                launch.eq(~choice.exhausted),
            ]
        with m.Elif(self.failed | self.conflict):
            m.d.sync += phase.eq(_Phase.IDLE)
        return m


def _starved(m: Module, ports: int, unusable: Value, lines: Sequence[Value], name: str) -> Value:
    """Whether an unusable cell of the halves has light, however the cells stand.

    `lines` are the cells of the first and of the last column that two connections use: from these
    light goes to both halves, and on to both halves of these from pairs of such lines.
    """
    rows, columns = ports // 2, benes.stages(ports)
    count = rows // 2
    if rows == 2:
        return (unusable[2:4] & (lines[0] | lines[1]).any().replicate(2)).any()
    some, both = [], []
    for side, word in zip(("first", "last"), lines, strict=True):
        pairs = [word[2 * k : 2 * k + 2] for k in range(count)]
        some.append(Cat(pair.any() for pair in pairs))
        both.append(Signal(count, name=f"{name}_{side}"))
        m.d.comb += both[-1].eq(Cat(pair.all() for pair in pairs))
    found: list[Value] = []
    for half in range(2):
        inside = Signal(benes.cells(rows), name=f"{name}_dead_{half}")
        m.d.comb += inside.eq(
            Cat(unusable.word_select(2 * stage + half, count) for stage in range(1, columns - 1))
        )
        found += [
            (inside.word_select(column, count) & word).any()
            for column, word in zip((0, columns - 3), some, strict=True)
        ]
        found.append(_starved(m, rows, inside, both, f"{name}_{half}"))
    return Cat(found).any()


class Benes(Router):
    """Route any map through a Benes network, around cells that stand or are dead.

    The result equals `lightloom.spec.routes.connect` bit for bit, for a full permutation with no
    cell standing that is `lightloom.spec.benes.route`. The search is exhaustive, see `Level`:
    NO_ROUTE is a proof.

    Latency: with no cell standing or dead ``done`` comes at most `ports - 2` cycles after
    ``start``, as many for every full permutation; CONFLICT comes at most `ports / 2` cycles after
    it. A search ends `limit` cycles after the start at the latest. With 2 ports all is
    combinational. Throughput: one map at a time; no back-pressure.
    After reset nothing is routed; the states of cells that no route needs follow the inputs.

    Parameters
    ----------
    ports : int
        A power of two from 2 to 128.
    limit : int
        Cycles of a search, `ports` to 2**24.

    Members
    -------
    As in `lightloom.rtl.ocs.route.seam.Router`. ``reason`` is valid with ``failed`` only.

    Raises
    ------
    ValueError
        When a parameter is out of range.

    Ref: D. C. Opferman and N. T. Tsao-Wu, Bell Syst. Tech. J. 50, 1579 (1971).
    """

    def __init__(self, ports: int, *, limit: int = SEARCH_LIMIT) -> None:
        """Check the parameters and make the ports."""
        if ports not in (2, 4, 8, 16, 32, 64, 128):
            raise ValueError(f"ports = {ports!r}; allowed: a power of two from 2 to 128")
        if not ports <= limit <= 2**24:
            raise ValueError(f"limit = {limit!r}; allowed: {ports} to {2**24}")
        self.limit = limit
        super().__init__("benes", ports)

    def elaborate(self, platform: object) -> Module:
        """Build the levels and the clock of the search."""
        m = Module()
        m.submodules.level = level = Level(self.ports, check=True)
        for name in ("start", "destinations", "active", "fixed", "value", "unusable", "prefer"):
            m.d.comb += getattr(level, name).eq(getattr(self, name))
        m.d.comb += self.states.eq(level.states)
        if self.ports == 2:
            m.d.comb += [
                self.done.eq(level.done),
                self.failed.eq(level.failed | level.conflict),
                self.reason.eq(Mux(level.conflict, RouteReason.CONFLICT, RouteReason.NO_ROUTE)),
            ]
            return m
        searching = Signal()
        elapsed = Signal(range(self.limit + 1))
        answer = Signal()
        late = Signal()
        m.d.comb += [
            answer.eq(level.done | level.failed | level.conflict),
            late.eq(searching & ~answer & ~self.start & (elapsed == self.limit)),
            self.done.eq(searching & level.done),
            self.failed.eq((searching & (level.failed | level.conflict)) | late),
            self.reason.eq(
                Mux(
                    late,
                    RouteReason.SEARCH_LIMIT,
                    Mux(level.conflict, RouteReason.CONFLICT, RouteReason.NO_ROUTE),
                )
            ),
        ]
        m.d.sync += elapsed.eq(Mux(self.start, 1, elapsed + 1))
        with m.If(self.start):
            m.d.sync += searching.eq(1)
        with m.Elif(answer | late):
            m.d.sync += searching.eq(0)
        return m
