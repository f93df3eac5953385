"""Event counter for the registers."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Counter"]


class Counter(wiring.Component):
    """Saturating counter.

    ``value`` changes one clock after ``add``. It stops at all ones. ``clear`` wins over ``add``.

    Parameters
    ----------
    width : int
        Bits of ``value``, 2 to 64.
    add_width : int
        Bits of ``add``, 1 to ``width - 1``.

    Members
    -------
    add : Signal(add_width), in
        Events in this clock.
    clear : Signal(), in
        Set ``value`` to 0.
    value : Signal(width), out
        Events counted.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    add: Signal
    clear: Signal
    value: Signal

    def __init__(self, *, width: int = 32, add_width: int = 1) -> None:
        """Check the parameters and declare the members."""
        if not 2 <= width <= 64:
            raise ValueError(f"width = {width}; allowed: 2 to 64")
        if not 1 <= add_width < width:
            raise ValueError(f"add_width = {add_width}; allowed: 1 to {width - 1}")
        self.width = width
        self.add_width = add_width
        super().__init__({"add": In(add_width), "clear": In(1), "value": Out(width)})

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        total = Signal(self.width + 1)
        m.d.comb += total.eq(self.value + self.add)
        with m.If(self.clear):
            m.d.sync += self.value.eq(0)
        with m.Elif(self.add != 0):
            m.d.sync += self.value.eq(total | total[-1].replicate(self.width))
        return m
