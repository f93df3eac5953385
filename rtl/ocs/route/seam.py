"""What all routers have in common: their members and the reasons of a refusal."""

from __future__ import annotations

from amaranth import Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from lightloom.spec import fabrics
from lightloom.spec.routes import Reason

__all__ = ["RouteReason", "Router", "destination_bits"]


class RouteReason(enum.IntEnum, shape=4):
    """Why there is no routing; the numbers are those of `lightloom.spec.routes.Reason`."""

    NONE = Reason.NONE
    RANGE = Reason.RANGE
    CONFLICT = Reason.CONFLICT
    NO_ROUTE = Reason.NO_ROUTE
    SEARCH_LIMIT = Reason.SEARCH_LIMIT


def destination_bits(ports: int) -> int:
    """Bits of one destination."""
    return (ports - 1).bit_length()


class Router(wiring.Component):
    """Members of a router; the topologies build on it.

    Exactly one of ``done`` and ``failed`` answers a start; a start before the answer begins anew.
    Inputs are held from the start to the answer. Cells and states are in the order of
    `lightloom.spec.fabrics`, 1 = cross.

    Members
    -------
    start : In(1)
        Begin.
    destinations : In(ports * bits), active : In(ports)
        Output of each input, input 0 lowest, bits = ceil(log2(ports)); inputs that have one.
    fixed, value, unusable, prefer : In(cells)
        Cells that stand, and how (a heater is stuck, or a route is not to be disturbed); cells
        through which no light may pass; states of cells that no route needs.
    states : Out(cells)
        Valid with ``done`` and until an input changes or the next start.
    done, failed : Out(1)
        Pulses.
    reason : Out(RouteReason)
        Valid with ``failed``: RANGE (no such output), CONFLICT (two inputs ask for one output),
        NO_ROUTE (none exists), SEARCH_LIMIT (none was found in the cycles that are allowed).
    """

    start: Signal
    destinations: Signal
    active: Signal
    fixed: Signal
    value: Signal
    unusable: Signal
    prefer: Signal
    states: Signal
    done: Signal
    failed: Signal
    reason: Signal

    def __init__(self, topology: str, ports: int) -> None:
        """Make the ports."""
        self.topology = topology
        self.ports = ports
        self.plan = fabrics.plan(topology, ports)
        self.cells = len(self.plan.cells)
        super().__init__(
            {
                "start": In(1),
                "destinations": In(ports * destination_bits(ports)),
                "active": In(ports),
                "fixed": In(self.cells),
                "value": In(self.cells),
                "unusable": In(self.cells),
                "prefer": In(self.cells),
                "states": Out(self.cells),
                "done": Out(1),
                "failed": Out(1),
                "reason": Out(RouteReason),
            }
        )
