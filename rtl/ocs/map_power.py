"""Power that the heaters of a map take, from their calibration, against a budget."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, signed, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer
from lightloom.rtl.ocs.drive.goal import Field, cell_bits, clamp

__all__ = ["MapPower"]


class MapPower(wiring.Component):
    """Sum up the calibrated powers of the cells at given states, one cell a clock.

    The power of a cell is ``clamp(level[state] + offset)``: what the drive settles at without trim,
    dither and crosstalk; what those add is kept within the budget by the drive. The tables are
    written with those of the drive, on the same port.

    Latency: `done` comes `cells` + 2 clocks after `start`; `states` are held until then. A start
    while one runs begins anew. Reset: idle; the tables are not reset.

    Parameters
    ----------
    cells : int
        1 to 4096.

    Members
    -------
    start : In(1)
        Begin.
    states : In(cells)
        1 = cross.
    limit : In(32)
        Budget.
    table_write, table_cell, table_field, table_data : In(1), In(cell_bits), In(Field), In(32)
        As of the drive; other fields than BAR, CROSS and OFFSET are not for here.
    done, over : Out(1)
        Pulse; with it, the sum is above `limit`.
    power : Out(32)
        The sum, valid from `done` until the next start.

    Raises
    ------
    ValueError
        When `cells` is out of range.
    """

    start: Signal
    states: Signal
    limit: Signal
    table_write: Signal
    table_cell: Signal
    table_field: Signal
    table_data: Signal
    done: Signal
    over: Signal
    power: Signal

    def __init__(self, cells: int) -> None:
        """Check the size and make the ports."""
        check_integer("cells", cells, 1, 4096)
        self.cells = cells
        super().__init__(
            {
                "start": In(1),
                "states": In(cells),
                "limit": In(32),
                "table_write": In(1),
                "table_cell": In(cell_bits(cells)),
                "table_field": In(Field.as_shape()),
                "table_data": In(32),
                "done": Out(1),
                "over": Out(1),
                "power": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the tables and the sum."""
        m = Module()
        bits = cell_bits(self.cells)
        cell = Signal(bits)
        reads = {}
        for name, shape, field in (
            ("bar", unsigned(16), Field.BAR),
            ("cross", unsigned(16), Field.CROSS),
            ("offset", signed(16), Field.OFFSET),
        ):
            m.submodules[name] = table = memory.Memory(shape=shape, depth=self.cells, init=[])
            write, read = table.write_port(), table.read_port()
            m.d.comb += [
                write.addr.eq(self.table_cell),
                write.data.eq(self.table_data[:16]),
                write.en.eq(self.table_write & (self.table_field == field)),
                read.addr.eq(cell),
            ]
            reads[name] = read.data

        running = Signal()
        valid = Signal()
        last = Signal()
        state = Signal()
        level = Signal(signed(18))
        m.d.comb += level.eq(Mux(state, reads["cross"], reads["bar"]) + reads["offset"])
        m.d.sync += [
            valid.eq(running),
            state.eq(self.states.bit_select(cell, 1)),
            last.eq(running & (cell == self.cells - 1)),
            self.done.eq(valid & last & ~self.start),
        ]
        with m.If(running):
            m.d.sync += cell.eq(cell + 1)
            with m.If(cell == self.cells - 1):
                m.d.sync += running.eq(0)
        with m.If(valid):
            m.d.sync += self.power.eq(self.power + clamp(level))
        with m.If(self.start):
            m.d.sync += [running.eq(1), cell.eq(0), valid.eq(0), self.power.eq(0)]
        m.d.comb += self.over.eq(self.power > self.limit)
        return m
