"""Decision feedback without a loop through the word: parallel-prefix selection.

The comparators decide each symbol for both values of the one before. Such a pair is a function of
one bit; functions compose associatively, so all decisions of a word follow from the last one of the
word before in log2(width) steps, each of them a few operations on whole words.

Ref: K. K. Parhi, "Pipelining in algorithms with quantizer loops", IEEE Trans. Circuits Syst. 38
(1991), pp. 745-754: loop unrolling and look-ahead of decision feedback.
"""

from __future__ import annotations

from collections.abc import Iterable

from amaranth.hdl import Module, Mux, Signal, Value

__all__ = ["prefix", "resolve", "serial"]


def serial(if_one: Iterable[int], if_zero: Iterable[int], before: int) -> list[int]:
    """Golden model: pick one decision after the other."""
    result = []
    for one, zero in zip(if_one, if_zero, strict=True):
        before = one if before else zero
        result.append(before)
    return result


def prefix(m: Module, if_one: Value, if_zero: Value) -> tuple[Signal, Signal]:
    """Add to `m` the composition of all pairs of a word; combinational.

    Bit `n` of the results is the decision of symbol `n` if the last one of the word before was 1,
    or 0.
    """
    width = len(if_one)
    one = Signal(width, name="one_0")
    zero = Signal(width, name="zero_0")
    m.d.comb += [one.eq(if_one), zero.eq(if_zero)]
    span = 1
    while span < width:
        # Below `span` a pair already reaches the start of the word and must stay.
        differ = Signal(width, name=f"differ_{span}")
        next_one = Signal(width, name=f"one_{span}")
        next_zero = Signal(width, name=f"zero_{span}")
        m.d.comb += [
            differ.eq(one ^ zero),
            next_one.eq(zero ^ (differ & (one << span | (1 << span) - 1))),
            next_zero.eq(zero ^ (differ & (zero << span))),
        ]
        one, zero = next_one, next_zero
        span *= 2
    return one, zero


def resolve(one: Value, zero: Value, before: Value) -> Value:
    """Decisions of a word from its composed pairs and the last decision before it."""
    return Mux(before, one, zero)
