"""Line coder of one lane for profiles 100g-kp4 and 100g-kr4: rows to line bits.

A row is four blocks, which make one block of 257 bits. A group is ``depth`` interleaved codewords,
20 rows each. The line carries groups and nothing else:

    4 x 66 bits -> 257 bits, scrambled, or an alignment marker -> codewords -> line bits

Ref: IEEE Std 802.3-2022 clause 119.2.4 (order of the stages) and 91.5.2.7 (the codes).
"""

from collections.abc import Iterable, Iterator, Sequence

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec import model
from lightloom.rtl.fec.codes import Code
from lightloom.rtl.fec.encoder import Encoder as FecEncoder
from lightloom.rtl.pcs import block, fec_marker, transcoder, wide_scrambler
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.scrambler import STATE_BITS
from lightloom.rtl.pcs.wide_gearbox import WideGearbox

__all__ = ["FecTx", "group_rows", "line", "symbols_per_clock"]

BLOCKS = transcoder.BLOCKS
BITS = transcoder.BITS
SYMBOL = 10

_WIDTHS = (8, 16, 32, 64, 128, 256)
_DEPTHS = (1, 2, 4)


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
        super().__init__(
            {
                "kinds": In(4 * BLOCKS),
                "data": In(64 * BLOCKS),
                "marker": In(32),
                "seed": In(STATE_BITS),
                "run": In(1),
                "slot": Out(1),
                "word": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        rows = group_rows(self.code, self.depth)
        width = SYMBOL * self.symbols
        scrambler = m.submodules.scrambler = wide_scrambler.Scrambler(width=BITS)
        messages = m.submodules.messages = WideGearbox(
            i_width=BITS, o_width=width, group=BITS * rows
        )
        # Each codeword of a group takes every `depth`-th symbol; the encoders go in step.
        share = self.symbols // self.depth
        encoders = [FecEncoder(self.code, share) for _ in range(self.depth)]
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
            messages.o.ready.eq(encoders[0].i_ready),
            words.w_data.eq(
                Cat(
                    encoder.o.word_select(place, SYMBOL)
                    for place in range(share)
                    for encoder in encoders
                )
            ),
            words.w_en.eq(encoders[0].o_valid),
            line.i.payload.eq(words.r_data),
            line.i.valid.eq(words.r_rdy),
            words.r_en.eq(line.i.ready),
            line.o.ready.eq(self.run & flows),
        ]
        for n, encoder in enumerate(encoders):
            m.submodules[f"encoder_{n}"] = encoder
            symbols = [messages.o.payload.word_select(k, SYMBOL) for k in range(self.symbols)]
            m.d.comb += [
                encoder.i.eq(Cat(symbols[n :: self.depth])),
                encoder.i_valid.eq(messages.o.valid),
                encoder.o_ready.eq(words.w_rdy),
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
