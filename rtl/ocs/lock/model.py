"""Golden models of the locks: what a probe sums up, and what a visit of the lock does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lightloom.rtl.ocs.lock.dither import FRACTION, RATIO_BITS
from lightloom.rtl.ocs.lock.feeds import Kind, feeds
from lightloom.rtl.ocs.lock.probe import MOST_GROUPS, MOST_REPEATS
from lightloom.spec import fabrics

__all__ = ["DitherModel", "Settings", "Visit", "probe_sum"]


def probe_sum(high: int, low: int, groups: int, repeats: int) -> int:
    """Sum of a tap that reads `high` and `low` at the two levels of the pilot."""
    slots = 4 << min(groups, MOST_GROUPS)
    return (slots // 2 << min(repeats, MOST_REPEATS)) * (high - low)


@dataclass(frozen=True)
class Settings:
    """Inputs of `DitherLock` of the same names."""

    gain: int
    step: int
    limit: int
    floor: int
    tolerance: int


class Visit(NamedTuple):
    """What a cell's visit says and does."""

    cell: int
    source: int
    held: bool
    limited: bool
    error: int
    trim: int | None
    """Written; None where the cell is held."""


class DitherModel:
    """Integrators of a chip, and rounds over it."""

    def __init__(self, topology: str, ports: int) -> None:
        """All at 0."""
        self.feeds = feeds(fabrics.plan(topology, ports))
        self.integrators = {(c, s): 0 for c in range(len(self.feeds)) for s in (0, 1)}
        self.locked = False

    def sources(
        self, states: Sequence[int], light: Sequence[int]
    ) -> list[tuple[int | None, int | None]]:
        """Source of the light at both inputs of each cell."""
        out: dict[int, int | None] = {}
        found: list[tuple[int | None, int | None]] = []
        for cell, pair in enumerate(self.feeds):
            upper, lower = (
                (feed.index if light[feed.index] else None)
                if feed.kind == Kind.PORT
                else out[feed.index]
                if feed.kind == Kind.CELL
                else None
                for feed in pair
            )
            found.append((upper, lower))
            crossed = states[cell] == fabrics.CROSS
            out[2 * cell], out[2 * cell + 1] = (lower, upper) if crossed else (upper, lower)
        return found

    def round(
        self,
        states: Sequence[int],
        light: Sequence[int],
        sums: Callable[[int, int, int, int], int],
        settings: Settings,
    ) -> list[Visit]:
        """One round; `sums(cell, source, tap, half)` are those of the probe, half 0 is up."""
        visits: list[Visit] = []
        for cell, (upper, lower) in enumerate(self.sources(states, light)):
            source = lower if upper is None else upper
            if source is None:
                continue
            crossed = states[cell] == fabrics.CROSS
            dark = int(crossed == (upper is None))  # 1 is the lower tap
            slope = sums(cell, source, dark, 0) - sums(cell, source, dark, 1)
            bright = sum(sums(cell, source, 1 - dark, half) for half in (0, 1))
            if bright < settings.floor or bright <= 0:
                visits.append(Visit(cell, source, True, False, 0, None))
                continue
            most = (1 << RATIO_BITS) - 1
            ratio = min((abs(slope) << RATIO_BITS) // bright, most)
            move = min(ratio << settings.gain, settings.step << FRACTION)
            key = cell, states[cell]
            wanted = self.integrators[key] + (move if slope < 0 else -move)
            edge = settings.limit << FRACTION
            kept = max(-edge, min(edge, wanted))
            self.integrators[key] = kept
            error = -ratio if slope < 0 else ratio
            visits.append(Visit(cell, source, False, kept != wanted, error, kept >> FRACTION))
        self.locked = all(
            abs(v.error) <= settings.tolerance and not v.held and not v.limited for v in visits
        )
        return visits
