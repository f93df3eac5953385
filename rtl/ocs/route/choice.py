"""Which components of a map are tried flipped: a search that learns from what failed."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Choice"]


class Choice(wiring.Component):
    """Go through the orientations of the components that failures depend on, and no others.

    Components that were never part of a failure keep their first orientation: whatever they do,
    the failures stay. Those that were are counted through like a binary number, cyclically, from
    where the last one of them joined. Orientations that agree with a failure on all its components
    would fail alike and are skipped. When the count is around, no orientation is left.

    Latency: the answer is combinational; the next orientation stands one cycle after ``step``.
    Reset: nothing flipped.

    Parameters
    ----------
    parts : int
        Most components, 2 or more.

    Members
    -------
    clear : In(1)
        Begin with nothing flipped and nothing learnt.
    step : In(1)
        The present orientation failed.
    culprits : In(parts)
        Free components that failure depends on.
    flip : Out(parts)
        Components that are tried flipped. Registered.
    exhausted : Out(1)
        With ``step``: no orientation is left.

    Ref: P. Prosser, Comput. Intell. 9, 268 (1993), on backjumping by sets of conflicts.
    """

    clear: Signal
    step: Signal
    culprits: Signal
    flip: Signal
    exhausted: Signal

    def __init__(self, parts: int) -> None:
        """Make the ports."""
        if parts < 2:
            raise ValueError(f"parts = {parts!r}; allowed: 2 or more")
        self.parts = parts
        super().__init__(
            {
                "clear": In(1),
                "step": In(1),
                "culprits": In(parts),
                "flip": Out(parts),
                "exhausted": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the counter."""
        m = Module()
        parts = self.parts
        learnt = Signal(parts)
        anchor = Signal(parts)
        around = Signal()

        known = Signal(parts)
        origin = Signal(parts)
        was_around = Signal()
        raised = Signal(parts + 1)
        m.d.comb += [
            known.eq(learnt | self.culprits),
            origin.eq(anchor),
            was_around.eq(around),
            # Bits below the lowest culprit are passed over; bits that are not counted carry on.
            raised.eq((self.flip | ~known | ((~self.culprits) & (self.culprits - 1)[:parts])) + 1),
        ]
        with m.If((self.culprits & ~learnt).any()):
            m.d.comb += [origin.eq(self.flip), was_around.eq(0)]
        following = Signal(parts)
        carry = raised[parts]
        m.d.comb += [
            following.eq(raised[:parts] & known),
            self.exhausted.eq(
                ~self.culprits.any()
                | (carry & was_around)
                | ((carry | was_around) & (following >= origin))
            ),
        ]
        with m.If(self.step):
            m.d.sync += [
                self.flip.eq(following),
                learnt.eq(known),
                anchor.eq(origin),
                around.eq(was_around | carry),
            ]
        with m.If(self.clear):
            m.d.sync += [self.flip.eq(0), learnt.eq(0), anchor.eq(0), around.eq(0)]
        return m
