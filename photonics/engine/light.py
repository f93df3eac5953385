"""Waveguides between the lanes of an engine and its edge: fibre fan-in and splitter trees.

Both are planar. Fibres stand in the order of the lanes' ends, so their wires only move aside. A
tree starts at the east end of its laser's way, in the middle of its lanes; its first splitter sends
light back west on both sides, where it is split on to the lanes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw
from lightloom.photonics.cells.edge_coupler import edge_coupler
from lightloom.photonics.cells.splitter import splitter1x2
from lightloom.photonics.engine.parts import BEND_UM, CLEAR_UM, extent
from lightloom.photonics.engine.pen import EAST, NORTH, SOUTH, WEST, Pen, put

TURN_UM = 20.0
"""Reach of the bends of fibre wires that move far aside."""
TRACK_UM = 10.0
"""Between two such wires."""
BEND_LENGTH_UM = 60.0
"""Length of the S-bends of wires that move aside less than that."""
ROW_MIN_UM = 5.0
"""Least distance of two wires that stay side by side."""


def facet(assembly: Assembly, label: str, y_um: float) -> Pen:
    """An edge coupler at the west edge with its port; returns its open end."""
    cell = edge_coupler(width=assembly.width_um)
    placed = put(assembly, cell, f"ec_{label}", draw.point(0.0, y_um), EAST, "o2")
    assembly.optical_port(label, (placed.name, "o2"), 0.0, y_um)
    return placed.leave("o1")


def fan_in_um(moves: Sequence[tuple[float, float]]) -> float:
    """Room along x for wires from fibres to other rows, by `fan_in`."""
    starts = _starts(moves)
    return max(start + _room(low, high) for start, (low, high) in zip(starts, moves, strict=True))


def _room(low: float, high: float) -> float:
    """Length along x of a move aside."""
    return 2 * TURN_UM if _is_far(low, high) else BEND_LENGTH_UM


def _is_far(low: float, high: float) -> bool:
    return abs(high - low) > BEND_LENGTH_UM


def _starts(moves: Sequence[tuple[float, float]]) -> list[float]:
    """Where each wire starts to move aside; wires are from north to south.

    A wire that moves north may run into the row that its northern neighbours come from: those must
    have left it. Likewise southwards; wires that move apart or towards each other never meet.
    """
    starts = [0.0] * len(moves)
    for sign, order in ((1, range(len(moves))), (-1, reversed(range(len(moves))))):
        ahead: list[int] = []
        for k in order:
            low, high = moves[k]
            if (high - low) * sign <= 0:
                continue
            for i in ahead:
                if (moves[i][0] - high) * sign < ROW_MIN_UM + TURN_UM:
                    starts[k] = max(starts[k], starts[i] + _apart(moves[i], moves[k]))
            ahead.append(k)
    return starts


def _apart(first: tuple[float, float], second: tuple[float, float]) -> float:
    """How much later a wire moves aside than one that must go first."""
    far = _is_far(*first), _is_far(*second)
    if far == (False, False):
        return 0.0  # two S-bends at one place stay side by side
    return TRACK_UM if all(far) else _room(*first)


def fan_in(fibres: Sequence[Pen], rows: Sequence[float], x_um: float) -> None:
    """Lead fibres east to other rows at x; both are from north to south.

    Raises:
        ValueError: their orders differ.
    """
    moves = [(pen.y_um, y) for pen, y in zip(fibres, rows, strict=True)]
    for place in (0, 1):
        levels = [move[place] for move in moves]
        if any(a - b < ROW_MIN_UM for a, b in itertools.pairwise(levels)):
            raise ValueError(f"fibre wires at {levels}; allowed: from north to south")
    for pen, start, (low, high) in zip(fibres, _starts(moves), moves, strict=True):
        move = draw.on_grid(high - low)
        pen.forward(start)
        if _is_far(low, high):
            pen.turn_to(NORTH if move > 0 else SOUTH, TURN_UM)
            pen.forward(abs(move) - 2 * TURN_UM)
            pen.turn_to(EAST, TURN_UM)
        else:
            pen.shift(move, BEND_LENGTH_UM)
        pen.forward_to(x_um)


def _level_um(assembly: Assembly) -> float:
    """Room along x of one level of a tree: a splitter, and both bends to the next."""
    cell = splitter1x2(width=assembly.width_um)
    return draw.on_grid(extent(cell).width() + 2 * BEND_UM + 2 * CLEAR_UM)


def tree_um(assembly: Assembly, leaves: int) -> float:
    """Room along x of a tree, from the ends of its lanes to the east of its first splitter."""
    return draw.on_grid(max(1, math.ceil(math.log2(leaves))) * _level_um(assembly))


def tree(pen: Pen, leaves: Sequence[Pen], name: str) -> None:
    """Split a laser's light to its lanes.

    Args:
        pen: of the laser, heading east in the middle of the lanes.
        leaves: ends of the lanes, looking east at one x, from north to south; a power of two, at
            least two.
        name: of the tree's devices.
    """
    ends = [leaf.x_um for leaf in leaves]
    room = tree_um(pen.assembly, len(leaves))
    splitter = splitter1x2(width=pen.assembly.width_um)
    pen.forward_to(ends[0] + room - extent(splitter).width() - BEND_UM - CLEAR_UM)
    placed = pen.device(splitter, f"split_{name}")
    half = len(leaves) // 2
    # North is left of light that runs east, and so is o2.
    for port, heading, part in (("o2", NORTH, leaves[:half]), ("o3", SOUTH, leaves[half:])):
        branch = placed.leave(port)
        branch.forward(CLEAR_UM)
        branch.turn_to(heading, BEND_UM)
        branch.forward_to(_middle(part) + (-BEND_UM if heading == NORTH else BEND_UM))
        branch.turn_to(WEST, BEND_UM)
        _split(branch, part, f"{name}_{port[1]}")


def _middle(leaves: Sequence[Pen]) -> float:
    half = len(leaves) // 2
    around = (leaves[max(half - 1, 0)].y_um, leaves[half].y_um)
    return draw.on_grid(sum(around) / 2)


def _split(pen: Pen, leaves: Sequence[Pen], name: str) -> None:
    """Split light that runs west to lanes on both sides of it."""
    if len(leaves) == 1:
        pen.forward_to(leaves[0].x_um)
        pen.meet(leaves[0])
        return
    pen.forward(CLEAR_UM)
    # Mirrored: o2 is in the north for light that runs west, too.
    placed = pen.device(splitter1x2(width=pen.assembly.width_um), f"split_{name}", mirror=True)
    half = len(leaves) // 2
    for port, heading, part in (("o2", NORTH, leaves[:half]), ("o3", SOUTH, leaves[half:])):
        branch = placed.leave(port)
        branch.forward(CLEAR_UM)
        branch.turn_to(heading, BEND_UM)
        branch.forward_to(_middle(part) + (-BEND_UM if heading == NORTH else BEND_UM))
        branch.turn_to(WEST, BEND_UM)
        _split(branch, part, f"{name}{port[1]}")
