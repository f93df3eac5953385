"""Cell states of a Benes network for any permutation, computed in hardware."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.loop import Loop
from lightloom.spec import benes

__all__ = ["Router", "latency"]


def latency(ports: int) -> int:
    """Cycles from ``start`` to ``done`` of a `Router`."""
    return ports - 2


class Router(wiring.Component):
    """Route a permutation: the looping algorithm, with the sub-networks of a level side by side.

    The result equals `lightloom.spec.benes.route` bit for bit. A `Loop` sets the outer columns;
    two routers of half the size, which work at the same time, set the rest.

    Latency: ``done`` comes `ports - 2` cycles after ``start`` for every permutation; ``error``
    comes at most `ports / 2` cycles after it. With 2 ports both are combinational. Exactly one of
    them answers each start. ``start`` has to be low from a start to its answer.
    After reset nothing is routed and the states are 0 (with 2 ports they follow ``permutation``).

    Parameters
    ----------
    ports : int
        A power of two from 2 to 64.

    Members
    -------
    start : 1 bit, in
        Begin.
    permutation : ports * log2(ports) bits, in
        Output of each input, input 0 lowest; held from ``start`` to the answer.
    states : benes.cells(ports) bits, out
        States in the order of `lightloom.spec.benes`, 1 = cross; valid from ``done`` until the
        next start.
    done : 1 bit, out
        High for one cycle: ``states`` are complete.
    error : 1 bit, out
        High for one cycle: ``permutation`` is none.

    Raises
    ------
    ValueError
        When `ports` is out of range.
    """

    start: Signal
    permutation: Signal
    states: Signal
    done: Signal
    error: Signal

    def __init__(self, ports: int) -> None:
        """Check the size and make the ports."""
        if ports not in (2, 4, 8, 16, 32, 64):
            raise ValueError(f"ports = {ports!r}; a power of two from 2 to 64")
        self.ports = ports
        super().__init__(
            {
                "start": In(1),
                "permutation": In(ports * (ports.bit_length() - 1)),
                "states": Out(benes.cells(ports)),
                "done": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build one level and the two routers below it."""
        m = Module()
        if self.ports == 2:
            good = self.permutation[0] != self.permutation[1]
            m.d.comb += [
                self.states.eq(self.permutation[0]),
                self.done.eq(self.start & good),
                self.error.eq(self.start & ~good),
            ]
            return m

        rows = self.ports // 2
        m.submodules.loop = loop = Loop(self.ports)
        m.submodules.half_0 = upper = Router(rows)
        m.submodules.half_1 = lower = Router(rows)
        m.d.comb += [
            loop.start.eq(self.start),
            loop.permutation.eq(self.permutation),
            upper.start.eq(loop.done),
            upper.permutation.eq(loop.upper),
            lower.start.eq(loop.done),
            lower.permutation.eq(loop.lower),
            self.done.eq(upper.done & lower.done),
            self.error.eq(loop.error),
            self.states.word_select(0, rows).eq(loop.first),
            self.states.word_select(benes.stages(self.ports) - 1, rows).eq(loop.last),
        ]
        for stage in range(benes.stages(rows)):
            for place, half in enumerate((upper, lower)):
                m.d.comb += self.states.word_select(2 * (stage + 1) + place, rows // 2).eq(
                    half.states.word_select(stage, rows // 2)
                )
        return m
