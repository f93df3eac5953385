"""Lock and search of a switch chip behind one set of ports."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from lightloom.rtl.ocs.lock.dither import DitherLock
from lightloom.rtl.ocs.lock.sweep import Sweep

__all__ = ["Locks"]

_COMMON = (
    "sample_valid",
    "sample_channel",
    "sample_value",
    "groups",
    "repeats",
    "guard",
    "patience",
    "wait",
)
_TURNS = (
    "channel",
    "pilot_on",
    "pilot_source",
    "pilot_level",
    "trim_write",
    "trim_cell",
    "trim_value",
)


class Locks(wiring.Component):
    """`DitherLock` and `Sweep` of one chip; while a sweep runs the lock waits and keeps its trims.

    A sweep leaves its last trim in the drive; `clear` writes 0 over it. For 5 * cells clocks before
    a sweep, and during it, `change` and `clear` have to be low: what they make the lock write would
    meet the sweep's trims.

    Latency, throughput, reset: those of the parts.

    Parameters
    ----------
    topology, ports, sample_bits
        See `DitherLock`.

    Members
    -------
    sweep_start, sweep_stop, sweep_cell, sweep_source, sweep_tap, sweep_first, sweep_step,
    sweep_count, sweep_threshold, sweep_busy, sweep_done, sweep_silent, sweep_low, sweep_high,
    sweep_low_at, sweep_high_at, sweep_below_first, sweep_below_last, sweep_below, sweep_edge,
    sweep_parts
        Those of `Sweep`.
    others
        Those of `DitherLock`.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    enable: Signal
    sweep_busy: Signal

    def __init__(self, topology: str, ports: int, *, sample_bits: int = 12) -> None:
        """Check the parameters and make the ports."""
        self.lock = DitherLock(topology, ports, sample_bits=sample_bits)
        self.cells, self.inputs = self.lock.cells, self.lock.inputs
        self.sweep = Sweep(self.cells, self.inputs, sample_bits=sample_bits)
        members = dict(self.lock.signature.members)
        for name, member in self.sweep.signature.members.items():
            if name not in (*_COMMON, *_TURNS):
                members[f"sweep_{name}"] = member
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Give the shared ports to the one whose turn it is."""
        m = Module()
        m.submodules.lock = lock = self.lock
        m.submodules.sweep = sweep = self.sweep
        for part, prefix in ((lock, ""), (sweep, "sweep_")):
            for name, member in part.signature.members.items():
                mine = getattr(self, name if name in (*_COMMON, *_TURNS) else prefix + name)
                theirs = getattr(part, name)
                if name in _TURNS or (part is lock and name == "enable"):
                    continue
                m.d.comb += theirs.eq(mine) if member.flow is In else mine.eq(theirs)
        m.d.comb += lock.enable.eq(self.enable & ~sweep.busy)
        for name in _TURNS:
            mine = sweep.trim_write if name.startswith("trim") else sweep.busy
            m.d.comb += getattr(self, name).eq(Mux(mine, getattr(sweep, name), getattr(lock, name)))
        return m
