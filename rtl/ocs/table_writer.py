"""Writes of calibration: the cell once, then item by item or cell by cell."""

from __future__ import annotations

from amaranth import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer
from lightloom.rtl.ocs.drive.goal import cell_bits
from lightloom.rtl.ocs.registers import TRIM

__all__ = ["TableWriter"]


class TableWriter(wiring.Component):
    """Turn writes of two registers into one table write a data word.

    Each data word goes to the cell that the address has counted to, and counts it on; beyond the
    last cell nothing is written. Item `TRIM` is a trim, the others are calibration.

    Latency: a write a clock after its strobe, when the values of the registers are new.
    Throughput: a write every second clock. No back-pressure. Reset: cell 0.

    Parameters
    ----------
    cells : int
        1 to 65535.

    Members
    -------
    addressed, written : In(1)
        The address, or a data word, is written in this clock.
    cell, item, data : In(16), In(5), In(32)
        What was written, from the next clock on.
    table_write, trim_write : Out(1)
        Write calibration; write a trim.
    table_cell : Out(cell_bits(cells)), table_field, table_data : Out(5), Out(32)
        Where, which item, and what.
    trim_value : Out(signed(16))
        The trim.

    Raises
    ------
    ValueError
        `cells` is out of range.
    """

    addressed: Signal
    written: Signal
    cell: Signal
    item: Signal
    data: Signal
    table_write: Signal
    trim_write: Signal
    table_cell: Signal
    table_field: Signal
    table_data: Signal
    trim_value: Signal

    def __init__(self, cells: int) -> None:
        """Check the size and make the ports."""
        check_integer("cells", cells, 1, 65535)
        self.cells = cells
        super().__init__(
            {
                "addressed": In(1),
                "written": In(1),
                "cell": In(16),
                "item": In(5),
                "data": In(32),
                "table_write": Out(1),
                "trim_write": Out(1),
                "table_cell": Out(cell_bits(cells)),
                "table_field": Out(5),
                "table_data": Out(32),
                "trim_value": Out(signed(16)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the count."""
        m = Module()
        cell = Signal(16)
        addressed = Signal()
        written = Signal()
        there = Signal()
        m.d.sync += [addressed.eq(self.addressed), written.eq(self.written)]
        with m.If(addressed):
            m.d.sync += cell.eq(self.cell)
        with m.Elif(written):
            m.d.sync += cell.eq(cell + 1)
        m.d.comb += [
            there.eq(written & (cell < self.cells)),
            self.table_write.eq(there & (self.item != TRIM)),
            self.trim_write.eq(there & (self.item == TRIM)),
            self.table_cell.eq(cell),
            self.table_field.eq(self.item),
            self.table_data.eq(self.data),
            self.trim_value.eq(self.data),
        ]
        return m
