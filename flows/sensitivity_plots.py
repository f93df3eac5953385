"""Pictures of a receiver's sensitivity: rates over power, bathtubs, the statistical eye."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lightloom.cosim.counting import Counted
from lightloom.cosim.measure.bathtub import q_scale
from lightloom.cosim.rates import Interval
from lightloom.flows import vector_figure
from lightloom.flows.sensitivity_data import Sensitivity
from lightloom.flows.svg import BAD, GOOD, INK, LANES, LIGHT, MUTED, PAPER, RULE

TICKS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-15)
"""Of an axis on which a Gaussian's tail is a straight line."""
FLOOR, TOP = 1e-16, 0.1
DEEPEST = 1e-18
"""Of the bathtubs and of the eye."""
CONTOURS = (1e-12, 1e-9, 1e-6, 1e-3)


def curve(found: Sensitivity) -> bytes:
    """Return error rates of the worst lane over received power as SVG."""
    figure, place = vector_figure.figure(6.4, 4.2, 150)
    x = np.array([p.average_dbm for p in found.points])
    eye = [p.eye.rate for p in found.points]
    place.plot(x, _scale(eye), color=LIGHT, linewidth=1.4, label="statistical eye")
    drawn = [(p.average_dbm, p.importance) for p in found.points if p.importance]
    counted = [(p.average_dbm, p.counted) for p in found.points if p.counted]
    _bars(place, drawn, "D", LANES[5], "importance sampling")
    _bars(place, counted, "o", INK, "counted")
    if found.codewords is not None:
        lost = found.codewords
        place.plot(lost.x, _scale(lost.rate), color=GOOD, linewidth=1.1, linestyle="--",
                   label="codewords not corrected")  # fmt: skip
    limit = float(_scale([found.allowed])[0])
    place.axhline(limit, color=BAD, linewidth=0.8, linestyle=(0, (4, 3)))
    place.annotate(f"allowed {found.allowed:.1e}", (1.0, limit), (-3, 2),
                   xycoords=("axes fraction", "data"), textcoords="offset points",
                   color=BAD, fontsize=7.5, ha="right")  # fmt: skip
    place.axvline(found.average_dbm, color=MUTED, linewidth=0.9, linestyle=":", label="as designed")
    place.set_yticks(_scale(TICKS), [f"1e{round(np.log10(rate))}" for rate in TICKS])
    place.set_ylim(float(_scale([FLOOR])[0]), float(_scale([TOP])[0]))
    place.grid(color=RULE, linewidth=0.5)
    shift = found.oma_dbm - found.average_dbm
    above = place.secondary_xaxis("top", functions=(lambda v: v + shift, lambda v: v - shift))
    above.tick_params(labelsize=8, colors=MUTED, length=3, width=0.6)
    above.set_xlabel("outer OMA (dBm)", color=MUTED, fontsize=8.5)
    _name(place, "mean power at the photodiode (dBm)", "error rate")
    return vector_figure.as_svg(figure, "curve")


def bathtubs(found: Sensitivity) -> bytes:
    """Return bit error rates over the sampling phase as SVG."""
    figure, place = vector_figure.figure(6.4, 3.0, 150)
    for (name, one), color in zip(found.bathtubs.items(), (LIGHT, LANES[5]), strict=False):
        place.semilogy(one.x, np.maximum(one.rate, DEEPEST), color=color, linewidth=1.3, label=name)
    place.axhline(found.allowed, color=BAD, linewidth=0.8, linestyle=(0, (4, 3)))
    place.set_ylim(DEEPEST, 1.0)
    place.margins(x=0)
    place.grid(color=RULE, linewidth=0.5)
    _name(place, "sampling phase (UI)", "bit error rate")
    return vector_figure.as_svg(figure, "bathtubs")


def eye(found: Sensitivity) -> bytes:
    """Return the map of the statistical eye as SVG, with contours and thresholds."""
    from matplotlib.colors import LinearSegmentedColormap

    figure, place = vector_figure.figure(6.4, 3.4, 150)
    shown = np.log10(np.maximum(found.eye.whole, DEEPEST))
    level = 1e3 * found.eye.level_v
    colors = ["#0b1830", "#173a73", "#2f6fb5", "#8db4dc", "#e4edf7"]
    drawn = place.pcolormesh(
        found.eye.phase_ui, level, shown, shading="gouraud", rasterized=True,
        cmap=LinearSegmentedColormap.from_list("rate", colors), vmin=-18, vmax=0,
    )  # fmt: skip
    place.contour(found.eye.phase_ui, level, shown, levels=np.log10(CONTOURS), colors=PAPER,
                  linewidths=0.7, linestyles="solid")  # fmt: skip
    for threshold in found.thresholds_v:
        place.axhline(1e3 * threshold, color=BAD, linewidth=0.8, linestyle=(0, (4, 3)))
    bar = figure.colorbar(drawn, ax=place)
    bar.ax.tick_params(labelsize=7.5, colors=MUTED)
    bar.set_label("log10 of the rate of a wrong side", color=MUTED, fontsize=8)
    _name(place, "sampling phase (UI)", "threshold behind the equalizer (mV)", legend=False)
    return vector_figure.as_svg(figure, "eye")


def _scale(rate: Sequence[float] | np.ndarray) -> np.ndarray:
    return q_scale(np.clip(np.asarray(rate, float), FLOOR / 10, 0.5))


def _bars(
    place: Any,
    kept: Sequence[tuple[float, Interval | Counted]],
    mark: str,
    color: str,
    label: str,
) -> None:
    if not kept:
        return
    middle = _scale([one.rate for _, one in kept])
    low, high = _scale([one.low for _, one in kept]), _scale([one.high for _, one in kept])
    place.errorbar(
        [at for at, _ in kept], middle, [middle - high, low - middle], fmt=mark, color=color,
        markersize=3.6, linewidth=0.9, capsize=2.2, label=label, markerfacecolor="none",
        markeredgewidth=0.9,
    )  # fmt: skip


def _name(place: Any, x: str, y: str, *, legend: bool = True) -> None:
    place.set_xlabel(x, color=MUTED, fontsize=8.5)
    place.set_ylabel(y, color=MUTED, fontsize=8.5)
    if legend:
        place.legend(fontsize=7.5, edgecolor=RULE, framealpha=0.9)
