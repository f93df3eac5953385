"""Receive feed-forward equalizer: the arithmetic of one word."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value, signed

from lightloom.rtl.pma.formats import RxFormat

__all__ = ["OFFSETS", "values"]

OFFSETS = (-1, 1, 2, 3)
"""Delay in symbols of each side tap, in their order."""


def values(
    m: Module, config: RxFormat, line: Sequence[Value], taps: Sequence[Value]
) -> list[Signal]:
    """Add to `m` the equalizer of one word; combinational.

    Parameters
    ----------
    line : Sequence[Value]
        Signed samples: `config.post` ones before the word, the word, `config.pre` ones after it.
    taps : Sequence[Value]
        Signed side taps in 1/64 of the main one.

    Returns
    -------
    list[Signal]
        Value of each symbol in quarter steps, rounded half up, wide enough never to overflow.
    """
    shift = config.COEFFICIENT_FRACTION - config.FRACTION_BITS
    result = []
    for symbol in range(config.width):
        at = config.post + symbol
        total: Value = (line[at] << config.COEFFICIENT_FRACTION) + (1 << (shift - 1))
        for offset, tap in zip(OFFSETS, taps, strict=False):
            total = total + tap * line[at - offset]
        value = Signal(signed(config.value_bits), name=f"value_{symbol}")
        m.d.comb += value.eq(total >> shift)
        result.append(value)
    return result
