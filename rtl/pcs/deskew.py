"""Lane deskew and reorder: blocks of each lane in, those of a row together out.

Ref: IEEE Std 802.3-2022 clause 82.2.12-82.2.14 (alignment marker lock, lane deskew, lane reorder),
with this line format's markers (`block`).
"""

from collections.abc import Sequence

from amaranth import Array, Cat, Module, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.popcount import popcount

__all__ = ["BAD_MARKERS_TO_LOSE", "Deskew", "LaneBuffer", "align"]

BAD_MARKERS_TO_LOSE = 4


def _check_depth(depth: int) -> None:
    if depth not in (16, 32, 64):
        raise ValueError(f"depth = {depth}; allowed: 16, 32, 64")


def align(
    lanes: Sequence[Sequence[tuple[Kind, int]]],
) -> tuple[list[int], list[list[tuple[Kind, int]]]]:
    """Golden model: lane numbers and rows of complete, undisturbed lanes of (kind, data).

    The first marker of each lane is its first block used.
    """
    starts = [next(i for i, (kind, _) in enumerate(lane) if kind == Kind.MARKER) for lane in lanes]
    numbers = [lane[start][1] & 0xFF for lane, start in zip(lanes, starts, strict=True)]
    ordered = [lanes[numbers.index(n)][starts[numbers.index(n)] :] for n in range(len(lanes))]
    return numbers, [list(r) for r in zip(*ordered, strict=False)]


