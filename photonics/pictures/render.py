"""Pixels of a layout file in the technology's colours, drawn by KLayout without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import klayout.db as kdb
import klayout.lay as lay
import numpy as np
from numpy.typing import NDArray

from lightloom.photonics import tech
from lightloom.photonics.tech import LayerInfo

Pixels = NDArray[np.uint8]
"""Shape (height, width, 3): red, green, blue."""

_FILL = {"solid": (0,), "hollow": (1,), "dotted": (2,), "hatched": (4, 8)}
"""KLayout's built-in fill patterns. Hatched layers lean left and right in turn, so that two metals
can be told apart where they cross."""
BOLD = ("DICE", "WG", "HEATER")
"""Layers drawn with a thick outline: thinner than a pixel on a whole chip."""
TOOLS = ("DEVREC", "PIN")
"""Layers for tools, not for people."""
HIDDEN = ("LABEL", "TEXT", *TOOLS)
"""Layers that pictures leave out: for tools, or with texts that the picture itself sets."""
PAPER = "#ffffff"
OVERSAMPLING = 2
FINE = 0.2
"""Pixels a um below which lines are drawn thin."""


def layer_view(
    layers: Mapping[str, LayerInfo] = tech.LAYERS, hidden: tuple[str, ...] = ()
) -> lay.LayoutView:
    """Return an empty view with the layers in drawing order, in their colours and patterns."""
    view = lay.LayoutView()
    _insert(view, layers, hidden)
    return view


def open_view(path: Path, layers: Mapping[str, LayerInfo] = tech.LAYERS) -> lay.LayoutView:
    """Return a view of a GDSII or OASIS file, without its texts, on white."""
    view = _white()
    view.load_layout(str(path), False)
    view.clear_layers()
    _insert(view, layers, HIDDEN)
    view.max_hier()
    return view


def pixels(view: lay.LayoutView, box: kdb.DBox, width: int, height: int) -> Pixels:
    """Draw a part of a view.

    Args:
        view: from `open_view`.
        box: the part, in um; its shape should be that of the picture.
        width: in pixels.
        height: in pixels.
    """
    over = OVERSAMPLING
    # Patterns and lines are scaled with the oversampling, so that they are as on a screen; lines of
    # whole chips are kept thin, or a bundle of waveguides would be one stain.
    line = over if width / box.width() >= FINE else 1
    image = view.get_pixels_with_options(width, height, line, over, 1.0 / over, box)
    return _array(image)


def swatches(
    names: Sequence[str],
    width: int,
    height: int,
    layers: Mapping[str, LayerInfo] = tech.LAYERS,
) -> dict[str, Pixels]:
    """Draw a sample of each layer, as `pixels` draws its shapes."""
    layout = kdb.Layout()
    layout.dbu = tech.DBU_UM
    top = layout.create_cell("swatches")
    pitch = height + 4
    for row, name in enumerate(names):
        box = kdb.DBox(1.5, row * pitch + 1.5, width - 1.5, row * pitch + height - 1.5)
        top.shapes(layout.layer(*layers[name].layer)).insert(box)
    view = _white()
    view.show_layout(layout, False)
    view.clear_layers()
    _insert(view, layers, ())
    view.max_hier()
    rows = len(names) * pitch
    image = pixels(view, kdb.DBox(0, 0, width, rows), width, rows)
    # Row 0 of the layout is at the bottom of the image.
    return {
        name: image[rows - row * pitch - height : rows - row * pitch]
        for row, name in enumerate(names)
    }


def _white() -> lay.LayoutView:
    view = lay.LayoutView()
    for key, value in (
        ("background-color", PAPER),
        ("grid-visible", "false"),
        ("text-visible", "false"),
        ("inst-visible", "false"),
    ):
        view.set_config(key, value)
    return view


def _array(buffer: lay.PixelBuffer) -> Pixels:
    # Eight bytes of size, then rows from the top, each pixel as blue, green, red, alpha.
    data = np.frombuffer(buffer.to_bytes(), dtype=np.uint8, offset=8)
    return data.reshape(buffer.height(), buffer.width(), 4)[..., 2::-1].copy()


def _insert(view: lay.LayoutView, layers: Mapping[str, LayerInfo], hidden: tuple[str, ...]) -> None:
    used = dict.fromkeys(_FILL, 0)
    for info in layers.values():
        patterns = _FILL[info.fill]
        node = lay.LayerPropertiesNode()
        node.name = info.name
        node.source = "{}/{}@1".format(*info.layer)
        node.frame_color = node.fill_color = 0xFF000000 | int(info.colour[1:], 16)
        node.dither_pattern = patterns[used[info.fill] % len(patterns)]
        node.width = 2 if info.name in BOLD else 1
        node.visible = info.name not in hidden
        view.insert_layer(view.end_layers(), node)
        used[info.fill] += 1
