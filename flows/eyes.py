"""Eye diagrams of a link run: the worst lane of each direction, measured and drawn as densities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lightloom.cosim import waveforms
from lightloom.flows.report_data import Eye

LEVELS = 160
DIRECTIONS = ("A to B", "B to A")


@dataclass(frozen=True)
class Eyes:
    """Smallest openings over all lanes and directions, and the pictures."""

    height_mv: float
    width_ui: float
    eyes: tuple[Eye, ...]


def measure(path: Path) -> Eyes:
    """Read the waveforms that the bench kept and measure every lane's eye."""
    with np.load(path) as kept:
        volts = kept["volts"].astype(float)
    found = [[waveforms.opening(lane) for lane in lanes] for lanes in volts]
    eyes: list[Eye] = []
    for direction, lanes in enumerate(found):
        worst = min(range(len(lanes)), key=lambda n: (lanes[n].height_v, lanes[n].width_ui))
        opening = lanes[worst]
        density, span = waveforms.density(volts[direction, worst], LEVELS)
        eyes.append(
            Eye(
                title=f"{DIRECTIONS[direction]}, lane {worst}",
                density=density,
                time_ui=(-0.5, 1.5),
                level_mv=(span[0] * 1e3, span[1] * 1e3),
                height_mv=opening.height_v * 1e3,
                width_ui=opening.width_ui,
                sample_ui=0.0,
                threshold_mv=0.0,
                caption=f"Worst lane, {volts.shape[2]} symbols before the sampler, noise included.",
            )
        )
    flat = [opening for lanes in found for opening in lanes]
    return Eyes(
        height_mv=min(opening.height_v for opening in flat) * 1e3,
        width_ui=min(opening.width_ui for opening in flat),
        eyes=tuple(eyes),
    )
