"""Routing of a Benes network around cells that stand: kept routes, dead cells, partial maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.requests import Reason
from lightloom.rtl.ocs.router import Router
from lightloom.spec import benes

__all__ = ["ATTEMPTS", "Weave"]

ATTEMPTS = 16


class _Phase(enum.Enum, shape=3):
    IDLE = 0
    CHECK = 1
    FIND = 2
    TAKE = 3
    COMPLETE = 4
    FULL = 5


class Weave(wiring.Component):
    """Find a way for each input in turn through what the others have left; else route all anew.

    An input and an output have `ports` / 2 ways, one through each middle cell, and the cells of a
    way are concatenations of bits of the input, the middle and the output. All ways are tested at
    once: a way is free when none of its cells is unusable or stands at the other state. The first
    free one is taken and its cells stand from then on. When an input finds none the search
    starts again with other inputs first and other ways first, `ATTEMPTS` times.

    A full permutation with no fixed and no unusable cell goes to `Router` at once. So does a
    partial one, completed by the free outputs in order, when the search ended without a routing;
    so without fixed and unusable cells there is always one.

    With them, `failed` is proof that there is none (NO_ROUTE) only when an input finds no way while
    no other input has taken one; otherwise it says SEARCH_LIMIT.

    Latency: `Router`'s for what goes to it at once; else `ports` + 1 to check and then 2 * `ports`
    for each attempt, at most. Exactly one of `done` and `failed` answers a start. Inputs are held
    from `start` to the answer. Reset: idle.

    Parameters
    ----------
    ports : int
        A power of two from 2 to 64.

    Members
    -------
    start : In(1)
        Begin.
    destinations : In(ports * bits), active : In(ports)
        Output of each input, input 0 lowest; inputs that have one.
    fixed, value, unusable, prefer : In(cells)
        Cells that stand, at which state; cells through which no light may pass; states of
        cells that no route needs.
    states : Out(cells)
        Valid with `done` and until the next start.
    done, failed : Out(1)
        Pulses.
    reason : Out(Reason)
        With `failed`: CONFLICT (two inputs have one output), NO_ROUTE or SEARCH_LIMIT.

    Raises
    ------
    ValueError
        When `ports` is out of range.
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
    reason: Signal

    def __init__(self, ports: int) -> None:
        """Check the size and make the ports."""
        self._router = Router(ports)
        self.ports = ports
        self.bits = ports.bit_length() - 1
        cells = benes.cells(ports)
        super().__init__(
            {
                "start": In(1),
                "destinations": In(ports * self.bits),
                "active": In(ports),
                "fixed": In(cells),
                "value": In(cells),
                "unusable": In(cells),
                "prefer": In(cells),
                "states": Out(cells),
                "done": Out(1),
                "failed": Out(1),
                "reason": Out(Reason),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the search and the sequence around it."""
        m = Module()
        ports, bits, rows = self.ports, self.bits, self.ports // 2
        phase = Signal(_Phase)
        m.submodules.router = router = ResetInserter(phase == _Phase.IDLE)(self._router)
        at = Array(self.destinations.word_select(i, bits) for i in range(ports))
        free = Signal()  # nothing stands
        m.d.comb += free.eq(~self.fixed.any() & ~self.unusable.any())

        # Each attempt begins at another input.
        turn = Signal(bits)
        attempt = Signal(range(ATTEMPTS))
        source = Signal(bits)
        target = Signal(bits)
        lives = Signal()
        last = Signal()
        m.d.comb += [
            source.eq(turn + attempt * (rows - 1 | 1)),
            target.eq(at[source]),
            lives.eq(self.active.bit_select(source, 1)),
            last.eq(turn == ports - 1),
        ]

        # Free ways of the input whose turn it is, and the first of them in the attempt's order.
        stands = Signal(len(self.fixed))
        ways = Signal(rows)
        first = Signal(rows)
        middle = Signal(max(bits - 1, 1))
        turned: Value = ways
        for bit in range(bits - 1):
            mixed = Signal(rows, name=f"turned_{bit}")
            swapped = Cat(turned[k ^ 1 << bit] for k in range(rows))
            m.d.comb += mixed.eq(Mux(attempt[bit % len(attempt)], swapped, turned))
            turned = mixed
        m.d.comb += first.eq(turned & (~turned + 1)[:rows])
        for bit in range(bits - 1):
            chosen = (first & sum(1 << k for k in range(rows) if k >> bit & 1)).any()
            m.d.comb += middle[bit].eq(chosen ^ attempt[bit % len(attempt)])

        # What the router gets: a partial map is completed by the free outputs.
        whole = Signal(ports * bits)
        taken = Signal(ports)
        spare = Signal(ports)
        m.d.comb += spare.eq(~taken & (taken + 1)[:ports])
        begun = Signal()
        m.d.comb += [
            router.permutation.eq(whole),
            router.start.eq((phase == _Phase.FULL) & ~begun),
        ]

        alone = Signal()
        m.d.sync += [self.done.eq(0), self.failed.eq(0)]
        with m.Switch(phase):
            with m.Case(_Phase.IDLE), m.If(self.start):
                m.d.sync += [
                    stands.eq(self.fixed),
                    self.states.eq(Mux(self.fixed, self.value, self.prefer)),
                    turn.eq(0),
                    attempt.eq(0),
                    taken.eq(0),
                    alone.eq(1),
                    whole.eq(self.destinations),
                    begun.eq(0),
                    phase.eq(Mux(free & self.active.all(), _Phase.FULL, _Phase.CHECK)),
                ]
            with m.Case(_Phase.CHECK):
                m.d.sync += turn.eq(turn + 1)
                with m.If(lives & taken.bit_select(target, 1)):
                    m.d.sync += self._fail(phase, Reason.CONFLICT)
                with m.Elif(last):
                    m.d.sync += phase.eq(_Phase.FIND)
                with m.If(lives):
                    m.d.sync += taken.bit_select(target, 1).eq(1)
            with m.Case(_Phase.FIND):
                m.d.sync += ways.eq(Cat(self._ways(stands, source, target)))
                with m.If(lives):
                    m.d.sync += phase.eq(_Phase.TAKE)
                with m.Else():
                    m.d.sync += turn.eq(turn + 1)
                    with m.If(last):
                        m.d.sync += [phase.eq(_Phase.IDLE), self.done.eq(1)]
            with m.Case(_Phase.TAKE):
                with m.If(ways.any()):
                    m.d.sync += [alone.eq(0), turn.eq(turn + 1), phase.eq(_Phase.FIND)]
                    with m.If(last):
                        m.d.sync += [phase.eq(_Phase.IDLE), self.done.eq(1)]
                    for stage, row, state in self._cells(source, target, middle):
                        m.d.sync += [
                            stands.word_select(stage, rows).bit_select(row, 1).eq(1),
                            self.states.word_select(stage, rows).bit_select(row, 1).eq(state),
                        ]
                with m.Elif(free):
                    m.d.sync += [turn.eq(0), attempt.eq(0), phase.eq(_Phase.COMPLETE)]
                with m.Elif(alone):
                    m.d.sync += self._fail(phase, Reason.NO_ROUTE)
                with m.Elif(attempt == ATTEMPTS - 1):
                    m.d.sync += self._fail(phase, Reason.SEARCH_LIMIT)
                with m.Else():
                    m.d.sync += [
                        attempt.eq(attempt + 1),
                        turn.eq(0),
                        alone.eq(1),
                        stands.eq(self.fixed),
                        self.states.eq(Mux(self.fixed, self.value, self.prefer)),
                        phase.eq(_Phase.FIND),
                    ]
            with m.Case(_Phase.COMPLETE):
                m.d.sync += turn.eq(turn + 1)
                with m.If(~lives):
                    number = Cat(
                        (spare & sum(1 << k for k in range(ports) if k >> b & 1)).any()
                        for b in range(bits)
                    )
                    m.d.sync += [
                        taken.eq(taken | spare),
                        whole.word_select(turn, bits).eq(number),
                    ]
                with m.If(last):
                    m.d.sync += phase.eq(_Phase.FULL)
            with m.Case(_Phase.FULL):
                m.d.sync += begun.eq(1)
                with m.If(router.done):
                    m.d.sync += [
                        self.states.eq(router.states),
                        self.done.eq(1),
                        phase.eq(_Phase.IDLE),
                    ]
                with m.Elif(router.error):
                    m.d.sync += self._fail(phase, Reason.CONFLICT)
        return m

    def _fail(self, phase: Any, reason: Reason) -> list[Any]:
        return [phase.eq(_Phase.IDLE), self.failed.eq(1), self.reason.eq(reason)]

    def _ways(self, stands: Value, source: Value, target: Value) -> list[Value]:
        """For each middle cell, whether the way through it is free.

        Of the first half of the columns, the cells that light can reach form a tree; the lines
        between columns are numbered by the choices made, the first choice the highest bit.
        """
        bits, rows = self.bits, self.ports // 2
        open_ = [
            ~self.unusable & (~stands | ~self.states),
            ~self.unusable & (~stands | self.states),
        ]

        def tree(end: Value, stages: Iterable[int]) -> list[Value]:
            reached: list[Value] = [Const(1, 1)]
            for depth, stage in enumerate(stages):
                rest = rows >> depth
                own = end[depth]
                found: list[Value] = []
                for prefix, before in enumerate(reached):
                    bar, cross = (
                        word[
                            stage * rows + prefix * rest : stage * rows + (prefix + 1) * rest
                        ].bit_select(end[depth + 1 :], 1)
                        for word in open_
                    )
                    found += [
                        before & Mux(own, cross, bar),
                        before & Mux(own, bar, cross),
                    ]
                reached = found
            return reached

        forward = tree(source, range(bits - 1))
        backward = tree(target, range(2 * bits - 2, bits - 1, -1))
        crosses = source[bits - 1] ^ target[bits - 1]
        first = (bits - 1) * rows
        return [
            forward[k] & backward[k] & Mux(crosses, open_[1][first + k], open_[0][first + k])
            for k in range(rows)
        ]

    def _cells(
        self, source: Value, target: Value, middle: Value
    ) -> Iterator[tuple[int, Value, Value]]:
        """Stage, row and state of each cell of the way through a middle cell."""
        bits = self.bits
        for depth in range(bits - 1):
            choice = middle[bits - 2 - depth]
            above = middle[bits - 1 - depth : bits - 1]
            for stage, end in ((depth, source), (2 * bits - 2 - depth, target)):
                yield stage, Cat(end[depth + 1 :], above), end[depth] ^ choice
        row = middle if bits > 1 else Const(0, 1)
        yield bits - 1, row, source[bits - 1] ^ target[bits - 1]
