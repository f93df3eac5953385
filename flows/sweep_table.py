"""The table of a sweep: one row a point, columns of one type each, as Parquet and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightloom.flows.runs import MEASURED, Metric
from lightloom.flows.sweep_grid import Axis, Point
from lightloom.flows.sweep_point import Done

TIMING = "timing."
"""Before the name of what says how a point was computed, not what came out."""
ABOUT = ("point", "status", "message", "folder")
"""Columns that stand, with those of the varied keys, before the metrics."""
STATES = {0: "passed", 1: "failed", 2: "could not run"}


@dataclass(frozen=True)
class Row:
    """A point and how it ended."""

    point: Point
    done: Done
    metrics: dict[str, Metric]
    seconds: float | None


@dataclass(frozen=True)
class Column:
    """Values of all points in their order, None where a point has none."""

    name: str
    values: tuple[Metric, ...]

    @property
    def numeric(self) -> bool:
        """Whether there are numbers in it, and nothing else but None."""
        return all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in self.known
        ) and bool(self.known)

    @property
    def known(self) -> list[Metric]:
        """Values that are there."""
        return [v for v in self.values if v is not None]

    @property
    def varies(self) -> bool:
        """Whether points differ in it."""
        return len({json.dumps(v) for v in self.known}) > 1


def read(point: Point, folder: Path, done: Done) -> Row:
    """Row of a point from the folder of its results."""
    if done.exit_code not in (0, 1):
        return Row(point, done, {}, None)
    metrics = json.loads((folder / "metrics.json").read_bytes())
    described = json.loads((folder / "run.json").read_bytes())
    return Row(point, done, metrics, float(described["total_seconds"]))


def columns(rows: Sequence[Row], axes: Sequence[Axis]) -> list[Column]:
    """Columns: number, varied keys, how it ended, metrics, and at the end what was measured."""
    found = [Column("point", tuple(range(len(rows))))]
    for position, axis in enumerate(axes):
        by_text = dict(zip(axis.texts, axis.values, strict=True))
        found.append(_column(axis.key, [by_text[row.point.texts[position]] for row in rows]))
    found += [
        Column("status", tuple(STATES[row.done.exit_code] for row in rows)),
        Column("message", tuple(row.done.message or None for row in rows)),
        Column("folder", tuple(f"points/{row.point.digest}" for row in rows)),
    ]
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    taken = {each.name for each in found}
    timing = [name for name in names if MEASURED.fullmatch(name)]
    for name in (n for n in names if n not in timing and n not in taken):
        found.append(_column(name, [row.metrics.get(name) for row in rows]))
    for name in timing:
        found.append(_column(TIMING + name, [row.metrics.get(name) for row in rows]))
    return [*found, Column(f"{TIMING}total_seconds", tuple(row.seconds for row in rows))]


def write(found: Sequence[Column], directory: Path) -> None:
    """Write `sweep.parquet` and `sweep.csv`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    arrays = [pa.array(c.values, kinds[type(c.known[0]) if c.known else str]) for c in found]
    table = pa.Table.from_arrays(arrays, names=[c.name for c in found])
    pq.write_table(table, directory / "sweep.parquet")
    with (directory / "sweep.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([c.name for c in found])
        for values in zip(*(c.values for c in found), strict=True):
            writer.writerow(
                [json.dumps(v) if isinstance(v, bool) else "" if v is None else v for v in values]
            )


def _column(name: str, values: Sequence[object]) -> Column:
    """A column of one type: whole numbers among others become such, a mixture becomes text."""
    kinds = {type(v) for v in values if v is not None}
    large = any(isinstance(v, int) and not -(2**63) <= v < 2**63 for v in values)
    if kinds == {int, float}:
        return Column(name, tuple(None if v is None else float(str(v)) for v in values))
    if len(kinds) > 1 or large:
        return Column(name, tuple(None if v is None else _text(v) for v in values))
    return Column(
        name, tuple(v if isinstance(v, bool | int | float | str) else None for v in values)
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
