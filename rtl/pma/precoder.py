"""Precoder 1/(1+D): a burst of alternating slicer errors becomes one error at each end.

A decision-feedback receiver that is wrong once tends to be wrong by one level up and down in turn.
The decoder adds each symbol to the one before it, which cancels such a burst but for its ends.

Ref: IEEE Std 802.3-2022 clause 120.5.7.2 (PAM4, modulo 4); for NRZ the same modulo 2.
"""

from __future__ import annotations

from collections.abc import Iterable

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Decoder", "Encoder", "decode", "encode"]

_Digits = tuple[Value, ...]


def encode(symbols: Iterable[int], levels: int = 4, last: int = 0) -> list[int]:
    """Golden model: each sent symbol is the symbol minus the one sent before, modulo `levels`."""
    out: list[int] = []
    for symbol in symbols:
        last = (symbol - last) % levels
        out.append(last)
    return out


def decode(symbols: Iterable[int], levels: int = 4, last: int = 0) -> list[int]:
    """Golden model: each symbol plus the one before it, modulo `levels`."""
    out: list[int] = []
    for symbol in symbols:
        out.append((symbol + last) % levels)
        last = symbol
    return out


def _check(width: int, bits: int) -> None:
    if not 1 <= width <= 512:
        raise ValueError(f"width = {width}; allowed: 1 to 512")
    if bits not in (1, 2):
        raise ValueError(f"bits = {bits}; allowed: 1 (NRZ), 2 (PAM4)")


def _named(m: Module, value: _Digits, name: str) -> _Digits:
    """The digits as signals, so that slices of them are slices of a name."""
    result = tuple(Signal(len(digit), name=f"{name}_{k}") for k, digit in enumerate(value))
    m.d.comb += [signal.eq(digit) for signal, digit in zip(result, value, strict=True)]
    return result


def _combine(a: _Digits, b: _Digits, negative: Value) -> _Digits:
    """Sum, or difference where `negative` is set, of symbols held as one vector a binary digit."""
    low = a[0] ^ b[0]
    if len(a) == 1:
        return (low,)
    return low, a[1] ^ b[1] ^ ((a[0] ^ negative) & b[0])


class Encoder(wiring.Component):
    """Precoder of the transmitter, a word of symbols a clock.

    The sums over a word are made by a parallel prefix (Han-Carlson: about ``log2(width) + 1``
    levels of two-digit additions, half of the positions) that knows nothing of the word before; a
    second stage adds the last symbol of the word before, which is the only loop and one level deep.

    Latency: 2 clocks from `i` to `o`, with and without precoding.
    Throughput: one word a clock, without back-pressure.
    Reset: `o` is 0, and 0 is the symbol before the first.

    Parameters
    ----------
    width : int
        Symbols a word, 1 to 512. Symbol 0 is first in time and in the low bits.
    bits : int
        Bits a symbol: 1 for modulo 2, 2 for modulo 4.

    Members
    -------
    i : In(width * bits)
        Symbols, for PAM4 levels 0 to 3 after Gray coding.
    enable : In(1)
        Precode the words that come from this clock on; low passes them as they are. The symbol
        before the first precoded one is the last that was sent.
    o : Out(width * bits)
        Symbols to send.

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    i: Signal
    enable: Signal
    o: Signal

    LATENCY = 2
    """Clocks from `i` to `o`."""

    def __init__(self, *, width: int, bits: int = 2) -> None:
        """See the class."""
        _check(width, bits)
        self.width = width
        self.bits = bits
        super().__init__({"i": In(width * bits), "enable": In(1), "o": Out(width * bits)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        width, bits = self.width, self.bits
        ones = (1 << width) - 1
        odd = sum(1 << k for k in range(1, width, 2))

        def step(value: _Digits, shift: int, mask: int, name: str) -> _Digits:
            """Combine the positions of `mask` with those `shift` before them."""
            before = tuple((digit << shift)[:width] & mask for digit in value)
            negative = Const(ones if shift == 1 else 0, width)
            return _named(m, _combine(value, before, negative), name)

        # Stage 1: at each odd position the sum from the start of the word, elsewhere the symbol.
        value = _named(m, tuple(Cat(self.i[k::bits]) for k in range(bits)), "symbol")
        value = step(value, 1, odd, "pair")
        shift = 2
        while shift < width:
            value = step(value, shift, odd & ~((1 << shift) - 1), f"span_{shift}")
            shift *= 2
        plain = Signal(width * bits)
        precode = Signal()
        prefix = tuple(Signal(width, name=f"prefix_{k}") for k in range(bits))
        m.d.sync += [plain.eq(self.i), precode.eq(self.enable), Cat(prefix).eq(Cat(value))]

        # Stage 2: even positions, then the word before with the sign of the distance.
        whole = step(prefix, 1, ones & ~odd & ~1, "whole")
        last = tuple(self.o[-bits:][k].replicate(width) for k in range(bits))
        sent = _named(m, _combine(whole, last, Const(ones & ~odd, width)), "sent")
        coded = Cat(digit[s] for s in range(width) for digit in sent)
        m.d.sync += self.o.eq(Mux(precode, coded, plain))
        return m


class Decoder(wiring.Component):
    """Inverse of the precoder in the receiver, a word of symbols a clock.

    Latency: 1 clock from `i` to `o`, with and without decoding.
    Throughput: one word a clock, without back-pressure.
    Reset: `o` is 0, and 0 is the symbol before the first.

    Parameters
    ----------
    width : int
        Symbols a word, 1 to 512. Symbol 0 is first in time and in the low bits.
    bits : int
        Bits a symbol: 1 for modulo 2, 2 for modulo 4.

    Members
    -------
    i : In(width * bits)
        Symbols as sliced.
    enable : In(1)
        Decode the word of this clock; low passes it as it is.
    o : Out(width * bits)
        Decoded symbols, for PAM4 levels that Gray decoding follows.

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    i: Signal
    enable: Signal
    o: Signal

    LATENCY = 1
    """Clocks from `i` to `o`."""

    def __init__(self, *, width: int, bits: int = 2) -> None:
        """See the class."""
        _check(width, bits)
        self.width = width
        self.bits = bits
        super().__init__({"i": In(width * bits), "enable": In(1), "o": Out(width * bits)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        width, bits = self.width, self.bits
        last = Signal(bits)
        m.d.sync += last.eq(self.i[-bits:])
        now = _named(m, tuple(Cat(self.i[k::bits]) for k in range(bits)), "symbol")
        then = tuple(Cat(last[k], now[k])[:width] for k in range(bits))
        total = _named(m, _combine(now, then, Const(0, width)), "total")
        decoded = Cat(digit[s] for s in range(width) for digit in total)
        m.d.sync += self.o.eq(Mux(self.enable, decoded, self.i))
        return m
