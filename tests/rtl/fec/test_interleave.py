"""Interleaved codecs: symbol j of the line belongs to codeword j % depth."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.fec.codes import KP4, Code
from lightloom.rtl.fec.interleave import InterleavedDecoder, InterleavedEncoder
from lightloom.rtl.fec.model import decode, encode

SMALL = Code("small", 26, 20)


def pack(symbols):
    return sum(int(s) << 10 * j for j, s in enumerate(symbols))


@pytest.mark.parametrize(("symbols", "depth"), [(8, 1), (8, 2), (12, 4)])
def test_the_line_after_the_encoder(symbols, depth, rng):
    dut = InterleavedEncoder(SMALL, symbols, depth)
    frames = rng.integers(0, 1024, (3, SMALL.k * depth)).tolist()
    line, expected = [], []
    for frame in frames:
        words = [encode(SMALL, frame[d::depth]) for d in range(depth)]
        expected += [s for group in zip(*words, strict=True) for s in group]

    async def source(ctx):
        for frame in frames:
            for at in range(0, len(frame), symbols):
                ctx.set(dut.i, pack(frame[at : at + symbols]))
                ctx.set(dut.i_valid, 1)
                await ctx.tick().until(dut.i_ready)
        ctx.set(dut.i_valid, 0)

    async def sink(ctx):
        ctx.set(dut.o_ready, 1)
        while len(line) < len(expected):
            _, _, valid, first, count, o = await ctx.tick().sample(
                dut.o_valid, dut.o_first, dut.o_count, dut.o
            )
            if valid:
                assert first == (len(line) % (SMALL.n * depth) == 0)
                line.extend(o >> 10 * j & 1023 for j in range(count))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source)
    simulator.add_testbench(sink)
    simulator.run_until(1e-4)
    assert line == expected


@pytest.mark.parametrize(("symbols", "depth", "hold"), [(6, 2, True), (16, 4, False)])
def test_bursts_are_spread_and_any_failure_marks_the_group(symbols, depth, hold, rng):
    dut = InterleavedDecoder(SMALL, symbols, depth, hold=hold)
    length, each = SMALL.n * depth, symbols // depth
    lines, results = [], []
    # A burst of depth * t symbols is corrected; one symbol more in a codeword is not.
    for burst in (0, depth * SMALL.t, depth * SMALL.t + 1, 1, 2 * depth * SMALL.t):
        words = [encode(SMALL, rng.integers(0, 1024, SMALL.k).tolist()) for _ in range(depth)]
        line = [s for group in zip(*words, strict=True) for s in group]
        start = int(rng.integers(0, length - burst + 1))
        for at in range(start, start + burst):
            line[at] ^= int(rng.integers(1, 1024))
        decoded = [decode(SMALL, line[d::depth]) for d in range(depth)]
        counts = [count for _, count in decoded]
        assert counts == [len(range((d - start) % depth, burst, depth)) for d in range(depth)] or (
            None in counts and burst > depth * SMALL.t
        )
        lines.append(line)
        results.append((words, counts))
    got = []

    async def source(ctx):
        for line in lines:
            for at in range(0, SMALL.n, each):
                ctx.set(dut.i, pack(line[at * depth : (at + each) * depth]))
                ctx.set(dut.i_first, at == 0)
                ctx.set(dut.i_valid, 1)
                await ctx.tick()
        ctx.set(dut.i_valid, 0)

    async def sink(ctx):
        symbols_out = []
        async for _, _, valid, last, o, *status in ctx.tick().sample(
            dut.o_valid, dut.o_last, dut.o, dut.o_failed, dut.o_errors, dut.corrected,
            dut.uncorrectable,
        ):  # fmt: skip
            if valid:
                room = min(symbols, length - len(symbols_out))
                symbols_out += [o >> 10 * j & 1023 for j in range(room)]
                if hold:
                    assert status[0] == any(c is None for c in results[len(got)][1])
            if last:
                got.append((symbols_out, status))
                symbols_out = []

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source)
    simulator.add_process(sink)
    simulator.run_until(1e-6 * (dut.latency + 8 * dut.words))
    bits = SMALL.t.bit_length()
    for (line, (failed, errors, corrected, uncorrectable)), (words, counts) in zip(
        got, results, strict=True
    ):
        for d, (word, count) in enumerate(zip(words, counts, strict=True)):
            assert count is None or line[d::depth] == word
            assert errors >> bits * d & (1 << bits) - 1 == (count or 0)
            assert corrected >> d & 1 == bool(count)
            assert uncorrectable >> d & 1 == (count is None)
        assert failed == any(count is None for count in counts)


@pytest.mark.parametrize("block", [InterleavedEncoder, InterleavedDecoder])
@pytest.mark.parametrize(
    ("symbols", "depth", "message"),
    [
        (12, 3, r"depth = 3; allowed: 1, 2, 4"),
        (6, 4, r"symbols = 6; allowed: multiples of depth = 4"),
        (140, 2, r"symbols = 70; allowed: 1 to 68"),
    ],
)
def test_parameters_are_checked(block, symbols, depth, message):
    with pytest.raises(ValueError, match=message):
        block(KP4, symbols, depth)
