"""Rows of a lane with FEC: descrambler, markers and decoders behind the Reed-Solomon decoder.

Ref: IEEE Std 802.3-2022 clauses 119.2.5.5 to 119.2.5.8.
"""

from collections.abc import Iterable, Iterator

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs import block, fec_marker, transcoder, wide_scrambler
from lightloom.rtl.pcs.block import Kind

__all__ = ["FecRows", "rows"]

BLOCKS = transcoder.BLOCKS
BITS = transcoder.BITS


def rows(
    received: Iterable[tuple[int, bool, bool]], state: int = 0
) -> Iterator[tuple[list[Kind], list[int]]]:
    """Golden model of `FecRows`: kinds and data of (block, first of its group, failed)."""
    doubtful = True
    for item, first, failed in received:
        word = fec_marker.decode(item)
        if first and not failed and word is not None:
            yield [Kind.MARKER] * BLOCKS, [word, 0, 0, 0]
            continue
        plain, state = wide_scrambler.descramble(item, state, BITS)
        pairs = [block.decode(*pair) for pair in transcoder.decode(plain)]
        kinds = [Kind.ERROR if kind == Kind.MARKER else kind for kind, _ in pairs]
        yield [Kind.ERROR] * BLOCKS if failed or doubtful else kinds, [d for _, d in pairs]
        doubtful = failed


class FecRows(wiring.Component):
    """Blocks of 257 bits to rows.

    The first block of a group that is exactly a `fec_marker` becomes a MARKER row and passes the
    descrambler by. All other blocks are descrambled, transcoded and decoded. A row is all ERROR
    when its block comes from a group with an uncorrectable codeword, and also when the block before
    it did, markers left aside: the descrambler then holds wrong bits. So it is after reset. A
    marker block of 66 bits in another row is an ERROR.

    Latency: `latency` clocks. Throughput: a row a clock, no back-pressure. Reset: ``valid`` low.

    Members
    -------
    i : Signal(257), in
        Block, with ``i_valid``.
    i_valid : Signal(), in
        A block is present.
    i_first : Signal(), in
        It is the first of a group.
    i_failed : Signal(), in
        Its group is not to be trusted.
    restart : Signal(), in
        As after reset; what is in the pipeline is not shown.
    kinds, data : Signal(16), Signal(256), out
        Row, block 0 in the low bits, as `block.Decoder` gives it. MARKER: all four kinds, marker
        word in the low 32 bits of ``data``, the rest 0.
    valid : Signal(), out
        A row is present.
    invalid : Signal(), out
        It is trusted and has the header of an invalid group of blocks.
    """

    i: Signal
    i_valid: Signal
    i_first: Signal
    i_failed: Signal
    restart: Signal
    kinds: Signal
    data: Signal
    valid: Signal
    invalid: Signal

    latency = 2
    """Clocks from a block to its row."""

    def __init__(self) -> None:
        """Declare the members."""
        super().__init__(
            {
                "i": In(BITS),
                "i_valid": In(1),
                "i_first": In(1),
                "i_failed": In(1),
                "restart": In(1),
                "kinds": Out(4 * BLOCKS),
                "data": Out(64 * BLOCKS),
                "valid": Out(1),
                "invalid": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        descrambler = m.submodules.descrambler = wide_scrambler.Descrambler(width=BITS)
        transcode = m.submodules.transcoder = transcoder.Decoder()

        # Stage 1: plain blocks and markers.
        good, word = fec_marker.good(self.i)
        is_marker = Signal()
        doubtful = Signal(init=1)
        plain = Signal(BITS)
        marker = Signal()
        failed = Signal()
        present = Signal()
        m.d.comb += [
            is_marker.eq(self.i_first & ~self.i_failed & good),
            descrambler.i.eq(self.i),
            descrambler.enable.eq(self.i_valid & ~is_marker),
        ]
        m.d.sync += present.eq(self.i_valid & ~self.restart)
        with m.If(self.i_valid):
            m.d.sync += [
                plain.eq(Mux(is_marker, word, descrambler.o)),
                marker.eq(is_marker),
                failed.eq(~is_marker & (self.i_failed | doubtful)),
            ]
        with m.If(self.restart):
            m.d.sync += doubtful.eq(1)
        with m.Elif(self.i_valid & ~is_marker):
            m.d.sync += doubtful.eq(self.i_failed)

        # Stage 2: rows.
        m.d.comb += transcode.i.eq(plain)
        kinds, data = [], []
        for n in range(BLOCKS):
            decoder = m.submodules[f"block_{n}"] = block.Decoder()
            m.d.comb += [
                decoder.header.eq(transcode.headers.word_select(n, 2)),
                decoder.payload.eq(transcode.payloads.word_select(n, 64)),
            ]
            wrong = failed | (decoder.kind == Kind.MARKER)
            kinds.append(Mux(marker, Kind.MARKER, Mux(wrong, Kind.ERROR, decoder.kind)))
            data.append(Mux(marker, plain[:32] if n == 0 else 0, decoder.data))
        m.d.sync += [
            self.valid.eq(present & ~self.restart),
            self.invalid.eq(present & ~self.restart & transcode.invalid & ~marker & ~failed),
        ]
        with m.If(present):
            m.d.sync += [self.kinds.eq(Cat(k[:4] for k in kinds)), self.data.eq(Cat(data))]
        return m
