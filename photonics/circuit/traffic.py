"""What a switch is set to: cell states, the phases that make them, and where light is to go."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit.elements import Program
from lightloom.spec import fabrics
from lightloom.spec.optical_model import Fabric

EXACT = 50_000
"""At most so many permutations are all looked at: 8 ports have 40,320."""
Phases = NDArray[np.float64]


@dataclass(frozen=True)
class Traffic:
    """Settings of a switch and their routes.

    `exact` says that these are all there are, `total` how many there are.
    """

    states: NDArray[np.int8]
    """`[setting, cell]`."""
    targets: NDArray[np.intp]
    """`[setting, input]`: index of the output in the program, -1 where light ends on the way."""
    names: tuple[str, ...]
    """Of each setting."""
    exact: bool
    total: int


def every(program: Program, topology: str, ports: int, count: int, seed: int) -> Traffic:
    """Return all permutations of a switch, or `count` random ones where there are too many.

    Permutation k is a function of the seed and k alone. An `ocstrx` has its three paths.

    Args:
        program: whose ports are those of the fabric.
        topology: of `fabrics.TOPOLOGIES`.
        ports: its size.
        count: of permutations, where not all are taken.
        seed: of the random ones.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count = {count}; allowed: 1 or more")
    if topology == "ocstrx":
        paths: tuple[fabrics.Path, ...] = get_args(fabrics.Path)
        states = [fabrics.route_path(ports, path) for path in paths]
        return of_states(program, topology, ports, states, list(paths), True, len(paths))
    total = math.factorial(ports)
    exact = total <= EXACT
    if exact:
        chosen = [list(one) for one in itertools.permutations(range(ports))]
    else:
        chosen = [_random(ports, seed, k) for k in range(count)]
    states = [fabrics.route(topology, ports, one) for one in chosen]
    names = [" ".join(map(str, one)) for one in chosen]
    return of_states(program, topology, ports, states, names, exact, total)


def _random(ports: int, seed: int, number: int) -> list[int]:
    generator = np.random.Generator(np.random.Philox(key=[seed % (1 << 64), number]))
    return generator.permutation(ports).tolist()


def of_states(
    program: Program,
    topology: str,
    ports: int,
    states: Sequence[Sequence[int]],
    names: Sequence[str] | None = None,
    exact: bool = False,
    total: int = 0,
) -> Traffic:
    """Return settings by their cell states."""
    plan = fabrics.plan(topology, ports)
    place = {name: index for index, name in enumerate(program.outputs)}
    targets = np.full((len(states), len(program.inputs)), -1)
    known: dict[tuple[int, ...], Mapping[str, fabrics.Way]] = {}
    for k, one in enumerate(states):
        key = tuple(one)
        if key not in known:
            known[key] = fabrics.ways(plan, one)
        for i, name in enumerate(program.inputs):
            if name in known[key]:
                targets[k, i] = place[known[key][name].output]
    labels = tuple(names) if names is not None else tuple(map(str, range(len(states))))
    return Traffic(np.array(states, dtype=np.int8), targets, labels, exact, total)


@dataclass(frozen=True)
class Drive:
    """Phases that a controller gives the cells, heat between them included."""

    bar_rad: Phases
    """Each shifter's own phase for a bar, `[cell]`."""
    cross_rad: Phases
    thermal: NDArray[np.float64]
    """`[cell, shifter]`."""

    def own(self, states: NDArray[np.int8]) -> Phases:
        """Phase of each shifter by its own drive, `[setting, cell]`."""
        return np.where(states == fabrics.CROSS, self.cross_rad, self.bar_rad)

    def phases(self, states: NDArray[np.int8]) -> Phases:
        """Phase of each shifter, `[setting, cell]`."""
        return self.own(states) @ self.thermal.T


def drive(fabric: Fabric, table: Mapping[str, Sequence[int]]) -> Drive:
    """Return the drive by DAC codes for `bar` and `cross`, as `calibration.codes` gives them."""
    p_pi = np.array([heater.p_pi_mw for heater in fabric.heaters])
    top = (1 << fabric.dac_bits) - 1

    def own(codes: Sequence[int]) -> Phases:
        return math.pi * fabric.dac_full_scale_mw * (np.asarray(codes) / top) ** 2 / p_pi

    return Drive(own(table["bar"]), own(table["cross"]), np.array(fabric.thermal_crosstalk))
