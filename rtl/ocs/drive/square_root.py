"""Integer square root, one bit a clock in a pipeline."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer

__all__ = ["SquareRoot"]


class SquareRoot(wiring.Component):
    """Largest integer whose square is not above the input.

    The schoolbook method: two bits of the radicand a stage, one trial subtraction, one bit of the
    root. Golden model: `math.isqrt`.

    Latency: `bits` clocks. Throughput: one root a clock. No back-pressure.
    After reset the stages hold 0.

    Parameters
    ----------
    bits : int
        Of the root, 1 to 32.

    Members
    -------
    i : In(2 * bits)
        Radicand.
    o : Out(bits)
        Root of the radicand of `bits` clocks before. Registered.

    Raises
    ------
    ValueError
        When `bits` is out of range.
    """

    i: Signal
    o: Signal

    def __init__(self, bits: int) -> None:
        """Check the size and make the ports."""
        check_integer("bits", bits, 1, 32)
        self.bits = bits
        super().__init__({"i": In(2 * bits), "o": Out(bits)})

    def elaborate(self, platform: object) -> Module:
        """Build the stages."""
        m = Module()
        left = self.i
        root = Const(0, 1)
        remainder = Const(0, 1)
        for stage in range(self.bits):
            rest = 2 * (self.bits - 1 - stage)
            width = stage + 2
            wide = Cat(left[rest : rest + 2], remainder)
            trial = Signal(width + 2, name=f"trial_{stage}")
            m.d.comb += trial.eq(wide - Cat(Const(1, 2), root if stage else Const(0, 1)))
            fits = ~trial[-1]
            new_root = Signal(stage + 1, name=f"root_{stage}")
            new_remainder = Signal(width, name=f"remainder_{stage}")
            m.d.sync += [
                new_root.eq(Cat(fits, root) if stage else fits),
                new_remainder.eq(Mux(fits, trial[:width], wide[:width])),
            ]
            if rest:
                new_left = Signal(rest, name=f"left_{stage}")
                m.d.sync += new_left.eq(left[:rest])
                left = new_left
            root, remainder = new_root, new_remainder
        m.d.comb += self.o.eq(root)
        return m
