"""Where the light of each cell of a fabric comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from lightloom.spec import fabrics

__all__ = ["Feed", "Kind", "feeds"]


class Kind(IntEnum):
    """What stands before an input of a cell."""

    DARK = 0
    PORT = 1
    CELL = 2


@dataclass(frozen=True)
class Feed:
    """One input of a cell: number of the chip's input, or 2 * cell + (0 upper, 1 lower) output."""

    kind: Kind
    index: int = 0


def feeds(plan: fabrics.Plan) -> list[tuple[Feed, Feed]]:
    """Return the upper and the lower feed of each cell, in the order of the cells.

    A cell comes after those that feed it, so one pass in order finds the source of all light.
    """
    lines = {slot: Feed(Kind.PORT, number) for number, slot in enumerate(plan.inputs.values())}
    found: list[tuple[Feed, Feed]] = []

    def swap(upper: int) -> None:
        pair = lines.pop(upper, None), lines.pop(upper + 1, None)
        for slot, feed in ((upper + 1, pair[0]), (upper, pair[1])):
            if feed is not None:
                lines[slot] = feed

    for column in plan.columns:
        if isinstance(column, fabrics.Move):
            moved = dict(column.to)
            lines = {moved[slot]: feed for slot, feed in lines.items() if slot in moved}
        elif isinstance(column, fabrics.Crossings):
            for upper in column.uppers:
                swap(upper)
        else:
            for upper in column.uppers:
                dark = Feed(Kind.DARK)
                found.append((lines.get(upper, dark), lines.get(upper + 1, dark)))
                cell = len(found) - 1
                lines[upper] = Feed(Kind.CELL, 2 * cell)
                lines[upper + 1] = Feed(Kind.CELL, 2 * cell + 1)
            for upper in column.crossings:
                swap(upper)
    return found
