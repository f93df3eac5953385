"""The environment that every HTML page of the flows is made in."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment() -> Environment:
    """Return one with the templates; names are escaped, and an undefined one is an error."""
    return Environment(
        loader=PackageLoader("lightloom.flows", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
