"""Layer numbers of a foundry in place of those of the open technology.

A layer map is a TOML file::

    [layers]
    WG = [30, 0]
    M1 = [61, 10]

Layers that it does not name keep their numbers. Cells and checks know only the numbers of `tech`;
a layout is renumbered when it is written for a user and renumbered back when a user's file is read.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from lightloom.photonics import tech
from lightloom.photonics.tech import Layer, LayerInfo
from lightloom.spec.base import DesignError, Frozen

if TYPE_CHECKING:
    import klayout.db as kdb

MAX_BYTES = 1 << 16
"""Layer map files larger than this are refused."""
LARGEST = 65535
"""Largest layer and datatype number of a GDS file."""
_RANGE = f"two whole numbers of 0 to {LARGEST}, layer and datatype"


def _own() -> dict[str, Layer]:
    return {name: info.layer for name, info in tech.LAYERS.items()}


class LayerMap(Frozen):
    """Layer number and datatype of each layer of the technology, by name."""

    layers: dict[str, Layer] = Field(default_factory=_own)

    def number(self, name: str) -> Layer:
        """Number and datatype of a layer of the technology."""
        return self.layers[name]

    def infos(self) -> dict[str, LayerInfo]:
        """The layers of the technology as in `tech.LAYERS`, with the numbers of the map."""
        return {name: info._replace(layer=self.layers[name]) for name, info in tech.LAYERS.items()}

    def to_foundry(self, layout: kdb.Layout) -> None:
        """Give the layers of a layout, drawn with the numbers of `tech`, those of the map.

        A foreign layer whose number the map needs is set aside: it keeps its shapes under a name
        like `30/0`, without a number, and gets its number back from `from_foundry`.
        """
        _renumber(layout, {info.layer: self.layers[name] for name, info in tech.LAYERS.items()})

    def from_foundry(self, layout: kdb.Layout) -> None:
        """Undo `to_foundry`: give the layers of a layout the numbers of `tech`.

        A foreign layer whose number the technology needs is set aside as in `to_foundry`.
        """
        _renumber(layout, {self.layers[name]: info.layer for name, info in tech.LAYERS.items()})


OPEN = LayerMap()
"""The numbers of the open technology."""


def read(path: Path | str | None) -> LayerMap:
    """Return the layer map of a TOML file; that of the open technology for None.

    Raises `DesignError` (file, layer, value, allowed) for a file that cannot be used.
    """
    if path is None:
        return OPEN
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DesignError(f"{path}: {size} bytes; allowed: at most {MAX_BYTES}")
        data = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise DesignError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DesignError(f"{path}: not TOML: {error}") from None
    table = data.pop("layers", None)
    if data or not isinstance(table, dict):
        found = ", ".join(sorted(data)) or "no table"
        raise DesignError(f"{path}: {found[:60]}; allowed: one table [layers]")
    return LayerMap(layers=_unique(dict(_given(table, path)), path))


def _given(table: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Layer]]:
    for name, value in table.items():
        if name not in tech.LAYERS:
            near = difflib.get_close_matches(name.upper(), tech.LAYERS, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise DesignError(
                f"{path}: layers.{name[:40]}: {hint}allowed: {', '.join(tech.LAYERS)}"
            )
        numbers = value if isinstance(value, list) else []
        if len(numbers) != 2 or any(
            isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= LARGEST for n in numbers
        ):
            shown = repr(value)[:60]
            raise DesignError(f"{path}: layers.{name} = {shown}; allowed: {_RANGE}")
        yield name, (numbers[0], numbers[1])


def _unique(given: dict[str, Layer], path: Path) -> dict[str, Layer]:
    """All layers, those of `given` first in a search for two on one number."""
    owners: dict[Layer, str] = {}
    for name in [*given, *(name for name in tech.LAYERS if name not in given)]:
        layer = given.get(name, tech.LAYERS[name].layer)
        if layer in owners:
            late, early = owners[layer], name
            kept = "" if early in given else ", which keeps its number"
            raise DesignError(
                f"{path}: layers.{late} = {list(layer)} is also {early}{kept}; "
                "allowed: one layer a number"
            )
        owners[layer] = name
    return {name: given.get(name, info.layer) for name, info in tech.LAYERS.items()}


def _renumber(layout: kdb.Layout, table: Mapping[Layer, Layer]) -> None:
    import klayout.db as kdb

    plan: dict[int, kdb.LayerInfo] = {}
    taken = set(table.values())
    aside: list[tuple[int, Layer]] = []
    for index in layout.layer_indexes():
        info = layout.get_info(index)
        here = (info.layer, info.datatype)
        named = re.fullmatch(r"(\d+)/(\d+)", info.name) if info.is_named() else None
        if not info.is_named() and here in table:
            plan[index] = kdb.LayerInfo(*table[here])
        elif named:
            aside.append((index, (int(named[1]), int(named[2]))))
        elif not info.is_named() and here in taken:
            plan[index] = kdb.LayerInfo("{}/{}".format(*here))
    for index, layer in aside:
        if layer not in taken:
            plan[index] = kdb.LayerInfo(*layer)
    for index, info in plan.items():
        layout.set_info(index, info)
