"""Scrambler of 128b/130b: an LFSR a lane, a block of 16 symbols a clock.

G(x) = x^23 + x^21 + x^16 + x^8 + x^5 + x^2 + 1. The line carries data XOR key; the key of a symbol
is the next eight output bits, the first in bit 0.

Ref: PCI Express Base Specification 5.0 section 4.2.2.4.
"""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BITS", "SEEDS", "STATE_BITS", "Lfsr", "advance", "key", "seed"]

STATE_BITS = 23
BITS = 128
_POLYNOMIAL = 0x21_0125  # without x^23
_MASK = (1 << STATE_BITS) - 1
SEEDS = (0x1DBFBC, 0x0607BB, 0x1EC760, 0x18C0DB, 0x010F12, 0x19CFC9, 0x0277CE, 0x1BB807)
"""Start of the LFSR on lane number modulo 8."""


def seed(lane: int) -> int:
    """Start of the LFSR of a lane."""
    return SEEDS[lane % len(SEEDS)]


def _step(state: int) -> tuple[int, int]:
    out = state >> (STATE_BITS - 1) & 1
    return out, (state << 1 & _MASK) ^ (_POLYNOMIAL if out else 0)


def key(state: int, bits: int = BITS) -> int:
    """Golden model of `Lfsr`: the next output bits, the first in bit 0."""
    value = 0
    for n in range(bits):
        out, state = _step(state)
        value |= out << n
    return value


def advance(state: int, bits: int = BITS) -> int:
    """Golden model of `Lfsr`: the state after `bits` output bits."""
    for _ in range(bits):
        _, state = _step(state)
    return state


class Lfsr(wiring.Component):
    """LFSR of a lane, 128 steps a clock.

    ``key`` is combinational from the state; the state moves at the clock edge when ``enable`` is
    high. ``load`` has priority and sets it to ``seed``. At reset it is the seed of lane 0.

    Which blocks move it is the coder's affair: all but SKP ordered sets do.

    Members
    -------
    enable : Signal(), in
        Go on by 16 symbols.
    load : Signal(), in
        Set the state.
    seed : Signal(23), in
        State to set; not zero.
    state : Signal(23), out
        State before the symbols that ``key`` belongs to.
    key : Signal(128), out
        Output bits, the first in bit 0.

    Ref: PCI Express Base Specification 5.0 section 4.2.2.4.
    """

    enable: Signal
    load: Signal
    seed: Signal
    state: Signal
    key: Signal

    def __init__(self) -> None:
        """Declare the members."""
        super().__init__(
            {
                "enable": In(1),
                "load": In(1),
                "seed": In(STATE_BITS),
                "state": Out(STATE_BITS),
                "key": Out(BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        # Linear: bit n of each result is the parity of the state bits that reach it.
        keys = [key(1 << n) for n in range(STATE_BITS)]
        nexts = [advance(1 << n) for n in range(STATE_BITS)]

        state = Signal(STATE_BITS, init=SEEDS[0])

        def parity(columns: list[int], bit: int) -> Value:
            mask = sum((column >> bit & 1) << n for n, column in enumerate(columns))
            return (state & mask).xor()

        m.d.comb += self.state.eq(state)
        m.d.comb += self.key.eq(Cat(parity(keys, n) for n in range(BITS)))
        with m.If(self.load):
            m.d.sync += state.eq(self.seed)
        with m.Elif(self.enable):
            m.d.sync += state.eq(Cat(parity(nexts, n) for n in range(STATE_BITS)))
        return m
