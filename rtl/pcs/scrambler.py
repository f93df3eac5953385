"""Self-synchronous scrambler of 64b/66b, 64 bits a clock.

Ref: IEEE Std 802.3-2022 clause 49.2.6 (scrambler) and 49.2.10 (descrambler), G(x) = 1 + x^39 +
x^58.
"""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BITS", "STATE_BITS", "Descrambler", "Scrambler", "descramble", "scramble"]

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


class Scrambler(wiring.Component):
    """Scrambler.

    Combinational from ``i`` to ``o``; the state moves at the clock edge when ``enable`` is high, so
    one payload a clock can pass. At reset the state is all ones. ``load`` has priority over
    ``enable`` and sets the state to ``seed``: lanes that carry equal payloads (idle) are given
    different seeds so that their line patterns are not correlated.

    Members
    -------
    i : Signal(64), in
        Payload, bit 0 first in time.
    enable : Signal(), in
        The payload is used in this clock.
    load : Signal(), in
        Set the state.
    seed : Signal(58), in
        State to set; must not be zero together with a constant zero payload.
    o : Signal(64), out
        Scrambled payload.

    Ref: IEEE Std 802.3-2022 figure 49-8.
    """

    i: Signal
    enable: Signal
    load: Signal
    seed: Signal
    o: Signal

    def __init__(self) -> None:
        """Check the parameters and declare the members."""
        super().__init__(
            {
                "i": In(BITS),
                "enable": In(1),
                "load": In(1),
                "seed": In(STATE_BITS),
                "o": Out(BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        state = Signal(STATE_BITS, init=_STATE_MASK)
        low = Signal(_TAP)
        high = Signal(BITS - _TAP)
        # Bits 0-38 depend on the state only, bits 39-63 also on the bits just made: two word steps.
        m.d.comb += low.eq(self.i[:_TAP] ^ state[STATE_BITS - _TAP :] ^ state[:_TAP])
        m.d.comb += high.eq(
            self.i[_TAP:]
            ^ low[: BITS - _TAP]
            ^ Cat(state[_TAP:], low[: BITS - STATE_BITS])
        )
        m.d.comb += self.o.eq(Cat(low, high))
        with m.If(self.load):
            m.d.sync += state.eq(self.seed)
        with m.Elif(self.enable):
            m.d.sync += state.eq(self.o[BITS - STATE_BITS :])
        return m


class Descrambler(wiring.Component):
    """Descrambler.

    Combinational from ``i`` to ``o``; the state moves at the clock edge when ``enable`` is high. It
    synchronises itself: the first payload after a gap is wrong, the second is right. One line error
    makes three payload errors (at distance 0, 39 and 58).

    Members
    -------
    i : Signal(64), in
        Scrambled payload, bit 0 first in time.
    enable : Signal(), in
        The payload is used in this clock.
    o : Signal(64), out
        Payload.

    Ref: IEEE Std 802.3-2022 figure 49-10.
    """

    i: Signal
    enable: Signal
    o: Signal

    def __init__(self) -> None:
        """Check the parameters and declare the members."""
        super().__init__({"i": In(BITS), "enable": In(1), "o": Out(BITS)})

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        state = Signal(STATE_BITS)
        history = Cat(state, self.i)
        m.d.comb += self.o.eq(
            self.i ^ history[STATE_BITS - _TAP : STATE_BITS - _TAP + BITS] ^ history[:BITS]
        )
        with m.If(self.enable):
            m.d.sync += state.eq(self.i[BITS - STATE_BITS :])
        return m
