"""S-matrix of a design's switch over wavelength, from the netlist extracted from its layout."""

from __future__ import annotations

import io
import resource
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Run
from lightloom.spec import Design, DesignError, benes, routing

BAND_NM = (1260.0, 1360.0)
"""The O-band of ITU-T G.Sup39."""
MAX_POINTS = 20_000
LEAK = "#a3adb8"
FLOOR_DB = -200.0
"""Of what is printed and plotted, for exact zeros."""


@dataclass(frozen=True)
class Matrix:
    """Field transfers of a switch: `s[wavelength, output, input]`."""

    wavelength_nm: npt.NDArray[np.float64]
    s: npt.NDArray[np.complex128]
    permutation: tuple[int, ...]

    @property
    def power_db(self) -> npt.NDArray[np.float64]:
        """Power transfers in dB, never below `FLOOR_DB`."""
        return 20 * np.log10(np.maximum(np.abs(self.s), 10 ** (FLOOR_DB / 20)))

    @property
    def routed_db(self) -> npt.NDArray[np.float64]:
        """`[wavelength, input]`: power that arrives where it was sent."""
        inputs = np.arange(len(self.permutation))
        return self.power_db[:, np.array(self.permutation), inputs]

    @property
    def crosstalk_db(self) -> npt.NDArray[np.float64]:
        """`[wavelength, output, input]`: foreign power over routed power; -inf where routed."""
        power = self.power_db
        routed = np.empty(power.shape[:2])
        routed[:, np.array(self.permutation)] = self.routed_db
        ratio = power - routed[:, :, None]
        ratio[:, np.array(self.permutation), np.arange(len(self.permutation))] = -np.inf
        return ratio


def compute(design: Design, permutation: Sequence[int], wavelength_nm: Sequence[float]) -> Matrix:
    """Evaluate the netlist extracted from the switch's layout at the design's calibration."""
    from lightloom.photonics import calibration, fabric_model, layout, scatter, solver

    with tempfile.TemporaryDirectory() as folder:
        netlist = layout.run("switch", design, Path(folder)).extracted
    program = fabric_model.program(netlist, design.switch)
    model = fabric_model.fabric(design, netlist, program)
    table = calibration.codes(model, design.switch.calibration)
    states = benes.route(permutation)
    codes = [table["cross" if state else "bar"][cell] for cell, state in enumerate(states)]
    carrier = scatter.frequency_hz(design.engine.wavelength_nm)
    wavelengths = np.asarray(wavelength_nm, dtype=float)
    frequencies = np.array([scatter.frequency_hz(nm) for nm in wavelengths])
    s = solver.evaluate(program, calibration.phases_rad(model, codes), frequencies, carrier)
    return Matrix(wavelengths, s, tuple(permutation))


def run(
    path: Path,
    design: Design,
    changed: Mapping[str, str],
    points: int,
    band_nm: tuple[float, float],
    out: Path,
    log: Reporter,
) -> int:
    """Write `sparams.npz` and `sparams.png` with the worst figures over the band."""
    if design.switch.topology == "none":
        raise DesignError(f"{path}: switch.topology = 'none'; allowed: a switch, for its S-matrix")
    if not 1 <= points <= MAX_POINTS:
        raise DesignError(f"--points {points}; allowed: 1 to {MAX_POINTS}")
    if not 1000 <= band_nm[0] <= band_nm[1] <= 2000:
        raise DesignError(f"--band {band_nm[0]:g} {band_nm[1]:g}; allowed: 1000 to 2000, rising")
    with Run(out, "sparams", log, changed) as run:
        run.input("design", path)
        with run.step("sparams"):
            wavelengths = np.linspace(*band_nm, points).tolist()
            matrix = compute(design, routing.permutation(design), wavelengths)
        np.savez_compressed(
            run.directory / "sparams.npz",
            wavelength_nm=matrix.wavelength_nm,
            s=matrix.s,
            permutation=np.array(matrix.permutation),
        )
        (run.directory / "sparams.png").write_bytes(plot(matrix))
        loss, crosstalk = -matrix.routed_db, matrix.crosstalk_db
        nearest = int(np.argmin(np.abs(matrix.wavelength_nm - design.engine.wavelength_nm)))
        run.metrics.update(
            {
                "sparams.seconds": run.seconds["sparams"],
                "sparams.peak_rss_mb": _peak_rss_mb(),
                "sparams.points": points,
                "sparams.worst_loss_db": float(loss.max()),
                "sparams.worst_crosstalk_db": float(crosstalk.max()),
                "sparams.carrier_loss_db": float(loss[nearest].max()),
                "sparams.carrier_crosstalk_db": float(crosstalk[nearest].max()),
            }
        )
        log.result(
            f"worst of {points} wavelengths, {band_nm[0]:g} to {band_nm[1]:g} nm: "
            f"loss {loss.max():.2f} dB, crosstalk {crosstalk.max():.1f} dB"
        )
        log.result(
            f"at {matrix.wavelength_nm[nearest]:.2f} nm: loss {loss[nearest].max():.2f} dB, "
            f"crosstalk {crosstalk[nearest].max():.1f} dB"
        )
    return run.exit_code


def plot(matrix: Matrix) -> bytes:
    """Return every input to every output over wavelength as PNG, routed paths in colour."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from lightloom.flows.svg import LANES, MUTED, RULE

    figure = Figure(figsize=(8, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    power = matrix.power_db
    for source, target in enumerate(matrix.permutation):
        for output in range(power.shape[1]):
            if output != target:
                curve = power[:, output, source]
                axes.plot(matrix.wavelength_nm, curve, color=LEAK, linewidth=0.5, zorder=1)
    for source, target in enumerate(matrix.permutation):
        axes.plot(
            matrix.wavelength_nm, power[:, target, source],
            color=LANES[source % len(LANES)], linewidth=1.2, zorder=2,
            label=f"in{source} to out{target}",
        )  # fmt: skip
    axes.set_ylim(max(float(power.min()), -90.0) - 2, 1)
    axes.set_xlabel("wavelength (nm)", color=MUTED)
    axes.set_ylabel("power transfer (dB)", color=MUTED)
    axes.tick_params(labelsize=8, colors=MUTED)
    axes.grid(color=RULE, linewidth=0.4)
    axes.margins(x=0)
    if len(matrix.permutation) <= 16:
        axes.legend(fontsize=7, ncols=4, loc="lower left")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=160, metadata={"Software": None})
    return file.getvalue()


def _peak_rss_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
