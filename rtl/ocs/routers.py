"""The router that a controller of a topology has."""

from __future__ import annotations

from lightloom.rtl.ocs import route
from lightloom.rtl.ocs.fixed_ways import FixedWays

__all__ = ["TOPOLOGIES", "router"]

TOPOLOGIES = ("benes", "piloss", "crossbar", "switch-and-select")
"""In the order of `fabric.topology`."""


def router(topology: str, ports: int) -> route.Router:
    """Return the router.

    Raises
    ------
    ValueError
        When there is none, or not in that size.
    """
    if topology in route.TOPOLOGIES:
        return route.router(topology, ports)
    if topology in TOPOLOGIES:
        return FixedWays(topology, ports)
    raise ValueError(f"topology = {topology!r}; allowed: {', '.join(TOPOLOGIES)}")
