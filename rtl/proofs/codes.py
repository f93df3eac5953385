"""Line codes: what is decoded is what was encoded."""

from functools import partial

from amaranth import Cat, Module, Mux, Signal, Value

from lightloom.rtl.pcs import block, row, transcoder, wide_scrambler
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.row import RowKind
from lightloom.rtl.pma import precoder
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]


def _scrambler(bench: Bench, *, width: int) -> None:
    m = bench.m
    sender = wide_scrambler.Scrambler(width=width)
    receiver = wide_scrambler.Descrambler(width=width)
    inner = bench.add(sender)
    far = bench.add(receiver, driven=("i", "enable"), name="receiver")
    m.d.comb += [receiver.i.eq(sender.o), receiver.enable.eq(sender.enable)]
    bench.assume(~(sender.load & sender.enable))
    joined = Signal()  # a payload passed since the start or the last load
    m.d.sync += joined.eq(~sender.load & (joined | sender.enable))
    bench.check("payload", ~joined | (receiver.o == sender.i))
    bench.invariant("state", ~joined | (internal(inner, "state") == internal(far, "state")))
    bench.cover(joined & sender.enable & (sender.i == 0x0123_4567_89AB_CDEF))


def _block(bench: Bench) -> None:
    m, sender, receiver = bench.m, block.Encoder(), block.Decoder()
    bench.add(sender)
    bench.add(receiver, driven=("header", "payload"), name="receiver")
    m.d.comb += [receiver.header.eq(sender.header), receiver.payload.eq(sender.payload)]
    kind, data = sender.kind, receiver.data
    named = Cat(kind == value for value in Kind).any()
    bench.check("kind", receiver.kind == Mux(named, kind, Kind.ERROR))
    bench.check("data", (kind != Kind.DATA) | (data == sender.data))
    bench.check("marker", (kind != Kind.MARKER) | (data[:32] == sender.marker))
    for count in range(8):
        kept = sender.data & ((1 << 8 * count) - 1)
        bench.check(f"term_{count}", (kind != Kind.TERM0 + count) | (data == kept))
    bench.cover((receiver.kind == Kind.TERM7) & (data[48:56] == 0xFF))
    bench.cover(receiver.kind == Kind.MARKER)


def _block_errors(bench: Bench) -> None:
    m, sender, receiver = bench.m, block.Encoder(), block.Decoder()
    bench.add(sender)
    bench.add(receiver, driven=("header", "payload"), name="receiver")
    flip = bench.free(range(66), "flip")
    line = Cat(sender.header, sender.payload) ^ (1 << flip)
    m.d.comb += Cat(receiver.header, receiver.payload).eq(line)
    bench.assume(flip < 66)
    bench.check("header", (flip >= 2) | (receiver.kind == Kind.ERROR))
    control = (sender.kind != Kind.DATA) & (sender.kind != Kind.START)
    ends = sender.kind >= Kind.TERM0
    body = (flip >= 10) & control & ~ends
    bench.check("body", ~body | (receiver.kind == Kind.ERROR))
    bench.cover(body & (receiver.kind == Kind.ERROR))


def _transcoder(bench: Bench) -> None:
    m, sender, receiver = bench.m, transcoder.Encoder(), transcoder.Decoder()
    bench.add(sender)
    bench.add(receiver, driven=("i",), name="receiver")
    m.d.comb += receiver.i.eq(sender.o)
    types = [
        0x1E, 0x2D, 0x33, 0x4B, 0x55, 0x66, 0x78, 0x87, 0x99, 0xAA, 0xB4, 0xCC, 0xD2, 0xE1, 0xFF,
    ]  # fmt: skip
    controls: list[Value] = []
    for n in range(4):
        header = sender.headers.word_select(n, 2)
        controls.append(header == block.HEADER_CONTROL)
        byte = sender.payloads[64 * n : 64 * n + 8]
        bench.assume(controls[n] | (header == block.HEADER_DATA))
        bench.assume(~controls[n] | Cat(byte == value for value in types).any())
    bench.check("headers", receiver.headers == sender.headers)
    bench.check("payloads", receiver.payloads == sender.payloads)
    bench.check("valid", ~receiver.invalid)
    bench.cover(Cat(controls).all())
    bench.cover(~Cat(controls).any())


