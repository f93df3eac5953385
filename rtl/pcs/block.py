"""66-bit blocks of 64b/66b: what a lane carries in one row.

A block is a 2-bit sync header and a 64-bit payload; bit 0 of each is first in time. Blocks made
here are the idle, start, data, terminate and error blocks of clause 49 and one block of two ordered
sets (type 0x55), the alignment marker of a lane. It holds the marker word in D1, D2, D5 and D6,
check bytes in D3 and D7, and O codes 0x5. A marker word has, from bit 0:

    lane number (8), `ready`: the sender's receiver is aligned, `ping`, `echo`, page (2), 2 unused
    bits, `SECOND`: the block is the second of its row, 16 bits of the page (`link.partner`)

Ref: IEEE Std 802.3-2022 figure 49-7.
"""

from enum import IntEnum

from amaranth import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = [
    "HEADER_CONTROL",
    "HEADER_DATA",
    "SECOND",
    "Decoder",
    "Encoder",
    "Kind",
    "decode",
    "encode",
]

HEADER_DATA = 0b10  # "01" on the line: bit 0 is first
HEADER_CONTROL = 0b01
SECOND = 1 << 15
"""Bit of a marker word: the block is the second of a row of two blocks a lane."""

_TYPE_IDLE = 0x1E
_TYPE_START = 0x78
_TYPE_ORDERED_SETS = 0x55
_TYPE_TERMINATE = (0x87, 0x99, 0xAA, 0xB4, 0xCC, 0xD2, 0xE1, 0xFF)
_O_CODES_MARKER = 0x55
_CODE_ERROR = 0x1E  # /E/, a 7-bit control code
_ERROR_PAYLOAD = _TYPE_IDLE | sum(_CODE_ERROR << (8 + 7 * i) for i in range(8))


class Kind(IntEnum):
    """What a lane carries in a row; `TERM0 + k` ends a frame after `k` bytes of the lane."""

    IDLE = 0
    DATA = 1
    START = 2
    MARKER = 3
    ERROR = 4
    TERM0 = 8
    TERM1 = 9
    TERM2 = 10
    TERM3 = 11
    TERM4 = 12
    TERM5 = 13
    TERM6 = 14
    TERM7 = 15


def _marker(word: int) -> int:
    """Body of a marker block: all but its type."""
    w = word.to_bytes(4, "little")
    check = w[0] ^ w[1] ^ w[2] ^ w[3]
    body = (w[0], w[1], 0xFF & ~check, _O_CODES_MARKER, w[2], w[3], check)
    return int.from_bytes(body, "little")


def encode(kind: Kind, data: int = 0, marker: int = 0) -> tuple[int, int]:
    """Golden model of `Encoder`: header and payload of a block."""
    if kind == Kind.DATA:
        return HEADER_DATA, data
    if kind == Kind.START:
        return HEADER_CONTROL, _TYPE_START
    if kind == Kind.MARKER:
        return HEADER_CONTROL, _TYPE_ORDERED_SETS | _marker(marker) << 8
    if kind == Kind.IDLE:
        return HEADER_CONTROL, _TYPE_IDLE
    if kind >= Kind.TERM0:
        count = kind - Kind.TERM0
        kept = data & ((1 << 8 * count) - 1)
        return HEADER_CONTROL, _TYPE_TERMINATE[count] | kept << 8
    return HEADER_CONTROL, _ERROR_PAYLOAD


def decode(header: int, payload: int) -> tuple[Kind, int]:
    """Golden model of `Decoder`: kind and data of a block."""
    if header == HEADER_DATA:
        return Kind.DATA, payload
    body = payload >> 8
    if header == HEADER_CONTROL:
        block_type = payload & 0xFF
        if block_type == _TYPE_IDLE and body == 0:
            return Kind.IDLE, body
        if block_type == _TYPE_START:
            return Kind.START, body
        if block_type == _TYPE_ORDERED_SETS:
            word = body & 0xFFFF | body >> 16 & 0xFFFF_0000
            return (Kind.MARKER if body == _marker(word) else Kind.ERROR), word
        if block_type in _TYPE_TERMINATE:
            count = _TYPE_TERMINATE.index(block_type)
            if body >> 8 * count == 0:
                return Kind(Kind.TERM0 + count), body
    return Kind.ERROR, body


