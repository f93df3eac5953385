"""A sheet of pixels to put pictures, lines and names on; y grows downwards from the top left."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import klayout.db as kdb

from lightloom.photonics.pictures.labels import ASCENT, DESCENT, MIDDLE, Box, width
from lightloom.photonics.pictures.render import PAPER, Pixels

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

INK = "#1b2129"
MUTED = "#5c6773"
FRAME = "#2b59c3"
SMALLEST = 10.0
"""No text is smaller than this, in pixels."""
_POINTS = 0.72
"""Points of a pixel at 100 pixels an inch."""

Anchor = Literal["start", "middle", "end"]
_ALIGN: dict[Anchor, Literal["left", "center", "right"]] = {
    "start": "left",
    "middle": "center",
    "end": "right",
}


@dataclass(frozen=True)
class Area:
    """Where a part of a layout is on a sheet."""

    part: kdb.DBox
    """In um."""
    frame: Box
    scale: float
    """Pixels a um."""
    pixels: Pixels

    def at(self, x_um: float, y_um: float) -> tuple[float, float]:
        """Return the place on the sheet of a point of the layout."""
        x = self.frame.x1 + (x_um - self.part.left) * self.scale
        return x, self.frame.y1 + (self.part.top - y_um) * self.scale

    def box(self, part: kdb.DBox) -> Box:
        """Return the box on the sheet of a part of the layout."""
        (x1, y1), (x2, y2) = self.at(part.left, part.top), self.at(part.right, part.bottom)
        return Box(x1, y1, x2, y2)

    def ink(self, box: Box) -> float:
        """Return the part of a box that is not white, 0 to 1."""
        x1, y1 = round(box.x1 - self.frame.x1), round(box.y1 - self.frame.y1)
        x2, y2 = round(box.x2 - self.frame.x1), round(box.y2 - self.frame.y1)
        covered = self.pixels[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
        return float((covered.min(axis=2) < 250).mean()) if covered.size else 0.0


@dataclass
class Sheet:
    """Pictures, lines and texts in drawing order; nothing is drawn before `png`."""

    size: tuple[int, int]
    """Width and height in pixels."""
    boxes: list[tuple[str, Box]] = field(default_factory=list)
    """Every text with an upper bound of the room it takes."""
    artists: list[Artist] = field(default_factory=list)
    images: list[tuple[Pixels, int, int]] = field(default_factory=list)

    def image(self, pixels: Pixels, x: int, y: int) -> None:
        """Put pixels on the sheet as they are, their upper left corner at (x, y)."""
        self.images.append((pixels, x, y))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 13.0,
        color: str = INK,
        anchor: Anchor = "start",
        bold: bool = False,
        upright: bool = False,
        plate: bool = False,
    ) -> Box:
        """Write a line with its middle line through (x, y); `upright` reads from bottom to top.

        `plate` puts white behind it. Returns the room that it takes.

        Raises:
            ValueError: when the text is too small to read.
        """
        from matplotlib.patches import Rectangle
        from matplotlib.text import Text
        from matplotlib.transforms import IdentityTransform

        if size < SMALLEST:
            raise ValueError(f"text of {size} pixels; allowed: at least {SMALLEST}")
        long = width(text, size, bold)
        start = {"start": 0.0, "middle": -long / 2, "end": -long}[anchor]
        base = MIDDLE * size
        top, bottom = base - ASCENT * size, base + DESCENT * size
        if upright:
            box = Box(x + top, y - start - long, x + bottom, y - start)
        else:
            box = Box(x + start, y + top, x + start + long, y + bottom)
        self.boxes.append((text, box))
        if plate:
            patch = Rectangle(
                (box.x1 - 1, self.size[1] - box.y2 - 1),
                box.x2 - box.x1 + 2,
                box.y2 - box.y1 + 2,
                facecolor=PAPER,
                edgecolor="none",
                alpha=0.82,
                transform=IdentityTransform(),
            )
            self.artists.append(patch)
        dx, dy = (base, 0.0) if upright else (0.0, base)
        label = Text(
            x + dx,
            self.size[1] - y - dy,
            text,
            fontsize=size * _POINTS,
            fontfamily="DejaVu Sans",
            fontweight="bold" if bold else "normal",
            color=color,
            horizontalalignment=_ALIGN[anchor],
            verticalalignment="baseline",
            rotation=90 if upright else 0,
            rotation_mode="anchor",
            parse_math=False,
            transform=IdentityTransform(),
        )
        self.artists.append(label)
        return box

    def line(
        self, x1: float, y1: float, x2: float, y2: float, color: str = MUTED, width: float = 1.0
    ) -> None:
        """Draw a straight line."""
        from matplotlib.lines import Line2D
        from matplotlib.transforms import IdentityTransform

        high = self.size[1]
        self.artists.append(
            Line2D(
                (x1, x2),
                (high - y1, high - y2),
                color=color,
                linewidth=width * _POINTS,
                solid_capstyle="butt",
                transform=IdentityTransform(),
            )
        )

    def rect(self, box: Box, color: str = FRAME, width: float = 1.5) -> None:
        """Draw the outline of a box."""
        from matplotlib.patches import Rectangle
        from matplotlib.transforms import IdentityTransform

        self.artists.append(
            Rectangle(
                (box.x1, self.size[1] - box.y2),
                box.x2 - box.x1,
                box.y2 - box.y1,
                fill=False,
                edgecolor=color,
                linewidth=width * _POINTS,
                transform=IdentityTransform(),
            )
        )

    def fill(self, box: Box, color: str) -> None:
        """Fill a box."""
        from matplotlib.patches import Rectangle
        from matplotlib.transforms import IdentityTransform

        self.artists.append(
            Rectangle(
                (box.x1, self.size[1] - box.y2),
                box.x2 - box.x1,
                box.y2 - box.y1,
                facecolor=color,
                edgecolor="none",
                transform=IdentityTransform(),
            )
        )

    def scale_bar(self, x: float, y: float, scale: float, most: float, plate: bool = False) -> Box:
        """Draw a bar of a round length of at most `most` pixels; return the room it takes."""
        length, text = _round_length(most / scale)
        end = x + length * scale
        box = self.text(end + 8, y, text, 12, INK, plate=plate)
        self.line(x, y, end, y, INK, 3)
        for at in (x, end):
            self.line(at, y - 5, at, y + 5, INK, 2)
        return Box(x - 2, box.y1, box.x2, box.y2)

    def figure(self) -> Figure:
        """Return the sheet as a figure that draws to pixels; a sheet can be asked once."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        across, high = self.size
        figure = Figure(figsize=(across / 100, high / 100), dpi=100, facecolor=PAPER)
        FigureCanvasAgg(figure)
        for pixels, x, y in self.images:
            figure.figimage(pixels, x, high - y - pixels.shape[0], origin="upper")
        for number, artist in enumerate(self.artists):
            artist.set_zorder(10 + number)
            figure.add_artist(artist)
        return figure

    def png(self) -> bytes:
        """Return the sheet as a PNG file; equal sheets give equal bytes."""
        file = io.BytesIO()
        self.figure().savefig(file, format="png", dpi=100, metadata={"Software": None})
        return file.getvalue()


def bar_size(scale: float, most: float) -> tuple[float, float]:
    """Return width and height in pixels of the scale bar that `Sheet.scale_bar` draws."""
    length, text = _round_length(most / scale)
    return length * scale + 10 + width(text, 12), 14.0


def _round_length(most_um: float) -> tuple[float, str]:
    power = 10.0 ** math.floor(math.log10(most_um))
    length = max(m * power for m in (1, 2, 5) if m * power <= most_um * (1 + 1e-9))
    return length, f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} \u00b5m"
