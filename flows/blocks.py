"""The RTL blocks that can be generated alone, by name, sized by a design."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightloom.spec import Design, DesignError, RtlManifest, benes, fabrics, photonic

if TYPE_CHECKING:
    from lightloom.rtl.csr.rdl import Description

TOPS = ("serdes", "ocs_controller", "ocstrx_controller")


@dataclass(frozen=True)
class Generated:
    """A block's Verilog and, where it has them, its registers."""

    manifest: RtlManifest
    registers: Description | None


def tops(design: Design) -> tuple[str, ...]:
    """Names of the tops that the design has."""
    switch = {"none": (), "ocstrx": ("ocstrx_controller",)}
    return ("serdes", *switch.get(design.switch.topology, ("ocs_controller",)))


def check_routed(name: str, topology: str) -> None:
    """Raise DesignError where block `name` would need a router that there is not."""
    from lightloom.rtl.ocs.route import TOPOLOGIES

    if topology not in TOPOLOGIES:
        raise DesignError(
            f"{name}: switch.topology is {topology}; allowed: {', '.join(TOPOLOGIES)}"
        )


def names() -> dict[str, str]:
    """Every block with the first line of its documentation."""
    from lightloom.rtl.link.serdes import Serdes
    from lightloom.rtl.ocs.controller import Controller
    from lightloom.rtl.ocs.ocstrx.controller import OcstrxController

    tops = (Serdes, Controller, OcstrxController)
    classes: dict[str, Any] = dict(zip(TOPS, tops, strict=True))
    classes |= {name: kind for name, (kind, _) in _parts().items()}
    return {name: (kind.__doc__ or "").strip().splitlines()[0] for name, kind in classes.items()}


def generate(name: str, design: Design, directory: Path) -> Generated:
    """Write the Verilog and manifest of a block; raises DesignError for an unknown name."""
    from lightloom.rtl import verilog
    from lightloom.rtl.link import registers, serdes
    from lightloom.rtl.link.config import Config
    from lightloom.rtl.ocs import controller
    from lightloom.rtl.ocs import registers as chip_registers
    from lightloom.rtl.ocs.ocstrx import controller as ocstrx
    from lightloom.rtl.ocs.ocstrx import registers as ocstrx_registers

    if name == "serdes":
        manifest = serdes.generate(design.serdes, directory)
        return Generated(manifest, registers.registers(Config.from_design(design.serdes)))
    if name == "ocs_controller":
        switch = design.switch
        check_routed(name, switch.topology)
        sizes = (switch.ports, switch.dac_bits, switch.clock_mhz)
        options: dict[str, Any] = {
            "topology": switch.topology,
            "settle_us": switch.settle_us,
            "monitors": switch.monitors == "cell",
        }
        manifest = controller.generate(*sizes, directory, **options)
        return Generated(manifest, chip_registers.registers(*sizes, **options))
    if name == "ocstrx_controller":
        switch = design.switch
        sizes = (switch.ports, switch.dac_bits, switch.clock_mhz)
        if switch.ports not in photonic.PORTS["ocstrx"]:
            raise DesignError(
                f"ocstrx_controller: switch.ports = {switch.ports}; allowed: an even number of "
                "lanes from 2 to 16"
            )
        manifest = ocstrx.generate(*sizes, directory, settle_us=switch.settle_us)
        return Generated(manifest, ocstrx_registers.registers(*sizes, settle_us=switch.settle_us))
    parts = _parts()
    if name not in parts:
        allowed = ", ".join([*TOPS, *parts])
        raise DesignError(f"block {name}: unknown; allowed: {allowed}")
    component = parts[name][1](design)
    if name in ("ocs_board", "ocs_pins"):
        return Generated(component.generate(directory), component.description)
    domains = _DOMAINS.get(name)
    return Generated(verilog.emit(component, name, directory=directory, domains=domains), None)


