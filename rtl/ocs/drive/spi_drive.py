"""The drive with SPI DACs on its codes: what fails on the pins parks the heaters."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from lightloom.rtl.ocs.drive.dac_chain import DacChains
from lightloom.rtl.ocs.drive.drive import Drive
from lightloom.rtl.ocs.drive.parts import LTC2668, DacPart

__all__ = ["SpiDrive"]

_INNER = ("codes", "clear")
"""Inputs of the chains that the drive has."""


class SpiDrive(wiring.Component):
    """`Drive` and `DacChains`, joined by the codes one way and by the park the other.

    While the drive holds its codes at 0 the DACs are held clear by their CLR wire, so a park is at
    the pins two clocks later, not an update. A chain that fails clears all DACs in the same way in
    the next clock and parks the drive, so that the frames that go on carry 0: a chain whose CLR is
    cut is parked by SPI. Both stay until `clear_faults`.

    Latency, throughput, reset: those of the two.

    Parameters
    ----------
    cells, dac_bits, clock_mhz, neighbours : int, int, float, int
        As `Drive`.
    devices, part : int, DacPart
        As `DacChains`.

    Members
    -------
    All of `Drive`, and of `DacChains` all but `codes` and `clear`; `parked` is an input as there,
    `held` says that the heaters are parked, for whatever reason.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    def __init__(
        self,
        cells: int,
        dac_bits: int,
        clock_mhz: float,
        *,
        neighbours: int = 8,
        devices: int = 4,
        part: DacPart = LTC2668,
    ) -> None:
        """Make both, and the ports."""
        self._drive = Drive(cells, dac_bits, clock_mhz, neighbours=neighbours)
        self._chains = DacChains(cells, dac_bits, clock_mhz, devices=devices, part=part)
        self.timing = self._chains.timing
        members = dict(self._drive.signature.members.items())
        pins = {k: v for k, v in self._chains.signature.members.items() if k not in _INNER}
        super().__init__({**members, **pins})

    def elaborate(self, platform: object) -> Module:
        """Join them."""
        m = Module()
        m.submodules.drive = drive = self._drive
        m.submodules.chains = chains = self._chains
        for block in (drive, chains):
            for name, member in block.signature.members.items():
                if block is chains and name in _INNER:
                    continue
                if member.flow == Out:
                    m.d.comb += self._port(name).eq(getattr(block, name))
                elif name != "parked":
                    m.d.comb += getattr(block, name).eq(self._port(name))
        m.d.comb += [
            chains.codes.eq(drive.codes),
            chains.clear.eq(drive.held),
            drive.parked.eq(self._port("parked") | chains.failed),
        ]
        return m

    def _port(self, name: str) -> Signal:
        return getattr(self, name)
