"""S-matrix of a design's switch over wavelength, from the netlist extracted from its layout."""

from __future__ import annotations

import re
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Run
from lightloom.spec import Design, DesignError, routing
from lightloom.spec.design import BANDS_NM

if TYPE_CHECKING:
    from lightloom.photonics.circuit.elements import Program
    from lightloom.photonics.circuit.solve import Method
    from lightloom.photonics.netlist import Netlist
    from lightloom.spec.optical_model import Fabric

MAX_POINTS = 20_000
MAX_SAMPLES = 100_000
FLOOR_DB = -200.0
"""Of what is printed and plotted, for exact zeros."""


@dataclass(frozen=True)
class Chip:
    """A switch in the setting that its design asks for."""

    design: Design
    netlist: Netlist
    """Extracted from the layout."""
    program: Program
    fabric: Fabric
    table: Mapping[str, Sequence[int]]
    """DAC codes for `bar` and `cross`."""
    states: tuple[int, ...]
    targets: Mapping[str, str]
    """Output of each input that has one."""

    @property
    def phases_rad(self) -> npt.NDArray[np.float64]:
        """Of the phase shifters, heat between them included."""
        from lightloom.photonics.switch import calibration

        codes = [
            self.table["cross" if state else "bar"][cell] for cell, state in enumerate(self.states)
        ]
        return calibration.phases_rad(self.fabric, codes)


@dataclass(frozen=True)
class Matrix:
    """Field transfers of a switch: `s[wavelength, output, input]`."""

    wavelength_nm: npt.NDArray[np.float64]
    s: npt.NDArray[np.complex128]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    targets: tuple[int, ...]
    """Output of each input as an index, -1 for none."""
    solver: str = "forward"
    reason: str = ""
    seconds: float = 0.0
    """Of the solver alone."""

    @cached_property
    def lit(self) -> list[int]:
        """Inputs that are routed."""
        return [source for source, target in enumerate(self.targets) if target >= 0]

    @cached_property
    def power_db(self) -> npt.NDArray[np.float64]:
        """Power transfers in dB, never below `FLOOR_DB`."""
        return 20 * np.log10(np.maximum(np.abs(self.s), 10 ** (FLOOR_DB / 20)))

    @property
    def routed_db(self) -> npt.NDArray[np.float64]:
        """`[wavelength, lit input]`: power that arrives where it was sent."""
        return self.power_db[:, [self.targets[source] for source in self.lit], self.lit]

    @property
    def crosstalk_db(self) -> npt.NDArray[np.float64]:
        """`[wavelength, output of a lit input, lit input]`: foreign over routed; -inf where routed.

        Outputs are in the order of the inputs that are routed to them.
        """
        ends = [self.targets[source] for source in self.lit]
        ratio = self.power_db[:, ends][:, :, self.lit] - self.routed_db[:, :, None]
        ratio[:, range(len(ends)), range(len(ends))] = -np.inf
        return ratio


def chip(design: Design) -> Chip:
    """Lay out the switch of a design, or take it from the cache, and set it."""
    from lightloom.photonics import layout
    from lightloom.photonics.switch import calibration, fabric_model

    with tempfile.TemporaryDirectory() as folder:
        netlist = layout.run("switch", design, Path(folder)).extracted
    program = fabric_model.program(netlist, design.switch)
    fabric = fabric_model.fabric(design, netlist, program)
    table = calibration.codes(fabric, design.switch.calibration)
    states = tuple(routing.states(design))
    return Chip(design, netlist, program, fabric, table, states, routing.targets(design))


def compute(
    made: Chip, wavelength_nm: Sequence[float], method: Method | Literal["auto"] = "auto"
) -> Matrix:
    """Evaluate a switch, every input to every output, ports in the order of their numbers."""
    from lightloom.photonics.circuit import scatter
    from lightloom.photonics.circuit import solve as circuit

    inputs, outputs = (
        tuple(sorted(names, key=_natural)) for names in (made.program.inputs, made.program.outputs)
    )
    phases = dict(zip(made.program.heaters, map(float, made.phases_rad), strict=True))
    wavelengths = np.asarray(wavelength_nm, dtype=float)
    frequencies = np.array([scatter.frequency_hz(nm) for nm in wavelengths])
    carrier = scatter.frequency_hz(made.design.engine.wavelength_nm)
    start = time.perf_counter()
    found = circuit.solve(made.netlist, frequencies, inputs, outputs, phases, carrier, method)
    seconds = time.perf_counter() - start
    targets = tuple(
        outputs.index(made.targets[name]) if name in made.targets else -1 for name in inputs
    )
    return Matrix(
        wavelengths, found.s, inputs, outputs, targets, found.method, found.reason, seconds
    )