def _body(word: Value) -> Value:
    """As `_marker`, in hardware."""
    w = [word[8 * n : 8 * n + 8] for n in range(4)]
    check = w[0] ^ w[1] ^ w[2] ^ w[3]
    return Cat(w[0], w[1], ~check, C(_O_CODES_MARKER, 8), w[2], w[3], check)


class Encoder(wiring.Component):
    """Block encoder, combinational.

    Members
    -------
    kind : Signal(4), in
        A `Kind`; an unnamed value makes an error block.
    data : Signal(64), in
        Bytes, byte 0 in the low bits. DATA uses all, TERM `k` the first `k`, others none.
    marker : Signal(32), in
        Marker word for MARKER.
    header : Signal(2), out
        Sync header.
    payload : Signal(64), out
        Payload before scrambling.

    Ref: IEEE Std 802.3-2022 figure 49-7.
    """

    kind: Signal
    data: Signal
    marker: Signal
    header: Signal
    payload: Signal

    def __init__(self) -> None:
        """Check the parameters and declare the members."""
        super().__init__(
            {
                "kind": In(4),
                "data": In(64),
                "marker": In(32),
                "header": Out(2),
                "payload": Out(64),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        m.d.comb += self.header.eq(Mux(self.kind == Kind.DATA, HEADER_DATA, HEADER_CONTROL))
        with m.Switch(self.kind):
            with m.Case(Kind.DATA):
                m.d.comb += self.payload.eq(self.data)
            with m.Case(Kind.START):
                m.d.comb += self.payload.eq(_TYPE_START)
            with m.Case(Kind.MARKER):
                m.d.comb += self.payload.eq(Cat(C(_TYPE_ORDERED_SETS, 8), _body(self.marker)))
            with m.Case(Kind.IDLE):
                m.d.comb += self.payload.eq(_TYPE_IDLE)
            for count, block_type in enumerate(_TYPE_TERMINATE):
                with m.Case(Kind.TERM0 + count):
                    m.d.comb += self.payload.eq(Cat(C(block_type, 8), self.data[: 8 * count]))
            with m.Default():
                m.d.comb += self.payload.eq(_ERROR_PAYLOAD)
        return m


class Decoder(wiring.Component):
    """Block decoder, combinational.

    Strict: a control block whose unused bits are not zero is an ERROR, so that a line error, which
    the descrambler turns into three, seldom makes a wrong block of another kind.

    Members
    -------
    header : Signal(2), in
        Sync header.
    payload : Signal(64), in
        Payload after descrambling.
    kind : Signal(4), out
        A `Kind`.
    data : Signal(64), out
        Bytes. DATA: the payload; TERM `k`: the first `k` bytes and zeros; MARKER: the marker word;
        meaningless for other kinds.

    Ref: IEEE Std 802.3-2022 figure 49-7.
    """

    header: Signal
    payload: Signal
    kind: Signal
    data: Signal

    def __init__(self) -> None:
        """Check the parameters and declare the members."""
        super().__init__({"header": In(2), "payload": In(64), "kind": Out(4), "data": Out(64)})

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        body = self.payload[8:]
        is_data = Signal()
        control_kind = Signal(4)
        m.d.comb += is_data.eq(self.header == HEADER_DATA)
        m.d.comb += self.data.eq(Mux(is_data, self.payload, body))

        def accept(condition: Value, kind: int) -> None:
            m.d.comb += control_kind.eq(Mux(condition, kind, Kind.ERROR))

        with m.Switch(self.payload[:8]):
            with m.Case(_TYPE_IDLE):
                accept(body == 0, Kind.IDLE)
            with m.Case(_TYPE_START):
                m.d.comb += control_kind.eq(Kind.START)
            with m.Case(_TYPE_ORDERED_SETS):
                word = Cat(body[:16], body[32:48])
                accept(body == _body(word), Kind.MARKER)
                with m.If(self.header == HEADER_CONTROL):
                    m.d.comb += self.data.eq(word)
            for count, block_type in enumerate(_TYPE_TERMINATE):
                with m.Case(block_type):
                    accept(body[8 * count :] == 0, Kind.TERM0 + count)
            with m.Default():
                m.d.comb += control_kind.eq(Kind.ERROR)
        with m.If(is_data):
            m.d.comb += self.kind.eq(Kind.DATA)
        with m.Elif(self.header == HEADER_CONTROL):
            m.d.comb += self.kind.eq(control_kind)
        with m.Else():
            m.d.comb += self.kind.eq(Kind.ERROR)
        return m
