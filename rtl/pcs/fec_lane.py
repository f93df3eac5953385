"""Line coder of one lane for profiles 100g-kp4 and 100g-kr4: rows to line bits and back.

A row is four blocks, which make one block of 257 bits. A group is ``depth`` interleaved codewords,
20 rows each. The line carries groups and nothing else:

    4 x 66 bits -> 257 bits, scrambled, or an alignment marker -> codewords -> line bits

Ref: IEEE Std 802.3-2022 clause 119.2.4 (order of the stages) and 91.5.2.7 (the codes).
"""

from collections.abc import Iterable, Iterator, Sequence

from amaranth import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec import model
from lightloom.rtl.fec.codes import Code
from lightloom.rtl.fec.interleave import InterleavedDecoder, InterleavedEncoder
from lightloom.rtl.pcs import block, fec_marker, seam, transcoder, wide_scrambler
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.codeword_lock import CodewordLock
from lightloom.rtl.pcs.fec_rows import FecRows
from lightloom.rtl.pcs.wide_gearbox import WideGearbox

__all__ = ["FAILED_TO_LOSE", "FecRx", "FecTx", "group_rows", "line", "symbols_per_clock"]

BLOCKS = transcoder.BLOCKS
BITS = transcoder.BITS
SYMBOL = 10

_WIDTHS = (8, 16, 32, 64, 128, 256)
_DEPTHS = (1, 2, 4)

FAILED_TO_LOSE = 3
"""Uncorrectable codewords in a row that lose lock."""


def _check(bits: int, depth: int) -> None:
    if bits not in _WIDTHS:
        raise ValueError(f"bits = {bits}; allowed: {', '.join(map(str, _WIDTHS))}")
    if depth not in _DEPTHS:
        raise ValueError(f"depth = {depth}; allowed: {', '.join(map(str, _DEPTHS))}")


def group_rows(code: Code, depth: int) -> int:
    """Rows of a group."""
    return depth * code.k * SYMBOL // BITS


def symbols_per_clock(code: Code, bits: int, depth: int) -> int:
    """Symbols a clock of the Reed-Solomon coders for line words of `bits` bits.

    The smallest number, at least two, that holds a line word and of which every codeword of a group
    takes an equal share that divides its length.
    """
    _check(bits, depth)
    shares = (n for n in range(1, code.n + 1) if code.n % n == 0)
    return next(
        n * depth for n in shares if SYMBOL * n * depth >= bits and n * depth >= 2
    )


def line(
    rows: Iterable[tuple[Sequence[int], Sequence[int], int]], code: Code, depth: int, state: int
) -> Iterator[int]:
    """Golden model of `FecTx`: symbols of the line for rows of (kinds, data, marker word).

    `state` is the scrambler's; rows that do not fill a group are not sent.
    """
    per = group_rows(code, depth)
    group = 0
    for n, (kinds, data, marker) in enumerate(rows):
        if n % per == 0 and kinds[0] == Kind.MARKER:
            item = fec_marker.encode(marker)
        else:
            shown = [Kind.ERROR if kind == Kind.MARKER else Kind(kind) for kind in kinds]
            pairs = [block.encode(kind, value) for kind, value in zip(shown, data, strict=True)]
            item, state = wide_scrambler.scramble(transcoder.encode(pairs), state, BITS)
        group |= item << BITS * (n % per)
        if n % per == per - 1:
            symbols = [group >> SYMBOL * k & 0x3FF for k in range(depth * code.k)]
            codewords = [model.encode(code, symbols[k::depth]) for k in range(depth)]
            yield from (symbol for share in zip(*codewords, strict=True) for symbol in share)
            group = 0


