"""Channel routing: two rows of pins and the horizontal tracks that join them.

Vertical pieces and horizontal pieces are on different metals, so only pieces of one kind can meet.
The constrained left-edge algorithm fills the tracks from the lower row up. It either finds a
legal assignment or raises; it never draws a short.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class RoutingError(ValueError):
    """The nets do not fit; the message says which and why."""


class OverloadError(RoutingError):
    """A wire would carry more current than its metal bears; wider wires can help."""


@dataclass(frozen=True)
class Link:
    """One net of a channel: a pin in the lower row to a pin in the upper row."""

    net: str
    lower_x: float
    upper_x: float
    extra_um: float = 0.0
    """Width beyond that of a usual line."""

    def room(self, other: Link, clearance: float) -> float:
        """Least distance of the middles of a piece of this net and one of another."""
        return clearance + (self.extra_um + other.extra_um) / 2

    @property
    def low(self) -> float:
        """Left end of the horizontal piece."""
        return min(self.lower_x, self.upper_x)

    @property
    def high(self) -> float:
        """Right end of the horizontal piece."""
        return max(self.lower_x, self.upper_x)


ROUNDING_UM = 1e-6
"""Sums of steps miss whole ones by less than this, far below the grid."""


def assign(links: Sequence[Link], clearance: float) -> dict[str, int]:
    """Track of each net, 0 next to the lower row.

    Args:
        links: the nets.
        clearance: least distance of the middles of two usual lines on one metal: width plus space.

    Raises:
        RoutingError: two pins of a row are too close, or the order of tracks would be circular.
    """
    for side in ("lower_x", "upper_x"):
        row = sorted(links, key=lambda link: getattr(link, side))
        for a, b in itertools.pairwise(row):
            distance, room = getattr(b, side) - getattr(a, side), a.room(b, clearance)
            if distance < room - ROUNDING_UM:
                raise RoutingError(
                    f"nets {a.net} and {b.net}: pins {distance:.3f} um apart; "
                    f"allowed: {room} um or more"
                )
    below = _below(links, clearance)
    tracks: dict[str, int] = {}
    waiting = sorted(links, key=lambda link: (link.low, link.net))
    track = 0
    while waiting:
        ready = [link for link in waiting if all(net in tracks for net in below[link.net])]
        if not ready:
            names = ", ".join(link.net for link in waiting[:6])
            raise RoutingError(f"nets {names}: each would have to be above another; no track fits")
        placed: list[Link] = []
        for link in ready:
            room = link.room(placed[-1], clearance) - ROUNDING_UM if placed else 0.0
            if not placed or link.low - placed[-1].high >= room:
                placed.append(link)
        for link in placed:
            tracks[link.net] = track
            waiting.remove(link)
        track += 1
    return tracks


def _below(links: Sequence[Link], clearance: float) -> Mapping[str, set[str]]:
    """Nets whose track must be below that of each net.

    Where the upper pin of one net is over the lower pin of another, the pieces that come down and
    go up must not pass each other.
    """
    below: dict[str, set[str]] = {link.net: set() for link in links}
    for link in links:
        for other in links:
            if other is link:
                continue
            if abs(link.upper_x - other.lower_x) < link.room(other, clearance) - ROUNDING_UM:
                below[link.net].add(other.net)
    return below


def spread(
    wanted: Sequence[float], steps: float | Sequence[float], low: float, high: float
) -> list[float]:
    """Places in the order of `wanted`, `steps` apart or more, in [low, high], nearest to wanted.

    Least squares: pool adjacent violators on the places less their share of the steps.

    Args:
        wanted: ascending.
        steps: least distance of each to the next, or of all.
        low: least place.
        high: largest place.

    Raises:
        RoutingError: when they do not fit between low and high.
    """
    if any(a > b for a, b in itertools.pairwise(wanted)):
        raise ValueError(f"wanted = {list(wanted)}; allowed: ascending")
    each = [steps] * (len(wanted) - 1) if isinstance(steps, float | int) else steps
    offsets = [0.0, *itertools.accumulate(each)]
    need = offsets[-1]
    if need > high - low:
        raise RoutingError(
            f"{len(wanted)} contacts need {need:.0f} um; allowed: {high - low:.0f} um of chip edge"
        )
    pools: list[tuple[float, int]] = []
    for offset, x in zip(offsets, wanted, strict=True):
        pools.append((x - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [((a * n + b * m) / (n + m), n + m)]
    flat = [value for value, count in pools for _ in range(count)]
    # Clipping the transformed places keeps their order, and so the steps.
    return [min(max(v, low), high - need) + offset for v, offset in zip(flat, offsets, strict=True)]
