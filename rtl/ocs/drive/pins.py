"""All pins of a switch chip's board: DACs and ADCs with the registers that say what failed."""

from __future__ import annotations

from pathlib import Path

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl import verilog
from lightloom.rtl.csr import axi_lite, rdl
from lightloom.rtl.csr.bank import Bank
from lightloom.rtl.ocs.checks import check_integer
from lightloom.rtl.ocs.drive.adc_bank import AdcBank, AdcTiming
from lightloom.rtl.ocs.drive.dac_chain import DacChains, Timing
from lightloom.rtl.ocs.drive.parts import AD7490, LTC2668
from lightloom.spec.rtl_manifest import RtlManifest

__all__ = ["ADDR_WIDTH", "Pins", "registers"]

ADDR_WIDTH = 12
_TEXT = Path(__file__).with_name("pins.rdl")


def registers(cells: int, clock_mhz: float, *, devices: int = 4) -> rdl.Description:
    """Register description of `Pins`; parameters as there."""
    return rdl.load(
        _TEXT,
        "ocs_pins",
        {
            "CELLS": cells,
            "DEVICES": devices,
            "CHAINS": -(-cells // (LTC2668.channels * devices)),
            "ADCS": -(-2 * cells // AD7490.channels),
            "UPDATE": Timing(LTC2668, devices, clock_mhz).update,
            "ROUND": AdcTiming(AD7490, clock_mhz).round,
        },
    )


class Pins(wiring.Component):
    """`DacChains` and `AdcBank` of LTC2668 and AD7490 behind registers of their own.

    Beside a controller of a switch: its codes come in, samples go out to its locks, `park` goes
    to its park. A chain that fails clears all DACs at once and asks for the park; both, and what
    kind of fault it was, stay in the registers until software clears them. An ADC that fails is
    said there too, gives no samples, and parks nothing.

    Latency, throughput: those of the two; `park` comes in the clock of the fault. No back-pressure.
    After reset the DACs are held clear until a frame has come back.

    Parameters
    ----------
    cells : int
        Heaters, 1 to 2048; taps are twice as many.
    dac_bits : int
        Bits of a code, 1 to 16.
    clock_mhz : float
        Clock of ``sync``, above 0 to 10000.
    devices : int
        Chips in a chain, 1 to 16.

    Members
    -------
    csr : In(axi_lite.Signature(addr_width=12, data_width=32))
        Registers, described in `pins.rdl`.
    codes : In(cells * dac_bits)
        Cell 0 lowest.
    hold : In(1)
        The heaters are parked: hold the DACs clear.
    park : Out(1)
        A chain failed.
    interrupt : Out(1)
        A chain or an ADC failed.
    dac_sck, dac_cs_n, dac_clr_n, dac_sdi, dac_sdo : Out(1), Out(1), Out(1), Out(chains), In(chains)
        See `DacChains`.
    adc_sck, adc_cs_n, adc_din, adc_dout : Out(1), Out(1), Out(1), In(adcs)
        See `AdcBank`.
    sample_valid, sample_channel, sample_value : Out(1), Out(range(16 * adcs)), Out(12)
        Samples: channel 2 c is the upper output of cell `c`, 2 c + 1 the lower one.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    csr: axi_lite.Interface
    codes: Signal
    hold: Signal
    park: Signal
    interrupt: Signal
    dac_sck: Signal
    dac_cs_n: Signal
    dac_clr_n: Signal
    dac_sdi: Signal
    dac_sdo: Signal
    adc_sck: Signal
    adc_cs_n: Signal
    adc_din: Signal
    adc_dout: Signal
    sample_valid: Signal
    sample_channel: Signal
    sample_value: Signal

    def __init__(self, cells: int, dac_bits: int, clock_mhz: float, *, devices: int = 4) -> None:
        """Make both masters, which check the parameters, and the ports."""
        check_integer("cells", cells, 1, 2048)
        self._dacs = dacs = DacChains(cells, dac_bits, clock_mhz, devices=devices)
        self._adcs = adcs = AdcBank(2 * cells, clock_mhz)
        self.parameters = {
            "cells": cells,
            "dac_bits": dac_bits,
            "clock_mhz": clock_mhz,
            "devices": devices,
        }
        self.description = registers(cells, clock_mhz, devices=devices)
        super().__init__(
            {
                "csr": In(axi_lite.Signature(addr_width=ADDR_WIDTH)),
                "codes": In(cells * dac_bits),
                "hold": In(1),
                "park": Out(1),
                "interrupt": Out(1),
                "dac_sck": Out(1),
                "dac_cs_n": Out(1),
                "dac_clr_n": Out(1),
                "dac_sdi": Out(dacs.chains),
                "dac_sdo": In(dacs.chains),
                "adc_sck": Out(1),
                "adc_cs_n": Out(1),
                "adc_din": Out(1),
                "adc_dout": In(adcs.adcs),
                "sample_valid": Out(1),
                "sample_channel": Out(len(adcs.channel)),
                "sample_value": Out(len(adcs.value)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Join them and the registers."""
        m = Module()
        m.submodules.bank = bank = Bank(self.description, addr_width=ADDR_WIDTH)
        m.submodules.dacs = dacs = self._dacs
        m.submodules.adcs = adcs = self._adcs
        wiring.connect(m, wiring.flipped(self.csr), bank.bus)
        updates = Signal(32)
        m.d.sync += updates.eq(updates + dacs.update)
        m.d.comb += [
            dacs.codes.eq(self.codes),
            dacs.clear.eq(self.hold),
            dacs.clear_faults.eq(bank.signal("control.clear_dac")),
            dacs.sdo.eq(self.dac_sdo),
            self.dac_sck.eq(dacs.sck),
            self.dac_cs_n.eq(dacs.cs_n),
            self.dac_clr_n.eq(dacs.clr_n),
            self.dac_sdi.eq(dacs.sdi),
            adcs.clear_faults.eq(bank.signal("control.clear_adc")),
            adcs.dout.eq(self.adc_dout),
            self.adc_sck.eq(adcs.sck),
            self.adc_cs_n.eq(adcs.cs_n),
            self.adc_din.eq(adcs.din),
            self.sample_valid.eq(adcs.valid),
            self.sample_channel.eq(adcs.channel),
            self.sample_value.eq(adcs.value),
            self.park.eq(dacs.failed),
            self.interrupt.eq(dacs.failed | adcs.failed),
            bank.signal("status.dac_failed").eq(dacs.failed),
            bank.signal("status.adc_failed").eq(adcs.failed),
            bank.signal("status.cleared").eq(~dacs.clr_n),
            bank.signal("updates.value").eq(updates),
        ]
        for number in range(dacs.chains):
            m.d.comb += bank.signal(f"chain[{number}].kind").eq(dacs.kinds.word_select(number, 3))
        for number in range(adcs.adcs):
            m.d.comb += bank.signal(f"adc[{number}].kind").eq(adcs.kinds.word_select(number, 2))
        return m

    def generate(self, directory: Path) -> RtlManifest:
        """Write the block as `ocs_pins.v` with its manifest into `directory`.

        The stages of `latency_cycles`: `update`, of all DACs, and `round`, of all channels of the
        ADCs.
        """
        return verilog.emit(
            self,
            "ocs_pins",
            directory=directory,
            parameters=self.parameters,
            registers=self.description.manifest(),
            latency={
                "update": self._dacs.timing.update,
                "round": self._adcs.timing.round,
            },
        )
