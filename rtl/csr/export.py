"""Register files for software and readers: JSON, C header, Markdown and CMSIS-SVD.

All four come from the same `Description` that the hardware bank is built from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from lightloom.rtl.csr.rdl import REGISTER_BITS, Description, Field, Register, identifier

__all__ = ["c_header", "json_text", "markdown", "svd", "write"]

_INDEX = re.compile(r"\[(\d+)\]")
_LETTERS = "ijkl"


@dataclass(frozen=True)
class _Family:
    """Registers that differ in their indices only: `lane[0].tap[0]` to `lane[7].tap[2]`."""

    pattern: str
    """Path with empty brackets, `lane[].tap[]`."""
    first: Register
    counts: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def title(self) -> str:
        """Path with a letter for each index: `lane[i].tap[j]`."""
        letters = iter(_LETTERS)
        return re.sub(r"\[\]", lambda _: f"[{next(letters)}]", self.pattern)

    def address(self, letters: str = _LETTERS, times: str = " * ") -> str:
        """Address as a formula of the indices."""
        terms = [f"0x{self.first.address:03X}"]
        for letter, stride in zip(letters, self.strides, strict=False):
            terms.append(f"0x{stride:X}{times}{letter}")
        return " + ".join(terms)


def _families(description: Description) -> list[_Family]:
    groups: dict[str, list[Register]] = {}
    for register in description.registers:
        groups.setdefault(_INDEX.sub("[]", register.name), []).append(register)
    families = []
    for pattern, members in groups.items():
        indices = [tuple(map(int, _INDEX.findall(member.name))) for member in members]
        counts = tuple(max(column) + 1 for column in zip(*indices, strict=True))
        by_index = dict(zip(indices, members, strict=True))
        origin = (0,) * len(counts)
        strides = tuple(
            by_index[(*origin[:d], 1, *origin[d + 1 :])].address - by_index[origin].address
            if count > 1
            else REGISTER_BITS // 8
            for d, count in enumerate(counts)
        )
        families.append(_Family(pattern, by_index[origin], counts, strides))
    return families


def _access(field: Field) -> str:
    """Access as a reader expects it: `rw`, `ro`, `wo`, `w1c` or `pulse`."""
    if field.write_one_clears:
        return "w1c"
    if field.single_pulse:
        return "pulse"
    return {"rw": "rw", "r": "ro", "w": "wo"}[field.software]


def json_text(description: Description) -> str:
    """Return all registers as JSON, one object a register with its fields."""
    value = {
        "name": description.name,
        "title": description.title,
        "description": description.text,
        "parameters": dict(description.parameters),
        "registers": [
            {
                "name": register.name,
                "address": register.address,
                "reset": register.reset,
                "description": register.text,
                "fields": [
                    {
                        "name": field.name,
                        "lsb": field.lsb,
                        "width": field.width,
                        "access": _access(field),
                        "hardware": field.hardware,
                        "reset": field.reset,
                        "description": field.text,
                        "values": {code.name: code.value for code in field.codes},
                    }
                    for field in register.fields
                ],
            }
            for register in description.registers
        ],
    }
    return json.dumps(value, indent=1) + "\n"


def c_header(description: Description) -> str:
    """Return macros for addresses, field positions, resets and named values.

    `<MAP>_<REGISTER>_ADDR` is a byte offset, with arguments where the register is an array;
    a field has `_LSB`, `_WIDTH`, `_MASK` (in place), `_RESET` (as a number of the field) and
    `_VALUE_<NAME>` for each named value.
    """
    prefix = identifier(description.name).upper()
    lines = [
        f"/* {description.title}: registers. {description.text} */",
        *(f"/* {name} = {value} */" for name, value in description.parameters),
        f"#ifndef {prefix}_H",
        f"#define {prefix}_H",
        "",
    ]
    for family in _families(description):
        register = family.first
        name = f"{prefix}_{identifier(family.pattern.replace('[]', '')).upper()}"
        lines.append(f"/* {family.title}: {register.text or register.title} */")
        letters = _LETTERS[: len(family.counts)]
        arguments = f"({', '.join(letters)})" if letters else ""
        address = re.sub(r"\b([ijkl])\b", r"(\1)", family.address(letters))
        lines.append(f"#define {name}_ADDR{arguments} ({address})")
        for letter, count in zip(letters, family.counts, strict=True):
            suffix = f"_{letter.upper()}" if len(letters) > 1 else ""
            lines.append(f"#define {name}_COUNT{suffix} {count}")
        for field in register.fields:
            short = f"{name}_{field.name.upper()}"
            lines += [
                f"#define {short}_LSB {field.lsb}",
                f"#define {short}_WIDTH {field.width}",
                f"#define {short}_MASK 0x{field.mask:08X}u",
                f"#define {short}_RESET 0x{field.reset:X}u",
            ]
            lines += [
                f"#define {short}_VALUE_{code.name.upper()} {code.value}u" for code in field.codes
            ]
        lines.append("")
    lines.append("#endif")
    return "\n".join(lines) + "\n"


def _rows(register: Register) -> Iterator[tuple[str, Field | None]]:
    """Bit ranges from the most significant down, with what is not used as None."""
    top = REGISTER_BITS - 1

    def bits(high: int, low: int) -> str:
        return f"{high}:{low}" if high != low else f"{high}"

    for field in reversed(register.fields):
        high = field.lsb + field.width - 1
        if top > high:
            yield bits(top, high + 1), None
        yield bits(high, field.lsb), field
        top = field.lsb - 1
    if top >= 0:
        yield bits(top, 0), None


def markdown(description: Description) -> str:
    """Return a page: a table of the registers, then a bit table for each."""

    def cell(text: str) -> str:
        return text.replace("|", r"\|")

    families = _families(description)
    lines = [f"# {description.title}", "", description.text, ""]
    if description.parameters:
        values = ", ".join(f"{name} = {value}" for name, value in description.parameters)
        lines += [f"Generated for {values}.", ""]
    lines += ["| address | register | reset | description |", "| --- | --- | --- | --- |"]
    for family in families:
        register = family.first
        lines.append(
            f"| {family.address()} | `{family.title}` | 0x{register.reset:08X} "
            f"| {cell(register.text)} |"
        )
    for family in families:
        register = family.first
        ranges = ", ".join(
            f"{letter} = 0 to {count - 1}"
            for letter, count in zip(_LETTERS, family.counts, strict=False)
        )
        lines += ["", f"## {family.title}", "", f"{register.text} Address {family.address()}"]
        lines[-1] = lines[-1].strip() + (f", {ranges}." if ranges else ".")
        lines += ["", "| bits | field | access | reset | description |"]
        lines += ["| ---: | --- | --- | --- | --- |"]
        for bits, field in _rows(register):
            if field is None:
                lines.append(f"| {bits} | - | - | 0 | Reads 0. |")
                continue
            live = field.hardware == "w" and not field.write_one_clears
            reset = "-" if live else f"0x{field.reset:X}"
            codes = " ".join(f"{code.value} = {code.name}: {code.text}" for code in field.codes)
            text = cell(f"{field.text} {codes}".strip())
            lines.append(f"| {bits} | `{field.name}` | {_access(field)} | {reset} | {text} |")
    lines += [
        "",
        "Access: `rw` read and write, `ro` read only, `wo` write only and reads 0, `w1c` a written "
        "one clears the bit, `pulse` a written one acts once and reads 0.",
    ]
    return "\n".join(lines) + "\n"


def svd(description: Description, base: int = 0) -> str:
    """Return CMSIS-SVD 1.3 text with the registers of one peripheral at address `base`."""

    def leaf(parent: ElementTree.Element, tag: str, text: object) -> None:
        ElementTree.SubElement(parent, tag).text = str(text)

    device = ElementTree.Element("device", {"schemaVersion": "1.3"})
    for tag, text in (
        ("name", identifier(description.name)),
        ("version", "1.0"),
        ("description", description.title),
        ("addressUnitBits", 8),
        ("width", REGISTER_BITS),
    ):
        leaf(device, tag, text)
    peripherals = ElementTree.SubElement(device, "peripherals")
    peripheral = ElementTree.SubElement(peripherals, "peripheral")
    leaf(peripheral, "name", identifier(description.name))
    leaf(peripheral, "description", description.text or description.title)
    leaf(peripheral, "baseAddress", f"0x{base:X}")
    block = ElementTree.SubElement(peripheral, "addressBlock")
    leaf(block, "offset", "0x0")
    leaf(block, "size", f"0x{description.registers[-1].address + REGISTER_BITS // 8:X}")
    leaf(block, "usage", "registers")
    registers = ElementTree.SubElement(peripheral, "registers")
    kinds = {"rw": "read-write", "r": "read-only", "w": "write-only"}
    for register in description.registers:
        element = ElementTree.SubElement(registers, "register")
        both = "rw" if register.readable and register.writable else "r"
        leaf(element, "name", identifier(register.name))
        leaf(element, "description", register.text or register.title)
        leaf(element, "addressOffset", f"0x{register.address:X}")
        leaf(element, "size", REGISTER_BITS)
        leaf(element, "access", kinds[both if register.readable else "w"])
        leaf(element, "resetValue", f"0x{register.reset:X}")
        known = sum(
            field.mask
            for field in register.fields
            if field.hardware != "w" or field.write_one_clears
        )
        leaf(element, "resetMask", f"0x{known:X}")
        fields = ElementTree.SubElement(element, "fields")
        for field in register.fields:
            part = ElementTree.SubElement(fields, "field")
            leaf(part, "name", field.name)
            leaf(part, "description", field.text or field.name)
            leaf(part, "bitOffset", field.lsb)
            leaf(part, "bitWidth", field.width)
            leaf(part, "access", kinds[field.software])
            if field.write_one_clears:
                leaf(part, "modifiedWriteValues", "oneToClear")
            if field.codes:
                values = ElementTree.SubElement(part, "enumeratedValues")
                for code in field.codes:
                    value = ElementTree.SubElement(values, "enumeratedValue")
                    leaf(value, "name", code.name)
                    leaf(value, "description", code.text or code.name)
                    leaf(value, "value", code.value)
    ElementTree.indent(device)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(
        device, encoding="unicode"
    ) + "\n"


def write(description: Description, directory: Path) -> tuple[Path, ...]:
    """Write `<name>.json`, `.h`, `.md` and `.svd` into `directory`; return their paths."""
    writers: dict[str, Callable[[Description], str]] = {
        ".json": json_text,
        ".h": c_header,
        ".md": markdown,
        ".svd": svd,
    }
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, writer in writers.items():
        path = directory / f"{identifier(description.name)}{suffix}"
        path.write_text(writer(description))
        paths.append(path)
    return tuple(paths)