class FecTx(wiring.Component):
    """Block encoders, transcoder, scrambler, alignment markers, Reed-Solomon encoder and gearbox.

    A row whose ``kinds`` are MARKER is sent as `fec_marker` when it is the first of a group, which
    the first row after reset is; the scrambler stands still meanwhile. In any other row of a group
    MARKER is sent as an error block, so markers must come in a distance of whole groups, at most
    `codeword_lock.MOST_GROUPS`.

    Coders that are reset together have ``slot`` together: it depends on ``run`` in earlier clocks
    only. Throughput: a group in as many ``run`` clocks as its line bits take, without a gap.
    Latency: with ``run`` high the first bit of the first row is at ``word`` `latency` clocks after
    its ``slot`` clock; ``word`` is 0 until then. Reset: the scrambler takes ``seed`` in the first
    clock.

    Parameters
    ----------
    code : Code
        Reed-Solomon code, `KP4` or `KR4`.
    bits : int
        Line bits a clock: 8, 16, 32, 64, 128 or 256.
    depth : int
        Interleaved codewords: 1, 2 or 4.

    Members
    -------
    kinds, data : Signal(16), Signal(256), in
        Blocks as `block.Encoder` takes them, block 0 in the low bits, used in a ``slot`` clock.
    marker : Signal(32), in
        Marker word, used with a MARKER row.
    seed : Signal(58), in
        Scrambler state to start from.
    run : Signal(), in
        The line side moves.
    slot : Signal(), out
        A row is taken in this clock.
    word : Signal(bits), out
        Line bits, bit 0 first, new after each ``run`` clock.

    Raises
    ------
    ValueError
        A parameter is not allowed.

    Ref: IEEE Std 802.3-2022 clauses 119.2.4 and 91.5.2.
    """

    kinds: Signal
    data: Signal
    marker: Signal
    seed: Signal
    run: Signal
    slot: Signal
    word: Signal

    blocks = BLOCKS
    """Blocks a row."""
    latency = 10
    """Clocks from the first row to its first line bits at `word`."""

    def __init__(self, code: Code, bits: int, depth: int = 1) -> None:
        """Check the parameters and declare the members."""
        self.symbols = symbols_per_clock(code, bits, depth)
        self.code = code
        self.bits = bits
        self.depth = depth
        super().__init__(seam.transmit(BLOCKS, bits))

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        rows = group_rows(self.code, self.depth)
        width = SYMBOL * self.symbols
        scrambler = m.submodules.scrambler = wide_scrambler.Scrambler(width=BITS)
        messages = m.submodules.messages = WideGearbox(
            i_width=BITS, o_width=width, group=BITS * rows
        )
        encoder = m.submodules.encoder = InterleavedEncoder(self.code, self.symbols, self.depth)
        # The buffer keeps the line fed while rows come a little late, and `slot` apart from `run`.
        words = m.submodules.words = fifo.SyncFIFO(width=width, depth=2)
        line = m.submodules.line = WideGearbox(i_width=width, o_width=self.bits)

        # Stage 1: block of 257 bits. Stage 2: scrambled.
        coded = Signal(BITS)
        coded_marker = Signal()
        coded_valid = Signal()
        scrambled = Signal(BITS)
        scrambled_valid = Signal()
        move = Signal()
        m.d.comb += [
            move.eq(~scrambled_valid | messages.i.ready),
            self.slot.eq(~coded_valid | move),
        ]
        self._code_row(m, rows, coded, coded_marker)
        with m.If(self.slot):
            m.d.sync += coded_valid.eq(1)
        with m.If(move):
            m.d.sync += [
                scrambled.eq(Mux(coded_marker, coded, scrambler.o)),
                scrambled_valid.eq(coded_valid),
            ]

        started = Signal(range(self.latency))
        with m.If(started != self.latency - 1):
            m.d.sync += started.eq(started + 1)
        flows = started == self.latency - 1
        m.d.comb += [
            scrambler.i.eq(coded),
            scrambler.enable.eq(move & coded_valid & ~coded_marker),
            scrambler.load.eq(started == 0),
            scrambler.seed.eq(self.seed),
            messages.i.payload.eq(scrambled),
            messages.i.valid.eq(scrambled_valid),
            encoder.i.eq(messages.o.payload),
            encoder.i_valid.eq(messages.o.valid),
            messages.o.ready.eq(encoder.i_ready),
            words.w_data.eq(encoder.o),
            words.w_en.eq(encoder.o_valid),
            encoder.o_ready.eq(words.w_rdy),
            line.i.payload.eq(words.r_data),
            line.i.valid.eq(words.r_rdy),
            words.r_en.eq(line.i.ready),
            line.o.ready.eq(self.run & flows),
        ]
        with m.If(line.o.ready):
            m.d.sync += self.word.eq(line.o.payload)
        return m

    def _code_row(self, m: Module, rows: int, coded: Signal, coded_marker: Signal) -> None:
        """Encode the row at the input, or the marker, into a block of 257 bits."""
        row = Signal(range(rows))
        transcode = m.submodules.transcoder = transcoder.Encoder()
        headers, payloads = [], []
        for n in range(BLOCKS):
            encoder = m.submodules[f"block_{n}"] = block.Encoder()
            kind = self.kinds.word_select(n, 4)
            m.d.comb += [
                encoder.kind.eq(Mux(kind == Kind.MARKER, Kind.ERROR, kind)),
                encoder.data.eq(self.data.word_select(n, 64)),
            ]
            headers.append(encoder.header)
            payloads.append(encoder.payload)
        marker = Signal()
        m.d.comb += [
            transcode.headers.eq(Cat(headers)),
            transcode.payloads.eq(Cat(payloads)),
            marker.eq((self.kinds[:4] == Kind.MARKER) & (row == 0)),
        ]
        with m.If(self.slot):
            m.d.sync += row.eq(Mux(row == rows - 1, 0, row + 1))
            m.d.sync += coded_marker.eq(marker)
            m.d.sync += coded.eq(Mux(marker, fec_marker.marker(self.marker), transcode.o))


