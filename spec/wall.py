"""Crossbar and PILOSS fabrics as a wall of bricks: in every column as many places for a cell.

A column pairs all slots with one neighbour, the next column with the other one. Positions are
counted from a slot that moves down by one from column to column, so that place k always pairs
positions 2 k and 2 k + 1 and light goes from position p + 1 to position p of the next column. Where
the fabric has no cell there is a plain crossing, or nothing: that is a cell that stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from lightloom.spec import fabrics

__all__ = ["CROSSING", "STRAIGHT", "Wall", "wall"]

CROSSING, STRAIGHT = -1, -2
"""Places without a cell: the two lines swap; they do not."""


@dataclass(frozen=True)
class Wall:
    """The places of a fabric and where its ports are."""

    width: int
    """Places in a column; positions are twice as many."""
    places: tuple[tuple[int, ...], ...]
    """Cell at each place of each column, or CROSSING or STRAIGHT."""
    entries: tuple[int, ...]
    """Position of each input in the first column."""
    exits: tuple[int, ...]
    """Position of each output behind the last column."""

    @property
    def columns(self) -> int:
        """Columns of places."""
        return len(self.places)


@cache
def wall(topology: str, ports: int) -> Wall:
    """Return the wall of a crossbar or PILOSS fabric.

    Raises:
        ValueError: the topology is another one, or does not come in that size.
    """
    if topology not in ("piloss", "crossbar"):
        raise ValueError(f"topology = {topology!r}; allowed: piloss, crossbar")
    plan = fabrics.plan(topology, ports)
    slots, count = 2 * ports, 0
    first = plan.columns[0]
    assert isinstance(first, fabrics.Cells)
    origin = first.uppers[0] % 2
    places: list[tuple[int, ...]] = []
    for column, content in enumerate(plan.columns):
        at = [STRAIGHT] * ports
        assert isinstance(content, fabrics.Cells | fabrics.Crossings)
        crossed = content.uppers
        if isinstance(content, fabrics.Cells):
            crossed = content.crossings
            for upper in content.uppers:
                at[_place(upper, origin + column, slots)] = count
                count += 1
        for upper in crossed:
            at[_place(upper, origin + column, slots)] = CROSSING
        places.append(tuple(at))
    end = origin + len(places)
    return Wall(
        ports,
        tuple(places),
        tuple((plan.inputs[f"in{port}"] - origin) % slots for port in range(ports)),
        tuple((plan.outputs[f"out{port}"] - end) % slots for port in range(ports)),
    )


def _place(upper: int, origin: int, slots: int) -> int:
    position = (upper - origin) % slots
    assert position % 2 == 0
    return position // 2
