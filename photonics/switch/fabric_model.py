"""The fabric of a switch chip as a program of steps, from its extracted netlist.

Cells are found from the contacts that the metal of their phase shifters leads to; everything else
comes from a walk of the waveguides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lightloom.photonics import devices
from lightloom.photonics.circuit import scatter, solver
from lightloom.photonics.circuit.elements import Program, TwoPort
from lightloom.photonics.netlist import Instance, Netlist
from lightloom.photonics.switch import thermal
from lightloom.spec import fabrics
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design
from lightloom.spec.design import Switch as SwitchDesign
from lightloom.spec.optical_model import Complex, Couple, Fabric, Heater, HeaterOp, PathOp

SHIFTERS = ("heater_waveguide", "pin_waveguide")


def program(switch: Netlist, design: SwitchDesign) -> Program:
    """Return the program of a switch chip between the ports of its plan, heaters in cell order.

    Raises:
        DesignError: the netlist is not that of such a fabric.
    """
    plan = fabrics.plan(design.topology, design.ports)
    heaters = [cell.device for cell in _cells(switch, plan)]
    found = solver.compile(
        switch,
        scatter.models(devices.BANDS[switch.band]),
        list(plan.inputs),
        list(plan.outputs),
        heaters,
    )
    # What has no contact is never driven: the twins of diodes.
    driven = range(len(heaters))
    elements = tuple(
        element if element.heater in driven else replace(element, heater=None)
        for element in found.elements
    )
    return replace(found, elements=elements, heaters=found.heaters[: len(heaters)])


def fabric(design: Design, switch: Netlist, steps: Program | None = None) -> Fabric:
    """Return the fabric of a switch chip at the design's carrier, for every drive."""
    plan = fabrics.plan(design.switch.topology, design.switch.ports)
    cells = _cells(switch, plan)
    steps = steps or program(switch, design.switch)
    numbers = devices.BANDS[switch.band]
    carrier = scatter.frequency_hz(design.engine.wavelength_nm)
    matrix, own = _thermal(switch, cells)
    heaters = tuple(
        _heater(switch.instances[cell.device], cell, float(share), numbers, design)
        for cell, share in zip(cells, own, strict=True)
    )
    lines = max(steps.lines, len(steps.outputs))
    return Fabric(
        ports=design.switch.ports,
        lines=lines,
        inputs=steps.inputs,
        outputs=steps.outputs,
        ops=_ops(steps, lines, carrier),
        heaters=heaters,
        thermal_crosstalk=tuple(tuple(map(float, row)) for row in matrix),
        dac_bits=design.switch.dac_bits,
        dac_full_scale_mw=devices.DRIVE_HEADROOM * max(heater.p_pi_mw for heater in heaters),
    )


class _Cell(NamedTuple):
    """A phase shifter, found from the contact that its metal leads to."""

    device: str
    stage: int
    row: int


def _cells(switch: Netlist, plan: fabrics.Plan) -> list[_Cell]:
    found: dict[tuple[int, int], str] = {}
    for net in switch.electrical.values():
        for pad in net.pads:
            match = re.fullmatch(r"h(\d{1,3})_(\d{1,3})", pad)
            shifters = [n for n, _ in net.pins if switch.instances[n].type in SHIFTERS]
            if match and len(shifters) == 1:
                found[int(match[1]), int(match[2])] = shifters[0]
    cells: list[_Cell] = []
    for stage, row in plan.cells:
        if (stage, row) not in found:
            raise DesignError(f"netlist {switch.chip}: no phase shifter on a pad h{stage}_{row}")
        cells.append(_Cell(found[stage, row], stage, row))
    return cells


def _heater(
    instance: Instance, cell: _Cell, own: float, numbers: devices.Numbers, design: Design
) -> Heater:
    place = {
        "name": f"h{cell.stage}_{cell.row}",
        "stage": cell.stage,
        "row": cell.row,
        "x_um": instance.x_um or 0.0,
        "y_um": instance.y_um or 0.0,
    }
    if instance.type == "pin_waveguide":
        pin = numbers.pin
        length = instance.parameters["length_um"]
        return Heater(
            **place,
            p_pi_mw=pin.p_pi_mw,
            tau_us=pin.tau_us,
            resistance_ohm=1e3 * pin.voltage_v**2 / pin.p_pi_mw,
            driven_loss_db=pin.driven_loss_db(np.pi, length, design.engine.wavelength_nm),
        )
    undercut = bool(instance.parameters["undercut"])
    length, width = (instance.parameters[k] for k in ("heater_length_um", "heater_width_um"))
    return Heater(
        **place,
        p_pi_mw=numbers.heater_p_pi_mw(undercut) / own,
        tau_us=numbers.heater_tau_us(undercut),
        resistance_ohm=numbers.heater_ohm(length, width),
    )


