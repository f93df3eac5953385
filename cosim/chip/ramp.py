"""A switch chip while its surroundings warm up, with its lock on and off."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightloom.cosim.chip.calibrate import ratio_db
from lightloom.cosim.chip.session import Session, levels
from lightloom.photonics.switch.sample import Sample
from lightloom.spec import DesignError, fabrics

Values = NDArray[np.float64]
OFF_S = 0.2
"""Of the ramp without the lock: nothing moves but the temperature."""


@dataclass(frozen=True)
class Settings:
    """Of the lock: members of `DitherLock` of the same names."""

    amplitude: int = 100
    """0.011 rad: light of one source that meets again interferes, so that a dither moves a route's
    extinction by about twice its own amplitude over that of all crosstalk."""
    groups: int = 4
    repeats: int = 5
    gain: int = 9
    """A twelfth of the error a visit, at this amplitude: noise of a visit, about 12 mrad, falls to
    2.5 mrad, and at a third of a kelvin a second a phase of a turn lags by as much."""
    step: int = 400
    limit: int = 16000
    floor: int = 20000
    tolerance: int = 60
    """0.17 rad: error times half the amplitude."""


@dataclass(frozen=True)
class Ramp:
    """Extinctions of the routes of one permutation; `[record, input]` in dB.

    `on_db` is of the power over a round of the lock, `moment_db` of single moments. `fresh_db` is
    that of exact phases at each temperature: what a calibration there would give. `off_db` is with
    the trims of the start.
    """

    targets: tuple[int, ...]
    kelvin: Values
    on_db: Values
    moment_db: Values
    fresh_db: Values
    off_db: Values
    start_db: Values
    """`[input]`, locked, before the ramp."""
    locked_s: float
    """From enabling to the first round with all cells locked."""
    round_s: float
    lost: int
    limited: int


def run(
    sample: Sample,
    ports: int,
    targets: tuple[int, ...],
    *,
    kelvin: float = 20.0,
    seconds: float = 60.0,
    settings: Settings | None = None,
    clock_mhz: float = 2.0,
    settle_s: float = 1.0,
    seed: int = 1,
    depth: float = 0.1,
) -> Ramp:
    """Warm a chip that carries the permutation `targets` on all ports, from its calibration.

    Raises:
        DesignError: when the lock does not lock.
    """
    chosen = settings or Settings()
    states = fabrics.route(sample.topology, ports, targets)
    with Session(sample, ports, clock_mhz=clock_mhz, seed=seed) as chip:
        chip.start(*levels(sample))
        chip.set(wait=chip.clocks(2 * (sample.cells + 60) / clock_mhz * 1e-6 + 50e-6))
        chip.states(states)
        chip.light(range(ports))
        chip.send(f"depth {depth!r}")
        chip.set(**vars(chosen))
        if not chip.until("settled", 0.1):
            raise DesignError("the drive does not settle; allowed: a chip within its power")
        chip.set(enable=1)
        begun = chip.time_s
        if not chip.until("locked", settle_s):
            raise DesignError(f"not locked within {settle_s:g} s; allowed: light at every tap")
        locked = chip.time_s - begun
        before = chip.run(settle_s, 0.01)
        period = (before[-1].time_s - before[0].time_s) / max(1, before[-1].rounds)
        start = ratio_db(np.mean([r.power for r in before[len(before) // 2 :]], axis=0), targets)
        # Without the lock first: its trims stay as they are.
        chip.set(enable=0)
        chip.run(1e-3, 1.0)
        chip.send(f"ramp 0 {kelvin!r} {OFF_S!r}")
        held = chip.run(OFF_S, OFF_S / 100)
        chip.send("ramp 0 0 0")
        chip.set(enable=1)
        chip.run(settle_s / 2, 1.0)
        chip.send(f"ramp 0 {kelvin!r} {seconds!r}")
        records = chip.run(seconds, min(0.01, seconds / 200))
    window = max(1, math.ceil(period / (records[1].time_s - records[0].time_s)))
    power = np.array([record.power for record in records])
    total = np.cumsum(np.concatenate([np.zeros_like(power[:1]), power]), axis=0)
    mean = (total[window:] - total[:-window]) / window
    middle = slice(window // 2, window // 2 + len(mean))
    kelvins = np.array([record.kelvin for record in records])[middle]
    grid = np.linspace(0.0, kelvin, 41)
    exact = sample.phases_rad(sample.settings(states))
    count = len(sample.outputs)
    fresh = [ratio_db(np.abs(sample.transfer(exact, at)[:count]) ** 2, targets) for at in grid]
    off = [ratio_db(record.power, targets) for record in held]

    def spread(at: Values, values: list[Values]) -> Values:
        return np.stack([np.interp(kelvins, at, column) for column in np.array(values).T], 1)

    return Ramp(
        targets,
        kelvins,
        np.array([ratio_db(one, targets) for one in mean]),
        np.array([ratio_db(one, targets) for one in power[middle]]),
        spread(grid, fresh),
        spread(np.array([record.kelvin for record in held]), off),
        start,
        locked,
        period,
        records[-1].lost,
        records[-1].limited,
    )
