"""Table of protection groups: what software writes, and what is known of each group."""

from __future__ import annotations

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, enum, memory, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer

__all__ = ["PLACES", "Cause", "Table", "entry_layout", "mode_layout", "state_layout"]

PLACES = 3
"""Candidates of a group, the first the best."""
COUNT_BITS = 16


class Cause(enum.IntEnum, shape=3):
    """Why a group leaves a candidate."""

    NONE = 0
    LOSS = 1
    """Input and output are dark."""
    ALONE = 2
    """The input is dark, and the output has no sensor."""
    WAY = 3
    """The input is lit and the output dark: the way through the chip is lost."""
    RESTORE = 4
    """A better candidate is usable."""


def entry_layout(bits: int) -> data.StructLayout:
    """A candidate; `loopback`: usable without light at its input, and never lost."""
    return data.StructLayout({"input": bits, "output": bits, "valid": 1, "loopback": 1})


mode_layout = data.StructLayout({"enable": 1, "revertive": 1, "way": 1})
"""Modes of a group: switch it; return to a better candidate; leave one whose way is lost."""


def state_layout(time_bits: int) -> data.StructLayout:
    """What is known of a group; all 0 after it was cleared."""
    return data.StructLayout(
        {
            "pending": Cause,  # what holds now, since `since`, and for long enough: `over`
            "active": 2,  # candidate in the active map; PLACES is none
            "over": 1,
            "since": time_bits,
            "blocked": PLACES,
            "unproved": 1,  # the switch was made, and its output not seen lit since
            "way_done": 1,  # the one switch for a lost way was made
            "stranded": 1,  # lost, and no candidate is usable
            "disagree": 1,  # one end of the active route is lit, the other dark
            "flapping": 1,
            "flaps": 8,  # switches in the window, which began at `window_at`
            "window_at": time_bits,
            "cause": Cause,  # of the last switch
            "lost_at": time_bits,
            "switched_at": time_bits,
            "switches": COUNT_BITS,
            "losses": COUNT_BITS,
            "refusals": COUNT_BITS,
            "disagreements": COUNT_BITS,
        }
    )


