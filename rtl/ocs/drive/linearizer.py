"""From heater power to DAC code: V^2-to-phase correction and square root."""

from __future__ import annotations

from amaranth import Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer
from lightloom.rtl.ocs.drive.square_root import SquareRoot

__all__ = ["GAIN_ONE", "Linearizer"]

GAIN_ONE = 1 << 15
"""Gain of 1: full power is the full-scale code."""


class Linearizer(wiring.Component):
    """Code of a heater power: ``sqrt(power * gain * (1 + curvature * power))``, saturating.

    The power of a heater is V^2 / R, and R rises with temperature, that is with power; V is the
    voltage of the DAC. `gain` is R over the R at which full power takes the full-scale voltage
    (1.15 bits), `curvature` is its relative change at full power (signed, 1.15 bits). The root is
    rounded down, so a code never gives more power than was asked for.

    Where the codes go to outputs whose mean is the power (PWM, sigma-delta), `root` is False and
    the code is what is under the root.

    Latency: ``latency`` = 4 + `dac_bits` clocks, 4 without the root. Throughput: one power a clock.
    No back-pressure. After reset the pipeline holds 0. Memories: gain 1 and curvature 0 where the
    technology can load memories; a reset does not change them.

    Parameters
    ----------
    cells : int
        1 to 4096.
    dac_bits : int
        1 to 16.
    root : bool
        Codes are voltages.

    Members
    -------
    cell : In(cell_bits)
        Whose power it is.
    power : In(16)
        65535 is full power.
    gain_write, curvature_write : In(1)
        Write `write_data` for `write_cell`.
    write_cell : In(cell_bits)
        Cell.
    write_data : In(16)
        Gain or curvature.
    code : Out(dac_bits)
        Code of the power of `latency` clocks before. Registered.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    cell: Signal
    power: Signal
    gain_write: Signal
    curvature_write: Signal
    write_cell: Signal
    write_data: Signal
    code: Signal

    def __init__(self, cells: int, dac_bits: int, *, root: bool = True) -> None:
        """Check the parameters and make the ports."""
        check_integer("cells", cells, 1, 4096)
        check_integer("dac_bits", dac_bits, 1, 16)
        self.cells = cells
        self.dac_bits = dac_bits
        self.root = root
        self.latency = 4 + dac_bits * root
        bits = max(1, (cells - 1).bit_length())
        super().__init__(
            {
                "cell": In(bits),
                "power": In(16),
                "gain_write": In(1),
                "curvature_write": In(1),
                "write_cell": In(bits),
                "write_data": In(16),
                "code": Out(dac_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memories and the pipeline."""
        m = Module()
        read = {}
        for name, shape, init, write in (
            ("gain", unsigned(16), [GAIN_ONE] * self.cells, self.gain_write),
            ("curvature", signed(16), [], self.curvature_write),
        ):
            m.submodules[name] = store = memory.Memory(shape=shape, depth=self.cells, init=init)
            port = store.write_port()
            read[name] = store.read_port()
            m.d.comb += [
                port.addr.eq(self.write_cell),
                port.data.eq(self.write_data),
                port.en.eq(write),
                read[name].addr.eq(self.cell),
            ]
        power = Signal(16)
        scaled = Signal(32)
        bend = Signal(signed(32))
        resistance = Signal(17)
        squared = Signal(49)
        radicand = Signal(32)
        m.d.comb += [
            bend.eq(read["curvature"].data * power),
        ]
        m.d.sync += [
            power.eq(self.power),
            scaled.eq(read["gain"].data * power),
            resistance.eq(GAIN_ONE + (bend >> 16)),
            squared.eq(scaled * resistance),
            radicand.eq(Mux(squared[46:].any(), Const(2**32 - 1, 32), squared[14:46])),
        ]
        if not self.root:
            m.d.comb += self.code.eq(radicand >> (32 - self.dac_bits))
            return m
        m.submodules.root = root = SquareRoot(self.dac_bits)
        m.d.comb += [root.i.eq(radicand >> (32 - 2 * self.dac_bits)), self.code.eq(root.o)]
        return m
