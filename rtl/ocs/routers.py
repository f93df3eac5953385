"""The router of a topology."""

from __future__ import annotations

from typing import Any

from lightloom.rtl.ocs.fixed_ways import FixedWays
from lightloom.rtl.ocs.weave import Weave

__all__ = ["TOPOLOGIES", "router"]

TOPOLOGIES = ("benes", "piloss", "crossbar", "switch-and-select")
"""In the order of `fabric.topology`."""


def router(topology: str, ports: int) -> Any:
    """Return the router; all have the members of `Weave`.

    Raises
    ------
    ValueError
        When there is none.
    """
    if topology == "benes":
        return Weave(ports)
    if topology in TOPOLOGIES:
        return FixedWays(topology, ports)
    raise ValueError(f"topology = {topology!r}; allowed: {', '.join(TOPOLOGIES)}")
