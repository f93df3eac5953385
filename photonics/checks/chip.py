"""A layout file opened for checking: size limits, one top cell, flat shapes by layer."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.layer_map import OPEN, LayerMap
from lightloom.spec.base import DesignError

MAX_BYTES = 1 << 30
"""Layout files larger than this are refused."""
MAX_SHAPES = 5_000_000
"""Layouts that unfold into more shapes are refused: small files with arrays of arrays."""
MAX_UM = 500_000.0
"""Layouts that reach further from the origin are refused: sums of coordinates fit into 32 bits."""
DBU_UM = (1e-5, 1.0)
"""Database units outside this range are refused."""

Layer = tuple[int, int]


class Chip:
    """The single top cell of a layout, seen flat. Coordinates are database units (`dbu` um)."""

    def __init__(self, layout: kdb.Layout, source: str) -> None:
        """Take a layout; `source` opens error messages."""
        tops = layout.top_cells()
        if len(tops) != 1:
            names = ", ".join(cell.name for cell in tops[:4]) or "none"
            raise DesignError(f"{source}: {len(tops)} top cells ({names}); allowed: exactly 1")
        self.layout = layout
        self.top = tops[0]
        self.dbu = layout.dbu
        self.source = source
        if not DBU_UM[0] <= self.dbu <= DBU_UM[1]:
            allowed = f"{DBU_UM[0]:g} to {DBU_UM[1]:g} um"
            raise DesignError(f"{source}: database unit {self.dbu:g} um; allowed: {allowed}")
        shapes = _unfolded(layout)[self.top.cell_index()]
        if shapes > MAX_SHAPES:
            raise DesignError(f"{source}: {shapes} shapes when flat; allowed: at most {MAX_SHAPES}")
        box = self.top.dbbox()
        far = 0.0 if box.empty() else max(map(abs, (box.left, box.bottom, box.right, box.top)))
        if not far <= MAX_UM:
            raise DesignError(f"{source}: reaches to {far:g} um; allowed: at most {MAX_UM:g} um")
        self._regions: dict[Layer, kdb.Region] = {}
        self._merged: dict[Layer, kdb.Region] = {}

    @cached_property
    def name(self) -> str:
        """Name of the top cell, with what a netlist cannot hold replaced."""
        return "".join(
            c if c.isascii() and (c.isalnum() or c in "_.$") else "_" for c in self.top.name
        )

    def on_grid(self) -> Chip:
        """The same layout in units of the technology's grid.

        Raises `DesignError` when vertices are between its points.
        """
        scale = Fraction(self.dbu / tech.DBU_UM).limit_denominator(1000)
        if scale == 1:
            return self
        steps = scale.denominator
        for layer, name in tech.NAMES.items():
            off = self.region(layer).grid_check(steps, steps)
            if not off.is_empty():
                at = next(off.each()).bbox().center()
                raise DesignError(
                    f"{self.source}: vertex of {name} at ({at.x * self.dbu:.4f}, "
                    f"{at.y * self.dbu:.4f}) um; allowed: on the {tech.DBU_UM:g} um grid"
                )
        layout = self.layout.dup()
        layout.scale_and_snap(layout.top_cell(), 1, scale.numerator, scale.denominator)
        layout.dbu = tech.DBU_UM
        return Chip(layout, self.source)

    def region(self, layer: Layer) -> kdb.Region:
        """Polygons of a layer, flat, as drawn: not merged until an operation merges them."""
        if layer not in self._regions:
            index = self.layout.find_layer(*layer)
            region = kdb.Region() if index is None else kdb.Region(self.top.begin_shapes_rec(index))
            self._regions[layer] = region.flatten()
        return self._regions[layer]

    def merged(self, layer: Layer) -> kdb.Region:
        """Merged polygons of a layer; merged once, whoever asks."""
        if layer not in self._merged:
            self._merged[layer] = self.region(layer).merged()
            self._merged[layer].merged_semantics = False  # it is merged: do not do it again
        return self._merged[layer]

    def texts(self, layer: Layer) -> Iterator[tuple[str, kdb.Point]]:
        """Texts of a layer, flat, with their places."""
        index = self.layout.find_layer(*layer)
        if index is None:
            return
        at = self.top.begin_shapes_rec(index)
        at.shape_flags = kdb.Shapes.STexts
        while not at.at_end():
            text = at.shape().text.transformed(at.trans())
            yield text.string, kdb.Point(text.x, text.y)
            at.next()


def open_chip(path: Path, layers: LayerMap = OPEN) -> Chip:
    """Open a GDS or OASIS file whose layers have the numbers of a layer map.

    Raises `DesignError` when it is not a layout or is too large.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DesignError(f"{path}: cannot be read: {error.strerror}") from None
    if size > MAX_BYTES:
        raise DesignError(f"{path}: {size} bytes; allowed: at most {MAX_BYTES}")
    layout = kdb.Layout()
    options = kdb.LoadLayoutOptions()
    options.warn_level = 0  # KLayout prints on the terminal what it tolerates
    try:
        layout.read(str(path), options)
    except RuntimeError as error:
        first = str(error).splitlines()[0]
        raise DesignError(f"{path}: not a readable layout: {first}") from None
    layers.from_foundry(layout)
    return Chip(layout, str(path))


def _unfolded(layout: kdb.Layout) -> dict[int, int]:
    """Shapes of each cell with all that is in it."""
    count: dict[int, int] = {}
    layers = layout.layer_indexes()
    for index in layout.each_cell_bottom_up():
        cell = layout.cell(index)
        total = sum(cell.shapes(layer).size() for layer in layers)
        for instance in cell.each_inst():
            copies = max(instance.na, 1) * max(instance.nb, 1)
            total += copies * (1 + count[instance.cell_index])
        count[index] = total
    return count
