"""Who gets power in this tick: a budget over the claims of all cells."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Budget"]


class Budget(wiring.Component):
    """Grant each cell what it wants, less, or nothing new, so that claims stay within `budget`.

    What a cell has is its claim; a new claim is the largest of its command, its goal and `floor`.
    The sum of all claims at `start` leaves room; a claim that falls is always granted and makes
    room, one that rises needs it. First `over` is tried where the cell is `driven`, then `goal`,
    then the command and the claim stay as they are.

    Latency: 2 clocks. Throughput: one cell a clock; each cell once between two `start`, and `start`
    at least 2 clocks after the last cell. No back-pressure. After reset there are no claims.

    Parameters
    ----------
    bits : int
        Of a power, 1 to 32.
    sum_bits : int
        Of a sum of powers; the sum of all claims has to fit.

    Members
    -------
    start : In(1)
        A tick begins; `budget` is taken.
    budget : In(sum_bits)
        Most of the sum of claims.
    park : In(1)
        Claims and commands become 0; constant from the first cell to two clocks after the last.
    valid : In(1)
        A cell is there.
    driven, over, goal, floor : In(1), In(bits), In(bits), In(bits)
        What it wants.
    claim, last : In(bits), In(bits)
        What it had: the claim and the command that came out for it in the tick before.
    command, claimed : Out(bits), Out(bits)
        What it gets. Registered, as all outputs.
    waits : Out(1)
        Nothing was granted.
    short : Out(1)
        There was less than no room, before this cell.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    start: Signal
    budget: Signal
    park: Signal
    valid: Signal
    driven: Signal
    over: Signal
    goal: Signal
    floor: Signal
    claim: Signal
    last: Signal
    command: Signal
    claimed: Signal
    waits: Signal
    short: Signal

    latency = 2

    def __init__(self, bits: int = 16, sum_bits: int = 32) -> None:
        """Check the widths and make the ports."""
        if not 1 <= bits <= 32:
            raise ValueError(f"bits = {bits!r}; allowed: an integer from 1 to 32")
        if sum_bits < bits:
            raise ValueError(f"sum_bits = {sum_bits!r}; allowed: {bits} or more")
        self.bits = bits
        self.sum_bits = sum_bits
        super().__init__(
            {
                "start": In(1),
                "budget": In(sum_bits),
                "park": In(1),
                "valid": In(1),
                "driven": In(1),
                "over": In(bits),
                "goal": In(bits),
                "floor": In(bits),
                "claim": In(bits),
                "last": In(bits),
                "command": Out(bits),
                "claimed": Out(bits),
                "waits": Out(1),
                "short": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build what each choice would claim, and the one loop from cell to cell."""
        m = Module()
        bits = self.bits
        least = Signal(bits)
        most = Signal(bits)
        m.d.comb += [
            least.eq(Mux(self.floor > self.goal, self.floor, self.goal)),
            most.eq(Mux(self.over > least, self.over, least)),
        ]
        plain_claim, over_claim, goal, over, claim, last = (
            Signal(bits, name=name)
            for name in ("plain_claim", "over_claim", "goal_1", "over_1", "claim_1", "last_1")
        )
        plain_more = Signal(signed(bits + 1))
        over_more = Signal(signed(bits + 1))
        valid = Signal()
        driven = Signal()
        m.d.sync += [
            plain_claim.eq(least),
            over_claim.eq(most),
            plain_more.eq(least - self.claim),
            over_more.eq(most - self.claim),
            goal.eq(self.goal),
            over.eq(self.over),
            claim.eq(self.claim),
            last.eq(self.last),
            valid.eq(self.valid),
            driven.eq(self.driven),
        ]

        room = Signal(signed(self.sum_bits + 2))
        total = Signal(self.sum_bits)
        after_plain = Signal(signed(self.sum_bits + 2))
        after_over = Signal(signed(self.sum_bits + 2))
        grant_plain = Signal()
        grant_over = Signal()
        after = Signal(signed(self.sum_bits + 2))
        power = Signal(bits)
        claimed = Signal(bits)
        waits = Signal()
        m.d.comb += [
            after_plain.eq(room - plain_more),
            after_over.eq(room - over_more),
            grant_plain.eq((plain_more <= 0) | (after_plain >= 0)),
            grant_over.eq(driven & ((over_more <= 0) | (after_over >= 0))),
        ]
        with m.If(self.park):
            m.d.comb += after.eq(room + claim)
        with m.Elif(grant_over):
            m.d.comb += [power.eq(over), claimed.eq(over_claim), after.eq(after_over)]
        with m.Elif(grant_plain):
            m.d.comb += [power.eq(goal), claimed.eq(plain_claim), after.eq(after_plain)]
        with m.Else():
            m.d.comb += [power.eq(last), claimed.eq(claim), after.eq(room), waits.eq(1)]
        with m.If(self.start):
            m.d.sync += [room.eq(self.budget - total), total.eq(0)]
        with m.Elif(valid):
            m.d.sync += [room.eq(after), total.eq(total + claimed)]
        m.d.sync += [
            self.command.eq(power),
            self.claimed.eq(claimed),
            self.waits.eq(waits),
            self.short.eq(room < 0),
        ]
        return m
