"""Power that each heater should settle at: calibration, trim, dither, thermal crosstalk."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import enum, memory, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer

__all__ = ["MAX_NEIGHBOURS", "Field", "Goal", "cell_bits", "clamp"]

MAX_NEIGHBOURS = 16


class Field(enum.IntEnum, shape=5):
    """What a table write sets, of one cell. Term `n` of the crosstalk is ``TERMS + n``."""

    BAR = 0
    """Power for bar, unsigned, 65535 = full power."""
    CROSS = 1
    """Power for cross."""
    OFFSET = 2
    """Added to both, signed."""
    GAIN = 3
    """Of the linearizer, 1.15 bits unsigned."""
    CURVATURE = 4
    """Of the linearizer, 1.15 bits signed."""
    TERMS = 8
    """Bits 15:0 number of the neighbour, 31:16 coefficient, 1.15 bits signed."""


def cell_bits(cells: int) -> int:
    """Width of a cell number."""
    return max(1, (cells - 1).bit_length())


def clamp(value: Value) -> Value:
    """A signed `value` in the range of a power."""
    return Mux(value < 0, 0, Mux(value > 0xFFFF, 0xFFFF, value))


class Goal(wiring.Component):
    """Sum up what a heater should get, and take off what its neighbours give it.

    ``goal = clamp(level[state] + offset + trim[state] + dither - sum(c[n] * goal[index[n]]))``

    where the goals on the right are those of the tick before. This is Jacobi's iteration for
    ``(1 + C) goal = wanted``: with C of a small norm (sum of the magnitudes of a row below 1/2; the
    thermal crosstalk of heaters is below 0.1) it converges by that factor each tick, to the exact
    inverse, while the memory holds the physical coefficients, a few a cell. The compensation of
    a cell stays until it is more than 1 off, so that roundings cannot chase each other: goals
    come to rest, at most `neighbours` + 2 LSB from the exact ones.

    A trim is kept for the state that the cell has at the write; each state keeps its own.

    Latency: ``latency`` = 7 clocks. Throughput: one cell a clock; each cell once a tick, a tick at
    least `cells` + 7 clocks. No back-pressure. The first ticks after power-up take memory as it is.
    Memories are not reset; where the technology cannot load them, write all fields of all cells
    (trims too) before the heaters are released.

    Parameters
    ----------
    cells : int
        1 to 4096.
    neighbours : int
        Terms of crosstalk of a cell, 0 to 16; one multiplier and one memory each. A term that is
        not used has coefficient 0.

    Members
    -------
    cell, state : In(cell_bits), In(1)
        Cell that enters, and its state.
    valid : In(1)
        One enters.
    odd : In(1)
        Tick is odd; constant from the first cell that enters to the last that leaves.
    dither : In(signed(12))
        Added to this cell.
    table_write, table_cell, table_field, table_data : In(1), In(cell_bits), In(Field), In(32)
        Write of the calibration; linearizer fields are not for here.
    trim_write, trim_cell, trim_state, trim_value : In(1), In(cell_bits), In(1), In(signed(16))
        Write of a trim.
    goal : Out(16)
        Of the cell that entered `latency` clocks before. Registered.

    Raises
    ------
    ValueError
        When a parameter is out of range.

    Ref: thermal crosstalk cancelled by the matrix of measured coefficients: Milanizadeh et al.,
    J. Lightwave Technol. 37, 1325 (2019), recalled.
    """

    cell: Signal
    state: Signal
    valid: Signal
    odd: Signal
    dither: Signal
    table_write: Signal
    table_cell: Signal
    table_field: Signal
    table_data: Signal
    trim_write: Signal
    trim_cell: Signal
    trim_state: Signal
    trim_value: Signal
    goal: Signal

    latency = 7

    def __init__(self, cells: int, neighbours: int) -> None:
        """Check the parameters and make the ports."""
        check_integer("cells", cells, 1, 4096)
        check_integer("neighbours", neighbours, 0, MAX_NEIGHBOURS)
        self.cells = cells
        self.neighbours = neighbours
        bits = cell_bits(cells)
        super().__init__(
            {
                "cell": In(bits),
                "state": In(1),
                "valid": In(1),
                "odd": In(1),
                "dither": In(signed(12)),
                "table_write": In(1),
                "table_cell": In(bits),
                "table_field": In(Field.as_shape()),
                "table_data": In(32),
                "trim_write": In(1),
                "trim_cell": In(bits),
                "trim_state": In(1),
                "trim_value": In(signed(16)),
                "goal": Out(16),
            }
        )

    def _table(self, m: Module, name: str, shape: Shape, field: int, data: Value) -> Value:
        """Memory of one field; what it holds of the cell that entered a clock before."""
        m.submodules[name] = store = memory.Memory(shape=shape, depth=self.cells, init=[])
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            write.addr.eq(self.table_cell),
            write.data.eq(data),
            write.en.eq(self.table_write & (self.table_field == field)),
            read.addr.eq(self.cell),
        ]
        return read.data

    def elaborate(self, platform: object) -> Module:
        """Build the memories and the pipeline."""
        m = Module()
        bits = cell_bits(self.cells)
        # Cell and state of each step: at[1] is beside the first memory data.
        at, there = [self.cell], [self.valid]
        for step in range(1, self.latency + 1):
            at.append(Signal(bits, name=f"cell_{step}"))
            there.append(Signal(name=f"valid_{step}"))
            m.d.sync += [at[step].eq(at[step - 1]), there[step].eq(there[step - 1])]
        state = Signal()
        dither = Signal(signed(12))
        m.d.sync += [state.eq(self.state), dither.eq(self.dither)]

        bar = self._table(m, "bar", unsigned(16), Field.BAR, self.table_data[:16])
        cross = self._table(m, "cross", unsigned(16), Field.CROSS, self.table_data[:16])
        offset = self._table(m, "offset", signed(16), Field.OFFSET, self.table_data[:16])
        m.submodules.trim = trims = memory.Memory(shape=signed(16), depth=2 * self.cells, init=[])
        write, trim = trims.write_port(), trims.read_port()
        m.d.comb += [
            write.addr.eq(Cat(self.trim_state, self.trim_cell)),
            write.data.eq(self.trim_value),
            write.en.eq(self.trim_write),
            trim.addr.eq(Cat(self.state, self.cell)),
        ]
        level = Signal(signed(18))
        moved = Signal(signed(17))
        wanted = Signal(signed(20))
        m.d.sync += [
            level.eq(Mux(state, cross, bar) + offset),
            moved.eq(trim.data + dither),
            wanted.eq(level + moved),
        ]

        fresh = Signal(16)
        comp = self._compensation(m, at, there, fresh) if self.neighbours else Const(0, 1)
        # Beside the compensation, three clocks later.
        for step in range(3):
            later = Signal(signed(20), name=f"wanted_{step}")
            m.d.sync += later.eq(wanted)
            wanted = later
        m.d.comb += fresh.eq(clamp(wanted - comp))
        m.d.sync += self.goal.eq(fresh)
        return m

    def _compensation(
        self, m: Module, at: list[Signal], there: list[Signal], fresh: Signal
    ) -> Value:
        """Sum of the terms, 6 clocks after the cell entered; keeps the goals for the next tick."""
        bits = cell_bits(self.cells)
        m.submodules.goals = goals = memory.Memory(shape=16, depth=2 << bits, init=[])
        write = goals.write_port()
        m.d.comb += [write.addr.eq(Cat(at[6], ~self.odd)), write.data.eq(fresh)]
        m.d.comb += write.en.eq(there[6])

        products = []
        for n in range(self.neighbours):
            data = Cat(self.table_data[:bits], self.table_data[16:])
            term = self._table(m, f"term_{n}", unsigned(bits + 16), Field.TERMS + n, data)
            power = goals.read_port()
            coefficient = Signal(signed(16), name=f"coefficient_{n}")
            product = Signal(signed(32), name=f"product_{n}")
            m.d.comb += power.addr.eq(Cat(term[:bits], self.odd))
            m.d.sync += [coefficient.eq(term[bits:]), product.eq(coefficient * power.data)]
            products.append(product)
        groups = []
        for n in range(0, self.neighbours, 4):
            group = Signal(signed(34), name=f"group_{n}")
            m.d.sync += group.eq(sum(products[n : n + 4]))
            groups.append(group)
        raw = Signal(signed(22))
        m.d.sync += raw.eq((sum(groups) + (1 << 14)) >> 15)

        m.submodules.held = store = memory.Memory(shape=signed(22), depth=self.cells, init=[])
        keep, held = store.write_port(), store.read_port()
        comp = Signal(signed(22))
        off = raw - held.data
        m.d.comb += [
            held.addr.eq(at[4]),
            keep.addr.eq(at[6]),
            keep.data.eq(comp),
            keep.en.eq(there[6]),
        ]
        m.d.sync += comp.eq(Mux((off > 1) | (off < -1), raw, held.data))
        return comp
