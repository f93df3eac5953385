"""Pictures of a sweep: a metric over the varied keys, as lines or as a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lightloom.flows import vector_figure
from lightloom.flows.svg import INK, LANES, MUTED, RULE
from lightloom.flows.sweep_table import Column

MOST_LINES = 8
"""More lines than this make a map, where both keys are numbers."""
ORDER = (0, 6, 3, 5, 7, 2, 4, 1)
"""Of the colours: next to each other those that are far apart."""
LOG_SPAN = 1000.0
"""Positive values that span more than this factor get a logarithmic axis."""


def picture(metric: Column, axes: Sequence[Column]) -> bytes:
    """Return a metric as SVG: along the first key, a line for each value of the others."""
    figure, place = vector_figure.figure(5.2, 3.2)
    groups = _groups(axes[1:])
    if len(groups) > MOST_LINES and len(axes) == 2 and axes[0].numeric and axes[1].numeric:
        _map(figure, place, metric, axes)
    else:
        _lines(place, metric, axes[0], groups)
    return vector_figure.as_svg(figure, metric.name)


def _groups(others: Sequence[Column]) -> dict[str, list[int]]:
    """Points by the values of all keys but the first."""
    found: dict[str, list[int]] = {}
    rows = list(zip(*(c.values for c in others), strict=True))
    for index in range(len(rows)):
        label = ", ".join(f"{_short(c)} = {v}" for c, v in zip(others, rows[index], strict=True))
        found.setdefault(label, []).append(index)
    return found


def _lines(place: Any, metric: Column, axis: Column, groups: dict[str, list[int]]) -> None:
    every = range(len(metric.values))
    y = _numbers(metric)
    order = list(dict.fromkeys(axis.values))
    x = _numbers(axis) if axis.numeric else np.array([float(order.index(v)) for v in axis.values])
    known = y[np.isfinite(y)]
    logarithmic = _logarithmic(known)
    if logarithmic:
        y[y == 0] = np.nan
    for k, (label, indices) in enumerate((groups or {"": list(every)}).items()):
        chosen = np.array(sorted(indices, key=lambda i: x[i]))
        chosen = chosen[np.isfinite(y[chosen])]
        place.plot(
            x[chosen], y[chosen], color=LANES[ORDER[k % len(LANES)]], linewidth=1.2, marker="o",
            markersize=3.2, label=label or None, linestyle="-" if axis.numeric else "",
        )  # fmt: skip
    if logarithmic:
        place.set_yscale("log")
        zeros = int((known == 0).sum())
        if zeros:
            place.set_title(f"{zeros} at zero, not drawn", loc="right", fontsize=7, color=MUTED)
    if not axis.numeric:
        place.set_xticks(range(len(order)), [_clip(str(v)) for v in order])
    place.grid(color=RULE, linewidth=0.5)
    place.set_xlabel(axis.name, color=MUTED, fontsize=8.5)
    place.set_title(metric.name, loc="left", fontsize=9, color=INK)
    if 1 < len(groups) <= 2 * MOST_LINES:
        place.legend(fontsize=7, edgecolor=RULE, framealpha=0.85)


def _map(figure: Any, place: Any, metric: Column, axes: Sequence[Column]) -> None:
    from matplotlib.colors import LogNorm

    x, y, z = (_numbers(c) for c in (*axes, metric))
    columns, rows = np.unique(x), np.unique(y)
    grid = np.full((rows.size, columns.size), np.nan)
    grid[np.searchsorted(rows, y), np.searchsorted(columns, x)] = z
    known = grid[np.isfinite(grid)]
    positive = known[known > 0]
    norm = LogNorm(positive.min(), positive.max()) if _logarithmic(known) else None
    drawn = place.pcolormesh(
        columns, rows, np.ma.masked_invalid(grid), norm=norm, shading="nearest", cmap="viridis"
    )
    bar = figure.colorbar(drawn, ax=place)
    bar.ax.tick_params(labelsize=7.5, colors=MUTED)
    place.set_xlabel(axes[0].name, color=MUTED, fontsize=8.5)
    place.set_ylabel(axes[1].name, color=MUTED, fontsize=8.5)
    place.set_title(metric.name, loc="left", fontsize=9, color=INK)


def _logarithmic(known: np.ndarray) -> bool:
    positive = known[known > 0]
    return bool(
        positive.size > 1 and not (known < 0).any() and positive.max() > LOG_SPAN * positive.min()
    )


def _numbers(column: Column) -> np.ndarray:
    return np.array([np.nan if v is None else float(v) for v in column.values])


def _short(column: Column) -> str:
    return column.name.rsplit(".", 1)[-1]


def _clip(text: str) -> str:
    return text if len(text) <= 14 else text[:13] + "\N{HORIZONTAL ELLIPSIS}"