class FecRx(wiring.Component):
    """Codeword lock, Reed-Solomon decoders, descrambler, transcoder and block decoders.

    Rows appear with ``valid`` while `CodewordLock` holds; they may begin in the middle of a group.
    All rows of a group with a codeword that is uncorrectable are ERROR, and the first scrambled row
    after it, as `FecRows` says. Lock is lost with bad markers, with low ``run``, and, unless
    ``bypass`` is high, when the codeword at one place of a group is uncorrectable in
    `FAILED_TO_LOSE` groups in a row. What is in the decoders then is dropped.

    Throughput: a word a clock, no back-pressure. Latency: the first row of a group appears
    `latency` clocks after the word with the group's last bit or, at some offsets, after the next
    word; the other rows follow as their symbols leave the decoders. ``locked`` comes with the
    second marker, long before its row. Reset: not locked.

    Parameters
    ----------
    code : Code
        Reed-Solomon code, `KP4` or `KR4`.
    bits : int
        Line bits a clock: 8, 16, 32, 64, 128 or 256.
    depth : int
        Interleaved codewords: 1, 2 or 4.

    Members
    -------
    i : Signal(bits), in
        Line bits, bit 0 first, used with ``i_valid``.
    i_valid : Signal(), in
        A word is present.
    run : Signal(), in
        Look for markers; low gives up lock.
    bypass : Signal(), in
        Correct nothing, and take each codeword with errors for uncorrectable.
    locked : Signal(), out
        Codeword lock.
    kinds, data : Signal(16), Signal(256), out
        Row as `FecRows` gives it, with ``valid``.
    valid : Signal(), out
        A row is present and lock is held.
    header_errors : Signal(2), out
        Bad markers and bad headers of blocks of 257 bits seen in this clock, while locked.
    codeword : Signal(), out
        Pulse: a codeword left its decoder while locked. Those of a group come one a clock.
    corrected, uncorrectable : Signal(), out
        With ``codeword``: errors in it were corrected, could not be.
    symbol_errors : Signal(range(code.t + 1)), out
        With ``codeword``: symbols corrected in it, else 0. A `fec.monitor.Monitor` of depth 1 takes
        ``codeword``, this and ``uncorrectable``.

    Raises
    ------
    ValueError
        A parameter is not allowed.

    Ref: IEEE Std 802.3-2022 clauses 119.2.5 and 91.5.3.
    """

    i: Signal
    i_valid: Signal
    run: Signal
    bypass: Signal
    locked: Signal
    kinds: Signal
    data: Signal
    valid: Signal
    header_errors: Signal
    codeword: Signal
    corrected: Signal
    uncorrectable: Signal
    symbol_errors: Signal

    blocks = BLOCKS
    """Blocks a row."""

    def __init__(self, code: Code, bits: int, depth: int = 1) -> None:
        """Check the parameters and declare the members."""
        self.symbols = symbols_per_clock(code, bits, depth)
        self.code = code
        self.bits = bits
        self.depth = depth
        width = SYMBOL * self.symbols
        decoder = self._decoder = InterleavedDecoder(code, self.symbols, depth, hold=True)
        self._buffered = width > BITS
        self.latency = (
            CodewordLock.latency
            + decoder.latency - decoder.words + 1
            + self._buffered + -(-BITS // width)
            + FecRows.latency
        )  # fmt: skip
        """Clocks from the last word of a group to its first row."""
        super().__init__(
            seam.receive(BLOCKS, bits, errors=2)
            | {
                "bypass": In(1),
                "codeword": Out(1),
                "corrected": Out(1),
                "uncorrectable": Out(1),
                "symbol_errors": Out(range(code.t + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        width = SYMBOL * self.symbols
        lock = m.submodules.lock = CodewordLock(
            bits=self.bits, o_width=width, group=SYMBOL * self.code.n * self.depth
        )
        out = m.submodules.rows = FecRows()
        decoder = self._decoder
        clear = Signal()
        m.submodules.decoder = ResetInserter(clear)(decoder)
        m.d.comb += [
            clear.eq(~lock.aligned),
            lock.i.eq(self.i),
            lock.i_valid.eq(self.i_valid),
            lock.run.eq(self.run),
            decoder.i.eq(lock.o),
            decoder.i_valid.eq(lock.o_valid),
            decoder.i_first.eq(lock.o_first),
            decoder.bypass.eq(self.bypass),
            out.restart.eq(clear),
            self.locked.eq(lock.locked),
            self.kinds.eq(out.kinds),
            self.data.eq(out.data),
            self.valid.eq(out.valid & lock.locked),
            self.header_errors.eq(lock.error + (out.invalid & lock.locked)),
        ]
        self._count(m, lock, clear)
        self._unpack(m, clear, out)
        return m

    def _count(self, m: Module, lock: CodewordLock, clear: Signal) -> None:
        """Report codewords one by one, and lose lock with too many that are uncorrectable."""
        decoder = self._decoder
        # Codewords of a group that are not reported yet, the next in the low bits.
        errors = Signal.like(decoder.o_errors)
        corrected = Signal(self.depth)
        failed = Signal(self.depth)
        waiting = Signal(self.depth)
        with m.If(waiting[0] & lock.locked):
            m.d.comb += [
                self.codeword.eq(1),
                self.corrected.eq(corrected[0]),
                self.uncorrectable.eq(failed[0]),
                self.symbol_errors.eq(errors),
            ]
        with m.If(clear):
            m.d.sync += waiting.eq(0)
        with m.Elif(decoder.o_last):
            m.d.sync += [
                waiting.eq(~0),
                errors.eq(decoder.o_errors),
                corrected.eq(decoder.corrected),
                failed.eq(decoder.uncorrectable),
            ]
        with m.Else():
            m.d.sync += [
                waiting.eq(waiting >> 1),
                errors.eq(errors >> len(self.symbol_errors)),
                corrected.eq(corrected >> 1),
                failed.eq(failed >> 1),
            ]
        for n in range(self.depth):
            failures = Signal(range(FAILED_TO_LOSE + 1), name=f"failures_{n}")
            with m.If(~lock.locked | self.bypass):
                m.d.sync += failures.eq(0)
            with m.Elif(decoder.o_last):
                m.d.sync += failures.eq(Mux(decoder.uncorrectable[n], failures + 1, 0))
            with m.If(failures == FAILED_TO_LOSE):
                m.d.comb += lock.restart.eq(1)

    def _unpack(self, m: Module, clear: Signal, out: FecRows) -> None:
        """Messages of the decoders to blocks of 257 bits."""
        width = SYMBOL * self.symbols
        rows = group_rows(self.code, self.depth)
        blocks = m.submodules.blocks = WideGearbox(i_width=width, o_width=BITS, group=BITS * rows)
        decoder = self._decoder

        # Words that are all parity are left out.
        beats = -(-BITS * rows // width)
        index = Signal(range(decoder.words))
        message = Signal()
        m.d.comb += message.eq(decoder.o_valid & (decoder.o_first | (index < beats)))
        with m.If(decoder.o_valid):
            m.d.sync += index.eq(Mux(decoder.o_first, 1, index + 1))

        beat = Cat(decoder.o, decoder.o_failed, decoder.o_first)
        head = Signal(len(beat))
        if self._buffered:
            # The words of a message come one a clock, its rows take longer.
            late = beats - beats * BITS // width
            buffer = fifo.SyncFIFO(width=len(beat), depth=late + 2)
            m.submodules.buffer = ResetInserter(clear)(buffer)
            m.d.comb += [
                buffer.w_data.eq(beat),
                buffer.w_en.eq(message),
                head.eq(buffer.r_data),
                blocks.i.valid.eq(buffer.r_rdy),
                buffer.r_en.eq(blocks.i.ready),
            ]
        else:
            m.d.comb += [head.eq(beat), blocks.i.valid.eq(message)]
        entering = Signal()  # the group that enters the gearbox has failed
        leaving = Signal()  # the group of the row that leaves it has
        m.d.comb += [
            blocks.i.payload.eq(head),
            blocks.o.ready.eq(1),
            blocks.clear.eq(clear),
            out.i.eq(blocks.o.payload),
            out.i_valid.eq(blocks.o.valid),
            out.i_first.eq(blocks.o_first),
            # A group enters when at most one row of the one before it is left.
            out.i_failed.eq(Mux(blocks.o_first, entering, leaving)),
        ]
        with m.If(blocks.i.valid & blocks.i.ready & head[-1]):
            m.d.sync += entering.eq(head[-2])
        with m.If(blocks.o.valid & blocks.o_first):
            m.d.sync += leaving.eq(entering)
