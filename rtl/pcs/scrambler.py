"""Self-synchronous scrambler of 64b/66b, payload by payload: the golden model.

The hardware is `wide_scrambler`, at the payload bits of a clock.

Ref: IEEE Std 802.3-2022 clause 49.2.6 (scrambler) and 49.2.10 (descrambler), G(x) = 1 + x^39 +
x^58.
"""

__all__ = ["BITS", "STATE_BITS", "descramble", "scramble"]

BITS = 64
STATE_BITS = 58
_TAP = 39
_STATE_MASK = (1 << STATE_BITS) - 1


def scramble(data: int, state: int) -> tuple[int, int]:
    """Scramble one payload; returns it and the next state.

    Bit 0 of a payload is first in time. Bit `i` of the state is the line bit sent `58 - i` bits
    ago.
    """
    line = state
    for n in range(BITS):
        bit = (data >> n ^ line >> n + STATE_BITS - _TAP ^ line >> n) & 1
        line |= bit << n + STATE_BITS
    return line >> STATE_BITS, line >> BITS


def descramble(line: int, state: int) -> tuple[int, int]:
    """Undo `scramble`; the state is the last 58 line bits received."""
    history = state | line << STATE_BITS
    data = line ^ (history >> (STATE_BITS - _TAP)) ^ history
    return data & ((1 << BITS) - 1), history >> BITS & _STATE_MASK