class LaneBuffer(wiring.Component):
    """Deskew buffer of one lane.

    Waits for a marker after ``flush`` and keeps blocks from it on. The head is combinational from
    the buffer memory, one clock after its write when the buffer was empty.

    Parameters
    ----------
    depth : int
        Rows: 16, 32 or 64.
    blocks : int
        Blocks a row, 1 to 4.

    Members
    -------
    kinds, data : Signal(4 * blocks), Signal(64 * blocks), in
        Blocks of a row, with ``valid``; a marker has its kind in the first.
    valid : Signal(), in
        A block is present.
    flush : Signal(), in
        Empty the buffer and wait for a marker.
    pop : Signal(), in
        Remove the head; only while ``level`` is not zero.
    head_kinds, head_data : Signal(4 * blocks), Signal(64 * blocks), out
        Oldest blocks, valid while ``level`` is not zero.
    level : Signal, out
        Rows in the buffer.
    overflow : Signal(), out
        A row comes and there is no room; it is lost.
    """

    kinds: Signal
    data: Signal
    valid: Signal
    flush: Signal
    pop: Signal
    head_kinds: Signal
    head_data: Signal
    level: Signal
    overflow: Signal

    def __init__(self, *, depth: int = 16, blocks: int = 1) -> None:
        """Check the parameters and declare the members."""
        _check_depth(depth)
        self.depth = depth
        self.blocks = blocks
        super().__init__(
            {
                "kinds": In(4 * blocks),
                "data": In(64 * blocks),
                "valid": In(1),
                "flush": In(1),
                "pop": In(1),
                "head_kinds": Out(4 * blocks),
                "head_data": Out(64 * blocks),
                "level": Out(bits_for(depth)),
                "overflow": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        width = 68 * self.blocks
        store = m.submodules.store = memory.Memory(shape=width, depth=self.depth, init=[])
        write = store.write_port()
        read = store.read_port(domain="comb")
        found = Signal()
        put = Signal()
        full = self.level == self.depth
        m.d.comb += [
            put.eq(self.valid & ~self.flush & (found | (self.kinds[:4] == Kind.MARKER))),
            self.overflow.eq(put & full),
            write.en.eq(put & ~full),
            write.data.eq(Cat(self.kinds, self.data)),
            Cat(self.head_kinds, self.head_data).eq(read.data),
        ]
        with m.If(self.flush):
            m.d.sync += [found.eq(0), self.level.eq(0), read.addr.eq(0), write.addr.eq(0)]
        with m.Else():
            m.d.sync += found.eq(found | put)
            m.d.sync += self.level.eq(self.level + write.en - self.pop)
            with m.If(write.en):
                m.d.sync += write.addr.eq(write.addr + 1)
            with m.If(self.pop):
                m.d.sync += read.addr.eq(read.addr + 1)
        return m


class Deskew(wiring.Component):
    """Deskew and reorder of all lanes.

    Search: each lane's buffer waits for a marker. When all hold one and the lane numbers differ
    and exist, ``aligned`` rises and rows leave; when a buffer overflows first (skew of ``depth``
    blocks or more: ``skew_error`` pulses) or the numbers are wrong (``marker_error``), the search
    starts again. In a marker row every lane must hold the marker of its number; after
    `BAD_MARKERS_TO_LOSE` bad ones in a row, or an overflow, or loss of ``locked`` on any lane,
    alignment is lost.

    Throughput one row a clock. Latency: two clocks from the last block of a row to ``o_kinds``;
    other lanes wait in their buffers. No back-pressure. MARKER rows leave like others.

    Parameters
    ----------
    lanes : int
        1 to 16.
    depth : int
        Rows of each buffer: 16, 32 or 64. Skew up to `max_skew` rows is removed.
    blocks : int
        Blocks of a lane a row, 1 to 4.

    Members
    -------
    kinds, data : Signal(4 * blocks * lanes), Signal(64 * blocks * lanes), in
        Blocks of each physical lane, valid with its bit of ``valid``. A marker has its kind in the
        first block and its marker word (`pcs.block`) in the low bits of the data.
    valid : Signal(lanes), in
        Blocks present.
    locked : Signal(lanes), in
        Block lock of each physical lane.
    excluded : Signal(lanes), in
        Physical lanes that take no part; changed only with ``enable`` low.
    enable : Signal(), in
        Search; low keeps the buffers empty.
    o_kinds, o_data : Signal(4 * blocks * lanes), Signal(64 * blocks * lanes), out
        Row in lane number order, valid with ``o_valid``.
    o_valid : Signal(), out
        A row is present.
    marker, good : Signal(), out
        With ``o_valid``: it is a marker row, and a good one.
    aligned : Signal(), out
        Rows are aligned.
    remote_ready : Signal(), out
        ``ready`` bit of all lanes in the last good marker row; low while not aligned.
    remote : Signal(32), out
        Marker word of the lowest lane number present in the last good marker row.
    remote_new : Signal(), out
        Pulse: `remote` is of a new marker row.
    present : Signal(lanes), out
        Lane numbers that are received, since the last alignment; others' part of a row means
        nothing.
    lane_ids : Signal(4 * lanes), out
        Lane number received on each physical lane, of the last search that had all markers.
    skews : Signal(7 * lanes), out
        Rows by which each physical lane was earlier than the latest, at alignment.
    marker_error, skew_error : Signal(), out
        Pulses as above.

    Raises
    ------
    ValueError
        A parameter is out of range.

    Ref: IEEE Std 802.3-2022 figures 82-12 and 82-13.
    """

    kinds: Signal
    data: Signal
    valid: Signal
    locked: Signal
    excluded: Signal
    enable: Signal
    o_kinds: Signal
    o_data: Signal
    o_valid: Signal
    marker: Signal
    good: Signal
    aligned: Signal
    remote_ready: Signal
    remote: Signal
    remote_new: Signal
    present: Signal
    lane_ids: Signal
    skews: Signal
    marker_error: Signal
    skew_error: Signal

    latency = 2
    """Clocks from the last block of a row to the row."""

    def __init__(self, *, lanes: int, depth: int = 16, blocks: int = 1) -> None:
        """Check the parameters and declare the members."""
        if not 1 <= lanes <= 16:
            raise ValueError(f"lanes = {lanes}; allowed: 1 to 16")
        if not 1 <= blocks <= 4:
            raise ValueError(f"blocks = {blocks}; allowed: 1 to 4")
        _check_depth(depth)
        self.lanes = lanes
        self.blocks = blocks
        self.depth = depth
        super().__init__(
            {
                "kinds": In(4 * blocks * lanes),
                "data": In(64 * blocks * lanes),
                "valid": In(lanes),
                "locked": In(lanes),
                "excluded": In(lanes),
                "enable": In(1),
                "o_kinds": Out(4 * blocks * lanes),
                "o_data": Out(64 * blocks * lanes),
                "o_valid": Out(1),
                "marker": Out(1),
                "good": Out(1),
                "aligned": Out(1),
                "remote_ready": Out(1),
                "remote": Out(32),
                "remote_new": Out(1),
                "present": Out(lanes),
                "lane_ids": Out(4 * lanes),
                "skews": Out(7 * lanes),
                "marker_error": Out(1),
                "skew_error": Out(1),
            }
        )

    @property
    def max_skew(self) -> int:
        """Rows of skew that always fit: the depth less two for the search and two for cadence."""
        return self.depth - 4

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        lanes, blocks = self.lanes, self.blocks
        flush = Signal(init=1)
        pop = Signal()
        use = Signal(lanes)
        m.d.comb += use.eq(~self.excluded)
        buffers: list[LaneBuffer] = []
        for lane in range(lanes):
            buffer = m.submodules[f"buffer_{lane}"] = LaneBuffer(depth=self.depth, blocks=blocks)
            m.d.comb += [
                buffer.kinds.eq(self.kinds.word_select(lane, 4 * blocks)),
                buffer.data.eq(self.data.word_select(lane, 64 * blocks)),
                buffer.valid.eq(self.valid[lane]),
                buffer.flush.eq(flush | ~use[lane]),
                buffer.pop.eq(pop),
            ]
            buffers.append(buffer)
        full_row = Signal()  # each buffer holds a row
        overflow = Signal()
        locked = Signal()
        m.d.comb += [
            full_row.eq((Cat(b.level != 0 for b in buffers) | ~use).all()),
            overflow.eq(Cat(b.overflow for b in buffers).any()),
            locked.eq((self.locked | ~use).all() & use.any()),
        ]

        # Search: number of the marker at each head, and who has the number wanted by each output.
        width = max(1, (lanes - 1).bit_length())
        source = [Signal(width, name=f"source_{n}") for n in range(lanes)]
        found = [Signal(name=f"found_{n}") for n in range(lanes)]
        wanted = [Signal(width, name=f"wanted_{n}") for n in range(lanes)]
        for number in range(lanes):
            for lane, buffer in enumerate(buffers):
                with m.If(use[lane] & (buffer.head_data[:8] == number)):
                    m.d.comb += [found[number].eq(1), wanted[number].eq(lane)]
        # As many numbers as lanes: each lane has one of its own.
        permutation = popcount(m, Cat(found), name="numbers") == popcount(m, use, name="users")

        # Stage 1: the row as received. Stage 2: in lane order.
        raw_valid = Signal()
        raw_kinds = [Signal(4 * blocks, name=f"raw_kinds_{n}") for n in range(lanes)]
        raw_data = [Signal(64 * blocks, name=f"raw_data_{n}") for n in range(lanes)]
        kinds = [Signal(4 * blocks, name=f"kinds_{n}") for n in range(lanes)]
        data = [Signal(64 * blocks, name=f"data_{n}") for n in range(lanes)]
        ordered = Signal()
        m.d.sync += [raw_valid.eq(pop), ordered.eq(raw_valid & self.aligned)]
        m.d.comb += [
            self.o_kinds.eq(Cat(kinds)),
            self.o_data.eq(Cat(data)),
            self.o_valid.eq(ordered & self.aligned),
        ]
        with m.If(pop):
            for lane, buffer in enumerate(buffers):
                m.d.sync += raw_kinds[lane].eq(buffer.head_kinds)
                m.d.sync += raw_data[lane].eq(buffer.head_data)
        with m.If(raw_valid):
            for number in range(lanes):
                m.d.sync += kinds[number].eq(Array(raw_kinds)[source[number]])
                m.d.sync += data[number].eq(Array(raw_data)[source[number]])

        # Markers are checked in lane order, in stage 2.
        markers = Cat(kind[:4] == Kind.MARKER for kind in kinds)
        absent = ~self.present
        bad = Signal()
        misses = Signal(range(BAD_MARKERS_TO_LOSE))
        lost = Signal()
        right: list[Value] = [data[n][:8] == n for n in range(lanes)]
        m.d.comb += [
            self.marker.eq(ordered & (markers & self.present).any()),
            self.good.eq(ordered & (markers & Cat(right) | absent).all()),
            bad.eq(self.marker & ~self.good),
        ]
        m.d.comb += lost.eq(
            overflow | ~locked | ~self.enable | (bad & (misses == BAD_MARKERS_TO_LOSE - 1))
        )
        m.d.sync += [self.marker_error.eq(0), self.skew_error.eq(0), self.remote_new.eq(0)]

        with m.FSM():
            with m.State("FLUSH"):
                m.d.sync += flush.eq(1)
                with m.If(self.enable & locked):
                    m.d.sync += flush.eq(0)
                    m.next = "SEARCH"
            with m.State("SEARCH"):
                with m.If(~self.enable | ~locked | overflow):
                    m.d.sync += [flush.eq(1), self.skew_error.eq(overflow)]
                    m.next = "FLUSH"
                with m.Elif(full_row & ~flush):
                    for lane, buffer in enumerate(buffers):
                        m.d.sync += [
                            self.lane_ids.word_select(lane, 4).eq(buffer.head_data[:4]),
                            self.skews.word_select(lane, 7).eq(buffer.level - 1),
                        ]
                    with m.If(permutation):
                        for number in range(lanes):
                            m.d.sync += source[number].eq(wanted[number])
                        m.d.sync += [self.aligned.eq(1), misses.eq(0)]
                        m.d.sync += self.present.eq(Cat(found))
                        m.next = "ALIGNED"
                    with m.Else():
                        m.d.sync += [flush.eq(1), self.marker_error.eq(1)]
                        m.next = "FLUSH"
            with m.State("ALIGNED"):
                m.d.comb += pop.eq(full_row)
                m.d.sync += self.marker_error.eq(bad)
                with m.If(self.good):
                    m.d.sync += misses.eq(0)
                    m.d.sync += [
                        self.remote_ready.eq((Cat(d[8] for d in data) | absent).all()),
                        self.remote_new.eq(1),
                    ]
                    for number in reversed(range(lanes)):
                        with m.If(self.present[number]):
                            m.d.sync += self.remote.eq(data[number][:32])
                with m.Elif(bad):
                    m.d.sync += misses.eq(misses + 1)
                with m.If(lost):
                    m.d.sync += [flush.eq(1), self.aligned.eq(0), self.remote_ready.eq(0)]
                    m.d.sync += self.skew_error.eq(overflow)
                    m.next = "FLUSH"
        return m
