"""Self-calibration of a chip: what its host does, with `Sweep` and the tap photodiodes alone.

Cells are taken in the order in which light meets them. Those before a cell are known by then, so
light of one input can be led to it; those behind do not matter. At one tap, light of the upper
input is least where the cell is cross, at the other tap where it is bar. A coarse sweep of each tap
over the whole power finds a minimum, a fine one around it the two powers at which the tap is a
little above it; the null is in their middle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightloom.cosim.chip.session import Session, crosstalk_terms
from lightloom.photonics.switch.sample import Sample
from lightloom.rtl.ocs.drive.goal import Field
from lightloom.rtl.ocs.drive.model import FULL
from lightloom.rtl.ocs.lock.feeds import Kind, feeds
from lightloom.rtl.ocs.lock.sweep import ZERO
from lightloom.spec import DesignError, fabrics

COARSE = 64
"""Steps over the whole power."""
HALF_RAD = 0.6
"""Half of a fine sweep."""
POINTS = 112
"""Of a fine sweep."""
SHARE = 32
"""The tap is taken where it has 1 / SHARE of its range above its least."""
DEPTH = 0.3
"""Of the pilot while nothing is carried: as much as the converter takes."""


@dataclass(frozen=True)
class Calibration:
    """Powers that null each cell, in units of the drive, and what finding them took."""

    bar: tuple[int, ...]
    cross: tuple[int, ...]
    sweeps: int
    seconds: float
    """Of the chip."""


def route_to(topology: str, ports: int, cell: int) -> tuple[int, int, dict[int, int]]:
    """Return an input, the side that it meets a cell at, and the states of the cells before it."""
    found = feeds(fabrics.plan(topology, ports))
    states: dict[int, int] = {}
    at, leaves = cell, 0
    meets: int | None = None
    while True:
        side = 0 if found[at][0].kind != Kind.DARK else 1
        feed = found[at][side]
        if meets is None:
            meets = side
        else:
            states[at] = fabrics.BAR if side == leaves else fabrics.CROSS
        if feed.kind == Kind.DARK:
            raise DesignError(f"cell {cell}: no light can reach it")
        if feed.kind == Kind.PORT:
            return feed.index, meets, states
        at, leaves = divmod(feed.index, 2)


def calibrate(
    session: Session,
    ports: int,
    start: tuple[Sequence[int], Sequence[int]],
    progress: Callable[[int, int], None] = lambda _cell, _cells: None,
) -> Calibration:
    """Find the powers of every cell of a running chip from any start.

    Raises:
        DesignError: when a cell has no null within the power.
    """
    sample = session.sample
    cells = sample.cells
    bar, cross = list(start[0]), list(start[1])
    session.start(bar, cross)
    session.send(f"depth {DEPTH}")
    session.set(enable=0, groups=0, repeats=3, wait=session.clocks(100e-6))
    begun = None
    sweeps = 0
    for cell in range(cells):
        source, side, before = route_to(sample.topology, ports, cell)
        session.light([source])
        states = [before.get(k, fabrics.CROSS) for k in range(cells)]
        for field in (Field.BAR, Field.CROSS):
            session.table(cell, field, ZERO)
        session.states(states)
        session.pulse("clear")
        if not session.until("settled", 0.05):
            raise DesignError(f"cell {cell}: the drive does not settle")
        session.ask(f"run {8 * cells / session.clock_mhz * 1e-6!r} 1")
        begun = session.time_s if begun is None else begun
        # Light of the upper input is least at the upper tap where the cell is cross.
        for tap in (0, 1):
            power, used = _null(session, cell, source, tap)
            sweeps += used
            state = fabrics.CROSS if tap == side else fabrics.BAR
            (cross if state == fabrics.CROSS else bar)[cell] = power
        session.table(cell, Field.BAR, bar[cell])
        session.table(cell, Field.CROSS, cross[cell])
        progress(cell + 1, cells)
    session.pulse("clear")
    return Calibration(tuple(bar), tuple(cross), sweeps, session.time_s - (begun or 0.0))


def _null(session: Session, cell: int, source: int, tap: int) -> tuple[int, int]:
    """Power at which a tap is darkest, and the sweeps that it took."""
    session.set(sweep_cell=cell, sweep_source=source, sweep_tap=tap)
    low, high, low_at = _sweep(session, 0, -(-FULL // (COARSE - 1)), COARSE, -(1 << 30))[:3]
    fabric = session.sample.fabric
    turn = 2 * max(heater.p_pi_mw for heater in fabric.heaters) / fabric.dac_full_scale_mw * FULL
    half = round(HALF_RAD / (2 * math.pi) * turn)
    sweeps = 1
    best: int | None = None
    # The least power at which the null is not cut off by an end.
    for middle in (low_at - turn, low_at, low_at + turn):
        first = round(middle) - half
        if middle < -half / 4 or middle > FULL + half / 4:
            continue
        first = max(first, 0)
        step = -(-2 * half // POINTS)
        count = min(POINTS, (FULL - first) // step + 1)
        threshold = low + (high - low) // SHARE
        answer = _sweep(session, first, step, count, threshold)
        sweeps += 1
        least_at, begins, ends, below, edge = answer[2:]
        if below and not edge:
            return (begins + ends) // 2, sweeps
        if below and best is None:
            best = least_at
    if best is None:
        raise DesignError(
            f"cell {cell}: tap {'ul'[tap]} has no null; allowed: one within the power"
        )
    return best, sweeps


def _sweep(
    session: Session, first: int, step: int, count: int, threshold: int
) -> tuple[int, int, int, int, int, int, int]:
    """Low, high, where low, where below the threshold begins and ends, whether any and cut off."""
    session.set(
        sweep_first=first,
        sweep_step=step,
        sweep_count=count,
        sweep_threshold=threshold & 0x7FFFFFFF,
    )
    session.pulse("sweep_start")
    done = session.until("sweep_done", 10.0)
    names = ("low", "high", "low_at", "below_first", "below_last", "below", "edge", "silent")
    *values, silent = session.get(*(f"sweep_{name}" for name in names))
    if not done or silent:
        raise DesignError("sweep: no samples; allowed: a converter that answers")
    low, high, low_at, begins, ends, below, edge = values
    return low, high, low_at, begins, ends, below, edge


def settled(
    sample: Sample, bar: Sequence[int], cross: Sequence[int], states: Sequence[int], neighbours: int
) -> NDArray[np.float64]:
    """Powers that the drive comes to rest at, as shares of the full scale, DAC steps included."""
    cells = sample.cells
    level = np.where(np.array(states) == fabrics.CROSS, cross, bar)
    matrix = np.eye(cells)
    for cell, terms in enumerate(crosstalk_terms(sample, neighbours)):
        for index, value in terms:
            matrix[cell, index] += value / (1 << 15)
    goal = np.clip(np.linalg.solve(matrix, level), 0, FULL)
    top = (1 << sample.fabric.dac_bits) - 1
    return (np.floor(np.sqrt(goal / FULL) * top) / top) ** 2


def codes(sample: Sample, powers: Sequence[int]) -> list[int]:
    """DAC codes of powers, as the drive has them."""
    top = (1 << sample.fabric.dac_bits) - 1
    return [math.isqrt(power * top * top // FULL) for power in powers]


def nearest(sample: Sample, powers: Sequence[int], wanted: Sequence[int]) -> NDArray[np.float64]:
    """Exact powers `wanted`, each by whole turns to where it is nearest to `powers`."""
    turn = 2 * math.pi / sample.own_rad(np.ones(sample.cells)) * FULL
    exact = np.array(wanted, dtype=float)
    return exact + np.rint((np.array(powers) - exact) / turn) * turn


def extinction_db(
    sample: Sample, power: NDArray[np.float64], targets: Sequence[int]
) -> NDArray[np.float64]:
    """Own over foreign light at the output of each input; all inputs carry the same."""
    outputs = len(sample.outputs)
    s = np.abs(sample.transfer(sample.phases_rad(power))[:outputs]) ** 2
    return ratio_db(s, targets)


def ratio_db(power: NDArray[np.float64], targets: Sequence[int]) -> NDArray[np.float64]:
    """Own over foreign light at the output of each input, from powers `[output, input]`."""
    own = power[list(targets), range(len(targets))]
    return 10 * np.log10(own / (power.sum(axis=1)[list(targets)] - own))
