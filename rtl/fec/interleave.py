"""Codewords interleaved symbol by symbol."""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec.codes import Code
from lightloom.rtl.fec.decoder import Decoder
from lightloom.rtl.fec.encoder import Encoder
from lightloom.rtl.fec.field import BITS

__all__ = ["InterleavedDecoder", "InterleavedEncoder", "deal", "gather"]


def _check(symbols: int, depth: int) -> None:
    if depth not in (1, 2, 4):
        raise ValueError(f"depth = {depth}; allowed: 1, 2, 4")
    if symbols % depth:
        raise ValueError(f"symbols = {symbols}; allowed: multiples of depth = {depth}")


def deal(word: Value, depth: int) -> list[Value]:
    """Symbols of `word` for each of `depth` codewords: symbol j belongs to codeword j % depth."""
    symbols = len(word) // BITS
    return [
        Cat(*(word.word_select(j, BITS) for j in range(lane, symbols, depth)))
        for lane in range(depth)
    ]


def gather(parts: list[Value]) -> Value:
    """Undo `deal`."""
    each = len(parts[0]) // BITS
    return Cat(*(part.word_select(j, BITS) for j in range(each) for part in parts))


class InterleavedEncoder(wiring.Component):
    """Messages to ``depth`` codewords side by side: symbol j belongs to codeword ``j % depth``.

    An `Encoder` of ``symbols / depth`` symbols for each codeword. The symbols of a beat are dealt
    to the messages in the same way, so a beat that ends the messages holds ``depth * k % symbols``
    symbols when that is not 0. Latency, throughput, reset, back-pressure and members as of
    `Encoder`, with codewords of ``depth * n`` symbols.

    Parameters
    ----------
    code : Code
        The code.
    symbols : int
        Symbols a clock, a multiple of ``depth``; 1 to 68 for each codeword.
    depth : int
        Codewords: 1, 2 or 4.

    Raises
    ------
    ValueError
        A parameter is out of range.

    Ref: IEEE Std 802.3-2022 clause 119.2.4.7 (two codewords).
    """

    i: Signal
    i_valid: Signal
    i_ready: Signal
    o: Signal
    o_valid: Signal
    o_ready: Signal
    o_first: Signal
    o_count: Signal

    latency = Encoder.latency

    def __init__(self, code: Code, symbols: int, depth: int) -> None:
        """Check the parameters and declare the members."""
        _check(symbols, depth)
        code.check_symbols(symbols // depth)
        self.code = code
        self.symbols = symbols
        self.depth = depth
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

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        encoders = [Encoder(self.code, self.symbols // self.depth) for _ in range(self.depth)]
        for n, (encoder, part) in enumerate(zip(encoders, deal(self.i, self.depth), strict=True)):
            m.submodules[f"encoder_{n}"] = encoder
            m.d.comb += [
                encoder.i.eq(part),
                encoder.i_valid.eq(self.i_valid),
                encoder.o_ready.eq(self.o_ready),
            ]
        # All move together.
        one = encoders[0]
        m.d.comb += [
            self.i_ready.eq(one.i_ready),
            self.o.eq(gather([encoder.o for encoder in encoders])),
            self.o_valid.eq(one.o_valid),
            self.o_first.eq(one.o_first),
            self.o_count.eq(one.o_count * self.depth),
        ]
        return m


class InterleavedDecoder(wiring.Component):
    """Received words to corrected words of ``depth`` codewords side by side.

    A `Decoder` of ``symbols / depth`` symbols for each codeword. Latency, throughput, reset and
    members as of `Decoder`, but those that tell of single codewords: where one codeword fails, the
    blocks of all are in doubt, so ``o_failed`` is that of any.

    Parameters
    ----------
    code : Code
        The code.
    symbols : int
        Symbols a clock, a multiple of ``depth``; 1 to 68 for each codeword.
    depth : int
        Codewords: 1, 2 or 4.
    hold : bool
        As of `Decoder`.

    Members
    -------
    o_errors : Signal(depth * e), out
        Symbols corrected, e bits for each codeword, that of symbol 0 in the low bits.
    corrected, uncorrectable : Signal(depth), out
        Codewords that were corrected, that failed.

    Raises
    ------
    ValueError
        A parameter is out of range.

    Ref: IEEE Std 802.3-2022 clause 119.2.5.3.
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

    def __init__(self, code: Code, symbols: int, depth: int, *, hold: bool = False) -> None:
        """Check the parameters and declare the members."""
        _check(symbols, depth)
        self.code = code
        self.symbols = symbols
        self.depth = depth
        self.hold = hold
        self._decoders = [Decoder(code, symbols // depth, hold=hold) for _ in range(depth)]
        self.words = self._decoders[0].words
        self.latency = self._decoders[0].latency
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
                "o_errors": Out(depth * len(self._decoders[0].o_errors)),
                "corrected": Out(depth),
                "uncorrectable": Out(depth),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        decoders = self._decoders
        for n, (decoder, part) in enumerate(zip(decoders, deal(self.i, self.depth), strict=True)):
            m.submodules[f"decoder_{n}"] = decoder
            m.d.comb += [
                decoder.i.eq(part),
                decoder.i_valid.eq(self.i_valid),
                decoder.i_first.eq(self.i_first),
                decoder.bypass.eq(self.bypass),
            ]
        one = decoders[0]
        m.d.comb += [
            self.o.eq(gather([decoder.o for decoder in decoders])),
            self.o_valid.eq(one.o_valid),
            self.o_first.eq(one.o_first),
            self.o_last.eq(one.o_last),
            self.o_failed.eq(Cat(*(decoder.o_failed for decoder in decoders)).any()),
            self.o_errors.eq(Cat(*(decoder.o_errors for decoder in decoders))),
            self.corrected.eq(Cat(*(decoder.corrected for decoder in decoders))),
            self.uncorrectable.eq(Cat(*(decoder.uncorrectable for decoder in decoders))),
        ]
        return m
