"""The optical model of a design, from the netlists extracted from its layouts.

Nothing here is typed by hand: the order of devices comes from a walk of the extracted netlist,
losses and phases from measured lengths and gaps, heaters from their measured films and from the
pads their metal leads to.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lightloom.photonics import calibration, scatter, solver
from lightloom.photonics.devices import O_BAND
from lightloom.photonics.netlist import Instance, Netlist
from lightloom.photonics.solver import Program, TwoPort
from lightloom.spec import benes
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design
from lightloom.spec.design import Engine as EngineDesign
from lightloom.spec.optical_model import (
    Complex,
    Couple,
    Detector,
    Eam,
    EngineLane,
    Fabric,
    Heater,
    HeaterOp,
    Leak,
    Mzm,
    OpticalModel,
    PathOp,
    Ring,
    Route,
)

OFFSETS_GHZ = tuple(float(f) for f in range(-60, 61, 5))
"""Frequencies about the carrier that routes are given at: more than the band of a 64 GBd lane."""
FLOOR_DB = -60.0
"""Crosstalk paths weaker than this are left out."""
MODULATORS = ("ring_modulator", "mzm", "eam")


def build(
    design: Design,
    switch: Netlist | None,
    engine: Netlist,
    permutation: Sequence[int],
    cell_states: Sequence[int],
    dac_codes: Sequence[int] | None = None,
    source: Mapping[str, str] | None = None,
) -> OpticalModel:
    """Return the optical model with the fabric in the state that its controller set.

    `cell_states` are what the controller computed, `permutation` what they make; `dac_codes` are
    the heater codes it put out, taken from the design's calibration when absent. `source` adds
    files to the digests of the netlists. Raises `DesignError` when a netlist lacks something.
    """
    carrier = scatter.frequency_hz(design.engine.wavelength_nm)
    routes: tuple[Route, ...] = ()
    leaks: tuple[Leak, ...] = ()
    chip: Fabric | None = None
    if design.switch.topology != "none":
        if switch is None:
            raise ValueError("switch = None; allowed: a netlist, for the design has a switch")
        if benes.apply(design.switch.ports, cell_states) != list(permutation):
            raise ValueError(f"cell states do not make permutation {list(permutation)}")
        program = fabric_program(switch, design.switch.ports)
        chip = fabric(design, switch, program)
        if dac_codes is None:
            table = calibration.codes(chip, design.switch.calibration)
            dac_codes = [
                table["cross" if state else "bar"][cell] for cell, state in enumerate(cell_states)
            ]
        phases = calibration.phases_rad(chip, dac_codes)
        routes, leaks = _paths(program, phases, carrier, permutation)
    return OpticalModel(
        wavelength_nm=design.engine.wavelength_nm,
        frequency_offsets_ghz=OFFSETS_GHZ,
        permutation=tuple(permutation),
        fabric=chip,
        routes=routes,
        crosstalk=leaks,
        crosstalk_floor_db=FLOOR_DB,
        engine=engine_lanes(design, engine),
        modulator=_modulator(design.engine),
        detector=Detector(
            responsivity_a_per_w=design.receiver.responsivity_a_per_w,
            dark_current_na=design.receiver.dark_current_na,
            bandwidth_ghz=design.receiver.pd_bandwidth_ghz,
        ),
        source={
            **{f"{n.chip}.netlist": n.digest() for n in (engine, switch) if n is not None},
            **(source or {}),
        },
    )


def fabric_program(switch: Netlist, ports: int) -> Program:
    """Return the program of a switch chip from `in0...` to `out0...`, heaters in cell order."""
    heaters = [cell.device for cell in _cells(switch, ports)]
    inputs, outputs = [f"in{i}" for i in range(ports)], [f"out{i}" for i in range(ports)]
    program = solver.compile(switch, scatter.models(), inputs, outputs, heaters)
    if len(program.heaters) != len(heaters) or program.lines != ports:
        raise DesignError(
            f"netlist {switch.chip}: {len(program.heaters)} heaters on {program.lines} lines; "
            f"allowed: {len(heaters)} heaters with pads on {ports} lines"
        )
    return program


def fabric(design: Design, switch: Netlist, program: Program | None = None) -> Fabric:
    """Return the fabric of a switch chip at the design's carrier, for every heater setting."""
    ports = design.switch.ports
    cells = _cells(switch, ports)
    program = program or fabric_program(switch, ports)
    carrier = scatter.frequency_hz(design.engine.wavelength_nm)
    matrix, own = _thermal(switch, cells)
    heaters = tuple(
        _heater(switch.instances[cell.device], cell, float(share))
        for cell, share in zip(cells, own, strict=True)
    )
    return Fabric(
        ports=ports,
        ops=_ops(program, carrier),
        heaters=heaters,
        thermal_crosstalk=tuple(tuple(map(float, row)) for row in matrix),
        dac_bits=design.switch.dac_bits,
        dac_full_scale_mw=devices.DRIVE_HEADROOM * max(heater.p_pi_mw for heater in heaters),
    )


