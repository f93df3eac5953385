"""Simulation of one block in Verilator: `verilate(component, name, main)` is an executable."""

import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from lightloom.cosim.verilator.build import tool_environment
from lightloom.rtl.verilog import emit
from lightloom.spec import cache

FLAGS = ["-std=c++20", "-march=native", "-DVERILATOR=1", "-DVM_TRACE=0", "-DVM_COVERAGE=0",
         "-DVM_SC=0", "-faligned-new", "-fcf-protection=none", "-w"]  # fmt: skip
RUNTIME = ("verilated", "verilated_threads")


def run(command, **kwargs):
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, **kwargs
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "rror" in line]
        raise AssertionError(f"{command[0]} failed:\n" + "\n".join(errors[:20] or [done.stderr]))


def versions():
    compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True)
    return metadata.version("verilator"), compiler.stdout, " ".join(FLAGS)


def runtime(include):
    """Object files of Verilator's run-time, which are the same for every model."""

    def build(directory):
        for name in RUNTIME:
            run(["g++", *FLAGS, "-O1", "-I", include, "-I", include / "vltstd", "-c",
                 include / f"{name}.cpp", "-o", directory / f"{name}.o"])  # fmt: skip

    place = cache.entry("verilator-runtime", cache.key(*versions()), build)
    return [place / f"{name}.o" for name in RUNTIME]


def compiled(component, name, main, work, *, domains=None, optimize="-O1", modules=False):
    """Executable of `verilate`; the Verilog is written to the directory `work`."""
    text = main.read_text() if isinstance(main, Path) else main
    manifest = emit(component, name, directory=work, domains=domains)
    environment = tool_environment()
    include = Path(environment["VERILATOR_ROOT"]) / "include"

    def build(directory):
        (directory / "main.cpp").write_text(text)
        shutil.copy(work / manifest.verilog, directory)
        run(["verilator", "--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast",
             "--noassert", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--output-split", "20000",
             *["-fno-inline"] * modules,
             "--top-module", name, "--prefix", f"V{name}", "-Mdir", directory,
             manifest.verilog], cwd=directory, env=environment)  # fmt: skip
        objects = runtime(include)
        if modules:
            parts = sorted(directory.glob("V*.cpp"))
            whole = "".join(part.read_text() for part in parts)
            for part in parts:
                part.unlink()
            (directory / "whole.cpp").write_text(whole)
        for path in sorted(directory.glob("*.cpp")):
            level = "-O0" if "__Slow" in path.name or "__Syms" in path.name else optimize
            run(["g++", *FLAGS, level, "-I", include, "-I", include / "vltstd",
                 "-c", path.name], cwd=directory)  # fmt: skip
        run(["g++", "-o", directory / "simulate", *sorted(directory.glob("*.o")), *objects,
             "-pthread", "-latomic"])  # fmt: skip
        for path in directory.iterdir():
            if path.suffix in (".o", ".h", ".mk", ".d", ".dat", ".cpp"):
                path.unlink()

    here = Path(__file__).read_text()
    key = cache.key(manifest.sha256, name, text, optimize, str(modules), here, *versions())
    return cache.entry("verilated-blocks", key, build) / "simulate"


@pytest.fixture(scope="session")
def verilate(tmp_path_factory):
    """Function from a component and a C++ main to an executable, cached by content.

    `verilate(component, name, main, *, domains=None, optimize="-O1", modules=False)`: `component`
    becomes module `name`, the model is `V<name>` of `V<name>.h`, `main` is C++ text or the path of
    a file. `domains` is that of `lightloom.rtl.verilog.emit`. Verilator writes port `a__b` as
    `a___05Fb`; memories and inputs start at zero. `modules` compiles each module once, in one file:
    the way to go where many lanes are alike.
    """

    def verilate(component, name, main, **options):
        return compiled(component, name, main, tmp_path_factory.mktemp(name), **options)

    return verilate


def peakrdl_layout(text: Path, top: str, parameters: dict[str, int], registers, directory: Path):
    """Addresses and field geometry as PeakRDL's C header gives them to a C compiler.

    Fields of register types that have a name are left out: the header names them by the type.
    """
    header = directory / "map.h"
    overrides = [a for key, value in parameters.items() for a in ("-P", f"{key}={value}")]
    command = [str(Path(sys.executable).with_name("peakrdl")), "c-header", str(text), "-o"]
    subprocess.run([*command, str(header), "-t", top, *overrides], check=True, timeout=60)
    written = header.read_text()
    kind = re.findall(r"^\} (\w+_t);", written, re.MULTILINE)[-1]
    macro = kind.removesuffix("_t").upper()
    lines = []
    for register in registers:
        lines.append(f'printf("%s=%zu\\n", "{register.name}", offsetof({kind}, {register.name}));')
        bare = re.sub(r"\[\d+\]", "", register.name).replace(".", "__").upper()
        for field in register.fields:
            name = f"{macro}__{bare}__{field.name.upper()}"
            path = f"{register.name}.{field.name}"
            if f"{name}_bp" not in written:
                continue
            lines.append(f'printf("%s=%u,%u\\n", "{path}", {name}_bp, {name}_bw);')
    program = directory / "map.c"
    program.write_text(
        f'#include <stddef.h>\n#include <stdio.h>\n#include "{header.name}"\n'
        "int main(void) {\n" + "\n".join(lines) + "\nreturn 0;\n}\n"
    )
    binary = directory / "map"
    subprocess.run(["gcc", "-std=c11", str(program), "-o", str(binary)], check=True, timeout=60)
    done = subprocess.run([str(binary)], check=True, capture_output=True, text=True, timeout=10)
    return dict(line.split("=") for line in done.stdout.splitlines()), written


@pytest.fixture
def peakrdl():
    """Register layout by PeakRDL: `peakrdl(text, top, parameters, registers, directory)`."""
    return peakrdl_layout
