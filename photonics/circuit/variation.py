"""What a process makes of a switch: many chips of one layout, before and after calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit import solver
from lightloom.photonics.circuit.elements import Element, Field
from lightloom.photonics.circuit.process import Chips, Process, Values, Wafer
from lightloom.photonics.circuit.scatter import wavelength_nm
from lightloom.photonics.circuit.solver import Entries
from lightloom.photonics.circuit.statistics import figures
from lightloom.photonics.switch import calibration
from lightloom.spec import fabrics
from lightloom.spec.optical_model import Fabric

CHUNK = 128
"""Chips evaluated together."""


def evaluate(
    wafer: Wafer, chips: Chips, phases_rad: Values, frequency_hz: float, carrier_hz: float
) -> Field:
    """Return fields `s[chip, output, input]`.

    Args:
        wafer: that the chips are from.
        chips: how they deviate.
        phases_rad: of the phase shifters, `[heater, chip]`, at the carrier.
        frequency_hz: of the light.
        carrier_hz: that the phases hold at.
    """
    program, numbers = wafer.program, wafer.numbers
    at = np.array([frequency_hz])
    count = chips.phase_rad.shape[1]
    row = {id(element): k for k, element in enumerate(program.elements)}
    turned = np.exp(-1j * chips.phase_rad)
    known: dict[int, Field] = {}
    angles: dict[tuple[float, float], float] = {}

    def angle_of(device: str) -> float:
        parameters = wafer.netlist.instances[device].parameters
        key = parameters["gap_um"], parameters["length_um"]
        if key not in angles:
            angles[key] = numbers.coupling_angle(*key, wavelength_nm(frequency_hz))
        return angles[key]

    def static(element: Element) -> Field:
        if id(element.scatter) not in known:
            known[id(element.scatter)] = element.scatter.at(at)
        return known[id(element.scatter)]

    def scattering(element: Element) -> Field:
        if element.heater is None:
            return static(element)
        return element.scatter.at(at, phases_rad[element.heater] * (frequency_hz / carrier_hz))

    def two(element: Element) -> Field:
        return scattering(element) * turned[row[id(element)]]

    def four(element: Element) -> Entries:
        k = row[id(element)]
        m, kind = scattering(element), wafer.kinds[k]
        first, second = turned[k], np.exp(-1j * chips.second_rad[k])
        if kind == "coupler2x2":
            angle = angle_of(element.device)
            common = m[:, 0, 0] * math.cos(angle) + 1j * m[:, 0, 1] * math.sin(angle)
            other = angle * (1.0 + chips.rate[k])
            bar, cross = common * np.cos(other), -1j * common * np.sin(other)
            return bar * first, cross * second, cross * first, bar * second
        lost = 10 ** (-chips.loss_db[k] / 20)
        a, b, c, d = (m[:, i, j] * lost for i in (0, 1) for j in (0, 1))
        return a * first, b * second, c * first, d * second

    s = np.empty((len(program.outputs), len(program.inputs), count), dtype=complex)
    solver.propagate(program, two, four, s)
    return np.moveaxis(s, -1, 0)


def phase_errors(wafer: Wafer, chips: Chips) -> Values:
    """Return what each phase shifter's arm has more phase than its other arm, `[heater, chip]`."""
    program = wafer.program
    result = np.zeros((len(program.heaters), chips.phase_rad.shape[1]))
    last: dict[int, int] = {}
    """Row of the last 2x2 that each line has passed."""
    since: dict[int, list[int]] = {}
    arms: dict[int, list[tuple[int, int]]] = {}
    for k, element in enumerate(program.elements):
        if element.b is None:
            since.setdefault(element.a, []).append(k)
            if element.heater is not None and element.a in last:
                arms.setdefault(last[element.a], []).append((element.a, element.heater))
            continue
        before = last.get(element.a)
        if before is not None and before == last.get(element.b):
            first = chips.phase_rad[since[element.a]].sum(axis=0) + chips.phase_rad[k]
            second = chips.phase_rad[since[element.b]].sum(axis=0) + chips.second_rad[k]
            for line, heater in arms.get(before, []):
                result[heater] = first - second if line == element.a else second - first
        for line in (element.a, element.b):
            last[line], since[line] = k, []
    return result