class _Cell(NamedTuple):
    """A heater, found from the pad its metal leads to."""

    device: str
    stage: int
    row: int


def _cells(switch: Netlist, ports: int) -> list[_Cell]:
    found: dict[tuple[int, int], str] = {}
    for net in switch.electrical.values():
        for pad in net.pads:
            match = re.fullmatch(r"h(\d{1,3})_(\d{1,3})", pad)
            heaters = [n for n, _ in net.pins if switch.instances[n].type == "heater_waveguide"]
            if match and len(heaters) == 1:
                found[int(match[1]), int(match[2])] = heaters[0]
    cells: list[_Cell] = []
    for index in range(benes.cells(ports)):
        stage, row = divmod(index, ports // 2)
        if (stage, row) not in found:
            raise DesignError(f"netlist {switch.chip}: no heater on a pad h{stage}_{row}")
        cells.append(_Cell(found[stage, row], stage, row))
    return cells


def _heater(instance: Instance, cell: _Cell, own: float) -> Heater:
    undercut = bool(instance.parameters["undercut"])
    length, width = (instance.parameters[k] for k in ("heater_length_um", "heater_width_um"))
    return Heater(
        name=f"h{cell.stage}_{cell.row}",
        stage=cell.stage,
        row=cell.row,
        p_pi_mw=O_BAND.heater_p_pi_mw(undercut) / own,
        tau_us=O_BAND.heater_tau_us(undercut),
        resistance_ohm=O_BAND.heater_ohm(length, width),
        x_um=instance.x_um or 0.0,
        y_um=instance.y_um or 0.0,
    )


def _thermal(switch: Netlist, cells: Sequence[_Cell]) -> tuple[np.ndarray, np.ndarray]:
    """Heat that reaches each cell from each heater, as differential phase of the cell's arms.

    A cell responds to the difference between its heated arm and its other arm. Returns the matrix
    relative to each cell's own response, and that response relative to a lone heated waveguide.
    """
    heated = np.array([_place(switch.instances[cell.device]) for cell in cells])
    other = np.array([_other_arm(switch, cell.device) for cell in cells])

    def reach(arms: np.ndarray) -> np.ndarray:
        gaps = np.hypot(*np.moveaxis(arms[:, None] - heated[None, :], 2, 0))
        return np.vectorize(O_BAND.thermal_crosstalk, otypes=[float])(gaps)

    response = reach(heated) - reach(other)
    own = 1.0 - np.diag(reach(other))
    np.fill_diagonal(response, own)
    # Powers are given relative to each heater's own power for half a turn, which has 1 / own in it.
    return response / own[None, :], own


def _place(instance: Instance) -> tuple[float, float]:
    if instance.x_um is None or instance.y_um is None:
        raise DesignError("a heater without a place; allowed: an extracted netlist")
    return instance.x_um, instance.y_um


def _other_arm(switch: Netlist, heater: str) -> tuple[float, float]:
    """Middle of the arm that a heater's arm interferes with: same couplers, other ports."""
    neighbours: set[str] = set()
    for wire in switch.nets.values():
        names = [name for name, _ in wire.pins]
        if heater in names and len(names) == 2:
            neighbours.add(names[1 - names.index(heater)])
    for wire in switch.nets.values():
        if (
            len(neighbours) == 2
            and {name for name, _ in wire.pins} == neighbours
            and wire.x_um is not None
            and wire.y_um is not None
        ):
            return wire.x_um, wire.y_um
    raise DesignError(f"netlist {switch.chip}: {heater} is not in one arm of an interferometer")


def _ops(program: Program, carrier: float) -> tuple[Couple | PathOp | HeaterOp, ...]:
    """The program at the carrier; what is passive on one line between couplers becomes one step."""
    at = np.array([carrier])
    ops: list[Couple | PathOp | HeaterOp] = []
    waiting: dict[int, tuple[complex, float, list[str]]] = {}

    def flush(line: int) -> None:
        t, delay, names = waiting.pop(line, (1 + 0j, 0.0, []))
        if names:
            ops.append(PathOp(a=line, t=_pair(t), delay_ps=delay, device="+".join(names)))

    def wait(line: int, t: complex, delay: float, name: str) -> None:
        before = waiting.get(line, (1 + 0j, 0.0, []))
        waiting[line] = before[0] * t, before[1] + delay, [*before[2], name]

    for element in program.elements:
        part = element.scatter
        if isinstance(part, TwoPort):
            wait(element.a, complex(part.transfer(at)[0]), part.delay_ps, element.device)
            if element.heater is not None:
                ops.append(HeaterOp(a=element.a, heater=element.heater, device=element.device))
            continue
        assert element.b is not None
        flush(element.a)
        flush(element.b)
        s = part.matrix(at)[0]
        ops.append(
            Couple(
                a=element.a,
                b=element.b,
                s=(_pair(s[0, 0]), _pair(s[0, 1]), _pair(s[1, 0]), _pair(s[1, 1])),
                device=element.device,
            )
        )
        for line in (element.a, element.b):  # a coupler takes time; the step behind it carries it
            wait(line, 1 + 0j, part.delay_ps, element.device)
    for line in sorted(waiting):
        flush(line)
    # Output k leaves from line k: exchange lines until it does.
    lines = list(program.output_lines)
    for k in range(len(lines)):
        if lines[k] != k:
            swap: tuple[Complex, Complex, Complex, Complex] = ((0, 0), (1, 0), (1, 0), (0, 0))
            ops.append(Couple(a=k, b=lines[k], s=swap, device="label"))
            lines[lines.index(k)] = lines[k]
            lines[k] = k
    return tuple(ops)


def _pair(z: complex) -> Complex:
    return float(z.real), float(z.imag)


def transfer(fabric: Fabric, phases_rad: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the field transfer `[output, input]` of the fabric's steps, at the carrier."""
    state = np.eye(fabric.ports, dtype=complex)
    for op in fabric.ops:
        if isinstance(op, PathOp):
            state[op.a] *= complex(*op.t)
        elif isinstance(op, HeaterOp):
            state[op.a] *= np.exp(-1j * phases_rad[op.heater])
        else:
            s = [complex(*z) for z in op.s]
            a, b = state[op.a].copy(), state[op.b].copy()
            state[op.a], state[op.b] = s[0] * a + s[1] * b, s[2] * a + s[3] * b
    return state


def _paths(
    program: Program, phases: np.ndarray, carrier: float, permutation: Sequence[int]
) -> tuple[tuple[Route, ...], tuple[Leak, ...]]:
    offsets = np.array(OFFSETS_GHZ) * 1e9
    s = solver.evaluate(program, phases, carrier + offsets, carrier)
    step = 1e8  # unambiguous up to 2.5 ns
    near = solver.evaluate(
        program, phases, np.array([carrier, carrier - step, carrier + step]), carrier
    )
    power_db = 20 * np.log10(np.maximum(np.abs(near[0]), 1e-12))
    routes: list[Route] = []
    leaks: list[Leak] = []
    for i, o in enumerate(permutation):
        slope = np.angle(near[2, o, i] / near[1, o, i])
        routes.append(
            Route(
                input=i,
                output=o,
                transfer=tuple(_pair(z) for z in s[:, o, i]),
                group_delay_ps=float(-slope / (4 * math.pi * step) * 1e12) + 0.0,
                loss_db=float(-power_db[o, i]),
            )
        )
        leaks += [
            Leak(input=i, output=k, power_db=float(power_db[k, i]))
            for k in range(len(permutation))
            if k != o and power_db[k, i] > FLOOR_DB
        ]
    return tuple(routes), tuple(leaks)


def engine_lanes(design: Design, engine: Netlist) -> tuple[EngineLane, ...]:
    """Return losses and delays of each lane, along the engine's own waveguides."""
    carrier = np.array([scatter.frequency_hz(design.engine.wavelength_nm)])
    lanes: list[EngineLane] = []
    for lane in range(design.serdes.lanes):
        light, source = _chain(engine, f"laser{lane}", MODULATORS, carrier)
        modulated, sender = _chain(engine, f"tx{lane}", MODULATORS, carrier)
        received, _ = _chain(engine, f"rx{lane}", ("photodiode",), carrier)
        if source != sender:
            raise DesignError(
                f"netlist {engine.chip}: laser{lane} feeds {source}, but {sender} feeds tx{lane}"
            )
        modulator = engine.instances[sender].parameters.get("path_um", 0.0)
        lanes.append(
            EngineLane(
                lane=lane,
                laser_to_modulator_db=light.loss_db,
                modulator_to_fibre_db=modulated.loss_db,
                fibre_to_detector_db=received.loss_db,
                transmit_delay_ps=modulated.delay_ps + scatter.delay_ps(modulator),
                receive_delay_ps=received.delay_ps,
            )
        )
    return tuple(lanes)


class _Way(NamedTuple):
    loss_db: float
    delay_ps: float


def _chain(
    engine: Netlist, port: str, ends: Sequence[str], carrier: np.ndarray
) -> tuple[_Way, str]:
    """Follow the waveguide from a chip port through two-ports to a device of a type in `ends`."""
    known = scatter.models()
    if port not in engine.ports:
        raise DesignError(f"netlist {engine.chip} has no optical port {port}")
    joined = {
        pin: wire for wire in engine.nets.values() if len(wire.pins) == 2 for pin in wire.pins
    }
    loss_db = delay = 0.0
    pin = engine.ports[port]
    for _ in range(len(engine.instances) + 1):
        name, at = pin
        kind = engine.instances[name].type
        if kind in ends:
            return _Way(loss_db, delay), name
        make = known.devices.get(kind)
        part = make(engine.instances[name].parameters) if make else None
        if not isinstance(part, TwoPort) or at not in part.ports:
            break
        leaving = name, part.ports[1 - part.ports.index(at)]
        wire = joined.get(leaving)
        if wire is None or wire.length_um is None:
            break
        for step in (part, known.wire(wire.length_um)):
            loss_db -= 20 * math.log10(abs(step.transfer(carrier)[0]))
            delay += step.delay_ps
        pin = wire.pins[1] if wire.pins[0] == leaving else wire.pins[0]
    raise DesignError(f"netlist {engine.chip}: {port} does not lead to {' or '.join(ends)}")


def _modulator(engine: EngineDesign) -> Ring | Mzm | Eam:
    if engine.modulator == "ring":
        return Ring(
            fwhm_pm=engine.wavelength_nm * 1000.0 / engine.ring_q,
            depth=engine.ring_depth,
            detuning_pm=engine.ring_detuning_pm,
            efficiency_pm_per_v=engine.ring_efficiency_pm_per_v,
            bandwidth_ghz=engine.ring_bandwidth_ghz,
            insertion_loss_db=engine.ring_loss_db,
        )
    if engine.modulator == "mzm":
        return Mzm(
            v_pi=engine.mzm_v_pi_v,
            er_limit_db=engine.mzm_er_limit_db,
            bandwidth_ghz=engine.mzm_bandwidth_ghz,
            insertion_loss_db=engine.mzm_loss_db,
        )
    return Eam(
        slope_db_per_v=engine.eam_slope_db_per_v,
        bias_v=engine.eam_bias_v,
        bandwidth_ghz=engine.eam_bandwidth_ghz,
        insertion_loss_db=engine.eam_loss_db,
    )
