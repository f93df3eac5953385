"""What a design asks of its switch: the permutation or path, and the cell states that make it."""

from __future__ import annotations

import random

from lightloom.spec import fabrics
from lightloom.spec.design import Design


def permutation(design: Design) -> tuple[int, ...]:
    """Output of each input; the identity over the lanes where no switch permutes them.

    Ports beyond the lanes have no receiver, so the named permutations keep lanes among lanes.
    """
    switch = design.switch
    if switch.topology in ("none", "ocstrx"):
        return tuple(range(design.serdes.lanes))
    ports, chosen = switch.ports, switch.permutation
    lanes = min(design.serdes.lanes, ports)
    if chosen == "identity":
        return tuple(range(ports))
    if chosen == "reverse":
        return (*reversed(range(lanes)), *range(lanes, ports))
    if chosen == "random":
        drawn = random.Random(design.run.seed).sample(range(lanes), lanes)
        return (*drawn, *range(lanes, ports))
    return tuple(chosen)


def states(design: Design) -> list[int]:
    """Cell states that the design asks for; none where there is no switch."""
    switch = design.switch
    if switch.topology == "none":
        return []
    if switch.topology == "ocstrx":
        return fabrics.route_path(switch.ports, switch.path)
    return fabrics.route(switch.topology, switch.ports, permutation(design))


def targets(design: Design, cell_states: list[int] | None = None) -> dict[str, str]:
    """Output port of each input port that light leads from to an output.

    `cell_states` are what the design asks for when absent. Raises ValueError when they are not
    those of the fabric.
    """
    switch = design.switch
    if switch.topology == "none":
        return {}
    chosen = states(design) if cell_states is None else cell_states
    ways = fabrics.ways(fabrics.plan(switch.topology, switch.ports), chosen)
    return {name: way.output for name, way in ways.items()}
