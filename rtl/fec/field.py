"""Arithmetic in GF(2^10) = GF(2)[x] / (x^10 + x^3 + 1), alpha = 2, in numbers and in gates.

A symbol is 10 bits, bit i the coefficient of x^i.
"""

from collections.abc import Sequence

from amaranth import Const, Module, Signal, Value

from lightloom.rtl.fec.network import BITS, multiples, tree

__all__ = [
    "BITS", "ORDER", "POLYNOMIAL", "inverse", "invert", "multiples", "multiply", "power", "product",
]  # fmt: skip

POLYNOMIAL = 0x409
ORDER = 1023
"""Of alpha."""


def _tables() -> tuple[list[int], list[int]]:
    exp, log, x = [], [0] * (ORDER + 1), 1
    for i in range(ORDER):
        exp.append(x)
        log[x] = i
        x <<= 1
        if x >> BITS:
            x ^= POLYNOMIAL
    return exp, log


_EXP, _LOG = _tables()


def power(exponent: int) -> int:
    """Return alpha to the `exponent`, which may be negative."""
    return _EXP[exponent % ORDER]


def multiply(a: int, b: int) -> int:
    """Product of two elements."""
    return _EXP[(_LOG[a] + _LOG[b]) % ORDER] if a and b else 0


def inverse(a: int) -> int:
    """Inverse of an element that is not 0."""
    if not a:
        raise ZeroDivisionError("0 has no inverse in GF(2^10)")
    return _EXP[-_LOG[a] % ORDER]


def product(a: Value, of: Sequence[Value]) -> Value:
    """Product of `a` and the element whose `multiples` are `of`."""
    return tree([of[i] & a[i].replicate(BITS) for i in range(BITS)])


# GF(2^10) as pairs over GF(2^5) = GF(2)[y] / (y^5 + y^2 + 1): a = high * tau + low with
# tau^2 + tau + 1 = 0. There 1/a = (high * tau + high + low) / (high^2 + high * low + low^2).
_TAU = power(ORDER // 3)


def _pair_basis() -> list[int]:
    """Elements of GF(2^10) that are the bits of a pair: low 0 to 4, high 0 to 4."""
    for at in range(33, ORDER, 33):
        y = [power(at * i) for i in range(6)]
        if y[5] == y[2] ^ 1:
            return y[:5] + [multiply(p, _TAU) for p in y[:5]]
    raise AssertionError("x^10 + x^3 + 1 is primitive, so GF(2^5) is in its field")


def _inverse_columns(columns: Sequence[int]) -> list[int]:
    """Columns of the inverse of a matrix over GF(2)."""
    # Bits above BITS say which columns were added to get the bits below.
    work = [c | 1 << BITS + j for j, c in enumerate(columns)]
    for bit in range(BITS):
        at = next(j for j in range(bit, BITS) if work[j] >> bit & 1)
        work[bit], work[at] = work[at], work[bit]
        work = [w ^ work[bit] if j != bit and w >> bit & 1 else w for j, w in enumerate(work)]
    return [w >> BITS for w in work]


def _linear(a: Value, columns: Sequence[int], width: int) -> Value:
    """Sum of the `columns` whose bits in `a` are set."""
    return tree([Const(c, width) & a[i].replicate(width) for i, c in enumerate(columns)])


def _multiply5(a: int, b: int) -> int:
    out = 0
    for i in range(5):
        out ^= (a << i) * (b >> i & 1)
    for i in range(8, 4, -1):
        out ^= (0b100101 << (i - 5)) * (out >> i & 1)
    return out


_BASIS = _pair_basis()
_TO_PAIR = _inverse_columns(_BASIS)
_SQUARE5 = [_multiply5(1 << i, 1 << i) for i in range(5)]
_INVERSE5 = [next((b for b in range(32) if _multiply5(a, b) == 1), 0) for a in range(32)]


def _product5(a: Value, b: Value) -> Value:
    """Product of two elements of GF(2^5)."""
    total = tree([(a & b[i].replicate(5)) << i for i in range(5)])
    high = total[5:9]
    return (total[:5] ^ high ^ (high << 2)[:5] ^ high[3] ^ (high[3] << 2))[:5]


def invert(m: Module, a: Value, name: str) -> Value:
    """Inverse of `a`; 0 for 0."""
    pair = Signal(BITS, name=f"{name}_pair")
    norm = Signal(5, name=f"{name}_norm")
    factor = Signal(5, name=f"{name}_factor")
    turned = Signal(BITS, name=f"{name}_turned")
    low, high = pair[:5], pair[5:]
    m.d.comb += pair.eq(_linear(a, _TO_PAIR, BITS))
    m.d.comb += norm.eq(_linear(low ^ high, _SQUARE5, 5) ^ _product5(low, high))
    for bit in range(5):
        table = sum((value >> bit & 1) << at for at, value in enumerate(_INVERSE5))
        m.d.comb += factor[bit].eq((Const(table, 32) >> norm)[0])
    m.d.comb += turned[:5].eq(_product5(low ^ high, factor))
    m.d.comb += turned[5:].eq(_product5(high, factor))
    return _linear(turned, _BASIS, BITS)
