"""The digital side of the co-simulation of a switch chip."""

from __future__ import annotations

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from lightloom.rtl.ocs.drive.drive import Drive
from lightloom.rtl.ocs.lock.locks import Locks

__all__ = ["LockedDrive"]

_BETWEEN = (
    "trim_write",
    "trim_cell",
    "trim_value",
    "dither_on",
    "dither_cell",
    "dither_value",
    "settled",
)


class LockedDrive(wiring.Component):
    """`Locks` and `Drive` of one chip, as its controller has them, with all their ports.

    Parameters
    ----------
    topology, ports
        See `Locks`.
    dac_bits, clock_mhz, neighbours
        See `Drive`.
    """

    def __init__(
        self, topology: str, ports: int, dac_bits: int, clock_mhz: float, neighbours: int
    ) -> None:
        """Make the parts and the ports."""
        self.locks = Locks(topology, ports)
        self.drive = Drive(self.locks.cells, dac_bits, clock_mhz, neighbours=neighbours)
        members = dict(self.locks.signature.members)
        for name, member in self.drive.signature.members.items():
            if name not in _BETWEEN:
                members.setdefault(name, member)
        for name in _BETWEEN:
            members[name] = dict(self.locks.signature.members)[name]
        members["settled"] = dict(self.drive.signature.members)["settled"]
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Join them."""
        m = Module()
        m.submodules.locks, m.submodules.drive = self.locks, self.drive
        for part in (self.locks, self.drive):
            for name, member in part.signature.members.items():
                mine, theirs = getattr(self, name), getattr(part, name)
                if name not in _BETWEEN:
                    m.d.comb += theirs.eq(mine) if member.flow is In else mine.eq(theirs)
        for name in _BETWEEN:
            source, sink = (
                (self.locks, self.drive) if name != "settled" else (self.drive, self.locks)
            )
            m.d.comb += [
                getattr(sink, name).eq(getattr(source, name)),
                getattr(self, name).eq(getattr(source, name)),
            ]
        return m