class Table(wiring.Component):
    """Keep candidates and modes, written by software, and states, written by the scanner.

    Candidates and states are in memories. After reset all modes are 0 and all states count as 0,
    so that what the memories hold then does not matter; so does the state of a group whose mode is
    written, or that is cleared.

    Latency: what stands at `group`, `place` or the selection is there one clock later; modes and
    `fresh` at once. A write is read from the next clock on. Throughput: every clock, no
    back-pressure.

    Parameters
    ----------
    groups : int
        1 to 128.
    ports : int
        2 to 256.
    time_bits : int
        Bits of a time, 4 to 32.

    Members
    -------
    select_group, select_place : In(8), In(2)
        What software writes and reads; groups that are not there cannot be written.
    entry, entry_write : In(entry_layout(8)), In(1)
        Write a candidate; one with a port that is not there is not valid.
    mode, mode_write : In(mode_layout), In(1)
        Write the modes, and begin anew.
    clear, clear_all : In(1)
        Begin anew, of the selected group or all.
    shown_entry, shown_mode, shown_state : Out
        Of the selection.
    touched : Out(1)
        A candidate or mode is written in this clock.
    group, place : In(range(groups)), In(2)
        What the scanner reads.
    read_entry, read_mode, read_state : Out
        What stands there.
    fresh : Out(1)
        The state of `group` counts as 0.
    take : In(1)
        `fresh` was looked at.
    store, new_state : In(1), In(state_layout(time_bits))
        Write the state of `group`; it counts, unless the group began anew since `take`.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    select_group: Signal
    select_place: Signal
    entry: data.View
    entry_write: Signal
    mode: data.View
    mode_write: Signal
    clear: Signal
    clear_all: Signal
    shown_entry: data.View
    shown_mode: data.View
    shown_state: data.View
    touched: Signal
    group: Signal
    place: Signal
    read_entry: data.View
    read_mode: data.View
    read_state: data.View
    fresh: Signal
    take: Signal
    store: Signal
    new_state: data.View

    def __init__(self, groups: int, ports: int, time_bits: int = 32) -> None:
        """Check the sizes and make the ports."""
        check_integer("groups", groups, 1, 128)
        check_integer("ports", ports, 2, 256)
        check_integer("time_bits", time_bits, 4, 32)
        self.groups, self.ports = groups, ports
        self.bits = (ports - 1).bit_length()
        entry, state = entry_layout(self.bits), state_layout(time_bits)
        super().__init__(
            {
                "select_group": In(8),
                "select_place": In(2),
                "entry": In(entry_layout(8)),
                "entry_write": In(1),
                "mode": In(mode_layout),
                "mode_write": In(1),
                "clear": In(1),
                "clear_all": In(1),
                "shown_entry": Out(entry),
                "shown_mode": Out(mode_layout),
                "shown_state": Out(state),
                "touched": Out(1),
                "group": In(range(groups)),
                "place": In(2),
                "read_entry": Out(entry),
                "read_mode": Out(mode_layout),
                "read_state": Out(state),
                "fresh": Out(1),
                "take": In(1),
                "store": In(1),
                "new_state": In(state),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memories."""
        m = Module()
        shape = entry_layout(self.bits)
        m.submodules.entries = entries = memory.Memory(
            shape=shape.size, depth=4 * self.groups, init=[]
        )
        m.submodules.states = states = memory.Memory(
            shape=self.new_state.as_value().shape().width, depth=self.groups, init=[]
        )
        write, store = entries.write_port(), states.write_port()
        look, show = entries.read_port(), entries.read_port()
        look_state, show_state = states.read_port(), states.read_port()
        modes = [Signal(mode_layout, name=f"mode_{n}") for n in range(self.groups)]
        fresh = Signal(self.groups, init=-1)
        selected = Signal(range(self.groups))
        there = Signal()
        entry = Signal(shape)
        m.d.comb += [
            selected.eq(self.select_group),
            there.eq(self.select_group < self.groups),
            self.touched.eq(there & (self.entry_write | self.mode_write)),
            entry.input.eq(self.entry.input),
            entry.output.eq(self.entry.output),
            entry.valid.eq(
                self.entry.valid
                & (self.entry.input < self.ports)
                & (self.entry.output < self.ports)
            ),
            entry.loopback.eq(self.entry.loopback),
            write.en.eq(there & self.entry_write & (self.select_place < PLACES)),
            write.addr.eq(Cat(self.select_place, selected)),
            write.data.eq(entry),
            show.addr.eq(write.addr),
            look.addr.eq(Cat(self.place, self.group)),
            store.en.eq(self.store),
            store.addr.eq(self.group),
            store.data.eq(self.new_state),
            show_state.addr.eq(selected),
            look_state.addr.eq(self.group),
            self.shown_entry.eq(show.data),
            self.shown_mode.eq(Array(modes)[selected]),
            self.shown_state.eq(Mux(fresh.bit_select(selected, 1), 0, show_state.data)),
            self.read_entry.eq(look.data),
            self.read_mode.eq(Array(modes)[self.group]),
            self.read_state.eq(look_state.data),
            self.fresh.eq(fresh.bit_select(self.group, 1)),
        ]
        # What begins anew during a visit does so after it.
        again = Signal()
        with m.If(self.take):
            m.d.sync += again.eq(0)
        with m.If(self.store):
            m.d.sync += fresh.bit_select(self.group, 1).eq(again)
        for n, mode in enumerate(modes):
            mine = there & (selected == n)
            with m.If(mine & self.mode_write):
                m.d.sync += mode.eq(self.mode)
            with m.If((mine & (self.mode_write | self.clear)) | self.clear_all):
                m.d.sync += fresh[n].eq(1)
                with m.If(self.group == n):
                    m.d.sync += again.eq(1)
        return m
