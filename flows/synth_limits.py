"""Limits of area and timing that a change must keep: a TOML table a block, in the repository."""

from __future__ import annotations

import math
import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from lightloom.spec.base import DesignError

SHIPPED = Path(__file__).with_name("synth_limits.toml")
"""Limits of the blocks at their default parameters."""
UPPER = ("cells", "depth", "ecp5_lut4", "ecp5_ff", "ecp5_dsp", "ecp5_ram")
LOWER = ("ecp5_fmax_mhz",)
MARGIN = 0.05
"""Room that a renewed limit leaves."""
FMAX_MARGIN = 0.10
"""The same for Fmax, which changes by 3 % with the placer's seed alone."""

Figures = Mapping[str, float | int | None]
Limits = dict[str, dict[str, float]]


def read(path: Path) -> Limits:
    """Return block to figure to limit; raises DesignError for a file that is none."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DesignError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DesignError(f"{path}: not TOML: {error}") from None
    for block, table in found.items():
        if not isinstance(table, dict):
            raise DesignError(f"{path}: {block}; allowed: a table for each block")
        for key, value in table.items():
            if key not in UPPER + LOWER:
                allowed = ", ".join(UPPER + LOWER)
                raise DesignError(f"{path}: {block}.{key}: unknown figure; allowed: {allowed}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise DesignError(f"{path}: {block}.{key} = {value!r}; allowed: numbers from 0")
    return found


def exceeded(
    block: str, figures: Figures, limits: Mapping[str, float], reasons: Mapping[str, str]
) -> list[str]:
    """One line for each figure of a block that is beyond its limit, or gone for another reason."""
    lines = []
    for key, limit in limits.items():
        value = figures.get(key)
        if value is None:
            why = reasons.get(key, "")
            if "not installed" not in why:
                lines.append(f"{block}: {key} is missing, limit {limit:g}: {why}")
        elif value > limit if key in UPPER else value < limit:
            kind = "limit" if key in UPPER else "floor"
            lines.append(f"{block}: {key} = {value:g}, {kind} {limit:g}")
    return lines


def around(figures: Figures) -> dict[str, float]:
    """Limits with a margin around the figures that there are."""
    found: dict[str, float] = {}
    for key in UPPER + LOWER:
        value = figures.get(key)
        if value is None:
            continue
        if key in UPPER:
            found[key] = math.ceil(value * (1 + MARGIN) - 1e-9)
        else:
            found[key] = math.floor(10 * value * (1 - FMAX_MARGIN)) / 10
    return found


def write(limits: Limits, path: Path) -> None:
    """Write the limits whole or not at all."""
    lines = [
        "# Upper limits of cells, depth and ECP5 sites, floor of ECP5 Fmax, for each block at its",
        "# default parameters. `lightloom synth` compares with them, `lightloom synth --renew`",
        f"# sets them: {MARGIN:.0%} above what is measured, {FMAX_MARGIN:.0%} below for Fmax.",
    ]
    for block, table in limits.items():
        lines += ["", f"[{block}]", *(f"{key} = {value:.10g}" for key, value in table.items())]
    try:
        handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        raise DesignError(f"{path}: cannot be written: {error.strerror}") from None
