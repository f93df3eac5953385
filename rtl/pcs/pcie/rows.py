"""Rows of frames on lanes of 128b/130b.

A row is a block of 128 bits on each lane: two virtual lanes of `pcs.row` a lane. Data blocks of
PCIe carry no control characters, so the end of a frame takes an ordered set that tells each lane
where its bytes end, and a data block with them. All lanes must send that pair together, also those
whose 16 bytes are data, hence this spread in place of `row.Spread`. Receivers give back plain block
kinds: rows are gathered by `row.Gather` over twice the lanes.
"""

from amaranth import C, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.pcie.ordered_sets import EMPTY, FOLLOW, FULL, NONE
from lightloom.rtl.pcs.row import RowKind

__all__ = ["PcieSpread", "end_code", "end_kinds", "spread"]

_SIMPLE = {
    RowKind.IDLE: Kind.IDLE,
    RowKind.START: Kind.START,
    RowKind.DATA: Kind.DATA,
    RowKind.MARKER: Kind.MARKER,
}


def _both(kind: Kind) -> int:
    return kind | kind << 4


def _pack(code: int) -> int:
    """Kinds of a lane for a code of END: TERM in the first, the rest of the code around it."""
    return code & 7 | 8 | (code >> 3) << 4


def end_code(count: int, lane: int) -> int:
    """Code of END on a lane when the last row has `count` bytes."""
    if count == 0:
        return EMPTY if lane == 0 else NONE
    rest = count - 16 * lane
    return FOLLOW | (FULL if rest >= 16 else rest if rest >= 0 else NONE)


def end_kinds(code: int) -> tuple[Kind, Kind]:
    """Block kinds that a receiver gives for the bytes of a code, its bit FOLLOW apart."""
    where = code & (FOLLOW - 1)
    if where == FULL:
        return Kind.DATA, Kind.DATA
    if where == NONE:
        return Kind.IDLE, Kind.IDLE
    if where < 8:
        return Kind(Kind.TERM0 + where), Kind.IDLE
    return Kind.DATA, Kind(Kind.TERM0 + where - 8)


def spread(kind: RowKind, count: int, lanes: int) -> list[int]:
    """Golden model of `PcieSpread`: the 8 bits of kinds of each lane."""
    if kind == RowKind.END:
        return [_pack(end_code(count, lane)) for lane in range(lanes)]
    return [_both(_SIMPLE.get(kind, Kind.ERROR))] * lanes


class PcieSpread(wiring.Component):
    """Row kind to the kinds that `coder.PcieTx` takes, combinational.

    Rows other than END: the block kind twice. END: bit 3 high, the code of `ordered_sets.end` in
    bits 2:0 and 6:4.

    Parameters
    ----------
    lanes : int
        Lanes of two virtual lanes each, 1 to 16.

    Members
    -------
    kind : Signal(3), in
        A `RowKind`; an unnamed value counts as ERROR.
    count : Signal, in
        Bytes of an END row, below 16 a lane.
    kinds : Signal(8 * lanes), out
        Kinds of each lane, lane 0 in the low bits.

    Raises
    ------
    ValueError
        ``lanes`` is out of range.
    """

    kind: Signal
    count: Signal
    kinds: Signal

    def __init__(self, *, lanes: int) -> None:
        """Check the parameters and declare the members."""
        if not 1 <= lanes <= 16:
            raise ValueError(f"lanes = {lanes}; allowed: 1 to 16")
        self.lanes = lanes
        super().__init__(
            {"kind": In(3), "count": In(bits_for(16 * lanes)), "kinds": Out(8 * lanes)}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        follow = Signal()
        last = Signal(range(2 * self.lanes))  # lane where the bytes end
        m.d.comb += [follow.eq(self.count.any()), last.eq(self.count[4:])]
        with m.Switch(self.kind):
            for row_kind, kind in _SIMPLE.items():
                with m.Case(row_kind):
                    m.d.comb += self.kinds.eq(Cat(C(_both(kind), 8) for _ in range(self.lanes)))
            with m.Case(RowKind.END):
                for lane in range(self.lanes):
                    where = Signal(5, name=f"where_{lane}")
                    m.d.comb += where.eq(
                        Mux(last > lane, FULL, Mux(last == lane, self.count[:4], NONE))
                    )
                    m.d.comb += self.kinds.word_select(lane, 8).eq(
                        Cat(where[:3], C(1, 1), where[3:], follow, C(0, 1))
                    )
            with m.Default():
                m.d.comb += self.kinds.eq(
                    Cat(C(_both(Kind.ERROR), 8) for _ in range(self.lanes))
                )
        return m
