"""SystemRDL text to a `Description`: the registers and fields a bank and the exports are made of.

The description keeps what `bank` can build and refuses the rest by name, so that a property which
would silently do nothing in hardware cannot stand in a register file.

Ref: Accellera SystemRDL 2.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from systemrdl.compiler import RDLCompiler
from systemrdl.messages import MessagePrinter, RDLCompileError, Severity
from systemrdl.node import AddressableNode, AddrmapNode, FieldNode, MemNode, RegNode
from systemrdl.source_ref import SourceRefBase

from lightloom.spec.base import DesignError
from lightloom.spec.rtl_manifest import Register as ManifestRegister

__all__ = ["Code", "Description", "Field", "Register", "identifier", "load"]

REGISTER_BITS = 32

_UNSUPPORTED = (
    "counter",
    "intr",
    "we",
    "wel",
    "hwset",
    "hwclr",
    "hwenable",
    "hwmask",
    "swwe",
    "swwel",
    "sticky",
    "next",
)


def identifier(path: str) -> str:
    """Name of a path as one identifier: `lane[3].status.up` is `lane_3_status_up`."""
    return re.sub(r"[\[\].]+", "_", path).strip("_")


@dataclass(frozen=True)
class Code:
    """One named value of a field."""

    name: str
    value: int
    text: str


@dataclass(frozen=True)
class Field:
    """A field: where it lies, who may touch it, and how."""

    name: str
    lsb: int
    width: int
    software: Literal["rw", "r", "w"]
    hardware: Literal["r", "w", "na"]
    reset: int
    """Reset value; 0 where the text gives none."""
    write_one_clears: bool
    single_pulse: bool
    hardware_wins: bool
    """A bit set by hardware in the cycle in which software clears it stays set."""
    access_strobe: bool
    codes: tuple[Code, ...]
    text: str

    @property
    def mask(self) -> int:
        """Bits of the field inside its register."""
        return ((1 << self.width) - 1) << self.lsb


@dataclass(frozen=True)
class Register:
    """A 32-bit register at a byte address."""

    name: str
    """Path below the top, such as `lane[3].status`."""
    address: int
    fields: tuple[Field, ...]
    """Fields from the least significant up."""
    title: str
    text: str

    @property
    def readable(self) -> bool:
        """Whether software can read any field."""
        return any(field.software != "w" for field in self.fields)

    @property
    def writable(self) -> bool:
        """Whether software can write any field."""
        return any(field.software != "r" for field in self.fields)

    @property
    def reset(self) -> int:
        """Value of all fields after reset."""
        return sum(field.reset << field.lsb for field in self.fields)

    def field(self, name: str) -> Field:
        """Return the field called `name`; raises KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name}.{name}")


