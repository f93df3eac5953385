"""Gray coding of PAM4 symbols.

Of the two bits of a symbol the low one is first in time. A symbol's level is a number from 0, the
lowest, to 3; the bits 00, 01, 11, 10, first one first, are the levels 0, 1, 2, 3, so that
neighbouring levels differ in one bit.

Ref: IEEE Std 802.3-2022 clause 120.5.7.1.
"""

from __future__ import annotations

from collections.abc import Iterable

from amaranth.hdl import Const, Value, ValueLike

__all__ = ["decode", "encode", "to_bits", "to_levels"]


def to_levels(bits: Iterable[int]) -> list[int]:
    """Golden model: level of each pair of `bits`."""
    line = list(bits)
    table = {(0, 0): 0, (0, 1): 1, (1, 1): 2, (1, 0): 3}
    return [table[pair] for pair in zip(line[::2], line[1::2], strict=True)]


def to_bits(levels: Iterable[int]) -> list[int]:
    """Golden model: the bits whose levels these are."""
    table = ((0, 0), (0, 1), (1, 1), (1, 0))
    return [bit for level in levels for bit in table[level]]


def _split(word: ValueLike) -> tuple[Value, Value, int]:
    """Low bits of the pairs, high bits moved down onto them, and the length."""
    value = Value.cast(word)
    length = len(value)
    low = Const(sum(1 << k for k in range(0, length, 2)), length)
    return value & low, value >> 1 & low, length


def encode(word: ValueLike) -> Value:
    """Levels of a word of line bits, two bits each, combinational."""
    first, second, length = _split(word)
    return ((first ^ second) | first << 1)[:length]


def decode(word: ValueLike) -> Value:
    """Line bits of a word of levels, combinational."""
    low, high, length = _split(word)
    return (high | (low ^ high) << 1)[:length]
