"""How far apart noise impulses may stand before the receive filter notices.

White noise behind a filter is known by its covariance, `sum h(t - t_k) h(s - t_k) variance_k` over
the instants `t_k` of its impulses. Where the filter passes little above half the rate of the
impulses, fewer and stronger ones leave that sum as it was, and cost less to draw.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]

TOLERANCE = 0.005
"""Allowed change of a covariance between samples at most `LAGS` symbols apart, of the variance: a
quarter of a percent of the noise's amplitude."""
LAGS = 4


def covariance_error(bank: Real, samples_per_ui: int, every: int) -> float:
    """Largest change that impulses `every` samples apart make to a covariance, of the variance.

    `bank` is `[phase, tap]`, the filter's response from each fraction of a sample on.
    """
    worst = 0.0
    for response in bank:
        variance = float(np.dot(response, response))
        for lag in range(LAGS):
            later = response[lag * samples_per_ui :]
            product = response[: len(later)] * later
            for first in range(every):
                change = every * float(product[first::every].sum()) - float(product.sum())
                worst = max(worst, abs(change) / variance)
    return worst


def impulse_distance(bank: Real, samples_per_ui: int, tolerance: float = TOLERANCE) -> int:
    """Samples between impulses: the most, with at least four a symbol, within `tolerance`."""
    every = 1
    while samples_per_ui % (8 * every) == 0 and (
        covariance_error(bank, samples_per_ui, 2 * every) <= tolerance
    ):
        every *= 2
    return every