_DOMAINS: dict[str, dict[str, str]] = {
    "elastic_buffer": {
        **dict.fromkeys(("i", "i_valid", "cut", "deleted", "overflow"), "rx"),
        **dict.fromkeys(("o", "slot", "active", "inserted"), "sync"),
    },
    # What is not named here is in sync.
    "partner": dict.fromkeys(("remote", "remote_new"), "rx"),
    "skp_buffer": {
        **dict.fromkeys(("i", "i_valid", "removed", "overflow"), "rx"),
        **dict.fromkeys(("run", "o", "o_valid", "added", "underflow"), "sync"),
    },
}
"""Clock domain of the members of blocks that have several."""
FEC_SYMBOLS = 16
"""Symbols of 10 bits a clock in blocks of the FEC, whatever the profile of the design."""
KP4_WORD = 10 * FEC_SYMBOLS
KP4_CODEWORD = 5440
KP4_MESSAGE = 5140
TRANSCODED = 257


def _parts() -> dict[str, tuple[type, Callable[[Design], Any]]]:
    """Class and constructor of each block below the tops."""
    from lightloom.rtl.csr.bank import Bank
    from lightloom.rtl.fec.codes import KP4, KR4
    from lightloom.rtl.fec.decoder import Decoder as FecDecoder
    from lightloom.rtl.fec.encoder import Encoder as FecEncoder
    from lightloom.rtl.fec.interleave import InterleavedDecoder, InterleavedEncoder
    from lightloom.rtl.fec.monitor import Monitor as FecMonitor
    from lightloom.rtl.link.bring_up import BringUp
    from lightloom.rtl.link.config import Config
    from lightloom.rtl.link.elastic_buffer import ElasticBuffer
    from lightloom.rtl.link.partner import Partner
    from lightloom.rtl.link.receiver import Receiver
    from lightloom.rtl.link.registers import registers as serdes_registers
    from lightloom.rtl.link.route_port import RoutePort
    from lightloom.rtl.link.transmitter import Transmitter
    from lightloom.rtl.ocs.board import Board
    from lightloom.rtl.ocs.commit import Commit
    from lightloom.rtl.ocs.drive.adc_bank import AdcBank
    from lightloom.rtl.ocs.drive.budget import Budget
    from lightloom.rtl.ocs.drive.command import Command
    from lightloom.rtl.ocs.drive.dac_chain import DacChains
    from lightloom.rtl.ocs.drive.drive import Drive
    from lightloom.rtl.ocs.drive.goal import Goal
    from lightloom.rtl.ocs.drive.linearizer import Linearizer
    from lightloom.rtl.ocs.drive.pins import Pins
    from lightloom.rtl.ocs.drive.sigma_delta import Pwm, SigmaDelta
    from lightloom.rtl.ocs.drive.spi_drive import SpiDrive
    from lightloom.rtl.ocs.drive.watchdog import Watchdog
    from lightloom.rtl.ocs.guard import Guard
    from lightloom.rtl.ocs.light import LightMonitor
    from lightloom.rtl.ocs.lock.dither import DitherLock
    from lightloom.rtl.ocs.lock.locks import Locks
    from lightloom.rtl.ocs.lock.probe import Probe
    from lightloom.rtl.ocs.lock.ring import RingLock
    from lightloom.rtl.ocs.lock.sweep import Sweep
    from lightloom.rtl.ocs.map_power import MapPower
    from lightloom.rtl.ocs.ocstrx.inband import InBand
    from lightloom.rtl.ocs.ocstrx.sequence import PathSequence
    from lightloom.rtl.ocs.ocstrx.split import TimeSplit
    from lightloom.rtl.ocs.protect.protection import Protection
    from lightloom.rtl.ocs.requests import Requests
    from lightloom.rtl.ocs.route.benes import Benes
    from lightloom.rtl.ocs.route.fixed_ways import FixedWays
    from lightloom.rtl.ocs.walk import Walk
    from lightloom.rtl.pcs import transcoder, wide_scrambler
    from lightloom.rtl.pcs.assembler import Assembler
    from lightloom.rtl.pcs.block import Decoder, Encoder
    from lightloom.rtl.pcs.block_lock import BlockLock
    from lightloom.rtl.pcs.codeword_lock import CodewordLock
    from lightloom.rtl.pcs.deframer import Deframer
    from lightloom.rtl.pcs.deskew import Deskew
    from lightloom.rtl.pcs.eth_lane import EthRx, EthTx
    from lightloom.rtl.pcs.fec_lane import FecRx, FecTx
    from lightloom.rtl.pcs.fec_rows import FecRows
    from lightloom.rtl.pcs.framer import Framer
    from lightloom.rtl.pcs.gearbox import RxGearbox, TxGearbox
    from lightloom.rtl.pcs.narrow import Narrow
    from lightloom.rtl.pcs.pair_order import PairOrder
    from lightloom.rtl.pcs.pcie.coder import PcieRx, PcieTx
    from lightloom.rtl.pcs.pcie.skp_buffer import SkpBuffer
    from lightloom.rtl.pcs.wide_gearbox import WideGearbox
    from lightloom.rtl.pcs.widen import Widen
    from lightloom.rtl.pma import pattern, precoder
    from lightloom.rtl.pma.cdr import Cdr
    from lightloom.rtl.pma.coefficient_sets import CoefficientSets
    from lightloom.rtl.pma.eye_monitor import EyeMonitor
    from lightloom.rtl.pma.lms import Lms
    from lightloom.rtl.pma.prbs import Checker, Generator
    from lightloom.rtl.pma.rx_equalizer import RxEqualizer
    from lightloom.rtl.pma.rx_lane import RxLane
    from lightloom.rtl.pma.signal_detect import SignalDetect
    from lightloom.rtl.pma.tx_ffe import TxFfe
    from lightloom.rtl.pma.tx_lane import TxLane

    def config(design: Design) -> Config:
        return Config.from_design(design.serdes)

    def width(design: Design) -> int:
        return design.serdes.symbols_per_clock

    def bits(design: Design) -> int:
        return config(design).bits

    def dac(design: Design) -> int:
        return design.serdes.tx_dac_bits

    def lanes(design: Design) -> int:
        return design.serdes.lanes

    def marker(design: Design) -> int:
        return design.serdes.marker_rows

    def fabric(design: Design) -> tuple[str, int]:
        """Topology and ports of the switch, of a Benes where there is none."""
        switch = design.switch
        return "benes" if switch.topology == "none" else switch.topology, switch.ports

    def heaters(design: Design) -> tuple[int, int]:
        """Cells of the switch, and bits of a code."""
        return len(fabrics.plan(*fabric(design)).cells), design.switch.dac_bits

    def board(design: Design) -> Board:
        switch = design.switch
        topology, ports = fabric(design)
        check_routed("ocs_board", topology)
        return Board(
            ports,
            switch.dac_bits,
            switch.clock_mhz,
            drive=switch.drive,
            topology=topology,
            settle_us=switch.settle_us,
            monitors=switch.monitors == "cell",
        )

    def cells(design: Design) -> int:
        return heaters(design)[0]

    def clock(design: Design) -> float:
        return design.switch.clock_mhz

    return {
        "bring_up": (BringUp, lambda d: BringUp(lanes=lanes(d))),
        "partner": (Partner, lambda d: Partner(lanes=lanes(d))),
        "route_port": (RoutePort, lambda d: RoutePort()),
        "register_bank": (Bank, lambda d: Bank(serdes_registers(config(d)))),
        "transmitter": (Transmitter, lambda d: Transmitter(config(d))),
        "receiver": (Receiver, lambda d: Receiver(config(d))),
        "assembler": (Assembler, lambda d: Assembler(lanes=lanes(d))),
        "narrow": (Narrow, lambda d: Narrow(lanes=lanes(d), blocks=config(d).blocks)),
        "widen": (Widen, lambda d: Widen(lanes=lanes(d), blocks=config(d).blocks)),
        "framer": (Framer, lambda d: Framer(lanes=lanes(d), marker_rows=marker(d))),
        "deframer": (Deframer, lambda d: Deframer(lanes=lanes(d))),
        "deskew": (Deskew, lambda d: Deskew(lanes=lanes(d), depth=config(d).deskew_depth)),
        "elastic_buffer": (ElasticBuffer, lambda d: ElasticBuffer(lanes=lanes(d))),
        "block_encoder": (Encoder, lambda d: Encoder()),
        "block_decoder": (Decoder, lambda d: Decoder()),
        "block_lock": (BlockLock, lambda d: BlockLock()),
        "pair_order": (PairOrder, lambda d: PairOrder()),
        "tx_gearbox": (TxGearbox, lambda d: TxGearbox(width=width(d))),
        "rx_gearbox": (RxGearbox, lambda d: RxGearbox(width=width(d))),
        "eth_tx": (EthTx, lambda d: EthTx(bits(d))),
        "eth_rx": (EthRx, lambda d: EthRx(bits(d))),
        "pcie_tx": (PcieTx, lambda d: PcieTx(bits(d))),
        "pcie_rx": (PcieRx, lambda d: PcieRx(bits(d))),
        "skp_buffer": (SkpBuffer, lambda d: SkpBuffer()),
        "rs_encoder_kp4": (FecEncoder, lambda d: FecEncoder(KP4, FEC_SYMBOLS)),
        "rs_encoder_kr4": (FecEncoder, lambda d: FecEncoder(KR4, FEC_SYMBOLS)),
        "rs_decoder_kp4": (FecDecoder, lambda d: FecDecoder(KP4, FEC_SYMBOLS)),
        "rs_decoder_kr4": (FecDecoder, lambda d: FecDecoder(KR4, FEC_SYMBOLS)),
        "fec_interleaved_encoder": (
            InterleavedEncoder,
            lambda d: InterleavedEncoder(KP4, FEC_SYMBOLS, 2),
        ),
        "fec_interleaved_decoder": (
            InterleavedDecoder,
            lambda d: InterleavedDecoder(KP4, FEC_SYMBOLS, 2),
        ),
        "fec_monitor": (FecMonitor, lambda d: FecMonitor(KP4)),
        "fec_tx_kp4": (FecTx, lambda d: FecTx(KP4, bits(d))),
        "fec_tx_kr4": (FecTx, lambda d: FecTx(KR4, bits(d))),
        "fec_rx_kp4": (FecRx, lambda d: FecRx(KP4, bits(d))),
        "fec_rx_kr4": (FecRx, lambda d: FecRx(KR4, bits(d))),
        "fec_rows": (FecRows, lambda d: FecRows()),
        "transcoder_encoder": (transcoder.Encoder, lambda d: transcoder.Encoder()),
        "transcoder_decoder": (transcoder.Decoder, lambda d: transcoder.Decoder()),
        "wide_scrambler": (
            wide_scrambler.Scrambler,
            lambda d: wide_scrambler.Scrambler(width=TRANSCODED),
        ),
        "wide_descrambler": (
            wide_scrambler.Descrambler,
            lambda d: wide_scrambler.Descrambler(width=TRANSCODED),
        ),
        "wide_gearbox": (
            WideGearbox,
            lambda d: WideGearbox(i_width=TRANSCODED, o_width=KP4_WORD, group=KP4_MESSAGE),
        ),
        "codeword_lock": (
            CodewordLock,
            lambda d: CodewordLock(bits=bits(d), o_width=KP4_WORD, group=KP4_CODEWORD),
        ),
        "precoder_encoder": (precoder.Encoder, lambda d: precoder.Encoder(width=width(d))),
        "precoder_decoder": (precoder.Decoder, lambda d: precoder.Decoder(width=width(d))),
        "pattern_source": (
            pattern.Source,
            lambda d: pattern.Source(width=width(d), patterns=tuple(pattern.PATTERNS)),
        ),
        "pattern_check": (
            pattern.Check,
            lambda d: pattern.Check(width=width(d), patterns=tuple(pattern.PATTERNS)),
        ),
        "prbs_generator": (Generator, lambda d: Generator(width=width(d))),
        "prbs_checker": (Checker, lambda d: Checker(width=width(d))),
        "tx_ffe": (TxFfe, lambda d: TxFfe(width=width(d), dac_bits=dac(d))),
        "tx_lane": (TxLane, lambda d: TxLane(width=width(d), dac_bits=dac(d))),
        "rx_lane": (RxLane, lambda d: RxLane(config(d).rx_format)),
        "rx_equalizer": (RxEqualizer, lambda d: RxEqualizer(config(d).rx_format)),
        "cdr": (Cdr, lambda d: Cdr(config(d).rx_format)),
        "lms": (Lms, lambda d: Lms(config(d).rx_format)),
        "eye_monitor": (EyeMonitor, lambda d: EyeMonitor(config(d).rx_format)),
        "coefficient_sets": (CoefficientSets, lambda d: CoefficientSets(config(d).rx_format)),
        "signal_detect": (SignalDetect, lambda d: SignalDetect(config(d).rx_format)),
        "drive": (Drive, lambda d: Drive(*heaters(d), clock(d))),
        "drive_goal": (Goal, lambda d: Goal(cells(d), 8)),
        "drive_command": (Command, lambda d: Command(cells(d))),
        "drive_budget": (Budget, lambda d: Budget()),
        "drive_linearizer": (Linearizer, lambda d: Linearizer(*heaters(d))),
        "drive_watchdog": (Watchdog, lambda d: Watchdog()),
        "drive_pwm": (Pwm, lambda d: Pwm(*heaters(d))),
        "drive_sigma_delta": (SigmaDelta, lambda d: SigmaDelta(*heaters(d))),
        "drive_sigma_delta_2": (SigmaDelta, lambda d: SigmaDelta(*heaters(d), order=2)),
        "drive_dac_chains": (DacChains, lambda d: DacChains(*heaters(d), clock(d))),
        "drive_adc_bank": (AdcBank, lambda d: AdcBank(2 * cells(d), clock(d))),
        "ocs_board": (Board, board),
        "ocs_pins": (Pins, lambda d: Pins(*heaters(d), clock(d))),
        "spi_drive": (SpiDrive, lambda d: SpiDrive(*heaters(d), clock(d))),
        "locks": (Locks, lambda d: Locks(*fabric(d))),
        "dither_lock": (DitherLock, lambda d: DitherLock(*fabric(d))),
        "lock_sweep": (Sweep, lambda d: Sweep(cells(d), d.switch.ports)),
        "lock_probe": (Probe, lambda d: Probe(cells(d), d.switch.ports)),
        "ring_lock": (RingLock, lambda d: RingLock(min(lanes(d), 16))),
        "light_monitor": (LightMonitor, lambda d: LightMonitor(lanes(d))),
        "guard": (Guard, lambda d: Guard(lanes(d))),
        "path_sequence": (PathSequence, lambda d: PathSequence()),
        "in_band": (InBand, lambda d: InBand()),
        "time_split": (TimeSplit, lambda d: TimeSplit()),
        "router": (Benes, lambda d: Benes(d.switch.ports)),
        "fixed_ways": (FixedWays, lambda d: FixedWays("crossbar", d.switch.ports)),
        "protection": (Protection, lambda d: Protection(d.switch.ports // 2, d.switch.ports)),
        "requests": (Requests, lambda d: Requests(d.switch.ports)),
        "commit": (Commit, lambda d: Commit("benes", d.switch.ports)),
        "walk": (Walk, lambda d: Walk("benes", d.switch.ports)),
        "map_power": (MapPower, lambda d: MapPower(benes.cells(d.switch.ports))),
    }
