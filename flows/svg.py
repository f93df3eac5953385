"""What the report's drawings share: colours, numbers, round ticks, and the canvas."""

from __future__ import annotations

import math

from lightloom.photonics.pictures.svg import INK, MUTED, PAPER, RULE, TINT, Canvas

__all__ = [
    "BAD", "COPPER", "GOOD", "INK", "LANES", "LIGHT", "MUTED", "PAPER", "RULE", "TINT",
    "Canvas", "number", "ticks",
]  # fmt: skip

COPPER = "#a8622d"
LIGHT = "#1f5fa8"
GOOD = "#1d7a46"
BAD = "#b3261e"
LANES = ("#2b59c3", "#1689b5", "#0f8f7d", "#4b9a2f", "#a3860d", "#cf6a17", "#c2343a", "#8e3fa8")
"""Lane colours in rainbow order, so that a permutation can be followed by eye."""


def number(value: float, digits: int = 1) -> str:
    """A number with a true minus sign and no negative zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "\N{MINUS SIGN}")


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, at most about as many as asked for."""
    span = high - low
    if not span > 0:
        return [low]
    raw = span / max(about - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # Rounded to the step's decimals, so that 3 * 0.1 prints as 0.3.
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(k * step, digits) for k in range(first, last + 1)]
