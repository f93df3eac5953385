"""A router whose answer comes a clock later, and that can be told to drop a question."""

from __future__ import annotations

from amaranth import Module, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.requests import Reason
from lightloom.rtl.ocs.route.factory import router

__all__ = ["QUESTION", "RegisteredRouter"]

QUESTION = ("start", "destinations", "active", "fixed", "value", "unusable", "prefer")


class RegisteredRouter(wiring.Component):
    """The router of a topology, with its answer in a register.

    The answer of a router comes late in its clock; its states stay while it is asked.

    Latency: that of the router and 1 clock. Throughput, reset: as the router.

    Parameters
    ----------
    topology, ports
        See `router`.

    Members
    -------
    start, destinations, active, fixed, value, unusable, prefer, states
        Those of `Router`.
    drop : In(1)
        Forget the question; what is answered in this clock is not told.
    done, failed : Out(1), reason : Out(Reason)
        The answer. Registered.

    Raises
    ------
    ValueError
        As `router`.
    """

    start: Signal
    destinations: Signal
    active: Signal
    fixed: Signal
    value: Signal
    unusable: Signal
    prefer: Signal
    states: Signal
    drop: Signal
    done: Signal
    failed: Signal
    reason: Signal

    def __init__(self, topology: str, ports: int) -> None:
        """Make the router and the ports."""
        self._router = router(topology, ports)
        inner = dict(self._router.signature.members)
        super().__init__(
            {
                **{name: inner[name] for name in (*QUESTION, "states")},
                "drop": In(1),
                "done": Out(1),
                "failed": Out(1),
                "reason": Out(Reason),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the register."""
        m = Module()
        inner = self._router
        m.submodules.router = ResetInserter(self.drop)(inner)
        for name in QUESTION:
            m.d.comb += getattr(inner, name).eq(getattr(self, name))
        m.d.comb += self.states.eq(inner.states)
        m.d.sync += [
            self.done.eq(inner.done & ~self.drop),
            self.failed.eq(inner.failed & ~self.drop),
            self.reason.eq(Value.cast(inner.reason)),
        ]
        return m
