"""The published figures: `published.toml` as typed values."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from lightloom.photonics.devices import BANDS, Numbers
from lightloom.spec.base import Frozen
from lightloom.spec.design import Design

PATH = Path(__file__).with_name("published.toml")
Mark = Literal["read", "second hand", "recalled"]
Quantity = Literal[
    "cells",
    "crossings",
    "loss_cross_db",
    "loss_bar_db",
    "loss_mean_db",
    "loss_least_db",
    "loss_spread_db",
    "loss_fibre_db",
    "loss_transmit_db",
    "loss_receive_db",
    "crosstalk_db",
    "crosstalk_30nm_db",
    "crosstalk_80nm_db",
    "crosstalk_channel_db",
    "power_mean_mw",
    "power_most_mw",
    "time_us",
    "width_mm",
    "height_mm",
    "area_mm2",
    "rate_tbps",
    "fibres",
    "energy_pj_per_bit",
    "transmit_pj_per_bit",
]


class Figure(Frozen):
    """One published figure."""

    quantity: Quantity
    value: float
    mark: Mark
    bound: Literal["", "most", "least"] = ""


class Chip(Frozen):
    """A published chip and the design that stands for it."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    source: str
    kind: Literal["switch", "engine"]
    design: dict[str, str | int | float]
    """Design keys by dotted name."""
    numbers: dict[str, float] = Field(default_factory=dict)
    """Device numbers by dotted name of `devices.Numbers`, from the publication."""
    include: tuple[Literal["electronics"], ...] = ()
    """Parts of the energy that the published figure has in it beside junctions and tuning."""
    remarks: tuple[str, ...]
    figures: tuple[Figure, ...]

    def made(self) -> Design:
        """Return the design that draws the chip."""
        sections: dict[str, dict[str, object]] = {}
        for key, value in self.design.items():
            section, _, name = key.partition(".")
            sections.setdefault(section, {})[name] = value
        return Design.model_validate({"name": self.name, **sections})

    def with_own(self) -> Numbers:
        """Return the device numbers: defaults of the band, the publication's own where it has any.

        Raises:
            ValueError: a number that does not exist.
        """
        found = BANDS[self.made().technology.band]
        for key, value in self.numbers.items():
            part, _, name = key.partition(".")
            old = getattr(found, part, None)
            if old is None or name not in type(old).model_fields:
                raise ValueError(f"{self.name}: numbers.{key}; allowed: keys of devices.Numbers")
            found = found.model_copy(update={part: old.model_copy(update={name: value})})
        return found


class Unmodelled(Frozen):
    """A published chip that cannot be predicted here, and why."""

    title: str
    source: str
    published: str
    why: str


class Published(Frozen):
    """Everything in the file."""

    chip: tuple[Chip, ...]
    unmodelled: tuple[Unmodelled, ...]


@cache
def load() -> Published:
    """Return the published figures."""
    return Published.model_validate(tomllib.loads(PATH.read_text()))
