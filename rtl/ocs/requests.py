"""The map that software asks for: destination and valid bit of each input, and commands on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer

__all__ = ["Model", "Reason", "Requests"]


class Reason(enum.IntEnum, shape=4):
    """Why something was refused, as `status.reason` says it."""

    NONE = 0
    RANGE = 1
    """An input or output that the fabric does not have."""
    CONFLICT = 2
    """The output is taken by another input."""
    BROADCAST = 3
    """The input is connected to another output."""
    BUSY = 4
    """Another commit is under way, or the command came with a park."""
    NO_ROUTE = 5
    """No routing exists with these dead cells."""
    SEARCH_LIMIT = 6
    """The router found no routing and cannot say that there is none."""
    BUDGET = 7
    """The heaters would take more than the budget."""
    NO_PREVIOUS = 8
    """There is no map to roll back to."""
    WATCHDOG = 9
    """The watchdog holds the fabric parked."""
    FAULT = 10
    """What is behind the codes failed, which holds the fabric parked."""


@dataclass
class Model:
    """Golden model of `Requests`."""

    ports: int
    table: dict[int, int] = field(default_factory=dict)

    def write(self, source: int, output: int, connected: bool) -> Reason:
        """Write a destination register."""
        if connected and output >= self.ports:
            return Reason.RANGE
        self.table.pop(source, None)
        if connected:
            self.table[source] = output
        return Reason.NONE

    def connect(self, source: int, output: int) -> Reason:
        """Connect an input."""
        if source >= self.ports or output >= self.ports:
            return Reason.RANGE
        if self.table.get(source, output) != output:
            return Reason.BROADCAST
        if any(taken == output for other, taken in self.table.items() if other != source):
            return Reason.CONFLICT
        self.table[source] = output
        return Reason.NONE

    def disconnect(self, source: int) -> Reason:
        """Disconnect an input."""
        if source >= self.ports:
            return Reason.RANGE
        self.table.pop(source, None)
        return Reason.NONE

    def move(self, source: int, old: int, target: int, new: int) -> bool:
        """Follow a route that was moved, unless something else is asked for by now."""
        others = {i: to for i, to in self.table.items() if i != source}
        free = others.get(target, new) == new
        taken = any(to == new for other, to in others.items() if other != target)
        if self.table.get(source) != old or not free or taken:
            return False
        self.table = others | {target: new}
        return True


class Requests(wiring.Component):
    """Keep the request table; refuse what cannot be part of any map, and change nothing then.

    A destination register is written as it is, so that a permutation can be written port by port;
    two inputs with one output are found at the commit. `connect` looks at the whole table: an input
    that is connected to another output is BROADCAST, an output that another input has is CONFLICT,
    ports that do not exist are RANGE, in the order RANGE, BROADCAST, CONFLICT. To connect what is
    connected already, or to disconnect what is not, changes nothing and is accepted.

    `move` makes the table follow a route that was moved in the active map: input `move_input`, if
    it is still asked to be connected to `move_from`, is disconnected, and `move_to` connected to
    `move_output`. Where that input or output is asked for in another way by now the table stays as
    it is, and nothing is told: the next commit makes what software wrote.

    Latency: the table is new, and `refused` high, in the clock after a write or command. At most
    one of them in a clock: a command wins over `write`, `connect` over `disconnect`; `move` waits.
    Throughput: every clock, no back-pressure. Reset: no input is connected.

    Parameters
    ----------
    ports : int
        2 to 256.

    Members
    -------
    write : In(ports)
        Write the destination register of an input.
    outputs : In(ports * 8), connected : In(ports)
        What to write.
    connect, disconnect : In(1)
        Commands.
    input_port, output_port : In(8)
        Their arguments.
    move : In(1), move_input, move_from, move_to, move_output : In(bits)
        See above; held until `moved`.
    moved : Out(1)
        It is done or dropped in this clock.
    destinations : Out(ports * bits)
        Output of each input, input 0 lowest; kept while it is not valid.
    valid : Out(ports)
        The input is connected.
    refused : Out(1)
        One clock: nothing was changed.
    reason : Out(Reason)
        With `refused`.

    Raises
    ------
    ValueError
        When `ports` is out of range.
    """

    write: Signal
    outputs: Signal
    connected: Signal
    connect: Signal
    disconnect: Signal
    input_port: Signal
    output_port: Signal
    move: Signal
    move_input: Signal
    move_from: Signal
    move_to: Signal
    move_output: Signal
    moved: Signal
    destinations: Signal
    valid: Signal
    refused: Signal
    reason: Signal

    def __init__(self, ports: int) -> None:
        """Check the size and make the ports."""
        check_integer("ports", ports, 2, 256)
        self.ports = ports
        self.bits = (ports - 1).bit_length()
        super().__init__(
            {
                "write": In(ports),
                "outputs": In(ports * 8),
                "connected": In(ports),
                "connect": In(1),
                "disconnect": In(1),
                "input_port": In(8),
                "output_port": In(8),
                "move": In(1),
                "move_input": In(self.bits),
                "move_from": In(self.bits),
                "move_to": In(self.bits),
                "move_output": In(self.bits),
                "moved": Out(1),
                "destinations": Out(ports * self.bits),
                "valid": Out(ports),
                "refused": Out(1),
                "reason": Out(Reason),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the table and its checks."""
        m = Module()
        ports, bits = self.ports, self.bits
        at = [self.destinations.word_select(i, bits) for i in range(ports)]

        # A command looks at all inputs at once.
        command = self.connect | self.disconnect
        here = Signal(ports)
        takes = Signal(ports)
        asked = Signal(8)
        far_input = Signal()
        far_output = Signal()
        broadcast = Signal()
        conflict = Signal()
        m.d.comb += [
            asked.eq(Mux(command, self.output_port, self.move_output)),
            here.eq(Cat(self.input_port == i for i in range(ports))),
            takes.eq(self.valid & Cat(to == asked for to in at)),
            far_input.eq(self.input_port >= ports),
            far_output.eq(self.output_port >= ports),
            broadcast.eq((here & self.valid & ~takes).any()),
            conflict.eq((takes & ~here).any()),
        ]
        reason = Signal(Reason)
        with m.If(self.connect):
            with m.If(far_input | far_output):
                m.d.comb += reason.eq(Reason.RANGE)
            with m.Elif(broadcast):
                m.d.comb += reason.eq(Reason.BROADCAST)
            with m.Elif(conflict):
                m.d.comb += reason.eq(Reason.CONFLICT)
        with m.Elif(self.disconnect):
            m.d.comb += reason.eq(Mux(far_input, Reason.RANGE, Reason.NONE))

        moves = Signal()
        left = Signal(ports)
        new = Signal(ports)
        m.d.comb += [
            self.moved.eq(self.move & ~command & ~self.write.any()),
            left.eq(Cat(self.move_input == i for i in range(ports))),
            new.eq(Cat(self.move_to == i for i in range(ports))),
            moves.eq(
                self.moved
                & (left & self.valid & Cat(to == self.move_from for to in at)).any()
                & ~(new & ~left & self.valid & ~takes).any()
                & ~(takes & ~left & ~new).any()
            ),
        ]

        beyond = Signal(ports)
        for i in range(ports):
            wanted = self.outputs.word_select(i, 8)
            m.d.comb += beyond[i].eq(self.write[i] & self.connected[i] & (wanted >= ports))
            with m.If(command), m.If(here[i] & (reason == Reason.NONE)):
                m.d.sync += self.valid[i].eq(self.connect)
                with m.If(self.connect):
                    m.d.sync += at[i].eq(self.output_port)
            with m.Elif(self.write[i] & ~beyond[i]):
                m.d.sync += self.valid[i].eq(self.connected[i])
                with m.If(self.connected[i]):
                    m.d.sync += at[i].eq(wanted)
            with m.Elif(moves & new[i]):
                m.d.sync += [self.valid[i].eq(1), at[i].eq(self.move_output)]
            with m.Elif(moves & left[i]):
                m.d.sync += self.valid[i].eq(0)
        with m.If(~command & beyond.any()):
            m.d.comb += reason.eq(Reason.RANGE)
        m.d.sync += [self.reason.eq(reason), self.refused.eq(reason != Reason.NONE)]
        return m
