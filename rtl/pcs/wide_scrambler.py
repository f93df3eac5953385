"""Self-synchronous scrambler of any width: the polynomial of `scrambler`, a block a clock.

A block is what is scrambled of a clock: the payload of one or two blocks of 64b/66b, or all of a
block of 257 bits.

Ref: IEEE Std 802.3-2022 clause 119.2.4.3 (all 257 bits of a block are scrambled) and 49.2.6 (the
payload), G(x) = 1 + x^39 + x^58.
"""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.scrambler import STATE_BITS

__all__ = ["Descrambler", "Scrambler", "descramble", "scramble"]

_TAP = 39
_STATE_MASK = (1 << STATE_BITS) - 1


def _check_width(width: int) -> None:
    if not STATE_BITS <= width <= 512:
        raise ValueError(f"width = {width}; allowed: {STATE_BITS} to 512")


def scramble(data: int, state: int, width: int) -> tuple[int, int]:
    """Scramble a block of `width` bits; returns it and the next state.

    Bit 0 of a block is first in time. Bit `i` of the state is the line bit sent `58 - i` bits ago.
    """
    line = state
    for n in range(width):
        bit = (data >> n ^ line >> n + STATE_BITS - _TAP ^ line >> n) & 1
        line |= bit << n + STATE_BITS
    return line >> STATE_BITS, line >> width


def descramble(line: int, state: int, width: int) -> tuple[int, int]:
    """Undo `scramble`; the state is the last 58 line bits received."""
    history = state | line << STATE_BITS
    data = line ^ (history >> (STATE_BITS - _TAP)) ^ history
    return data & ((1 << width) - 1), history >> width & _STATE_MASK


class Scrambler(wiring.Component):
    """Scrambler of a block a clock.

    Combinational from ``i`` to ``o``, one exclusive or of three for each 39 bits; the state moves
    at the clock edge when ``enable`` is high. At reset the state is all ones. ``load`` has priority
    over ``enable`` and sets the state to ``seed``: lanes that carry equal payloads (idle) are given
    different seeds so that their line patterns are not correlated.

    Parameters
    ----------
    width : int
        Bits of a block, 58 to 512.

    Members
    -------
    i : Signal(width), in
        Block, bit 0 first in time.
    enable : Signal(), in
        The block is used in this clock.
    load : Signal(), in
        Set the state.
    seed : Signal(58), in
        State to set; must not be zero together with a constant zero payload.
    o : Signal(width), out
        Scrambled block.

    Raises
    ------
    ValueError
        ``width`` is out of range.

    Ref: IEEE Std 802.3-2022 clause 119.2.4.3 and figure 49-8.
    """

    i: Signal
    enable: Signal
    load: Signal
    seed: Signal
    o: Signal

    def __init__(self, *, width: int) -> None:
        """Check the parameters and declare the members."""
        _check_width(width)
        self.width = width
        super().__init__(
            {
                "i": In(width),
                "enable": In(1),
                "load": In(1),
                "seed": In(STATE_BITS),
                "o": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        state = Signal(STATE_BITS, init=_STATE_MASK)
        line: Value = state
        for start in range(0, self.width, _TAP):
            count = min(_TAP, self.width - start)
            part = Signal(count, name=f"part_{start}")
            near = start + STATE_BITS - _TAP
            m.d.comb += part.eq(
                self.i[start : start + count]
                ^ line[near : near + count]
                ^ line[start : start + count]
            )
            line = Cat(line, part)
        m.d.comb += self.o.eq(line[STATE_BITS:])
        with m.If(self.load):
            m.d.sync += state.eq(self.seed)
        with m.Elif(self.enable):
            m.d.sync += state.eq(self.o[self.width - STATE_BITS :])
        return m


class Descrambler(wiring.Component):
    """Descrambler of a block a clock.

    Combinational from ``i`` to ``o``; the state moves at the clock edge when ``enable`` is high. It
    synchronises itself: the first block after a gap is wrong, the second is right. One line error
    makes three (at distance 0, 39 and 58). At reset the state is 0.

    Parameters
    ----------
    width : int
        Bits of a block, 58 to 512.

    Members
    -------
    i : Signal(width), in
        Scrambled block, bit 0 first in time.
    enable : Signal(), in
        The block is used in this clock.
    o : Signal(width), out
        Block.

    Raises
    ------
    ValueError
        ``width`` is out of range.

    Ref: IEEE Std 802.3-2022 clause 119.2.5.6 and figure 49-10.
    """

    i: Signal
    enable: Signal
    o: Signal

    def __init__(self, *, width: int) -> None:
        """Check the parameters and declare the members."""
        _check_width(width)
        self.width = width
        super().__init__({"i": In(width), "enable": In(1), "o": Out(width)})

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        width = self.width
        state = Signal(STATE_BITS)
        history = Cat(state, self.i)
        near = STATE_BITS - _TAP
        m.d.comb += self.o.eq(self.i ^ history[near : near + width] ^ history[:width])
        with m.If(self.enable):
            m.d.sync += state.eq(self.i[width - STATE_BITS :])
        return m
