"""What a photonic chip is made of and how it is joined: the one netlist form of this room.

The layout generator writes the *intended* netlist from its own knowledge; `checks.extract` makes
another from the GDS alone; `checks.lvs` compares the two and `solver` simulates either.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from lightloom.spec.base import DesignError

MAX_BYTES = 64 << 20
"""Netlist files larger than this are refused."""
MAX_ITEMS = 500_000
"""Instances or nets beyond this number are refused."""

NAME = r"^[A-Za-z0-9_.$\[\]+-]{1,160}$"
Name = Annotated[str, Field(pattern=NAME)]
Pin = tuple[Name, Name]
"""Instance name and port name."""

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass
class Instance:
    """One device: its type and its parameters, as intended or as measured.

    `parameters` have their unit in the name (`gap_um`). `x_um`, `y_um` is the centre of the device,
    None where the writer does not know it.
    """

    __pydantic_config__ = _STRICT
    type: Name
    parameters: dict[Name, float] = field(default_factory=dict)
    x_um: float | None = None
    y_um: float | None = None


@dataclass
class Wire:
    """One waveguide between devices, never branching: two pins, or one and a loose end.

    `length_um` is the length of the centre line; None in an intended netlist leaves it free.
    `x_um`, `y_um` is the middle of what the waveguide covers.
    """

    __pydantic_config__ = _STRICT
    pins: list[Pin]
    length_um: float | None = None
    width_um: float | None = None
    x_um: float | None = None
    y_um: float | None = None


@dataclass
class Conductor:
    """One electrical net: the device terminals and the chip pads (by label) it joins.

    `width_um` is the least width of its metal outside the devices, `loops` the number of ways round
    in it (n - 1 in a ladder of n rungs); None leaves either free.
    """

    __pydantic_config__ = _STRICT
    pins: list[Pin] = field(default_factory=list)
    pads: list[Name] = field(default_factory=list)
    width_um: float | None = None
    loops: int | None = None


@dataclass
class Netlist:
    """A chip: devices, waveguides, conductors and the optical ports that leave it.

    `ports` maps the label of an optical chip port (`in0`) to the device pin that is there; `band`
    says which `devices.BANDS` its devices are numbers of.
    """

    __pydantic_config__ = _STRICT
    chip: Name
    ports: dict[Name, Pin] = field(default_factory=dict)
    instances: dict[Name, Instance] = field(default_factory=dict)
    nets: dict[Name, Wire] = field(default_factory=dict)
    electrical: dict[Name, Conductor] = field(default_factory=dict)
    band: Literal["O", "C"] = "O"

    def pins(self) -> Iterator[tuple[str, Pin]]:
        """Every pin that something is joined to, with the place it is named at."""
        for name, pin in self.ports.items():
            yield f"ports.{name}", pin
        for name, wire in self.nets.items():
            for pin in wire.pins:
                yield f"nets.{name}", pin
        for name, conductor in self.electrical.items():
            for pin in conductor.pins:
                yield f"electrical.{name}", pin

    def validate(self, source: str = "netlist") -> None:
        """Raise `DesignError` when a pin names no instance or is joined twice."""
        seen: dict[Pin, str] = {}
        for place, pin in self.pins():
            if pin[0] not in self.instances:
                raise DesignError(
                    f"{source}: {place}: pin {pin[0]},{pin[1]}; allowed: an instance of the netlist"
                )
            if pin in seen:
                raise DesignError(
                    f"{source}: {place}: pin {pin[0]},{pin[1]} is also in {seen[pin]}; "
                    "allowed: one net a pin"
                )
            seen[pin] = place

    def digest(self) -> str:
        """SHA-256 of what `write` writes."""
        return hashlib.sha256("".join(_lines(self)).encode()).hexdigest()

    def write(self, path: Path) -> None:
        """Write the netlist as YAML, one line an instance or net, in the order of the dicts."""
        path.write_text("".join(_lines(self)))


_ADAPTER = TypeAdapter(Netlist)


def read(path: Path) -> Netlist:
    """Return the netlist of a YAML file.

    A net may be given as a bare list of pins. Raises `DesignError` (file, key, value) when the file
    is too large, is not plain YAML, or is not a consistent netlist.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DesignError(f"{path}: {size} bytes; allowed: at most {MAX_BYTES}")
        text = path.read_bytes().decode()
    except OSError as error:
        raise DesignError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DesignError(f"{path}: not a netlist: not UTF-8 text") from None
    data = _plain(text, path)
    if not isinstance(data, dict):
        raise DesignError(f"{path}: not a netlist: allowed: a mapping with chip, instances, nets")
    for key in ("instances", "nets", "electrical", "ports"):
        part = data.get(key)
        if isinstance(part, dict) and len(part) > MAX_ITEMS:
            raise DesignError(f"{path}: {key}: {len(part)} entries; allowed: at most {MAX_ITEMS}")
    nets = data.get("nets")
    if isinstance(nets, dict):
        data["nets"] = {k: {"pins": v} if isinstance(v, list) else v for k, v in nets.items()}
    try:
        netlist = _ADAPTER.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "netlist"
        value = repr(first["input"])
        value = value if len(value) <= 60 else value[:57] + "..."
        raise DesignError(f"{path}: {place}: {value}: {first['msg']}") from None
    netlist.validate(str(path))
    return netlist


