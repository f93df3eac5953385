"""Verilog and manifest of a component, with equal modules written once.

Amaranth writes one module for each instance, so eight equal lanes become eight copies that Yosys
and Verilator then read, optimize and compile eight times. Here the RTLIL text is reduced before
Yosys sees it: modules that differ only in the names of their wires, cells and ports become one
module with several instances.

Two instances stay apart when their contents differ. Amaranth folds a constant that drives an input
of a child into the child, so a lane that is told its number by a constant is a module of its own;
compare with the number outside the lane, or hold it in a register there, to keep lanes equal.
"""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amaranth import ClockDomain, Value
from amaranth._toolchain.yosys import YosysError, find_yosys
from amaranth.lib import wiring

from lightloom.spec.rtl_manifest import Port, Register, RtlManifest

__all__ = ["emit", "merge"]

# The type stubs leave these modules out.
_rtlil = importlib.import_module("amaranth.back.rtlil")
_ir = importlib.import_module("amaranth.hdl._ir")
_xfrm = importlib.import_module("amaranth.hdl._xfrm")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')
_PORT = re.compile(r"  wire width (\d+) (input|output|inout) \d+ +(?:signed +)?\\(\S+)\Z")
_CLOCK = re.compile(r"(?:(?P<domain>\w+)_)?(?P<kind>clk|rst)\Z")


def emit(
    component: Any,
    name: str,
    *,
    directory: Path,
    ports: Any = None,
    domains: Mapping[str, str] | None = None,
    parameters: Mapping[str, int | float | str] | None = None,
    registers: Sequence[Register] = (),
    latency: Mapping[str, int] | None = None,
) -> RtlManifest:
    """Write `<name>.v` and `<name>.manifest.json` into `directory` and return the manifest.

    The text depends only on the design and on the versions of Amaranth and Yosys; the SHA-256 in
    the manifest is that of the Verilog file.

    Parameters
    ----------
    component : wiring.Component or Elaboratable
        The top.
    name : str
        Name of the top module and of the files: a letter, then letters, digits and underscores.
    directory : Path
        Where to write; made when missing.
    ports
        As of `amaranth.back.rtlil.convert`; needed for an Elaboratable without signature.
    domains : dict
        Clock domain of ports, by port name or by the name of the member the port belongs to (the
        part before `__`); `""` for an asynchronous input. A port not named here is in `sync`, or
        in the only domain when there is only one. Clocks and resets, which are the ports that
        Amaranth adds, have the domain `""`.
    parameters, registers, latency
        Copied into the manifest.

    Raises
    ------
    ValueError
        When `name` is not an identifier, `domains` names no port or domain that exists, or a
        domain has to be told and is not.
    """
    if not _NAME.match(name):
        raise ValueError(f"name = {name!r}; a letter, then letters, digits and underscores")
    text = _convert(component, name, ports)
    declared = _ports(text, name)
    clocks = _clocks(declared, component, ports)
    manifest_ports = _assign(declared, clocks, dict(domains or {}))
    verilog = _to_verilog(merge(text))
    digest = hashlib.sha256(verilog.encode()).hexdigest()
    manifest = RtlManifest(
        top=name,
        verilog=f"{name}.v",
        sha256=digest,
        parameters=dict(parameters or {}),
        domains=tuple(sorted(set(clocks.values()), key=lambda name: (name != "sync", name))),
        ports=manifest_ports,
        registers=tuple(registers),
        latency_cycles=dict(latency or {}),
    )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.v").write_text(verilog)
    manifest.write(directory / f"{name}.manifest.json")
    return manifest


@dataclass
class _Module:
    """One module of the RTLIL text."""

    name: str
    attributes: list[str]
    lines: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)


def _parse(text: str) -> list[_Module]:
    modules: list[_Module] = []
    attributes: list[str] = []
    current: _Module | None = None
    for line in text.splitlines():
        if current is None:
            if line.startswith("attribute "):
                attributes.append(line)
            elif line.startswith("module "):
                current = _Module(line.split()[1], attributes)
                attributes = []
        elif line == "end":
            modules.append(current)
            current = None
        elif line:
            current.lines.append(line)
            if line.startswith("  wire ") and (port := _PORT.match(line)):
                current.ports.append("\\" + port[3])
            elif line.startswith("  cell \\"):
                current.children.append(line.split()[1])
    return modules


