"""The bump map of a chip, and its mirror image for the die that is flipped on to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Bump(NamedTuple):
    """One bump or pad, in um from the lower left corner's coordinates of its die's layout."""

    name: str
    x_um: float
    y_um: float
    net: str


def mirrored(bumps: Iterable[Bump], width_um: float) -> tuple[Bump, ...]:
    """Bumps as the layout of the flipped die sees them.

    The electrical die lies face down on the photonic die: its own layout, drawn looking at its
    face, is mirrored about the vertical axis. `x' = width - x`, `y' = y`, with the same outline.
    Of bond pads, it is where a die that stands east of this one, face up, has its own, so that
    wires run straight across and do not cross.

    Args:
        bumps: of the photonic die, looking at its face.
        width_um: of the die, whose west edge is at x = 0.
    """
    return tuple(b._replace(x_um=round(width_um - b.x_um, 3)) for b in bumps)


def csv(bumps: Iterable[Bump]) -> str:
    """A bump map as text: name, place in um, net."""
    rows = (f"{b.name},{b.x_um:.3f},{b.y_um:.3f},{b.net}\n" for b in bumps)
    return "name,x_um,y_um,net\n" + "".join(rows)
