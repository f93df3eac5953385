"""The loss map: the light of a state of the switch over its die, signals above, crosstalk below.

Each piece of waveguide has the colour of the power in it at the carrier, relative to what enters at
the input that it came from. Each output is written with the loss of its path, and with the power of
all other inputs there relative to the signal.
"""

from __future__ import annotations

from pathlib import Path

from lightloom.photonics.checks.chip import open_chip
from lightloom.photonics.circuit import scatter
from lightloom.photonics.circuit.trace import Levels, Trace, levels, trace
from lightloom.photonics.layer_map import OPEN, LayerMap
from lightloom.photonics.netlist import Netlist
from lightloom.photonics.pictures.strokes import Strokes, strokes
from lightloom.photonics.switch import calibration, fabric_model
from lightloom.spec import routing
from lightloom.spec.design import Design


def follow(design: Design, switch: Netlist) -> Trace:
    """Return the powers along a switch in the state and at the carrier that a design asks for."""
    program = fabric_model.program(switch, design.switch)
    fabric = fabric_model.fabric(design, switch, program)
    table = calibration.codes(fabric, design.switch.calibration)
    states = routing.states(design)
    codes = [table["cross" if state else "bar"][cell] for cell, state in enumerate(states)]
    carrier = scatter.frequency_hz(design.engine.wavelength_nm)
    return trace(program, switch, calibration.phases_rad(fabric, codes), carrier)


def write(
    design: Design, gds: Path, switch: Netlist, path: Path, layers: LayerMap = OPEN
) -> Levels:
    """Draw the loss map of a switch as PNG; return the levels that it shows.

    Args:
        design: the state, calibration and carrier.
        gds: layout of the switch.
        switch: netlist extracted from it.
        path: PNG to write.
        layers: the numbers that the layout was written with.

    Raises:
        DesignError: the layout or the netlist is not that of such a switch.
    """
    from lightloom.photonics.pictures import heat

    chip = open_chip(gds)
    layers.from_foundry(chip.layout)
    shape: Strokes = strokes(chip, switch)
    found = levels(follow(design, switch), routing.targets(design))
    title = f"{design.engine.wavelength_nm:g} nm, {_state(design)}"
    path.write_bytes(heat.draw(switch, shape, found, title).png())
    return found


def _state(design: Design) -> str:
    switch = design.switch
    if switch.topology == "ocstrx":
        return f"{switch.path} path"
    named = isinstance(switch.permutation, str)
    return f"{switch.permutation} permutation" if named else "permutation of the design"
