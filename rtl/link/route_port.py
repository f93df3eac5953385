"""Side band of the SerDes to the controller of its optical route."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link.crossing import STEADY_CLOCKS, cdc

__all__ = ["FRAME_GOOD_CLOCKS", "RoutePort"]

FRAME_GOOD_CLOCKS = 64
"""`frame_good` stays this long, so that a clock of a 32nd of the core clock sees it."""


class RoutePort(wiring.Component):
    """What an OCSTrx controller says to the SerDes and hears from it.

    Inputs from the controller are asynchronous; all of them idle at 0. ``freeze`` and ``pause`` are
    levels. A rise of ``save`` or ``load`` acts once; ``index`` stands from before it to after its
    fall, and the level lasts 3 clocks or more. A save is ignored unless the link is up, so that
    what was learnt from darkness never replaces a good set; a load is ignored unless the route is
    frozen. Requests of the registers take the same way, and wait for nothing.

    `warm` says that the set loaded since the route was frozen had been saved. Sets saved before a
    reset of ``rx`` alone count as saved: the receiver then comes up as from nothing, only without
    its restart.

    Latency: 2 clocks of synchronizer, then 1 to a level and `STEADY_CLOCKS` + 1 to ``set_save`` and
    ``set_load``. Reset: idle, no set saved.

    Members
    -------
    freeze, pause, save, load : In(1), index : In(4)
        From the controller.
    own_index : In(4), own_save, own_load : In(1)
        From the registers, in this clock domain.
    up : In(1)
        The link is up.
    good : In(1)
        A frame without error has ended.
    frozen, paused : Out(1)
        ``freeze`` and ``pause`` in this clock domain.
    warm : Out(1)
        A saved set was loaded since ``freeze`` rose.
    set_index : Out(4), set_save, set_load : Out(1)
        To the lanes: number, steady from `STEADY_CLOCKS` before a pulse on, and the pulses.
    frame_good : Out(1)
        High for `FRAME_GOOD_CLOCKS` from every frame without error. Registered.
    """

    freeze: Signal
    pause: Signal
    save: Signal
    load: Signal
    index: Signal
    own_index: Signal
    own_save: Signal
    own_load: Signal
    up: Signal
    good: Signal
    frozen: Signal
    paused: Signal
    warm: Signal
    set_index: Signal
    set_save: Signal
    set_load: Signal
    frame_good: Signal

    def __init__(self) -> None:
        """Declare the members."""
        inputs = dict.fromkeys(("freeze", "pause", "save", "load", "own_save", "own_load"), 1)
        inputs |= {"up": 1, "good": 1, "index": 4, "own_index": 4}
        outputs = dict.fromkeys(("frozen", "paused", "warm", "set_save", "set_load"), 1)
        outputs |= {"frame_good": 1, "set_index": 4}
        super().__init__(
            {name: In(width) for name, width in inputs.items()}
            | {name: Out(width) for name, width in outputs.items()}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        seen: dict[str, Signal] = {}
        for name in ("freeze", "pause", "save", "load", "index"):
            source = getattr(self, name)
            seen[name] = Signal(len(source), name=f"{name}_seen")
            m.submodules[f"sync_{name}"] = cdc.FFSynchronizer(source, seen[name])
        rise: dict[str, Signal] = {}
        for name in ("save", "load"):
            before = Signal(name=f"{name}_before")
            rise[name] = Signal(name=f"{name}_rise")
            m.d.sync += before.eq(seen[name])
            m.d.comb += rise[name].eq(seen[name] & ~before)
        m.d.sync += [self.frozen.eq(seen["freeze"]), self.paused.eq(seen["pause"])]

        # A number crosses to the lanes bit by bit: it has to stand before the pulse crosses.
        route_save = rise["save"] & self.up
        route_load = rise["load"] & seen["freeze"]
        route = route_save | route_load
        wait = Signal(range(STEADY_CLOCKS + 1))
        saving = Signal()
        sets = Signal(16)
        known = sets.bit_select(self.set_index, 1)
        m.d.comb += [
            self.set_save.eq((wait == 1) & saving),
            self.set_load.eq((wait == 1) & ~saving),
        ]
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.If(route | self.own_save | self.own_load):
            m.d.sync += wait.eq(STEADY_CLOCKS)
            with m.If(route):
                m.d.sync += [self.set_index.eq(seen["index"]), saving.eq(route_save)]
            with m.Else():
                m.d.sync += [self.set_index.eq(self.own_index), saving.eq(self.own_save)]
        with m.If(self.set_save):
            m.d.sync += known.eq(1)
        with m.If(~seen["freeze"] & ~self.frozen):
            m.d.sync += self.warm.eq(0)
        with m.Elif(self.set_load):
            m.d.sync += self.warm.eq(known)

        left = Signal(range(FRAME_GOOD_CLOCKS + 1))
        m.d.sync += self.frame_good.eq(self.good | (left > 1))
        with m.If(self.good):
            m.d.sync += left.eq(FRAME_GOOD_CLOCKS)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        return m
