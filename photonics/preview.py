"""Files of a layout for people and tools: GDSII, OASIS, KLayout layer properties, a picture.

The same layout gives the same bytes: no time stamps, no editor metadata.
"""

from __future__ import annotations

from pathlib import Path

import gdsfactory as gf
import klayout.db as kdb
import klayout.lay as lay

from lightloom.photonics import tech

_FILL = {"solid": 0, "hollow": 1, "dotted": 2, "hatched": 5}
"""KLayout's built-in fill patterns."""
FONT = "2"
"""A stroke font: its size is that of the texts in the layout."""
BOLD = ("DICE", "WG", "HEATER")
"""Layers drawn with a thick outline: thinner than a pixel on a whole chip."""
HIDDEN = ("DEVREC", "PIN")
"""Layers that pictures leave out: for tools, not for people."""


def write_layout(component: gf.Component, path: Path) -> None:
    """Write a component and what is below it; the suffix of the path chooses the format.

    Args:
        component: top cell.
        path: `.gds` or `.oas`.
    """
    options = kdb.SaveLayoutOptions()
    options.set_format_from_filename(str(path))
    options.gds2_write_timestamps = False
    options.oasis_compression_level = 2
    options.write_context_info = False
    _canonical(component).write(str(path), options)


def _canonical(component: gf.Component) -> kdb.Layout:
    """Copy a component into a layout of its own, cells and instances in a fixed order.

    All components of a process share one layout, so its order tells what was built before.
    """
    source, top = component.kcl.layout, component.kdb_cell
    layout = kdb.Layout()
    layout.dbu = source.dbu
    indices = [*top.called_cells(), top.cell_index()]
    names = sorted((source.cell(index).name, index) for index in indices)
    copies = {index: layout.create_cell(name) for name, index in names}
    for info in tech.LAYERS.values():
        layer = layout.layer(*info.layer)
        drawn = source.find_layer(*info.layer)
        for index, copy in copies.items():
            if drawn is not None:
                copy.shapes(layer).insert(source.cell(index).shapes(drawn))
    for index, copy in copies.items():
        arrays = []
        for instance in source.cell(index).each_inst():
            array = instance.cell_inst.dup()
            array.cell_index = copies[instance.cell_index].cell_index()
            arrays.append(array)
        for array in sorted(arrays, key=lambda a: (a.cell_index, str(a))):
            copy.insert(array)
    return layout


def write_lyp(path: Path) -> None:
    """Write KLayout layer properties of the technology."""
    _coloured(lay.LayoutView(), ()).save_layer_props(str(path))


def write_png(
    layout: Path,
    path: Path,
    width: int = 2400,
    margin: float = 0.02,
    window_um: tuple[float, float, float, float] | None = None,
) -> None:
    """Draw a layout file, without a display.

    Args:
        layout: GDSII or OASIS file.
        path: PNG to write.
        width: in pixels; the height follows the die.
        margin: white border as a part of the width.
        window_um: part of the layout to draw, corners x1, y1, x2, y2; all of it when not given.
    """
    view = lay.LayoutView()
    for key, value in (
        ("background-color", "#ffffff"),
        ("grid-visible", "false"),
        ("text-visible", "true"),
        ("text-color", "#202020"),
        ("text-font", FONT),
        ("apply-text-trans", "true"),
    ):
        view.set_config(key, value)
    view.load_layout(str(layout), False)
    _coloured(view, HIDDEN)
    view.max_hier()
    whole = view.active_cellview().cell.dbbox()
    box = whole if window_um is None else kdb.DBox(*window_um)
    border = box.width() * margin
    box = box.enlarged(border, border)
    view.save_image_with_options(
        str(path), width, round(width * box.height() / box.width()), 1, 2, 1.0, box, False
    )


def _coloured(view: lay.LayoutView, hidden: tuple[str, ...]) -> lay.LayoutView:
    view.clear_layers()
    for info in tech.LAYERS.values():
        node = lay.LayerPropertiesNode()
        node.name = info.name
        node.source = "{}/{}@1".format(*info.layer)
        colour = int(info.colour[1:], 16)
        node.frame_color = node.fill_color = 0xFF000000 | colour
        node.dither_pattern = _FILL[info.fill]
        node.width = 2 if info.name in BOLD else 1
        node.visible = info.name not in hidden
        view.insert_layer(view.end_layers(), node)
    return view
