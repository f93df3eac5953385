"""Dither lock of the cells of a switch, on taps at both outputs of each."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.lock.feeds import feeds
from lightloom.rtl.ocs.lock.probe import Probe, sum_bits
from lightloom.spec import fabrics

__all__ = ["FRACTION", "RATIO_BITS", "DitherLock"]

FRACTION = 8
"""Fraction bits of an integrator."""
RATIO_BITS = 16
"""Fraction bits of the error."""


class DitherLock(wiring.Component):
    """Keep every cell that carries light at its null, one cell after the other.

    A cell is at its null when the output that its light should not take is dark. The lock finds the
    source of the light at each cell from the states, as light runs: the upper input's where that
    has light, else the lower one's. Of it `Probe` measures both taps with the cell's power moved up
    and down by `amplitude`, each after `wait` clocks for the heater. The error is

    ``error = (dark(up) - dark(down)) / (bright(up) + bright(down))``

    which with balanced couplers is half the product of the phase error and the dither's phase, and
    does not depend on the power or the pilot's depth. The integrator of the cell and state goes
    down by ``error * 2**(RATIO_BITS + gain - FRACTION)``, at most by `step`, and stays within plus
    or minus `limit`; its integer part is the trim. Bar and cross keep an integrator each.

    A cell without a source is skipped. Where the taps have less than `floor`, or none in time, the
    cell is held: light is lost, and the trim stays. `change`, or `settled` low, ends a measurement
    without an effect; after a change the trims of all cells are written again, for their present
    states. With `enable` low the trims stay.

    Observable is the pilot of one source at a time, see `Probe`: two lit inputs of the same power
    are told apart. Not observable: the lower input's null where both are lit (it is the same phase
    by the symmetry of a lossless cell), and couplers that are not halves, which leave light in the
    dark output at the best phase.

    Rate: a round takes, for each lit cell, two times `wait` and two probes, and some 50 clocks.
    Reset: integrators are cleared, in 2 * cells clocks, then trims written, in 2 * cells clocks.

    Parameters
    ----------
    topology, ports
        See `lightloom.spec.fabrics.plan`.
    sample_bits : int
        8 to 16.

    Members
    -------
    enable, settled, change, clear : In(1)
        Run; the drive is settled; states are new from this clock on; forget all integrators.
    states : In(cells)
        1 = cross.
    light : In(inputs)
        Inputs with light, in the order of the plan.
    amplitude, wait : In(11), In(24)
        Dither in units of power; clocks from a dither to the first slot of its probe.
    groups, repeats, guard, patience : In(4), In(3), In(16), In(16)
        See `Probe`; the dark tap gets the repeats.
    gain, step, limit : In(4), In(16), In(15)
        See above; `step` and `limit` in units of power.
    floor : In(sum_bits)
        Least sum of the bright taps of both halves.
    tolerance : In(RATIO_BITS)
        Largest error of a locked cell, in units of 2**-RATIO_BITS.
    sample_valid, sample_channel, sample_value, channel, pilot_on, pilot_source, pilot_level
        See `Probe`.
    dither_on, dither_cell, dither_value : Out(1), Out(cell bits), Out(signed(12))
        To the drive.
    trim_write, trim_cell, trim_value : Out(1), Out(cell bits), Out(signed(16))
        To the drive.
    visited, visited_cell : Out(1), Out(cell bits)
        A cell with a source was measured, in this clock; which.
    held, limited : Out(1)
        With `visited`: its light is lost; its integrator is at the limit.
    error : Out(signed(RATIO_BITS + 1))
        With `visited`: its error.
    round : Out(1)
        One clock: the last cell was looked at.
    locked : Out(1)
        All cells with a source were within `tolerance`, lit and not limited in the last round.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    enable: Signal
    settled: Signal
    change: Signal
    clear: Signal
    states: Signal
    light: Signal
    amplitude: Signal
    wait: Signal
    groups: Signal
    repeats: Signal
    guard: Signal
    patience: Signal
    gain: Signal
    step: Signal
    limit: Signal
    floor: Signal
    tolerance: Signal
    sample_valid: Signal
    sample_channel: Signal
    sample_value: Signal
    channel: Signal
    pilot_on: Signal
    pilot_source: Signal
    pilot_level: Signal
    dither_on: Signal
    dither_cell: Signal
    dither_value: Signal
    trim_write: Signal
    trim_cell: Signal
    trim_value: Signal
    visited: Signal
    visited_cell: Signal
    held: Signal
    limited: Signal
    error: Signal
    round: Signal
    locked: Signal

    def __init__(self, topology: str, ports: int, *, sample_bits: int = 12) -> None:
        """Check the parameters and make the ports."""
        plan = fabrics.plan(topology, ports)
        self.feeds = feeds(plan)
        self.cells, self.inputs = len(self.feeds), len(plan.inputs)
        self.sample_bits = sample_bits
        self._probe = Probe(self.cells, self.inputs, sample_bits=sample_bits)
        cell_bits = max((self.cells - 1).bit_length(), 1)
        super().__init__(
            {
                "enable": In(1),
                "settled": In(1),
                "change": In(1),
                "clear": In(1),
                "states": In(self.cells),
                "light": In(self.inputs),
                "amplitude": In(11),
                "wait": In(24),
                "gain": In(4),
                "step": In(16),
                "limit": In(15),
                "floor": In(sum_bits(sample_bits)),
                "tolerance": In(RATIO_BITS),
                **self._probe.passed(),
                "dither_on": Out(1),
                "dither_cell": Out(cell_bits),
                "dither_value": Out(signed(12)),
                "trim_write": Out(1),
                "trim_cell": Out(cell_bits),
                "trim_value": Out(signed(16)),
                "visited": Out(1),
                "visited_cell": Out(cell_bits),
                "held": Out(1),
                "limited": Out(1),
                "error": Out(signed(RATIO_BITS + 1)),
                "round": Out(1),
                "locked": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the sequence of a round."""
        m = Module()
        m.submodules.probe = probe = self._probe
        probe.join(m, self)
        cells, top = self.cells, self.cells - 1
        cell_bits, source_bits = len(self.dither_cell), len(self.pilot_source)

        # What stands before each input; the source of each output, as far as the round has come.
        index_bits = max(cell_bits + 1, source_bits)
        image = [f.kind << index_bits | f.index for pair in self.feeds for f in pair]
        m.submodules.before = before = memory.Memory(
            shape=index_bits + 2, depth=2 * cells, init=image
        )
        m.submodules.sources = sources = memory.Memory(
            shape=source_bits + 1, depth=2 * cells, init=[]
        )
        feed, source = before.read_port(), sources.read_port()
        note = sources.write_port()
        # Integrators by cell and state.
        width = 16 + FRACTION
        m.submodules.integrators = integrators = memory.Memory(
            shape=signed(width), depth=2 * cells, init=[]
        )
        kept, keep = integrators.read_port(), integrators.write_port()

        cell = Signal(cell_bits)
        side = Signal()
        state = Signal()
        light_now = Signal()
        found = [Signal(source_bits + 1, name=f"found_{n}") for n in range(2)]
        chosen = Signal(source_bits)
        from_lower = Signal()
        dark_is_lower = Signal()
        m.d.comb += [
            state.eq(self.states.bit_select(cell, 1)),
            light_now.eq(self.light.bit_select(feed.data[:source_bits], 1)),
            feed.addr.eq(Cat(side, cell)),
            source.addr.eq(feed.data),
            kept.addr.eq(Cat(state, cell)),
            chosen.eq(Mux(from_lower, found[1], found[0])),
            dark_is_lower.eq(~state ^ from_lower),
            probe.cell.eq(cell),
            probe.source.eq(chosen),
            probe.tap.eq(dark_is_lower),
            self.dither_cell.eq(cell),
            self.trim_cell.eq(cell),
            self.visited_cell.eq(cell),
        ]

        second = Signal()
        waited = Signal(24)
        bits = sum_bits(self.sample_bits) + 1
        slope = Signal(signed(bits + 1))
        bright = Signal(signed(bits))
        rest = Signal(bits + 2)
        divisor = Signal(bits)
        ratio = Signal(RATIO_BITS)
        turns = Signal(range(RATIO_BITS + 1))
        negative = Signal()
        dark = Signal.like(probe.upper)
        lit = Signal.like(probe.upper)
        m.d.comb += [
            dark.eq(Mux(dark_is_lower, probe.lower, probe.upper)),
            lit.eq(Mux(dark_is_lower, probe.upper, probe.lower)),
        ]

        # The move of an integrator, bounded, and its new value, bounded.
        shifted = Signal(RATIO_BITS + 15)
        most = Signal(16 + FRACTION)
        move = Signal(16 + FRACTION)
        new = Signal(signed(width + 2))
        edge = Signal(15 + FRACTION)
        held_value = Signal(signed(width))
        m.d.comb += [
            shifted.eq(ratio << self.gain),
            most.eq(self.step << FRACTION),
            edge.eq(self.limit << FRACTION),
            self.error.eq(Mux(negative, -ratio, ratio)),
        ]
        m.d.comb += held_value.eq(new)
        with m.If(new > edge):
            m.d.comb += held_value.eq(edge)
        with m.Elif(new < -edge):
            m.d.comb += held_value.eq(-edge)

        good = Signal()
        sick = Signal()
        stopping = Signal()
        forget = Signal(init=1)
        rewrite = Signal()
        m.d.comb += [
            stopping.eq(self.change | rewrite | ~self.settled | ~self.enable | self.clear),
            sick.eq((ratio > self.tolerance) | self.held | self.limited),
        ]
        with m.If(self.clear):
            m.d.sync += forget.eq(1)
        with m.If(self.change):
            m.d.sync += rewrite.eq(1)
        following = Signal(range(cells + 1))
        m.d.comb += following.eq(cell + 1)

        with m.FSM():
            with m.State("FORGET"):
                m.d.comb += [keep.en.eq(1), keep.addr.eq(Cat(side, cell))]
                m.d.sync += [side.eq(~side), self.locked.eq(0), forget.eq(self.clear)]
                with m.If(side):
                    m.d.sync += cell.eq(Mux(cell == top, 0, cell + 1))
                    with m.If(cell == top):
                        m.next = "LOOK"
            with m.State("LOOK"):
                # A change here begins anew: cells before this one have the old states' trims.
                m.d.sync += rewrite.eq(0)
                with m.If(self.change):
                    m.d.sync += cell.eq(0)
                with m.Else():
                    m.next = "WRITE"
            with m.State("WRITE"):
                with m.If(self.change):
                    m.d.sync += cell.eq(0)
                    m.next = "LOOK"
                with m.Else():
                    m.d.comb += [
                        self.trim_write.eq(1),
                        self.trim_value.eq(kept.data >> FRACTION),
                    ]
                    m.d.sync += cell.eq(Mux(cell == top, 0, cell + 1))
                    m.next = "LOOK"
                    with m.If(cell == top):
                        m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.sync += [cell.eq(0), side.eq(0)]
                with m.If(forget | self.clear):
                    m.next = "FORGET"
                with m.Elif(rewrite | self.change):
                    m.next = "LOOK"
                with m.Elif(self.enable & self.settled):
                    m.d.sync += good.eq(1)
                    m.next = "FEED"
            with m.State("FEED"):
                m.next = "SOURCE"
            with m.State("SOURCE"):
                m.next = "TAKE"
            with m.State("TAKE"):
                value = Mux(
                    feed.data[index_bits:] == 1,
                    Cat(feed.data[:source_bits], light_now),
                    Mux(feed.data[index_bits:] == 2, source.data, 0),
                )
                with m.If(side):
                    m.d.sync += found[1].eq(value)
                    m.next = "UPPER"
                with m.Else():
                    m.d.sync += [found[0].eq(value), side.eq(1)]
                    m.next = "FEED"
            with m.State("UPPER"):
                m.d.comb += [
                    note.en.eq(1),
                    note.addr.eq(Cat(0, cell)[: cell_bits + 1]),
                    note.data.eq(Mux(state, found[1], found[0])),
                ]
                m.d.sync += from_lower.eq(~found[0][-1])
                m.next = "LOWER"
            with m.State("LOWER"):
                m.d.comb += [
                    note.en.eq(1),
                    note.addr.eq(Cat(1, cell)[: cell_bits + 1]),
                    note.data.eq(Mux(state, found[0], found[1])),
                ]
                m.d.sync += [second.eq(0), waited.eq(0), side.eq(0), slope.eq(0), bright.eq(0)]
                m.next = "NEXT"
                with m.If(found[0][-1] | found[1][-1]):
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.d.comb += self.dither_on.eq(1)
                m.d.sync += waited.eq(waited + 1)
                with m.If(stopping):
                    m.next = "BEGIN"
                with m.Elif(waited >= self.wait):
                    m.d.comb += probe.start.eq(1)
                    m.d.sync += waited.eq(0)
                    m.next = "PROBE"
            with m.State("PROBE"):
                m.d.comb += self.dither_on.eq(1)
                with m.If(stopping):
                    m.d.comb += probe.stop.eq(1)
                    m.next = "BEGIN"
                with m.Elif(probe.done):
                    m.d.sync += [
                        slope.eq(Mux(second, slope - dark, dark)),
                        bright.eq(bright + lit),
                        second.eq(1),
                    ]
                    m.next = "WAIT"
                    with m.If(probe.silent):
                        m.d.sync += [bright.eq(0), ratio.eq(0)]
                        m.next = "LOST"
                    with m.Elif(second):
                        m.next = "CHECK"
            with m.State("CHECK"):
                magnitude = Mux(slope < 0, -slope, slope)
                m.d.sync += [
                    negative.eq(slope < 0),
                    rest.eq(magnitude),
                    divisor.eq(bright),
                    ratio.eq(0),
                    turns.eq(0),
                ]
                m.next = "DIVIDE"
                with m.If((bright < self.floor) | (bright <= 0)):
                    m.next = "LOST"
                with m.Elif(magnitude >= bright):
                    m.d.sync += ratio.eq((1 << RATIO_BITS) - 1)
                    m.next = "SCALE"
            with m.State("DIVIDE"):
                twice = rest << 1
                fits = twice >= divisor
                m.d.sync += [
                    rest.eq(Mux(fits, twice - divisor, twice)),
                    ratio.eq(Cat(fits, ratio)),
                    turns.eq(turns + 1),
                ]
                with m.If(turns == RATIO_BITS - 1):
                    m.next = "SCALE"
            with m.State("SCALE"):
                m.d.sync += move.eq(Mux(shifted > most, most, shifted))
                m.next = "ADD"
            with m.State("ADD"):
                m.d.sync += new.eq(Mux(negative, kept.data + move, kept.data - move))
                m.next = "MOVE"
            with m.State("MOVE"):
                # After a change the move would go to the other state's integrator.
                m.next = "BEGIN"
                with m.If(~stopping):
                    m.d.comb += [
                        keep.en.eq(1),
                        keep.addr.eq(kept.addr),
                        keep.data.eq(held_value),
                        self.trim_write.eq(1),
                        self.trim_value.eq(held_value >> FRACTION),
                        self.visited.eq(1),
                        self.limited.eq(new != held_value),
                    ]
                    m.d.sync += good.eq(good & ~sick)
                    m.next = "NEXT"
            with m.State("LOST"):
                m.next = "BEGIN"
                with m.If(~stopping):
                    m.d.comb += [self.visited.eq(1), self.held.eq(1)]
                    m.d.sync += good.eq(0)
                    m.next = "NEXT"
            with m.State("NEXT"):
                m.d.sync += cell.eq(following)
                m.next = "FEED"
                with m.If(stopping):
                    m.next = "BEGIN"
                with m.Elif(cell == top):
                    m.d.comb += self.round.eq(1)
                    m.d.sync += self.locked.eq(good)
                    m.next = "BEGIN"
        swing = Signal(signed(12))
        m.d.comb += [
            swing.eq(self.amplitude),
            self.dither_value.eq(Mux(second, -swing, swing)),
        ]
        with m.If(self.change):
            m.d.sync += self.locked.eq(0)
        return m
