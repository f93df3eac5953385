"""Comparators that turn equalized values into decisions: the only block that knows the modulation.

A modulation with more levels has one comparison for each threshold and each earlier symbol, and an
encoder from comparisons to bits, in place of :func:`speculate` and :func:`decide`.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Value

__all__ = ["decide", "speculate"]


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
