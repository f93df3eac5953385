"""Light of one source at the taps of one cell, told from all other light by its pilot."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["MOST_GROUPS", "MOST_REPEATS", "TAPS", "Probe", "sum_bits"]

TAPS = (
    "sample_valid",
    "sample_channel",
    "sample_value",
    "channel",
    "pilot_on",
    "pilot_source",
    "pilot_level",
)
"""Members that go to the chip: converter and pilots."""
_PASSED = ("groups", "repeats", "guard", "patience", *TAPS)

MOST_GROUPS = 10
"""Largest `groups`: 2**10 groups of four slots."""
MOST_REPEATS = 6
"""Largest `repeats`: 2**6 samples of a tap in a slot."""


def sum_bits(sample_bits: int) -> int:
    """Width of a sum of `Probe`: 2**12 slots of 2**6 samples, and the sign."""
    return sample_bits + MOST_GROUPS + 2 + MOST_REPEATS + 1


class Probe(wiring.Component):
    """Measure how much light of one source is at the upper and at the lower tap of a cell.

    A tap adds up the light of both inputs of its cell, and lasers of equal power leave no contrast
    between bar and cross. So one source is marked: in time slots, its power is a little higher or
    lower as `pilot_level` asks (a laser's bias, an attenuator at the input port, or on and off in
    calibration). Samples of high slots count positive, of low ones negative; what is constant, the
    light of all other sources, drops out, and of the marked one stays the depth of the pilot. Slots
    come as high, low, low, high, so that what drifts linearly drops out too.

    In each slot it waits `guard` clocks and takes the first sample that comes then of one tap, and
    the first 2**`repeats` of the other one, `tap`, where little light is to be found. The sums are
    as if both had given that many. `channel` is the one that it still needs, for converters that
    can be steered; a scan will do. `guard` covers the pilot's response and the latency of the
    converter.

    Observable: the intensity of the marked source's light, whatever way it took to the cell.
    Not observable: light that carries no pilot, and the optical phase.

    Latency: 4 * 2**`groups` slots. Reset: idle. `start` while busy begins anew.

    Parameters
    ----------
    cells : int
        1 to 4096.
    sources : int
        1 to 4096.
    sample_bits : int
        8 to 16.

    Members
    -------
    start, stop : In(1)
        Begin; give up without `done`.
    cell, source : In(bits of cells), In(bits of sources)
        Held while busy.
    tap : In(1)
        1 = lower. Held while busy.
    groups, repeats, guard, patience : In(4), In(3), In(16), In(16)
        Two to the power of `groups` groups of four slots, at most 10; see above, at most 6; clocks;
        clocks to wait for a sample.
    sample_valid, sample_channel, sample_value : In(1), In(bits of cells + 1), In(sample_bits)
        Samples; channel 2 * cell is the upper tap, the next one the lower.
    channel : Out(bits of cells + 1)
        Wanted next.
    pilot_on, pilot_source, pilot_level : Out(1), Out(bits of sources), Out(1)
        Mark this source now; its level.
    busy, done : Out(1)
        Measuring; one clock: the sums hold until the next start.
    silent : Out(1)
        With `done`: a sample did not come in time, the sums are void.
    upper, lower : Out(signed(sum_bits))
        Sums.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    start: Signal
    stop: Signal
    cell: Signal
    source: Signal
    tap: Signal
    groups: Signal
    repeats: Signal
    guard: Signal
    patience: Signal
    sample_valid: Signal
    sample_channel: Signal
    sample_value: Signal
    channel: Signal
    pilot_on: Signal
    pilot_source: Signal
    pilot_level: Signal
    busy: Signal
    done: Signal
    silent: Signal
    upper: Signal
    lower: Signal

    def __init__(self, cells: int, sources: int, *, sample_bits: int = 12) -> None:
        """Check the parameters and make the ports."""
        for name, value, low, high in (
            ("cells", cells, 1, 4096),
            ("sources", sources, 1, 4096),
            ("sample_bits", sample_bits, 8, 16),
        ):
            if not low <= value <= high:
                raise ValueError(f"{name} = {value!r}; allowed: {low} to {high}")
        cell_bits = max((cells - 1).bit_length(), 1)
        source_bits = max((sources - 1).bit_length(), 1)
        total = signed(sum_bits(sample_bits))
        super().__init__(
            {
                "start": In(1),
                "stop": In(1),
                "cell": In(cell_bits),
                "source": In(source_bits),
                "tap": In(1),
                "groups": In(4),
                "repeats": In(3),
                "guard": In(16),
                "patience": In(16),
                "sample_valid": In(1),
                "sample_channel": In(cell_bits + 1),
                "sample_value": In(sample_bits),
                "channel": Out(cell_bits + 1),
                "pilot_on": Out(1),
                "pilot_source": Out(source_bits),
                "pilot_level": Out(1),
                "busy": Out(1),
                "done": Out(1),
                "silent": Out(1),
                "upper": Out(total),
                "lower": Out(total),
            }
        )

    def passed(self) -> dict[str, wiring.Member]:
        """Members of a block with this probe in it."""
        return {name: self.signature.members[name] for name in _PASSED}

    def join(self, m: Module, block: wiring.Component) -> None:
        """Connect these members to those of the block, in its module."""
        for name, member in self.passed().items():
            mine, theirs = getattr(self, name), getattr(block, name)
            m.d.comb += mine.eq(theirs) if member.flow is In else theirs.eq(mine)

    def elaborate(self, platform: object) -> Module:
        """Build the slots and the sums."""
        m = Module()
        slot = Signal(MOST_GROUPS + 2)
        last = Signal.like(slot)
        repeats = Signal(range(MOST_REPEATS + 1))
        left = Signal(range((1 << MOST_REPEATS) + 1))
        waited = Signal(16)
        guarding = Signal()
        other = Signal()
        level = self.pilot_level
        m.d.comb += [
            last.eq((4 << Mux(self.groups > MOST_GROUPS, MOST_GROUPS, self.groups)) - 1),
            repeats.eq(Mux(self.repeats > MOST_REPEATS, MOST_REPEATS, self.repeats)),
            self.pilot_on.eq(self.busy),
            self.pilot_source.eq(self.source),
            level.eq(slot[0] == slot[1]),
            self.channel.eq(Cat(self.tap ^ (left == 0), self.cell)),
        ]
        # One sample of a slot's other tap counts as many as all of the first.
        ours = self.sample_channel[0] == self.tap
        size = Mux(ours, self.sample_value, self.sample_value << repeats)
        value = Mux(level, size, -size)
        fits = self.busy & ~guarding & self.sample_valid & (self.sample_channel[1:] == self.cell)
        takes = Signal()
        full = Signal()
        m.d.comb += [
            takes.eq(fits & Mux(ours, left != 0, ~other)),
            full.eq(takes & Mux(ours, (left == 1) & other, left == 0)),
        ]
        m.d.sync += self.done.eq(0)
        with m.If(self.start):
            m.d.sync += [
                self.busy.eq(1),
                self.silent.eq(0),
                self.upper.eq(0),
                self.lower.eq(0),
                slot.eq(0),
                guarding.eq(1),
                waited.eq(0),
            ]
        with m.Elif(self.stop):
            m.d.sync += self.busy.eq(0)
        with m.Elif(self.busy & guarding):
            m.d.sync += [waited.eq(waited + 1), left.eq(1 << repeats), other.eq(0)]
            with m.If(waited >= self.guard):
                m.d.sync += [guarding.eq(0), waited.eq(0)]
        with m.Elif(self.busy):
            m.d.sync += waited.eq(waited + 1)
            with m.If(takes):
                m.d.sync += waited.eq(0)
                with m.If(ours):
                    m.d.sync += left.eq(left - 1)
                with m.Else():
                    m.d.sync += other.eq(1)
                with m.If(self.sample_channel[0]):
                    m.d.sync += self.lower.eq(self.lower + value)
                with m.Else():
                    m.d.sync += self.upper.eq(self.upper + value)
                with m.If(full):
                    m.d.sync += [guarding.eq(1), slot.eq(slot + 1)]
                    with m.If(slot == last):
                        m.d.sync += [self.busy.eq(0), self.done.eq(1)]
            with m.Elif(waited >= self.patience):
                m.d.sync += [self.busy.eq(0), self.done.eq(1), self.silent.eq(1)]
        return m
