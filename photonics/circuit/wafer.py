"""How a process differs from place to place: smooth random maps over a chip.

A map is a Gaussian field with the correlation `exp(-d^2 / (2 l^2))` at distance `d`, as wafer maps
of width and thickness have it over millimetres (Opt. Express 28, 7799 (2020)). That correlation is
a product of one along x and one along y, and fields that have it are smooth: each is drawn on a few
Chebyshev nodes a side and interpolated, exactly to many digits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lightloom.spec.base import DesignError

MAX_NODES = 400
"""A side."""


class Map:
    """Draws of one field at given places."""

    def __init__(self, places_um: NDArray[np.float64], correlation_um: float) -> None:
        """Prepare draws at places of shape (n, 2).

        Raises:
            DesignError: the correlation length is too short for a chip of that size.
        """
        self._x = _side(places_um[:, 0], correlation_um)
        self._y = _side(places_um[:, 1], correlation_um)
        self.shape = self._x.shape[1], self._y.shape[1]

    def draw(self, normal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the field at the places from independent normal numbers of shape `shape`."""
        return ((self._x @ normal) * self._y).sum(axis=1)

    @property
    def size(self) -> int:
        """Normal numbers of a draw."""
        return self.shape[0] * self.shape[1]


def _side(at: NDArray[np.float64], correlation_um: float) -> NDArray[np.float64]:
    """Matrix from independent numbers to a field along one side, at each place."""
    low, high = float(at.min()), float(at.max())
    half = max((high - low) / 2, 1e-3 * correlation_um)
    nodes = 12 + math.ceil(6 * half / correlation_um)
    if nodes > MAX_NODES:
        least = 6 * half / (MAX_NODES - 12)
        raise DesignError(
            f"correlation length {correlation_um:g} um on a chip of {2 * half:.0f} um; "
            f"allowed: {least:.3g} um or more"
        )
    angle = math.pi * (np.arange(nodes) + 0.5) / nodes
    grid = np.cos(angle)
    gaps = half * (grid[:, None] - grid[None, :])
    values, vectors = np.linalg.eigh(np.exp(-((gaps / correlation_um) ** 2) / 2))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    # Through the values on the nodes: a sum of Chebyshev polynomials.
    order = np.arange(nodes)
    scaled = np.clip((at - (low + high) / 2) / half, -1.0, 1.0)
    weights = np.where(order == 0, 1.0, 2.0) / nodes
    polynomials = np.cos(order * np.arccos(scaled)[:, None])
    return (polynomials * weights) @ np.cos(order[:, None] * angle[None, :]) @ root
