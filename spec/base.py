"""What the values that pass between rooms have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field


class DesignError(Exception):
    """A user's input cannot be used; the message is one line for the terminal."""


class Frozen(BaseModel):
    """An immutable value that refuses unknown keys and round-trips through JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def write(self, path: Path) -> None:
        """Write the value as indented JSON."""
        path.write_text(self.model_dump_json(indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a value written by `write`; raises `DesignError` naming the file."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise DesignError(f"{path}: not a readable {cls.__name__}: {first}") from None


def within(default: float, low: float, high: float, text: str) -> Any:
    """A number with its range, both ends allowed."""
    return Field(default=default, ge=low, le=high, description=text)
