"""Which output a search for detours leads light to next."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Pick"]


class Pick(wiring.Component):
    """Take the outputs that lack their light in turn, and every fourth time any that is asked for.

    Each of both is a round of its own: the next output above the one that it took last, from the
    lowest again when there is none.

    Latency: ``chosen`` stands a clock after `step`, until the next. Reset: nothing taken.

    Parameters
    ----------
    outputs : int
        2 or more.

    Members
    -------
    clear : In(1)
        Begin both rounds anew.
    step : In(1)
        Take one.
    any_one : In(1)
        Take any that is asked for.
    asked, good : In(outputs)
        Outputs that are asked for; that have their light.
    lacking : Out(1)
        One that is asked for lacks its light. Combinational.
    chosen : Out(outputs)
        One-hot.

    Raises
    ------
    ValueError
        When there are too few outputs.
    """

    clear: Signal
    step: Signal
    any_one: Signal
    asked: Signal
    good: Signal
    lacking: Signal
    chosen: Signal

    def __init__(self, outputs: int) -> None:
        """Make the ports."""
        if outputs < 2:
            raise ValueError(f"outputs = {outputs!r}; allowed: 2 or more")
        self.outputs = outputs
        super().__init__(
            {
                "clear": In(1),
                "step": In(1),
                "any_one": In(1),
                "asked": In(outputs),
                "good": In(outputs),
                "lacking": Out(1),
                "chosen": Out(outputs),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the rounds."""
        m = Module()
        outputs = self.outputs
        bad, among, last = Signal(outputs), Signal(outputs), Signal(outputs)
        later, picked = Signal(outputs), Signal(outputs)
        last_bad, last_any = Signal(outputs), Signal(outputs)
        m.d.comb += [
            bad.eq(self.asked & ~self.good),
            self.lacking.eq(bad.any()),
            among.eq(Mux(self.any_one, self.asked, bad)),
            last.eq(Mux(self.any_one, last_any, last_bad)),
            later.eq(among & ~last & ~(last - 1)[:outputs]),
            picked.eq(_lowest(Mux(later.any(), later, among))),
        ]
        with m.If(self.step):
            m.d.sync += self.chosen.eq(picked)
            with m.If(self.any_one):
                m.d.sync += last_any.eq(picked)
            with m.Else():
                m.d.sync += last_bad.eq(picked)
        with m.If(self.clear):
            m.d.sync += [last_any.eq(0), last_bad.eq(0)]
        return m


def _lowest(word: Value) -> Value:
    return word & (~word + 1)[: len(word)]