@dataclass(frozen=True)
class Description:
    """A register file: all registers in the order of their addresses."""

    name: str
    title: str
    text: str
    registers: tuple[Register, ...]
    parameters: tuple[tuple[str, int], ...]
    """Parameters of the top as elaborated."""

    @property
    def addr_width(self) -> int:
        """Smallest width of a byte address that reaches every register."""
        return max((self.registers[-1].address + REGISTER_BITS // 8 - 1).bit_length(), 2)

    def register(self, name: str) -> Register:
        """Return the register called `name`; raises KeyError when there is none."""
        for register in self.registers:
            if register.name == name:
                return register
        raise KeyError(name)

    def manifest(self) -> tuple[ManifestRegister, ...]:
        """Registers as the RTL manifest lists them."""
        return tuple(
            ManifestRegister(
                name=register.name,
                address=register.address,
                fields={field.name: (field.lsb, field.width) for field in register.fields},
            )
            for register in self.registers
        )


class _Messages(MessagePrinter):
    """Keep the compiler's complaints instead of printing them."""

    def __init__(self) -> None:
        """Start with no complaint."""
        self.errors: list[str] = []

    def print_message(
        self, severity: Severity, text: str, src_ref: SourceRefBase | None
    ) -> None:
        """Keep one message with its line."""
        if severity < Severity.ERROR:
            return
        line = getattr(src_ref, "line", None)
        self.errors.append(f"line {line}: {text}" if line is not None else text)


def load(path: Path, top: str, parameters: dict[str, int] | None = None) -> Description:
    """Compile the SystemRDL file `path` and describe its address map `top`.

    Parameters
    ----------
    path : Path
        The SystemRDL text.
    top : str
        Name of the `addrmap` to elaborate.
    parameters : dict[str, int]
        Values for parameters of `top`, such as the number of lanes.

    Raises
    ------
    DesignError
        When the text does not compile, or holds what the bank does not build: registers of
        another width than 32 bits, memories, external or aliased registers, or properties
        outside `sw`, `hw`, `reset`, `onwrite = woclr` with `stickybit`, `singlepulse`,
        `precedence`, `swacc`, `encode`, `name` and `desc`.
    """
    messages = _Messages()
    compiler = RDLCompiler(message_printer=messages)
    try:
        compiler.compile_file(str(path))
        root = compiler.elaborate(top, parameters=dict(parameters or {}))
    except FileNotFoundError:
        raise DesignError(f"{path}: no such file") from None
    except (RDLCompileError, ValueError, TypeError) as error:
        reasons = messages.errors or [str(error)]
        raise DesignError(f"{path}: addrmap {top}: {reasons[0]}") from None
    node = root.top
    return Description(
        name=top,
        title=_text(node, "name", default=top),
        text=_text(node, "desc"),
        registers=tuple(
            sorted(_registers(node, path), key=lambda register: register.address)
        ),
        parameters=tuple(
            (parameter.name, int(parameter.get_value()))
            for parameter in node.inst.parameters
            if isinstance(parameter.get_value(), int)
        ),
    )


def _text(node: AddressableNode | FieldNode, key: str, default: str = "") -> str:
    """Return a text property as one line."""
    return " ".join(str(node.get_property(key, default=default) or default).split())


def _registers(top: AddrmapNode, path: Path) -> list[Register]:
    registers: list[Register] = []
    taken: dict[str, str] = {}
    for node in top.descendants(unroll=True):
        if isinstance(node, MemNode):
            raise DesignError(f"{path}: {node.get_path()}: memories are not supported")
        if not isinstance(node, RegNode):
            continue
        name = node.get_rel_path(top)
        if node.external or node.is_alias:
            raise DesignError(f"{path}: {name}: external and alias registers are not supported")
        if node.get_property("regwidth") != REGISTER_BITS:
            width = node.get_property("regwidth")
            raise DesignError(f"{path}: {name}: regwidth = {width}; only {REGISTER_BITS}")
        fields = tuple(
            _field(field, path, name)
            for field in sorted(node.fields(), key=lambda field: field.low)
        )
        for field in fields:
            short = identifier(f"{name}.{field.name}")
            if short in taken:
                raise DesignError(
                    f"{path}: {name}.{field.name} and {taken[short]} are both {short} in hardware"
                )
            taken[short] = f"{name}.{field.name}"
        registers.append(
            Register(
                name=name,
                address=node.absolute_address - top.absolute_address,
                fields=fields,
                title=_text(node, "name", default=node.inst_name),
                text=_text(node, "desc"),
            )
        )
    return registers


def _field(node: FieldNode, path: Path, register: str) -> Field:
    def refuse(reason: str) -> DesignError:
        return DesignError(f"{path}: {register}.{node.inst_name}: {reason}")

    software = node.get_property("sw").name
    hardware = node.get_property("hw").name
    if software not in ("rw", "r", "w"):
        raise refuse(f"sw = {software}; one of rw, r, w")
    if hardware not in ("r", "w", "na"):
        raise refuse(f"hw = {hardware}; one of r, w, na")
    for key in _UNSUPPORTED:
        if node.get_property(key):
            raise refuse(f"{key} is not supported")
    if node.get_property("onread") is not None:
        raise refuse("onread is not supported")
    onwrite = node.get_property("onwrite")
    clears = onwrite is not None and onwrite.name == "woclr"
    if onwrite is not None and not clears:
        raise refuse(f"onwrite = {onwrite.name}; only woclr")
    sticky = bool(node.get_property("stickybit"))
    if clears != sticky:
        raise refuse("onwrite = woclr and stickybit go together")
    if sticky and (software != "rw" or hardware != "w"):
        raise refuse(f"sw = {software}, hw = {hardware}; a stickybit field is sw = rw, hw = w")
    pulse = bool(node.get_property("singlepulse"))
    if pulse and (software == "r" or hardware != "r"):
        raise refuse(f"sw = {software}, hw = {hardware}; a singlepulse field is sw = w, hw = r")
    if not sticky and "w" in software and hardware == "w":
        raise refuse("sw and hw both write; only a stickybit field may be written by both")
    reset = node.get_property("reset", default=0)
    if not isinstance(reset, int):
        raise refuse("reset must be a number")
    encode = node.get_property("encode")
    codes = (
        tuple(
            Code(member.name, member.value, " ".join((member.rdl_desc or "").split()))
            for member in encode
        )
        if encode is not None
        else ()
    )
    return Field(
        name=node.inst_name,
        lsb=node.low,
        width=node.width,
        software=software,
        hardware=hardware,
        reset=reset,
        write_one_clears=clears,
        single_pulse=pulse,
        hardware_wins=node.get_property("precedence").name == "hw",
        access_strobe=bool(node.get_property("swacc")),
        codes=codes,
        text=_text(node, "desc"),
    )
