"""Figures that are written as SVG, the same from run to run."""

from __future__ import annotations

import io
from typing import Any

from lightloom.flows.svg import MUTED, PAPER


def figure(width: float, height: float, dpi: float = 100.0) -> tuple[Any, Any]:
    """Return a figure of a size in inches and its axes; `dpi` is that of images in it."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor=PAPER, dpi=dpi)
    FigureCanvasSVG(figure)
    place = figure.add_subplot()
    place.tick_params(labelsize=8, colors=MUTED, length=3, width=0.6)
    for spine in place.spines.values():
        spine.set(color=MUTED, linewidth=0.6)
    return figure, place


def as_svg(figure: Any, name: str) -> bytes:
    """Return it as a file; ids in it depend on `name` alone."""
    import matplotlib

    # ids of clip paths would otherwise differ from run to run
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()
