"""Rows from the recovered clock to the core clock."""

from amaranth import Module, Signal
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.gearbox import BLOCK, blocks_together
from lightloom.rtl.pcs.row import RowKind, check_lanes, row

__all__ = ["ElasticBuffer", "rate_limit_ppm"]


def rate_limit_ppm(symbols_per_clock: int) -> float:
    """Rate by which the far end may be faster, in ppm, while ``o.ready`` stays high.

    A row needs 66 line bits, with two blocks a lane 132, of the `symbols_per_clock` that come in a
    clock; the reader can take a row in every clock.
    """
    return (BLOCK * blocks_together(symbols_per_clock) / symbols_per_clock - 1) * 1e6


class ElasticBuffer(wiring.Component):
    """Asynchronous FIFO of rows that deletes and inserts idle.

    Domains ``rx`` (write) and ``sync`` (read). Rows leave at the pace of ``slot``, the row cadence
    of the local transmitter. A far end that is faster fills the buffer: from ``delete_level`` rows
    on, IDLE and MARKER rows are not written (``deleted``); from ``catch_up_level`` on, rows leave
    in every clock whether there is a slot or not, which covers frames without end and any offset up
    to `rate_limit_ppm`. A far end that is slower empties the buffer: a slot without a row
    (``inserted``) is an idle to the reader; no limit. MARKER rows that are written leave as IDLE.

    Latency: 3 to 4 clocks of ``sync`` and the rows in the buffer, fewer than ``delete_level``.
    Back-pressure: with ``o.ready`` low the buffer fills; when it is full, whole rows are lost
    (``overflow``, one pulse a row) and an ERROR row takes their place, so that the frame they were
    part of ends as damaged. ``cut`` says that the row stream broke off; an ERROR row is written for
    it.

    Parameters
    ----------
    lanes : int
        1 to 64.
    depth : int
        Rows: 32, 64 or 128.
    delete_level, catch_up_level : int
        ``4 <= delete_level < catch_up_level < depth - 4``.

    Members
    -------
    i : Signal(row(lanes)), in
        Row; ``rx`` domain, valid with ``i_valid``.
    i_valid : Signal(), in
        A row is present.
    cut : Signal(), in
        Pulse: rows after this one do not follow those before; ``rx`` domain.
    o : stream.Interface(row(lanes)), out
        Rows; ``sync`` domain.
    slot : Signal(), in
        Local row cadence; ``sync`` domain.
    active : Signal(), in
        Rows are expected: count ``inserted``; ``sync`` domain.
    deleted, overflow : Signal(), out
        Pulses in ``rx``.
    inserted : Signal(), out
        Pulse in ``sync``.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    i: data.View
    i_valid: Signal
    cut: Signal
    o: stream.Interface
    slot: Signal
    active: Signal
    deleted: Signal
    overflow: Signal
    inserted: Signal

    latency = 4
    """Clocks of ``sync`` from the write to the read of a row in an empty buffer, at most."""

    def __init__(
        self, *, lanes: int, depth: int = 32, delete_level: int = 8, catch_up_level: int = 14
    ) -> None:
        """Check the parameters and declare the members."""
        check_lanes(lanes)
        if depth not in (32, 64, 128):
            raise ValueError(f"depth = {depth}; allowed: 32, 64, 128")
        if not 4 <= delete_level < catch_up_level < depth - 4:
            raise ValueError(
                f"delete_level = {delete_level}, catch_up_level = {catch_up_level}; "
                f"allowed: 4 <= delete_level < catch_up_level < {depth - 4}"
            )
        self.lanes = lanes
        self.depth = depth
        self.delete_level = delete_level
        self.catch_up_level = catch_up_level
        super().__init__(
            {
                "i": In(row(lanes)),
                "i_valid": In(1),
                "cut": In(1),
                "o": Out(stream.Signature(row(lanes))),
                "slot": In(1),
                "active": In(1),
                "deleted": Out(1),
                "overflow": Out(1),
                "inserted": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        layout = row(self.lanes)
        store = m.submodules.store = fifo.AsyncFIFO(
            width=layout.size, depth=self.depth, r_domain="sync", w_domain="rx"
        )
        # rx: delete idle, replace rows lost by one ERROR row.
        lost = Signal()
        spare = Signal()
        written = Signal(layout)
        m.d.comb += [
            spare.eq((self.i.kind == RowKind.IDLE) | (self.i.kind == RowKind.MARKER)),
            written.eq(self.i),
            store.w_data.eq(written),
        ]
        with m.If(lost | self.cut):
            m.d.comb += written.kind.eq(RowKind.ERROR)
            m.d.comb += store.w_en.eq(1)
            m.d.comb += self.overflow.eq(self.i_valid & ~spare)
            m.d.rx += lost.eq(~store.w_rdy)
        with m.Elif(self.i_valid):
            with m.If(spare):
                m.d.comb += written.kind.eq(RowKind.IDLE)
                m.d.comb += self.deleted.eq(store.w_level >= self.delete_level)
                m.d.comb += store.w_en.eq(~self.deleted)
            with m.Else():
                m.d.comb += store.w_en.eq(1)
                m.d.comb += self.overflow.eq(~store.w_rdy)
                m.d.rx += lost.eq(~store.w_rdy)
        # sync: a row a slot; one that was offered stays offered.
        offered = Signal()
        m.d.comb += [
            self.o.payload.eq(store.r_data),
            self.o.valid.eq(
                store.r_rdy & (self.slot | offered | (store.r_level >= self.catch_up_level))
            ),
            store.r_en.eq(self.o.valid & self.o.ready),
            self.inserted.eq(self.active & self.slot & ~store.r_rdy),
        ]
        m.d.sync += offered.eq(self.o.valid & ~self.o.ready)
        return m
