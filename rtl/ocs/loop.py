"""One level of the looping algorithm: sets the outer two columns of a Benes network."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Loop"]


class Loop(wiring.Component):
    """Walk the loops of a permutation, one input and its partner each cycle.

    The inputs of a first-column cell go to different sub-networks, and so do the outputs of a
    last-column cell. The walk starts at the lowest input that has no sub-network yet and gives it
    the upper one; the input that goes to the neighbour of its output gets the lower one; the walk
    goes on with the other input of that one's cell until the loop closes. Inputs are held one-hot
    and the partner is found by comparing all destinations at once, so no inverse permutation is
    built and each cycle settles one first-column cell and one last-column cell.

    The same comparison proves the input: every step must find exactly one partner, with the other
    output of the pair. After `ports / 2` good steps each output is known to be used once.

    Latency: ``done`` comes `ports / 2` cycles after ``start``; ``error`` comes 1 to `ports / 2`
    cycles after it. Exactly one of them answers each start. Throughput: one permutation each
    `ports / 2` cycles, since the cycle of the answer can be that of the next start. ``start`` is
    ignored while a walk runs. There is no back-pressure.
    After reset no walk runs and the outputs are 0.

    Parameters
    ----------
    ports : int
        Size of the (sub-)network, a power of two from 4 to 64.

    Members
    -------
    start : 1 bit, in
        Begin a walk; the first step is made in this cycle.
    permutation : ports * log2(ports) bits, in
        Output of each input, input 0 lowest; held from ``start`` to the answer.
    first, last : ports / 2 bits, out
        States of the cells of the first and last column, 1 = cross; valid from ``done`` until the
        next start.
    upper, lower : ports / 2 * (log2(ports) - 1) bits, out
        Permutations left for the two sub-networks; valid like ``first``.
    done : 1 bit, out
        High for one cycle: the walk is complete.
    error : 1 bit, out
        High for one cycle: ``permutation`` is none, the walk was given up.

    Raises
    ------
    ValueError
        When `ports` is out of range.

    Ref: D. C. Opferman and N. T. Tsao-Wu, Bell Syst. Tech. J. 50, 1579 (1971).
    """

    start: Signal
    permutation: Signal
    first: Signal
    last: Signal
    upper: Signal
    lower: Signal
    done: Signal
    error: Signal

    def __init__(self, ports: int) -> None:
        """Check the size and make the ports."""
        if ports not in (4, 8, 16, 32, 64):
            raise ValueError(f"ports = {ports!r}; a power of two from 4 to 64")
        self.ports = ports
        bits = ports.bit_length() - 1
        super().__init__(
            {
                "start": In(1),
                "permutation": In(ports * bits),
                "first": Out(ports // 2),
                "last": Out(ports // 2),
                "upper": Out(ports // 2 * (bits - 1)),
                "lower": Out(ports // 2 * (bits - 1)),
                "done": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the walk."""
        m = Module()
        ports, rows = self.ports, self.ports // 2
        bits = ports.bit_length() - 1
        wanted = [self.permutation.word_select(i, bits) for i in range(ports)]

        running = Signal()
        source = Signal(ports, init=1)  # one-hot; goes to the upper sub-network in this step
        visited = Signal(ports)

        target = Signal(bits)
        m.d.comb += target.eq(
            reduce(or_, (w & bit.replicate(bits) for w, bit in zip(wanted, source, strict=True)))
        )
        partner = Signal(ports)
        m.d.comb += partner.eq(Cat(w[1:] == target[1:] for w in wanted) & ~source)
        odd = reduce(or_, (w[0] & bit for w, bit in zip(wanted, partner, strict=True)))
        good = Signal()
        m.d.comb += good.eq(
            partner.any() & ~(partner & (partner - 1)[:ports]).any() & (odd != target[0])
        )

        seen = Signal(ports)
        m.d.comb += seen.eq(visited | source | partner)
        onward = Signal(ports)
        m.d.comb += onward.eq(Cat(partner[i ^ 1] for i in range(ports)) & ~seen)
        fresh = Signal(ports)
        m.d.comb += fresh.eq(~seen & int("01" * rows, 2))

        step = Signal()
        goes_on = Signal()
        m.d.comb += [step.eq(self.start | running), goes_on.eq(step & good & ~seen.all())]
        m.d.sync += [
            running.eq(goes_on),
            self.done.eq(step & good & seen.all()),
            self.error.eq(step & ~good),
        ]
        with m.If(goes_on):
            m.d.sync += [
                visited.eq(seen),
                source.eq(Mux(onward.any(), onward, fresh & (~fresh + 1)[:ports])),
            ]
        with m.Elif(step):
            m.d.sync += [visited.eq(0), source.eq(1)]

        with m.If(step):
            m.d.sync += self.last.bit_select(target[1:], 1).eq(target[0])
            for row in range(rows):
                here = source[2 * row : 2 * row + 2]
                there = partner[2 * row : 2 * row + 2]
                with m.If(here.any()):
                    m.d.sync += [
                        self.first[row].eq(here[1]),
                        self.upper.word_select(row, bits - 1).eq(target[1:]),
                    ]
                with m.If(there.any()):
                    m.d.sync += self.lower.word_select(row, bits - 1).eq(target[1:])
        return m
