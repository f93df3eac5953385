"""Compile the kernel into a shared library, cached by its content, the compiler and the CPU.

It is built apart from the simulation because Verilator compiles what it is given with its own
flags, several times slower; and without `-ffast-math`, which would let results differ by compiler.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

from lightloom.spec import DesignError, cache

HERE = Path(__file__).parent
SOURCES = ("optics.cpp", "path.cpp", "fabric.cpp")
HEADERS = ("digest.hpp", "path.hpp", "fabric.hpp", "modulator.hpp", "noise.hpp", "vec.hpp")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fPIC", "-shared", "-Wno-psabi")


def library(flags: tuple[str, ...] = FLAGS) -> Path:
    """Return the path of `liboptics.so`; raises `DesignError` when it cannot be compiled."""
    compiler = shutil.which("g++")
    if compiler is None:
        raise DesignError("g++: not found; the signal kernel is compiled with it")
    name = cache.key(
        cache.sources(HERE / name for name in (*SOURCES, *HEADERS)),
        " ".join(flags),
        _version(compiler),
        _cpu(),
    )

    def build(directory: Path) -> None:
        done = subprocess.run(
            [compiler, *flags, "-o", "liboptics.so", *(str(HERE / name) for name in SOURCES)],
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if "error" in line]
            raise DesignError(f"g++: the signal kernel does not compile: {(errors or ['?'])[0]}")

    return cache.entry("kernel", name, build) / "liboptics.so"


def _version(compiler: str) -> str:
    run = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    return run.stdout.split("\n", 1)[0]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
