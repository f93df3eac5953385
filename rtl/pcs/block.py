"""66-bit blocks of 64b/66b: what a lane carries in one row.

A block is a 2-bit sync header and a 64-bit payload; bit 0 of each is first in time. Blocks made
here are the idle, start, data, terminate and error blocks of clause 49 and one ordered set, the
alignment marker of a lane: D1 = lane number, D2 bit 0 = `ready` (the sender's receiver is aligned),
D3 = check byte, O code = 0x5.

Ref: IEEE Std 802.3-2022 figure 49-7.
"""

from enum import IntEnum

from amaranth import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = [
    "HEADER_CONTROL",
    "HEADER_DATA",
    "Decoder",
    "Encoder",
    "Kind",
    "decode",
    "encode",
]

HEADER_DATA = 0b10  # "01" on the line: bit 0 is first
HEADER_CONTROL = 0b01

_TYPE_IDLE = 0x1E
_TYPE_START = 0x78
_TYPE_ORDERED_SET = 0x4B
_TYPE_TERMINATE = (0x87, 0x99, 0xAA, 0xB4, 0xCC, 0xD2, 0xE1, 0xFF)
_O_CODE_MARKER = 0x5
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


def _check_byte(lane: int, flags: int) -> int:
    return 0xFF & ~(lane ^ flags)


def encode(kind: Kind, data: int = 0, lane: int = 0, ready: int = 0) -> tuple[int, int]:
    """Golden model of `Encoder`: header and payload of a block."""
    if kind == Kind.DATA:
        return HEADER_DATA, data
    if kind == Kind.START:
        return HEADER_CONTROL, _TYPE_START
    if kind == Kind.MARKER:
        fields = (_TYPE_ORDERED_SET, lane, ready, _check_byte(lane, ready))
        return HEADER_CONTROL, int.from_bytes(fields, "little") | _O_CODE_MARKER << 32
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
        if block_type == _TYPE_ORDERED_SET:
            lane, flags = body & 0xFF, body >> 8 & 0xFF
            if body >> 16 == _check_byte(lane, flags) | _O_CODE_MARKER << 8:
                return Kind.MARKER, body
        if block_type in _TYPE_TERMINATE:
            count = _TYPE_TERMINATE.index(block_type)
            if body >> 8 * count == 0:
                return Kind(Kind.TERM0 + count), body
    return Kind.ERROR, body


class Encoder(wiring.Component):
    """Block encoder, combinational.

    Members
    -------
    kind : Signal(4), in
        A `Kind`; an unnamed value makes an error block.
    data : Signal(64), in
        Bytes, byte 0 in the low bits. DATA uses all, TERM `k` the first `k`, others none.
    lane : Signal(8), in
        Lane number for MARKER.
    ready : Signal(), in
        `ready` bit for MARKER.
    header : Signal(2), out
        Sync header.
    payload : Signal(64), out
        Payload before scrambling.

    Ref: IEEE Std 802.3-2022 figure 49-7.
    """

    kind: Signal
    data: Signal
    lane: Signal
    ready: Signal
    header: Signal
    payload: Signal

    def __init__(self) -> None:
        """Check the parameters and declare the members."""
        super().__init__(
            {
                "kind": In(4),
                "data": In(64),
                "lane": In(8),
                "ready": In(1),
                "header": Out(2),
                "payload": Out(64),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        m.d.comb += self.header.eq(Mux(self.kind == Kind.DATA, HEADER_DATA, HEADER_CONTROL))
        flags = Cat(self.ready, C(0, 7))
        with m.Switch(self.kind):
            with m.Case(Kind.DATA):
                m.d.comb += self.payload.eq(self.data)
            with m.Case(Kind.START):
                m.d.comb += self.payload.eq(_TYPE_START)
            with m.Case(Kind.MARKER):
                m.d.comb += self.payload.eq(
                    Cat(
                        C(_TYPE_ORDERED_SET, 8),
                        self.lane,
                        flags,
                        ~(self.lane ^ flags),
                        C(_O_CODE_MARKER, 4),
                    )
                )
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
        Bytes. DATA: the payload; TERM `k`: the first `k` bytes and zeros; MARKER: byte 0 = lane
        number, byte 1 bit 0 = `ready`; meaningless for other kinds.

    Ref: IEEE Std 802.3-2022 figure 49-7.
    """

    header: Signal
    payload: Signal
    kind: Signal
    data: Signal

    def __init__(self) -> None:
        """Check the parameters and declare the members."""
        super().__init__(
            {"header": In(2), "payload": In(64), "kind": Out(4), "data": Out(64)}
        )

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
            with m.Case(_TYPE_ORDERED_SET):
                check = ~(body[:8] ^ body[8:16])
                accept(body[16:] == Cat(check[:8], C(_O_CODE_MARKER, 4)), Kind.MARKER)
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
