"""Rows of bond pads or micro-bumps along the north and south edges of a chip.

Lines to an outer row pass between the contacts of the inner ones, so the pitch within a row grows
with the number of rows; as few rows are used as the edge has room for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import gdsfactory as gf

from lightloom.photonics.cells import pads
from lightloom.photonics.switch.channel import RoutingError

ROWS_MAX = 3
"""A fourth row would not bring contacts closer along the edge than a third."""
EDGE_UM = 20.0
"""From the outer row to the die edge."""
ROW_GAP_UM = 30.0
"""Between the landings of two rows."""


@dataclass(frozen=True)
class Contact:
    """A kind of contact: its cell, the side of its landing and the space beside it on one row."""

    cell: gf.Component
    landing_um: float
    space_um: float

    def step_um(self, rows: int, line_um: float, clear_um: float) -> float:
        """Least distance along the edge of the contacts of all rows.

        Args:
            rows: number of rows.
            line_um: width of the lines that pass.
            clear_um: space that a line needs beside it.
        """
        alone = (self.landing_um + self.space_um) / rows
        passing = self.landing_um / 2 + clear_um + line_um / 2 if rows > 1 else 0.0
        return max(alone, passing, line_um + clear_um)


def contact(kind: Literal["pads", "bumps"], metal: int = 2) -> Contact:
    """Return the contacts that `switch.contacts` names: 80 um pads or 25 um bumps.

    Args:
        kind: of contacts.
        metal: that they stand on, 2 or 3.
    """
    if kind == "pads":
        return Contact(pads.bond_pad(metal=metal), 80.0, 30.0)
    return Contact(pads.bump(metal=metal), 33.0, 17.0)


@dataclass(frozen=True)
class Rows:
    """How the contacts of both edges stand."""

    contact: Contact
    count: int
    step_um: float
    """Between contacts of neighbouring rows."""

    @property
    def alone_um(self) -> float:
        """Between two contacts of one row."""
        return self.contact.landing_um + self.contact.space_um

    @property
    def height_um(self) -> float:
        """From the innermost landing to the die edge."""
        return self.count * (self.contact.landing_um + ROW_GAP_UM) - ROW_GAP_UM + EDGE_UM

    def middle_um(self, row: int, half_height_um: float) -> float:
        """Distance from the axis of the middle of a row; row 0 is the innermost."""
        outward = self.count - 1 - row
        landing = self.contact.landing_um
        return half_height_um - EDGE_UM - landing / 2 - outward * (landing + ROW_GAP_UM)

    def arrange(self, wide_um: Sequence[float]) -> tuple[list[int], list[float]]:
        """Row of each contact along an edge, and least distance of each to the next.

        Args:
            wide_um: how much wider than usual the line to each contact is. A wide line goes to the
                innermost row, where it passes no contact, and stands apart from its neighbours.
        """
        places: list[int] = []
        steps: list[float] = []
        for k, wide in enumerate(wide_um):
            after_wide = k > 0 and wide_um[k - 1] > 0
            fresh = k == 0 or wide > 0 or after_wide
            places.append(0 if fresh else (places[-1] + 1) % self.count)
            if k:
                apart = max(self.alone_um, self.step_um) if fresh else self.step_um
                steps.append(apart + max(0.0, max(wide, wide_um[k - 1]) - self.contact.landing_um))
        return places, steps


def rows(
    kind: Literal["pads", "bumps"],
    wide_um: Sequence[Sequence[float]],
    room_um: float,
    line_um: float,
    clear_um: float,
    metal: int = 2,
) -> Rows:
    """Return the fewest rows that hold the contacts of each edge within `room_um`.

    Args:
        kind: of contacts.
        wide_um: for each edge what `Rows.arrange` takes.
        room_um: length of both edges.
        line_um: width of usual lines.
        clear_um: space beside a line.
        metal: that the contacts stand on.

    Raises:
        RoutingError: when even `ROWS_MAX` rows do not.
    """
    one = contact(kind, metal)
    need = 0.0
    for count in range(1, ROWS_MAX + 1):
        found = Rows(one, count, one.step_um(count, line_um, clear_um))
        need = max(sum(found.arrange(edge)[1]) for edge in wide_um)
        if need <= room_um:
            return found
    raise RoutingError(
        f"{max(map(len, wide_um))} {kind} in {ROWS_MAX} rows need {need:.0f} um; "
        f"allowed: {room_um:.0f} um of chip edge"
    )
