"""What the two ends of a link tell each other in the markers."""

from enum import IntEnum

from amaranth import C, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link.crossing import cdc

__all__ = ["Page", "Partner"]


class Page(IntEnum):
    """What the upper half of a marker word is."""

    TURNAROUND = 0
    """Clocks from the arrival of a ping to this marker, which echoes it."""
    HEARD = 1
    """Lane numbers that the sender receives."""
    ACTIVE = 2
    """Lanes that carry rows after this marker."""
    ROUTE = 3
    """Word of the sender's route controller, in the low 8 bits."""


class Partner(wiring.Component):
    """Makes the marker word from bit 8 up and reads the far end's.

    A marker word (`pcs.block`) has lane number (8 bits), ready, ping, echo, page (2), 2 unused
    bits, one that the line code sets (`block.SECOND`) and the 16 bits of its `Page`. Pages
    take turns; ACTIVE goes first when lanes change, ROUTE when ``tell`` has changed, TURNAROUND
    when a ping waits for its echo and the last was another.

    Round trip: this end inverts ``ping``, counts clocks from the marker that carries it to the
    arrival of the marker that echoes it, and takes off the far end's turnaround. What is left is
    twice the way through both transmitters, channels and receivers up to the markers' arrival in
    the core clock. Another measurement starts when one ends, or after 2**20 clocks without an
    answer. A turnaround of 65535 says that it was longer and gives no result.

    Domains: ``sync``; ``remote`` and ``remote_new`` are in ``rx``, at least 8 clocks apart.

    Parameters
    ----------
    lanes : int
        1 to 16.

    Members
    -------
    ready : Signal(), in
        This side's receiver is aligned.
    heard : Signal(lanes), in
        Lane numbers received.
    announce, applied : Signal(lanes), in
        Active lanes after the next marker, and now.
    marker : Signal(), in
        A MARKER row is taken in this clock.
    word : Signal(24), out
        Marker word from bit 8 up.
    remote : Signal(32), in
        Marker word of the far end.
    remote_new : Signal(), in
        Pulse: it is new.
    far_heard : Signal(lanes), out
        Lane numbers that the far end receives; 0 until it has said so. Reset: 0.
    tell : Signal(8), in
        Word for the far end's route controller.
    told : Signal(8), out
        The far end's; 0 until it has said so. Reset: 0.
    forget : Signal(), in
        Set ``far_heard`` and ``told`` to 0.
    round_trip : Signal(20), out
        Clocks, of the last measurement; 0 before.

    Raises
    ------
    ValueError
        ``lanes`` is out of range.
    """

    ready: Signal
    heard: Signal
    announce: Signal
    applied: Signal
    marker: Signal
    word: Signal
    remote: Signal
    remote_new: Signal
    far_heard: Signal
    tell: Signal
    told: Signal
    forget: Signal
    round_trip: Signal

    def __init__(self, *, lanes: int) -> None:
        """Check the parameter and declare the members."""
        if not 1 <= lanes <= 16:
            raise ValueError(f"lanes = {lanes}; allowed: 1 to 16")
        self.lanes = lanes
        super().__init__(
            {
                "ready": In(1),
                "heard": In(lanes),
                "announce": In(lanes),
                "applied": In(lanes),
                "marker": In(1),
                "word": Out(24),
                "remote": In(32),
                "remote_new": In(1),
                "far_heard": Out(lanes),
                "tell": In(8),
                "told": Out(8),
                "forget": In(1),
                "round_trip": Out(20),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        far, arrived = self._arrival(m)
        far_ping, far_echo, far_page = far[9], far[10], far[11:13]
        far_half = far[16:]

        # Answer: clocks since the far end's ping, held once told.
        echo = Signal()
        turnaround = Signal(16)
        owed = Signal()
        with m.If(turnaround != 0xFFFF):
            m.d.sync += turnaround.eq(turnaround + owed)
        page = Signal(2)
        turn = Signal(2)
        echoed = Signal()  # the last page was TURNAROUND
        said = Signal(8)  # what the last ROUTE page carried
        m.d.comb += page.eq(turn)
        with m.If(self.announce != self.applied):
            m.d.comb += page.eq(Page.ACTIVE)
        with m.Elif(self.tell != said):
            m.d.comb += page.eq(Page.ROUTE)
        with m.Elif(owed & ~echoed):
            m.d.comb += page.eq(Page.TURNAROUND)
        with m.If(self.marker):
            m.d.sync += echoed.eq(page == Page.TURNAROUND)
            with m.If(page == turn):
                m.d.sync += turn.eq(turn + 1)
            with m.If(page == Page.ROUTE):
                m.d.sync += said.eq(self.tell)
            with m.If(page == Page.TURNAROUND):
                m.d.sync += owed.eq(0)
        with m.If(arrived & (far_ping != echo)):
            m.d.sync += [echo.eq(far_ping), owed.eq(1), turnaround.eq(0)]

        # Question.
        ping = Signal()
        clocks = Signal(20)
        with m.FSM():
            with m.State("ASK"):
                m.d.sync += ping.eq(~ping)
                m.next = "SEND"
            with m.State("SEND"), m.If(self.marker):
                m.d.sync += clocks.eq(0)
                m.next = "WAIT"
            with m.State("WAIT"):
                m.d.sync += clocks.eq(clocks + 1)
                with m.If(arrived & (far_echo == ping) & (far_page == Page.TURNAROUND)):
                    with m.If((far_half != 0xFFFF) & (clocks >= far_half)):
                        m.d.sync += self.round_trip.eq(clocks - far_half)
                    m.next = "ASK"
                with m.Elif(clocks.all()):
                    m.next = "ASK"

        with m.If(self.forget):
            m.d.sync += [self.far_heard.eq(0), self.told.eq(0)]
        with m.Elif(arrived & (far_page == Page.HEARD)):
            m.d.sync += self.far_heard.eq(far_half)
        with m.Elif(arrived & (far_page == Page.ROUTE)):
            m.d.sync += self.told.eq(far_half)

        half = Signal(16)
        m.d.comb += self.word.eq(Cat(self.ready, ping, echo, page, C(0, 3), half))
        with m.Switch(page):
            with m.Case(Page.TURNAROUND):
                m.d.comb += half.eq(turnaround)
            with m.Case(Page.HEARD):
                m.d.comb += half.eq(self.heard)
            with m.Case(Page.ROUTE):
                m.d.comb += half.eq(self.tell)
            with m.Default():
                m.d.comb += half.eq(self.announce)
        return m

    def _arrival(self, m: Module) -> tuple[Signal, Signal]:
        """Far end's word in ``sync`` and the clock in which it is new."""
        held = Signal(32)
        toggle = Signal()
        with m.If(self.remote_new):
            m.d.rx += [held.eq(self.remote), toggle.eq(~toggle)]
        toggle_seen = Signal()
        before = Signal()
        m.submodules.toggle = cdc.FFSynchronizer(toggle, toggle_seen)
        m.d.sync += before.eq(toggle_seen)
        arrived = Signal()
        # `held` has been still since the toggle left: it is read in the clock after this.
        m.d.comb += arrived.eq(toggle_seen != before)
        return held, arrived
