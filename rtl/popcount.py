"""Number of ones in a word."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value, ValueLike

__all__ = ["popcount"]


def popcount(m: Module, word: ValueLike, name: str = "ones") -> Signal:
    """Add to `m` the adders that count the ones of `word`; return the combinational count.

    Fields of 1, 2, 4... bits are added pairwise inside one vector: log2(width) steps on whole
    words, which both synthesis and word-based simulators take well.
    """
    value = Value.cast(word)
    width = len(value)
    size = 1
    while size < width:
        size *= 2
    total: Value = Cat(value, Const(0, size - width)) if size > width else value
    field = 1
    while field < size:
        # Each pair of fields of `field` bits becomes one of twice as many, which never overflows.
        mask = sum(((1 << field) - 1) << k for k in range(0, size, 2 * field))
        step = Signal(size, name=f"{name}_{field}")
        m.d.comb += step.eq((total & mask) + (total >> field & mask))
        total = step
        field *= 2
    result = Signal(range(width + 1), name=name)
    m.d.comb += result.eq(total)
    return result
