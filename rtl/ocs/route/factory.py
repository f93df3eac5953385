"""The router of a topology."""

from __future__ import annotations

from lightloom.rtl.ocs.route import benes
from lightloom.rtl.ocs.route.seam import Router

__all__ = ["TOPOLOGIES", "latency", "router"]

TOPOLOGIES = ("benes",)


def router(topology: str, ports: int) -> Router:
    """Return the router of a topology.

    Raises
    ------
    ValueError
        When there is none, or not in that size.
    """
    if topology == "benes":
        return benes.Benes(ports)
    raise ValueError(f"topology = {topology!r}; allowed: {', '.join(TOPOLOGIES)}")


def latency(topology: str, ports: int) -> int:
    """Most cycles from ``start`` to ``done`` when no cell stands or is dead.

    Raises
    ------
    ValueError
        When the topology has no router.
    """
    if topology == "benes":
        return benes.latency(ports)
    raise ValueError(f"topology = {topology!r}; allowed: {', '.join(TOPOLOGIES)}")
