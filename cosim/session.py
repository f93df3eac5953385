"""Start a co-simulation from outside the simulator, follow it and read what it measured."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from lightloom.cosim.setup import Outcome, Setup
from lightloom.cosim.verilator import build
from lightloom.rtl.link.config import Config
from lightloom.spec import Design, DesignError, fabrics


def parameters(design: Design) -> dict[str, int]:
    """Parameters of `top.sv` for a design."""
    return {
        "LANES": design.serdes.lanes,
        "BLOCKS": Config.from_design(design.serdes).blocks,
        "SYMBOLS": design.serdes.symbols_per_clock,
        "TX_BITS": design.serdes.tx_dac_bits,
        "ADC_BITS": design.serdes.adc_bits,
        "CELLS": _cells(design),
        "DAC_BITS": design.switch.dac_bits,
    }


def _cells(design: Design) -> int:
    if not design.has_controller or design.ring:
        return 1
    return len(fabrics.plan(design.switch.topology, design.switch.ports).cells)


def compile_bench(
    design: Design,
    serdes: Path,
    controller: Path | None,
    kernel: Path,
    *,
    jobs: int,
    waves: str | None = None,
) -> Path:
    """Return the executable for generated Verilog files, from the cache when it is there.

    `waves` is the Verilator configuration that says what is traced, None for nothing.
    """
    return build.executable(
        [serdes, *([controller] if controller else [])],
        parameters(design),
        kernel=kernel,
        stands="" if controller is None else "RING" if design.ring else "SWITCH",
        jobs=jobs,
        waves=waves,
    )


def simulate(
    setup: Setup,
    binary: Path,
    directory: Path,
    *,
    progress: Callable[[Mapping[str, object]], None] = lambda _: None,
    timeout_s: float = 3600.0,
    waves: str | None = None,
) -> Outcome:
    """Run one link in `directory`, which gets `setup.json`, `outcome.json`, received files and log.

    An executable that was built with waves also writes them, to a file named `waves`.

    `progress` is called with what the bench reports, in simulated time. Raises `DesignError` when
    the simulation ends without an outcome or takes longer than `timeout_s` of wall time.
    """
    setup.write(directory / "setup.json")
    log_path = directory / "simulation.log"
    process = build.run(
        binary,
        "lightloom.cosim.bench",
        directory,
        {"LIGHTLOOM_SETUP": str(directory / "setup.json")},
        waves,
    )
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(timeout_s, stop)
    timer.start()
    try:
        assert process.stdout is not None
        with process.stdout, log_path.open("w") as log:
            for line in process.stdout:
                if line.startswith("@{"):
                    progress(json.loads(line[1:]))
                else:
                    log.write(line)
        process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise DesignError(f"the simulation took longer than {timeout_s:.0f} s; see {log_path}")
    outcome = directory / "outcome.json"
    if not outcome.exists():
        lines = [line for line in log_path.read_text().splitlines() if "rror" in line]
        raise DesignError(f"the simulation ended early: {(lines or ['no message'])[-1].strip()}")
    return Outcome.read(outcome)
