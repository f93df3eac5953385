"""The technology as tables: layers, design rules, metals, cross-sections, numbers of both bands.

The numbers' words are their docstrings in `devices`, so that a table says what the code says.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from lightloom.photonics import devices, tech
from lightloom.photonics.devices import C_BAND, O_BAND
from lightloom.photonics.layer_map import OPEN, LayerMap
from lightloom.spec.base import Frozen


def page(layers: LayerMap = OPEN) -> str:
    """Return all tables as Markdown, layers with the numbers of a map."""
    parts = (
        ("Layers", _layers(layers)),
        ("Design rules", _rules()),
        ("Metals and cuts", _metals()),
        ("Cross-sections", _sections()),
        ("Numbers of the devices", _numbers()),
    )
    return "\n".join(f"## {title}\n\n{''.join(table)}" for title, table in parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _layers(layers: LayerMap) -> Iterator[str]:
    rows = (
        (f"`{name}`", "{}/{}".format(*layers.number(name)), info.what)
        for name, info in tech.LAYERS.items()
    )
    return _table(("layer", "GDS", "what"), rows)


def _rules() -> Iterator[str]:
    rows = [(f"`{rule.name}`", rule.text) for rule in tech.RULES if rule.kind != "grid"]
    rows.append(("`<layer>.grid`", f"every mask is on a {tech.DBU_UM:g} um grid"))
    return _table(("rule", "says"), rows)


def _metals() -> Iterator[str]:
    metals = (
        (f"`{tech.NAMES[metal]}`", f"{ohm:g} Ω/□", f"{tech.CURRENT_MA_PER_UM[metal]:g} mA/µm")
        for metal, ohm in tech.SHEET_OHM.items()
        if metal in tech.METALS
    )
    heater = tech.SHEET_OHM[tech.HEATER]
    cuts = (
        ("`VIA`", f"{tech.VIA_OHM:g} Ω a cut", f"{tech.CURRENT_MA_PER_VIA:g} mA a cut"),
        ("`VIA2`", f"{tech.VIA2_OHM:g} Ω a cut", f"{tech.CURRENT_MA_PER_VIA2:g} mA a cut"),
    )
    rows = (("`HEATER`", f"{heater:g} Ω/□", "by its power"), *metals, *cuts)
    return _table(("layer", "resistance", "steady current"), rows)


def _sections() -> Iterator[str]:
    rows = (
        (
            f"`{section.name}`",
            ", ".join(f"{tech.NAMES[layer]} {a:g} to {b:g}" for layer, a, b in section.strips),
            f"{section.radius_min_um:g}",
        )
        for section in tech.CROSS_SECTIONS.values()
    )
    return _table(("name", "strips in µm from the middle, O-band", "least radius in µm"), rows)


def _numbers() -> Iterator[str]:
    yield from _table(("number", "O", "C", "what, and where from"), _number_rows())


def _number_rows() -> Iterator[Sequence[str]]:
    for name in type(O_BAND).model_fields:
        ours, theirs = getattr(O_BAND, name), getattr(C_BAND, name)
        if not isinstance(ours, Frozen):
            if name != "band":
                yield f"`{name}`", _value(ours), _value(theirs), _words("Numbers", name)
            continue
        kind = type(ours).__name__
        for field in type(ours).model_fields:
            shown = _value(getattr(ours, field)), _value(getattr(theirs, field))
            yield f"`{name}.{field}`", *shown, _words(kind, field)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _words(kind: str, field: str) -> str:
    return _docstrings().get((kind, field), "")


@cache
def _docstrings() -> dict[tuple[str, str], str]:
    """Text below each field of each class of `devices`."""
    found: dict[tuple[str, str], str] = {}
    for node in ast.parse(Path(devices.__file__).read_text()).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, below in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                found[node.name, field.target.id] = " ".join(str(below.value.value).split())
    return found
