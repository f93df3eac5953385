"""Golden model of encoder and decoder on lists of symbols, first in time first."""

from collections.abc import Sequence

from lightloom.rtl.fec.codes import Code
from lightloom.rtl.fec.field import inverse, multiply, power

__all__ = ["decode", "encode", "key_equation", "syndromes"]


def encode(code: Code, message: Sequence[int]) -> list[int]:
    """Codeword of `message`: the message and the remainder of its division."""
    if len(message) != code.k:
        raise ValueError(f"{len(message)} symbols; a message of {code.name} has {code.k}")
    *low, _ = code.generator
    factors = low[::-1]  # highest power first
    rest = [0] * code.parity
    for symbol in message:
        feedback = symbol ^ rest[0]
        rest = [r ^ multiply(feedback, g) for r, g in zip([*rest[1:], 0], factors, strict=True)]
    return [*message, *rest]


def syndromes(code: Code, word: Sequence[int]) -> list[int]:
    """Values of the received polynomial at the roots of the generator."""
    out = []
    for i in range(code.parity):
        root, value = power(i), 0
        for symbol in word:
            value = multiply(value, root) ^ symbol
        out.append(value)
    return out


def key_equation(s: Sequence[int]) -> tuple[list[int], list[int], int]:
    """Locator, upper half of the evaluator and number of errors, from the syndromes `s`.

    The polynomials have the lowest power first and share a factor. Above t, the number of errors
    says only that there are too many.

    Ref: Sarwate and Shanbhag, "High-speed architectures for Reed-Solomon decoders", IEEE Trans.
    VLSI Systems 9 (2001), the reformulated inversionless Berlekamp-Massey algorithm (RiBM).
    """
    t = len(s) // 2
    delta = [*s, *[0] * t, 1, 0]
    theta = delta[:-1]
    gamma, k = 1, 0
    for _ in range(2 * t):
        first = delta[0]
        moved = delta[1:]
        new = [multiply(gamma, d) ^ multiply(first, e) for d, e in zip(moved, theta, strict=True)]
        if first and k >= 0:
            theta, gamma, k = moved, first, -k - 1
        else:
            k += 1
        delta = [*new, 0]
    return delta[t : 2 * t + 1], delta[:t], t - k // 2


def decode(code: Code, word: Sequence[int]) -> tuple[list[int], int | None]:
    """Corrected codeword and number of corrected symbols; `word` and None if uncorrectable."""
    s = syndromes(code, word)
    if not any(s):
        return list(word), 0
    locator, evaluator, count = key_equation(s)
    fixed, roots = list(word), 0
    for at in range(code.n):
        exponent = -(code.n - 1 - at)  # x = 1/X of the symbol
        values = [multiply(c, power(i * exponent)) for i, c in enumerate(locator)]
        odd = 0
        for value in values[1::2]:
            odd ^= value
        even = 0
        for value in values[0::2]:
            even ^= value
        if even != odd:
            continue
        roots += 1
        top = 0
        for i, c in enumerate(evaluator):
            top ^= multiply(c, power((i + code.parity) * exponent))
        if odd:
            fixed[at] ^= multiply(top, inverse(odd))
    if count > code.t or roots != count:
        return list(word), None
    return fixed, count