def _bottom_up(modules: Mapping[str, _Module]) -> Iterator[_Module]:
    done: set[str] = set()

    def visit(module: _Module) -> Iterator[_Module]:
        if module.name in done:
            return
        done.add(module.name)
        for child in module.children:
            if child in modules:
                yield from visit(modules[child])
        yield module

    for module in modules.values():
        yield from visit(module)


def _canonical(module: _Module, ports_of: Mapping[str, Mapping[str, int]], kind: Mapping) -> str:
    """Text of the module without the names that do not matter.

    Wires, cells and memories are numbered as they appear; a merged child is named by its digest
    and its ports by their place.
    """
    numbers: dict[str, str] = {}

    def local(name: str) -> str:
        return numbers.setdefault(name, f"#{len(numbers)}")

    out: list[str] = []
    child: Mapping[str, int] | None = None
    inside = False  # a cell
    for line in module.lines:
        tokens = _TOKEN.findall(line)
        keep = 1
        if tokens[0] == "cell":
            inside = True
            child = ports_of.get(tokens[1])
            tokens[1] = kind.get(tokens[1], tokens[1])
            keep = 2
        elif tokens[0] == "attribute":
            keep = len(tokens)
        elif tokens[0] == "parameter":
            keep = len(tokens)
            if tokens[1] == "\\MEMID":
                tokens[2] = local(tokens[2].strip('"').replace("\\\\", "\\"))
        elif tokens[0] == "connect" and inside:
            keep = 2
            if child is not None:
                tokens[1] = f"#{child[tokens[1]]}"
        elif tokens[0] == "end" and line == "  end":
            inside = False
        out.append(
            " ".join(
                token if index < keep or token[0] not in "\\$" else local(token)
                for index, token in enumerate(tokens)
            )
        )
    return "\n".join(out)


def merge(text: str) -> str:
    """Return RTLIL text in which modules with equal contents are one module.

    Works from the leaves up, so that parents of merged children can be equal too. The first module
    of a group stays, with the names inside it; its own name loses the instance numbers when the
    group has several members and no other module is called so.
    """
    modules = {module.name: module for module in _parse(text)}
    ports_of = {
        name: {port: place for place, port in enumerate(module.ports)}
        for name, module in modules.items()
    }
    digests: dict[str, str] = {}
    groups: dict[str, list[_Module]] = {}
    for module in _bottom_up(modules):
        body = _canonical(module, ports_of, digests)
        top = any(line.startswith("attribute \\top ") for line in module.attributes)
        digest = hashlib.sha256((body + module.name * top).encode()).hexdigest()
        digests[module.name] = digest
        groups.setdefault(digest, []).append(module)

    names = _names(modules, groups, digests)
    kept = {group[0].name for group in groups.values()}
    out: list[str] = []
    for module in modules.values():
        if module.name not in kept:
            continue
        out += [*module.attributes, f"module {names[digests[module.name]]}"]
        rename: Mapping[str, str] = {}
        for line in module.lines:
            if line.startswith("  cell \\"):
                _, kind, instance = line.split()
                rename = {}
                if kind in modules:
                    first = groups[digests[kind]][0]
                    rename = dict(zip(modules[kind].ports, first.ports, strict=True))
                    line = f"  cell {names[digests[kind]]} {instance}"
            elif line.startswith("  cell "):
                rename = {}
            elif rename and line.startswith("    connect "):
                _, port, value = line.split(maxsplit=2)
                line = f"    connect {rename[port]} {value}"
            elif line == "  end":
                rename = {}
            out.append(line)
        out.append("end")
    return "\n".join(out) + "\n"


