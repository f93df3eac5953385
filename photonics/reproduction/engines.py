"""Predicted figures of an engine: counts and rate from its plan, energy of junctions and heaters.

Energy of a bit is what charges the junction of its modulator, a quarter of swing times charge for
random data, and what its heaters take meanwhile. Fabrication puts a cold resonance anywhere in the
free spectral range and the next wavelength of the grid is taken, so a heater moves its ring by half
a channel spacing in the mean.
"""

from __future__ import annotations

import math

import numpy as np

from lightloom.photonics.circuit import resonance
from lightloom.photonics.circuit import solve as circuit
from lightloom.photonics.devices import Numbers
from lightloom.photonics.engine import plan as engine_plan
from lightloom.photonics.engine.plan import EnginePlan
from lightloom.photonics.export.parameters import junction_length_um
from lightloom.photonics.netlist import Netlist
from lightloom.photonics.reproduction.published import Chip, Quantity
from lightloom.spec.design import Design


def modulation_pj(design: Design, numbers: Numbers, radius_um: float) -> float:
    """Energy of a bit in the junction of a ring, driven over the design's whole swing."""
    swing = design.serdes.tx_swing_v * design.engine.driver_gain
    part = numbers.junction
    flat_ff = part.capacitance_ff_per_um * junction_length_um(radius_um)
    charge_fc = 2.0 * flat_ff * part.built_in_v * (math.sqrt(1.0 + swing / part.built_in_v) - 1.0)
    return swing * charge_fc / 4.0 * 1e-3


def tuning_mw(design: Design, numbers: Numbers) -> float:
    """Mean power of a ring's heater."""
    carrier = resonance.frequency_ghz(design.engine.wavelength_nm)
    pm = resonance.shift_pm(carrier, design.engine.wavelength_spacing_ghz / 2.0)
    return pm / numbers.ring_modulator.heater_pm_per_mw


def tuned(plan: EnginePlan, lane: int) -> dict[str, float]:
    """Return the phase in rad that brings each drop filter of a lane to its wavelength."""
    bank = plan.filter_rings
    if bank is None:
        return {}
    names = _names(plan, f"drop{lane}")
    turn = 2.0 * math.pi / bank.fsr_ghz
    return {name: turn * ring.cold_ghz for name, ring in zip(names, bank.rings, strict=True)}


def _names(plan: EnginePlan, of: str) -> list[str]:
    """Instances of a lane, one a wavelength."""
    return [f"{of}_{k}" if plan.wavelengths > 1 else of for k in range(plan.wavelengths)]


def light(plan: EnginePlan, netlist: Netlist) -> dict[Quantity, float]:
    """Return losses and crosstalk of lane 0: what is drawn alike for all lanes.

    The transmitter is looked at half way between its wavelengths, where its rings let light pass;
    what a modulator takes of its own wavelength is a number of the design and not of the layout.
    """
    grid = np.array(plan.grid_ghz) * 1e9
    order = np.argsort(grid)
    between = grid[order] + plan.spacing_ghz * 0.5e9
    sent = circuit.solve(netlist, between, ["laser0"], ["tx0"]).power[:, 0, 0]
    found: dict[Quantity, float] = {"loss_transmit_db": -10 * math.log10(np.median(sent))}
    diodes = _names(plan, "pd0")
    received = circuit.solve(netlist, grid[order], ["rx0"], diodes, tuned(plan, 0)).power[:, :, 0]
    own = received[np.argsort(order), range(len(diodes))]
    found["loss_receive_db"] = -10 * math.log10(own.min())
    if plan.wavelengths > 1:
        foreign = received[np.argsort(order)].copy()
        np.fill_diagonal(foreign, 0.0)
        found["crosstalk_channel_db"] = 10 * math.log10((foreign / own).max())
    return found


def predict(chip: Chip) -> dict[Quantity, float]:
    """Return every figure that the models give for a published engine."""
    from lightloom.photonics.engine.chip import engine_chip  # brings gdsfactory

    design, numbers = chip.made(), chip.with_own()
    plan = engine_plan.plan(design.engine, design.fibre_lanes, design.technology.band)
    bank = plan.modulator_rings
    if bank is None:
        raise ValueError(
            f"{chip.name}: engine.modulator = {design.engine.modulator!r}; allowed: ring"
        )
    rate = design.serdes.lane_gbps
    energies = [modulation_pj(design, numbers, ring.radius_um) for ring in bank.rings]
    tuning_pj = tuning_mw(design, numbers) / rate
    transmit = sum(energies) / len(energies) + tuning_pj
    band = design.technology.band
    made = engine_chip(design.engine, design.fibre_lanes, band)
    width_um, height_um = made.size_um
    found: dict[Quantity, float] = {
        "rate_tbps": plan.channels * rate * 1e-3,
        "fibres": float(plan.fibres),
        "width_mm": width_um * 1e-3,
        "height_mm": height_um * 1e-3,
        "area_mm2": width_um * height_um * 1e-6,
        "transmit_pj_per_bit": transmit,
        **light(plan, made.netlist),
    }
    if "electronics" in chip.include:
        serdes = design.serdes
        electronics = serdes.energy_tx_pj_per_bit + serdes.energy_rx_pj_per_bit
        found["energy_pj_per_bit"] = electronics + transmit + tuning_pj
    return found
