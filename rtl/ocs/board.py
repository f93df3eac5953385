"""Top of a board with a switch chip: the controller, and what its codes leave it by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from lightloom.rtl import verilog
from lightloom.rtl.csr import axi_lite
from lightloom.rtl.csr.rdl import Description
from lightloom.rtl.csr.split import Split
from lightloom.rtl.ocs.controller import Controller
from lightloom.rtl.ocs.drive import pins
from lightloom.rtl.ocs.drive.pins import Pins
from lightloom.rtl.ocs.drive.sigma_delta import Pwm, SigmaDelta
from lightloom.rtl.ocs.registers import ADDR_WIDTH
from lightloom.spec.rtl_manifest import RtlManifest

__all__ = ["DRIVES", "PINS", "Board"]

DRIVES = ("parallel", "pwm", "sigma_delta", "spi")
PINS = (1 << ADDR_WIDTH) - (1 << pins.ADDR_WIDTH)
"""Address of the registers of the serial parts."""
_INNER = ("csr", "codes", "hold", "park", "interrupt")
"""Members of `Pins` that do not leave the board's top; nor do the samples."""
_SAMPLES = ("sample_valid", "sample_channel", "sample_value")
_LIGHT = ("light", "light_out")
"""Asynchronous inputs, with `monitors`."""
_HIDDEN = ("csr", "dac_codes", "interrupt", "fault", "held", *_LIGHT)


