"""Alignment marker of a lane with FEC: one block of 257 bits, not scrambled.

Bit 0 is first in time; w0 to w3 are the bytes of the marker word (`block`), `~` is the complement:

    0-47     common pattern
    48-111   w0 ~w0 w1 ~w1 w2 ~w2 w3 ~w3
    112-159  complement of the common pattern
    160-175  c ~c with c = w0 ^ w1 ^ w2 ^ w3
    176-255  fill, 33 in hexadecimal
    256      1

Ones and zeros are equally many but for the last bit. The pattern is the same on all lanes, unlike
the markers of clause 119: here the lane number travels in the marker word, behind the FEC.

Ref: IEEE Std 802.3-2022 clause 119.2.4.4 (alignment markers), 91.5.3.1 (tolerance in nibbles).
"""

from amaranth import C, Cat, Value

__all__ = ["BITS", "NIBBLES", "PATTERN", "PATTERN_BITS", "decode", "encode", "good", "marker"]

BITS = 257
PATTERN = int.from_bytes(bytes((0x9A, 0x4A, 0x26, 0x65, 0xB5, 0xD9)), "little")
PATTERN_BITS = 48
_COMPLEMENT = PATTERN ^ (1 << PATTERN_BITS) - 1
_COMPLEMENT_AT = 112
_FILL = 0x33
_FILL_BYTES = 10

NIBBLES = tuple(
    (start + 4 * n, value >> 4 * n & 0xF)
    for start, value in ((0, PATTERN), (_COMPLEMENT_AT, _COMPLEMENT))
    for n in range(PATTERN_BITS // 4)
)
"""First bit and value of the nibbles that a receiver compares before the FEC."""


def encode(word: int) -> int:
    """Golden model of `marker`: the block with a marker word."""
    w = word.to_bytes(4, "little")
    check = w[0] ^ w[1] ^ w[2] ^ w[3]
    middle = bytes(byte for n in range(4) for byte in (w[n], 0xFF ^ w[n]))
    tail = bytes((check, 0xFF ^ check, *[_FILL] * _FILL_BYTES, 1))
    parts = (
        PATTERN.to_bytes(6, "little"), middle, _COMPLEMENT.to_bytes(6, "little"), tail
    )  # fmt: skip
    return int.from_bytes(b"".join(parts), "little")


def decode(block: int) -> int | None:
    """Golden model of `good`: the marker word, None when the block is not exactly a marker."""
    word = sum((block >> 48 + 16 * n & 0xFF) << 8 * n for n in range(4))
    return word if block == encode(word) else None


def marker(word: Value) -> Value:
    """Build the block with a marker word."""
    w = [word[8 * n : 8 * n + 8] for n in range(4)]
    check = w[0] ^ w[1] ^ w[2] ^ w[3]
    return Cat(
        C(PATTERN, PATTERN_BITS),
        *(Cat(byte, ~byte) for byte in w),
        C(_COMPLEMENT, PATTERN_BITS),
        check,
        ~check,
        C(int.from_bytes([_FILL] * _FILL_BYTES, "little"), 8 * _FILL_BYTES),
        C(1, 1),
    )


def good(block: Value) -> tuple[Value, Value]:
    """Condition that a block is exactly a marker, and its marker word."""
    word = Cat(block[48 + 16 * n : 56 + 16 * n] for n in range(4))
    return block == marker(word), word
