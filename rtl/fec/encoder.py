"""Systematic Reed-Solomon encoder, any number of symbols a clock."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec import field
from lightloom.rtl.fec.codes import Code
from lightloom.rtl.fec.network import combine, spread

__all__ = ["Encoder"]

BITS = field.BITS


class Encoder(wiring.Component):
    """Messages to codewords, ``symbols`` symbols a clock.

    The first symbol in time is the coefficient of the highest power of x and stands in the low bits
    of a word. A message starts anew in its first beat; when ``symbols`` does not divide k, the last
    beat holds ``k % symbols`` symbols and the rest of it is ignored. When ``symbols`` does not
    divide n, the last word of a codeword holds ``n % symbols`` symbols, the rest of it is 0.

    Latency: 1 clock. Throughput: a codeword in ``ceil(n / symbols)`` clocks, without a gap between
    codewords while ``i_valid`` and ``o_ready`` are high. Reset: no word present, a message starts.
    Back-pressure: ``i_ready`` is low in the clocks of words that are all parity, and while a word
    waits at ``o``; it depends on ``o_ready`` in the same clock, never on ``i_valid``.

    The symbols of a message are moved in time so that its last one ends a beat; zeros in front of a
    message do not change the remainder, so one feedback matrix serves all beats. Its last symbol is
    divided after the others: only one symbol of the remainder before it is on the longest path, so
    the large matrix is mapped for area.

    Area on an ECP5 with Yosys 0.70, KP4 at 16 symbols: 5701 LUT4 (``synth_ecp5 -nowidelut``), 7895
    with wide multiplexers (plain ``synth_ecp5``); a carry pair counts as two. 613 flip-flops.

    Parameters
    ----------
    code : Code
        The code.
    symbols : int
        Symbols a clock, 1 to 68, at most k.

    Members
    -------
    i : Signal(10 * symbols), in
        Beat of a message.
    i_valid : Signal(), in
        A beat is present.
    i_ready : Signal(), out
        It is taken.
    o : Signal(10 * symbols), out
        Word of a codeword.
    o_valid : Signal(), out
        A word is present.
    o_ready : Signal(), in
        It is taken.
    o_first : Signal(), out
        It is the first of a codeword.
    o_count : Signal(range(symbols + 1)), out
        Symbols in it.

    Raises
    ------
    ValueError
        ``symbols`` is out of range.

    Ref: IEEE Std 802.3-2022 clause 91.5.2.7.
    """

    i: Signal
    i_valid: Signal
    i_ready: Signal
    o: Signal
    o_valid: Signal
    o_ready: Signal
    o_first: Signal
    o_count: Signal

    latency = 1

    def __init__(self, code: Code, symbols: int) -> None:
        """Check the parameters and declare the members."""
        code.check_symbols(symbols)
        self.code = code
        self.symbols = symbols
        super().__init__(
            {
                "i": In(BITS * symbols),
                "i_valid": In(1),
                "i_ready": Out(1),
                "o": Out(BITS * symbols),
                "o_valid": Out(1),
                "o_ready": In(1),
                "o_first": Out(1),
                "o_count": Out(range(symbols + 1)),
            }
        )

    def _feedback(self) -> list[list[int]]:
        """Constants from all symbols of a beat but the last to the remainder after them."""
        *low, _ = self.code.generator
        factors = low[::-1]
        rest, columns = factors, []  # x^parity, then x^(parity + 1) ...
        for _ in range(self.symbols - 1):
            columns.append(rest)
            moved = [*rest[1:], 0]
            rest = [r ^ field.multiply(rest[0], g) for r, g in zip(moved, factors, strict=True)]
        columns.reverse()
        return [[column[i] for column in columns] for i in range(self.code.parity)]

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        code, p = self.code, self.symbols
        words, beats, over = code.words(p), code.beats(p), code.k % p

        beat = Signal(range(words))  # of the word that enters next
        advance = Signal()
        enter = Signal()
        accept = Signal()
        first = Signal()
        message = Signal()
        m.d.comb += [
            first.eq(beat == 0),
            message.eq(beat < beats),
            advance.eq(~self.o_valid | self.o_ready),
            self.i_ready.eq(advance & message),
            accept.eq(self.i_ready & self.i_valid),
            enter.eq(advance & (self.i_valid | ~message)),
        ]

        # The beat with its symbols moved to the end of the message.
        aligned = Signal(BITS * p)
        if over:
            late = Signal(BITS * (p - over))
            with m.If(accept):
                m.d.sync += late.eq(Mux(beat == beats - 1, 0, self.i[BITS * over :]))
            m.d.comb += aligned.eq(Cat(late, self.i[: BITS * over]))
        else:
            m.d.comb += aligned.eq(self.i)

        # Remainder so far, first in time first; 0 before the first beat.
        parity = [Signal(BITS, name=f"parity_{i}") for i in range(code.parity)]
        begun = [Signal(BITS, name=f"begun_{i}") for i in range(code.parity)]
        m.d.comb += [b.eq(r & (~first).replicate(BITS)) for b, r in zip(begun, parity, strict=True)]
        symbols = [aligned.word_select(j, BITS) for j in range(p)]
        mixed = [Signal(BITS, name=f"mixed_{j}") for j in range(p - 1)]
        for j, f in enumerate(mixed):
            m.d.comb += f.eq(symbols[j] ^ begun[j] if j < code.parity else symbols[j])
        ahead = combine(m, mixed, self._feedback(), "feedback")
        ahead = [
            a ^ begun[i + p - 1] if i + p - 1 < code.parity else a for i, a in enumerate(ahead)
        ]
        last = Signal(BITS)
        m.d.comb += last.eq(symbols[-1] ^ ahead[0])
        *low, _ = code.generator
        new = spread(m, last, low[::-1], "last")
        with m.If(accept):
            for i, (r, n) in enumerate(zip(parity, new, strict=True)):
                m.d.sync += r.eq(n ^ ahead[i + 1] if i + 1 < code.parity else n)

        held = Signal(BITS * p)
        place = Signal(range(words))
        with m.If(advance):
            m.d.sync += [self.o_valid.eq(enter), place.eq(beat), held.eq(self.i)]
        with m.If(enter):
            m.d.sync += beat.eq(Mux(beat == words - 1, 0, beat + 1))

        m.d.comb += [self.o_first.eq(place == 0), self.o.eq(held), self.o_count.eq(p)]
        with m.Switch(place):
            start = 0
            for word in range(beats - bool(over), words):
                head = held[: BITS * over] if word == beats - 1 else Const(0, 0)
                room = p - len(head) // BITS
                tail = parity[start : start + room]
                start += room
                with m.Case(word):
                    m.d.comb += self.o.eq(Cat(head, *tail))
                    if word == words - 1 and code.n % p:
                        m.d.comb += self.o_count.eq(code.n % p)
        return m