def _rows(bench: Bench, *, lanes: int) -> None:
    m, sender, receiver = bench.m, row.Spread(lanes=lanes), row.Gather(lanes=lanes)
    bench.add(sender)
    bench.add(receiver, driven=("kinds",), name="receiver")
    m.d.comb += receiver.kinds.eq(sender.kinds)
    bench.assume(sender.count < 8 * lanes)
    end = sender.kind == RowKind.END
    named = sender.kind <= RowKind.ERROR
    bench.check("kind", receiver.kind == Mux(named, sender.kind, RowKind.ERROR))
    bench.check("count", receiver.count == Mux(end, sender.count, 0))
    bench.cover(end & (receiver.count == 8 * lanes - 1))


def _precoder(bench: Bench, *, width: int, bits: int) -> None:
    m, sender = bench.m, precoder.Encoder(width=width, bits=bits)
    receiver = precoder.Decoder(width=width, bits=bits)
    bench.add(sender, driven=("enable",))
    bench.add(receiver, driven=("i", "enable"), name="receiver")
    m.d.comb += [sender.enable.eq(1), receiver.i.eq(sender.o), receiver.enable.eq(1)]
    sent: Value = sender.i
    for _ in range(sender.LATENCY + receiver.LATENCY):
        sent = bench.past(sent)
    bench.check("symbols", receiver.o == sent)
    bench.cover(receiver.o == (1 << width * bits) - 1)


def _wrong_tap(dut: wide_scrambler.Scrambler, module: Module) -> None:
    with module.If(dut.enable):
        module.d.sync += internal(module, "state").eq(dut.o)


def _term_7_as_6(dut: block.Encoder, module: Module) -> None:
    with module.If(dut.kind == Kind.TERM7):
        module.d.comb += dut.payload[:8].eq(0xE1)


def _both_headers(dut: block.Encoder, module: Module) -> None:
    with module.If(dut.kind == Kind.IDLE):
        module.d.comb += dut.payload[8:].eq(1)


def _nibble_of_another(dut: transcoder.Encoder, module: Module) -> None:
    with module.If(dut.headers == 0b01101010):
        module.d.comb += dut.o[1:5].eq(0b0011)


def _end_as_data(dut: row.Spread, module: Module) -> None:
    with module.If(dut.count == 8):
        module.d.comb += dut.kinds[:4].eq(Kind.IDLE)


def _forgets_the_last_symbol(dut: precoder.Encoder, module: Module) -> None:
    module.d.comb += internal(module, "sent_0")[0].eq(internal(module, "whole_0")[0])


PROOFS = (
    *(
        Proof(
            "wide_scrambler",
            f"round_trip_{width}",
            f"descrambled is scrambled, {width} bits a clock, from the second on after a start or "
            "load",
            partial(_scrambler, width=width),
            _wrong_tap,
            method="induction",
            depth=2,
            assumed="a load is not at the same time as a payload",
        )
        for width in (64, 128)
    ),
    Proof(
        "block_encoder",
        "round_trip",
        "kind, bytes and marker word are decoded as encoded",
        _block,
        _term_7_as_6,
        method="induction",
        depth=1,
    ),
    Proof(
        "block_decoder",
        "bit_errors",
        "a wrong bit in a header, or in the body of an idle, marker or error block, is an error",
        _block_errors,
        _both_headers,
        method="induction",
        depth=1,
    ),
    Proof(
        "transcoder",
        "round_trip",
        "256b/257b gives back headers and payloads of every mix of data and control blocks",
        _transcoder,
        _nibble_of_another,
        method="induction",
        depth=1,
        assumed="block types are those of clause 49",
    ),
    *(
        Proof(
            "row",
            f"round_trip_{lanes}",
            f"row kind and byte count survive the block kinds of {lanes} lanes",
            partial(_rows, lanes=lanes),
            _end_as_data,
            method="induction",
            depth=1,
        )
        for lanes in (2, 8)
    ),
    *(
        Proof(
            "precoder",
            f"round_trip_{name}_{width}",
            f"decoded is what was precoded, {width} {name} symbols a clock",
            partial(_precoder, width=width, bits=bits),
            _forgets_the_last_symbol,
        )
        for width, name, bits in ((8, "nrz", 1), (8, "pam4", 2), (16, "pam4", 2))
    ),
)