@dataclass(frozen=True)
class Variation:
    """Chips of a process in one setting of the switch; nan at inputs whose light ends on the way.

    `before` is with the codes of the design's calibration, `after` with codes that undo each cell's
    own phase error and its heater's deviation.
    """

    process: Process
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    targets: tuple[int, ...]
    phase_error_rad: Values
    """`[chip, cell]`."""
    loss_before_db: Values
    """`[chip, input]`."""
    crosstalk_before_db: Values
    loss_after_db: Values
    crosstalk_after_db: Values


def vary(
    wafer: Wafer,
    fabric: Fabric,
    table: Mapping[str, Sequence[int]],
    states: Sequence[int],
    targets: Sequence[int],
    count: int,
    seed: int,
    frequency_hz: float,
    carrier_hz: float,
) -> Variation:
    """Make `count` chips and measure them in one setting.

    Args:
        wafer: the layout and its process.
        fabric: the model of the chip as drawn.
        table: DAC codes for `bar` and `cross` before calibration.
        states: of the cells.
        targets: output of each input as an index, -1 for none.
        count: of chips.
        seed: of all random numbers.
        frequency_hz: of the light.
        carrier_hz: that phases hold at.

    Raises:
        ValueError: `count` is below 1, or the states are not as many as the cells.
    """
    cells = len(fabric.heaters)
    if count < 1:
        raise ValueError(f"count = {count}; allowed: 1 or more")
    if len(states) != cells:
        raise ValueError(f"{len(states)} cell states; allowed: {cells}")
    cross = np.array(states) == fabrics.CROSS
    codes = np.where(cross, table["cross"], table["bar"])
    thermal = np.array(fabric.thermal_crosstalk)
    parts: list[tuple[Values, ...]] = []
    for first in range(0, count, CHUNK):
        chips = wafer.draw(seed, first, min(CHUNK, count - first), frequency_hz)
        error = phase_errors(wafer, chips)[:cells]
        strength = 1.0 + chips.heater[:cells]
        measured: list[Values] = [error.T]
        for given in (np.repeat(codes[:, None], error.shape[1], axis=1), None):
            chosen = _nulling(fabric, cross, error, strength) if given is None else given
            own = _own_phases(fabric, chosen) * strength
            s = evaluate(wafer, chips, thermal @ own, frequency_hz, carrier_hz)
            measured += figures(s, np.repeat([list(targets)], s.shape[0], axis=0))
        parts.append(tuple(measured))
    error, loss, crosstalk, loss_after, crosstalk_after = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return Variation(
        wafer.process,
        wafer.program.inputs,
        wafer.program.outputs,
        tuple(targets),
        error,
        loss,
        crosstalk,
        loss_after,
        crosstalk_after,
    )


def _own_phases(fabric: Fabric, codes: NDArray[np.int64]) -> Values:
    """Phase of each heater by its own power, `[cell, chip]`."""
    p_pi = np.array([heater.p_pi_mw for heater in fabric.heaters])[:, None]
    top = (1 << fabric.dac_bits) - 1
    return math.pi * fabric.dac_full_scale_mw * (codes / top) ** 2 / p_pi


def _nulling(
    fabric: Fabric, cross: NDArray[np.bool_], error: Values, strength: Values
) -> NDArray[np.int64]:
    """DAC codes for which each cell's arms differ as its state asks, as near as the DAC comes."""
    wanted = np.where(cross, 0.0, math.pi)[:, None] - error
    wanted += calibration.static_phases(fabric)[:, None]
    slack = calibration.SLACK_RAD
    turn = np.maximum(np.mod(wanted + slack, 2 * math.pi) - slack, 0.0) / strength
    p_pi = np.array([heater.p_pi_mw for heater in fabric.heaters])[:, None]
    top = (1 << fabric.dac_bits) - 1
    power = p_pi * turn / math.pi
    return np.minimum(np.rint(np.sqrt(power / fabric.dac_full_scale_mw) * top), top).astype(int)
