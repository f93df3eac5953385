"""The decoder against the golden model; in compiled simulation against what was sent."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.fec.codes import Code
from lightloom.rtl.fec.decoder import Decoder
from lightloom.rtl.fec.model import decode, encode

SMALL = Code("small", 50, 40)


def damage(word, weight, rng, places=None):
    """`word` with `weight` symbols changed, in `places` when given."""
    out = list(word)
    for at in places if places is not None else rng.choice(len(word), weight, replace=False):
        out[at] ^= int(rng.integers(1, 1024))
    return out


def simulate(dut, received, *, rng=None, bypass=0, before=(), first="each"):
    """Codewords that leave: symbols, failed, errors, and the clock of the first word.

    `before` are words that come first. `first` says whether i_first marks each codeword or only
    the first one. The clock is counted from the first word of the first codeword.
    """
    code, p = dut.code, dut.symbols
    out, starts = [], []

    async def source(ctx):
        for word, mark in before:
            ctx.set(dut.i, word)
            ctx.set(dut.i_first, mark)
            ctx.set(dut.i_valid, 1)
            await ctx.tick()
        ctx.set(dut.bypass, bypass)
        for n, word in enumerate(received):
            for at in range(0, code.n, p):
                while rng is not None and rng.random() < 0.3:
                    ctx.set(dut.i_valid, 0)
                    ctx.set(dut.i_first, int(rng.integers(2)))
                    await ctx.tick()
                part = word[at : at + p]
                part += [int(x) for x in rng.integers(0, 1024, p - len(part))] if rng else []
                ctx.set(dut.i, sum(s << 10 * j for j, s in enumerate(part)))
                ctx.set(dut.i_first, at == 0 and (first == "each" or n == 0))
                ctx.set(dut.i_valid, 1)
                await ctx.tick()
        ctx.set(dut.i_valid, 0)

    async def sink(ctx):
        clock, word, flags = -len(before), [], set()
        names = "o o_valid o_first o_last o_failed o_errors corrected uncorrectable"
        async for _, _, *values in ctx.tick().sample(*(getattr(dut, n) for n in names.split())):
            o, valid, begin, last, failed, errors, corrected, uncorrectable = values
            if valid:
                assert begin == (not word)
                if begin:
                    starts.append(clock)
                assert o >> 10 * min(p, code.n - len(word)) == 0
                word += [o >> 10 * j & 1023 for j in range(min(p, code.n - len(word)))]
                flags.add(failed)
                assert last == (len(word) == code.n)
            else:
                assert (begin, last) == (0, 0)
            assert uncorrectable == (last and failed)
            assert corrected == (last and errors > 0)
            if valid and last:
                if dut.hold:
                    assert len(flags) == 1
                out.append((word, failed, errors))
                word, flags = [], set()
            clock += 1

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source)
    simulator.add_process(sink)
    simulator.run_until(1e-6 * (2 * len(received) * dut.words + 2 * dut.latency + 50))
    assert len(out) == len(received)
    return out, starts


def expected(code, sent, received):
    result = []
    for word, bad in zip(sent, received, strict=True):
        fixed, count = decode(code, bad)
        if count is not None:
            assert fixed == word
        result.append((fixed, int(count is None), count or 0))
    return result


def same(got, wanted):
    """Equal, but for the symbols of codewords that failed."""
    for (word, failed, errors), (fixed, no, count) in zip(got, wanted, strict=True):
        assert (failed, errors) == (no, count)
        assert failed or word == fixed


@pytest.mark.parametrize(("symbols", "hold"), [(5, False), (8, False), (16, False), (12, True)])
def test_every_weight_back_to_back_and_with_gaps(symbols, hold, rng):
    sent = [encode(SMALL, rng.integers(0, 1024, SMALL.k).tolist()) for _ in range(12)]
    weights = [*range(9), 5, 0, 3]
    received = [damage(w, n, rng) for w, n in zip(sent, weights, strict=True)]
    wanted = expected(SMALL, sent, received)
    assert [failed for _, failed, _ in wanted] == [int(n > 5) for n in weights]
    dut = Decoder(SMALL, symbols, hold=hold)
    got, starts = simulate(dut, received)
    same(got, wanted)
    assert starts == [dut.latency + n * dut.words for n in range(12)]
    got, _ = simulate(Decoder(SMALL, symbols, hold=hold), received, rng=rng)
    same(got, wanted)
