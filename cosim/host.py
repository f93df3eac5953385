"""Register access from a cocotb test through the bench's AXI4-Lite hosts."""

from __future__ import annotations

from typing import Any

from cocotb.triggers import ValueChange

from lightloom.spec import RtlManifest

RESPONSES = ("OKAY", "EXOKAY", "SLVERR", "DECERR")


class AccessError(Exception):
    """The register bank answered with an error."""


class Host:
    """Named registers of one bank; `prefix` is `a`, `b` or `o` as in `top.sv`."""

    def __init__(self, dut: Any, prefix: str, manifest: RtlManifest) -> None:
        """Use the host signals `<prefix>_*` of `dut`."""
        self._signal = {
            name: getattr(dut, f"{prefix}_{name}")
            for name in ("go", "done", "write", "address", "wdata", "rdata", "resp")
        }
        self._manifest = manifest
        self._go = 0

    async def _access(self, address: int, data: int | None) -> int:
        signal = self._signal
        signal["address"].value = address
        signal["write"].value = int(data is not None)
        signal["wdata"].value = data or 0
        self._go ^= 1
        signal["go"].value = self._go
        await ValueChange(signal["done"])
        response = int(signal["resp"].value)
        if response:
            raise AccessError(f"address {address:#x}: {RESPONSES[response]}")
        return int(signal["rdata"].value)

    async def read(self, name: str) -> dict[str, int]:
        """Fields of register `name`."""
        register = self._manifest.register(name)
        value = await self._access(register.address, None)
        return {
            field: value >> low & ((1 << width) - 1)
            for field, (low, width) in register.fields.items()
        }

    async def write(self, name: str, **fields: int) -> None:
        """Write register `name`; fields that are not given become 0."""
        register = self._manifest.register(name)
        value = 0
        for field, content in fields.items():
            low, width = register.fields[field]
            value |= (content & ((1 << width) - 1)) << low
        await self._access(register.address, value)

    async def update(self, name: str, **fields: int) -> None:
        """Write register `name`; fields that are not given keep what they read as."""
        await self.write(name, **(await self.read(name) | fields))
