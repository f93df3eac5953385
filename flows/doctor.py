"""What this machine has of what the commands need, and the command that installs the rest."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from dataclasses import dataclass

from lightloom.cosim.verilator import build
from lightloom.flows.formal import INSTALL, PACKAGES
from lightloom.spec import DesignError, cache


@dataclass(frozen=True)
class Need:
    """One thing that is needed: what it is for, what was found, how to get it."""

    name: str
    purpose: str
    found: str | None
    install: str
    required: bool = True
    """Whether a command cannot run without it; otherwise some of its figures are missing."""


def needs() -> list[Need]:
    """Everything the commands need, in the order to install it."""
    system = "apt-get install g++ make perl (Debian, Ubuntu)"
    return [
        Need("python", "3.11 to 3.13", _python(), "python3.11 or newer from python.org or apt-get"),
        Need("g++", "compiles the signal kernel and the simulator", _tool("g++"), system),
        Need("make", "builds the simulator", _tool("make"), system),
        Need("perl", "runs the Verilator driver", _tool("perl"), system),
        Need(
            "libpython",
            "cocotb runs inside the simulator",
            _libpython(),
            "a Python built with --enable-shared (Debian, Ubuntu: apt-get install libpython3-dev)",
        ),
        *(_package(line) for line in _requirements()),
        *(Need(name, "lightloom formal", _version(name), INSTALL) for name in PACKAGES),
        *_synthesis(),
        Need("lz4, zlib", "--waves", _waves(), "apt-get install liblz4-dev zlib1g-dev", False),
        Need(
            "distributed",
            "lightloom sweep --scheduler",
            _version("distributed"),
            "pip install 'lightloom[dask]'",
            required=False,
        ),
        Need("cache folder", "keeps layouts and builds", _cache(), "set LIGHTLOOM_CACHE"),
    ]


def _synthesis() -> list[Need]:
    """Tools of `lightloom synth` besides Yosys, all optional."""
    from lightloom.flows import synth_tools as tools

    library = tools.OSU018.name if tools.OSU018.exists() else None
    rows = (
        (tools.NEXTPNR, "lightloom synth: Fmax", tools.version(tools.NEXTPNR), "pip install"),
        ("opensta", "lightloom synth: slack", tools.sta_version(), "apt-get install"),
        ("qflow-tech-osu018", "lightloom synth: area", library, "apt-get install"),
    )
    return [Need(name, does, has, f"{by} {name}", required=False) for name, does, has, by in rows]


def _python() -> str | None:
    version = ".".join(map(str, sys.version_info[:3]))
    return version if (3, 11) <= sys.version_info < (3, 14) else None


def _tool(name: str) -> str | None:
    if shutil.which(name) is None:
        return None
    flag = "-v" if name == "perl" else "--version"
    result = subprocess.run([name, flag], capture_output=True, text=True, check=False)
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    return lines[0] if lines else "found"


def _libpython() -> str | None:
    try:
        import find_libpython
    except ModuleNotFoundError:
        return None
    found = find_libpython.find_libpython()
    return None if found is None else found.rsplit("/", 1)[-1]


def _waves() -> str | None:
    try:
        build.check_waves()
    except (DesignError, OSError):
        return None
    return "found"


def _requirements() -> list[str]:
    try:
        return importlib.metadata.requires("lightloom") or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _package(requirement: str) -> Need:
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    found = _version(wanted.name)
    if found is not None and not wanted.specifier.contains(found):
        found = None
    return Need(wanted.name, str(wanted.specifier), found, f"pip install '{requirement}'")


def _cache() -> str | None:
    root = cache.root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / ".writable"
        probe.touch()
        probe.unlink()
    except OSError:
        return None
    return str(root)
