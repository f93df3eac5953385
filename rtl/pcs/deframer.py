"""Rows to frames."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.row import RowKind, check_lanes, frame_word, row

__all__ = ["Deframer", "Model"]

Word = tuple[int, int, bool, bool]


class Model:
    """Golden model of `Deframer`: rows in, words (data, count, last, error) out."""

    def __init__(self, lanes: int) -> None:
        """Start as after reset."""
        self.full = 8 * lanes
        self.state = "BETWEEN"
        self.held: int | None = None

    def _release(self, last: bool = False, error: bool = False) -> list[Word]:
        held, self.held = self.held, None
        return [] if held is None else [(held, self.full, last, error)]

    def row(self, kind: RowKind, data: int = 0, count: int = 0) -> list[Word]:
        """Take a row; returns the words that are known after it."""
        damaged = [(data, self.full, True, True)]
        if kind in (RowKind.IDLE, RowKind.MARKER):
            return []
        if kind == RowKind.START:
            out = self._release(last=True, error=True)
            self.state = "FRAME"
            return out
        if self.state == "FRAME":
            if kind == RowKind.DATA:
                out = self._release()
                self.held = data
                return out
            self.state = "BETWEEN" if kind == RowKind.END else "SKIP"
            if kind == RowKind.END and count:
                return [*self._release(), (data, count, True, False)]
            if kind == RowKind.END and self.held is not None:
                return self._release(last=True)
            return self._release() + damaged
        if kind == RowKind.END:
            out = damaged if self.state == "BETWEEN" else []
            self.state = "BETWEEN"
            return out
        if kind == RowKind.DATA and self.state == "BETWEEN":
            self.state = "SKIP"
            return damaged
        return []


class Deframer(wiring.Component):
    """Rows to frames.

    One row a clock. A word of a DATA row waits until the next row that is not idle says whether it
    is the last; a word of an END row leaves one clock after the row. Back-pressure: ``i.ready``
    follows ``o.ready`` while a word waits that the row at ``i`` sends out; IDLE and MARKER rows are
    always taken unless the end of a frame waits.

    A frame that is damaged ends with ``last`` and ``error``: an ERROR row inside it becomes its
    last word; a START inside it marks the word that waits; DATA or END with no START before it
    makes a word of its own. What follows of that frame is then skipped up to its END or the next
    START.

    Parameters
    ----------
    lanes : int
        1 to 64.

    Members
    -------
    i : stream.Interface(row(lanes)), in
        Rows.
    o : stream.Interface(frame_word(lanes)), out
        Words of frames.
    received : Signal(), out
        Pulse: a frame without error ended at ``o``.
    errored : Signal(), out
        Pulse: a frame with error ended at ``o``.

    Raises
    ------
    ValueError
        ``lanes`` is not allowed.
    """

    i: stream.Interface
    o: stream.Interface
    received: Signal
    errored: Signal

    latency = 1
    """Clocks from an END row with bytes to its word."""

    def __init__(self, *, lanes: int) -> None:
        """Check the parameters and declare the members."""
        check_lanes(lanes)
        self.lanes = lanes
        super().__init__(
            {
                "i": In(stream.Signature(row(lanes))),
                "o": Out(stream.Signature(frame_word(lanes))),
                "received": Out(1),
                "errored": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        full = 8 * self.lanes
        kind = self.i.payload.kind
        count = self.i.payload.count
        held = Signal(frame_word(self.lanes))
        waits = Signal()  # `held` is a word
        release = Signal()  # the row at `i` sends the held word out
        push = Signal()  # the row at `i` becomes the held word
        ends_full = Signal()  # held word is the last of a good frame
        cut = Signal()  # held word is the last of a damaged frame
        damage = Signal()  # pushed word is the last of a damaged frame
        open_word = Signal()  # a word waits for the row after it
        m.d.comb += open_word.eq(waits & ~held.last)

        taken = self.i.valid & self.i.ready
        with m.FSM():
            with m.State("BETWEEN"), m.Switch(kind):
                with m.Case(RowKind.START), m.If(taken):
                    m.next = "FRAME"
                with m.Case(RowKind.DATA):
                    m.d.comb += [push.eq(1), damage.eq(1)]
                    with m.If(taken):
                        m.next = "SKIP"
                with m.Case(RowKind.END):
                    m.d.comb += [push.eq(1), damage.eq(1)]
            with m.State("FRAME"), m.Switch(kind):
                with m.Case(RowKind.IDLE, RowKind.MARKER):
                    pass
                with m.Case(RowKind.START):
                    m.d.comb += [release.eq(1), cut.eq(1)]
                with m.Case(RowKind.DATA):
                    m.d.comb += [release.eq(1), push.eq(1)]
                with m.Case(RowKind.END):
                    m.d.comb += release.eq(1)
                    m.d.comb += ends_full.eq(count == 0)
                    m.d.comb += push.eq((count != 0) | ~open_word)
                    m.d.comb += damage.eq(count == 0)
                    with m.If(taken):
                        m.next = "BETWEEN"
                with m.Default():
                    m.d.comb += [release.eq(1), push.eq(1), damage.eq(1)]
                    with m.If(taken):
                        m.next = "SKIP"
            with m.State("SKIP"), m.Switch(kind):
                with m.Case(RowKind.START), m.If(taken):
                    m.next = "FRAME"
                with m.Case(RowKind.END), m.If(taken):
                    m.next = "BETWEEN"

        leaves = self.o.valid & self.o.ready
        m.d.comb += self.o.valid.eq(waits & (held.last | (self.i.valid & release)))
        m.d.comb += self.o.payload.eq(held)
        with m.If(~held.last):
            m.d.comb += self.o.payload.last.eq(ends_full | cut)
            m.d.comb += self.o.payload.error.eq(cut)
        m.d.comb += self.i.ready.eq(~waits | self.o.ready | ~(held.last | release))
        m.d.comb += self.received.eq(leaves & self.o.payload.last & ~self.o.payload.error)
        m.d.comb += self.errored.eq(leaves & self.o.payload.last & self.o.payload.error)

        with m.If(taken & push):
            m.d.sync += waits.eq(1)
            m.d.sync += held.data.eq(self.i.payload.data)
            m.d.sync += held.count.eq(Mux((kind == RowKind.END) & ~damage, count, full))
            m.d.sync += held.last.eq(damage | (kind == RowKind.END))
            m.d.sync += held.error.eq(damage)
        with m.Elif(leaves):
            m.d.sync += waits.eq(0)
        return m
