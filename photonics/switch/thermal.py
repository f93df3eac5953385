"""Heat between phase shifters: crosstalk from their places, and the drives that undo it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.devices import Numbers
from lightloom.spec.base import DesignError

Places = NDArray[np.float64]
"""Of shape (n, 2), x and y in um."""
MAX_TURNS = 8
"""A heater is asked for at most so many turns more than a whole one."""


def share(distance_um: NDArray[np.float64], numbers: Numbers) -> NDArray[np.float64]:
    """`Numbers.thermal_crosstalk` for arrays: phase relative to that of the heated waveguide."""
    part = numbers.heater
    far = np.exp(-(distance_um - part.crosstalk_um) / part.crosstalk_decay_um)
    return np.minimum(1.0, part.crosstalk * far)


def reach(arms: Places, heaters: Places, numbers: Numbers) -> NDArray[np.float64]:
    """Heat `[arm, heater]` at waveguides from heaters, by the distance of their middles.

    Of heaters among themselves it is symmetric. The law is that of the distance: it does not hold
    for the waveguide below a film, which has all of the heat.
    """
    gaps = np.hypot(*np.moveaxis(arms[:, None] - heaters[None, :], 2, 0))
    return share(gaps, numbers)


def differential(
    heated: Places, other: Places, numbers: Numbers
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Crosstalk between interferometers that answer to the difference between their arms.

    Args:
        heated: places of the heaters.
        other: places of the arms that each heater's arm interferes with.
        numbers: of the band.

    Returns:
        The matrix `[cell, heater]` relative to each heater's own effect, so that with powers in
        units of each heater's own power for half a turn the phases are `matrix @ (pi power)`; and
        the own effect of each heater relative to a lone heated waveguide's.
    """
    response = reach(heated, heated, numbers) - reach(other, heated, numbers)
    own = 1.0 - np.diag(reach(other, heated, numbers))
    np.fill_diagonal(response, own)
    return response / own[None, :], own


def compensate(matrix: NDArray[np.float64], wanted_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Own phases of the heaters, none below zero, that make `wanted_rad` up to whole turns.

    `matrix` is that of `differential`. Heaters that would have to cool turn once more.

    Raises:
        DesignError: when the heaters disturb each other so much that no drive makes the phases.
    """
    wanted = np.mod(np.asarray(wanted_rad, dtype=float), 2 * math.pi)
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        inverse = np.full_like(matrix, np.nan)
    limit = 2 * math.pi * (1 + MAX_TURNS)
    # Each turn raises the least; with weak crosstalk one is enough.
    while bool(np.all(np.isfinite(own := inverse @ wanted))) and own.max(initial=0.0) < limit:
        cold = own < -1e-12
        if not cold.any():
            return np.maximum(own, 0.0)
        wanted = wanted + 2 * math.pi * cold
    raise DesignError(
        "thermal crosstalk: no drive makes the phases; allowed: heaters further apart"
    )
