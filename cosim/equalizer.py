"""What a receive lane's registers say of its equalizer, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Equalizer:
    """Linear receiver behind the sampler, in units of sampler steps.

    `z[n] = sum taps[k] x[n + pre - k]`; the level decided, from the lowest, is the number of
    `thresholds` that `z[n] - dfe a[n-1]` reaches, with the level `a` decided before, -1 to 1.
    """

    taps: tuple[float, ...] = (1.0,)
    pre: int = 0
    dfe: float = 0.0
    thresholds: tuple[float, ...] = (0.0,)
    """One for NRZ, three for PAM4, ascending."""

    def __post_init__(self) -> None:
        """Check `pre` and `thresholds`."""
        if not 0 <= self.pre < len(self.taps):
            raise ValueError(f"pre = {self.pre}; allowed: 0 to {len(self.taps) - 1}")
        if len(self.thresholds) not in (1, 3) or list(self.thresholds) != sorted(self.thresholds):
            raise ValueError(f"thresholds = {self.thresholds}; allowed: 1 or 3, ascending")

    @property
    def levels(self) -> int:
        """Levels of a symbol."""
        return len(self.thresholds) + 1

    @classmethod
    def from_registers(
        cls, side_taps: Sequence[int], dfe: int, *, pre: int, levels: Sequence[int] = ()
    ) -> Equalizer:
        """Return what a receive lane's registers say.

        `side_taps` are in 1/64 of the main one, the `pre` before it first; `dfe` in quarter steps,
        for a symbol of 1. `levels`, four for PAM4 whose symbols are -3 to 3, are in quarter steps;
        the RTL rounds half way between them down. It rounds its values to the nearest quarter, so
        that it decides an eighth of a step below.
        """
        side = [tap / 64 for tap in side_taps]
        if len(levels) == 4:
            limits = tuple((((a + b) >> 1) - 0.5) / 4 for a, b in pairwise(levels))
            return cls((*side[:pre], 1.0, *side[pre:]), pre, 3 * dfe / 4, limits)
        return cls((*side[:pre], 1.0, *side[pre:]), pre, dfe / 4, (-0.125,))
