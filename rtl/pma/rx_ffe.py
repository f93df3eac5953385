"""Receive feed-forward equalizer: the arithmetic of one word."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value, signed

from lightloom.rtl.pma.formats import RxFormat

__all__ = ["values"]


def values(
    m: Module, config: RxFormat, line: Sequence[Value], taps: Sequence[Value]
) -> list[Value]:
    """Add to `m` the equalizer of one word.

    Latency: ``config.ffe_stages`` clocks. With two, the first holds sums of up to four products.

    Parameters
    ----------
    line : Sequence[Value]
        Signed samples: `config.post` ones before the word, the word, `config.pre` ones after it.
    taps : Sequence[Value]
        Signed side taps in 1/64 of the main one, at delays `config.offsets`.

    Returns
    -------
    list[Value]
        Value of each symbol in quarter steps, rounded half up, wide enough never to overflow.
    """
    shift = config.COEFFICIENT_FRACTION - config.FRACTION_BITS
    result: list[Value] = []
    for symbol in range(config.width):
        at = config.post + symbol
        terms: list[Value] = [(line[at] << config.COEFFICIENT_FRACTION) + (1 << (shift - 1))]
        for offset, tap in zip(config.offsets, taps, strict=True):
            terms.append(tap * line[at - offset])
        if config.ffe_stages > 1:
            parts = []
            for k in range(0, len(terms), 4):
                total = _sum(terms[k : k + 4])
                part = Signal(total.shape(), name=f"part_{symbol}_{k}")
                m.d.sync += part.eq(total)
                parts.append(part)
            terms = parts
        value = Signal(signed(config.value_bits), name=f"value_{symbol}")
        m.d.sync += value.eq(_sum(terms) >> shift)
        result.append(value)
    return result


def _sum(terms: Sequence[Value]) -> Value:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
