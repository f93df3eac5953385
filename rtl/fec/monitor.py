"""Counters of what a decoder did."""

from collections.abc import Iterable

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec.codes import Code
from lightloom.rtl.popcount import popcount

__all__ = ["BINS", "Monitor", "count"]

BINS = 16
"""Of the histogram: codewords with 0 to 15 corrected symbols."""


def count(results: Iterable[int | None]) -> dict[str, int | list[int]]:
    """Golden model: counters after codewords of so many corrected symbols, None for a failure."""
    histogram, failed = [0] * BINS, 0
    for result in results:
        if result is None:
            failed += 1
        else:
            histogram[result] += 1
    return {
        "corrected": sum(histogram[1:]),
        "uncorrectable": failed,
        "symbol_errors": sum(n * some for n, some in enumerate(histogram)),
        "histogram": histogram,
    }


class Monitor(wiring.Component):
    """Codewords corrected and failed, symbols corrected, histogram of symbols a codeword.

    Counters stop at their greatest value. A failed codeword counts in ``uncorrectable`` only.
    Latency: 1 clock. Throughput: ``depth`` codewords a clock. Reset: 0.

    Parameters
    ----------
    code : Code
        The code; t at most 15.
    depth : int
        Codewords that end together: 1, 2 or 4.
    width : int
        Bits of a counter: 8 to 64.

    Members
    -------
    last : Signal(), in
        Codewords end: ``o_last`` of the decoder.
    errors : Signal(depth * e), in
        Symbols corrected: ``o_errors``.
    failed : Signal(depth), in
        Codewords that failed: ``uncorrectable``.
    clear : Signal(), in
        Set all counters to 0; what ends in the same clock is not counted.
    corrected, uncorrectable, symbol_errors : Signal(width), out
        Counters.
    histogram : Signal(16 * width), out
        Codewords with n corrected symbols, n = 0 in the low bits.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    last: Signal
    errors: Signal
    failed: Signal
    clear: Signal
    corrected: Signal
    uncorrectable: Signal
    symbol_errors: Signal
    histogram: Signal

    def __init__(self, code: Code, depth: int = 1, *, width: int = 32) -> None:
        """Check the parameters and declare the members."""
        if code.t >= BINS:
            raise ValueError(f"t = {code.t} of {code.name}; allowed: 1 to {BINS - 1}")
        if depth not in (1, 2, 4):
            raise ValueError(f"depth = {depth}; allowed: 1, 2, 4")
        if not 8 <= width <= 64:
            raise ValueError(f"width = {width}; allowed: 8 to 64")
        self.code = code
        self.depth = depth
        self.width = width
        super().__init__(
            {
                "last": In(1),
                "errors": In(depth * code.t.bit_length()),
                "failed": In(depth),
                "clear": In(1),
                "corrected": Out(width),
                "uncorrectable": Out(width),
                "symbol_errors": Out(width),
                "histogram": Out(BINS * width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        bits = self.code.t.bit_length()
        errors = [self.errors.word_select(d, bits) for d in range(self.depth)]
        good = [self.last & ~self.failed[d] for d in range(self.depth)]

        def ones(name: str, flags: list) -> Signal:
            return popcount(m, Cat(*flags), name=name)

        total = Signal(range(self.depth * self.code.t + 1))
        m.d.comb += total.eq(sum(Mux(g, e, 0) for g, e in zip(good, errors, strict=True)))
        steps = [
            (
                self.corrected,
                ones("better", [g & (e != 0) for g, e in zip(good, errors, strict=True)]),
            ),
            (self.uncorrectable, ones("worse", [self.last & f for f in self.failed])),
            (self.symbol_errors, total),
        ]
        bins = [Signal(self.width, name=f"bin_{n}") for n in range(BINS)]
        for n, counter in enumerate(bins[: self.code.t + 1]):
            flags = [g & (e == n) for g, e in zip(good, errors, strict=True)]
            steps.append((counter, ones(f"in_bin_{n}", flags)))
        m.d.comb += self.histogram.eq(Cat(*bins))
        for n, (counter, step) in enumerate(steps):
            new = Signal(self.width + 1, name=f"new_{n}")
            m.d.comb += new.eq(counter + step)
            full = new[self.width]
            m.d.sync += counter.eq(
                Mux(self.clear, 0, new[: self.width] | full.replicate(self.width))
            )
        return m
