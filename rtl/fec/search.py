"""Search for the errors of a codeword: places (Chien) and values (Forney)."""

from itertools import pairwise

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec.codes import Code
from lightloom.rtl.fec.field import BITS, invert, multiples, power, product
from lightloom.rtl.fec.network import combine, scale

__all__ = ["Search"]


class Search(wiring.Component):
    """Error of each symbol of a codeword, word by word in the order of reception.

    The locator is evaluated at the inverse position of each symbol, its even and its odd part
    apart: they are equal at an error, and the odd part is what Forney's formula divides by. With
    the upper half of the evaluator the formula is ``X^-2t * evaluator(1/X) / odd(1/X)``; the power
    is in the constants.

    Latency: 4 clocks from ``start`` to the first word, then a word a clock. Throughput: codewords
    without a gap, a ``start`` no sooner than ``ceil(n / symbols)`` clocks after the last. Reset:
    idle. Places after the end of the codeword, in its last word, never are errors.

    Parameters
    ----------
    code : Code
        The code.
    symbols : int
        Symbols a clock, 1 to 68, at most k.

    Members
    -------
    start : Signal(), in
        Take the polynomials.
    locator : Signal(10 * (t + 1)), in
        Error locator, coefficient of x^0 in the low bits.
    evaluator : Signal(10 * t), in
        Upper half of the error evaluator.
    ahead : Signal(), out
        A word will be present in the next clock.
    ahead_first : Signal(), out
        And it will be the first of a codeword.
    valid, first, last : Signal(), out
        A word is present; it is the first, the last of its codeword.
    found : Signal(symbols), out
        Symbols in error.
    errors : Signal(10 * symbols), out
        What to add to the symbols.

    Raises
    ------
    ValueError
        ``symbols`` is out of range.
    """

    start: Signal
    locator: Signal
    evaluator: Signal
    ahead: Signal
    ahead_first: Signal
    valid: Signal
    first: Signal
    last: Signal
    found: Signal
    errors: Signal

    latency = 4

    def __init__(self, code: Code, symbols: int) -> None:
        """Check the parameters and declare the members."""
        code.check_symbols(symbols)
        self.code = code
        self.symbols = symbols
        super().__init__(
            {
                "start": In(1),
                "locator": In(BITS * (code.t + 1)),
                "evaluator": In(BITS * code.t),
                "ahead": Out(1),
                "ahead_first": Out(1),
                "valid": Out(1),
                "first": Out(1),
                "last": Out(1),
                "found": Out(symbols),
                "errors": Out(BITS * symbols),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        code, p = self.code, self.symbols
        words = code.words(p)
        top = words * p - 1  # power of x of the first symbol

        def polynomial(coefficients: Signal, exponents: list[int], name: str) -> list[Signal]:
            """Values at the places of a word; a coefficient stands before its power of x."""
            terms = []
            for k, exponent in enumerate(exponents):
                term = Signal(BITS, name=f"{name}_{exponent}")
                new = coefficients.word_select(k, BITS)
                at_start = scale(m, new, power(-exponent * top), f"{name}_{exponent}_start")
                moved = scale(m, term, power(exponent * p), f"{name}_{exponent}_moved")
                m.d.sync += term.eq(Mux(self.start, at_start, moved))
                terms.append(term)
            places = [[power(exponent * j) for exponent in exponents] for j in range(p)]
            return combine(m, terms, places, name)

        even_at = list(range(0, code.t + 1, 2))
        odd_at = list(range(1, code.t + 1, 2))
        locator = [self.locator.word_select(k, BITS) for k in range(code.t + 1)]
        even_in, odd_in = Signal(BITS * len(even_at)), Signal(BITS * len(odd_at))
        m.d.comb += even_in.eq(Cat(*(locator[k] for k in even_at)))
        m.d.comb += odd_in.eq(Cat(*(locator[k] for k in odd_at)))
        even = polynomial(even_in, even_at, "even")
        odd = polynomial(odd_in, odd_at, "odd")
        above = polynomial(self.evaluator, [k + code.parity for k in range(code.t)], "above")

        # Words of the three steps after the coefficients: values, inverses, products.
        left = Signal(range(words + 1))
        with m.If(self.start):
            m.d.sync += left.eq(words)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        steps = [
            (left != 0, left == words, left == 1),
            *((Signal(name=f"valid_{n}"), Signal(name=f"first_{n}"), Signal(name=f"last_{n}"))
              for n in (1, 2)),
            (self.valid, self.first, self.last),
        ]  # fmt: skip
        for before, after in pairwise(steps):
            m.d.sync += [a.eq(b) for a, b in zip(after, before, strict=True)]
        m.d.comb += [self.ahead.eq(steps[2][0]), self.ahead_first.eq(steps[2][1])]

        for j in range(p):
            names = ("numerator", "denominator", "inverse", "numerator_1", "value")
            top_, bottom, inverse, top_1, value = (
                Signal(BITS, name=f"{name}_{j}") for name in names
            )
            found, found_1, found_2 = (Signal(name=f"found_{j}_{n}") for n in range(3))
            places = Signal(name=f"place_{j}")
            inside = code.n - (words - 1) * p > j  # in the last word
            m.d.comb += places.eq(1 if inside else ~(left == 1))
            m.d.sync += [
                top_.eq(above[j]),
                bottom.eq(odd[j]),
                found.eq((even[j] == odd[j]) & places),
                inverse.eq(invert(m, bottom, f"inverse_{j}")),
                top_1.eq(top_),
                found_1.eq(found),
                found_2.eq(found_1),
            ]
            quotient = product(top_1, multiples(m, inverse, f"inverse_multiple_{j}"))
            m.d.sync += value.eq(quotient & found_1.replicate(BITS))
            m.d.comb += [
                self.found[j].eq(found_2),
                self.errors.word_select(j, BITS).eq(value),
            ]
        return m
