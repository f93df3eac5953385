"""Reed-Solomon decoder, any number of symbols a clock."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec.codes import Code
from lightloom.rtl.fec.field import BITS
from lightloom.rtl.fec.key_equation import KeyEquation
from lightloom.rtl.fec.search import Search
from lightloom.rtl.fec.syndromes import Syndromes
from lightloom.rtl.popcount import popcount

__all__ = ["Decoder"]


class Decoder(wiring.Component):
    """Received words to corrected words, ``symbols`` symbols a clock.

    A codeword with at most t symbol errors is corrected. One with more is recognized as
    uncorrectable, but for the few that look like another codeword with at most t errors (at most
    one in t factorial); its symbols are then not those that were received where the search found
    errors. When ``symbols`` does not divide n, the last word of a codeword holds ``n % symbols``
    symbols; the rest of it is ignored and leaves as 0.

    Latency: `latency` clocks from the first word of a codeword to its first word at ``o``, when the
    words come in every clock; else a codeword leaves, without a gap, ``latency - words + 1`` clocks
    after its last word. Throughput: a word a clock, codewords without a gap; as many solvers of the
    key equation work in turn as that takes. There is no back-pressure. Reset: no codeword, waits
    for ``i_first``.

    Parameters
    ----------
    code : Code
        The code.
    symbols : int
        Symbols a clock, 1 to 68, at most k, and at least 4 words a codeword.
    hold : bool
        Keep a codeword until it is decoded, so that ``o_failed`` holds for all its words. Else
        ``o_failed`` is valid with ``o_last`` only. Costs ``words - 1`` clocks.

    Members
    -------
    i : Signal(10 * symbols), in
        Received word, first symbol in time in the low bits.
    i_valid : Signal(), in
        A word is present.
    i_first : Signal(), in
        It is the first of a codeword. A codeword that was not complete is forgotten. Without
        ``i_first``, the word after the last of a codeword is the first of the next.
    bypass : Signal(), in
        Correct nothing, and call each codeword with errors failed. Counts for the codewords that
        leave `search_latency` clocks later.
    o : Signal(10 * symbols), out
        Corrected word.
    o_valid : Signal(), out
        A word is present.
    o_first, o_last : Signal(), out
        It is the first, the last of its codeword.
    o_failed : Signal(), out
        The codeword is uncorrectable, or has errors that are bypassed.
    o_errors : Signal(range(t + 1)), out
        Symbols corrected in the codeword, 0 where it failed; valid with ``o_last``.
    corrected, uncorrectable : Signal(), out
        Pulses with ``o_last``: a codeword that was corrected, that failed.

    Raises
    ------
    ValueError
        ``symbols`` is out of range.

    Ref: IEEE Std 802.3-2022 clause 91.5.3.3.
    """

    i: Signal
    i_valid: Signal
    i_first: Signal
    bypass: Signal
    o: Signal
    o_valid: Signal
    o_first: Signal
    o_last: Signal
    o_failed: Signal
    o_errors: Signal
    corrected: Signal
    uncorrectable: Signal

    def __init__(self, code: Code, symbols: int, *, hold: bool = False) -> None:
        """Check the parameters and declare the members."""
        code.check_symbols(symbols)
        words = code.words(symbols)
        if words < 4:
            most = -(-code.n // 3) - 1
            raise ValueError(f"symbols = {symbols}; allowed: 1 to {most}, 4 words a codeword")
        self.code = code
        self.symbols = symbols
        self.hold = hold
        self.words = words
        self.search_latency = Search.latency + (words if hold else 1)
        """Clocks from the solution of the key equation to the first word at ``o``."""
        self.latency = words - 1 + Syndromes.latency + code.parity + 1 + self.search_latency
        self.solvers = -(-(code.parity + 1) // words)
        super().__init__(
            {
                "i": In(BITS * symbols),
                "i_valid": In(1),
                "i_first": In(1),
                "bypass": In(1),
                "o": Out(BITS * symbols),
                "o_valid": Out(1),
                "o_first": Out(1),
                "o_last": Out(1),
                "o_failed": Out(1),
                "o_errors": Out(range(code.t + 1)),
                "corrected": Out(1),
                "uncorrectable": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        code, p, words = self.code, self.symbols, self.words
        width = BITS * p
        syndromes = m.submodules.syndromes = Syndromes(code, p)
        search = m.submodules.search = Search(code, p)
        stored = self._frame(m, syndromes, search)
        errors, excess = self._solve(m, syndromes, search)

        # What is known of the codeword that the search works at, then of that which leaves it.
        bypass = Signal()
        expected, expected_1 = Signal.like(errors), Signal.like(errors)
        beyond, beyond_1 = Signal(), Signal()
        bypass_1 = Signal()
        with m.If(search.start):
            m.d.sync += [expected.eq(errors), beyond.eq(excess), bypass.eq(self.bypass)]
        with m.If(search.ahead_first & search.ahead):
            m.d.sync += [expected_1.eq(expected), beyond_1.eq(beyond), bypass_1.eq(bypass)]

        found = Signal(range(words * p + 1))
        total = Signal(range(words * p + 1))
        m.d.comb += total.eq(Mux(search.first, 0, found) + popcount(m, search.found, name="found"))
        m.d.sync += found.eq(total)
        failed = Signal()
        m.d.comb += failed.eq(beyond_1 | Mux(bypass_1, expected_1 != 0, total != expected_1))
        mask = (~bypass_1 & ~beyond_1).replicate(width)
        word = Signal(width)
        m.d.comb += word.eq(stored ^ (search.errors & mask))

        end = search.valid & search.last
        ended = Signal()
        status = Signal()
        count = Signal.like(self.o_errors)
        m.d.sync += ended.eq(end)
        with m.If(end):
            m.d.sync += [status.eq(failed), count.eq(Mux(failed, 0, expected_1))]
        if self.hold:
            self._hold(m, search, word)
            m.d.comb += self.o_failed.eq(self.o_valid & status)
        else:
            m.d.sync += [
                self.o.eq(word),
                self.o_valid.eq(search.valid),
                self.o_first.eq(search.valid & search.first),
                self.o_last.eq(end),
            ]
            m.d.comb += self.o_failed.eq(ended & status)
        m.d.comb += [
            self.o_errors.eq(count),
            self.uncorrectable.eq(self.o_last & status),
            self.corrected.eq(self.o_last & (count != 0)),
        ]
        return m

    def _frame(self, m: Module, syndromes: Syndromes, search: Search) -> Value:
        """Count words, store them until the search has their errors."""
        code, p, words = self.code, self.symbols, self.words
        depth = self.latency - (words - 1 if self.hold else 0)
        memory = m.submodules.memory = Memory(shape=BITS * p, depth=depth, init=[])
        write = memory.write_port()
        read = memory.read_port()

        def after(address: Value) -> Value:
            return Mux(address == depth - 1, 0, address + 1)

        running = Signal()
        count = Signal(range(words))
        index = Signal(range(words))
        take = Signal()
        last = Signal()
        begin = Signal(range(depth))  # address of the first word of this codeword
        here = Signal(range(depth))
        received = Signal(BITS * p)
        m.d.comb += [
            take.eq(self.i_valid & (self.i_first | running)),
            index.eq(Mux(self.i_first, 0, count)),
            last.eq(index == words - 1),
            received.eq(self.i),
            write.addr.eq(Mux(self.i_first, begin, here)),
            write.data.eq(received),
            write.en.eq(take),
            syndromes.i.eq(received),
            syndromes.i_valid.eq(take),
            syndromes.first.eq(index == 0),
            syndromes.last.eq(last),
        ]
        if code.n % p:
            with m.If(last):
                m.d.comb += received[BITS * (code.n % p) :].eq(0)
        with m.If(take):
            m.d.sync += [
                running.eq(1),
                count.eq(Mux(last, 0, index + 1)),
                here.eq(after(write.addr)),
            ]
            with m.If(last):
                m.d.sync += begin.eq(after(write.addr))
        m.d.comb += read.en.eq(search.ahead)
        with m.If(search.ahead):
            m.d.sync += read.addr.eq(after(read.addr))
        return read.data

    def _solve(self, m: Module, syndromes: Syndromes, search: Search) -> tuple[Signal, Signal]:
        """Give syndromes to the solvers in turn, and their results to the search."""
        errors = Signal(range(self.code.t + 1))
        excess = Signal()
        turn = Signal(range(max(self.solvers, 2)))
        if self.solvers > 1:
            with m.If(syndromes.done):
                m.d.sync += turn.eq(Mux(turn == self.solvers - 1, 0, turn + 1))
        for n in range(self.solvers):
            solver = KeyEquation(self.code)
            m.submodules[f"solver_{n}"] = solver
            m.d.comb += [
                solver.s.eq(syndromes.s),
                solver.start.eq(syndromes.done & (turn == n)),
            ]
            # One solver is done at a time.
            with m.If(solver.done):
                m.d.comb += [
                    search.start.eq(1),
                    search.locator.eq(solver.locator),
                    search.evaluator.eq(solver.evaluator),
                    errors.eq(solver.errors),
                    excess.eq(solver.excess),
                ]
        return errors, excess

    def _hold(self, m: Module, search: Search, word: Signal) -> None:
        """Store a corrected codeword; give it out from the clock after its end."""
        words = self.words
        memory = m.submodules.held = Memory(shape=BITS * self.symbols, depth=words, init=[])
        write = memory.write_port()
        read = memory.read_port()
        place = Signal(range(words))
        at = Signal(range(words))
        reading = Signal()
        left = Signal()
        m.d.comb += [
            write.addr.eq(Mux(search.first, 0, place)),
            write.data.eq(word),
            write.en.eq(search.valid),
            left.eq((search.valid & search.last) | reading),
            read.addr.eq(at),
            read.en.eq(left),
            self.o.eq(read.data),
        ]
        with m.If(search.valid):
            m.d.sync += place.eq(write.addr + 1)
        m.d.sync += [
            self.o_valid.eq(left),
            self.o_first.eq(left & (at == 0)),
            self.o_last.eq(left & (at == words - 1)),
        ]
        with m.If(left):
            m.d.sync += [
                reading.eq(at != words - 1),
                at.eq(Mux(at == words - 1, 0, at + 1)),
            ]
