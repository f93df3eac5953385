"""Light at the ports of a chip: debounced at inputs and outputs, and when outputs can be judged."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer
from lightloom.rtl.ocs.light import LightMonitor

__all__ = ["MARGIN", "PortLight"]

MARGIN = 8
"""Clocks beyond the debounce: synchronizers of a board, and the registers of the monitors."""


class PortLight(wiring.Component):
    """Debounce a sensor at each input and output, by one `LightMonitor` each.

    Light at an output is dark while cells move. `calm` says that `out_lit` is that of the active
    map: nothing was `busy` for the longer of `down` and `up`, and `MARGIN` clocks.

    Latency: `lit` and `out_lit` as `LightMonitor`; `calm` falls with `busy`. Reset: all dark.

    Parameters
    ----------
    ports : int
        2 to 256.

    Members
    -------
    light, light_out : In(ports)
        Sensors at inputs and outputs, 1 = light; in this clock domain.
    down, up : In(16)
        Clocks of darkness and light that count.
    busy : In(1)
        Cells move, or no map is active.
    map_valid : In(ports)
        Inputs of the active map.
    lit, out_lit : Out(ports)
        Debounced. Registered.
    calm : Out(1)
        See above.
    lost : Out(1)
        Pulse: an input of the active map became dark.

    Raises
    ------
    ValueError
        `ports` is out of range.
    """

    light: Signal
    light_out: Signal
    down: Signal
    up: Signal
    busy: Signal
    map_valid: Signal
    lit: Signal
    out_lit: Signal
    calm: Signal
    lost: Signal

    def __init__(self, ports: int) -> None:
        """Check the size and make the ports."""
        check_integer("ports", ports, 2, 256)
        self.ports = ports
        super().__init__(
            {
                "light": In(ports),
                "light_out": In(ports),
                "down": In(16),
                "up": In(16),
                "busy": In(1),
                "map_valid": In(ports),
                "lit": Out(ports),
                "out_lit": Out(ports),
                "calm": Out(1),
                "lost": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the monitors and the wait."""
        m = Module()
        for kind, sensors, states in (
            ("in", self.light, self.lit),
            ("out", self.light_out, self.out_lit),
        ):
            for i in range(self.ports):
                m.submodules[f"{kind}_{i}"] = monitor = LightMonitor(1)
                m.d.comb += [
                    monitor.light.eq(sensors[i]),
                    monitor.votes.eq(1),
                    monitor.down.eq(self.down),
                    monitor.up.eq(self.up),
                    states[i].eq(monitor.lit),
                ]
        was = Signal(self.ports)
        m.d.sync += was.eq(self.lit)
        m.d.comb += self.lost.eq((was & ~self.lit & self.map_valid).any())

        quiet = Signal(17)
        waited = Signal()
        longer = Mux(self.down > self.up, self.down, self.up)
        with m.If(self.busy):
            m.d.sync += [quiet.eq(0), waited.eq(0)]
        with m.Elif(quiet >= longer + MARGIN):
            m.d.sync += waited.eq(1)
        with m.Else():
            m.d.sync += quiet.eq(quiet + 1)
        m.d.comb += self.calm.eq(waited & ~self.busy)
        return m