def _natural(name: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*?)(\d*)", name)
    assert match is not None
    return match[1], int(match[2] or 0)


def run(
    path: Path,
    design: Design,
    changed: Mapping[str, str],
    points: int,
    band_nm: tuple[float, float] | None,
    out: Path,
    log: Reporter,
    method: Method | Literal["auto"] = "auto",
    variation: int = 0,
    permutations: int = 0,
) -> int:
    """Write `sparams.npz` and `sparams.png` with the worst figures over the band.

    `band_nm` is that of the technology when absent. `variation` chips and `permutations` settings
    more are measured at the carrier, 0 for none.
    """
    from lightloom.flows import sparams_plots, sparams_spread

    low, high = band_nm or BANDS_NM[design.technology.band]
    if design.switch.topology == "none":
        raise DesignError(f"{path}: switch.topology = 'none'; allowed: a switch, for its S-matrix")
    if not 1 <= points <= MAX_POINTS:
        raise DesignError(f"--points {points}; allowed: 1 to {MAX_POINTS}")
    if not 1000 <= low <= high <= 2000:
        raise DesignError(f"--band {low:g} {high:g}; allowed: 1000 to 2000, rising")
    for option, count in (("--variation", variation), ("--permutations", permutations)):
        if not 0 <= count <= MAX_SAMPLES:
            raise DesignError(f"{option} {count}; allowed: 0 to {MAX_SAMPLES}")
    with Run(out, "sparams", log, changed) as run:
        run.input("design", path)
        with run.step("sparams"):
            made = chip(design)
            matrix = compute(made, np.linspace(low, high, points).tolist(), method)
        np.savez(
            run.directory / "sparams.npz",
            wavelength_nm=matrix.wavelength_nm,
            s=matrix.s,
            inputs=np.array(matrix.inputs),
            outputs=np.array(matrix.outputs),
            targets=np.array(matrix.targets),
        )
        (run.directory / "sparams.png").write_bytes(sparams_plots.matrix(matrix))
        nearest = int(np.argmin(np.abs(matrix.wavelength_nm - design.engine.wavelength_nm)))
        loss = -matrix.routed_db
        crosstalk = matrix.crosstalk_db.max(axis=(1, 2), initial=FLOOR_DB)
        run.metrics.update(
            {
                "sparams.seconds": run.seconds["sparams"],
                "sparams.solver_seconds": matrix.seconds,
                "sparams.solver": matrix.solver,
                "sparams.points": points,
                "sparams.worst_loss_db": float(loss.max()),
                "sparams.worst_crosstalk_db": float(crosstalk.max()),
                "sparams.carrier_loss_db": float(loss[nearest].max()),
                "sparams.carrier_crosstalk_db": float(crosstalk[nearest]),
            }
        )
        log.result(
            f"worst of {points} wavelengths, {low:g} to {high:g} nm: "
            f"loss {loss.max():.2f} dB, crosstalk {crosstalk.max():.1f} dB"
        )
        log.result(
            f"at {matrix.wavelength_nm[nearest]:.2f} nm: loss {loss[nearest].max():.2f} dB, "
            f"crosstalk {crosstalk[nearest]:.1f} dB"
        )
        log.detail(f"solver: {matrix.solver}, {matrix.reason}; {matrix.seconds:.3g} s")
        if permutations:
            sparams_spread.permutations(run, made, permutations, log)
        if variation:
            sparams_spread.variation(run, made, variation, log)
        run.metrics["sparams.peak_rss_mb"] = peak_rss_mb()
    return run.exit_code


def peak_rss_mb() -> float:
    """Most memory that this process has had, in MB of 2^20 bytes."""
    # Linux counts what the parent process had when it started this one into `getrusage`.
    status = Path("/proc/self/status")
    if status.exists():
        match = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if match:
            return int(match[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
