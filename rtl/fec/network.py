"""Sums of symbols of GF(2^10) times constants, in gates, with shared sums.

Every linear map here goes from symbols to symbols: parity, syndromes, values of a polynomial. A
constant is a sum of powers alpha^0 to alpha^9, so an output is the sum over b of alpha^b times the
sum of those inputs whose constant has bit b. The inner sums take whole symbols. They are cut into
groups of inputs, and the sums of a group are made once for all outputs (the method of the four
Russians). Symbols stay words of 10 bits, which a simulator handles in one step.
"""

from collections.abc import Sequence

from amaranth import Module, Signal, Value

__all__ = ["BITS", "combine", "fold", "multiples", "scale", "spread", "tree"]

BITS = 10


def tree(terms: list[Value], ways: int = 2) -> Value:
    """Balanced exclusive or of `terms`."""
    while len(terms) > 1:
        merged = []
        for start in range(0, len(terms), ways):
            part = terms[start]
            for term in terms[start + 1 : start + ways]:
                part = part ^ term
            merged.append(part)
        terms = merged
    return terms[0]


def fold(m: Module, a: Value, name: str) -> Value:
    """Remainder of a polynomial of degree 18 at most modulo x^10 + x^3 + 1."""
    if len(a) <= BITS:
        return a
    wide = Signal(len(a), name=name)
    m.d.comb += wide.eq(a)
    high = wide[BITS:]
    out = wide[:BITS] ^ high ^ (high << 3)[:BITS]
    over = high[BITS - 3 :]  # reaches x^10 and x^11 again
    return (out ^ over ^ (over << 3))[:BITS] if len(over) else out[:BITS]


def scale(m: Module, a: Value, constant: int, name: str) -> Value:
    """`a` times a constant that is not 0."""
    bits = [bit for bit in range(BITS) if constant >> bit & 1]
    return fold(m, tree([a << bit for bit in bits]), name)


def multiples(m: Module, a: Value, name: str) -> list[Signal]:
    """`a` times x^0 to x^9."""
    out = []
    for i in range(BITS):
        one = Signal(BITS, name=f"{name}_{i}")
        if i:
            last = out[-1]
            top = last[BITS - 1]
            m.d.comb += one.eq((last << 1)[:BITS] ^ (top << 3) ^ top)
        else:
            m.d.comb += one.eq(a)
        out.append(one)
    return out


def spread(m: Module, a: Value, constants: Sequence[int], name: str) -> list[Value]:
    """`a` times each of `constants`, with the sums of `multiples` shared."""
    of = multiples(m, a, f"{name}_of")
    half = BITS // 2
    shared: dict[int, Value] = {}

    def sum_of(mask: int) -> Value:
        top = mask.bit_length() - 1
        if mask == 1 << top:
            return of[top]
        if mask not in shared:
            signal = Signal(BITS, name=f"{name}_sum_{mask:x}")
            m.d.comb += signal.eq(sum_of(mask ^ 1 << top) ^ of[top])
            shared[mask] = signal
        return shared[mask]

    low = (1 << half) - 1
    return [tree([sum_of(c & part) for part in (low, low << half) if c & part]) for c in constants]


def combine(
    m: Module,
    inputs: Sequence[Value],
    constants: Sequence[Sequence[int]],
    name: str,
    *,
    group: int = 4,
) -> list[Signal]:
    """Output i is the sum of ``constants[i][j] * inputs[j]``.

    The inputs are cut into groups of `group`.
    """
    shared: dict[tuple[int, int], Value] = {}

    def sum_of(start: int, mask: int) -> Value:
        """Sum of the inputs from `start` on that are in `mask`; made when first asked for."""
        top = mask.bit_length() - 1
        if mask == 1 << top:
            return inputs[start + top]
        if (start, mask) not in shared:
            signal = Signal(BITS, name=f"{name}_sum_{start}_{mask:x}")
            m.d.comb += signal.eq(sum_of(start, mask ^ 1 << top) ^ inputs[start + top])
            shared[start, mask] = signal
        return shared[start, mask]

    outputs = []
    for i, line in enumerate(constants):
        total: list[Value] = []
        for bit in range(BITS):
            terms = []
            for start in range(0, len(inputs), group):
                part = line[start : start + group]
                mask = sum((c >> bit & 1) << j for j, c in enumerate(part))
                if mask:
                    terms.append(sum_of(start, mask))
            if terms:
                inner = Signal(BITS, name=f"{name}_{i}_{bit}")
                m.d.comb += inner.eq(tree(terms))
                total.append(inner << bit)
        out = Signal(BITS, name=f"{name}_{i}")
        if total:
            m.d.comb += out.eq(fold(m, tree(total), f"{name}_{i}_wide"))
        outputs.append(out)
    return outputs
