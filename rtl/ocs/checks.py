"""Checks of parameters that several blocks have."""

from __future__ import annotations

__all__ = ["check_clock_mhz", "check_integer"]


def check_integer(name: str, value: int, low: int, high: int) -> None:
    """Raise ValueError unless `value` is an integer in the range."""
    if not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} = {value!r}; allowed: an integer from {low} to {high}")


def check_clock_mhz(clock_mhz: float) -> None:
    """Raise ValueError unless a clock can be that fast."""
    if not 0 < clock_mhz <= 10000:
        raise ValueError(f"clock_mhz = {clock_mhz!r}; allowed: above 0, at most 10000")
