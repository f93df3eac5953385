"""Golden model of the router of fabrics with a direct way a pair: around cells that are dead.

`connect` is what `lightloom.rtl.ocs.route.fixed_ways` does, bit for bit and clock for clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from lightloom.spec import fabrics
from lightloom.spec.routes import Reason, Routing
from lightloom.spec.wall import CROSSING, Wall, wall

__all__ = ["COST_BITS", "SEED", "bars", "connect", "most_clocks", "next_random", "tries_of"]

COST_BITS = 3
"""Of the count of routes that a way pushes aside; the largest says that there is no way."""

SEED = 0xACE1
"""Of the random bits of a search: the same request is always answered alike."""

_RANDOM_BITS = 16
_DARK = -1


def tries_of(ports: int) -> int:
    """Tries of a search that are allowed unless told otherwise."""
    return 16 * ports


def most_clocks(topology: str, ports: int, tries: int) -> int:
    """Clocks after the direct ways failed in which a search has ended."""
    columns = wall(topology, ports).columns
    return 2 * columns + 3 + tries * (2 * columns + 4)


def next_random(state: int) -> int:
    """Step of the Fibonacci LFSR x^16 + x^14 + x^13 + x^11 + 1."""
    bit = (state ^ state >> 2 ^ state >> 3 ^ state >> 5) & 1
    return state >> 1 | bit << _RANDOM_BITS - 1


@cache
def bars(topology: str, ports: int) -> dict[int, frozenset[tuple[int, int]]]:
    """For each cell, the pairs of input and output whose way needs it at bar; others want cross."""
    plan = fabrics.plan(topology, ports)
    found: dict[int, set[tuple[int, int]]] = {cell: set() for cell in range(len(plan.cells))}
    for turn in range(ports):
        permutation = [(i + turn) % ports for i in range(ports)]
        states = fabrics.route(topology, ports, permutation)
        ways = fabrics.ways(plan, states)
        for i, to in enumerate(permutation):
            for cell in ways[f"in{i}"].cells:
                if states[cell] == fabrics.BAR:
                    found[cell].add((i, to))
    return {cell: frozenset(pairs) for cell, pairs in found.items()}


def connect(
    topology: str,
    ports: int,
    destinations: Sequence[int | None],
    *,
    fixed: int = 0,
    value: int = 0,
    unusable: int = 0,
    tries: int | None = None,
) -> Routing:
    """Route input i to `destinations[i]`, None for an input without connection.

    As `lightloom.spec.routes.connect`; cells that no route needs stand at cross. `cycles` of the
    answer are those after the direct ways failed, 0 when they did not.

    Raises:
        ValueError: when the number of destinations is not `ports`, or the topology is another one.
    """
    if topology not in ("piloss", "crossbar", "switch-and-select"):
        raise ValueError(f"topology = {topology!r}; allowed: piloss, crossbar, switch-and-select")
    if len(destinations) != ports:
        raise ValueError(f"{len(destinations)} destinations; allowed: {ports}")
    pairs = {(i, output) for i, output in enumerate(destinations) if output is not None}
    if any(not 0 <= output < ports for _, output in pairs):
        return Routing(Reason.RANGE, (), 0)
    if len({output for _, output in pairs}) < len(pairs):
        return Routing(Reason.CONFLICT, (), 0)
    plan = fabrics.plan(topology, ports)
    direct = [int(not users & pairs) for users in bars(topology, ports).values()]
    wrong = unusable | fixed & (value ^ sum(s << k for k, s in enumerate(direct)))
    ways = fabrics.ways(plan, direct)
    met = {cell for i, _ in pairs for cell in ways[f"in{i}"].cells if wrong >> cell & 1}
    states = [(value if fixed >> k & 1 else s << k) >> k & 1 for k, s in enumerate(direct)]
    if not met:
        return Routing(Reason.NONE, tuple(states), 0)
    if topology == "switch-and-select":
        return Routing(Reason.NO_ROUTE, (), 0)
    allowed = tries_of(ports) if tries is None else tries
    place = wall(topology, ports)
    search = _Search(place, destinations, _columns(place, states, fixed, unusable))
    return search.run(allowed, len(plan.cells))


@dataclass
class _Column:
    """Cells of a column by their places: state, whether it is decided, whether light may pass."""

    places: tuple[int, ...]
    state: list[int]
    decided: list[int]
    unusable: list[int]
    flip: list[int] = field(default_factory=list)
    """Positions before the column from which the way wanted asks for the other state."""
    reach: list[int] = field(default_factory=list)
    """Positions behind the column from which the output can be reached."""


def _columns(place: Wall, states: list[int], fixed: int, unusable: int) -> list[_Column]:
    return [
        _Column(
            cells,
            [states[c] if c >= 0 else int(c == CROSSING) for c in cells],
            [fixed >> c & 1 if c >= 0 else 1 for c in cells],
            [unusable >> c & 1 if c >= 0 else 0 for c in cells],
        )
        for cells in place.places
    ]


class _Search:
    """See `lightloom.rtl.ocs.route.detour`."""

    def __init__(
        self, place: Wall, destinations: Sequence[int | None], columns: list[_Column]
    ) -> None:
        self.place = place
        self.source = {output: i for i, output in enumerate(destinations) if output is not None}
        self.columns = columns
        self.random = SEED
        self.good: set[int] = set()
        self.lit: list[list[int]] = []

    def run(self, allowed: int, cells: int) -> Routing:
        count = self.place.columns
        clocks = 2 * count + 3
        last = {False: -1, True: -1}
        self.forward(None)
        tries = 0
        while True:
            bad = sorted(set(self.source) - self.good)
            if not bad:
                return Routing(Reason.NONE, self.states(cells), clocks)
            if tries == allowed:
                return Routing(Reason.SEARCH_LIMIT, (), clocks)
            any_one = tries % 4 == 3
            choice = sorted(self.source) if any_one else bad
            chosen = next((o for o in choice if o > last[any_one]), choice[0])
            last[any_one] = chosen
            tries += 1
            if not self.backward(chosen):
                return Routing(Reason.NO_ROUTE, (), clocks + count + 2)
            self.forward(chosen)
            clocks += 2 * count + 4

    def backward(self, chosen: int) -> bool:
        """Find from where the output can be reached, and how; False when not from its input."""
        positions, none = 2 * self.place.width, (1 << COST_BITS) - 1
        cost, lit = [none] * positions, [0] * positions
        for output in self.good - {chosen}:
            lit[self.place.exits[output]] = 1
        cost[self.place.exits[chosen]] = 0
        for column in reversed(self.columns):
            cost, lit = cost[-1:] + cost[:-1], lit[-1:] + lit[:-1]
            column.reach = [int(c != none) for c in cost]
            column.flip = [0] * positions
            for k in range(self.place.width):
                state, a, b = column.state[k], 2 * k, 2 * k + 1
                users = lit[a] + lit[b]
                keep = (cost[b], cost[a]) if state else (cost[a], cost[b])
                if state:
                    lit[a], lit[b] = lit[b], lit[a]
                for position, stay, turn in ((a, *keep), (b, *reversed(keep))):
                    turned = turn if turn == none else min(turn + users, none - 1)
                    toss = self.random >> position % _RANDOM_BITS & 1
                    flips = turned < stay or (turned == stay != none and toss)
                    if column.decided[k] or column.unusable[k]:
                        flips = False
                    column.flip[position] = int(flips)
                    cost[position] = turned if flips else stay
                    if column.unusable[k]:
                        cost[position] = none
            self.random = next_random(self.random)
        return cost[self.place.entries[self.source[chosen]]] != none

    def forward(self, chosen: int | None) -> None:
        """Lead the light of all inputs, that for `chosen` on the way that was found."""
        positions = 2 * self.place.width
        label = [_DARK] * positions
        here, may = [0] * positions, [0] * positions
        for output, source in self.source.items():
            label[self.place.entries[source]] = output
        if chosen is not None:
            here[self.place.entries[self.source[chosen]]] = 1
            may = list(here)
        alone = True
        self.lit = []
        for column in self.columns:
            used = [0] * self.place.width
            met = [0] * self.place.width
            for k in range(self.place.width):
                a, b = 2 * k, 2 * k + 1
                met[k] = here[a] | here[b]
                if not column.decided[k]:
                    flips = (here[a] and column.flip[a]) or (here[b] and column.flip[b])
                    column.state[k] ^= int(flips)
                used[k] = int(max(label[a], label[b]) > _DARK)
                if column.state[k]:
                    for line in (label, here, may):
                        line[a], line[b] = line[b], line[a]
                if not column.decided[k]:
                    may[a] = may[b] = may[a] | may[b]
                if column.unusable[k]:
                    may[a] = may[b] = 0
                    label[a] = label[b] = _DARK
            if chosen is not None:
                may = [m & r for m, r in zip(may, column.reach, strict=True)]
            before, alone = alone, may == here
            if before and alone:
                column.decided = [d | m for d, m in zip(column.decided, met, strict=True)]
            self.lit.append(used)
            label, here, may = (line[1:] + line[:1] for line in (label, here, may))
        self.good = {o for o in self.source if label[self.place.exits[o]] == o}

    def states(self, cells: int) -> tuple[int, ...]:
        """Cells that light passes or that are decided as they stand, others at cross."""
        found = [fabrics.CROSS] * cells
        for column, used in zip(self.columns, self.lit, strict=True):
            for k, cell in enumerate(column.places):
                if cell >= 0 and (used[k] or column.decided[k]):
                    found[cell] = column.state[k]
        return tuple(found)
