"""Switch fabrics as columns over slots: their wiring, counted and named once for RTL and layout.

A slot is a height in the fabric, slot 0 the northernmost; light runs from column to column. A cell
takes two neighbouring slots and is *bar* (0, upper in to upper out) or *cross* (1, swapped); a cell
that is not driven is cross. Cells are numbered by stage, in a stage from the top; heaters, DAC
codes and registers are in that order.

Benes: V. E. Benes, *Mathematical Theory of Connecting Networks and Telephone Traffic* (1965).
PILOSS (every path passes N cells): T. Shimoe, K. Hajikano, K. Murakami, OFC 1987, TUB3. Switch and
select: R. A. Spanke, IEEE J. Quantum Electron. 22, 964 (1986). Odd-even transposition: Knuth, *The
Art of Computer Programming* vol. 3, 5.3.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from lightloom.spec import benes

BAR, CROSS = 0, 1
Path = Literal["primary", "backup", "loopback"]


@dataclass(frozen=True)
class Cells:
    """A column of cells by their upper slots, from the top, with plain crossings beside them."""

    stage: int
    uppers: tuple[int, ...]
    crossings: tuple[int, ...] = ()


@dataclass(frozen=True)
class Crossings:
    """A column of waveguide crossings by their upper slots."""

    uppers: tuple[int, ...]


@dataclass(frozen=True)
class Move:
    """Lines take new slots without crossing; a line that is not named ends here, dark."""

    to: tuple[tuple[int, int], ...]
    """Old and new slot, both rising."""


Column = Cells | Crossings | Move


@dataclass(frozen=True)
class Plan:
    """A fabric: which slots its ports are at and what acts on them, column by column."""

    topology: str
    ports: int
    inputs: Mapping[str, int]
    """Slot of each input at the left, from the top."""
    outputs: Mapping[str, int]
    """Slot of each output at the right, from the top."""
    columns: tuple[Column, ...]

    @property
    def cells(self) -> tuple[tuple[int, int], ...]:
        """Stage and row of each cell."""
        return tuple(
            (column.stage, row)
            for column in self.columns
            if isinstance(column, Cells)
            for row in range(len(column.uppers))
        )

    @property
    def stages(self) -> int:
        """Columns of cells."""
        return sum(isinstance(column, Cells) for column in self.columns)

    @property
    def crossings(self) -> int:
        """Waveguide crossings."""
        total = 0
        for column in self.columns:
            if isinstance(column, Cells):
                total += len(column.crossings)
            elif isinstance(column, Crossings):
                total += len(column.uppers)
        return total


def driven(fabric: Plan, column: Cells) -> int:
    """Most cells of a column that one routing drives at once."""
    if fabric.topology == "switch-and-select":
        return fabric.ports  # one on the way of each input
    return len(column.uppers)


@dataclass(frozen=True)
class Way:
    """What light meets between an input and an output at given cell states."""

    output: str
    cells: tuple[int, ...]
    """Cell indices."""
    crossings: int


def columns_of_swaps(order: Sequence[int]) -> list[tuple[int, ...]]:
    """Columns of swaps of neighbours that bring the line at i to `order[i]`.

    Odd-even transposition: as many swaps as the permutation has inversions; empty columns are left
    out.
    """
    best: list[tuple[int, ...]] | None = None
    for parity in (0, 1):
        line = list(order)
        columns: list[tuple[int, ...]] = []
        for column in range(len(line) + 1):
            start = (column + parity) % 2
            swaps = tuple(i for i in range(start, len(line) - 1, 2) if line[i] > line[i + 1])
            for i in swaps:
                line[i], line[i + 1] = line[i + 1], line[i]
            if swaps:
                columns.append(swaps)
        if best is None or len(columns) < len(best):
            best = columns
    assert best is not None
    return best


@cache
def plan(topology: str, ports: int) -> Plan:
    """Return the plan of a topology; `ports` are the lanes of an `ocstrx`.

    Raises:
        ValueError: the topology is unknown or does not come in that size.
    """
    if topology not in _PLANS:
        raise ValueError(f"topology = {topology!r}; allowed: {', '.join(_PLANS)}")
    if ports < 2:
        raise ValueError(f"ports = {ports}; allowed: 2 or more")
    return _PLANS[topology](ports)


def _named(kind: str, slots: Sequence[int]) -> dict[str, int]:
    return {f"{kind}{port}": slot for port, slot in enumerate(slots)}


def _benes(ports: int) -> Plan:
    columns: list[Column] = []
    for stage in range(benes.stages(ports)):
        columns.append(Cells(stage, tuple(range(0, ports, 2))))
        if stage < benes.stages(ports) - 1:
            columns += [Crossings(c) for c in columns_of_swaps(benes.wiring(ports, stage))]
    lines = range(ports)
    return Plan("benes", ports, _named("in", lines), _named("out", lines), tuple(columns))


def _odd_even(ports: int) -> Plan:
    # The second column of two ports has no pair.
    columns = [Cells(stage, tuple(range(stage % 2, ports - 1, 2))) for stage in range(ports)]
    kept = tuple(column for column in columns if column.uppers)
    lines = range(ports)
    return Plan("odd-even", ports, _named("in", lines), _named("out", lines), kept)


def _meetings(ports: int, order: list[tuple[str, int]], columns: int) -> list[Cells]:
    """Columns in which neighbours of `order` pass each other: a cell where kinds differ.

    A crossing elsewhere; only pairs of input line above or below output line meet in cells.
    """
    found: list[Cells] = []
    for column in range(columns):
        uppers: list[int] = []
        crossings: list[int] = []
        for slot in range(column % 2, len(order) - 1, 2):
            first, second = order[slot], order[slot + 1]
            (uppers if first[0] != second[0] else crossings).append(slot)
            order[slot], order[slot + 1] = second, first
        found.append(Cells(column, tuple(uppers), tuple(crossings)))
    return found


def _piloss(ports: int) -> Plan:
    # Input and output lines alternate. All lines keep crossing their neighbours and turn back at
    # the edges, so every input line meets every output line once, as the k-th of both.
    order = [line for port in range(ports) for line in (("in", port), ("out", port))]
    columns = _meetings(ports, order, 2 * ports)
    outputs = {f"out{port}": order.index(("out", port)) for port in range(ports)}
    inputs = _named("in", range(0, 2 * ports, 2))
    rising = dict(sorted(outputs.items(), key=lambda item: item[1]))
    # The last meeting is not at the outermost columns for every size.
    return Plan("piloss", ports, inputs, rising, _renumbered(columns))


def _crossbar(ports: int) -> Plan:
    order = [("in", port) for port in range(ports)] + [("out", port) for port in range(ports)]
    columns: list[Cells] = []
    for stage in range(2 * ports - 1):
        uppers = tuple(
            slot
            for slot in range(2 * ports - 1)
            if order[slot][0] == "in" and order[slot + 1][0] == "out"
        )
        for slot in uppers:
            order[slot], order[slot + 1] = order[slot + 1], order[slot]
        columns.append(Cells(stage, uppers))
    outputs = {f"out{port}": order.index(("out", port)) for port in range(ports)}
    return Plan("crossbar", ports, _named("in", range(ports)), outputs, tuple(columns))


def _renumbered(columns: Sequence[Cells]) -> tuple[Column, ...]:
    """Columns without a cell become columns of crossings; stages count on."""
    result: list[Column] = []
    stage = 0
    for column in columns:
        if column.uppers:
            result.append(Cells(stage, column.uppers, column.crossings))
            stage += 1
        elif column.crossings:
            result.append(Crossings(column.crossings))
    return tuple(result)


def _switch_and_select(ports: int) -> Plan:
    levels = benes.stages(ports) // 2 + 1  # refuses what is not a power of two
    stage = 0
    columns: list[Column] = []

    def roots(size: int) -> list[int]:
        """Upper slots of the cells in the middle of blocks of `size` lines."""
        return [base + size // 2 - 1 for base in range(0, ports * ports, size)]

    size = ports
    for level in range(levels):
        uppers = roots(size)
        columns.append(Cells(stage, tuple(uppers)))
        stage += 1
        if level < levels - 1:
            halves = roots(size // 2)
            lines = [slot for upper in uppers for slot in (upper, upper + 1)]
            columns.append(Move(tuple(zip(lines, halves, strict=True))))
            size //= 2
    shuffle = [j * ports + i for i in range(ports) for j in range(ports)]
    columns += [Crossings(swaps) for swaps in columns_of_swaps(shuffle)]
    for level in range(levels):
        uppers = roots(size)
        columns.append(Cells(stage, tuple(uppers)))
        stage += 1
        if level < levels - 1:
            size *= 2
            lines = [slot for upper in roots(size) for slot in (upper, upper + 1)]
            columns.append(Move(tuple(zip(uppers, lines, strict=True))))
    ends = roots(ports)
    return Plan("switch-and-select", ports, _named("in", ends), _named("out", ends), tuple(columns))


_LANE_SLOTS = 5
"""Slots of a lane of an ocstrx before the loopback lines are crossed over."""


def _ocstrx(lanes: int) -> Plan:
    """Transmit side: to fibre or loopback, then primary or backup; receive side the reverse."""
    if lanes % 2:
        raise ValueError(f"ports = {lanes} with topology 'ocstrx'; allowed: even numbers")
    bases = [_LANE_SLOTS * lane for lane in range(lanes)]
    inputs: dict[str, int] = {}
    for lane, base in enumerate(bases):
        inputs |= {f"tx{lane}": base, f"p_in{lane}": base + 3, f"b_in{lane}": base + 4}
    first = Cells(0, tuple(slot for base in bases for slot in (base, base + 3)))
    second = Cells(1, tuple(base + 1 for base in bases))
    # Of each lane go on: loopback, backup out, primary out, and what the receive side selected.
    kept = [base + slot for base in bases for slot in (0, 1, 2, 4)]
    # They take fewer slots: in the middle of those before.
    top = (_LANE_SLOTS - 4) * lanes // 2
    gather = Move(tuple((slot, top + k) for k, slot in enumerate(kept)))
    order: list[int] = []
    for lane in range(lanes):
        partner = (lane + lanes // 2) % lanes
        order += [4 * partner + 3, 4 * lane, 4 * lane + 1, 4 * lane + 2]
    swaps = (
        Crossings(tuple(top + upper for upper in uppers)) for uppers in columns_of_swaps(order)
    )
    last = Cells(2, tuple(top + 4 * lane + 2 for lane in range(lanes)))
    outputs: dict[str, int] = {}
    for lane in range(lanes):
        base = top + 4 * lane
        outputs |= {f"b_out{lane}": base, f"p_out{lane}": base + 1, f"rx{lane}": base + 3}
    columns = (first, second, gather, *swaps, last)
    return Plan("ocstrx", lanes, inputs, outputs, columns)


_PLANS = {
    "benes": _benes,
    "piloss": _piloss,
    "crossbar": _crossbar,
    "switch-and-select": _switch_and_select,
    "odd-even": _odd_even,
    "ocstrx": _ocstrx,
}
TOPOLOGIES = tuple(_PLANS)


def route(topology: str, ports: int, permutation: Sequence[int]) -> list[int]:
    """Cell states that bring input i to output `permutation[i]`.

    Raises:
        ValueError: when `permutation` is not one, or the topology has paths instead.
    """
    if sorted(permutation) != list(range(ports)):
        raise ValueError(f"{list(permutation)} is not a permutation of 0 to {ports - 1}")
    fabric = plan(topology, ports)
    if topology == "benes":
        return benes.route(permutation)
    if topology == "odd-even":
        return _sorting(fabric, permutation)
    if topology in ("piloss", "crossbar"):
        return _matching(fabric, permutation)
    if topology == "switch-and-select":
        return _trees(fabric, permutation)
    raise ValueError(f"topology = {topology!r}; allowed: one with permutations")


def route_path(lanes: int, path: Path) -> list[int]:
    """Cell states of an ocstrx that give all lanes one path."""
    fabric = plan("ocstrx", lanes)
    states = {
        # (to loopback or fibre), (p_in or b_in), (backup or primary out), (fibre or loopback)
        "primary": (CROSS, CROSS, CROSS, CROSS),
        "backup": (CROSS, BAR, BAR, CROSS),
        "loopback": (BAR, CROSS, CROSS, BAR),
    }
    if path not in states:
        raise ValueError(f"path = {path!r}; allowed: {', '.join(states)}")
    send, receive, outward, inward = states[path]
    result: list[int] = []
    for stage, row in fabric.cells:
        result.append(((send, receive)[row % 2], outward, inward)[stage])
    return result


def _sorting(fabric: Plan, permutation: Sequence[int]) -> list[int]:
    line = list(permutation)
    states: list[int] = []
    for column in fabric.columns:
        assert isinstance(column, Cells)
        for upper in column.uppers:
            swap = line[upper] > line[upper + 1]
            if swap:
                line[upper], line[upper + 1] = line[upper + 1], line[upper]
            states.append(CROSS if swap else BAR)
    return states


def _matching(fabric: Plan, permutation: Sequence[int]) -> list[int]:
    """Bar where the line of an input meets that of its output, cross everywhere else."""
    slots = 2 * fabric.ports
    order: list[tuple[str, int] | None] = [None] * slots
    for port in range(fabric.ports):
        order[fabric.inputs[f"in{port}"]] = "in", port
    if fabric.topology == "crossbar":
        order[fabric.ports :] = [("out", port) for port in range(fabric.ports)]
    else:
        order[1::2] = [("out", port) for port in range(fabric.ports)]
    states: list[int] = []
    for column in fabric.columns:
        assert isinstance(column, Cells | Crossings)
        for upper in column.uppers:
            if isinstance(column, Cells):
                pair = dict(line for line in order[upper : upper + 2] if line is not None)
                states.append(BAR if permutation[pair["in"]] == pair["out"] else CROSS)
        crossed = column.crossings if isinstance(column, Cells) else ()
        for upper in (*column.uppers, *crossed):
            order[upper], order[upper + 1] = order[upper + 1], order[upper]
    return states


def _trees(fabric: Plan, permutation: Sequence[int]) -> list[int]:
    """Each tree leads from its root to the leaf of the partner; other cells are not driven."""
    ports, levels = fabric.ports, fabric.stages // 2
    inverse = [0] * ports
    for source, target in enumerate(permutation):
        inverse[target] = source
    states = [CROSS] * len(fabric.cells)
    for index, (stage, row) in enumerate(fabric.cells):
        level, partner = (
            (stage, permutation) if stage < levels else (2 * levels - 1 - stage, inverse)
        )
        tree, node = divmod(row, 1 << level)
        leaf = partner[tree]
        size = ports >> level
        if leaf // size == node:
            states[index] = BAR if leaf % size < size // 2 else CROSS
    return states


@dataclass
class _Light:
    source: str
    cells: list[int] = field(default_factory=list)
    crossings: int = 0


def ways(fabric: Plan, states: Sequence[int]) -> dict[str, Way]:
    """Where the light of each input goes at the given cell states; inputs that end dark are absent.

    Raises:
        ValueError: when the number of states is not that of the cells.
    """
    if len(states) != len(fabric.cells):
        raise ValueError(f"{len(states)} cell states; allowed: {len(fabric.cells)}")
    light: dict[int, _Light] = {slot: _Light(name) for name, slot in fabric.inputs.items()}
    index = 0

    def swap(upper: int) -> None:
        pair = light.pop(upper, None), light.pop(upper + 1, None)
        for slot, one in ((upper + 1, pair[0]), (upper, pair[1])):
            if one is not None:
                light[slot] = one

    for column in fabric.columns:
        if isinstance(column, Move):
            moved = dict(column.to)
            light = {moved[slot]: one for slot, one in light.items() if slot in moved}
            continue
        crossings = column.crossings if isinstance(column, Cells) else column.uppers
        if isinstance(column, Cells):
            for upper in column.uppers:
                for slot in (upper, upper + 1):
                    if slot in light:
                        light[slot].cells.append(index)
                if states[index] == CROSS:
                    swap(upper)
                index += 1
        for upper in crossings:
            for slot in (upper, upper + 1):
                if slot in light:
                    light[slot].crossings += 1
            swap(upper)
    names = {slot: name for name, slot in fabric.outputs.items()}
    return {
        one.source: Way(names[slot], tuple(one.cells), one.crossings)
        for slot, one in sorted(light.items())
        if slot in names
    }
