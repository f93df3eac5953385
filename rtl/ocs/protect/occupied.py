"""Which outputs of a fabric the active map uses."""

from __future__ import annotations

from amaranth import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer

__all__ = ["Occupied"]


class Occupied(wiring.Component):
    """Walk once over the inputs of a new map and note their outputs.

    Latency: `used` is that of the map and `ready` high ``ports`` + 1 clocks after the last
    `change`. Reset: nothing is used, as in a parked fabric.

    Parameters
    ----------
    ports : int
        2 to 256.

    Members
    -------
    map_destinations, map_valid : In(ports * bits), In(ports)
        Active map; new with `change` and else the same.
    change : In(1)
        The map is new in this clock.
    used : Out(ports)
        Outputs that have an input.
    ready : Out(1)
        `used` is that of the map; low with `change`.

    Raises
    ------
    ValueError
        `ports` is out of range.
    """

    map_destinations: Signal
    map_valid: Signal
    change: Signal
    used: Signal
    ready: Signal

    def __init__(self, ports: int) -> None:
        """Check the size and make the ports."""
        check_integer("ports", ports, 2, 256)
        self.ports = ports
        self.bits = (ports - 1).bit_length()
        super().__init__(
            {
                "map_destinations": In(ports * self.bits),
                "map_valid": In(ports),
                "change": In(1),
                "used": Out(ports),
                "ready": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the walk."""
        m = Module()
        ports, bits = self.ports, self.bits
        at = Signal(range(ports))
        walking = Signal()
        outputs = Array(self.map_destinations.word_select(i, bits) for i in range(ports))
        m.d.comb += self.ready.eq(~walking & ~self.change)
        with m.If(self.change):
            m.d.sync += [walking.eq(1), at.eq(0), self.used.eq(0)]
        with m.Elif(walking):
            m.d.sync += [at.eq(at + 1), walking.eq(at != ports - 1)]
            with m.If(self.map_valid.bit_select(at, 1)):
                m.d.sync += self.used.bit_select(outputs[at], 1).eq(1)
        return m