def _plain(text: str, path: Path) -> Any:
    fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # safe: plain values only
    try:
        _refuse_bombs(yaml.parse(text, Loader=fast), path)
        return yaml.load(text, Loader=fast)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise DesignError(f"{path}: not YAML: {first}") from None


def _refuse_bombs(events: Iterator[Any], path: Path) -> None:
    # Aliases let a small file unfold into a huge one; deep nesting overruns the C loader's stack.
    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise DesignError(f"{path}: not a netlist: anchors and aliases are not allowed")
        if getattr(event, "tag", None):
            raise DesignError(f"{path}: not a netlist: tags are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > 8:
                raise DesignError(f"{path}: not a netlist: nested deeper than 8 levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _lines(netlist: Netlist) -> Iterator[str]:
    yield f"chip: {_scalar(netlist.chip)}\n"
    if netlist.band != "O":
        yield f"band: {netlist.band}\n"
    yield "ports:" + ("\n" if netlist.ports else " {}\n")
    for name, pin in netlist.ports.items():
        yield f"  {_scalar(name)}: {_pin(pin)}\n"
    yield "instances:" + ("\n" if netlist.instances else " {}\n")
    for name, instance in netlist.instances.items():
        parts = [f"type: {_scalar(instance.type)}"]
        if instance.parameters:
            inner = ", ".join(f"{_scalar(k)}: {_number(v)}" for k, v in instance.parameters.items())
            parts.append(f"parameters: {{{inner}}}")
        parts += _numbers(x_um=instance.x_um, y_um=instance.y_um)
        yield f"  {_scalar(name)}: {{{', '.join(parts)}}}\n"
    yield "nets:" + ("\n" if netlist.nets else " {}\n")
    for name, wire in netlist.nets.items():
        parts = [f"pins: [{', '.join(map(_pin, wire.pins))}]"]
        parts += _numbers(
            length_um=wire.length_um, width_um=wire.width_um, x_um=wire.x_um, y_um=wire.y_um
        )
        yield f"  {_scalar(name)}: {{{', '.join(parts)}}}\n"
    yield "electrical:" + ("\n" if netlist.electrical else " {}\n")
    for name, conductor in netlist.electrical.items():
        parts = [f"pins: [{', '.join(map(_pin, conductor.pins))}]"]
        if conductor.pads:
            parts.append(f"pads: [{', '.join(map(_scalar, conductor.pads))}]")
        parts += _numbers(width_um=conductor.width_um, loops=conductor.loops)
        yield f"  {_scalar(name)}: {{{', '.join(parts)}}}\n"


def _numbers(**values: float | None) -> list[str]:
    return [f"{key}: {_number(value)}" for key, value in values.items() if value is not None]


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} in a netlist; allowed: finite numbers")
    text = f"{value + 0.0:.12g}"  # + 0.0: no negative zero
    # YAML 1.1 reads 1e-06 as text: a number with an exponent needs a point before it.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _pin(pin: Pin) -> str:
    return f"[{_scalar(pin[0])}, {_scalar(pin[1])}]"


def _scalar(name: str) -> str:
    if not re.match(NAME, name):
        raise ValueError(f"{name!r} in a netlist; allowed: {NAME}")
    # Quoted unless it can only be read as text: `1`, `no`, `1e3` and `[x]` would be something else.
    plain = re.match(r"^[A-Za-z_][A-Za-z0-9_.-]*$", name)
    return name if plain and name.lower() not in _WORDS else f'"{name}"'


_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
