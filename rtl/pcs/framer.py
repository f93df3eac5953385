"""Frames to rows."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.row import RowKind, check_lanes, frame_word, row

__all__ = ["Framer", "Model"]


class Model:
    """Golden model of `Framer` for a source that never waits: the rows of frames, without idle."""

    def __init__(self, lanes: int) -> None:
        """Start as after reset."""
        self.word_bytes = 8 * lanes

    def rows(self, frame: bytes) -> list[tuple[RowKind, int, int]]:
        """Return (kind, data, count) of each row of a frame of at least one byte."""
        size = self.word_bytes
        words = [frame[at : at + size] for at in range(0, len(frame), size)]
        out = [(RowKind.START, 0, 0)]
        out += [(RowKind.DATA, int.from_bytes(w, "little"), 0) for w in words if len(w) == size]
        rest = words[-1] if len(words[-1]) < size else b""
        return [*out, (RowKind.END, int.from_bytes(rest, "little"), len(rest))]


class Framer(wiring.Component):
    """Frames to rows, with idle and marker rows between.

    ``o`` always has a row. It is registered: a word taken from ``i`` is the row at ``o`` in the
    next clock. Of the rows, every ``marker_rows``-th is a MARKER; a frame takes one row more than
    its words, and one more when its last word is full. When ``i`` has no word inside a frame an
    IDLE row is sent. Back-pressure: ``i.ready`` is low while START, MARKER or the END of a full
    word is sent, between frames while ``enable`` is low, and in clocks without ``slot``. Reset:
    MARKER, the first row.

    When ``enable`` falls inside a frame, an ERROR row ends it and its remaining words are taken and
    dropped (``aborted`` pulses). A last word with ``error`` is sent as an ERROR row.

    Parameters
    ----------
    lanes : int
        1 to 64.
    marker_rows : int
        Rows from one marker to the next, 16 to 65536.

    Members
    -------
    i : stream.Interface(frame_word(lanes)), in
        Words of frames.
    o : Signal(row(lanes)), out
        Row.
    slot : Signal(), in
        The row at ``o`` is taken; another comes in the next clock.
    enable : Signal(), in
        Frames may start.
    sent : Signal(), out
        Pulse: the last word of a frame was taken.
    aborted : Signal(), out
        Pulse: a frame was cut because ``enable`` fell.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    i: stream.Interface
    o: data.View
    slot: Signal
    enable: Signal
    sent: Signal
    aborted: Signal

    latency = 1
    """Clocks from a word to its row."""

    def __init__(self, *, lanes: int, marker_rows: int) -> None:
        """Check the parameters and declare the members."""
        check_lanes(lanes)
        if not 16 <= marker_rows <= 65536:
            raise ValueError(f"marker_rows = {marker_rows}; allowed: 16 to 65536")
        self.lanes = lanes
        self.marker_rows = marker_rows
        super().__init__(
            {
                "i": In(stream.Signature(frame_word(lanes))),
                "o": Out(row(lanes)),
                "slot": In(1),
                "enable": In(1),
                "sent": Out(1),
                "aborted": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        word = self.i.payload
        out = self.o
        full = 8 * self.lanes
        since_marker = Signal(range(self.marker_rows))
        marker = Signal()
        m.d.comb += marker.eq(since_marker == self.marker_rows - 1)
        next_kind = Signal(3)
        kind = Signal(3, init=RowKind.MARKER)
        m.d.comb += out.kind.eq(kind)
        m.d.comb += next_kind.eq(RowKind.IDLE)
        with m.If(self.slot):
            m.d.sync += since_marker.eq(Mux(marker, 0, since_marker + 1))
            m.d.sync += kind.eq(Mux(marker, RowKind.MARKER, next_kind))
        with m.FSM():
            with m.State("BETWEEN"), m.If(self.i.valid & self.enable):
                m.d.comb += next_kind.eq(RowKind.START)
                with m.If(self.slot & ~marker):
                    m.next = "FRAME"
            with m.State("FRAME"):
                with m.If(~self.enable):
                    m.d.comb += next_kind.eq(RowKind.ERROR)
                    with m.If(self.slot & ~marker):
                        m.d.comb += self.aborted.eq(1)
                        m.next = "DRAIN"
                with m.Else():
                    m.d.comb += self.i.ready.eq(self.slot & ~marker)
                    partial = word.last & (word.count != full)
                    with m.If(self.i.valid):
                        m.d.comb += next_kind.eq(Mux(partial, RowKind.END, RowKind.DATA))
                        with m.If(word.last & word.error):
                            m.d.comb += next_kind.eq(RowKind.ERROR)
                    with m.If(self.i.valid & self.i.ready):
                        m.d.sync += out.data.eq(word.data)
                        m.d.sync += out.count.eq(word.count)
                        m.d.comb += self.sent.eq(word.last)
                        with m.If(word.last & ~word.error & ~partial):
                            m.next = "END"
                        with m.Elif(word.last):
                            m.next = "BETWEEN"
            with m.State("END"):
                m.d.comb += next_kind.eq(RowKind.END)
                with m.If(self.slot & ~marker):
                    m.d.sync += out.count.eq(0)
                    m.next = "BETWEEN"
            with m.State("DRAIN"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid & word.last):
                    m.next = "BETWEEN"
        return m
