"""Router of fabrics with a direct way a pair of ports: crossbar, PILOSS, switch and select."""

from __future__ import annotations

from amaranth import Cat, Module, Signal

from lightloom.rtl.ocs.route.seam import Router, RouteReason, destination_bits
from lightloom.rtl.ocs.walk import Walk
from lightloom.spec import fabrics

__all__ = ["FixedWays", "bars"]


def bars(plan: fabrics.Plan) -> dict[int, set[tuple[int, int]]]:
    """For each cell, the pairs of input and output whose way needs it at bar; others want cross."""
    found: dict[int, set[tuple[int, int]]] = {cell: set() for cell in range(len(plan.cells))}
    ports = plan.ports
    for turn in range(ports):
        permutation = [(i + turn) % ports for i in range(ports)]
        states = fabrics.route(plan.topology, ports, permutation)
        ways = fabrics.ways(plan, states)
        for i, to in enumerate(permutation):
            for cell in ways[f"in{i}"].cells:
                if states[cell] == fabrics.BAR:
                    found[cell].add((i, to))
    return found


class FixedWays(Router):
    """Set every cell by the pairs that are connected; nothing is searched.

    A cell is at bar when a connected pair needs it so, else at cross, which is not driven: so a
    change moves no cell of a route that stays, and `prefer` is not used. A cell that stands
    otherwise, and one that is unusable, are in the way of the routes that pass them. In switch and
    select there is no other way, and the answer is NO_ROUTE. In a crossbar and in PILOSS light may
    also turn several times, over lines of other ports; such ways are not looked for, and the answer
    is SEARCH_LIMIT.

    Latency: `ports` clocks to find conflicts, then the walk's latency + 1, to `done`. Exactly one
    of `done` and `failed` answers a start. Inputs are held from `start` to the answer. Reset: idle.

    Parameters
    ----------
    topology : str
        piloss, crossbar or switch-and-select.
    ports : int
        See `lightloom.spec.fabrics.plan`.

    Members
    -------
    As in `lightloom.rtl.ocs.route.seam.Router`; reasons are CONFLICT, NO_ROUTE and SEARCH_LIMIT.

    Raises
    ------
    ValueError
        When the topology is another one, or does not come in that size.
    """

    def __init__(self, topology: str, ports: int) -> None:
        """Find the plan and make the ports."""
        if topology not in ("piloss", "crossbar", "switch-and-select"):
            raise ValueError(
                f"topology = {topology!r}; allowed: piloss, crossbar, switch-and-select"
            )
        super().__init__(topology, ports)
        self._walk = Walk(topology, ports)

    def elaborate(self, platform: object) -> Module:
        """Build the decoding and the checks."""
        m = Module()
        m.submodules.walk = walk = self._walk
        ports = self.ports
        pairs = [Signal(ports, name=f"pairs_{i}") for i in range(ports)]
        for i, pair in enumerate(pairs):
            to = self.destinations.word_select(i, destination_bits(ports))
            m.d.comb += pair.eq(Cat(self.active[i] & (to == output) for output in range(ports)))
        wanted = Signal(len(self.states))
        for cell, users in bars(self.plan).items():
            m.d.comb += wanted[cell].eq(~Cat(pairs[i][to] for i, to in sorted(users)).any())

        # Routes must not meet a cell that stands otherwise; the walk sees the states as wanted.
        only_way = self.topology == "switch-and-select"
        blocked = RouteReason.NO_ROUTE if only_way else RouteReason.SEARCH_LIMIT
        running = Signal()
        turn = Signal(range(ports + walk.latency + 1))
        taken = Signal(ports)
        mine = Signal(ports)
        conflict = Signal()
        m.d.comb += [
            walk.states.eq(self.states),
            walk.cells.eq(self.unusable | (self.fixed & (self.value ^ self.states))),
        ]
        for i, pair in enumerate(pairs):
            with m.If(turn == i):
                m.d.comb += mine.eq(pair)
        m.d.sync += [self.done.eq(0), self.failed.eq(0)]
        with m.If(self.start):
            m.d.sync += [running.eq(1), turn.eq(0), taken.eq(0), conflict.eq(0)]
            m.d.sync += self.states.eq(wanted)
        with m.Elif(running):
            m.d.sync += [
                turn.eq(turn + 1),
                taken.eq(taken | mine),
                conflict.eq(conflict | (taken & mine).any()),
            ]
            with m.If(turn == ports + walk.latency):
                met = (walk.touched & self.active).any()
                m.d.sync += [
                    running.eq(0),
                    self.done.eq(~conflict & ~met),
                    self.failed.eq(conflict | met),
                    self.reason.eq(blocked),
                ]
                with m.If(conflict):
                    m.d.sync += self.reason.eq(RouteReason.CONFLICT)
                with m.Else():
                    # Cells that no route meets show how they stand.
                    m.d.sync += self.states.eq(
                        (self.states & ~self.fixed) | (self.value & self.fixed)
                    )
        return m
