"""The error rates that the model's Q gives, for the receivers that the RTL settled on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightloom.cosim import statistics
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.setup import LaneErrors
from lightloom.spec import Design


def instants(lane: LaneErrors, count: int) -> np.ndarray:
    """`count` quantiles of the sampling instant of a lane during its count, 0 to 1 UI."""
    seen = np.asarray(lane.instants_ui)
    # a phase that wanders across the symbol border must not be averaged through the other half
    middle = np.angle(np.exp(2j * np.pi * seen).mean()) / (2 * np.pi)
    away = (seen - middle + 0.5) % 1.0 - 0.5
    return (middle + np.quantile(away, (np.arange(count) + 0.5) / count)) % 1.0


def bit_error_rates(
    design: Design,
    coefficients: Coefficients,
    side: int,
    lanes: Sequence[LaneErrors],
    matrix: np.ndarray | None,
    *,
    symbols: int = 16384,
    phases: int = 8,
) -> list[float]:
    """Closed-form error rate of receive lanes of `side` (0 is A), in the order of `lanes`.

    The sampling phase that moved is taken at `phases` of its quantiles. `matrix` is the switch's
    field transfer `[output, input]` between lanes, None without a switch.
    """
    pattern = statistics.pattern(
        coefficients, 1 - side, tx_ffe=design.serdes.tx_ffe, matrix=matrix, symbols=symbols
    )
    count = design.serdes.rx_ffe_taps - 1
    return [
        statistics.bit_error_rate(
            coefficients,
            pattern,
            lane.lane,
            instants(lane, phases),
            statistics.Equalizer.from_registers(lane.taps[:count], lane.dfe),
        )
        for lane in lanes
    ]
