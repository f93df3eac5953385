"""Names in pictures: how much room a text takes, which of many fit, what stands for the others.

Pure arithmetic in the units of the picture, so that a test can prove that nothing overlaps. The
widths are upper bounds for the usual sans-serif typefaces (DejaVu Sans is the widest of them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_NARROW = frozenset("fijlrtI.,:;|!'()[]/- \u00b7\u2002")
_WIDE = frozenset("mwMW%@+=<>~\u2026\u2013\u2014\u2192\u00d7\u2212")
BOLD = 1.13
"""Bold letters are wider by at most this."""
ASCENT, DESCENT = 0.78, 0.24
"""Of a text above and below its baseline, as parts of its size."""
MIDDLE = 0.36
"""The middle of capital letters and digits lies this far above the baseline."""


def width(text: str, size: float, bold: bool = False) -> float:
    """Return an upper bound of the width of a line of text, in the unit of `size`."""
    total = 0.0
    for letter in text:
        if letter in _NARROW:
            total += 0.42
        elif letter in _WIDE or not letter.isascii():
            total += 1.0
        elif letter == "_":
            total += 0.5
        else:
            total += 0.79 if letter.isupper() or letter in "&#$" else 0.64
    return total * size * (BOLD if bold else 1.0)


@dataclass(frozen=True)
class Box:
    """A rectangle with y growing downwards."""

    x1: float
    y1: float
    x2: float
    y2: float

    def meets(self, other: Box, gap: float = 0.0) -> bool:
        """Return whether the two overlap or are closer than `gap`."""
        return (
            self.x1 < other.x2 + gap
            and other.x1 < self.x2 + gap
            and self.y1 < other.y2 + gap
            and other.y1 < self.y2 + gap
        )

    def inside(self, other: Box) -> bool:
        """Return whether all of it is in the other."""
        return (
            other.x1 <= self.x1
            and self.x2 <= other.x2
            and other.y1 <= self.y1
            and self.y2 <= other.y2
        )


def centred(text: str, size: float, x: float, y: float, upright: bool = False) -> Box:
    """Return the box of a text with its middle at (x, y); `upright` reads upwards."""
    half, rise = width(text, size) / 2, (ASCENT + DESCENT) / 2 * size
    return Box(x - rise, y - half, x + rise, y + half) if upright else (
        Box(x - half, y - rise, x + half, y + rise)
    )  # fmt: skip


LEADING = 1.15
"""Distance of lines of text, as a part of their size."""


def stack(lines: Sequence[str], size: float, x: float, y: float) -> list[tuple[str, Box]]:
    """Return lines of text with the box of each, all together with their middle at (x, y)."""
    step = LEADING * size
    first = y - step * (len(lines) - 1) / 2
    return [(line, centred(line, size, x, first + i * step)) for i, line in enumerate(lines)]


def around(boxes: Iterable[Box]) -> Box:
    """Return the box about boxes."""
    x1, y1, x2, y2 = zip(*((b.x1, b.y1, b.x2, b.y2) for b in boxes), strict=True)
    return Box(min(x1), min(y1), max(x2), max(y2))


@dataclass
class Room:
    """What is taken of a picture so far."""

    frame: Box
    taken: list[Box] = field(default_factory=list)

    def free(self, box: Box, gap: float = 2.0) -> bool:
        """Return whether a box is inside the frame and clear of everything taken."""
        return box.inside(self.frame) and not any(box.meets(one, gap) for one in self.taken)

    def take(self, box: Box, gap: float = 2.0) -> bool:
        """Take a box when it is free; return whether it was."""
        if not self.free(box, gap):
            return False
        self.taken.append(box)
        return True


def pitch(places: Iterable[float], same: float = 1e-6) -> float:
    """Return the least distance of neighbours that are not at the same place; infinite for one."""
    steps = (b - a for a, b in pairwise(sorted(places)))
    return min((step for step in steps if step > same), default=float("inf"))


def thin(places: Sequence[float], need: float) -> list[int]:
    """Return indices of places that are at least `need` apart, as many as fit from the first on.

    Args:
        places: in rising or falling order.
        need: least distance of what is kept.
    """
    kept: list[int] = []
    for i, place in enumerate(places):
        if not kept or abs(place - places[kept[-1]]) >= need - 1e-6:
            kept.append(i)
    return kept


def wrapped(text: str, across: float, size: float, mark: str = " \u00b7 ") -> list[str]:
    """Return lines no wider than `across`, broken at the marks between the parts of a list.

    A comma stays at the end of its line, any other mark is left out there.
    """
    lines: list[str] = []
    for part in text.split(mark):
        if lines and width(lines[-1] + mark + part, size) <= across:
            lines[-1] += mark + part
        else:
            if lines and mark.startswith(","):
                lines[-1] += ","
            lines.append(part)
    return lines


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key: numbers in a name count as numbers."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)


def ranges(names: Iterable[str], limit: int = 60) -> str:
    """Return the names in short: `h0_0\u2026h0_7, mod0_n/p`.

    When that is beyond `limit`, the numbers of the names and what there is of each number,
    `0_3: heat, mod`; and when that is too, how many they are.

    Args:
        names: any number of names.
        limit: longest text in letters.
    """
    ordered = sorted(set(names), key=natural)
    runs: list[list[str]] = []
    for name in ordered:
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    words: list[str] = []
    tails: dict[str, int] = {}
    for run in runs:
        if len(run) > 2:
            words.append(f"{run[0]}\u2026{run[-1]}")
            continue
        for name in run:
            head, mark, tail = name.rpartition("_")
            if mark and head in tails:
                words[tails[head]] += f"/{tail}"
            else:
                if mark:
                    tails[head] = len(words)
                words.append(name)
    text = ", ".join(words)
    if len(text) <= limit:
        return text
    parts = [re.fullmatch(r"([A-Za-z_]*[A-Za-z])(\d+(?:_\d+)*)(?:_[A-Za-z]+)?", n) for n in ordered]
    if all(parts):
        heads = sorted({part[1] for part in parts if part})
        numbers = sorted({part[2] for part in parts if part}, key=natural)
        which = numbers[0] if len(numbers) == 1 else f"{numbers[0]}\u2026{numbers[-1]}"
        text = f"{which}: {', '.join(heads)}"
        if len(text) <= limit:
            return text
    return f"{len(ordered)} names, {ordered[0]} to {ordered[-1]}"


def _follows(first: str, second: str) -> bool:
    """Whether two names differ by one in the number they end with."""
    a, b = (re.fullmatch(r"(.*?)(\d+)", name) for name in (first, second))
    return bool(a and b and a[1] == b[1] and int(b[2]) == int(a[2]) + 1)
