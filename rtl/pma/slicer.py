"""Comparators that turn equalized values into decisions: the only block that knows the modulation.

A PAM4 level is a number from 0, the lowest, to 3, held as a high and a low bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Value

__all__ = ["decide", "levels", "speculate"]


def decide(values: Sequence[Value]) -> Value:
    """NRZ decisions without feedback: 1 at zero and above."""
    return ~Cat(value[-1] for value in values)


def speculate(values: Sequence[Value], tap: Value) -> tuple[Value, Value]:
    """NRZ decisions for both values of the symbol before: if it was 1, if it was 0."""
    negative = -tap
    return (
        Cat(value >= tap for value in values),
        Cat(value >= negative for value in values),
    )


def levels(values: Sequence[Value], bounds: Sequence[Value]) -> tuple[Value, Value]:
    """PAM4 levels for the three thresholds `bounds`: words of high and of low bits."""
    low, middle, high = (Cat(value >= bound for value in values) for bound in bounds)
    return middle, low ^ (middle & (low ^ high))
