"""Read a design file, apply `--set` overrides, and say exactly what is wrong with a bad one."""

from __future__ import annotations

import difflib
import json
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from lightloom.spec.base import DesignError
from lightloom.spec.design import Design

MAX_BYTES = 1 << 20
"""Design files larger than this are refused."""
FILES = {
    "touchstone": ("package", "touchstone"),
    "payload": ("run", "payload"),
    "calibration": ("switch", "calibration"),
    "layer map": ("technology", "layer_map"),
}
"""Keys that can name a file, by what it is."""


def load(path: Path, overrides: Mapping[str, str] | None = None) -> Design:
    """Return the validated design of the TOML file `path`.

    `overrides` maps dotted keys to text: TOML values (`5`, `"ring"`, `[0, 1]`) or bare words
    (`ring`).
    Raises `DesignError` with file, key, value and allowed range.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DesignError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise DesignError(f"{path}: {len(raw)} bytes; allowed: at most {MAX_BYTES}")
    try:
        data = tomllib.loads(raw.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DesignError(f"{path}: not TOML: {error}") from None
    data.setdefault("name", path.stem)
    for key, text in (overrides or {}).items():
        _set(data, key, text)
    return parse(data, str(path))


def parse(data: Mapping[str, Any], source: str) -> Design:
    """Return the validated design of plain values; `source` opens the error message."""
    try:
        return Design.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise DesignError(f"{source}: {_describe(first)}{more}") from None


def files(design: Design) -> dict[str, str]:
    """Files that a design names, by what they are."""
    named = {role: getattr(getattr(design, part), key) for role, (part, key) in FILES.items()}
    return {r: name for r, name in named.items() if name not in (None, "nominal", "measured")}


def with_files(design: Design, names: Mapping[str, str]) -> Design:
    """Return the design with other file names; `names` is as `files` gives it."""
    for role, name in names.items():
        part, key = FILES[role]
        section = getattr(design, part).model_copy(update={key: name})
        design = design.model_copy(update={part: section})
    return design


def resolve(design: Design, base: Path) -> Design:
    """Return the design with file names that are relative to the design file made absolute."""
    named = files(design).items()
    return with_files(design, {role: str((base / name).resolve()) for role, name in named})


def keys() -> dict[str, FieldInfo]:
    """Every dotted key of a design file with its field."""
    return dict(_walk(Design, ""))


def allowed(key: str) -> str:
    """Range of a key in words, for messages and documents."""
    field = keys().get(key)
    return "any" if field is None else _allowed(field)


def _walk(model: type[BaseModel], prefix: str) -> list[tuple[str, FieldInfo]]:
    found: list[tuple[str, FieldInfo]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += _walk(kind, f"{prefix}{name}.")
        else:
            found.append((prefix + name, field))
    return found


def _set(data: dict[str, Any], key: str, text: str) -> None:
    *sections, last = key.split(".")
    place = data
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise DesignError(f"--set {key}: '{section}' is not a section of the design file")
    try:
        place[last] = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        place[last] = text


def _describe(error: Any) -> str:
    parts = [str(part) for part in error["loc"]]
    known = keys()
    key = ".".join(parts)
    if error["type"] == "extra_forbidden":
        return f"{key} = {_show(error['input'])}: unknown key{_hint(key, known)}"
    if error["type"] == "value_error":
        return f"{key}: {error['ctx']['error']}" if key else str(error["ctx"]["error"])
    # Inside a list or a union pydantic goes on past the key; the user knows only the key.
    name = next((k for n in range(len(parts), 0, -1) if (k := ".".join(parts[:n])) in known), key)
    span = _allowed(known[name]) if name in known else error["msg"]
    value = "too short a list" if error["type"] == "missing" else _show(error["input"])
    return f"{name} = {value}; allowed: {span}"


def _hint(key: str, known: Mapping[str, object]) -> str:
    names = [*known, *Design.model_fields]
    section, _, last = key.rpartition(".")
    same = [k for k in known if k.startswith(section + ".")]
    close = difflib.get_close_matches(key, same, n=1, cutoff=0.7)
    close = close or difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    close = close or [k for k in known if k.rsplit(".", 1)[-1] == last][:1]
    return f"; did you mean {close[0]}?" if close else ""


def _show(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _allowed(field: FieldInfo) -> str:
    low = high = None
    for item in field.metadata:
        low = getattr(item, "ge", low)
        high = getattr(item, "le", high)
        if getattr(item, "pattern", None):
            return f"text matching {item.pattern}"
    kind = _kind(field.annotation)
    if low is not None and high is not None:
        return f"{kind} {low:g} to {high:g}"
    return kind


def _kind(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(args[0])
    if origin is Literal:
        return ", ".join(json.dumps(a) for a in args)
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(a) for a in args if a is not type(None))
    if origin is tuple:
        inner = _kind(args[0])
        return f"a list of {inner}s" if args[-1] is Ellipsis else f"a list of {len(args)} {inner}s"
    names = {float: "number", int: "whole number", str: "text", bool: "true or false"}
    return names.get(annotation, str(annotation))
