"""Files that open the useful signals of a link's waves in GTKWave and in Surfer, by side and lane.

Surfer's command file is described in its own documentation (docs/commands/README.md): a command a
line, here `divider_add`, `variable_add` and `zoom_fit`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vcd.gtkw import GTKWSave

from lightloom.spec import Design

FST = "waves.fst"
WIDEST = 256
"""Bits; Verilator does not trace what is wider."""
Format = Literal["hex", "dec", "signed"]

_GENERATED = ("xpu_a.serdes", "xpu_b.serdes", "switch_chip", "transceiver_a", "transceiver_b")
_LINK = ("clk", "rst", "rx_clk", "rx_rst", "detect", "state", "link_up", "traffic", "i_valid",
         "i_ready", "o_valid", "frame_good", "received", "tx_words")  # fmt: skip
"""Of `xpu.sv`."""
_BRING_UP = ("enable", "signal", "cdr_run", "cdr_locked", "equalizer_run", "equalized", "lock_run",
             "block_lock", "align_run", "aligned", "ready", "remote_ready", "up", "fail_reason",
             "attempts", "downs")  # fmt: skip
_RECEIVE = {
    "": ("cdr_locked", "phase", "settled", "block_lock", "valid", "data", "kinds"),
    "pma": ("signal_detect", "frequency", "level", "dfe", "prbs_locked", "prbs_valid",
            "prbs_errors"),
    "pma.cdr": ("freeze", "coast", "amplitude", "timing"),
}  # fmt: skip
"""By part of a lane."""
_TRANSMIT = {"": ("run", "data", "kinds", "word")}
_FORMATS: Mapping[str, Format] = {
    "tx_words": "dec", "attempts": "dec", "downs": "dec", "phase": "dec", "level": "dec",
    "prbs_errors": "dec", "amplitude": "signed", "timing": "signed", "frequency": "signed",
    "dfe": "signed",
}  # fmt: skip


@dataclass(frozen=True)
class Signal:
    """A signal by its place in the hierarchy."""

    path: str
    width: int
    format: Format = "hex"


@dataclass(frozen=True)
class Group:
    """Signals that stand together."""

    title: str
    signals: tuple[Signal, ...]
    closed: bool = False


@dataclass(frozen=True)
class Module:
    """A generated module: widths of its ports, modules of its instances."""

    ports: Mapping[str, int]
    instances: Mapping[str, str]


def modules(verilog: str) -> dict[str, Module]:
    """Modules of a Verilog file that Amaranth wrote."""
    found = {}
    for name, body in re.findall(
        r"^module (\S+?) ?\(.*?\);\n(.*?)^endmodule", verilog, re.M | re.S
    ):
        declared = re.findall(r"^  (?:input|output) (?:\[(\d+):0\] )?([a-z]\w*);$", body, re.M)
        ports = {port: int(high or 0) + 1 for high, port in declared}
        made = re.findall(r"^  (\w+) ([a-z]\w*) \($", body, re.M)
        found[name] = Module(ports, {instance: kind for kind, instance in made})
    return found


def traced(design: Design) -> str:
    """Verilator configuration that leaves, of generated modules, the signals of what is shown.

    With all of them the file would be ten times larger, and the run as much slower.
    """
    places = ["bring_up"]
    for side, parts in (("rx", _RECEIVE), ("tx", _TRANSMIT)):
        for lane in range(design.serdes.lanes):
            places += [f"{side}.lane_{lane}{'.' if part else ''}{part}" for part in parts]
    lines = [f'tracing_off -scope "top.{top}"' for top in _GENERATED]
    for serdes in _GENERATED[:2]:
        lines += [f'tracing_on -scope "top.{serdes}.{place}" -levels 1' for place in places]
    return "\n".join(["`verilator_config", *lines, ""])


def groups(design: Design, made: Mapping[str, Module]) -> list[Group]:
    """Groups of a link: both sides with their lanes, and what switches the light."""
    found = []
    lanes = range(design.serdes.lanes)
    for side in "ab":
        base, title = f"top.xpu_{side}", f"xPU {side.upper()}"
        widths = {"state": 4, "tx_words": 32, "detect": design.serdes.lanes}
        plain = (Signal(f"{base}.{n}", widths.get(n, 1), _format(n)) for n in _LINK)
        found.append(Group(title, tuple(plain)))
        found.append(_group(f"{title}, bring-up", base, "serdes.bring_up", {"": _BRING_UP}, made))
        for lane in lanes:
            place = f"serdes.rx.lane_{lane}"
            found.append(_group(f"{title}, lane {lane} receives", base, place, _RECEIVE, made))
        for lane in lanes:
            place = f"serdes.tx.lane_{lane}"
            found.append(
                _group(f"{title}, lane {lane} sends", base, place, _TRANSMIT, made, closed=True)
            )
    if design.ring:
        names = {"path": 2, "busy": 1, "freeze": 1, "pause": 1, "save": 1, "load": 1, "index": 4}
        for side in "ab":
            signals = tuple(Signal(f"top.{name}_{side}", w) for name, w in names.items())
            found.append(Group(f"switch of xPU {side.upper()}", signals))
    elif design.has_controller:
        names = ("busy", "done", "error")
        found.append(Group("switch", tuple(Signal(f"top.ocs_{name}", 1) for name in names)))
    return found


def write(design: Design, verilog: Path, directory: Path) -> None:
    """Write `waves.gtkw` and `waves.sucl` for the generated SerDes of `verilog`."""
    found = groups(design, modules(verilog.read_text()))
    with (directory / "waves.gtkw").open("w") as file:
        _gtkwave(found, GTKWSave(file))
    (directory / "waves.sucl").write_text(_surfer(found))


def _gtkwave(found: Sequence[Group], save: GTKWSave) -> None:
    save.dumpfile(FST, abspath=False)
    save.treeopen("top.")
    for group in found:
        with save.group(group.title, closed=group.closed):
            for signal in group.signals:
                # the range is a part of the name, of more than one bit
                bits = f"[{signal.width - 1}:0]" if signal.width > 1 else ""
                save.trace(signal.path + bits, datafmt=signal.format)


def _surfer(found: Sequence[Group]) -> str:
    lines = []
    for group in found:
        lines.append(f"divider_add {group.title}")
        lines += [f"variable_add {signal.path}" for signal in group.signals]
    return "\n".join([*lines, "zoom_fit", ""])


def _group(
    title: str,
    base: str,
    place: str,
    parts: Mapping[str, Sequence[str]],
    made: Mapping[str, Module],
    *,
    closed: bool = False,
) -> Group:
    """Ports of the parts of an instance, those that it has."""
    signals = []
    for part, names in parts.items():
        path = f"{place}.{part}" if part else place
        module = made[_below(made, "serdes", path.removeprefix("serdes."))]
        signals += [
            Signal(f"{base}.{path}.{name}", module.ports[name], _format(name))
            for name in names
            if 0 < module.ports.get(name, 0) <= WIDEST
        ]
    return Group(title, tuple(signals), closed)


def _below(made: Mapping[str, Module], module: str, path: str) -> str:
    """Module of an instance below an instance of `module`."""
    for step in filter(None, path.split(".")):
        module = made[module].instances[step]
    return module


def _format(name: str) -> Format:
    return _FORMATS.get(name, "hex")
