"""The error rate that the model's Q gives a lane, for the receiver that the RTL settled on."""

from __future__ import annotations

import numpy as np

from lightloom.cosim import statistics
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.setup import LaneErrors
from lightloom.spec import Design

TAP_STEPS = 64
"""FFE side taps count in this fraction of the main tap."""
SAMPLE_STEPS = 4
"""The feedback tap counts in this fraction of a sampler step."""


def equalizer(design: Design, lane: LaneErrors) -> statistics.Equalizer:
    """The receive equalizer of a lane as its registers read."""
    count = design.serdes.rx_ffe_taps
    side = [tap / TAP_STEPS for tap in lane.taps[: count - 1]]
    pre = 1 if count > 1 else 0
    taps = (*side[:pre], 1.0, *side[pre:])
    return statistics.Equalizer(taps, pre, lane.dfe / SAMPLE_STEPS)


def bit_error_rate(
    design: Design,
    coefficients: Coefficients,
    side: int,
    lane: LaneErrors,
    matrix: np.ndarray | None,
    *,
    symbols: int = 8192,
    phases: int = 16,
) -> float:
    """Closed-form error rate of receive lane `lane` of `side` (0 is A).

    The sampling phase that moved is taken at `phases` of its quantiles. `matrix` is the switch's field transfer `[output, input]` between lanes, None without a switch.
    """
    pattern = statistics.pattern(
        coefficients,
        1 - side,
        lane.lane,
        tx_ffe=design.serdes.tx_ffe,
        matrix=matrix,
        symbols=symbols,
    )
    instants = np.asarray(lane.instants_ui)
    # a phase that wanders across the symbol border must not be averaged through the other half
    middle = np.angle(np.exp(2j * np.pi * instants).mean()) / (2 * np.pi)
    away = (instants - middle + 0.5) % 1.0 - 0.5
    quantiles = np.quantile(away, (np.arange(phases) + 0.5) / phases)
    fractions = (middle + quantiles) % 1.0
    return statistics.bit_error_rate(coefficients, pattern, fractions, equalizer(design, lane))