def _thermal(switch: Netlist, cells: Sequence[_Cell]) -> tuple[np.ndarray, np.ndarray]:
    """Heat that reaches each cell from each heater, as differential phase of the cell's arms.

    A cell responds to the difference between its heated arm and its other arm. Returns the matrix
    relative to each cell's own response, and that response relative to a lone heated waveguide.
    Diodes turn the phase by carriers, which stay where they are.
    """
    if switch.instances[cells[0].device].type == "pin_waveguide":
        return np.eye(len(cells)), np.ones(len(cells))
    heated = np.array([_place(switch.instances[cell.device]) for cell in cells])
    other = _other_arms(switch, [cell.device for cell in cells])
    numbers = devices.BANDS[switch.band]
    return thermal.differential(heated, other, numbers)


def _place(instance: Instance) -> tuple[float, float]:
    if instance.x_um is None or instance.y_um is None:
        raise DesignError("a heater without a place; allowed: an extracted netlist")
    return instance.x_um, instance.y_um


def _other_arms(switch: Netlist, heaters: Sequence[str]) -> np.ndarray:
    """Middle of the arm that each heater's arm interferes with: same couplers, other ports."""
    neighbours: dict[str, set[str]] = {}
    between: dict[frozenset[str], list[tuple[float, float]]] = {}
    for wire in switch.nets.values():
        names = [name for name, _ in wire.pins]
        if len(names) != 2:
            continue
        for name, other in (names, reversed(names)):
            neighbours.setdefault(name, set()).add(other)
        if wire.x_um is not None and wire.y_um is not None:
            between.setdefault(frozenset(names), []).append((wire.x_um, wire.y_um))
    places: list[tuple[float, float]] = []
    for heater in heaters:
        pair = neighbours.get(heater, set())
        found = between.get(frozenset(pair), []) if len(pair) == 2 else []
        if not found:
            raise DesignError(
                f"netlist {switch.chip}: {heater} is not in one arm of an interferometer"
            )
        places.append(found[0])
    return np.array(places)


def _ops(steps: Program, lines: int, carrier: float) -> tuple[Couple | PathOp | HeaterOp, ...]:
    """The program at the carrier; what is passive on one line between couplers becomes one step."""
    at = np.array([carrier])
    ops: list[Couple | PathOp | HeaterOp] = []
    waiting: dict[int, tuple[complex, float, list[str]]] = {}
    known: dict[int, np.ndarray] = {}  # devices with equal parameters share their scatter object

    def flush(line: int) -> None:
        t, delay, names = waiting.pop(line, (1 + 0j, 0.0, []))
        if names:
            ops.append(PathOp(a=line, t=pair(t), delay_ps=delay, device="+".join(names)))

    def wait(line: int, t: complex, delay: float, name: str) -> None:
        before = waiting.get(line, (1 + 0j, 0.0, []))
        waiting[line] = before[0] * t, before[1] + delay, [*before[2], name]

    for element in steps.elements:
        part = element.scatter
        s = known.get(id(part))
        if s is None:
            s = known[id(part)] = part.at(at)[0]
        if isinstance(part, TwoPort):
            wait(element.a, complex(s), part.delay_ps, element.device)
            if element.heater is not None:
                ops.append(HeaterOp(a=element.a, heater=element.heater, device=element.device))
            continue
        assert element.b is not None
        flush(element.a)
        flush(element.b)
        ops.append(
            Couple(
                a=element.a,
                b=element.b,
                s=(pair(s[0, 0]), pair(s[0, 1]), pair(s[1, 0]), pair(s[1, 1])),
                device=element.device,
            )
        )
        for line in (element.a, element.b):  # a coupler takes time; the step behind it carries it
            wait(line, 1 + 0j, part.delay_ps, element.device)
    for line in sorted(waiting):
        flush(line)
    # Output k leaves from line k: exchange lines until it does.
    left = [*steps.output_lines, *(n for n in range(lines) if n not in steps.output_lines)]
    for k in range(len(steps.output_lines)):
        if left[k] != k:
            swap: tuple[Complex, Complex, Complex, Complex] = ((0, 0), (1, 0), (1, 0), (0, 0))
            ops.append(Couple(a=k, b=left[k], s=swap, device="label"))
            left[left.index(k)] = left[k]
            left[k] = k
    return tuple(ops)


def pair(z: complex) -> Complex:
    """Real and imaginary part."""
    return float(z.real), float(z.imag)


def transfer(fabric: Fabric, phases_rad: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the field transfer `[output, input]` of the fabric's steps, at the carrier."""
    state = np.eye(fabric.lines, dtype=complex)[:, : len(fabric.inputs)]
    for op in fabric.ops:
        if isinstance(op, PathOp):
            state[op.a] *= complex(*op.t)
        elif isinstance(op, HeaterOp):
            phase = phases_rad[op.heater]
            loss_db = fabric.heaters[op.heater].driven_loss_db * abs(phase) / np.pi
            state[op.a] *= 10 ** (-loss_db / 20) * np.exp(-1j * phase)
        else:
            s = [complex(*z) for z in op.s]
            a, b = state[op.a].copy(), state[op.b].copy()
            state[op.a], state[op.b] = s[0] * a + s[1] * b, s[2] * a + s[3] * b
    return state[: len(fabric.outputs)]
