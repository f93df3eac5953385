"""Power that each heater gets in this tick: overdrive on the way to its goal, within a budget."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer
from lightloom.rtl.ocs.drive.budget import Budget
from lightloom.rtl.ocs.drive.goal import cell_bits, clamp

__all__ = ["FACTOR_FRACTION", "INVERSE_FRACTION", "NEAR", "THERMAL_FRACTION", "Command"]

FACTOR_FRACTION = 4
INVERSE_FRACTION = 8
THERMAL_FRACTION = 8
"""Bits of the estimated heat below the LSB of a power."""
NEAR = 32
"""Overdrive ends when the estimated heat is this near to the goal: 0.05 % of full power."""


class Command(wiring.Component):
    """From the goals of a tick to commanded powers.

    Overdrive. A heater is a first-order low-pass of time constant tau: after a step of its power
    the phase is within an error e of the step d after tau ln(d/e), 3 tau for 5 %. Commanding
    ``base + factor * (goal - base)``, clipped to 0 ... full power, crosses the goal after
    ``tau ln(b / (b - 1))``, b = (command - base) / (goal - base): then the command becomes the goal
    and the phase stays there. Rising from pi to 2 pi with full power at 4 pi, b is 3: 0.41 tau.
    Falling from 2 pi to pi by cutting to 0, b is 2: 0.69 tau. Falling to 0 has no overdrive, b is
    1: therefore a cross may be calibrated at a whole turn more than the smallest phase.

    With `thermal_step` set, the block keeps an estimate of each heater's heat, ``heat +=
    (command - heat) * thermal_step`` each tick, takes it for the base of a change, also of one that
    interrupts another, and ends the overdrive of each cell by it: in the last tick it commands
    ``heat + (goal - heat) / thermal_step``, which lands on the goal. `overdrive_ticks` is then the
    most that it may take. With `thermal_step` 0 the base is the command before the change and
    the overdrive takes `overdrive_ticks` for every cell.

    Budget, by :class:`Budget`. Each cell has a claim, never below its command, its goal once it was
    granted, and the power of the code that a slew limit still holds it at. A claim rises only when
    the sum of all claims stays within `budget`: first with overdrive, else without, else the cell
    waits for the next tick, and its overdrive with it. Claims that fall make room at once for the
    cells that follow in the tick, and for all in the next: what falls goes first. So the sum of
    commands is never above the budget on the way. When `budget` itself is lowered below the sum,
    nothing rises until enough has fallen, and `refused` says so.

    Latency: ``latency`` = 7 clocks to `command`. Throughput: one cell a clock, each cell once a
    tick, a tick at least `cells` + 10 clocks. No back-pressure. Reset does not clear the memory:
    the first tick after it has to be a parked one.

    Parameters
    ----------
    cells : int
        1 to 4096.

    Members
    -------
    cell, state, goal, valid : In(cell_bits), In(1), In(16), In(1)
        What enters.
    start : In(1)
        One clock before the first cell of a tick enters, or earlier in the gap between ticks.
    park : In(1)
        Command 0 to all; held for whole ticks.
    factor : In(8)
        4.4 bits; 1 (16) and less is no overdrive.
    overdrive_ticks : In(16)
        See above; 0 is no overdrive.
    thermal_step : In(16)
        ``1 - exp(-tick / tau)`` in 2**-16, 0 when not known.
    thermal_inverse : In(16)
        Its inverse, 8.8 bits; 65535 when it is above that.
    budget : In(32)
        Most of the sum of commands.
    slewing : In(1)
        A slew limit follows: claims fall only after the codes.
    lag_write, lag_cell, lag : In(1), In(cell_bits), In(1)
        From the slew limit: the code of a cell is not yet that of its command.
    command : Out(16)
        Of the cell that entered `latency` clocks before. Registered, as the next two.
    changing : Out(1)
        Its state changed, it is overdriven, or waits.
    refused : Out(1)
        It waits for room, or the claims are above the budget.

    Raises
    ------
    ValueError
        When `cells` is out of range.
    """

    cell: Signal
    state: Signal
    goal: Signal
    valid: Signal
    start: Signal
    park: Signal
    factor: Signal
    overdrive_ticks: Signal
    thermal_step: Signal
    thermal_inverse: Signal
    budget: Signal
    slewing: Signal
    lag_write: Signal
    lag_cell: Signal
    lag: Signal
    command: Signal
    changing: Signal
    refused: Signal

    latency = 7

    def __init__(self, cells: int) -> None:
        """Check the size and make the ports."""
        check_integer("cells", cells, 1, 4096)
        self.cells = cells
        bits = cell_bits(cells)
        self.record = data.StructLayout(
            {
                "live": 1,
                "state": 1,
                "base": 16,
                "left": 16,
                "claim": 16,
                "command": 16,
                "heat": 16 + THERMAL_FRACTION,
            }
        )
        super().__init__(
            {
                "cell": In(bits),
                "state": In(1),
                "goal": In(16),
                "valid": In(1),
                "start": In(1),
                "park": In(1),
                "factor": In(8),
                "overdrive_ticks": In(16),
                "thermal_step": In(16),
                "thermal_inverse": In(16),
                "budget": In(32),
                "slewing": In(1),
                "lag_write": In(1),
                "lag_cell": In(bits),
                "lag": In(1),
                "command": Out(16),
                "changing": Out(1),
                "refused": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memory and the pipeline."""
        m = Module()
        m.submodules.records = store = memory.Memory(shape=self.record, depth=self.cells, init=[])
        read, write = store.read_port(), store.write_port()
        m.submodules.lags = lags = memory.Memory(shape=1, depth=self.cells, init=[])
        lagging, lag_port = lags.read_port(), lags.write_port()
        m.d.comb += [
            read.addr.eq(self.cell),
            lagging.addr.eq(self.cell),
            lag_port.addr.eq(self.lag_cell),
            lag_port.data.eq(self.lag),
            lag_port.en.eq(self.lag_write),
        ]

        def later(signal: Value, name: str, first: int, last: int) -> dict[int, Value]:
            """Copies of `signal`, which is valid `first` clocks after the cell, up to `last`."""
            copies = {first: signal}
            for step in range(first + 1, last + 1):
                copy = Signal.like(signal, name=f"{name}_{step}")
                m.d.sync += copy.eq(copies[step - 1])
                copies[step] = copy
            return copies

        cell = later(self.cell, "cell", 0, 9)
        valid = later(self.valid, "valid", 0, 9)
        state = later(self.state, "state", 0, 9)
        goal = later(self.goal, "goal", 0, 5)

        # Step 1: what the memory knows.
        old = read.data
        modelled = self.thermal_step != 0
        heat_now = old.heat[THERMAL_FRACTION:]
        changed = Signal()
        base_now = Signal(16)
        m.d.comb += [
            changed.eq(~old.live | (old.state != state[1])),
            base_now.eq(Mux(changed, Mux(modelled, heat_now, old.command), old.base)),
        ]
        base = Signal(16)
        here = Signal(16)
        left = Signal(16)
        moved = Signal()
        m.d.sync += [
            base.eq(base_now),
            here.eq(Mux(modelled, heat_now, base_now)),
            left.eq(Mux(changed, self.overdrive_ticks, old.left)),
            moved.eq(changed),
        ]
        base = later(base, "base", 2, 9)
        here = later(here, "here", 2, 4)
        left = later(left, "left", 2, 7)
        moved = later(moved, "moved", 2, 7)
        heat = later(old.heat, "heat", 1, 9)
        claim = later(old.claim, "claim", 1, 5)
        last = later(old.command, "last", 1, 5)
        lag = later(lagging.data, "lag", 1, 4)

        # Steps 2 to 4: the overdriven power.
        push = Signal(signed(26))
        land = Signal(signed(34))
        near = Signal()
        bang = Signal(16)
        dead = Signal(16)
        off = goal[2] - here[2]
        m.d.sync += [
            push.eq((goal[2] - base[2]) * self.factor),
            land.eq(off * self.thermal_inverse),
            near.eq(modelled & (off <= NEAR) & (off >= -NEAR)),
            bang.eq(clamp(base[3] + (push >> FACTOR_FRACTION))),
            dead.eq(clamp(here[3] + (land >> INVERSE_FRACTION))),
        ]
        near = later(near, "near", 3, 4)
        rising = goal[4] >= here[4]
        least = Mux(modelled & (dead < bang), dead, bang)
        most = Mux(modelled & (dead > bang), dead, bang)
        over = Signal(16)
        driven = Signal()
        floor = Signal(16)
        m.d.sync += [
            over.eq(
                Mux(
                    rising,
                    Mux(least > goal[4], least, goal[4]),
                    Mux(most < goal[4], most, goal[4]),
                )
            ),
            driven.eq((left[4] != 0) & ~near[4]),
            floor.eq(Mux(self.slewing, Mux(lag[4], claim[4], last[4]), 0)),
        ]

        # Steps 5 and 6.
        m.submodules.budget = budget = Budget()
        driven_6 = Signal()
        driven_7 = Signal()
        m.d.comb += [
            budget.start.eq(self.start),
            budget.budget.eq(self.budget),
            budget.park.eq(self.park),
            budget.valid.eq(valid[5]),
            budget.driven.eq(driven),
            budget.over.eq(over),
            budget.goal.eq(goal[5]),
            budget.floor.eq(floor),
            budget.claim.eq(claim[5]),
            budget.last.eq(last[5]),
            self.command.eq(budget.command),
            self.changing.eq(~self.park & (moved[7] | driven_7 | budget.waits)),
            self.refused.eq(~self.park & (budget.waits | budget.short)),
        ]
        m.d.sync += [driven_6.eq(driven), driven_7.eq(driven_6)]
        still = Signal(16)
        with m.If(self.park):
            m.d.comb += still.eq(0)
        with m.Elif(budget.waits):
            m.d.comb += still.eq(left[7])
        with m.Elif(driven_7):
            m.d.comb += still.eq(left[7] - 1)

        # Steps 7 to 9: what the heater will be at, and all that is to be known next time.
        command = later(self.command, "command", 7, 9)
        still = later(still, "still", 7, 9)
        taken = later(budget.claimed, "taken", 7, 9)
        gap = Signal(signed(18 + THERMAL_FRACTION))
        gain = Signal(signed(34 + THERMAL_FRACTION))
        m.d.sync += [
            gap.eq((command[7] << THERMAL_FRACTION) - heat[7]),
            gain.eq(gap * self.thermal_step),
        ]
        m.d.comb += [
            write.addr.eq(cell[9]),
            write.en.eq(valid[9]),
            write.data.live.eq(~self.park),
            write.data.state.eq(state[9]),
            write.data.base.eq(base[9]),
            write.data.left.eq(still[9]),
            write.data.claim.eq(taken[9]),
            write.data.command.eq(command[9]),
            write.data.heat.eq(heat[9] + (gain >> 16)),
        ]
        return m
