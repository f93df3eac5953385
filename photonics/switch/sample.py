"""One chip of a process, as light sees it: with its deviations, its taps and its temperature.

The steps of the extracted layout with what this chip deviates by, and what each gains by the
kelvin. `transfer` gives the fields at the outputs and at the taps of the cells; the co-simulation
runs the same steps in C++.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics import devices
from lightloom.photonics.circuit import scatter, solver
from lightloom.photonics.circuit.elements import FourPort, Program
from lightloom.photonics.circuit.process import Chips, Process, Wafer
from lightloom.photonics.netlist import Netlist
from lightloom.photonics.switch import fabric_model
from lightloom.photonics.switch.ambient import BANDS, Ambient
from lightloom.spec import fabrics
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design
from lightloom.spec.design import Switch as SwitchDesign
from lightloom.spec.optical_model import Fabric

Values = NDArray[np.float64]
Field = NDArray[np.complex128]


@dataclass(frozen=True)
class One:
    """A step on line `a`: field times `t`, turned back by `per_k` a kelvin, and by a heater."""

    a: int
    t: complex
    per_k: float
    heater: int = -1


@dataclass(frozen=True)
class Two:
    """A step on two lines: `m` by rows, times `[[cos, -j sin], [-j sin, cos]]` of an angle.

    The angle is `angle (1 + per_k kelvin)`. What is not a coupler has the angle 0.
    """

    a: int
    b: int
    m: tuple[complex, complex, complex, complex]
    angle: float = 0.0
    per_k: float = 0.0


@dataclass(frozen=True)
class Sample:
    """A chip. Taps follow the outputs: upper and lower of cell 0, of cell 1, and so on."""

    topology: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    lines: int
    steps: tuple[One | Two, ...]
    output_lines: tuple[int, ...]
    """Of the outputs, then of the taps."""
    fabric: Fabric
    ambient: Ambient
    strength: Values
    """Phase of each heater over that of the design at the same power."""
    error_rad: Values
    """What each heated arm has more phase than its other arm."""

    @property
    def cells(self) -> int:
        """Cells of the fabric."""
        return len(self.fabric.heaters)

    def own_rad(self, power: NDArray[np.float64] | Sequence[float], kelvin: float = 0.0) -> Values:
        """Phases of the heaters by their own power, as a share of the full scale."""
        p_pi = np.array([heater.p_pi_mw for heater in self.fabric.heaters])
        turn = math.pi * self.fabric.dac_full_scale_mw * np.asarray(power, dtype=float) / p_pi
        return turn * self.strength * self.ambient.efficiency(kelvin)

    def phases_rad(
        self, power: NDArray[np.float64] | Sequence[float], kelvin: float = 0.0
    ) -> Values:
        """Settled phases of the heaters, heat between them included."""
        own = self.own_rad(power, kelvin)
        return np.asarray(np.array(self.fabric.thermal_crosstalk) @ own)

    def transfer(self, phases_rad: Values, kelvin: float = 0.0) -> Field:
        """Field transfer `[output or tap, input]`."""
        state = np.zeros((self.lines, len(self.inputs)), dtype=complex)
        state[range(len(self.inputs)), range(len(self.inputs))] = 1.0
        for step in self.steps:
            if isinstance(step, One):
                turn = step.per_k * kelvin
                turn += phases_rad[step.heater] if step.heater >= 0 else 0.0
                state[step.a] *= step.t * np.exp(-1j * turn)
                continue
            angle = step.angle * (1.0 + step.per_k * kelvin)
            turned = np.array(
                [[math.cos(angle), -1j * math.sin(angle)], [-1j * math.sin(angle), math.cos(angle)]]
            )
            pair = [step.a, step.b]
            state[pair] = turned @ np.array(step.m).reshape(2, 2) @ state[pair]
        return state[list(self.output_lines)]

    def settings(self, states: Sequence[int]) -> Values:
        """Powers, as shares of the full scale, that null every cell of this chip exactly.

        What each cell's arms deviate by, its heater's strength and the heat of all others are
        known here: what a calibration looks for.

        Raises:
            DesignError: when a heater would need more than the full scale.
        """
        from lightloom.photonics.switch import calibration, thermal

        wanted = np.where(np.array(states) == fabrics.CROSS, 0.0, math.pi)
        wanted = wanted - self.error_rad + calibration.static_phases(self.fabric)
        own = thermal.compensate(np.array(self.fabric.thermal_crosstalk), wanted)
        power = own / self.own_rad(np.ones(self.cells))
        if power.max() > 1.0:
            raise DesignError(
                f"a heater needs {power.max():.2f} of its full scale; allowed: at most 1"
            )
        return power


def tapped(switch: Netlist, design: SwitchDesign) -> Program:
    """Return the program of a switch chip to its outputs and then to its cells' taps.

    Raises:
        DesignError: a cell has no taps.
    """
    plan = fabrics.plan(design.topology, design.ports)
    found: dict[str, str] = {}
    for net in switch.electrical.values():
        diodes = [n for n, _ in net.pins if switch.instances[n].type == "photodiode"]
        for pad in net.pads:
            if re.fullmatch(r"p\d{1,3}_\d{1,3}[ul]", pad) and len(diodes) == 1:
                found[pad] = diodes[0]
    wanted = [f"p{stage}_{row}{side}" for stage, row in plan.cells for side in "ul"]
    missing = [pad for pad in wanted if pad not in found]
    if missing:
        raise DesignError(
            f"netlist {switch.chip}: no photodiode on a pad {missing[0]}; "
            "allowed: switch.monitors = cell"
        )
    steps = fabric_model.program(switch, design)
    whole = solver.compile(
        switch,
        scatter.models(devices.BANDS[switch.band]),
        list(plan.inputs),
        [*plan.outputs, *(found[pad] for pad in wanted)],
        steps.heaters,
    )
    driven = range(len(steps.heaters))
    elements = tuple(e if e.heater in driven else replace(e, heater=None) for e in whole.elements)
    return replace(whole, elements=elements, heaters=steps.heaters)


def draw(
    design: Design,
    switch: Netlist,
    process: Process | None,
    number: int = 0,
    ambient: Ambient | None = None,
) -> Sample:
    """Return chip `number` of a process for the design's seed; as drawn without a process."""
    program = tapped(switch, design.switch)
    fabric = fabric_model.fabric(design, switch)
    carrier = scatter.frequency_hz(design.engine.wavelength_nm)
    wafer = Wafer(program, switch, process or Process())
    chips = wafer.draw(design.run.seed, number, 1, carrier)
    if process is None:
        chips = Chips(*(np.zeros_like(getattr(chips, f.name)) for f in fields(Chips)))
    ambient = ambient or BANDS[switch.band]
    numbers, at = wafer.numbers, np.array([carrier])
    steps: list[One | Two] = []
    pending: dict[int, One] = {}

    def add(line: int, t: complex, per_k: float = 0.0, heater: int = -1) -> None:
        old = pending.get(line, One(line, 1.0, 0.0))
        if heater >= 0 and old.heater >= 0:
            steps.append(old)
            old = One(line, 1.0, 0.0)
        kept = heater if heater >= 0 else old.heater
        pending[line] = One(line, old.t * t, old.per_k + per_k, kept)

    for k, element in enumerate(program.elements):
        matrix = element.scatter.at(at)[0]
        length = float(wafer.length_um[k])
        per_k = ambient.path_rad(length, 1.0, numbers)
        first = np.exp(-1j * chips.phase_rad[k, 0])
        if not isinstance(element.scatter, FourPort):
            add(
                element.a,
                complex(matrix * first),
                per_k,
                -1 if element.heater is None else element.heater,
            )
            continue
        assert element.b is not None
        add(element.a, complex(first), per_k)
        add(element.b, complex(np.exp(-1j * chips.second_rad[k, 0])), per_k)
        for line in (element.a, element.b):
            steps.append(pending.pop(line))
        if wafer.kinds[k] == "coupler2x2":
            given = switch.instances[element.device].parameters
            angle = numbers.coupling_angle(given["gap_um"], given["length_um"])
            common = matrix[0, 0] * math.cos(angle) + 1j * matrix[0, 1] * math.sin(angle)
            m = (complex(common), 0j, 0j, complex(common))
            angle *= 1.0 + float(chips.rate[k, 0])
            steps.append(Two(element.a, element.b, m, angle, ambient.coupling_per_k))
        else:
            lost = 10 ** (-chips.loss_db[k, 0] / 20)
            a, b, c, d = (complex(matrix[i, j] * lost) for i in (0, 1) for j in (0, 1))
            steps.append(Two(element.a, element.b, (a, b, c, d)))
    steps += pending.values()
    from lightloom.photonics.circuit.variation import phase_errors

    return Sample(
        topology=design.switch.topology,
        inputs=program.inputs,
        outputs=program.outputs[: len(program.outputs) - 2 * len(fabric.heaters)],
        lines=program.lines,
        steps=tuple(steps),
        output_lines=program.output_lines,
        fabric=fabric,
        ambient=ambient,
        strength=1.0 + chips.heater[: len(fabric.heaters), 0],
        error_rad=phase_errors(wafer, chips)[: len(fabric.heaters), 0],
    )
