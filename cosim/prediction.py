"""The error rates that the model's Q gives, for the receivers that the RTL settled on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightloom.cosim import statistics
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.equalizer import Equalizer
from lightloom.cosim.setup import LaneErrors
from lightloom.rtl.link.config import Config
from lightloom.spec import Design


def instants(lane: LaneErrors, count: int) -> np.ndarray:
    """`count` quantiles of the sampling instant of a lane during its count, 0 to 1 UI."""
    seen = np.asarray(lane.instants_ui)
    # a phase that wanders across the symbol border must not be averaged through the other half
    middle = np.angle(np.exp(2j * np.pi * seen).mean()) / (2 * np.pi)
    away = (seen - middle + 0.5) % 1.0 - 0.5
    return (middle + np.quantile(away, (np.arange(count) + 0.5) / count)) % 1.0


def equalizer(design: Design, taps: Sequence[int], dfe: int, levels: Sequence[int]) -> Equalizer:
    """Receiver of a lane whose registers read `taps`, `dfe` and, for PAM4, `levels`."""
    form = Config.from_design(design.serdes).rx_format
    return Equalizer.from_registers(taps[: form.ffe_taps - 1], dfe, pre=form.pre, levels=levels)


def bit_error_rates(
    design: Design,
    coefficients: Coefficients,
    pattern: statistics.Pattern,
    lanes: Sequence[LaneErrors],
    *,
    phases: int = 8,
) -> list[float]:
    """Closed-form error rate of receive lanes in the order of `lanes`.

    `pattern` is the light that arrives in their direction. The sampling phase that moved is taken
    at `phases` of its quantiles.
    """
    return [
        statistics.bit_error_rate(
            coefficients,
            pattern,
            lane.lane,
            instants(lane, phases),
            equalizer(design, lane.taps, lane.dfe, lane.levels),
            precoding=design.serdes.precoding,
        )
        for lane in lanes
    ]
