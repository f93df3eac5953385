"""Headers of the generated files: what it is, where it is from, each parameter with its source."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from lightloom.spec.base import Frozen

WIDTH = 96


def block(mark: str, title: str, paragraphs: Sequence[str], parameters: Frozen | None) -> str:
    """Return a comment block: title, paragraphs, a line a parameter with its description.

    Args:
        mark: what opens a comment line, as `*` or `//`.
        title: first line.
        paragraphs: wrapped to `WIDTH`.
        parameters: value whose fields are listed; their names end with the unit.
    """
    lines = [title]
    for paragraph in paragraphs:
        lines += ["", *textwrap.wrap(paragraph, WIDTH)]
    if parameters is not None:
        lines += ["", "Parameters, units at the end of the name:"]
        for name, value in values(parameters).items():
            text = type(parameters).model_fields[name].description or ""
            lines += textwrap.wrap(
                f"{name} = {number(value)}: {text}", WIDTH, subsequent_indent="    "
            )
    return "".join(f"{mark} {line}".rstrip() + "\n" for line in lines)


def values(parameters: Frozen) -> dict[str, float]:
    """Fields by name, true as 1."""
    return {name: float(value) for name, value in parameters.model_dump().items()}


def number(value: float) -> str:
    """Shortest text that reads back as the same number."""
    return repr(float(value)).removesuffix(".0")


def provenance(design: str, digests: Mapping[str, str]) -> str:
    """Sentence that says which design and files a model was made from."""
    files = ", ".join(f"{name} {digest[:16]}" for name, digest in digests.items())
    return f"Made by lightloom models from design {design}" + (
        f"; SHA-256: {files}." if files else "."
    )
