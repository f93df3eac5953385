"""The optical model of a design, from the netlists extracted from its layouts.

Nothing here is typed by hand: the order of devices comes from a walk of the extracted netlist,
losses and phases from measured lengths and gaps, phase shifters from what is drawn of them and from
the contacts their metal leads to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lightloom.photonics import calibration, fabric_model, scatter, solver
from lightloom.photonics.elements import Program, TwoPort
from lightloom.photonics.netlist import Netlist
from lightloom.spec import routing
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design
from lightloom.spec.design import Engine as EngineDesign
from lightloom.spec.optical_model import (
    Detector,
    Eam,
    EngineLane,
    Fabric,
    Leak,
    Mzm,
    OpticalModel,
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
        targets = _targets(design, cell_states, permutation)
        program = fabric_model.program(switch, design.switch)
        chip = fabric_model.fabric(design, switch, program)
        if dac_codes is None:
            table = calibration.codes(chip, design.switch.calibration)
            dac_codes = [
                table["cross" if state else "bar"][cell] for cell, state in enumerate(cell_states)
            ]
        phases = calibration.phases_rad(chip, dac_codes)
        routes, leaks = _paths(program, phases, carrier, targets)
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


def _targets(
    design: Design, cell_states: Sequence[int], permutation: Sequence[int]
) -> dict[str, str]:
    """Output of each input at the given states; it must be what the caller says it is."""
    targets = routing.targets(design, list(cell_states))
    wanted = {f"in{i}": f"out{o}" for i, o in enumerate(permutation)}
    if design.switch.topology != "ocstrx" and targets != wanted:
        raise ValueError(f"cell states do not make permutation {list(permutation)}")
    return targets


def _paths(
    program: Program, phases: np.ndarray, carrier: float, targets: Mapping[str, str]
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
    for i, name in enumerate(program.inputs):
        o = program.outputs.index(targets[name]) if name in targets else None
        if o is not None:
            slope = np.angle(near[2, o, i] / near[1, o, i])
            routes.append(
                Route(
                    input=i,
                    output=o,
                    transfer=tuple(fabric_model.pair(z) for z in s[:, o, i]),
                    group_delay_ps=float(-slope / (4 * math.pi * step) * 1e12) + 0.0,
                    loss_db=float(-power_db[o, i]),
                )
            )
        leaks += [
            Leak(input=i, output=k, power_db=float(power_db[k, i]))
            for k in range(len(program.outputs))
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
