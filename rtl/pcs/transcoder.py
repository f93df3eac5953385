"""Transcoder between four 66-bit blocks and one block of 257 bits.

A block of 257 bits saves the seven bits that four sync headers have too many. Bit 0 says whether
all four blocks are data. If not, bits 1-4 say it of each block, and the room comes from the first
control block: of its type byte only the low nibble is sent, which names all types but none.

Bit 0 is first in time and block 0 is the oldest; headers are as in `block`. The blocks here are not
scrambled: as in clause 119 the scrambler comes after, over all 257 bits, so that the exclusive or
of bits 0-4 with the payload, which clause 91 adds because it scrambles before, is left out.

Ref: IEEE Std 802.3-2022 clauses 119.2.4.2, 119.2.5.7, 91.5.2.5 and 91.5.3.5.
"""

from collections.abc import Sequence

from amaranth import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.block import HEADER_CONTROL, HEADER_DATA

__all__ = ["BITS", "BLOCKS", "TYPES", "Decoder", "Encoder", "decode", "encode"]

BLOCKS = 4
BITS = 257

TYPES = (
    0x1E, 0x2D, 0x33, 0x4B, 0x55, 0x66, 0x78, 0x87, 0x99, 0xAA, 0xB4, 0xCC, 0xD2, 0xE1, 0xFF,
)  # fmt: skip
"""Block types of 64b/66b; their low nibbles are all different and none is 0."""

_HIGH_NIBBLES = {block_type & 0xF: block_type >> 4 for block_type in TYPES}
_HEADER_INVALID = 0b11
_MASK = (1 << 64) - 1


def encode(blocks: Sequence[tuple[int, int]]) -> int:
    """Golden model of `Encoder`: block of 257 bits of four (header, payload)."""
    headers = [header for header, _ in blocks]
    payloads = sum(payload << 64 * n for n, (_, payload) in enumerate(blocks))
    if all(header == HEADER_DATA for header in headers):
        return 1 | payloads << 1
    first, flags = 0, 0b1111
    if all(header in (HEADER_DATA, HEADER_CONTROL) for header in headers):
        first = headers.index(HEADER_CONTROL)
        flags = sum((header == HEADER_DATA) << n for n, header in enumerate(headers))
    kept = 64 * first + 4
    low, high = payloads & ((1 << kept) - 1), payloads >> kept + 4
    return flags << 1 | low << 5 | high << 5 + kept


def decode(block: int) -> list[tuple[int, int]]:
    """Golden model of `Decoder`: four (header, payload) of a block of 257 bits."""
    if block & 1:
        return [(HEADER_DATA, block >> 1 + 64 * n & _MASK) for n in range(BLOCKS)]
    flags, body = block >> 1 & 0xF, block >> 5
    first = next((n for n in range(BLOCKS) if not flags >> n & 1), 0)
    kept = 64 * first + 4
    low = body & ((1 << kept) - 1)
    nibble = _HIGH_NIBBLES.get(low >> kept - 4, 0)
    payloads = low | nibble << kept | body >> kept << kept + 4
    if flags == 0b1111:
        headers = [_HEADER_INVALID] * BLOCKS
    else:
        headers = [HEADER_DATA if flags >> n & 1 else HEADER_CONTROL for n in range(BLOCKS)]
    return [(header, payloads >> 64 * n & _MASK) for n, header in enumerate(headers)]


class Encoder(wiring.Component):
    """Transcoder of the transmitter, combinational.

    A group with an invalid header (00 or 11) becomes the block whose bits 0-4 are 0, 1, 1, 1, 1,
    which the receiver takes as four invalid blocks.

    Members
    -------
    headers : Signal(8), in
        Sync headers, block 0 in the low bits.
    payloads : Signal(256), in
        Payloads, block 0 in the low bits.
    o : Signal(257), out
        Block of 257 bits.

    Ref: IEEE Std 802.3-2022 clause 119.2.4.2.
    """

    headers: Signal
    payloads: Signal
    o: Signal

    def __init__(self) -> None:
        """Declare the members."""
        super().__init__({"headers": In(2 * BLOCKS), "payloads": In(64 * BLOCKS), "o": Out(BITS)})

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        first_bits = Cat(self.headers[2 * n] for n in range(BLOCKS))
        data = Signal(BLOCKS)
        invalid = Signal()
        m.d.comb += data.eq(Cat(self.headers[2 * n + 1] for n in range(BLOCKS)))
        m.d.comb += invalid.eq((data ^ first_bits) != 0b1111)

        def without_nibble(flags: Value, first: int) -> None:
            kept = 64 * first + 4
            m.d.comb += self.o.eq(
                Cat(C(0, 1), flags, self.payloads[:kept], self.payloads[kept + 4 :])
            )

        with m.If(invalid):
            without_nibble(C(0b1111, 4), 0)
        for first in range(BLOCKS):
            with m.Elif(~data[first]):
                without_nibble(data, first)
        with m.Else():
            m.d.comb += self.o.eq(Cat(C(1, 1), self.payloads))
        return m


class Decoder(wiring.Component):
    """Transcoder of the receiver, combinational.

    The high nibble of the first control block's type is looked up from the low one; there is none
    for 0, which gives the block type 0x00, an error for the block decoder. Bits 0-4 equal to
    0, 1, 1, 1, 1 give four invalid headers (11).

    Members
    -------
    i : Signal(257), in
        Block of 257 bits.
    headers : Signal(8), out
        Sync headers, block 0 in the low bits.
    payloads : Signal(256), out
        Payloads, block 0 in the low bits.
    invalid : Signal(), out
        Bits 0-4 say that the group is invalid.

    Ref: IEEE Std 802.3-2022 clause 119.2.5.7.
    """

    i: Signal
    headers: Signal
    payloads: Signal
    invalid: Signal

    def __init__(self) -> None:
        """Declare the members."""
        super().__init__(
            {
                "i": In(BITS),
                "headers": Out(2 * BLOCKS),
                "payloads": Out(64 * BLOCKS),
                "invalid": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        flags = self.i[1:5]
        body = self.i[5:]
        data = Signal(BLOCKS)
        low_nibble = Signal(4)
        high_nibble = Signal(4)
        m.d.comb += self.invalid.eq(self.i[:5] == 0b11110)
        m.d.comb += data.eq(Mux(self.i[0], 0b1111, flags))
        for n in range(BLOCKS):
            m.d.comb += self.headers.word_select(n, 2).eq(
                Cat(~data[n] | self.invalid, data[n] | self.invalid)
            )
        with m.Switch(low_nibble):
            for low, high in _HIGH_NIBBLES.items():
                with m.Case(low):
                    m.d.comb += high_nibble.eq(high)

        def with_nibble(first: int) -> None:
            kept = 64 * first + 4
            m.d.comb += low_nibble.eq(body[kept - 4 : kept])
            m.d.comb += self.payloads.eq(Cat(body[:kept], high_nibble, body[kept:]))

        with m.If(self.i[0]):
            m.d.comb += self.payloads.eq(self.i[1:])
        for first in range(1, BLOCKS):
            with m.Elif((flags & ((1 << first + 1) - 1)) == (1 << first) - 1):
                with_nibble(first)
        with m.Else():
            with_nibble(0)
        return m
