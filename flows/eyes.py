"""Eye diagrams of a link run: the worst lane of each direction, over all lanes' openings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lightloom.cosim import eye
from lightloom.cosim.equalizer import Equalizer
from lightloom.cosim.setup import DIRECTIONS
from lightloom.flows.report_data import Contour, Eye


@dataclass(frozen=True)
class Eyes:
    """Smallest openings over all lanes and directions, and the pictures."""

    height_mv: float
    width_ui: float
    eyes: tuple[Eye, ...]
    worst: Mapping[int, int]
    """Lane of each picture, by direction."""

    def with_contours(self, contours: Mapping[int, tuple[Contour, ...]]) -> tuple[Eye, ...]:
        """Return the pictures with the contours of their directions over them."""
        found = [contours.get(direction, ()) for direction in self.worst]
        return tuple(
            replace(eye, contours=lines, caption=eye.caption + _contour_words(lines))
            for eye, lines in zip(self.eyes, found, strict=True)
        )


def _contour_words(lines: tuple[Contour, ...]) -> str:
    rates = sorted({line.rate for line in lines}, reverse=True)
    return f" Contours of the model: {', '.join(f'{rate:.0e}' for rate in rates)}." if rates else ""


def measure(
    captured: eye.Capture, equalizers: Mapping[tuple[int, int], Equalizer] | None = None
) -> Eyes:
    """Measure every lane that was captured; a lane without an eye counts as closed.

    NRZ is measured at the sampler; PAM4 behind the `equalizers` of its lanes, by direction and
    lane, its three eyes parted half way between the mean levels.
    """
    found: dict[tuple[int, int], eye.Eye] = {}
    closed = False
    for place, volts in captured.volts.items():
        try:
            if equalizers is None:
                found[place] = eye.diagram(volts)
            else:
                seen = eye.equalize(volts, captured.volts_per_step, equalizers[place])
                limits = eye.middle_thresholds(seen, 4)
                found[place] = eye.diagram(seen, thresholds_v=limits)
        except ValueError:
            closed = True
    where = "at the sampler" if equalizers is None else "behind the equalizer, worst of three eyes"
    pictures: list[Eye] = []
    lowest: dict[int, int] = {}
    for direction, name in enumerate(DIRECTIONS):
        lanes = {lane: made for (at, lane), made in found.items() if at == direction}
        if not lanes:
            continue
        worst = min(lanes, key=lambda lane: (lanes[lane].height_mv, lanes[lane].width_ui))
        made = lanes[worst]
        lowest[direction] = worst
        pictures.append(
            Eye(
                title=f"{name}, lane {worst}",
                density=made.density,
                time_ui=made.time_ui,
                level_mv=made.level_mv,
                height_mv=made.height_mv,
                width_ui=made.width_ui,
                sample_ui=0.0,
                thresholds_mv=made.thresholds_mv,
                caption=f"Worst of {len(lanes)} lanes, {made.symbols} symbols {where}, "
                f"noise included; Q = {made.q:.1f}.",
            )
        )
    if closed or not found:
        return Eyes(0.0, 0.0, tuple(pictures), lowest)
    return Eyes(
        height_mv=min(made.height_mv for made in found.values()),
        width_ui=min(made.width_ui for made in found.values()),
        eyes=tuple(pictures),
        worst=lowest,
    )
