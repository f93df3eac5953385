"""Decision feedback without a loop through the word: parallel-prefix selection.

The comparators decide each symbol for both values of the one before. Such a pair is a function of
one bit; functions compose associatively, so all decisions of a word follow from the last one of the
word before in log2(width) steps, each of them a few operations on whole words. PAM4 has functions
of four levels in place of pairs.

Ref: K. K. Parhi, "Pipelining in algorithms with quantizer loops", IEEE Trans. Circuits Syst. 38
(1991), pp. 745-754: loop unrolling and look-ahead of decision feedback.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

__all__ = ["Levels", "compose", "prefix", "resolve", "select", "serial", "serial_levels", "spans"]

Levels = tuple[Value, Value]
"""High bits and low bits of the levels of a word."""


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


def serial_levels(choices: Iterable[Sequence[int]], before: int) -> list[int]:
    """Golden model of PAM4: pick one level after the other from the four choices of each."""
    result = []
    for choice in choices:
        before = choice[before]
        result.append(before)
    return result


def spans(width: int) -> list[int]:
    """Distances of the steps of a prefix over `width` symbols."""
    return [1 << k for k in range((width - 1).bit_length())]


def select(choices: Sequence[Levels], high: Value, low: Value) -> Levels:
    """Of four choices for each symbol the one that the bits `high` and `low` number."""
    result = []
    for zero, one, two, three in zip(*choices, strict=True):
        lower = zero ^ (low & (zero ^ one))
        upper = two ^ (low & (two ^ three))
        result.append(lower ^ (high & (lower ^ upper)))
    return result[0], result[1]


def compose(m: Module, choices: Sequence[Levels], steps: Iterable[int]) -> list[Levels]:
    """Add to `m` some `steps` of the prefix over functions of four levels; combinational.

    After all steps of :func:`spans`, choice `p` of symbol `n` is its level if the last one of the
    word before was `p`. A register may stand between any two steps.
    """
    for span in steps:
        result: list[Levels] = []
        for before, (high, low) in enumerate(choices):
            # Below `span` a function already reaches the start of the word and must stay.
            start = [Const(-(before >> k & 1), span) for k in (1, 0)]
            picked = select(
                choices, *(Cat(s, w[:-span]) for s, w in zip(start, (high, low), strict=True))
            )
            names = [f"choice_{before}_{span}_{bit}" for bit in ("high", "low")]
            pair = [Signal(len(high), name=name) for name in names]
            m.d.comb += [signal.eq(value) for signal, value in zip(pair, picked, strict=True)]
            result.append((pair[0], pair[1]))
        choices = result
    return list(choices)
