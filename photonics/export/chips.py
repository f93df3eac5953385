"""The complete S-matrix of a chip, reflections included, from its netlist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit import scatter
from lightloom.photonics.circuit import solve as circuit
from lightloom.photonics.export.touchstone import Scattering
from lightloom.photonics.netlist import Netlist
from lightloom.photonics.switch import calibration, fabric_model
from lightloom.spec.design import Design


def around(carrier_nm: float, span_ghz: float, points: int) -> NDArray[np.float64]:
    """Return equally spaced frequencies in Hz, the carrier in their middle."""
    carrier = scatter.frequency_hz(carrier_nm)
    return carrier + 1e9 * np.linspace(-span_ghz / 2, span_ghz / 2, points)


def driven(design: Design, switch: Netlist, states: Sequence[int]) -> dict[str, float]:
    """Return the phase in rad of each phase shifter of a switch by instance.

    Codes come from the design's calibration for `states`, and heat from neighbours is in them.
    """
    model = fabric_model.fabric(design, switch)
    table = calibration.codes(model, design.switch.calibration)
    codes = [table["cross" if state else "bar"][cell] for cell, state in enumerate(states)]
    names = fabric_model.program(switch, design.switch).heaters
    return dict(zip(names, calibration.phases_rad(model, codes).tolist(), strict=True))


def scattering(
    chip: Netlist,
    frequencies_hz: NDArray[np.float64],
    carrier_nm: float,
    phases_rad: Mapping[str, float] | None = None,
) -> Scattering:
    """Return the S-matrix between all optical ports of a chip.

    Modulators are without voltage, photodiodes absorb, phase shifters that `phases_rad` does not
    name are not driven.

    Args:
        chip: extracted netlist.
        frequencies_hz: rising.
        carrier_nm: that the phases are given at.
        phases_rad: of phase shifters by instance.
    """
    ports = tuple(chip.ports)
    solution = circuit.solve(
        chip,
        frequencies_hz,
        ports,
        ports,
        phases_rad,
        scatter.frequency_hz(carrier_nm),
        "sparse",
    )
    return Scattering(ports, frequencies_hz, solution.s)
