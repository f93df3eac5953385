"""Cells of a fabric in memories, a column a word, for the sweeps of a search."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from lightloom.spec.wall import CROSSING, Wall

__all__ = ["Store"]


class Store(wiring.Component):
    """What a search knows of the cells, and of the way that it tries.

    The words of a column come a clock after its number was `following`. Where a column has no
    cell, its word has one that stands.

    Latency: what is written is read from the next clock on. Reset: memories keep what they hold.

    Parameters
    ----------
    wall : Wall
        Columns of the fabric.

    Members
    -------
    following, column : In
        Columns that are read for the next clock; that `load`, `keep` and `mark` write.
    load : In(1)
        Write the column from `stand`, `fixed` and `unusable`.
    stand, fixed, unusable : In(cells)
        Cells as they stand; that must stay so; through which no light may pass.
    keep, state_now : In(1), In(width)
        Write the states.
    decide, decided_at, decided_now : In(1), In, In(width)
        Write the cells that are decided, of another column.
    mark, way_now : In(1), In(4 * width)
        Write the way: where cells are to change, and from where the output can be reached.
    state, decided, dead, way : Out
        Words of the column that was `following`.
    """

    following: Signal
    column: Signal
    load: Signal
    stand: Signal
    fixed: Signal
    unusable: Signal
    keep: Signal
    state_now: Signal
    decide: Signal
    decided_at: Signal
    decided_now: Signal
    mark: Signal
    way_now: Signal
    state: Signal
    decided: Signal
    dead: Signal
    way: Signal

    def __init__(self, wall: Wall) -> None:
        """Make the ports."""
        self.wall = wall
        width = wall.width
        number, cells = range(wall.columns), sum(c >= 0 for column in wall.places for c in column)
        super().__init__(
            {
                "following": In(number),
                "column": In(number),
                "load": In(1),
                "stand": In(cells),
                "fixed": In(cells),
                "unusable": In(cells),
                "keep": In(1),
                "state_now": In(width),
                "decide": In(1),
                "decided_at": In(number),
                "decided_now": In(width),
                "mark": In(1),
                "way_now": In(4 * width),
                "state": Out(width),
                "decided": Out(width),
                "dead": Out(width),
                "way": Out(4 * width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memories and what fills them."""
        m = Module()
        width = self.wall.width
        stand, fixed, unusable = (
            Signal(width, name=f"{name}_word") for name in ("stand", "fixed", "unusable")
        )
        with m.Switch(self.column):
            for number, places in enumerate(self.wall.places):
                with m.Case(number):
                    m.d.comb += [
                        stand.eq(_word(self.stand, places, CROSSING)),
                        fixed.eq(~_word(~self.fixed, places)),
                        unusable.eq(_word(self.unusable, places)),
                    ]
        load = self.load
        at = Mux(load, self.column, self.decided_at)
        self._hold(m, "state", load | self.keep, self.column, Mux(load, stand, self.state_now))
        self._hold(m, "decided", load | self.decide, at, Mux(load, fixed, self.decided_now))
        self._hold(m, "dead", load, self.column, unusable)
        self._hold(m, "way", self.mark, self.column, self.way_now)
        return m

    def _hold(self, m: Module, name: str, enable: Value, at: Value, data: Value) -> None:
        """Add a memory behind an output."""
        out = getattr(self, name)
        memory = Memory(shape=len(out), depth=self.wall.columns, init=[])
        m.submodules[name] = memory
        write_port, read_port = memory.write_port(), memory.read_port()
        m.d.comb += [
            read_port.addr.eq(self.following),
            out.eq(read_port.data),
            write_port.en.eq(enable),
            write_port.addr.eq(at),
            write_port.data.eq(data),
        ]


def _word(cells: Value, places: tuple[int, ...], one: int | None = None) -> Value:
    """Cells at the places of a column; where there is none 0, but 1 at places that are `one`."""
    return Cat(cells[cell] if cell >= 0 else Const(int(cell == one), 1) for cell in places)
