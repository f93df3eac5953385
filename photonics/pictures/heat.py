"""Powers of light along the waveguides of a chip with colour bars: signals and crosstalk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit.trace import Levels
from lightloom.photonics.netlist import Netlist, Pin
from lightloom.photonics.pictures import labels
from lightloom.photonics.pictures.labels import Box
from lightloom.photonics.pictures.sheet import INK, MUTED, Anchor, Sheet
from lightloom.photonics.pictures.strokes import Strokes

DIE = "#12161d"
DARK = "#3a4350"
"""Waveguides without light."""
WORST = "#ffffff"
"""Drawn under the path with most loss."""
COLOURS = "plasma"
DIMMEST = 0.18
"""Part of the colour map that begins where it can be told from the die."""
RANGE_DB = 40.0
"""Crosstalk is drawn down to this below the strongest."""
FAINTEST_DB = -100.0
"""Light below this is not worth a figure."""
WIDE_PX, TALL_PX = 1400, 620
"""Room for one map."""
LARGEST_PX = 2600
LINE_PX = 12.6
SIGNAL, OTHER = "Signal", "All other light: crosstalk, leaks, taps"
MARGIN, HEAD, GAP = 28, 92, 58


def draw(chip: Netlist, shape: Strokes, found: Levels, title: str) -> Sheet:
    """Return the sheet with both maps.

    Args:
        chip: netlist that `shape` and `found` are named by.
        shape: where the waveguides are.
        found: what is in them.
        title: what is shown, for the head.
    """
    return _Map(chip, shape, found).draw(title)


@dataclass(frozen=True)
class _Port:
    name: str
    y_um: float
    west: bool


@dataclass(frozen=True)
class _Ramp:
    """A range of levels in dB as colours."""

    low: float
    high: float

    def colour(self, level: NDArray[np.float64] | Sequence[float]) -> NDArray[np.float64]:
        """Red, green, blue and opacity, 0 to 1."""
        from matplotlib import colormaps

        part = (np.asarray(level, dtype=float) - self.low) / (self.high - self.low)
        return colormaps[COLOURS](DIMMEST + (1 - DIMMEST) * np.clip(part, 0, 1))


class _Map:
    def __init__(self, chip: Netlist, shape: Strokes, found: Levels) -> None:
        self.shape = shape
        self.found = found
        die = shape.die
        self.ports = [
            _Port(name, shape.pins[pin][1], shape.pins[pin][0] < die.center().x)
            for name, pin in chip.ports.items()
            if pin in shape.pins
        ]
        scale = min(WIDE_PX / die.width(), TALL_PX / die.height())
        pitch = min(
            labels.pitch([port.y_um for port in self.ports if port.west == west], same=0.5)
            for west in (True, False)
        )
        self.scale = max(scale, min(LINE_PX / pitch, LARGEST_PX / die.width()))
        self.size = round(die.width() * self.scale), round(die.height() * self.scale)
        self.chip = chip

    def draw(self, title: str) -> Sheet:
        found = self.found
        worst = max(found.loss_db, key=lambda name: found.loss_db[name])
        noisiest = max(found.crosstalk_db, key=lambda name: found.crosstalk_db[name])
        losses = {name: f"{name}  \u2212{loss:.2f} dB" for name, loss in found.loss_db.items()}
        ratios = {n: f"{n}  {_minus(ratio)} dB" for n, ratio in found.crosstalk_db.items()}
        across, high = self.size
        west = self._depth(True, losses, ratios)
        total = max(across + west + self._depth(False, losses, ratios) + 2 * MARGIN, 900)
        sheet = Sheet((total, HEAD + 14 + 2 * high + GAP + MARGIN))
        sheet.text(MARGIN, 30, self.chip.chip, 19, INK, bold=True)
        long = labels.width(self.chip.chip, 19, bold=True)
        sheet.text(MARGIN + long + 18, 31, title, 15, MUTED)
        ports = len(found.loss_db)
        sheet.text(
            MARGIN, 57,
            f"{ports} paths: {min(found.loss_db.values()):.2f} to {found.loss_db[worst]:.2f} dB, "
            f"most from {found.origin[worst]} to {worst} (white); "
            f"crosstalk {_minus(found.crosstalk_db[noisiest])} dB at {noisiest}",
            12.5, MUTED,
        )  # fmt: skip
        x, y = MARGIN + west, HEAD + 14
        frame = Box(x, y, x + across, y + high)
        low = -max(math.ceil(max(-level for level in found.signal.values())), 1)
        self._panel(sheet, frame, SIGNAL, found.signal, _Ramp(low, 0.0), losses, worst)
        y += high + GAP
        frame = Box(x, y, x + across, y + high)
        top = min(math.ceil(max([*found.crosstalk.values(), FAINTEST_DB]) / 10) * 10, 0)
        ramp = _Ramp(top - RANGE_DB, top)
        self._panel(sheet, frame, OTHER, found.crosstalk, ramp, ratios, None)
        return sheet

    def _depth(self, west: bool, *texts: Mapping[str, str]) -> int:
        """Room for the names of a side."""
        names = [port.name for port in self.ports if port.west == west]
        words = [shown.get(name, name) for name in names for shown in texts]
        return math.ceil(max((labels.width(word, 12.5) for word in words), default=0.0)) + 10

    def _panel(
        self, sheet: Sheet, frame: Box, name: str, power: Mapping[Pin, float], ramp: _Ramp,
        texts: Mapping[str, str], worst: str | None,
    ) -> None:  # fmt: skip
        from matplotlib.collections import LineCollection
        from matplotlib.transforms import IdentityTransform

        sheet.fill(frame, DIE)
        die, high = self.shape.die, sheet.size[1]
        corner = np.array([frame.x1 - die.left * self.scale, high - frame.y2])
        corner[1] -= die.bottom * self.scale
        dark: list[NDArray[np.float64]] = []
        lit: list[NDArray[np.float64]] = []
        values: list[float] = []
        path: list[NDArray[np.float64]] = []
        source = self.found.origin[worst] if worst is not None else ""
        for stroke in self.shape.strokes:
            points = stroke.points * self.scale + corner
            ends = [p for p in (stroke.start, stroke.end) if power.get(p, -math.inf) >= ramp.low]
            if not ends:
                dark.append(points)
                continue
            lit.append(points)
            values.append(sum(power[pin] for pin in ends) / len(ends))
            if all(source in self.found.paths.get(pin, ()) for pin in ends):
                path.append(points)
        order = np.argsort(values, kind="stable")  # the strongest on top
        thick = 1.5 if self.scale < 0.2 else 2.2
        for lines, colours, width in (
            (dark, DARK, 0.8),
            (path, WORST, thick + 2.4),
            ([lit[i] for i in order], ramp.colour(np.array(values)[order]), thick),
        ):
            sheet.artists.append(
                LineCollection(
                    lines,
                    colors=colours,
                    linewidths=width * 0.72,
                    capstyle="butt",
                    transform=IdentityTransform(),
                )
            )
        title = sheet.text(frame.x1, frame.y1 - 14, name, 13, INK, bold=True)
        self._names(sheet, frame, texts)
        _bar(sheet, frame, ramp, title.x2 + 30)
        if name == SIGNAL:
            sheet.scale_bar(frame.x2 - 260, frame.y1 - 14, self.scale, 150)

    def _names(self, sheet: Sheet, frame: Box, texts: Mapping[str, str]) -> None:
        for west in (True, False):
            ports = sorted((p for p in self.ports if p.west == west), key=lambda p: -p.y_um)
            places = [frame.y1 + (self.shape.die.top - p.y_um) * self.scale for p in ports]
            size = min(max((labels.pitch(places) - 1.6) / 1.02, 10.2), 12.5)
            for i in labels.thin(places, 1.02 * size + 1.5):
                text = texts.get(ports[i].name, ports[i].name)
                anchor: Anchor = "end" if west else "start"
                x = frame.x1 - 6 if west else frame.x2 + 6
                sheet.text(x, places[i], text, size, INK, anchor)


def _minus(value: float) -> str:
    if value < FAINTEST_DB:
        return f"< \u2212{-FAINTEST_DB:g}"
    return f"{value:.1f}".replace("-", "\u2212")


def _bar(sheet: Sheet, frame: Box, ramp: _Ramp, x: float) -> None:
    """A colour bar over the frame with round levels."""
    long, thick = 300, 10
    y = frame.y1 - 32
    colours = ramp.colour(np.linspace(ramp.low, ramp.high, long))
    image = np.repeat((255 * colours[None, :, :3]).round().astype(np.uint8), thick, axis=0)
    sheet.image(image, round(x), round(y))
    span = ramp.high - ramp.low
    step = next(s for s in (0.5, 1, 2, 5, 10, 20) if span / s <= 7)
    count = math.floor(span / step + 1e-9)
    for i in range(count + 1):
        level = ramp.high - i * step
        at = x + (level - ramp.low) / span * long
        sheet.line(at, y + thick, at, y + thick + 3, INK)
        text = f"{level:g}".replace("-", "\u2212") + (" dB of what enters" if i == 0 else "")
        sheet.text(at, y + thick + 11, text, 11, INK, "start" if i == 0 else "middle")
