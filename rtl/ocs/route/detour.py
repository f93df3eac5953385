"""Search for ways around cells that are dead or stand, in crossbars and PILOSS fabrics."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.route.pick import Pick
from lightloom.rtl.ocs.route.seam import destination_bits
from lightloom.rtl.ocs.route.store import Store
from lightloom.rtl.ocs.route.sweep import Ahead, Back
from lightloom.spec.detours import COST_BITS, SEED
from lightloom.spec.wall import wall

__all__ = ["Detour"]


class _Phase(enum.Enum, shape=3):
    IDLE = 0
    LOAD = 1
    TURN = 2
    """The lines before the first column are set; no way is a proof that there is none."""
    AHEAD = 3
    LOOK = 4
    """Which outputs have their light."""
    PICK = 5
    SOURCE = 6
    BACK = 7


class Detour(wiring.Component):
    """Push and shove: lead one output's light after the other on the way that disturbs fewest.

    A try takes an output that lacks its light, and every fourth time any one. Going backward
    through the columns it finds the way from the input that pushes fewest other routes aside; going
    forward it sets the cells to it, and finds which outputs have their light now. Those that were
    pushed aside come later. Cells that all ways of an output need in one state are decided on the
    way: no try changes them again, and so an output from which no way is left is a proof that there
    is no routing. The light is led through the whole fabric a column a clock; cells are held in
    memories, a column a word.

    Latency from `start`, with C columns: 2 C + 3 clocks, and 2 C + 4 more a try; a proof comes
    after C + 2 of its try. C is 2 ports - 1 in a crossbar and 2 ports in PILOSS.
    `start` begins anew at any time. Inputs are held from `start` to the answer. Reset: idle.

    Parameters
    ----------
    topology : str
        piloss or crossbar.
    ports : int
        See `lightloom.spec.fabrics.plan`.
    tries : int
        Most tries, 1 to 2**16 - 1.

    Members
    -------
    start, stop : In(1)
        Begin; be idle, unless `start` is high.
    destinations, active, unusable : In
        As in `lightloom.rtl.ocs.route.seam.Router`, no output asked for twice.
    asked : In(ports)
        Outputs that are asked for.
    stand, fixed : In(cells)
        Cells as they stand at first; those that must stay so.
    write, column, word, kept : Out(1), Out, Out(ports), Out(ports)
        The cells of this column as they stand now, by their places in `lightloom.spec.wall`; those
        that light passes or that are decided. The last word of each column before ``done`` counts.
    done, failed, late : Out(1)
        Pulses: all outputs have their light; there is no routing; no more tries.

    Raises
    ------
    ValueError
        When a parameter is out of range.

    Ref: for paths that push others aside, L. McMurchie and C. Ebeling, "PathFinder", FPGA 1995.
    """

    start: Signal
    stop: Signal
    destinations: Signal
    active: Signal
    unusable: Signal
    asked: Signal
    stand: Signal
    fixed: Signal
    write: Signal
    column: Signal
    word: Signal
    kept: Signal
    done: Signal
    failed: Signal
    late: Signal

    def __init__(self, topology: str, ports: int, tries: int) -> None:
        """Check the parameters and make the ports."""
        if not 1 <= tries < 1 << 16:
            raise ValueError(f"tries = {tries!r}; allowed: 1 to {(1 << 16) - 1}")
        self.wall = wall(topology, ports)
        self.ports = ports
        self.tries = tries
        cells = ports * ports
        super().__init__(
            {
                "start": In(1),
                "stop": In(1),
                "destinations": In(ports * destination_bits(ports)),
                "active": In(ports),
                "unusable": In(cells),
                "asked": In(ports),
                "stand": In(cells),
                "fixed": In(cells),
                "write": Out(1),
                "column": Out(range(self.wall.columns)),
                "word": Out(ports),
                "kept": Out(ports),
                "done": Out(1),
                "failed": Out(1),
                "late": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the sweeps and what chooses between them."""
        m = Module()
        ports, lines, columns = self.ports, 2 * self.ports, self.wall.columns
        bits = destination_bits(ports)
        m.submodules.back = back = Back(ports)
        m.submodules.ahead = ahead = Ahead(ports, bits + 1)
        phase = Signal(_Phase)
        column = Signal(range(columns))
        following = Signal(range(columns))
        first, last = column == 0, column == columns - 1
        loads, goes, backs = (phase == kind for kind in (_Phase.LOAD, _Phase.AHEAD, _Phase.BACK))
        m.d.comb += following.eq(
            Mux(
                goes,
                column + 1,
                Mux(backs, column - 1, Mux(phase == _Phase.SOURCE, columns - 1, 0)),
            )
        )

        # A column is decided a clock after the light went through.
        decides = Signal()
        behind = Signal(range(columns))
        decided, met = Signal(ports), Signal(ports)
        m.submodules.store = store = Store(self.wall)
        m.d.comb += [
            store.following.eq(following),
            store.column.eq(column),
            store.load.eq(loads),
            store.stand.eq(self.stand),
            store.fixed.eq(self.fixed),
            store.unusable.eq(self.unusable),
            store.keep.eq(goes),
            store.state_now.eq(ahead.state_now),
            store.decide.eq(decides),
            store.decided_at.eq(behind),
            store.decided_now.eq(decided | met),
            store.mark.eq(backs),
            store.way_now.eq(Cat(back.flip, back.reach)),
            ahead.flip.eq(store.way[:lines]),
            ahead.reach.eq(store.way[lines:]),
        ]
        for step in (back, ahead):
            m.d.comb += [
                step.state.eq(store.state),
                step.decided.eq(store.decided),
                step.unusable.eq(store.dead),
            ]

        # Choice of the output, and its input.
        good, source = Signal(ports), Signal(ports)
        tries = Signal(range(self.tries + 1))
        m.submodules.pick = pick = Pick(ports)
        m.d.comb += [
            pick.clear.eq(self.start),
            pick.step.eq(phase == _Phase.PICK),
            pick.any_one.eq(tries[:2] == 3),
            pick.asked.eq(self.asked),
            pick.good.eq(good),
        ]
        to = [self.destinations.word_select(i, bits) for i in range(ports)]
        number = Signal(bits)
        m.d.comb += number.eq(_number(pick.chosen, bits))
        mine = Cat(self.active[i] & (to[i] == number) for i in range(ports))

        # Lines between the columns.
        cost = Signal(lines * COST_BITS)
        lit, here, may = Signal(lines), Signal(lines), Signal(lines)
        label = Signal(lines * (bits + 1))
        random = Signal(16, init=SEED)
        exits, entries = self.wall.exits, self.wall.entries
        at_exit = [label.word_select(position, bits + 1) for position in exits]
        m.d.comb += [
            back.cost.eq(_down(cost, COST_BITS)),
            back.lit.eq(_down(lit, 1)),
            back.toss.eq(Cat(random[position % 16] for position in range(lines))),
            ahead.label.eq(label),
            ahead.here.eq(here),
            ahead.may.eq(may),
        ]
        reached = Cat(
            source[i] & ~cost.word_select(entries[i], COST_BITS).all() for i in range(ports)
        ).any()
        alone, was_alone = Signal(), Signal()
        through = Signal()
        m.d.comb += [
            alone.eq((may & ~here) == 0),
            decides.eq(through & alone & was_alone),
        ]
        m.d.sync += through.eq(goes)
        with m.If(goes):
            m.d.sync += [behind.eq(column), decided.eq(store.decided), met.eq(ahead.met)]
        with m.If(through):
            m.d.sync += was_alone.eq(alone)

        m.d.comb += [
            self.write.eq(goes),
            self.column.eq(column),
            self.word.eq(ahead.state_now),
            self.kept.eq(ahead.used | store.decided),
            self.done.eq((phase == _Phase.PICK) & ~pick.lacking),
            self.late.eq((phase == _Phase.PICK) & pick.lacking & (tries == self.tries)),
            self.failed.eq((phase == _Phase.TURN) & source.any() & ~reached),
        ]
        with m.Switch(phase):
            with m.Case(_Phase.LOAD):
                m.d.sync += column.eq(column + 1)
                with m.If(last):
                    m.d.sync += phase.eq(_Phase.TURN)
            with m.Case(_Phase.TURN):
                entered = _placed(source, entries, lines)
                m.d.sync += [
                    column.eq(0),
                    here.eq(entered),
                    may.eq(entered),
                    was_alone.eq(1),
                    label.eq(0),
                    phase.eq(Mux(self.failed, _Phase.IDLE, _Phase.AHEAD)),
                ]
                for i, position in enumerate(entries):
                    m.d.sync += label.word_select(position, bits + 1).eq(
                        Mux(self.active[i], Cat(to[i], 1), 0)
                    )
            with m.Case(_Phase.AHEAD):
                m.d.sync += [
                    column.eq(column + 1),
                    label.eq(_up(ahead.label_behind, bits + 1)),
                    here.eq(_up(ahead.here_behind, 1)),
                    may.eq(_up(ahead.may_behind, 1)),
                ]
                with m.If(last):
                    m.d.sync += phase.eq(_Phase.LOOK)
            with m.Case(_Phase.LOOK):
                m.d.sync += [
                    good.eq(Cat(word == Const(o | 1 << bits, bits + 1)
                                for o, word in enumerate(at_exit))),
                    phase.eq(_Phase.PICK),
                ]  # fmt: skip
            with m.Case(_Phase.PICK):
                m.d.sync += [
                    tries.eq(tries + 1),
                    phase.eq(Mux(self.done | self.late, _Phase.IDLE, _Phase.SOURCE)),
                ]
            with m.Case(_Phase.SOURCE):
                m.d.sync += [
                    source.eq(mine),
                    column.eq(columns - 1),
                    cost.eq(~_placed(pick.chosen, exits, lines, COST_BITS)),
                    lit.eq(_placed(good & ~pick.chosen, exits, lines)),
                    phase.eq(_Phase.BACK),
                ]
            with m.Case(_Phase.BACK):
                m.d.sync += [
                    column.eq(column - 1),
                    cost.eq(back.cost_before),
                    lit.eq(back.lit_before),
                    random.eq(Cat(random[1:], random[0] ^ random[2] ^ random[3] ^ random[5])),
                ]
                with m.If(first):
                    m.d.sync += phase.eq(_Phase.TURN)
        with m.If(self.stop):
            m.d.sync += phase.eq(_Phase.IDLE)
        with m.If(self.start):
            m.d.sync += [
                phase.eq(_Phase.LOAD),
                column.eq(0),
                source.eq(0),
                tries.eq(0),
                random.eq(SEED),
            ]
        return m


def _down(word: Value, bits: int) -> Value:
    """Positions of the next column as those behind this one."""
    return Cat(word[-bits:], word[:-bits])


def _up(word: Value, bits: int) -> Value:
    """Positions behind this column as those of the next one."""
    return Cat(word[bits:], word[:bits])


def _placed(ports: Value, positions: Sequence[int], lines: int, bits: int = 1) -> Value:
    """A word with a field a line: that of a port all ones where the port has a 1, others 0."""
    port_at = {position: port for port, position in enumerate(positions)}
    return Cat(
        ports[port_at[line]].replicate(bits) if line in port_at else Const(0, bits)
        for line in range(lines)
    )


def _number(one_hot: Value, bits: int) -> Value:
    return Cat(
        Cat(one_hot[k] for k in range(len(one_hot)) if k >> bit & 1).any() for bit in range(bits)
    )
