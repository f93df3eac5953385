"""Compile the chip's RTL with its optics into one program, cached by content."""

from __future__ import annotations

import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

from lightloom.cosim.chip.rtl import LockedDrive
from lightloom.cosim.verilator.build import compiler, tool_environment
from lightloom.rtl.verilog import emit
from lightloom.spec import DesignError, cache

MAIN = Path(__file__).with_name("chip.cpp")
OPTIMIZE = "-O2 -march=native -fcx-limited-range"
"""Complex products without the search for infinities."""


def executable(component: LockedDrive, jobs: int = 1) -> Path:
    """Return the program of a chip's digital side; raises `DesignError` when it cannot be built."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = emit(component, "chip", directory=Path(folder))
        text = (Path(folder) / manifest.verilog).read_text()
    versions = [metadata.version("verilator"), compiler()]
    name = cache.key(text, cache.sources([MAIN, Path(__file__)]), OPTIMIZE, *versions)

    def build(directory: Path) -> None:
        (directory / "chip.v").write_text(text)
        command = [
            "verilator", "--cc", "--exe", "-O3", "--x-assign", "fast", "--x-initial", "fast",
            "--noassert", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--top-module", "chip",
            "--prefix", "Vchip", "-Mdir", str(directory), "-CFLAGS", "-std=c++20", "-o", "chip",
            str(MAIN), "chip.v",
        ]  # fmt: skip
        compile_ = [
            "make", "-j", str(jobs), "-C", str(directory), "-f", "Vchip.mk", "chip",
            "CFG_CXXFLAGS_PCH_I=-include", f"OPT_FAST={OPTIMIZE}", "OPT_SLOW=-O0", "OPT_GLOBAL=-O2",
        ]  # fmt: skip
        for step in (command, compile_):
            done = subprocess.run(
                step, cwd=directory, env=tool_environment(), capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            if done.returncode:
                errors = [
                    line for line in (done.stdout + done.stderr).splitlines() if "rror" in line
                ]
                raise DesignError(f"{step[0]} failed: {' | '.join(errors)[:600]}")
        for path in directory.iterdir():
            if path.name != "chip":
                path.unlink()

    return cache.entry("switch-chip", name, build) / "chip"
