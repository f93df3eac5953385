"""The optical model of a design, from the netlists extracted from its layouts.

Nothing here is typed by hand: the order of devices comes from a walk of the extracted netlist,
losses and phases from measured lengths and gaps, phase shifters from what is drawn of them and from
the contacts their metal leads to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from lightloom.photonics.circuit import scatter, solver
from lightloom.photonics.circuit.elements import Program
from lightloom.photonics.engine import model as engine_model
from lightloom.photonics.netlist import Netlist
from lightloom.photonics.switch import calibration, fabric_model
from lightloom.spec import routing
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
    return engine_model.lanes(design, engine)


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
