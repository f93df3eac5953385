"""One column of a search for detours, backward and forward: what stands on the lines beside it."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.spec.detours import COST_BITS

__all__ = ["Ahead", "Back"]


class Back(wiring.Component):
    """From the lines behind a column to those before it, for the output that is wanted.

    A position costs as many routes as are pushed aside on the best way from there to the output:
    where the way asks a cell for another state, those whose light passes the cell. What is equal
    is tossed for. Through a cell that is decided there is one way, through an unusable one none.

    Combinational. Positions 2 k and 2 k + 1 are the lines of place k.

    Parameters
    ----------
    width : int
        Places in a column, 2 or more.

    Members
    -------
    state, decided, unusable : In(width)
        Cells of the column, 1 = cross.
    toss : In(2 * width)
        A random bit a position.
    cost : In(2 * width * COST_BITS), lit : In(2 * width)
        Behind the column: all ones where the output cannot be reached, else at most one less;
        light of the routes that count.
    cost_before, lit_before : Out
        The same before the column.
    flip, reach : Out(2 * width)
        Positions before it from which the cell is to change its state; positions behind it from
        which the output can be reached.
    """

    state: Signal
    decided: Signal
    unusable: Signal
    toss: Signal
    cost: Signal
    lit: Signal
    cost_before: Signal
    lit_before: Signal
    flip: Signal
    reach: Signal

    def __init__(self, width: int) -> None:
        """Make the ports."""
        if width < 2:
            raise ValueError(f"width = {width!r}; allowed: 2 or more")
        self.width = width
        lines = 2 * width
        super().__init__(
            {
                "state": In(width),
                "decided": In(width),
                "unusable": In(width),
                "toss": In(lines),
                "cost": In(lines * COST_BITS),
                "lit": In(lines),
                "cost_before": Out(lines * COST_BITS),
                "lit_before": Out(lines),
                "flip": Out(lines),
                "reach": Out(lines),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the places."""
        m = Module()
        none = (1 << COST_BITS) - 1
        for k in range(self.width):
            state = self.state[k]
            may_flip = ~(self.decided[k] | self.unusable[k])
            users = self.lit[2 * k] + self.lit[2 * k + 1]
            costs = [self.cost.word_select(2 * k + side, COST_BITS) for side in range(2)]
            lit = self.lit[2 * k : 2 * k + 2]
            m.d.comb += [
                self.lit_before[2 * k : 2 * k + 2].eq(Mux(state, Cat(lit[1], lit[0]), lit)),
                self.reach[2 * k : 2 * k + 2].eq(Cat(cost != none for cost in costs)),
            ]
            for side in range(2):
                position = 2 * k + side
                stay = Signal(COST_BITS, name=f"stay_{position}")
                turn = Signal(COST_BITS, name=f"turn_{position}")
                turned = Signal(COST_BITS, name=f"turned_{position}")
                pushed = turn + users
                m.d.comb += [
                    stay.eq(Mux(state, costs[1 - side], costs[side])),
                    turn.eq(Mux(state, costs[side], costs[1 - side])),
                    turned.eq(
                        Mux(turn == none, none, Mux(pushed >= none, none - 1, pushed[:COST_BITS]))
                    ),
                    self.flip[position].eq(
                        may_flip
                        & (
                            (turned < stay)
                            | ((turned == stay) & (stay != none) & self.toss[position])
                        )
                    ),
                    self.cost_before.word_select(position, COST_BITS).eq(
                        Mux(self.unusable[k], none, Mux(self.flip[position], turned, stay))
                    ),
                ]
        return m


class Ahead(wiring.Component):
    """From the lines before a column to those behind it: all light, and the way that is tried.

    Light carries the output that it is for; on an unusable cell it is lost. `here` is where the way
    that is tried is, `may` where any way of the same light can be.

    Combinational. Positions 2 k and 2 k + 1 are the lines of place k.

    Parameters
    ----------
    width : int
        Places in a column, 2 or more.
    bits : int
        Of a label.

    Members
    -------
    state, decided, unusable : In(width)
        Cells of the column, 1 = cross.
    flip, reach : In(2 * width)
        What `Back` found for the column.
    label : In(2 * width * bits), here, may : In(2 * width)
        Before the column; a label 0 is no light.
    state_now : Out(width)
        The cells as they stand from now on, those on the way that is tried as it asks.
    used, met : Out(width)
        Cells that any light, and that the way that is tried passes.
    label_behind, here_behind, may_behind : Out
        The same behind the column.
    """

    state: Signal
    decided: Signal
    unusable: Signal
    flip: Signal
    reach: Signal
    label: Signal
    here: Signal
    may: Signal
    state_now: Signal
    used: Signal
    met: Signal
    label_behind: Signal
    here_behind: Signal
    may_behind: Signal

    def __init__(self, width: int, bits: int) -> None:
        """Make the ports."""
        if width < 2:
            raise ValueError(f"width = {width!r}; allowed: 2 or more")
        self.width = width
        self.bits = bits
        lines = 2 * width
        super().__init__(
            {
                "state": In(width),
                "decided": In(width),
                "unusable": In(width),
                "flip": In(lines),
                "reach": In(lines),
                "label": In(lines * bits),
                "here": In(lines),
                "may": In(lines),
                "state_now": Out(width),
                "used": Out(width),
                "met": Out(width),
                "label_behind": Out(lines * bits),
                "here_behind": Out(lines),
                "may_behind": Out(lines),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the places."""
        m = Module()
        bits = self.bits
        for k in range(self.width):
            pair = slice(2 * k, 2 * k + 2)
            cross = self.state_now[k]
            labels = [self.label.word_select(2 * k + side, bits) for side in range(2)]
            may = self.may[pair]
            asked = (self.here[pair] & self.flip[pair]).any() & ~self.decided[k]
            m.d.comb += [
                cross.eq(self.state[k] ^ asked),
                self.used[k].eq(Cat(labels).any()),
                self.met[k].eq(self.here[pair].any()),
                self.here_behind[pair].eq(_swapped(cross, self.here[pair])),
                self.may_behind[pair].eq(
                    Mux(self.decided[k], _swapped(cross, may), may.any().replicate(2))
                    & self.reach[pair]
                    & ~self.unusable[k].replicate(2)
                ),
            ]
            for side in range(2):
                m.d.comb += self.label_behind.word_select(2 * k + side, bits).eq(
                    Mux(cross, labels[1 - side], labels[side]) & ~self.unusable[k].replicate(bits)
                )
        return m


def _swapped(cross: Value, pair: Value) -> Value:
    return Mux(cross, Cat(pair[1], pair[0]), pair)
