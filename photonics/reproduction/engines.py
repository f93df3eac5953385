"""Predicted figures of an engine: counts and rate from its plan, energy of junctions and heaters.

Energy of a bit is what charges the junction of its modulator, a quarter of swing times charge for
random data, and what its heaters take meanwhile. Fabrication puts a cold resonance anywhere in the
free spectral range and the next wavelength of the grid is taken, so a heater moves its ring by half
a channel spacing in the mean.
"""

from __future__ import annotations

import math

from lightloom.photonics import engine_plan, resonance
from lightloom.photonics.devices import Numbers
from lightloom.photonics.export.parameters import junction_length_um
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


def predict(chip: Chip) -> dict[Quantity, float]:
    """Return every figure that the models give for a published engine."""
    design, numbers = chip.made(), chip.with_own()
    plan = engine_plan.plan(design.engine, design.fibre_lanes, design.technology.band)
    bank = plan.modulator_rings
    if bank is None:
        raise ValueError(
            f"{chip.name}: engine.modulator = {design.engine.modulator!r}; allowed: ring"
        )
    rate = design.serdes.baud_gbd
    energies = [modulation_pj(design, numbers, ring.radius_um) for ring in bank.rings]
    tuning_pj = tuning_mw(design, numbers) / rate
    transmit = sum(energies) / len(energies) + tuning_pj
    found: dict[Quantity, float] = {
        "rate_tbps": plan.channels * rate * 1e-3,
        "fibres": float(plan.fibres),
        "transmit_pj_per_bit": transmit,
    }
    if "electronics" in chip.include:
        serdes = design.serdes
        electronics = serdes.energy_tx_pj_per_bit + serdes.energy_rx_pj_per_bit
        found["energy_pj_per_bit"] = electronics + transmit + tuning_pj
    return found
