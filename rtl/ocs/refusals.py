"""Why the last command was refused, and how often for each reason."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.requests import Reason

__all__ = ["COUNT_BITS", "REASONS", "Refusals"]

REASONS = len(Reason) - 1
COUNT_BITS = 16


class Refusals(wiring.Component):
    """Keep the reason of the last refusal until a command is accepted, and count.

    Commands of the request table and of the commit come from different blocks; where both are
    refused in a clock the table's reason is kept, and both are counted, twice the same once.

    Latency: 1 clock. Throughput: every clock, no back-pressure. Reset: no reason, counts 0.

    Members
    -------
    table, table_reason : In(1), In(Reason)
        A command of the request table is refused.
    commit, commit_reason : In(1), In(Reason)
        A commit or rollback is refused.
    accepted : In(1)
        A command was accepted; a refusal in the same clock wins.
    reason : Out(Reason)
        Registered.
    counts : Out(REASONS * COUNT_BITS)
        Refusals with reason 1 and so on, saturating.
    """

    table: Signal
    table_reason: Signal
    commit: Signal
    commit_reason: Signal
    accepted: Signal
    reason: Signal
    counts: Signal

    def __init__(self) -> None:
        """Make the ports."""
        super().__init__(
            {
                "table": In(1),
                "table_reason": In(Reason),
                "commit": In(1),
                "commit_reason": In(Reason),
                "accepted": In(1),
                "reason": Out(Reason),
                "counts": Out(REASONS * COUNT_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build reason and counts."""
        m = Module()
        with m.If(self.table | self.commit):
            m.d.sync += self.reason.eq(Mux(self.table, self.table_reason, self.commit_reason))
        with m.Elif(self.accepted):
            m.d.sync += self.reason.eq(Reason.NONE)
        for number in range(REASONS):
            count = self.counts.word_select(number, COUNT_BITS)
            here = (self.table & (self.table_reason == number + 1)) | (
                self.commit & (self.commit_reason == number + 1)
            )
            m.d.sync += count.eq(count + (here & ~count.all()))
        return m
