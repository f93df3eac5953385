"""Files of a layout for people and tools: GDSII, OASIS, KLayout layer properties, a picture.

The same layout gives the same bytes: no time stamps, no editor metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.layer_map import OPEN, LayerMap
from lightloom.photonics.pictures import overview, render
from lightloom.photonics.pictures.sheet import Sheet
from lightloom.photonics.tech import LayerInfo


def write_layout(component: gf.Component, path: Path) -> None:
    """Write a component and what is below it; the suffix of the path chooses the format.

    Args:
        component: top cell.
        path: `.gds` or `.oas`.
    """
    _save(_canonical(component), path)


def renumber(path: Path, layers: LayerMap) -> None:
    """Give the layers of a file that `write_layout` wrote the numbers of a layer map."""
    layout = kdb.Layout()
    layout.read(str(path))
    layers.to_foundry(layout)
    _save(layout, path)


def _save(layout: kdb.Layout, path: Path) -> None:
    options = kdb.SaveLayoutOptions()
    options.set_format_from_filename(str(path))
    options.gds2_write_timestamps = False
    options.oasis_compression_level = 2
    options.write_context_info = False
    layout.write(str(path), options)


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


def write_lyp(path: Path, layers: Mapping[str, LayerInfo] = tech.LAYERS) -> None:
    """Write KLayout layer properties of the technology, or of the same layers under other numbers.

    Layers stand from the substrate up, as KLayout draws them. Those for tools are there but
    switched off, for their texts cover a whole chip.
    """
    render.layer_view(layers, render.TOOLS).save_layer_props(str(path))


def write_png(layout: Path, path: Path, layers: LayerMap = OPEN) -> None:
    """Draw a layout file with its ports named, close-ups, scale bars and a legend of layers.

    Args:
        layout: GDSII or OASIS file.
        path: PNG to write.
        layers: the numbers that the layout was written with.

    Raises:
        DesignError: the file is not a layout or too large.
    """
    path.write_bytes(overview.draw(layout, layers).png())


def write_window(
    layout: Path,
    path: Path,
    window_um: tuple[float, float, float, float],
    width: int = 1600,
    layers: LayerMap = OPEN,
) -> None:
    """Draw a part of a layout file as it is, without names.

    Args:
        layout: GDSII or OASIS file.
        path: PNG to write.
        window_um: corners x1, y1, x2, y2.
        width: in pixels; the height follows.
        layers: the numbers that the layout was written with.
    """
    box = kdb.DBox(*window_um)
    height = round(width * box.height() / box.width())
    sheet = Sheet((width, height))
    view = render.open_view(layout, layers.infos())
    sheet.image(render.pixels(view, box, width, height), 0, 0)
    path.write_bytes(sheet.png())
