"""Golden model of the drive, bit for bit, a tick at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt

from lightloom.rtl.ocs.drive.command import (
    FACTOR_FRACTION,
    INVERSE_FRACTION,
    NEAR,
    THERMAL_FRACTION,
)
from lightloom.rtl.ocs.drive.linearizer import GAIN_ONE

__all__ = ["FULL", "Cell", "DriveModel", "Settings", "code", "power_of", "thermal_settings"]

FULL = 0xFFFF


@dataclass
class Settings:
    """Inputs of the drive that hold for all cells, named as its members."""

    overdrive_factor: int = 0
    overdrive_ticks: int = 0
    thermal_step: int = 0
    thermal_inverse: int = 0
    budget: int = 2**32 - 1
    slew: int = 0


@dataclass
class Cell:
    """Calibration of a cell and what the drive remembers of it."""

    bar: int = 0
    cross: int = 0
    offset: int = 0
    gain: int = GAIN_ONE
    curvature: int = 0
    terms: list[tuple[int, int]] = field(default_factory=list)
    """Neighbour and coefficient."""
    trim: list[int] = field(default_factory=lambda: [0, 0])
    goal: int = 0
    compensation: int = 0
    live: bool = False
    state: int = 0
    base: int = 0
    left: int = 0
    claim: int = 0
    command: int = 0
    heat: int = 0
    code: int = 0
    lag: bool = False


def thermal_settings(tick_s: float, tau_s: float) -> tuple[int, int]:
    """`thermal_step` and `thermal_inverse` for a tick and a time constant."""
    from math import expm1

    step = min(FULL, max(1, round(-expm1(-tick_s / tau_s) * 2**16)))
    return step, min(FULL, (1 << 16 + INVERSE_FRACTION) // step)


def _clamp(power: int) -> int:
    return min(max(power, 0), FULL)


def code(
    power: int, dac_bits: int, gain: int = GAIN_ONE, curvature: int = 0, *, root: bool = True
) -> int:
    """Code of a power."""
    squared = min(power * gain * (GAIN_ONE + (curvature * power >> 16)) >> 14, 2**32 - 1)
    return isqrt(squared >> (32 - 2 * dac_bits)) if root else squared >> (32 - dac_bits)


def power_of(wanted: int, dac_bits: int) -> int:
    """Power, with gain 1, whose code is nearest to the one that is `wanted`.

    Powers have 16 bits, so the lowest codes of a DAC, where power hardly changes, are not all met.
    """
    near = wanted * wanted << 16 >> 2 * dac_bits
    choices = [min(max(near + more, 0), FULL) for more in range(-1, 3)]
    return min(choices, key=lambda power: abs(code(power, dac_bits) - wanted))


class DriveModel:
    """The drive after reset: parked, all calibration 0, gains 1."""

    def __init__(self, cells: int, dac_bits: int) -> None:
        """Make the cells."""
        self.cells = [Cell() for _ in range(cells)]
        self.dac_bits = dac_bits
        self.settings = Settings()
        self.dither: tuple[int, int] | None = None
        """Cell and value."""
        self.over_budget = False
        self.busy = False

    def tick(self, states: Sequence[int], *, park: bool = False) -> list[int]:
        """Codes of the next tick."""
        goals = [self._goal(n, cell, states[n]) for n, cell in enumerate(self.cells)]
        for cell, goal in zip(self.cells, goals, strict=True):
            cell.goal = goal
        room = self.settings.budget - sum(cell.claim for cell in self.cells)
        self.over_budget = self.busy = False
        for cell, state in zip(self.cells, states, strict=True):
            room = self._command(cell, state, room, park)
        return [self._code(cell, park) for cell in self.cells]

    @property
    def power(self) -> int:
        """Sum of the commands."""
        return sum(cell.command for cell in self.cells)

    def _goal(self, number: int, cell: Cell, state: int) -> int:
        dithered = self.dither is not None and self.dither[0] == number
        wanted = (cell.cross if state else cell.bar) + cell.offset + cell.trim[state]
        wanted += self.dither[1] if dithered and self.dither is not None else 0
        total = sum(c * self.cells[n].goal for n, c in cell.terms) + (1 << 14) >> 15
        if abs(total - cell.compensation) > 1:
            cell.compensation = total
        return _clamp(wanted - cell.compensation)

    def _command(self, cell: Cell, state: int, room: int, park: bool) -> int:
        s = self.settings
        heat, goal = cell.heat >> THERMAL_FRACTION, cell.goal
        changed = not cell.live or cell.state != state
        if changed:
            cell.base = heat if s.thermal_step else cell.command
            cell.left = s.overdrive_ticks
        here = heat if s.thermal_step else cell.base
        bang = _clamp(cell.base + ((goal - cell.base) * s.overdrive_factor >> FACTOR_FRACTION))
        dead = _clamp(here + ((goal - here) * s.thermal_inverse >> INVERSE_FRACTION))
        ends = (bang, dead) if s.thermal_step else (bang,)
        over = max(min(ends), goal) if goal >= here else min(max(ends), goal)
        near = s.thermal_step and abs(goal - here) <= NEAR
        driven = cell.left != 0 and not near
        floor = (cell.claim if cell.lag else cell.command) if s.slew else 0
        waits = False
        self.over_budget |= room < 0 and not park
        power, claim = over, max(over, goal, floor)
        if not driven or (claim > cell.claim and claim - cell.claim > room):
            power, claim = goal, max(goal, floor)
            if claim > cell.claim and claim - cell.claim > room:
                power, claim, waits = cell.command, cell.claim, True
        if park:
            power, claim, cell.left = 0, 0, 0
        else:
            self.over_budget |= waits
            self.busy |= changed or driven or waits
            if not waits:
                cell.left = cell.left - 1 if driven else 0
        room -= claim - cell.claim
        cell.live, cell.state, cell.claim, cell.command = not park, state, claim, power
        cell.heat += ((power << THERMAL_FRACTION) - cell.heat) * s.thermal_step >> 16
        return room

    def _code(self, cell: Cell, park: bool) -> int:
        wanted = code(cell.command, self.dac_bits, cell.gain, cell.curvature)
        limit = self.settings.slew
        cell.lag = not park and limit != 0 and abs(wanted - cell.code) > limit
        if cell.lag:
            wanted = cell.code + (limit if wanted > cell.code else -limit)
        cell.code = wanted
        self.busy |= cell.lag
        return wanted
