"""Golden model of the router of Benes networks: cell states around cells that stand or are dead.

`connect` is what `lightloom.rtl.ocs.route.benes` does, bit for bit and cycle for cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from lightloom.spec import benes

__all__ = ["SEARCH_LIMIT", "Reason", "Routing", "connect"]

SEARCH_LIMIT = 1 << 17
"""Cycles of a search: 0.5 ms at 250 MHz. An eighth of it leaves twice as many undecided."""


class Reason(IntEnum):
    """Why there is no routing."""

    NONE = 0
    RANGE = 1
    """There is no such output."""
    CONFLICT = 2
    """Two inputs ask for one output."""
    NO_ROUTE = 5
    """None exists."""
    SEARCH_LIMIT = 6
    """None was found in the cycles that are allowed."""


@dataclass(frozen=True)
class Routing:
    """Answer of a router."""

    reason: Reason
    states: tuple[int, ...]
    """1 = cross; empty when there is no routing."""
    cycles: int
    """From the start to the answer."""


def connect(
    topology: str,
    ports: int,
    destinations: Sequence[int | None],
    *,
    fixed: int = 0,
    value: int = 0,
    unusable: int = 0,
    prefer: int = 0,
    limit: int = SEARCH_LIMIT,
) -> Routing:
    """Route input i to `destinations[i]`, None for an input without connection.

    Bit k of the others is cell k: `fixed` cells stand at `value`, no light may pass `unusable`
    ones, cells that no route needs stand at `prefer`. `limit` is that of the search. Fabrics with
    a direct way a pair are in `lightloom.spec.detours`.

    Raises:
        ValueError: when the number of destinations is not `ports`, or the topology is not benes.
    """
    if topology != "benes":
        raise ValueError(f"topology = {topology!r}; allowed: benes")
    if len(destinations) != ports:
        raise ValueError(f"{len(destinations)} destinations; allowed: {ports}")
    return _benes(ports, destinations, _Cells(fixed, value, unusable, prefer), limit)


@dataclass(frozen=True)
class _Cells:
    fixed: int
    value: int
    unusable: int
    prefer: int

    def idle(self, cell: int) -> int:
        """State of a cell that no route needs."""
        return (self.value if self.fixed >> cell & 1 else self.prefer) >> cell & 1

    def refuses(self, cell: int, state: int) -> bool:
        """Whether light cannot pass the cell at `state`."""
        stuck = self.fixed >> cell & 1 and self.value >> cell & 1 != state
        return bool(stuck or self.unusable >> cell & 1)


def _benes(ports: int, destinations: Sequence[int | None], ask: _Cells, limit: int) -> Routing:
    links = {i: output for i, output in enumerate(destinations) if output is not None}
    if any(not 0 <= output < ports for output in links.values()):
        return Routing(Reason.RANGE, (), 0)
    level = _Level(ports, 0, 0, ports, ask)
    conflict = level.conflict(links)
    if conflict is not None:
        return Routing(Reason.CONFLICT, (), conflict)
    found = level.solve(links, limit)
    if found is None:
        return Routing(Reason.SEARCH_LIMIT, (), limit)
    if found.states is None:
        return Routing(Reason.NO_ROUTE, (), found.cycles)
    states = tuple(found.states[k] for k in range(benes.cells(ports)))
    return Routing(Reason.NONE, states, found.cycles)


@dataclass
class _Found:
    cycles: int
    states: dict[int, int] | None
    blame: frozenset[int] = frozenset()
    """Inputs that alone have no routing."""


@dataclass
class _Part:
    """A component of the loops: its cells at its first orientation."""

    rows: dict[int, int]
    pairs: dict[int, int]


@dataclass(frozen=True)
class _Level:
    """A (sub-)network of a Benes network: its size, first column and first row, and the whole."""

    size: int
    stage: int
    row: int
    ports: int
    ask: _Cells

    def first(self, row: int) -> int:
        return self.stage * self.ports // 2 + self.row + row

    def last(self, row: int) -> int:
        column = benes.stages(self.ports) - 1 - self.stage
        return column * self.ports // 2 + self.row + row

    def halves(self) -> tuple[_Level, _Level]:
        size, stage = self.size // 2, self.stage + 1
        upper = _Level(size, stage, self.row, self.ports, self.ask)
        return upper, _Level(size, stage, self.row + size // 2, self.ports, self.ask)

    def dark(self, cell: int) -> int:
        return self.ask.unusable >> cell & 1

    def hungry(self, outputs: bool) -> list[int]:
        """Inputs, or outputs, from which a way leads to an unusable cell: 1 for each."""
        if self.size == 2:
            return 2 * [self.dark(self.first(0))]
        upper, lower = (half.hungry(outputs) for half in self.halves())
        column = self.last if outputs else self.first
        return [
            self.dark(column(port >> 1)) | upper[port >> 1] | lower[port >> 1]
            for port in range(self.size)
        ]

    def full(self, inputs: list[bool], outputs: list[bool]) -> bool:
        """Whether an unusable cell has light when these ports have it, however cells stand."""
        if self.size == 2:
            return bool(self.dark(self.first(0))) and any(inputs + outputs)
        rows = range(self.size // 2)
        for row in rows:
            pair = slice(2 * row, 2 * row + 2)
            if self.dark(self.first(row)) and any(inputs[pair]):
                return True
            if self.dark(self.last(row)) and any(outputs[pair]):
                return True
        return self.starved(inputs, outputs)

    def starved(self, inputs: list[bool], outputs: list[bool]) -> bool:
        """Whether that holds of an unusable cell of the halves."""
        rows = range(self.size // 2)
        both = [[word[2 * row] and word[2 * row + 1] for row in rows] for word in (inputs, outputs)]
        return any(half.full(*both) for half in self.halves())

    def parts(self, links: dict[int, int]) -> list[_Part]:
        """Components in the order of the walk."""
        source_of = {output: source for source, output in links.items()}
        found: list[_Part] = []
        met: set[int] = set()
        for start in sorted(links):
            if start in met:
                continue
            part = _Part({}, {})
            for entry, lower in ((start, 0), (start ^ 1, 1)):
                source: int | None = entry
                while source in links and source not in met:
                    met.add(source)
                    output = links[source]
                    part.rows[source >> 1] = source & 1 ^ lower
                    part.pairs[output >> 1] = output & 1 ^ lower
                    partner = source_of.get(output ^ 1)
                    if partner is None:
                        break
                    met.add(partner)
                    part.rows[partner >> 1] = ~partner & 1 ^ lower
                    source = partner ^ 1
            found.append(part)
        return found

    def conflict(self, links: dict[int, int]) -> int | None:
        """Cycle in which the walk meets two inputs that ask for one output."""
        met: set[int] = set()
        source: int | None = None
        back: int | None = None
        for cycle in range(1, len(links) + 1):
            rest = sorted(set(links) - met)
            if not rest:
                return None
            if source not in rest:
                source, back = (back, None) if back in rest else (None, None)
            if source is None:
                source = rest[0]
                back = source ^ 1
            pair = links[source] >> 1
            found = [i for i, output in links.items() if output >> 1 == pair]
            if len({links[i] for i in found}) < len(found):
                return 0 if self.size == 2 else cycle
            met.update(found)
            source = next((i ^ 1 for i in found if i != source), None)
        return None

    def solve(self, links: dict[int, int], budget: int) -> _Found | None:
        """Route, or None when that takes more than `budget` cycles."""
        if self.size == 2:
            return self._cell(links)
        parts = self.parts(links)
        cycles = max(1, sum(len(part.pairs) for part in parts))
        forced, flip, bad = self._forced(parts, links)
        targets = set(links.values())
        lit = [[port in side for port in range(self.size)] for side in (links, targets)]
        if self.starved(*lit):
            bad = (1 << len(parts)) - 1
        if bad:
            return self._over(cycles + 1, budget, parts, bad, links)
        count = self.size // 2
        of_row = {row: k for k, part in enumerate(parts) for row in part.rows}
        choice = _Choice(count)
        touched = 0
        while cycles <= budget:
            states = self._outer(parts, flip ^ choice.flip)
            below: tuple[dict[int, int], dict[int, int]] = ({}, {})
            for source, output in links.items():
                upper = states[self.first(source >> 1)] == source & 1
                below[0 if upper else 1][source >> 1] = output >> 1
            found = [
                half.solve(sub, budget - cycles)
                for half, sub in zip(self.halves(), below, strict=True)
            ]
            failures = [f for f in found if f is not None and f.states is None]
            if not failures:
                if None in found:
                    return None
                for f in found:
                    assert f is not None
                    assert f.states is not None
                    states |= f.states
                cycles += max(f.cycles for f in found if f is not None)
                return _Found(cycles, states) if cycles <= budget else None
            soonest = min(f.cycles for f in failures)
            blamed = {row for f in failures if f.cycles == soonest for row in f.blame}
            culprits = sum(1 << k for k in {of_row[row] for row in blamed})
            touched |= culprits
            cycles += soonest + 3
            if not choice.step(culprits & ~forced):
                return self._over(cycles, budget, parts, touched, links)
        return None

    def _cell(self, links: dict[int, int]) -> _Found:
        cell = self.first(0)
        if not links:
            return _Found(0, {cell: self.ask.idle(cell)})
        source, output = min(links.items())
        state = source ^ output
        if self.ask.refuses(cell, state):
            return _Found(0, None, frozenset(links))
        return _Found(0, {cell: state})

    def _over(
        self, cycles: int, budget: int, parts: list[_Part], touched: int, links: dict[int, int]
    ) -> _Found | None:
        rows = {row for k, part in enumerate(parts) if touched >> k & 1 for row in part.rows}
        blame = frozenset(i for i in links if i >> 1 in rows)
        return _Found(cycles, None, blame) if cycles <= budget else None

    def _forced(self, parts: list[_Part], links: dict[int, int]) -> tuple[int, int, int]:
        """Components that fixed cells decide, those that are flipped at first, that cannot be."""
        hungry = [[half.hungry(outputs) for half in self.halves()] for outputs in (False, True)]
        forced = flip = bad = 0
        for k, part in enumerate(parts):
            cells = {self.first(row): state for row, state in part.rows.items()}
            cells |= {self.last(row): state for row, state in part.pairs.items()}
            held = {
                self.ask.value >> cell & 1 ^ state
                for cell, state in cells.items()
                if self.ask.fixed >> cell & 1
            }
            dark = any(self.ask.unusable >> cell & 1 for cell in cells)
            forced |= bool(held) << k
            flip |= (1 in held if held else self._wish(part, links, hungry) < 0) << k
            bad |= (len(held) == 2 or dark) << k
        return forced, flip, bad

    def _wish(self, part: _Part, links: dict[int, int], hungry: list[list[list[int]]]) -> int:
        """How many more idle ports a component sends toward unusable cells, not flipped."""
        gain = 0
        sides = (part.rows, links.keys()), (part.pairs, set(links.values()))
        for (cells, busy), (upper, lower) in zip(sides, hungry, strict=True):
            for cell, state in cells.items():
                lit = [port for port in (2 * cell, 2 * cell + 1) if port in busy]
                if len(lit) == 1:
                    more = upper[cell] - lower[cell]
                    gain += -more if lit[0] & 1 == state else more
        return gain

    def _outer(self, parts: list[_Part], flip: int) -> dict[int, int]:
        states = {
            cell: self.ask.idle(cell)
            for row in range(self.size // 2)
            for cell in (self.first(row), self.last(row))
        }
        for k, part in enumerate(parts):
            states |= {self.first(r): s ^ (flip >> k & 1) for r, s in part.rows.items()}
            states |= {self.last(r): s ^ (flip >> k & 1) for r, s in part.pairs.items()}
        return states


@dataclass
class _Choice:
    """Which components are flipped; see `lightloom.rtl.ocs.route.choice`."""

    parts: int
    flip: int = 0
    learnt: int = 0
    anchor: int = 0
    around: bool = False

    def step(self, culprits: int) -> bool:
        """Take the next orientation; False when there is none."""
        if not culprits:
            return False
        if culprits & ~self.learnt:
            self.anchor, self.around = self.flip, False
        self.learnt |= culprits
        full = (1 << self.parts) - 1
        raised = (self.flip | (full & ~self.learnt) | ((culprits & -culprits) - 1)) + 1
        carry = bool(raised >> self.parts)
        if carry and self.around:
            return False
        self.around |= carry
        self.flip = raised & self.learnt
        return not (self.around and self.flip >= self.anchor)
