"""Blocks of 128b/130b: sync headers, ordered sets and their golden encoders.

A block is a 2-bit sync header and 16 symbols of 8 bits; bit 0 of each is first in time. A SKP
ordered set may be 8, 12, 16, 20 or 24 symbols long when it is received, its symbols 4, 8, ... tell
where it ends.

From secondary sources: the headers, the order of bits, the lengths of the SKP set, that EIEOS sets
the scrambler back and that an EIEOS sequence at 32 GT/s is two sets back to back. Recalled and not
checked against the standard's text: all symbol values, among them those of 32 GT/s (EIEOS as 32
zeros and 32 ones in turn, SKP 0x99, SDS 0xE1 0x87) and the three symbols at the end of a SKP set.
This design's own: the set END, and what EDB and TS2 carry beyond their first symbol.

Ref: PCI Express Base Specification 5.0 section 4.2.2 (encoding) and 4.2.4 (ordered sets).
"""

__all__ = [
    "BLOCK",
    "EIEOS",
    "EMPTY",
    "ERROR",
    "FOLLOW",
    "FULL",
    "HEADER_DATA",
    "HEADER_SET",
    "ID_END",
    "ID_SKP",
    "ID_TS2",
    "NONE",
    "SDS",
    "SKP_END",
    "SKP_LENGTHS",
    "end",
    "marker",
    "marker_word",
    "payload",
    "skp",
]

BLOCK = 130
"""Bits of a block, a SKP ordered set of another length apart."""
HEADER_DATA = 0b10
HEADER_SET = 0b01
ID_SKP = 0x99
SKP_END = 0xE1
ID_TS2 = 0x2D
_TS2_BODY = 0x45
ID_END = 0xB4
SKP_LENGTHS = tuple(2 + 8 * symbols for symbols in (8, 12, 16, 20, 24))
"""Bits of a SKP ordered set with its header."""

FULL = 16
"""Code of END: the 16 bytes of this lane are data and the frame goes on in the next lane."""
NONE = 17
"""Code of END: the frame ended in a lane before. Codes 0 to 15: after that many bytes of this."""
EMPTY = 0
FOLLOW = 32
"""Bit of END's code: the next block is a data block with the bytes."""


def payload(symbols: list[int]) -> int:
    """Payload of 16 symbols, symbol 0 in the low bits."""
    return int.from_bytes(bytes(symbols), "little")


EIEOS = payload(([0x00] * 4 + [0xFF] * 4) * 2)
SDS = payload([0xE1] + [0x87] * 15)
ERROR = payload([0xC0] * 16)


def end(code: int) -> int:
    """Payload of END: the code and its complement in turn after the first symbol."""
    return payload([ID_END] + [code if n % 2 else code ^ 0xFF for n in range(1, 16)])


def skp(state: int, skips: int = 12) -> int:
    """Payload of a SKP set of `skips` SKP symbols (4 to 20) that carries the scrambler's state."""
    first = state >> 16 | (~state >> 22 & 1) << 7
    tail = [SKP_END, first, state >> 8 & 0xFF, state & 0xFF]
    return payload([ID_SKP] * skips + tail)


def marker(word: int, in_frame: bool) -> int:
    """Payload of the TS2 set of a marker before scrambling.

    Symbol 1: 0xFF inside a frame, else 0; 2 to 5: the marker's word, lane number first; 6 to 9:
    its complement.
    """
    body = word.to_bytes(4, "little") + (word ^ 0xFFFF_FFFF).to_bytes(4, "little")
    return payload([ID_TS2, 0xFF * in_frame, *body, *[_TS2_BODY] * 6])


def marker_word(symbols: int) -> tuple[int, bool] | None:
    """Undo `marker`; None when anything is not as it should be."""
    word, flags = symbols >> 16 & 0xFFFF_FFFF, symbols >> 8 & 0xFF
    return (word, bool(flags)) if symbols == marker(word, bool(flags)) else None