def _names(
    modules: Mapping[str, _Module],
    groups: Mapping[str, list[_Module]],
    digests: Mapping[str, str],
) -> dict[str, str]:
    """Verilog-friendly module name of each group, in the order of the text."""
    taken: set[str] = set()
    names: dict[str, str] = {}
    for module in modules.values():
        digest = digests[module.name]
        if digest in names:
            continue
        parts = re.sub(r"\$\d+", "", module.name.removeprefix("\\")).split(".")
        if len(groups[digest]) > 1:
            parts = [parts[0], *(re.sub(r"_?\d+\Z", "", part) or part for part in parts[1:])]
        base = re.sub(r"\W", "_", "__".join(parts))
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name)
        names[digest] = "\\" + name
    return names


def _to_verilog(text: str) -> str:
    yosys = find_yosys(lambda version: version >= (0, 40))
    script = "\n".join(
        (
            f"read_rtlil <<rtlil\n{text}\nrtlil",
            "proc -nomux -norom",
            "memory_collect",
            "write_verilog -norename -noattr",
        )
    )
    try:
        return yosys.run(["-q", "-"], script, ignore_warnings=True)
    except YosysError as error:
        raise RuntimeError(f"Yosys: {error}") from None


def _ports(text: str, top: str) -> list[tuple[str, int, str]]:
    """Name, width and direction of the ports of the top, in the order of the module."""
    module = next(module for module in _parse(text) if module.name == "\\" + top)
    found = (_PORT.match(line) for line in module.lines)
    return [(port[3], int(port[1]), port[2]) for port in found if port]


def _convert(component: Any, name: str, ports: Any) -> str:
    """RTLIL of a component; its clocks are ports in one order, in every process.

    Amaranth adds ports for domains that nobody defined from a set, so their order, and with it the
    text, would change with Python's hash seed.
    """
    if ports is not None:
        return _rtlil.convert(component, name=name, ports=ports, emit_src=False)
    fragment = _ir.Fragment.get(component, None)
    collector = _xfrm.DomainCollector()
    collector(fragment)
    wanted = collector.used_domains - collector.defined_domains - {"comb"}
    named: dict[str, tuple[Any, Any]] = {}
    for domain in sorted(wanted, key=lambda domain: (domain != "sync", domain)):
        clock: Any = ClockDomain(domain)
        fragment.add_domains(clock)
        for signal in (clock.clk, clock.rst):
            named[signal.name] = (signal, _ir.PortDirection.Input)
    for path, member, value in component.signature.flatten(component):
        inward = member.flow == wiring.In
        direction = _ir.PortDirection.Input if inward else _ir.PortDirection.Output
        named["__".join(map(str, path))] = (Value.cast(value), direction)
    text, _ = _rtlil.convert_fragment(fragment, named, name, emit_src=False)
    return text


def _clocks(declared: Sequence[tuple[str, int, str]], component: Any, ports: Any) -> dict[str, str]:
    """Clock and reset ports that Amaranth added, with their domains."""
    if ports is not None:
        own = {getattr(port, "name", port) for port in ports}
    else:
        own = {"__".join(map(str, path)) for path, _, _ in component.signature.flatten(component)}
    clocks = {}
    for name, _, _ in declared:
        if name not in own and (match := _CLOCK.match(name)):
            clocks[name] = match["domain"] or "sync"
    return clocks


def _assign(
    declared: Sequence[tuple[str, int, str]], clocks: Mapping[str, str], domains: dict[str, str]
) -> tuple[Port, ...]:
    known = dict.fromkeys(clocks.values())
    only = next(iter(known)) if len(known) == 1 else "sync" if "sync" in known else None
    names = {name for name, _, _ in declared}
    for key, domain in domains.items():
        if key not in names and not any(name.startswith(f"{key}__") for name in names):
            raise ValueError(f"domains: {key!r} is no port; there are {', '.join(sorted(names))}")
        if domain and domain not in known:
            raise ValueError(f"domains: {key} in {domain!r}; one of {', '.join(known)}")
    ports = []
    for name, width, direction in declared:
        if name in clocks:
            domain = ""
        else:
            told = domains.get(name, domains.get(name.split("__")[0]))
            if told is None and only is None and known:
                raise ValueError(f"domains: port {name} needs one of {', '.join(known)}")
            domain = told if told is not None else only or ""
        side = "in" if direction == "input" else "out"
        ports.append(Port(name=name, width=width, direction=side, domain=domain))
    return tuple(ports)
