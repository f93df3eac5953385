"""Simple lines between the sides of two blocks, level where they begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lightloom.photonics.pictures.labels import Box

STRAIGHT = 0.05
"""Ends whose heights differ by less are joined by a straight line."""
LEAST, TURN = 12.0, 16.0
"""Reach of the shortest bend, and of one that turns back."""


@dataclass(frozen=True)
class Curve:
    """From one end to the other; each end leaves its block to the east or to the west."""

    x1: float
    y1: float
    east1: bool
    x2: float
    y2: float
    east2: bool

    def path(self) -> str:
        """Return the line as SVG commands."""
        if self._straight():
            return f"M{self.x1:.1f} {self.y1:.1f}H{self.x2:.1f}"
        near, first, second, far = self._bend()
        lead = f"H{near:.1f}" if near != self.x1 else ""
        tail = f"H{self.x2:.1f}" if far != self.x2 else ""
        bend = f"C{first:.1f} {self.y1:.1f} {second:.1f} {self.y2:.1f} {far:.1f} {self.y2:.1f}"
        return f"M{self.x1:.1f} {self.y1:.1f}{lead}{bend}{tail}"

    def boxes(self, margin: float = 1.0) -> Iterator[Box]:
        """Return the room that the line takes, in short pieces."""
        points = [(self.x1, self.y1)]
        if not self._straight():
            corners = np.array(self._bend()), np.array([self.y1, self.y1, self.y2, self.y2])
            t = np.linspace(0.0, 1.0, 9)
            weights = np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
            points += zip(*(corner @ weights for corner in corners), strict=True)
        points.append((self.x2, self.y2))
        for (x1, y1), (x2, y2) in pairwise(points):
            yield Box(
                float(min(x1, x2)) - margin,
                float(min(y1, y2)) - margin,
                float(max(x1, x2)) + margin,
                float(max(y1, y2)) + margin,
            )

    def _straight(self) -> bool:
        return self.east1 != self.east2 and abs(self.y2 - self.y1) < STRAIGHT

    def _bend(self) -> tuple[float, float, float, float]:
        """Where the bend begins, its two handles, and where it ends, along the line."""
        near, far, reach = self.x1, self.x2, max(abs(self.x2 - self.x1) * 0.5, LEAST)
        if self.east1 == self.east2:
            # Turns back: level beside the nearer end as far as the other one, then round.
            near = far = max(near, far) if self.east1 else min(near, far)
            reach = TURN
        first = near + (reach if self.east1 else -reach)
        return near, first, far + (reach if self.east2 else -reach), far
