"""Drive of the heaters of a switch: states and calibration in, DAC codes out."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_clock_mhz
from lightloom.rtl.ocs.drive.command import Command
from lightloom.rtl.ocs.drive.goal import Field, Goal, cell_bits
from lightloom.rtl.ocs.drive.linearizer import Linearizer
from lightloom.rtl.ocs.drive.watchdog import Watchdog

__all__ = ["Drive", "depth", "tick_seconds"]


def depth(dac_bits: int, *, root: bool = True) -> int:
    """Clocks of a tick besides one for each cell: what the pipeline holds, and the edge."""
    return Goal.latency + Command.latency + dac_bits * root + 6


def tick_seconds(cells: int, dac_bits: int, clock_mhz: float, tick_clocks: int = 0) -> float:
    """Duration of a tick."""
    return max(cells + depth(dac_bits), tick_clocks) / clock_mhz * 1e-6


class Drive(wiring.Component):
    """Compute the power of each heater once a tick, one cell a clock, and set all codes at once.

    What a cell gets is said by `Goal` (calibration of its state, offset, trim, dither, thermal
    crosstalk), `Command` (overdrive, budget) and `Linearizer` (code of a power). A tick takes the
    states as they are in its first clock, so no two maps mix, and ends with an edge at which every
    code changes: `cells` + ``depth(dac_bits)`` clocks, or `tick_clocks` when that is more.
    `change` ends the wait for the next tick. A slew limit holds codes behind their commands.

    Park: from the clock after `parked` or the watchdog, all codes are 0, whatever a tick does. They
    stay so until a whole tick has passed parked, which clears claims and overdrives, and `parked`
    is low; the codes of the next tick are new ones: two ticks, and what is left of one, after a
    short pulse, one tick after a long one. Every cell then counts as changed.

    `settled` falls with `change` and with every change of `parked` or of a state seen by a tick. It
    rises `settle_clocks` after the first tick in which no state changed, no overdrive ran, no
    cell waited for room and no code lagged; trims and dither do not touch it. While parked it rises
    `settle_clocks` after the first parked tick.

    Latency: from `change` to the codes at most 2 (`cells` + depth) + 1 clocks, and `cells` + depth
    when no tick is under way. Throughput: one tick each `cells` + depth clocks. No back-pressure:
    writes are taken in every clock and act from the next tick on, or from this one. After reset the
    drive is parked, not settled, and codes are 0. Memories are not reset, see `Goal`.

    Parameters
    ----------
    cells : int
        1 to 4096.
    dac_bits : int
        Bits of a code, 1 to 16.
    clock_mhz : float
        Clock of ``sync``, above 0 to 10000, for the record only.
    neighbours : int
        Terms of thermal crosstalk a cell, 0 to 16.
    root : bool
        Codes are voltages of a DAC; False: they are powers, for PWM or sigma-delta.

    Members
    -------
    states : In(cells)
        1 = cross.
    change : In(1)
        New states are there.
    parked : In(1)
        All codes 0.
    table_write, table_cell, table_field, table_data : In(1), In(cell_bits), In(Field), In(32)
        Write one field of the calibration of one cell.
    trim_write, trim_cell, trim_value : In(1), In(cell_bits), In(signed(16))
        Set the trim of a cell, for the state that it has in `states`.
    dither_on, dither_cell, dither_value : In(1), In(cell_bits), In(signed(12))
        Added to the power of one cell.
    overdrive_factor, overdrive_ticks, thermal_step, thermal_inverse, budget : In(8), In(16),
        In(16), In(16), In(32)
        See `Command`.
    slew : In(dac_bits)
        Most that a code changes in a tick; 0 is no limit.
    tick_clocks, settle_clocks : In(32)
        See above.
    watchdog_clocks, watchdog_kick, watchdog_release : In(32), In(1), In(1)
        See `Watchdog`.
    codes : Out(cells * dac_bits)
        Cell 0 lowest. Registered.
    tick : Out(1)
        High in the clock in which new codes are out.
    settled : Out(1)
        See above.
    power : Out(32)
        Sum of the commanded powers of the last tick; 0 while the codes are held at 0.
    over_budget : Out(1)
        In the last tick a cell waited for room, or the sum was above the budget.
    held : Out(1)
        Codes are held at 0.
    watchdog_expired : Out(1)
        The watchdog parks.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    states: Signal
    change: Signal
    parked: Signal
    table_write: Signal
    table_cell: Signal
    table_field: Signal
    table_data: Signal
    trim_write: Signal
    trim_cell: Signal
    trim_value: Signal
    dither_on: Signal
    dither_cell: Signal
    dither_value: Signal
    overdrive_factor: Signal
    overdrive_ticks: Signal
    thermal_step: Signal
    thermal_inverse: Signal
    budget: Signal
    slew: Signal
    tick_clocks: Signal
    settle_clocks: Signal
    watchdog_clocks: Signal
    watchdog_kick: Signal
    watchdog_release: Signal
    codes: Signal
    tick: Signal
    settled: Signal
    power: Signal
    over_budget: Signal
    held: Signal
    watchdog_expired: Signal

    def __init__(
        self,
        cells: int,
        dac_bits: int,
        clock_mhz: float,
        *,
        neighbours: int = 8,
        root: bool = True,
    ) -> None:
        """Check the parameters and make the ports."""
        check_clock_mhz(clock_mhz)
        self._goal = Goal(cells, neighbours)
        self._command = Command(cells)
        self._linearizer = Linearizer(cells, dac_bits, root=root)
        self.cells = cells
        self.dac_bits = dac_bits
        self.clock_mhz = clock_mhz
        self.depth = depth(dac_bits, root=root)
        bits = cell_bits(cells)
        super().__init__(
            {
                "states": In(cells),
                "change": In(1),
                "parked": In(1),
                "table_write": In(1),
                "table_cell": In(bits),
                "table_field": In(Field.as_shape()),
                "table_data": In(32),
                "trim_write": In(1),
                "trim_cell": In(bits),
                "trim_value": In(signed(16)),
                "dither_on": In(1),
                "dither_cell": In(bits),
                "dither_value": In(signed(12)),
                "overdrive_factor": In(8),
                "overdrive_ticks": In(16),
                "thermal_step": In(16),
                "thermal_inverse": In(16),
                "budget": In(32),
                "slew": In(dac_bits),
                "tick_clocks": In(32),
                "settle_clocks": In(32),
                "watchdog_clocks": In(32),
                "watchdog_kick": In(1),
                "watchdog_release": In(1),
                "codes": Out(cells * dac_bits),
                "tick": Out(1),
                "settled": Out(1),
                "power": Out(32),
                "over_budget": Out(1),
                "held": Out(1),
                "watchdog_expired": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the sequence of a tick and what is around the pipeline."""
        m = Module()
        m.submodules.goal = goal = self._goal
        m.submodules.command = command = self._command
        m.submodules.linearizer = linearizer = self._linearizer
        m.submodules.watchdog = watchdog = Watchdog()
        cells, bits = self.cells, cell_bits(self.cells)
        length = cells + self.depth

        stop = Signal()
        m.d.comb += [
            watchdog.limit.eq(self.watchdog_clocks),
            watchdog.kick.eq(self.watchdog_kick),
            watchdog.release.eq(self.watchdog_release),
            self.watchdog_expired.eq(watchdog.expired),
            stop.eq(self.parked | watchdog.expired),
        ]

        # The sequence: a tick runs for `length` clocks, then there may be a wait.
        running = Signal()
        step = Signal(range(length))
        since = Signal(32)
        pending = Signal(init=1)
        due = Signal()
        start = Signal()
        end = Signal()
        cleared = Signal()  # the last tick was a whole parked one
        was_stopped = Signal(init=1)
        holding = Signal(init=1)
        odd = Signal()
        park = Signal()  # this tick is a parked one, or the last was
        snapshot = Signal(cells)
        m.d.comb += [
            end.eq(running & (step == length - 1)),
            cleared.eq(park & (~running | end)),
            due.eq(pending | self.change | (since >= self.tick_clocks)),
            start.eq((~running | end) & due),
        ]
        m.d.sync += since.eq(Mux(start, 1, since + (since != 2**32 - 1)))
        with m.If(running):
            m.d.sync += [step.eq(step + 1), snapshot.eq(snapshot.rotate_right(1))]
        with m.If(end):
            m.d.sync += running.eq(0)
        with m.If(start):
            m.d.sync += [
                running.eq(1),
                step.eq(0),
                odd.eq(~odd),
                park.eq(stop | (holding & ~cleared)),
                snapshot.eq(self.states),
                pending.eq(0),
            ]
        with m.Elif(self.change | (stop != was_stopped)):
            m.d.sync += pending.eq(1)

        # The pipeline.
        cell = Signal(bits)
        valid = Signal()
        m.d.comb += [cell.eq(step), valid.eq(running & (step < cells))]
        reach = Goal.latency + Command.latency + linearizer.latency + 1
        cell_at, valid_at, state_at = [cell], [valid], [snapshot[0]]
        for n in range(1, reach + 1):
            cell_at.append(Signal(bits, name=f"cell_{n}"))
            valid_at.append(Signal(name=f"valid_{n}"))
            m.d.sync += [cell_at[n].eq(cell_at[n - 1]), valid_at[n].eq(valid_at[n - 1])]
        for n in range(1, Goal.latency + 1):
            state_at.append(Signal(name=f"state_{n}"))
            m.d.sync += state_at[n].eq(state_at[n - 1])
        to_command = Goal.latency
        to_linearizer = to_command + Command.latency
        to_slew = to_linearizer + linearizer.latency
        m.d.comb += [
            goal.cell.eq(cell),
            goal.state.eq(snapshot[0]),
            goal.valid.eq(valid),
            goal.odd.eq(odd),
            goal.dither.eq(Mux(self.dither_on & (self.dither_cell == cell), self.dither_value, 0)),
            goal.table_write.eq(self.table_write),
            goal.table_cell.eq(self.table_cell),
            goal.table_field.eq(self.table_field),
            goal.table_data.eq(self.table_data),
            goal.trim_write.eq(self.trim_write),
            goal.trim_cell.eq(self.trim_cell),
            goal.trim_state.eq(self.states.bit_select(self.trim_cell, 1)),
            goal.trim_value.eq(self.trim_value),
            command.cell.eq(cell_at[to_command]),
            command.state.eq(state_at[to_command]),
            command.goal.eq(goal.goal),
            command.valid.eq(valid_at[to_command]),
            command.start.eq(start),
            command.park.eq(park),
            command.factor.eq(self.overdrive_factor),
            command.overdrive_ticks.eq(self.overdrive_ticks),
            command.thermal_step.eq(self.thermal_step),
            command.thermal_inverse.eq(self.thermal_inverse),
            command.budget.eq(self.budget),
            command.slewing.eq(self.slew != 0),
            linearizer.cell.eq(cell_at[to_linearizer]),
            linearizer.power.eq(command.command),
            linearizer.gain_write.eq(self.table_write & (self.table_field == Field.GAIN)),
            linearizer.curvature_write.eq(self.table_write & (self.table_field == Field.CURVATURE)),
            linearizer.write_cell.eq(self.table_cell),
            linearizer.write_data.eq(self.table_data),
        ]

        # The slew limit, from the code that the cell has.
        m.submodules.past = past = memory.Memory(shape=self.dac_bits, depth=cells, init=[])
        before, keep = past.read_port(), past.write_port()
        more = Signal(signed(self.dac_bits + 1))
        limited = Signal(self.dac_bits)
        lag = Signal()
        m.d.comb += [
            before.addr.eq(cell_at[to_slew - 1]),
            more.eq(linearizer.code - before.data),
            limited.eq(linearizer.code),
        ]
        with m.If(~park & (self.slew != 0)):
            with m.If(more > self.slew):
                m.d.comb += [limited.eq(before.data + self.slew), lag.eq(1)]
            with m.Elif(more < -self.slew):
                m.d.comb += [limited.eq(before.data - self.slew), lag.eq(1)]
        code = Signal(self.dac_bits)
        m.d.sync += code.eq(limited)
        m.d.comb += [
            keep.addr.eq(cell_at[to_slew]),
            keep.data.eq(limited),
            keep.en.eq(valid_at[to_slew]),
            command.lag_cell.eq(cell_at[to_slew]),
            command.lag.eq(lag),
            command.lag_write.eq(valid_at[to_slew]),
        ]

        # Codes come in by a shift, cell 0 first; all are out at one edge.
        coming = Signal(cells * self.dac_bits)
        with m.If(valid_at[to_slew + 1]):
            m.d.sync += coming.eq(Cat(coming, code)[self.dac_bits :])
        total = Signal(32)
        busy = Signal()
        over = Signal()
        with m.If(start):
            m.d.sync += [total.eq(0), busy.eq(0), over.eq(0)]
        with m.If(valid_at[to_linearizer]):
            m.d.sync += [
                total.eq(total + command.command),
                busy.eq(busy | command.changing),
                over.eq(over | command.refused),
            ]
        with m.If(valid_at[to_slew] & lag):
            m.d.sync += busy.eq(1)

        # A park holds the codes at 0 from now until a whole tick has seen it.
        waiting = Signal(init=1)
        left = Signal(32)
        counting = Signal()
        m.d.sync += [was_stopped.eq(stop), self.tick.eq(end)]
        with m.If(end):
            m.d.sync += self.over_budget.eq(over)
            with m.If(~holding & ~stop):
                m.d.sync += [self.codes.eq(coming), self.power.eq(total)]
        with m.If(stop):
            m.d.sync += [holding.eq(1), self.codes.eq(0), self.power.eq(0)]
        with m.Elif(cleared):
            m.d.sync += holding.eq(0)
        m.d.comb += self.held.eq(holding)

        with m.If(counting):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 0):
                m.d.sync += [counting.eq(0), waiting.eq(0)]
        with m.If(end):
            with m.If(busy):
                m.d.sync += [waiting.eq(1), counting.eq(0)]
            # A tick that began before the change says nothing about it.
            with m.Elif(waiting & ~counting & ~pending & (park == stop)):
                m.d.sync += [counting.eq(1), left.eq(self.settle_clocks)]
        with m.If(self.change | (stop != was_stopped)):
            m.d.sync += [waiting.eq(1), counting.eq(0)]
        m.d.comb += self.settled.eq(~waiting & ~self.change)
        return m
