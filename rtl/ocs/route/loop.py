"""One level of the looping algorithm: the components of a map and how their cells stand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Loop"]


class Loop(wiring.Component):
    """Walk the components of a partial permutation, one output pair each cycle.

    The inputs of a first-column cell go to different sub-networks, and so do the outputs of a
    last-column cell. So connections that share a cell hang together: in cycles, and where ports are
    idle in chains. A component has two orientations, one the other with upper and lower swapped.
    The walk begins at the lowest input that was not met yet and gives it the upper sub-network; the
    input that goes to the neighbour of its output gets the lower one; the walk goes on with the
    other input of that one's cell until the component closes. A chain that ends goes on backward
    from where it began. Inputs are held one-hot and the partner is found by comparing all
    destinations at once, so no inverse map is built.

    Cells that stand force the orientation of their component; one that is forced both ways, or in
    which light passes an unusable cell, is `bad`. A component that is not forced stands so that the
    idle ports at its ends lead to where they are wanted.

    Latency: ``done`` comes as many cycles after ``start`` as output pairs are used, at least 1 and
    at most `ports / 2`. With `check` ``conflict`` comes instead when two inputs have one output.
    Throughput: one map a walk. ``start`` begins anew at any time. No back-pressure.
    After reset no walk runs and the outputs are 0.

    Parameters
    ----------
    ports : int
        Size of the (sub-)network, a power of two from 4 to 128.
    check : bool
        Compare the outputs; without, two inputs must not have one.

    Members
    -------
    start : In(1)
        Begin a walk; the first step is made in this cycle.
    destinations : In(ports * log2(ports)), active : In(ports)
        Output of each input, input 0 lowest; inputs that have one. Held to the answer.
    fixed, value, unusable : In(ports)
        Cells of the first column, then of the last: stands, at which state; no light may pass.
    hungry_first, hungry_last : In(ports)
        Inputs, and outputs, of the upper and then the lower sub-network at which an idle port is
        wanted, for an unusable cell lies behind.
    first, last : Out(ports / 2)
        States of the cells of the first and last column, 1 = cross, when no component is flipped;
        valid from ``done`` until the next start, as all that follows.
    used, full : Out(ports / 2)
        Cells of the last column that a connection uses; that two use.
    row_part, pair_part : Out(ports / 2 * log2(ports / 2))
        Number of the component of each cell of the first and of the last column.
    forced, flip, bad : Out(ports / 2)
        Of each component: cells that stand decide; stands flipped at first; cannot be.
    done, conflict : Out(1)
        High for one cycle.

    Raises
    ------
    ValueError
        When `ports` is out of range.

    Ref: D. C. Opferman and N. T. Tsao-Wu, Bell Syst. Tech. J. 50, 1579 (1971).
    """

    start: Signal
    destinations: Signal
    active: Signal
    fixed: Signal
    value: Signal
    unusable: Signal
    hungry_first: Signal
    hungry_last: Signal
    first: Signal
    last: Signal
    used: Signal
    full: Signal
    row_part: Signal
    pair_part: Signal
    forced: Signal
    flip: Signal
    bad: Signal
    done: Signal
    conflict: Signal

    def __init__(self, ports: int, *, check: bool) -> None:
        """Check the size and make the ports."""
        if ports not in (4, 8, 16, 32, 64, 128):
            raise ValueError(f"ports = {ports!r}; allowed: a power of two from 4 to 128")
        self.ports = ports
        self.check = check
        bits = ports.bit_length() - 1
        rows = ports // 2
        super().__init__(
            {
                "start": In(1),
                "destinations": In(ports * bits),
                "active": In(ports),
                "fixed": In(ports),
                "value": In(ports),
                "unusable": In(ports),
                "hungry_first": In(ports),
                "hungry_last": In(ports),
                "first": Out(rows),
                "last": Out(rows),
                "used": Out(rows),
                "full": Out(rows),
                "row_part": Out(rows * (bits - 1)),
                "pair_part": Out(rows * (bits - 1)),
                "forced": Out(rows),
                "flip": Out(rows),
                "bad": Out(rows),
                "done": Out(1),
                "conflict": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the walk."""
        m = Module()
        ports, rows = self.ports, self.ports // 2
        bits = ports.bit_length() - 1
        wanted = [self.destinations.word_select(i, bits) for i in range(ports)]

        running = Signal()
        ahead = Signal(ports)  # one-hot: the input of the next step
        ahead_lower = Signal()
        ahead_begins = Signal()
        visited = Signal(ports)
        behind = Signal(ports)  # the other input of the cell in which the component began
        number = Signal(bits - 1)

        source = Signal(ports)
        lower = Signal()  # the source goes to the lower sub-network
        begins = Signal()
        before = Signal(ports)
        part = Signal(bits - 1)
        m.d.comb += [
            source.eq(Mux(self.start, _lowest(self.active), ahead)),
            lower.eq(~self.start & ahead_lower),
            begins.eq(self.start | ahead_begins),
            before.eq(Mux(self.start, 0, visited)),
            part.eq(Mux(self.start, 0, number)),
        ]
        target = Signal(bits)
        m.d.comb += target.eq(_chosen(source, wanted))
        found = Signal(ports)  # the inputs that go to this pair of outputs
        light = Signal()
        m.d.comb += [
            light.eq(source.any()),
            found.eq(
                Cat(w[1:] == target[1:] for w in wanted) & self.active & light.replicate(ports)
            ),
        ]
        partner = Signal(ports)
        seen = Signal(ports)
        onward = Signal(ports)
        rest = Signal(ports)
        back = Signal(ports)
        m.d.comb += [
            partner.eq(found & ~source),
            seen.eq(before | found),
            rest.eq(self.active & ~seen),
            onward.eq(_swapped(partner) & rest),
            back.eq(Mux(begins, _swapped(source), behind) & rest),
        ]

        step = Signal()
        twice = Signal()
        m.d.comb += step.eq(self.start | running)
        if self.check:
            odd = Cat(w[0] for w in wanted)
            m.d.comb += twice.eq(_several(found & odd) | _several(found & ~odd))
        goes_on = Signal()
        m.d.comb += goes_on.eq(step & rest.any() & ~twice)
        m.d.sync += [
            running.eq(goes_on),
            self.done.eq(step & ~rest.any() & ~twice),
            self.conflict.eq(step & twice),
        ]
        with m.If(step):
            m.d.sync += [visited.eq(seen), behind.eq(back), ahead_begins.eq(0)]
            with m.If(onward.any()):
                m.d.sync += [ahead.eq(onward), ahead_lower.eq(lower), number.eq(part)]
            with m.Elif(back.any()):
                m.d.sync += [ahead.eq(back), ahead_lower.eq(1), number.eq(part)]
            with m.Else():
                m.d.sync += [
                    ahead.eq(_lowest(rest)),
                    ahead_lower.eq(0),
                    ahead_begins.eq(1),
                    number.eq(part + 1),
                ]

        # Cells of this step, as they stand when the component is not flipped.
        here = Cat(source[2 * row : 2 * row + 2].any() for row in range(rows))
        there = Cat(partner[2 * row : 2 * row + 2].any() for row in range(rows))
        pair = Cat(target[1:] == row for row in range(rows)) & light.replicate(rows)
        here_state, there_state, pair_state = Signal(), Signal(), Signal()
        m.d.comb += [
            here_state.eq(Cat(source[1::2]).any() ^ lower),
            there_state.eq(Cat(partner[::2]).any() ^ lower),
            pair_state.eq(target[0] ^ lower),
        ]
        flips, stays, dark = Signal(), Signal(), Signal()
        met = Signal(ports)
        asks_cross = Signal(ports)
        m.d.comb += [
            met.eq(Cat(here | there, pair)),
            asks_cross.eq(
                Cat(
                    (here & here_state.replicate(rows)) | (there & there_state.replicate(rows)),
                    pair & pair_state.replicate(rows),
                )
            ),
        ]
        differs = self.fixed & met & (self.value ^ asks_cross)
        agrees = self.fixed & met & ~(self.value ^ asks_cross)
        was_flip, was_stay, was_dark = Signal(), Signal(), Signal()
        m.d.comb += [
            flips.eq(differs.any() | (was_flip & ~begins)),
            stays.eq(agrees.any() | (was_stay & ~begins)),
            dark.eq((self.unusable & met).any() | (was_dark & ~begins)),
        ]
        # Idle ports at the ends of a chain, two at most: do they go to the half that wants them?
        gains, loses, was_gain, was_lose = Signal(), Signal(), Signal(), Signal()
        ends = (
            (here, ~(_swapped(source) & self.active).any(), self.hungry_first, ~lower),
            (there, ~(_swapped(partner) & self.active).any(), self.hungry_first, lower),
            (pair, ~partner.any(), self.hungry_last, ~lower),
        )
        above = [idle & (cell & hungry[:rows]).any() for cell, idle, hungry, _ in ends]
        below = [idle & (cell & hungry[rows:]).any() for cell, idle, hungry, _ in ends]
        sides = [(up, down, end[3]) for up, down, end in zip(above, below, ends, strict=True)]
        m.d.comb += [
            gains.eq(
                Cat(Mux(low, down & ~up, up & ~down) for up, down, low in sides).any()
                | (was_gain & ~begins)
            ),
            loses.eq(
                Cat(Mux(low, up & ~down, down & ~up) for up, down, low in sides).any()
                | (was_lose & ~begins)
            ),
        ]
        with m.If(self.start):
            m.d.sync += [self.used.eq(0), self.full.eq(0)]
            m.d.sync += [self.forced.eq(0), self.flip.eq(0), self.bad.eq(0)]
        with m.If(step):
            m.d.sync += [
                was_flip.eq(flips),
                was_stay.eq(stays),
                was_dark.eq(dark),
                was_gain.eq(gains),
                was_lose.eq(loses),
                self.forced.bit_select(part, 1).eq(flips | stays),
                self.flip.bit_select(part, 1).eq(flips | (~stays & loses & ~gains)),
                self.bad.bit_select(part, 1).eq((flips & stays) | dark),
            ]
            for row in range(rows):
                with m.If(met[row]):
                    m.d.sync += [
                        self.first[row].eq(asks_cross[row]),
                        self.row_part.word_select(row, bits - 1).eq(part),
                    ]
                with m.If(pair[row]):
                    m.d.sync += [
                        self.last[row].eq(pair_state),
                        self.used[row].eq(1),
                        self.full[row].eq(partner.any()),
                        self.pair_part.word_select(row, bits - 1).eq(part),
                    ]
        return m


def _lowest(word: Value) -> Value:
    return word & (~word + 1)[: len(word)]


def _several(word: Value) -> Value:
    return (word & (word - 1)[: len(word)]).any()


def _swapped(word: Value) -> Value:
    return Cat(word[i ^ 1] for i in range(len(word)))


def _chosen(one_hot: Value, words: Sequence[Value]) -> Value:
    return reduce(or_, (w & bit.replicate(len(w)) for w, bit in zip(words, one_hot, strict=True)))
