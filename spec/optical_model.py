"""What the photonics room tells the co-simulation about the laid-out optics.

The fabric is a feed-forward program over its lines: each operation acts on one or two line
positions, in order, on the complex field at the carrier. It holds for every heater setting, so the
co-simulation follows a reconfiguration through its transient. `routes` and `crosstalk` are the same
network at the permutation the design asks for, over frequency.

Complex numbers are `[re, im]` pairs. Field convention exp(+j w t): a longer path has a more
negative phase.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lightloom.spec.base import Frozen

Complex = tuple[float, float]


class Couple(Frozen):
    """A static 2x2 on lines `a` and `b`: `out_a = s[0] a + s[1] b`, `out_b = s[2] a + s[3] b`."""

    kind: Literal["couple"] = "couple"
    a: int
    b: int
    s: tuple[Complex, Complex, Complex, Complex]
    device: str


class PathOp(Frozen):
    """A static transfer `t` on line `a` (waveguide, coupler to fibre)."""

    kind: Literal["path"] = "path"
    a: int
    t: Complex
    delay_ps: float
    device: str


class HeaterOp(Frozen):
    """Heater number `heater` turns the phase of line `a` by `-phase[heater]`."""

    kind: Literal["heater"] = "heater"
    a: int
    heater: int
    device: str


class Heater(Frozen):
    """One phase shifter, in the order of the cells of the fabric's plan."""

    name: str
    stage: int
    row: int
    p_pi_mw: float
    tau_us: float
    resistance_ohm: float
    """Of a heater film; of a diode the voltage over the current at half a turn."""
    driven_loss_db: float = 0.0
    """Absorption at half a turn, growing with the phase: the carriers of a diode."""
    x_um: float
    y_um: float


class Fabric(Frozen):
    """The switch chip, fibre to fibre: input i comes in on line i, output o leaves from line o."""

    ports: int
    lines: int
    """Lines of the program: as many as ports, and more where monitors or dark arms are."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ops: tuple[Couple | PathOp | HeaterOp, ...]
    heaters: tuple[Heater, ...]
    thermal_crosstalk: tuple[tuple[float, ...], ...]
    """`phase = thermal_crosstalk @ (pi power / p_pi)`; unit diagonal."""
    dac_bits: int
    dac_full_scale_mw: float
    """Heater power at the top code; power goes with the square of the code (voltage drive)."""


class Route(Frozen):
    """One input to output path of the fabric at the design's permutation."""

    input: int
    output: int
    transfer: tuple[Complex, ...]
    """Field transfer at each of `frequency_offsets_ghz`."""
    group_delay_ps: float
    loss_db: float


class Leak(Frozen):
    """Light that reaches an output from an input that was not routed to it."""

    input: int
    output: int
    power_db: float
    """Power relative to the input, negative."""


class EngineLane(Frozen):
    """One channel of the optical engine: losses are positive dB from the engine's own netlist."""

    lane: int
    """Of the SerDes."""
    fibre: int = 0
    """Lane of the engine, each with a fibre each way."""
    wavelength: int = 0
    """Number of its wavelength on the fibre."""
    laser_to_modulator_db: float
    modulator_to_fibre_db: float
    fibre_to_detector_db: float
    transmit_delay_ps: float
    receive_delay_ps: float


class Ring(Frozen):
    """Ring modulator, all-pass, biased on a slope.

    Power transmission `1 - depth / (1 + (2 d / fwhm)^2)`.

    `d = detuning_pm + efficiency_pm_per_v * v`; `v` is the instantaneous drive about zero.
    """

    kind: Literal["ring"] = "ring"
    fwhm_pm: float
    depth: float
    detuning_pm: float
    efficiency_pm_per_v: float
    bandwidth_ghz: float
    insertion_loss_db: float


class Mzm(Frozen):
    """Push-pull Mach-Zehnder at quadrature: field amplitude follows a sine of the drive voltage.

    Power transmission `floor + (1 - floor) * sin^2(pi/4 + pi v / (2 v_pi))`,
    `floor = 10^(-er_limit_db/10)`.
    """

    kind: Literal["mzm"] = "mzm"
    v_pi: float
    er_limit_db: float
    bandwidth_ghz: float
    insertion_loss_db: float


class Eam(Frozen):
    """Electro-absorption modulator: loss in dB proportional to `v + bias_v`, never negative."""

    kind: Literal["eam"] = "eam"
    slope_db_per_v: float
    bias_v: float
    bandwidth_ghz: float
    insertion_loss_db: float


class Detector(Frozen):
    """Photodiode."""

    responsivity_a_per_w: float
    dark_current_na: float
    bandwidth_ghz: float


class OpticalModel(Frozen):
    """Everything optical between the modulator's electrodes and the photodiode's current."""

    schema_version: Literal[2] = 2
    wavelength_nm: float
    frequency_offsets_ghz: tuple[float, ...]
    permutation: tuple[int, ...]
    """`permutation[input] = output` that `routes` was computed for; empty where the switch has
    paths instead, whose routes need not use every port."""
    fabric: Fabric | None
    """None where the design has no switch."""
    routes: tuple[Route, ...]
    crosstalk: tuple[Leak, ...]
    crosstalk_floor_db: float
    engine: tuple[EngineLane, ...]
    modulator: Ring | Mzm | Eam = Field(discriminator="kind")
    detector: Detector
    source: dict[str, str]
    """SHA-256 of the layouts and netlists this was extracted from."""
