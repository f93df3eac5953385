"""Rows: one block on each lane in the same transmit cycle, and the words of frames they carry.

Where a line code's block holds several blocks of 64 bits (`pcs.coder`), each of them counts as a
lane here: `lanes` is lanes times blocks, the blocks of lane 0 first.

A frame of words is sent as a START row, DATA rows (8 bytes on each lane, lane 0 first) and an END
row with the bytes that do not fill a row: data blocks, one terminate block on the lane where the
bytes end, idle blocks after it. A last word that is full is a DATA row followed by an END row with
no bytes. IDLE rows may stand anywhere, also inside a frame, and mean nothing; MARKER rows carry the
lane numbers.
"""

from enum import IntEnum

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from lightloom.rtl.pcs.block import Kind

__all__ = ["Gather", "RowKind", "Spread", "check_lanes", "frame_word", "gather", "row", "spread"]


class RowKind(IntEnum):
    """What a row is."""

    IDLE = 0
    START = 1
    DATA = 2
    END = 3
    MARKER = 4
    ERROR = 5


def check_lanes(lanes: int) -> None:
    """Raise ValueError when `lanes` is not a number of lanes that rows can have."""
    if not 1 <= lanes <= 64:
        raise ValueError(f"lanes = {lanes}; allowed: 1 to 64")


def frame_word(lanes: int) -> data.StructLayout:
    """Layout of a word of a frame: `count` valid bytes of `data`, from byte 0.

    All words of a frame but the last are full. `error` with `last` says that the frame is damaged,
    its last word not to be trusted.
    """
    check_lanes(lanes)
    return data.StructLayout(
        {"data": 64 * lanes, "count": bits_for(8 * lanes), "last": 1, "error": 1}
    )


def row(lanes: int) -> data.StructLayout:
    """Layout of a row: a `RowKind`; `data` for DATA and END; `count` bytes for END."""
    check_lanes(lanes)
    return data.StructLayout({"data": 64 * lanes, "count": bits_for(8 * lanes), "kind": 3})


def spread(kind: RowKind, count: int, lanes: int) -> list[Kind]:
    """Golden model of `Spread`: block kind on each lane."""
    simple = {
        RowKind.IDLE: Kind.IDLE,
        RowKind.START: Kind.START,
        RowKind.DATA: Kind.DATA,
        RowKind.MARKER: Kind.MARKER,
        RowKind.ERROR: Kind.ERROR,
    }
    if kind in simple:
        return [simple[kind]] * lanes
    last = count // 8
    ends = [Kind.DATA] * last + [Kind(Kind.TERM0 + count % 8)] + [Kind.IDLE] * lanes
    return ends[:lanes]


def gather(kinds: list[Kind]) -> tuple[RowKind, int]:
    """Golden model of `Gather`: row kind and count of the block kinds of all lanes."""
    lanes = len(kinds)
    for kind in (RowKind.IDLE, RowKind.START, RowKind.DATA, RowKind.MARKER):
        if kinds == spread(kind, 0, lanes):
            return kind, 0
    for count in range(8 * lanes):
        if kinds == spread(RowKind.END, count, lanes):
            return RowKind.END, count
    return RowKind.ERROR, 0


class Spread(wiring.Component):
    """Row kind to block kinds, combinational.

    Parameters
    ----------
    lanes : int
        1 to 64.

    Members
    -------
    kind : Signal(3), in
        A `RowKind`; an unnamed value counts as ERROR.
    count : Signal, in
        Bytes of an END row, below 8 a lane.
    kinds : Signal(4 * lanes), out
        A `block.Kind` for each lane, lane 0 in the low bits.
    """

    kind: Signal
    count: Signal
    kinds: Signal

    def __init__(self, *, lanes: int) -> None:
        """Check the parameters and declare the members."""
        check_lanes(lanes)
        self.lanes = lanes
        super().__init__(
            {"kind": In(3), "count": In(bits_for(8 * lanes)), "kinds": Out(4 * lanes)}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()

        def all_lanes(kind: Kind) -> int:
            return sum(kind << 4 * lane for lane in range(self.lanes))

        with m.Switch(self.kind):
            for row_kind, kind in (
                (RowKind.IDLE, Kind.IDLE),
                (RowKind.START, Kind.START),
                (RowKind.DATA, Kind.DATA),
                (RowKind.MARKER, Kind.MARKER),
            ):
                with m.Case(row_kind):
                    m.d.comb += self.kinds.eq(all_lanes(kind))
            with m.Case(RowKind.END):
                last = self.count[3:]
                for lane in range(self.lanes):
                    with m.If(last > lane):
                        m.d.comb += self.kinds.word_select(lane, 4).eq(Kind.DATA)
                    with m.Elif(last == lane):
                        m.d.comb += self.kinds.word_select(lane, 4).eq(
                            Kind.TERM0 | self.count[:3]
                        )
                    with m.Else():
                        m.d.comb += self.kinds.word_select(lane, 4).eq(Kind.IDLE)
            with m.Default():
                m.d.comb += self.kinds.eq(all_lanes(Kind.ERROR))
        return m


class Gather(wiring.Component):
    """Block kinds to row kind, combinational: the inverse of `Spread`, all else is ERROR.

    Parameters
    ----------
    lanes : int
        1 to 64.

    Members
    -------
    kinds : Signal(4 * lanes), in
        A `block.Kind` for each lane, lane 0 in the low bits.
    kind : Signal(3), out
        A `RowKind`.
    count : Signal, out
        Bytes of an END row, else 0.
    """

    kinds: Signal
    kind: Signal
    count: Signal

    def __init__(self, *, lanes: int) -> None:
        """Check the parameters and declare the members."""
        check_lanes(lanes)
        self.lanes = lanes
        super().__init__(
            {"kinds": In(4 * lanes), "kind": Out(3), "count": Out(bits_for(8 * lanes))}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        lanes = self.lanes
        kinds = [self.kinds.word_select(lane, 4) for lane in range(lanes)]
        masks = {}
        for kind in (Kind.IDLE, Kind.START, Kind.DATA, Kind.MARKER):
            masks[kind] = Signal(lanes, name=f"is_{kind.name.lower()}")
            for lane in range(lanes):
                m.d.comb += masks[kind][lane].eq(kinds[lane] == kind)
        ends = Signal(lanes)  # lane where a well-formed END row ends, one hot
        for lane in range(lanes):
            before = masks[Kind.DATA][:lane].all() if lane else 1
            after = masks[Kind.IDLE][lane + 1 :].all() if lane < lanes - 1 else 1
            m.d.comb += ends[lane].eq(kinds[lane][3] & before & after)
        m.d.comb += self.kind.eq(RowKind.ERROR)
        for kind, row_kind in (
            (Kind.IDLE, RowKind.IDLE),
            (Kind.START, RowKind.START),
            (Kind.DATA, RowKind.DATA),
            (Kind.MARKER, RowKind.MARKER),
        ):
            with m.If(masks[kind].all()):
                m.d.comb += self.kind.eq(row_kind)
        with m.If(ends.any()):
            m.d.comb += self.kind.eq(RowKind.END)
        count = 0
        for lane in range(lanes):
            count |= Mux(ends[lane], 8 * lane | kinds[lane][:3], 0)
        m.d.comb += self.count.eq(count)
        return m
