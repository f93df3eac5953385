"""Every way through a switch, by dynamic programming over all states of its cells.

A way goes where most light goes, or an equal half of it; what leaks from it is no way. Losses add
up along it. The number of ways grows exponentially with the columns, the work only with the cells.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit.elements import Element, Field, Program
from lightloom.photonics.circuit.scatter import numbers_of
from lightloom.photonics.devices import LIGHT_UM_PER_PS
from lightloom.photonics.netlist import Netlist
from lightloom.photonics.pictures.blocks import Block, blocks

MAIN_DB = 6.0
"""Light that is at most this far below the most that leaves a device goes on, the rest leaks."""
MAX_CELLS = 8
"""Cells that may follow each other on the same two lines."""
DETAILS = 3
"""Cells, crossings, delay."""


@dataclass(frozen=True)
class Path:
    """One way, fibre to fibre."""

    input: str
    output: str
    loss_db: float
    cells: int
    crossings: int
    length_um: float
    """Of a strip waveguide with the same group delay."""


@dataclass(frozen=True)
class Paths:
    """All ways between all ports, `[output, input]`; nan where there is none."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    count: NDArray[np.float64]
    """Ways; those that pass the same devices in other states of two cells in a row count apart."""
    mean_db: NDArray[np.float64]
    """Loss, each way once."""
    least: tuple[tuple[Path | None, ...], ...]
    """Way with the least loss, `[output][input]`."""
    most: tuple[tuple[Path | None, ...], ...]

    @property
    def best(self) -> Path:
        """Way with the least loss of all."""
        return min(_all(self.least), key=lambda path: path.loss_db)

    @property
    def worst(self) -> Path:
        """Way with the most loss of all."""
        return max(_all(self.most), key=lambda path: path.loss_db)


def _all(table: tuple[tuple[Path | None, ...], ...]) -> list[Path]:
    return [path for row in table for path in row if path is not None]


def paths(
    program: Program,
    netlist: Netlist,
    bar_rad: Sequence[float] | NDArray[np.float64],
    cross_rad: Sequence[float] | NDArray[np.float64],
    frequency_hz: float,
    carrier_hz: float,
) -> Paths:
    """Return the ways through a switch chip.

    Args:
        program: compiled from `netlist`; its first phase shifters are those of the cells.
        netlist: the chip.
        bar_rad: phase of each cell's shifter in one state.
        cross_rad: in the other.
        frequency_hz: of the light.
        carrier_hz: that the phases hold at.
    """
    at = np.array([frequency_hz])
    scale = frequency_hz / carrier_hz
    known: dict[int, Field] = {}
    kinds = {name: instance.type for name, instance in netlist.instances.items()}
    ways = _Ways(program.lines, len(program.inputs))

    def scattering(element: Element, phase: float | None) -> Field:
        if phase is not None:
            return element.scatter.at(at, np.array([phase * scale]))[0]
        if id(element.scatter) not in known:
            known[id(element.scatter)] = element.scatter.at(at)[0]
        return known[id(element.scatter)]

    for block in blocks(program):
        cells = [heater for heater in block.heaters if heater < len(bar_rad)]
        if len(cells) > MAX_CELLS:
            raise ValueError(f"{len(cells)} cells on the same two lines; allowed: {MAX_CELLS}")
        transitions: list[tuple[int, int, float]] = []
        for states in itertools.product((bar_rad, cross_rad), repeat=len(cells)):
            phases = {cell: float(phase[cell]) for cell, phase in zip(cells, states, strict=True)}
            power = np.abs(block.matrix(lambda e, p=phases: scattering(e, _phase(e, p)))) ** 2
            main = power >= power.max(axis=0) * 10 ** (-MAIN_DB / 10)
            transitions += [
                (int(i), int(j), float(-10 * np.log10(power[i, j])))
                for i, j in np.argwhere(main & (power > 0))
            ]
        ways.go(block, transitions, _details(block, kinds, len(cells)))
    return ways.result(program, numbers_of(netlist).guide.group_index)


