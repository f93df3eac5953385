"""Pictures of a switch's S-matrix, and of its figures over permutations and over chips."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lightloom.flows.svg import LANES, MUTED, RULE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lightloom.flows.sparams import Matrix

LEAK = "#a3adb8"
LOWEST_DB = -90.0
"""Bottom of the picture at most."""
MANY = 64
"""More leaks than this are drawn as the range they cover."""
LABELS = 16
"""More routed paths than this have no legend."""


def matrix(found: Matrix) -> bytes:
    """Return every input to every output over wavelength as PNG, routed paths in colour."""
    figure, (axes,) = _figure(1, (8, 4.6))
    power = found.power_db
    routed = np.zeros(power.shape[1:], dtype=bool)
    for source in found.lit:
        routed[found.targets[source], source] = True
    leaks = power[:, ~routed]
    nm = found.wavelength_nm
    if leaks.shape[1] > MANY:
        low, high = leaks.min(axis=1), leaks.max(axis=1)
        label = f"range and median of all {leaks.shape[1]} others"
        axes.fill_between(nm, low, high, color=LEAK, alpha=0.5, linewidth=0, zorder=1, label=label)
        axes.plot(nm, np.median(leaks, axis=1), color=LEAK, linewidth=1.0, zorder=1)
    else:
        axes.plot(nm, leaks, color=LEAK, linewidth=0.5, zorder=1)
    for lane, source in enumerate(found.lit):
        target = found.targets[source]
        axes.plot(
            nm, power[:, target, source], color=LANES[lane % len(LANES)],
            linewidth=1.2 if len(found.lit) <= LABELS else 0.6, zorder=2,
            label=f"{found.inputs[source]} to {found.outputs[target]}"
            if len(found.lit) <= LABELS else None,
        )  # fmt: skip
    axes.set_ylim(max(float(power.min(initial=0.0)), LOWEST_DB) - 2, 1)
    axes.set_xlabel("wavelength (nm)", color=MUTED)
    axes.set_ylabel("power transfer (dB)", color=MUTED)
    axes.margins(x=0)
    axes.legend(fontsize=7, ncols=4, loc="lower left")
    return _png(figure)


def distributions(
    panels: Sequence[tuple[str, Mapping[str, npt.NDArray[np.float64]]]],
) -> bytes:
    """Return cumulative distributions as PNG: one panel a quantity, one curve a name."""
    figure, all_axes = _figure(len(panels), (8, 3.6))
    for axes, (title, curves) in zip(all_axes, panels, strict=True):
        for lane, (name, samples) in enumerate(curves.items()):
            known = np.sort(samples[~np.isnan(samples)])
            # A curve of a thousand steps looks like one of a million.
            share = np.linspace(0.0, 1.0, min(1000, known.size)) if known.size > 1 else [0.0]
            values = np.quantile(known, share)
            colour = LANES[(0, 6, 3, 5)[lane % 4]]
            axes.plot(values, 100 * np.asarray(share), color=colour, linewidth=1.4, label=name)
        axes.set_xlabel(title, color=MUTED)
        axes.set_ylim(0, 100)
        if len(curves) > 1:
            axes.legend(fontsize=8, loc="lower right")
    all_axes[0].set_ylabel("at most (%)", color=MUTED)
    return _png(figure)


def _figure(panels: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    grid: Any = figure.subplots(1, panels, squeeze=False)
    for axes in grid[0]:
        axes.tick_params(labelsize=8, colors=MUTED)
        axes.grid(color=RULE, linewidth=0.4)
    return figure, list(grid[0])


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=160, metadata={"Software": None})
    return file.getvalue()
