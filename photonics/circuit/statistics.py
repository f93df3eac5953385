"""Insertion loss and crosstalk of a switch over its permutations: all of them, or a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit import solver
from lightloom.photonics.circuit.elements import Field, Program
from lightloom.photonics.circuit.traffic import Drive, Traffic

PERCENTILES = (1, 5, 50, 95, 99)
CONFIDENCE = 0.95
CHUNK = 256
"""Settings evaluated together."""
FLOOR_DB = -100.0
"""Crosstalk below this counts as this: some paths meet none at all."""

TINY = 1e-30
"""Power that is none."""


class Spread(NamedTuple):
    """A distribution in figures."""

    mean: float
    deviation: float
    least: float
    most: float
    percentiles: tuple[float, ...]
    """At `PERCENTILES`."""


def spread(samples: NDArray[np.float64]) -> Spread:
    """Return the figures of all samples that are numbers.

    Raises:
        ValueError: when there is none.
    """
    known = samples[~np.isnan(samples)]
    if not known.size:
        raise ValueError("no samples; allowed: one or more numbers")
    return Spread(
        float(known.mean()),
        float(known.std()),
        float(known.min()),
        float(known.max()),
        tuple(float(p) for p in np.percentile(known, PERCENTILES)),
    )


class Worst(NamedTuple):
    """The setting and the ports of an extreme."""

    value_db: float
    setting: str
    input: str
    output: str


@dataclass(frozen=True)
class Statistics:
    """Loss and crosstalk of each setting; nan at inputs whose light ends on the way."""

    traffic: Traffic
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    loss_db: NDArray[np.float64]
    """`[setting, input]`, of the routed path."""
    crosstalk_db: NDArray[np.float64]
    """`[setting, input]`: power of all other routed inputs at its output over its own."""

    @property
    def loss(self) -> Spread:
        """Over all settings and inputs."""
        return spread(self.loss_db)

    @property
    def crosstalk(self) -> Spread:
        """Over all settings and inputs."""
        return spread(self.crosstalk_db)

    @property
    def worst_loss(self) -> Worst:
        """Path with the most loss."""
        return self._worst(self.loss_db)

    @property
    def worst_crosstalk(self) -> Worst:
        """Path with the most crosstalk."""
        return self._worst(self.crosstalk_db)

    @property
    def unseen_percent(self) -> float:
        """At most so many of all settings are worse than the worst here.

        Zero where all were looked at; else it holds with a probability of `CONFIDENCE`.
        """
        count = len(self.loss_db)
        return 0.0 if self.traffic.exact else 100.0 * (1.0 - (1.0 - CONFIDENCE) ** (1.0 / count))

    def _worst(self, values: NDArray[np.float64]) -> Worst:
        setting, source = np.unravel_index(int(np.nanargmax(values)), values.shape)
        target = int(self.traffic.targets[setting, source])
        return Worst(
            float(values[setting, source]),
            self.traffic.names[setting],
            self.inputs[source],
            self.outputs[target],
        )


def statistics(
    program: Program,
    drive: Drive,
    traffic: Traffic,
    frequency_hz: float,
    carrier_hz: float,
) -> Statistics:
    """Evaluate every setting of `traffic` at one frequency.

    Args:
        program: of the switch, phase shifters in the order of the cells.
        drive: phases by cell states.
        traffic: settings.
        frequency_hz: of the light of all inputs.
        carrier_hz: that the phases hold at.
    """
    losses: list[NDArray[np.float64]] = []
    crosstalks: list[NDArray[np.float64]] = []
    for start in range(0, len(traffic.states), CHUNK):
        part = slice(start, start + CHUNK)
        s = solver.evaluate_states(
            program, drive.phases(traffic.states[part]), frequency_hz, carrier_hz
        )
        loss, crosstalk = figures(s, traffic.targets[part])
        losses.append(loss)
        crosstalks.append(crosstalk)
    return Statistics(
        traffic,
        program.inputs,
        program.outputs,
        np.concatenate(losses),
        np.concatenate(crosstalks),
    )


def figures(
    s: Field, targets: NDArray[np.intp] | Sequence[Sequence[int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return loss and crosstalk in dB, `[setting, input]`, of fields `s[setting, output, input]`.

    `targets[setting, input]` is the output of each input, -1 for none: then both are nan, and its
    light counts as crosstalk nowhere.
    """
    where = np.asarray(targets)
    lit = where >= 0
    power = np.abs(s) ** 2 * lit[:, None, :]
    at = np.take_along_axis(power, np.maximum(where, 0)[:, None, :], axis=1)[:, 0]
    arriving = np.take_along_axis(power.sum(axis=2), np.maximum(where, 0), axis=1)
    own = np.maximum(at, TINY)
    loss = -10 * np.log10(own)
    # Rounding can leave less than nothing where there is no crosstalk at all.
    ratio = np.maximum((arriving - at) / own, 10 ** (FLOOR_DB / 10))
    crosstalk = 10 * np.log10(ratio)
    return np.where(lit, loss, np.nan), np.where(lit, crosstalk, np.nan)
