"""Pictures of the lock and the calibration of a switch chip."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lightloom.flows import sparams_plots
from lightloom.flows.svg import BAD, GOOD, MUTED, RULE

if TYPE_CHECKING:
    from lightloom.cosim.chip.ramp import Ramp


def ramp(found: Sequence[Ramp]) -> bytes:
    """Return every route over the temperature, lock on and off, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for k, one in enumerate(found):
        for axes, base in ((left, one.fresh_db), (right, np.zeros_like(one.fresh_db))):
            for values, colour, name in (
                (one.off_db, BAD, "lock off"),
                (one.on_db, GOOD, "lock on"),
            ):
                lines = axes.plot(one.kelvin, values - base, color=colour, linewidth=0.5)
                lines[0].set_label(name if k == 0 else "_")
        worst = right.plot(one.kelvin, one.fresh_db, color=MUTED, linewidth=0.3)
        worst[0].set_label("exact phases" if k == 0 else "_")
    left.axhline(-1.0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    left.set_ylabel("extinction over that of exact phases (dB)", color=MUTED)
    right.set_ylabel("extinction of each route (dB)", color=MUTED)
    for axes in (left, right):
        axes.set_xlabel("ambient above calibration (K)", color=MUTED)
        axes.tick_params(labelsize=8, colors=MUTED)
        axes.grid(color=RULE, linewidth=0.4)
        axes.margins(x=0)
        legend = axes.legend(fontsize=8, loc="lower left")
        for handle in legend.get_lines():
            handle.set_linewidth(1.6)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=160, metadata={"Software": None})
    return file.getvalue()


def calibration(errors_rad: np.ndarray, found_db: np.ndarray, exact_db: np.ndarray) -> bytes:
    """Return the phase errors and the crosstalk of all routes as PNG, as distributions."""
    return sparams_plots.distributions(
        [
            ("phase error of a cell's code (mrad)", {"found": 1e3 * errors_rad}),
            (
                "crosstalk of a route (dB)",
                {"found by the taps": found_db.ravel(), "exact codes": exact_db.ravel()},
            ),
        ]
    )
