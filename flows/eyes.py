"""Eye diagrams of a link run: the worst lane of each direction, over all lanes' openings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lightloom.cosim import eye
from lightloom.flows.report_data import Eye

DIRECTIONS = ("A to B", "B to A")


@dataclass(frozen=True)
class Eyes:
    """Smallest openings over all lanes and directions, and the pictures."""

    height_mv: float
    width_ui: float
    eyes: tuple[Eye, ...]


def measure(path: Path) -> Eyes:
    """Measure every lane of the `eye.Capture` in `path`; a lane without an eye counts as closed."""
    found: dict[tuple[int, int], eye.Eye] = {}
    closed = False
    captured = eye.Capture.load(path).volts
    for place, volts in captured.items():
        try:
            found[place] = eye.diagram(volts)
        except ValueError:
            closed = True
    pictures: list[Eye] = []
    for direction, name in enumerate(DIRECTIONS):
        lanes = {lane: made for (at, lane), made in found.items() if at == direction}
        if not lanes:
            continue
        worst = min(lanes, key=lambda lane: (lanes[lane].height_mv, lanes[lane].width_ui))
        made = lanes[worst]
        pictures.append(
            Eye(
                title=f"{name}, lane {worst}",
                density=made.density,
                time_ui=made.time_ui,
                level_mv=made.level_mv,
                height_mv=made.height_mv,
                width_ui=made.width_ui,
                sample_ui=0.0,
                threshold_mv=made.threshold_mv,
                caption=f"Worst of {len(lanes)} lanes, {made.symbols} symbols at the sampler, "
                f"noise included; Q = {made.q:.1f}.",
            )
        )
    if closed or not found:
        return Eyes(0.0, 0.0, tuple(pictures))
    return Eyes(
        height_mv=min(made.height_mv for made in found.values()),
        width_ui=min(made.width_ui for made in found.values()),
        eyes=tuple(pictures),
    )
