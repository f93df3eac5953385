"""What the RTL room tells the co-simulation and the reports about a generated Verilog file."""

from __future__ import annotations

from typing import Literal

from lightloom.spec.base import Frozen


class Port(Frozen):
    """One port of the top module."""

    name: str
    width: int
    direction: Literal["in", "out"]
    domain: str
    """Clock domain, empty for a clock or an asynchronous input."""


class Register(Frozen):
    """One register of the bank, byte address and fields from the SystemRDL description."""

    name: str
    address: int
    fields: dict[str, tuple[int, int]]
    """Field name to (least significant bit, width)."""


class RtlManifest(Frozen):
    """A generated Verilog file and what is needed to use it."""

    schema_version: Literal[1] = 1
    top: str
    verilog: str
    """File name beside the manifest."""
    sha256: str
    parameters: dict[str, int | float | str]
    domains: tuple[str, ...]
    ports: tuple[Port, ...]
    registers: tuple[Register, ...]
    latency_cycles: dict[str, int]
    """Stage name to latency in cycles of its own clock, in path order."""

    def register(self, name: str) -> Register:
        """Return the register called `name`; raises KeyError when there is none."""
        for register in self.registers:
            if register.name == name:
                return register
        raise KeyError(name)
