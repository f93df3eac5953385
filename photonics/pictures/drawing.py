"""A canvas of SVG that knows the room of every text on it, so that a test can look for overlaps."""

from __future__ import annotations

from dataclasses import dataclass, field

from lightloom.photonics.pictures import labels
from lightloom.photonics.pictures.labels import ASCENT, DESCENT, MIDDLE, Box
from lightloom.photonics.pictures.svg import INK, Canvas


@dataclass
class Drawing:
    """The drawing, and every text with an upper bound of the room it takes, in its units."""

    canvas: Canvas
    boxes: list[tuple[str, Box]] = field(default_factory=list)

    @property
    def svg(self) -> str:
        """The drawing as a file."""
        return str(self.canvas.render()) + "\n"

    def text(
        self, x: float, y: float, text: str, size: float = 11.5, color: str = INK,
        anchor: str = "start", weight: int = 400, upright: bool = False,
    ) -> Box:  # fmt: skip
        """Write a text with its middle line through (x, y)."""
        long = labels.width(text, size, weight > 400)
        start = {"start": 0.0, "middle": -long / 2, "end": -long}[anchor]
        top, bottom = (MIDDLE - ASCENT) * size, (MIDDLE + DESCENT) * size
        if upright:
            box = Box(x + top, y - start - long, x + bottom, y - start)
            self.canvas.text(x + MIDDLE * size, y, text, size, color, anchor, weight, -90.0)
        else:
            box = Box(x + start, y + top, x + start + long, y + bottom)
            self.canvas.text(x, y + MIDDLE * size, text, size, color, anchor, weight)
        self.boxes.append((text, box))
        return box
