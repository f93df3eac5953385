"""Whether light comes into a port: several sensors, debounced, and a vote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer
from lightloom.rtl.popcount import popcount

__all__ = ["DEBOUNCE_BITS", "LightMonitor", "Model"]

DEBOUNCE_BITS = 20
"""Bits of a debounce time: 4 ms at 250 MHz."""


@dataclass
class Model:
    """Golden model of `LightMonitor`: one call of `step` a clock."""

    sensors: int
    steady: list[int] = field(default_factory=list)
    """Debounced sensors, 1 = light."""
    counts: list[int] = field(default_factory=list)
    lit: int = 0
    fading: int = 0

    def __post_init__(self) -> None:
        """Start as after reset: dark."""
        self.steady = [0] * self.sensors
        self.counts = [0] * self.sensors

    def step(
        self, light: Sequence[int], mask: Sequence[int], votes: int, down: int, up: int
    ) -> None:
        """Take the sensors of one clock."""
        used = self.sensors - sum(mask)
        need = min(max(votes, 1), max(used, 1))

        def dark(states: Sequence[int]) -> bool:
            return sum(not s and not off for s, off in zip(states, mask, strict=True)) >= need

        lit = int(used > 0 and not dark(self.steady))
        self.fading = int(used == 0 or dark(light))
        for n, now in enumerate(light):
            if now == self.steady[n]:
                self.counts[n] = 0
            elif self.counts[n] + 1 >= (up if now else down):
                self.steady[n], self.counts[n] = now, 0
            else:
                self.counts[n] += 1
        self.lit = lit


class LightMonitor(wiring.Component):
    """Debounce each sensor of a port and count votes.

    A sensor turns when it has shown the other state for `up` (to light) or `down` (to dark) clocks
    in a row; 0 acts as 1. The port is dark when `votes` or more of its sensors are, or all that are
    used when fewer than `votes` are; masked ones do not count, and with all masked the port is
    dark. With `votes` from 2 to the number of used sensors less one, no single sensor, stuck or
    chattering, makes light out of darkness or darkness out of light.

    Latency: `lit` follows a sensor `up` or `down` + 1 clocks later, `fading` 1 clock later.
    Throughput: every clock, no back-pressure. Reset: dark.

    Parameters
    ----------
    sensors : int
        1 to 64.

    Members
    -------
    light : In(sensors)
        1 = light; in this clock domain.
    mask : In(sensors)
        Sensors that do not count.
    votes : In(7)
        Dark sensors that make the port dark; 0 acts as 1.
    down, up : In(20)
        Clocks.
    steady : Out(sensors)
        Debounced sensors. Registered.
    lit : Out(1)
        Light comes in. Registered.
    fading : Out(1)
        The vote on the sensors as they are, not debounced, says dark. Registered.

    Raises
    ------
    ValueError
        `sensors` is out of range.
    """

    light: Signal
    mask: Signal
    votes: Signal
    down: Signal
    up: Signal
    steady: Signal
    lit: Signal
    fading: Signal

    def __init__(self, sensors: int) -> None:
        """Check the parameter and make the ports."""
        check_integer("sensors", sensors, 1, 64)
        self.sensors = sensors
        super().__init__(
            {
                "light": In(sensors),
                "mask": In(sensors),
                "votes": In(7),
                "down": In(DEBOUNCE_BITS),
                "up": In(DEBOUNCE_BITS),
                "steady": Out(sensors),
                "lit": Out(1),
                "fading": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the counts and the vote."""
        m = Module()
        for n in range(self.sensors):
            count = Signal(DEBOUNCE_BITS, name=f"count_{n}")
            now, steady = self.light[n], self.steady[n]
            limit = Mux(now, self.up, self.down)
            with m.If(now == steady):
                m.d.sync += count.eq(0)
            with m.Elif(count + 1 >= limit):
                m.d.sync += [steady.eq(now), count.eq(0)]
            with m.Else():
                m.d.sync += count.eq(count + 1)
        used = Signal(7)
        need = Signal(7)
        wanted = Mux(self.votes == 0, 1, self.votes)
        m.d.comb += [
            used.eq(popcount(m, ~self.mask, name="used_sensors")),
            need.eq(Mux(wanted < used, wanted, used)),
        ]
        for name, states, result, invert in (
            ("steady", self.steady, self.lit, True),
            ("raw", self.light, self.fading, False),
        ):
            dark = Signal(7, name=f"{name}_dark")
            m.d.comb += dark.eq(
                popcount(m, Cat(~s & ~o for s, o in zip(states, self.mask, strict=True)), name=name)
            )
            # With none used, 0 of 0 are dark.
            m.d.sync += result.eq((dark < need) if invert else (dark >= need))
        return m
