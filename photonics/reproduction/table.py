"""Published beside predicted: rows with their errors, as Markdown and as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from lightloom.photonics.reproduction.published import Chip, Figure, Quantity, Unmodelled


class Meaning(NamedTuple):
    """How a quantity is called and compared."""

    text: str
    unit: str
    error: Literal["difference", "percent"]
    digits: int
    """Places behind the point; significant ones when the unit is not dB."""


MEANINGS: Mapping[Quantity, Meaning] = {
    "cells": Meaning("switch cells", "", "percent", 4),
    "crossings": Meaning("waveguide crossings", "", "percent", 4),
    "loss_cross_db": Meaning("loss on chip, mean, all cells cross", "dB", "difference", 1),
    "loss_bar_db": Meaning("loss on chip, mean, all cells bar", "dB", "difference", 1),
    "loss_mean_db": Meaning("loss on chip, mean", "dB", "difference", 1),
    "loss_least_db": Meaning("loss on chip, least", "dB", "difference", 1),
    "loss_spread_db": Meaning("loss, worst less best path", "dB", "difference", 1),
    "loss_fibre_db": Meaning("loss fibre to fibre, mean", "dB", "difference", 1),
    "loss_transmit_db": Meaning("loss laser fibre to transmit fibre", "dB", "difference", 1),
    "loss_receive_db": Meaning("loss fibre to photodiode, worst", "dB", "difference", 1),
    "crosstalk_db": Meaning("crosstalk at the carrier, worst", "dB", "difference", 1),
    "crosstalk_30nm_db": Meaning("crosstalk over 30 nm, worst", "dB", "difference", 1),
    "crosstalk_80nm_db": Meaning("crosstalk over 80 nm, worst", "dB", "difference", 1),
    "crosstalk_channel_db": Meaning("crosstalk of wavelengths, worst", "dB", "difference", 1),
    "power_mean_mw": Meaning("drive power, mean", "mW", "percent", 3),
    "power_most_mw": Meaning("drive power, most", "mW", "percent", 3),
    "time_us": Meaning("switching time", "us", "percent", 2),
    "width_mm": Meaning("chip along the light", "mm", "percent", 3),
    "height_mm": Meaning("chip across the light", "mm", "percent", 3),
    "area_mm2": Meaning("area of the chip", "mm2", "percent", 3),
    "rate_tbps": Meaning("rate each way", "Tb/s", "percent", 4),
    "fibres": Meaning("fibres", "", "percent", 3),
    "energy_pj_per_bit": Meaning("energy, transmitter and receiver", "pJ/bit", "percent", 3),
    "transmit_pj_per_bit": Meaning("energy of the transmitter", "pJ/bit", "percent", 3),
}


@dataclass(frozen=True)
class Row:
    """A quantity of a chip: what is published, what is predicted, how far they differ."""

    quantity: Quantity
    published: float | None
    mark: str
    bound: str
    predicted: float
    error: float | None
    """In dB or in percent of the published figure; 0 inside a bound; None where nothing counts."""

    @property
    def meaning(self) -> Meaning:
        """How it is called and compared."""
        return MEANINGS[self.quantity]


@dataclass(frozen=True)
class Comparison:
    """A chip with its rows."""

    chip: Chip
    rows: tuple[Row, ...]
    budget_db: Mapping[str, float]
    """Predicted loss on chip by what causes it; empty for an engine."""

    def plain(self) -> dict[str, Any]:
        """Return the comparison as plain values for JSON."""
        return {
            **self.chip.model_dump(exclude={"figures"}),
            "rows": [asdict(row) for row in self.rows],
            "budget_db": dict(self.budget_db),
        }


def compare(
    chip: Chip,
    predicted: Mapping[Quantity, float],
    budget_db: Mapping[str, float] | None = None,
) -> Comparison:
    """Return a row for every quantity that is published or predicted.

    Raises:
        ValueError: a published quantity is not predicted.
    """
    figures = {figure.quantity: figure for figure in chip.figures}
    missing = set(figures) - set(predicted)
    if missing:
        raise ValueError(f"{chip.name}: {', '.join(sorted(missing))} published, not predicted")
    rows = tuple(
        _row(key, figures.get(key), predicted[key]) for key in MEANINGS if key in predicted
    )
    return Comparison(chip, rows, budget_db or {})


def _row(key: Quantity, figure: Figure | None, predicted: float) -> Row:
    if figure is None:
        return Row(key, None, "", "", predicted, None)
    error: float | None = None
    if figure.mark != "recalled":
        inside = (figure.bound == "most" and predicted <= figure.value) or (
            figure.bound == "least" and predicted >= figure.value
        )
        difference = 0.0 if inside else predicted - figure.value
        percent = MEANINGS[key].error == "percent"
        error = 100.0 * difference / abs(figure.value) if percent else difference
    return Row(key, figure.value, figure.mark, figure.bound, predicted, error)


def shown(value: float, of: Meaning) -> str:
    """Return a value as text, with its unit."""
    if of.unit == "dB":
        text = f"{round(value, of.digits) + 0.0:.{of.digits}f}"
    elif value == 0:
        text = "0"
    else:
        places = max(of.digits - 1 - math.floor(math.log10(abs(value))), 0)
        text = f"{round(value, of.digits - 1 - math.floor(math.log10(abs(value)))):,.{places}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text} {of.unit}".rstrip()


def error_text(row: Row) -> str:
    """Return the error as text."""
    if row.published is None:
        return ""
    if row.error is None:
        return "not counted"
    if row.bound and row.error == 0:
        return "inside"
    if row.meaning.error == "percent":
        return "0 %" if row.error == 0 else f"{row.error:+.0f} %"
    return f"{round(row.error, 1) + 0.0:+.1f} dB"


def published_text(row: Row) -> str:
    """Return the published figure as text, with its mark."""
    if row.published is None:
        return ""
    limit = {"most": "at most ", "least": "at least ", "": ""}[row.bound]
    return f"{limit}{shown(row.published, row.meaning)} ({row.mark})"


SUMMARY: tuple[tuple[str, tuple[Quantity, ...]], ...] = (
    (
        "loss",
        (
            "loss_cross_db",
            "loss_bar_db",
            "loss_fibre_db",
            "loss_least_db",
            "loss_mean_db",
            "loss_transmit_db",
        ),
    ),
    (
        "crosstalk",
        ("crosstalk_30nm_db", "crosstalk_80nm_db", "crosstalk_db", "crosstalk_channel_db"),
    ),
    ("power", ("power_most_mw", "power_mean_mw", "energy_pj_per_bit", "transmit_pj_per_bit")),
    ("footprint", ("width_mm", "height_mm", "area_mm2")),
)
"""Columns of the first table: the published of these quantities, else the first predicted."""


def markdown(found: Sequence[Comparison], unmodelled: Iterable[Unmodelled]) -> str:
    """Return the table of all chips, then each chip with every figure and what there is to say."""
    heads = [name for name, _ in SUMMARY]
    lines = [
        "| chip | " + " | ".join(f"{head}: published, predicted, error" for head in heads) + " |",
        "| --- |" + " --- |" * len(heads),
    ]
    for one in found:
        cells = [_summary(one.rows, quantities) for _, quantities in SUMMARY]
        lines.append(f"| {one.chip.title} | " + " | ".join(cells) + " |")
    lines += ["", *_overall(found)]
    for one in found:
        lines += ["", f"### {one.chip.title}", "", f"{one.chip.source}.", ""]
        lines += ["| figure | published | predicted | error |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {row.meaning.text} | {published_text(row)} | {shown(row.predicted, row.meaning)} | "
            f"{error_text(row)} |"
            for row in one.rows
        ]
        keys = ", ".join(f"`{key} = {_plain(value)}`" for key, value in one.chip.design.items())
        own = ", ".join(f"`{key} = {_plain(value)}`" for key, value in one.chip.numbers.items())
        lines += ["", f"Design: {keys}. Numbers from the publication: {own or 'none'}."]
        if one.budget_db:
            parts = ", ".join(f"{text} {db:.1f} dB" for text, db in one.budget_db.items())
            lines += ["", f"Predicted loss on chip by part: {parts}."]
        lines.append("")
        lines += [f"- {remark}" for remark in one.chip.remarks]
    lines += ["", "### Not modelled", "", "| chip | published | why |", "| --- | --- | --- |"]
    lines += [
        f"| {chip.title}; {chip.source} | {chip.published} | {chip.why} |" for chip in unmodelled
    ]
    return "\n".join(lines) + "\n"


def _summary(rows: Sequence[Row], quantities: Sequence[Quantity]) -> str:
    here = {row.quantity: row for row in rows if row.quantity in quantities}
    given = [here[key] for key in quantities if key in here and here[key].published is not None]
    if not given:
        spare = [here[key] for key in quantities if key in here]
        sizes = spare[:2] if quantities == SUMMARY[-1][1] else spare[-1:]
        return "; ".join(f"-, {shown(row.predicted, row.meaning)}" for row in sizes)
    return "; ".join(
        f"{published_text(row)}, {shown(row.predicted, row.meaning)}, {error_text(row)}"
        for row in given
    )


def _overall(found: Sequence[Comparison]) -> list[str]:
    """What the counted errors are like, by kind."""
    kinds = {"dB": "losses and crosstalk", "mm": "lengths of chips", "mm2": "areas", "mW": "powers"}
    lines: list[str] = []
    for unit, text in kinds.items():
        errors = [
            row.error
            for one in found
            for row in one.rows
            if row.error is not None and row.meaning.unit == unit
        ]
        if errors:
            size = "dB" if unit == "dB" else "%"
            largest = max(errors, key=abs)
            mean = sum(map(abs, errors)) / len(errors)
            lines.append(
                f"- {text}, figures that count: {len(errors)}; mean error {mean:.1f} {size}, "
                f"largest {largest:+.1f} {size}"
            )
    return lines


def brief(found: Sequence[Comparison]) -> str:
    """Return a line for every published figure, for a terminal."""
    table = [
        (one.chip.name, row.meaning.text, published_text(row), shown(row.predicted, row.meaning),
         error_text(row))
        for one in found
        for row in one.rows
        if row.published is not None
    ]  # fmt: skip
    table.insert(0, ("chip", "figure", "published", "predicted", "error"))
    widths = [max(len(line[column]) for line in table) for column in range(5)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
