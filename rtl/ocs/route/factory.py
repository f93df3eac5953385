"""The router of a topology."""

from __future__ import annotations

from lightloom.rtl.ocs.route import benes
from lightloom.rtl.ocs.route.fixed_ways import FixedWays
from lightloom.rtl.ocs.route.seam import Router

__all__ = ["TOPOLOGIES", "router"]

TOPOLOGIES = ("benes", "piloss", "crossbar", "switch-and-select")
"""In the order of the register `fabric.topology`."""


def router(topology: str, ports: int) -> Router:
    """Return the router of a topology.

    Raises
    ------
    ValueError
        When there is none, or not in that size.
    """
    if topology not in TOPOLOGIES:
        raise ValueError(f"topology = {topology!r}; allowed: {', '.join(TOPOLOGIES)}")
    return benes.Benes(ports) if topology == "benes" else FixedWays(topology, ports)
