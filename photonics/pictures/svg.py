"""A few SVG shapes as text, enough for the drawings of chips and reports; every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

INK = "#1b2129"
MUTED = "#5c6773"
RULE = "#d4dae0"
PAPER = "#ffffff"
TINT = "#f4f6f8"


class Canvas:
    """Shapes in drawing order on a canvas of `width` by `height` user units."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width = width
        self.height = height
        self._title = title
        self._parts: list[str] = []

    def line(
        self, x1: float, y1: float, x2: float, y2: float, color: str = RULE, width: float = 1.0,
        dash: str = "",
    ) -> None:  # fmt: skip
        """Draw a straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" '
            f'stroke="{color}" stroke-width="{width:g}"{dashed}/>'
        )

    def rect(
        self, x: float, y: float, width: float, height: float, fill: str = "none",
        stroke: str = "none", radius: float = 0.0, opacity: float = 1.0, tip: str = "",
    ) -> None:  # fmt: skip
        """Draw a rectangle; `tip` is shown under the pointer."""
        inside = f"<title>{escape(tip)}</title>" if tip else ""
        self._parts.append(
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(width, 0):.2f}" '
            f'height="{max(height, 0):.2f}" rx="{radius:g}" fill="{fill}" stroke="{stroke}" '
            f'fill-opacity="{opacity:g}">{inside}</rect>'
        )

    def path(self, d: str, color: str, width: float = 1.0, fill: str = "none") -> None:
        """Draw a path of SVG commands."""
        self._parts.append(
            f'<path d="{d}" stroke="{color}" stroke-width="{width:g}" fill="{fill}" '
            'stroke-linejoin="round"/>'
        )

    def polyline(
        self, points: Iterable[tuple[float, float]], color: str, width: float = 1.5
    ) -> None:
        """Draw connected straight lines."""
        text = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
        self._parts.append(
            f'<polyline points="{text}" stroke="{color}" stroke-width="{width:g}" fill="none" '
            'stroke-linejoin="round"/>'
        )

    def text(
        self, x: float, y: float, text: str, size: float = 11.0, color: str = INK,
        anchor: str = "start", weight: int = 400, rotate: float = 0.0,
    ) -> None:  # fmt: skip
        """Write a line of text with its baseline at `y`; anchor: `start`, `middle`, `end`."""
        turned = f' transform="rotate({rotate:g} {x:.2f} {y:.2f})"' if rotate else ""
        self._parts.append(
            f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size:g}" fill="{color}" '
            f'text-anchor="{anchor}" font-weight="{weight}"{turned}>{escape(text)}</text>'
        )

    def render(self) -> Markup:
        """Return the drawing as an `svg` element that scales with its width."""
        return Markup(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'role="img" aria-label="{escape(self._title)}" '
            f"font-family=\"'IBM Plex Sans', Inter, 'Helvetica Neue', Arial, sans-serif\">"
            f"<title>{escape(self._title)}</title>{''.join(self._parts)}</svg>"
        )
