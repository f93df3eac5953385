"""Solver of the key equation: error locator and evaluator from syndromes."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec.codes import Code
from lightloom.rtl.fec.field import BITS, multiples, product

__all__ = ["KeyEquation"]


class KeyEquation(wiring.Component):
    """Reformulated inversionless Berlekamp-Massey algorithm (RiBM), one step a clock.

    3t + 1 equal cells with two multipliers each. One factor of a cell is common to all cells, so
    its multiples with x^0 to x^9 are made once and a cell has no reduction of its own.

    Latency: ``2 * t + 1`` clocks from `start` to `done`. Throughput: a new `start` no sooner than
    with the `done` of the last. Reset: idle.

    Parameters
    ----------
    code : Code
        The code.

    Members
    -------
    s : Signal(10 * code.parity), in
        Syndromes, valid with ``start``.
    start : Signal(), in
        Begin.
    locator : Signal(10 * (t + 1)), out
        Error locator, coefficient of x^0 in the low bits; valid with ``done``.
    evaluator : Signal(10 * t), out
        Upper half of the error evaluator, times the same factor as the locator.
    errors : Signal(range(t + 1)), out
        Number of errors if there are at most t; 0 if there are more.
    excess : Signal(), out
        There are more than t errors.
    done : Signal(), out
        A result is present.

    Ref: Sarwate and Shanbhag, "High-speed architectures for Reed-Solomon decoders", IEEE Trans.
    VLSI Systems 9 (2001).
    """

    s: Signal
    start: Signal
    locator: Signal
    evaluator: Signal
    errors: Signal
    excess: Signal
    done: Signal

    def __init__(self, code: Code) -> None:
        """Declare the members."""
        self.code = code
        self.latency = code.parity + 1
        super().__init__(
            {
                "s": In(BITS * code.parity),
                "start": In(1),
                "locator": Out(BITS * (code.t + 1)),
                "evaluator": Out(BITS * code.t),
                "errors": Out(range(code.t + 1)),
                "excess": Out(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        t = self.code.t
        cells = 3 * t + 1
        delta = [Signal(BITS, name=f"delta_{i}") for i in range(cells)]
        theta = [Signal(BITS, name=f"theta_{i}") for i in range(cells)]
        gamma = Signal(BITS)
        # Steps less twice the number of errors assumed so far.
        k = Signal(signed((2 * t).bit_length() + 1))
        steps = Signal(range(2 * t + 1))
        busy = Signal()
        swap = Signal()
        m.d.comb += [
            busy.eq(steps != 0),
            swap.eq((delta[0] != 0) & (k >= 0)),
        ]
        m.d.sync += self.done.eq(steps == 1)

        by_gamma = multiples(m, gamma, "gamma")
        by_delta = multiples(m, delta[0], "discrepancy")
        with m.If(self.start):
            m.d.sync += [steps.eq(2 * t), k.eq(0), gamma.eq(1)]
            for i in range(cells):
                value = self.s.word_select(i, BITS) if i < 2 * t else int(i == cells - 1)
                m.d.sync += [delta[i].eq(value), theta[i].eq(value)]
        with m.Elif(busy):
            m.d.sync += [steps.eq(steps - 1), k.eq(Mux(swap, ~k, k + 1))]
            for i in range(cells):
                # The cell above; zero above the last.
                above = delta[i + 1] if i + 1 < cells else None
                back = product(theta[i], by_delta)
                m.d.sync += delta[i].eq(back if above is None else product(above, by_gamma) ^ back)
                with m.If(swap):
                    m.d.sync += theta[i].eq(0 if above is None else above)
            with m.If(swap):
                m.d.sync += gamma.eq(delta[0])
        m.d.comb += [
            self.evaluator.eq(Cat(*delta[:t])),
            self.locator.eq(Cat(*delta[t : 2 * t + 1])),
            self.excess.eq(k < 0),
            self.errors.eq(Mux(k < 0, 0, t - (k >> 1))),
        ]
        return m