class Board(wiring.Component):
    """`Controller` with the outputs of a board behind its codes.

    | `drive` | heaters | taps |
    | --- | --- | --- |
    | ``parallel`` | `dac_codes`, as of the controller | sample members of the controller |
    | ``pwm``, ``sigma_delta`` | `heaters`, a switch each; codes are powers | the same |
    | ``spi`` | chains of LTC2668 on `dac_...` | AD7490 on `adc_...`, always with `monitors` |

    With ``spi``, a chain of DACs that fails clears all DACs, and is a `fault` of the controller:
    its map and its drive are parked from the next clock on, `supply_off` rises, and commits are
    refused until software writes `pins.control.clear_dac`. The watchdog and a park by command clear
    the DACs by their CLR wire too, and raise `supply_off`. An ADC that fails gives no samples: the
    lock holds the cells whose samples do not come. The registers of the parts are those of
    `pins.rdl`, from ``PINS`` on, as ``pins.<name>``.

    Latency: as `Controller`, and of `heaters` a clock (sigma-delta) or a period (PWM) more, of
    the DACs one to two updates, see `DacChains`; from a fault to the CLR wire one clock. Reset:
    parked, `supply_off` high. Throughput, back-pressure: as `Controller`.

    Parameters
    ----------
    ports, dac_bits, clock_mhz, topology, settle_us, neighbours, monitors
        As `Controller`.
    drive : str
        One of `DRIVES`.
    devices : int
        DACs in a chain, 1 to 16.

    Members
    -------
    csr : In(axi_lite.Signature(addr_width=16, data_width=32))
        All registers.
    busy, done, error, cell_states : Out
        As `Controller`.
    interrupt : Out(1)
        That of the controller, or a serial part failed.
    supply_off : Out(1)
        Heaters are parked: for the switch of their supply.
    light, light_out : In(ports), with `monitors`
        Detectors at the inputs and outputs, asynchronous; 0 where there is none.
    pilot_on, pilot_source, pilot_level : Out, with `monitors`
        As `Controller`.
    dac_codes : Out(cells * dac_bits), with ``parallel``
        As `Controller`.
    heaters : Out(cells), with ``pwm`` and ``sigma_delta``
        One bit a heater.
    channel, sample_valid, sample_channel, sample_value : with `monitors`, not with ``spi``
        As `Controller`.
    dac_sck, dac_cs_n, dac_clr_n, dac_sdi, dac_sdo, adc_sck, adc_cs_n, adc_din, adc_dout : ``spi``
        As `Pins`.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    csr: axi_lite.Interface

    def __init__(
        self,
        ports: int,
        dac_bits: int,
        clock_mhz: float,
        *,
        drive: str = "spi",
        topology: str = "benes",
        settle_us: float = 60.0,
        neighbours: int = 8,
        monitors: bool = False,
        devices: int = 4,
    ) -> None:
        """Check the parameters and make the parts and ports."""
        if drive not in DRIVES:
            raise ValueError(f"drive = {drive!r}; allowed: {', '.join(DRIVES)}")
        self.drive = drive
        self.monitors = monitors or drive == "spi"
        self._controller = Controller(
            ports,
            dac_bits,
            clock_mhz,
            topology=topology,
            settle_us=settle_us,
            neighbours=neighbours,
            monitors=self.monitors,
            root=drive in ("parallel", "spi"),
        )
        self.ports, self.cells = ports, self._controller.cells
        self.parameters = {
            "ports": ports,
            "dac_bits": dac_bits,
            "clock_mhz": clock_mhz,
            "drive": drive,
            "topology": topology,
            "settle_us": settle_us,
            "neighbours": neighbours,
            "monitors": int(self.monitors),
            "devices": devices,
        }
        self._pins = Pins(self.cells, dac_bits, clock_mhz, devices=devices) if self._spi else None
        self.description = self._registers()
        inner = dict(self._controller.signature.members)
        hidden = {*_HIDDEN, *((*_SAMPLES, "channel") if self._spi else ())}
        members: dict[str, Any] = {
            "csr": In(axi_lite.Signature(addr_width=ADDR_WIDTH)),
            "interrupt": Out(1),
            "supply_off": Out(1),
            **{name: member for name, member in inner.items() if name not in hidden},
        }
        if self.monitors:
            members |= dict.fromkeys(_LIGHT, In(ports))
        if drive == "parallel":
            members["dac_codes"] = inner["dac_codes"]
        elif self._pins is not None:
            for name, member in self._pins.signature.members.items():
                if name not in (*_INNER, *_SAMPLES):
                    members[name] = member
        else:
            members["heaters"] = Out(self.cells)
        super().__init__(members)

    @property
    def _spi(self) -> bool:
        return self.drive == "spi"

    def _registers(self) -> Description:
        """Those of the controller, and of the parts behind them."""
        whole = self._controller.description
        if self._pins is None:
            return whole
        more = tuple(
            replace(register, name=f"pins.{register.name}", address=PINS + register.address)
            for register in self._pins.description.registers
        )
        return replace(whole, name="ocs_board", registers=whole.registers + more)

    def elaborate(self, platform: object) -> Module:
        """Join the parts."""
        m = Module()
        m.submodules.controller = controller = self._controller
        m.d.comb += [
            self._port("interrupt").eq(controller.interrupt),
            self._port("supply_off").eq(controller.held),
        ]
        for name, member in controller.signature.members.items():
            if name in self.signature.members and name not in ("csr", "interrupt", *_LIGHT):
                mine, theirs = self._port(name), getattr(controller, name)
                m.d.comb += theirs.eq(mine) if member.flow is In else mine.eq(theirs)
        if self.monitors:
            for name in _LIGHT:
                m.submodules[name] = FFSynchronizer(self._port(name), getattr(controller, name))
        if self._pins is not None:
            self._serial(m, controller, self._pins)
            return m
        wiring.connect(m, wiring.flipped(self.csr), controller.csr)
        if self.drive != "parallel":
            kind = Pwm if self.drive == "pwm" else SigmaDelta
            m.submodules.bits = bits = kind(self.cells, controller.dac_bits)
            m.d.comb += [
                bits.codes.eq(controller.dac_codes),
                bits.off.eq(controller.held),
                self._port("heaters").eq(bits.o),
            ]
        return m

    def _serial(self, m: Module, controller: Controller, parts: Pins) -> None:
        """Serial parts behind the codes and before the lock."""
        m.submodules.pins = parts
        m.submodules.split = split = Split(ADDR_WIDTH, pins.ADDR_WIDTH)
        wiring.connect(m, wiring.flipped(self.csr), split.bus)
        wiring.connect(m, split.lower, controller.csr)
        wiring.connect(m, split.upper, parts.csr)
        for name, member in parts.signature.members.items():
            if name in _SAMPLES:
                m.d.comb += getattr(controller, name).eq(getattr(parts, name))
            elif name not in _INNER:
                mine, theirs = self._port(name), getattr(parts, name)
                m.d.comb += theirs.eq(mine) if member.flow is In else mine.eq(theirs)
        m.d.comb += [
            parts.codes.eq(controller.dac_codes),
            parts.hold.eq(controller.held),
            controller.fault.eq(parts.park),
            self._port("interrupt").eq(controller.interrupt | parts.interrupt),
            self._port("supply_off").eq(controller.held | parts.park),
        ]

    def _port(self, name: str) -> Any:
        return getattr(self, name)

    def generate(self, directory: Path) -> RtlManifest:
        """Write the top as `ocs_board.v` with its manifest into `directory`."""
        asynchronous = {*_LIGHT, "dac_sdo", "adc_dout"} & set(self.signature.members)
        return verilog.emit(
            self,
            "ocs_board",
            directory=directory,
            domains=dict.fromkeys(sorted(asynchronous), ""),
            parameters=self.parameters,
            registers=self.description.manifest(),
        )