def _phase(element: Element, phases: dict[int, float]) -> float | None:
    return None if element.heater is None else phases.get(element.heater, 0.0)


def _details(
    block: Block, kinds: dict[str, str], cells: int
) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Cells, crossings and delay from each line of a block to each."""
    # Between its first and its last 2x2 light is on both lines: the delay there is their mean.
    both = [k for k, e in enumerate(block.elements) if e.b is not None]
    crossings = sum(kinds.get(e.device) == "crossing" for e in block.elements)
    before, after, inside = np.zeros(2), np.zeros(2), 0.0
    for k, e in enumerate(block.elements):
        if e.b is not None:
            inside += e.scatter.delay_ps
        elif both and both[0] < k < both[-1]:
            inside += e.scatter.delay_ps / 2
        else:
            side = before if both and k < both[0] else after
            side[0 if e.a == block.a else 1] += e.scatter.delay_ps
    size = 1 if block.b is None else 2
    return {
        (i, j): np.array([cells, crossings, before[j] + inside + after[i]])
        for i in range(size)
        for j in range(size)
    }


class _Ways:
    """Ways that lead to each line from each input, as far as the program has gone."""

    def __init__(self, lines: int, inputs: int) -> None:
        shape = lines, inputs
        self.count = np.zeros(shape)
        self.total_db = np.zeros(shape)
        self.loss = {"least": np.full(shape, np.inf), "most": np.full(shape, -np.inf)}
        self.details = {key: np.zeros((lines, inputs, DETAILS)) for key in self.loss}
        for line in range(inputs):
            self.count[line, line] = 1.0
            for loss in self.loss.values():
                loss[line, line] = 0.0

    def go(
        self,
        block: Block,
        transitions: Sequence[tuple[int, int, float]],
        details: dict[tuple[int, int], NDArray[np.float64]],
    ) -> None:
        lines = [block.a] if block.b is None else [block.a, block.b]
        count, total = self.count[lines].copy(), self.total_db[lines].copy()
        self.count[lines] = self.total_db[lines] = 0.0
        before = {
            key: (loss[lines].copy(), self.details[key][lines].copy())
            for key, loss in self.loss.items()
        }
        for key, worst in (("least", np.inf), ("most", -np.inf)):
            self.loss[key][lines] = worst
        for i, j, loss_db in transitions:
            line = lines[i]
            self.count[line] += count[j]
            self.total_db[line] += total[j] + loss_db * count[j]
            for key, (losses, passed) in before.items():
                found, here = losses[j] + loss_db, self.loss[key][line]
                better = found < here if key == "least" else found > here
                self.loss[key][line] = np.where(better, found, here)
                self.details[key][line][better] = passed[j][better] + details[i, j]

    def result(self, program: Program, group_index: float) -> Paths:
        lines = list(program.output_lines)

        def table(key: str) -> tuple[tuple[Path | None, ...], ...]:
            return tuple(
                tuple(
                    self._path(key, line, i, source, output, group_index)
                    for i, source in enumerate(program.inputs)
                )
                for line, output in zip(lines, program.outputs, strict=True)
            )

        count = self.count[lines]
        mean = np.full(count.shape, np.nan)
        np.divide(self.total_db[lines], count, out=mean, where=count > 0)
        return Paths(program.inputs, program.outputs, count, mean, table("least"), table("most"))

    def _path(
        self, key: str, line: int, i: int, source: str, output: str, group_index: float
    ) -> Path | None:
        if not self.count[line, i]:
            return None
        cells, crossings, delay = self.details[key][line, i]
        return Path(
            source,
            output,
            float(self.loss[key][line, i]),
            int(cells),
            int(crossings),
            float(delay * LIGHT_UM_PER_PS / group_index),
        )
