"""Router of fabrics with a direct way a pair of ports: crossbar, PILOSS, switch and select."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value

from lightloom.rtl.ocs.route.detour import Detour
from lightloom.rtl.ocs.route.seam import Router, RouteReason, destination_bits
from lightloom.rtl.ocs.walk import Walk
from lightloom.spec import detours

__all__ = ["FixedWays"]


class FixedWays(Router):
    """Set every cell by the pairs that are connected; search only where that is not possible.

    A cell is at bar when a connected pair needs it so, else at cross, which is not driven: so a
    change moves no cell of a route that stays, and `prefer` is not used. A cell that stands
    otherwise, and one that is unusable, are in the way of the routes that pass them. In switch and
    select there is no other way, and the answer is NO_ROUTE. In a crossbar and in PILOSS light may
    also turn several times, over lines of other ports: such ways are looked for by `Detour`.
    NO_ROUTE is a proof; where no routing was found in `tries` tries the answer is SEARCH_LIMIT. The
    result equals `lightloom.spec.detours.connect` bit for bit.

    Latency: the answer comes `direct_clocks` clocks after ``start`` where the direct ways are
    free, and when two inputs ask for one output; at most `latency` clocks after it otherwise.
    Exactly one of `done` and `failed` answers a start. Inputs are held from `start` to the answer.
    Reset: idle.

    Parameters
    ----------
    topology : str
        piloss, crossbar or switch-and-select.
    ports : int
        See `lightloom.spec.fabrics.plan`.
    tries : int | None
        Most tries of a search, see `Detour`; 16 `ports` when absent, which is about 64 clocks a
        cell. Of no use in switch and select.

    Members
    -------
    As in `lightloom.rtl.ocs.route.seam.Router`; reasons are CONFLICT, NO_ROUTE and SEARCH_LIMIT.

    Raises
    ------
    ValueError
        When the topology is another one or does not come in that size, or `tries` is out of range.
    """

    def __init__(self, topology: str, ports: int, *, tries: int | None = None) -> None:
        """Find the plan and make the ports."""
        if topology not in ("piloss", "crossbar", "switch-and-select"):
            raise ValueError(
                f"topology = {topology!r}; allowed: piloss, crossbar, switch-and-select"
            )
        super().__init__(topology, ports)
        self._walk = Walk(topology, ports)
        self.direct_clocks = self.latency = ports + self._walk.latency + 2
        self._detour: Detour | None = None
        if topology != "switch-and-select":
            most = detours.tries_of(ports) if tries is None else tries
            self._detour = Detour(topology, ports, most)
            self.latency += detours.most_clocks(topology, ports, most)

    def elaborate(self, platform: object) -> Module:
        """Build the decoding, the check of the direct ways and the search."""
        m = Module()
        m.submodules.walk = walk = self._walk
        ports = self.ports
        pairs = [Signal(ports, name=f"pairs_{i}") for i in range(ports)]
        asked = Signal(ports)
        for i, pair in enumerate(pairs):
            to = self.destinations.word_select(i, destination_bits(ports))
            m.d.comb += pair.eq(Cat(self.active[i] & (to == output) for output in range(ports)))
        m.d.comb += asked.eq(Cat(Cat(pair[to] for pair in pairs).any() for to in range(ports)))
        wanted = Signal(len(self.states))
        for cell, users in detours.bars(self.topology, ports).items():
            m.d.comb += wanted[cell].eq(~Cat(pairs[i][to] for i, to in sorted(users)).any())

        # Routes must not meet a cell that stands otherwise; the walk sees the states as wanted.
        running = Signal()
        turn = Signal(range(ports + walk.latency + 1))
        taken = Signal(ports)
        mine = Signal(ports)
        conflict = Signal()
        met = Signal()
        checked = Signal()
        m.d.comb += [
            walk.states.eq(self.states),
            walk.cells.eq(self.unusable | (self.fixed & (self.value ^ self.states))),
            met.eq((walk.touched & self.active).any()),
            checked.eq(running & ~self.start & (turn == ports + walk.latency)),
        ]
        for i, pair in enumerate(pairs):
            with m.If(turn == i):
                m.d.comb += mine.eq(pair)
        m.d.sync += [self.done.eq(0), self.failed.eq(0)]
        with m.If(self.start):
            m.d.sync += [running.eq(1), turn.eq(0), taken.eq(0), conflict.eq(0)]
            m.d.sync += self.states.eq(wanted)
        with m.Elif(checked):
            m.d.sync += running.eq(0)
            with m.If(conflict):
                m.d.sync += [self.failed.eq(1), self.reason.eq(RouteReason.CONFLICT)]
            with m.Else():
                # Cells that no route meets show how they stand.
                m.d.sync += [
                    self.states.eq((self.states & ~self.fixed) | (self.value & self.fixed)),
                    self.done.eq(~met),
                ]
                if self._detour is None:
                    m.d.sync += [self.failed.eq(met), self.reason.eq(RouteReason.NO_ROUTE)]
        with m.Elif(running):
            m.d.sync += [
                turn.eq(turn + 1),
                taken.eq(taken | mine),
                conflict.eq(conflict | (taken & mine).any()),
            ]
        if self._detour is not None:
            self._around(m, self._detour, checked & ~conflict & met, asked)
        return m

    def _around(self, m: Module, detour: Detour, begins: Value, asked: Value) -> None:
        """Search from the states of the direct ways, and take over what it sets."""
        m.submodules.detour = detour
        m.d.comb += [
            detour.start.eq(begins),
            detour.stop.eq(self.start),
            detour.destinations.eq(self.destinations),
            detour.active.eq(self.active),
            detour.unusable.eq(self.unusable),
            detour.asked.eq(asked),
            detour.stand.eq(self.states),
            detour.fixed.eq(self.fixed),
        ]
        with m.If(detour.write & ~self.start), m.Switch(detour.column):
            for column, places in enumerate(detour.wall.places):
                with m.Case(column):
                    for place, cell in enumerate(places):
                        if cell >= 0:
                            # Not driven where no route needs it.
                            m.d.sync += self.states[cell].eq(
                                detour.word[place] | ~detour.kept[place]
                            )
        with m.If(~self.start):
            with m.If(detour.done):
                m.d.sync += self.done.eq(1)
            with m.If(detour.failed | detour.late):
                m.d.sync += self.failed.eq(1)
                m.d.sync += self.reason.eq(
                    Mux(detour.late, RouteReason.SEARCH_LIMIT, RouteReason.NO_ROUTE)
                )
