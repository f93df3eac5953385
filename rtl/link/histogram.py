"""Histogram of the symbol errors in codewords, over all lanes."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec.monitor import BINS
from lightloom.rtl.link.counter import Counter
from lightloom.rtl.popcount import popcount

__all__ = ["BINS", "Histogram"]


class Histogram(wiring.Component):
    """Counts codewords by their symbol errors, saturating.

    Latency: 2 clocks. Throughput: a codeword of each lane a clock. Reset: 0.

    Parameters
    ----------
    lanes : int
        1 to 16.

    Members
    -------
    codeword : Signal(lanes), in
        A corrected or clean codeword of the lane is done.
    errors : Signal(4 * lanes), in
        Symbol errors in it.
    clear : Signal(), in
        Set to 0.
    counts : Signal(32 * BINS), out
        Codewords with 0, 1, ... 15 symbol errors, from the low bits.

    Raises
    ------
    ValueError
        ``lanes`` is out of range.
    """

    codeword: Signal
    errors: Signal
    clear: Signal
    counts: Signal

    def __init__(self, *, lanes: int) -> None:
        """Check the parameter and declare the members."""
        if not 1 <= lanes <= 16:
            raise ValueError(f"lanes = {lanes}; allowed: 1 to 16")
        self.lanes = lanes
        super().__init__(
            {
                "codeword": In(lanes),
                "errors": In(4 * lanes),
                "clear": In(1),
                "counts": Out(32 * BINS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        codeword = Signal(self.lanes)
        errors = Signal(4 * self.lanes)
        m.d.sync += [codeword.eq(self.codeword), errors.eq(self.errors)]
        for number in range(BINS):
            hits = Cat(
                codeword[lane] & (errors.word_select(lane, 4) == number)
                for lane in range(self.lanes)
            )
            total = popcount(m, hits, name=f"hits_{number}")
            counter = m.submodules[f"bin_{number}"] = Counter(add_width=len(total))
            m.d.comb += [
                counter.add.eq(total),
                counter.clear.eq(self.clear),
                self.counts.word_select(number, 32).eq(counter.value),
            ]
        return m
