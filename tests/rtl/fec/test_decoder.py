"""The decoder against the golden model; in compiled simulation against what was sent."""

import json
import subprocess

import numpy as np
import pytest
from amaranth.sim import Simulator
from scipy import stats

from lightloom.rtl.fec.codes import KP4, KR4, Code
from lightloom.rtl.fec.decoder import Decoder
from lightloom.rtl.fec.model import decode, encode

SMALL = Code("small", 26, 20)


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


@pytest.mark.parametrize(("symbols", "hold"), [(4, False), (7, True)])
def test_every_weight_back_to_back_and_with_gaps(symbols, hold, rng):
    sent = [encode(SMALL, rng.integers(0, 1024, SMALL.k).tolist()) for _ in range(10)]
    weights = [*range(7), 3, 0, 2]
    received = [damage(w, n, rng) for w, n in zip(sent, weights, strict=True)]
    wanted = expected(SMALL, sent, received)
    assert [failed for _, failed, _ in wanted] == [int(n > 3) for n in weights]
    dut = Decoder(SMALL, symbols, hold=hold)
    got, starts = simulate(dut, received)
    same(got, wanted)
    assert starts == [dut.latency + n * dut.words for n in range(10)]
    got, _ = simulate(Decoder(SMALL, symbols, hold=hold), received, rng=rng)
    same(got, wanted)


@pytest.mark.parametrize("hold", [False, True])
def test_bypass_corrects_nothing_and_marks_every_error(hold, rng):
    sent = [encode(SMALL, rng.integers(0, 1024, SMALL.k).tolist()) for _ in range(6)]
    received = [damage(w, n, rng) for w, n in zip(sent, (0, 1, 3, 0, 4, 0), strict=True)]
    got, _ = simulate(Decoder(SMALL, 8, hold=hold), received, bypass=1)
    assert [word for word, _, _ in got] == received
    assert [failed for _, failed, _ in got] == [0, 1, 1, 0, 1, 0]
    assert all(errors == 0 for _, _, errors in got)


def test_first_aligns_and_a_broken_codeword_is_forgotten(rng):
    sent = [encode(SMALL, rng.integers(0, 1024, SMALL.k).tolist()) for _ in range(4)]
    received = [damage(w, n, rng) for w, n in zip(sent, (2, 3, 0, 1), strict=True)]
    wanted = expected(SMALL, sent, received)
    # Words before the first mark, and after one that was too early.
    before = [(5, 0), (7, 0), (3, 1), (9, 0), (8, 0)]
    for first in ("each", "once"):
        got, starts = simulate(Decoder(SMALL, 8), received, before=before, first=first)
        same(got, wanted)
        assert starts[0] == Decoder(SMALL, 8).latency


@pytest.mark.parametrize(
    ("code", "symbols", "message"),
    [
        (KP4, 69, r"symbols = 69; allowed: 1 to 68"),
        (SMALL, 9, r"symbols = 9; allowed: 1 to 8, 4 words a codeword"),
    ],
)
def test_parameters_are_checked(code, symbols, message):
    with pytest.raises(ValueError, match=message):
        Decoder(code, symbols)


@pytest.fixture(scope="module")
def compiled(verilate, source):
    """Function that runs `decode.cpp` on a decoder and returns what it wrote."""

    def compiled(code, symbols, *arguments, hold=False):
        main = source("decode.cpp", N=code.n, K=code.k, T=code.t, P=symbols, HOLD=int(hold))
        binary = verilate(Decoder(code, symbols, hold=hold), "decoder", main)
        pool = np.random.default_rng(1).integers(0, 1024, (32, code.k)).tolist()
        words = np.array([encode(code, message) for message in pool], dtype=np.uint16)
        done = subprocess.run(
            [binary, *map(str, arguments)], input=words.tobytes(), capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return compiled


FAST = [(KP4, 16, False), (KR4, 22, False)]
ALL = [
    *(
        (KP4, p, hold)
        for p, hold in ((2, True), (4, False), (8, True), (23, False), (34, True), (68, False))
    ),
    *((KR4, p, hold) for p, hold in ((2, False), (4, True), (8, False), (16, True), (33, True))),
]


def mixed_weights(compiled, code, symbols, hold):
    dut = Decoder(code, symbols, hold=hold)
    got = compiled(code, symbols, 11, 10000, 100, -1, hold=hold)
    weights = got["weights"]
    # Every weight to t + 3 is there, in single errors, bursts and parity that is all wrong.
    assert min(weights[: code.t + 4]) > 50
    assert got["codewords"] == 10000
    assert got["clocks"] == 10000 * dut.words + dut.latency
    assert got["latency"] == dut.latency
    assert got["histogram"] == weights[: code.t + 1]
    assert got["miscorrected"] == 0
    gaps = compiled(code, symbols, 12, 500, 60, -1, hold=hold)
    assert gaps["histogram"] == gaps["weights"][: code.t + 1]


@pytest.mark.parametrize(("code", "symbols", "hold"), FAST)
def test_ten_thousand_codewords_of_mixed_weights_back_to_back(compiled, code, symbols, hold):
    mixed_weights(compiled, code, symbols, hold)


@pytest.mark.slow
@pytest.mark.parametrize(("code", "symbols", "hold"), ALL)
def test_the_same_at_other_widths(compiled, code, symbols, hold):
    mixed_weights(compiled, code, symbols, hold)


def test_the_first_symbol_leaves_within_73_clocks():
    dut = Decoder(KP4, 16)
    assert dut.latency == 71 <= 34 + 31 + 8
    assert Decoder(KP4, 34).solvers == 2


def error_rate(code, ber):
    """Closed form for independent bit errors."""
    symbol = -np.expm1(10 * np.log1p(-ber))
    return stats.binom.sf(code.t, code.n, symbol)


def measured(compiled, code, symbols, ber, codewords):
    """The failures lie in the interval that holds 99.9 % of all experiments."""
    got = compiled(code, symbols, 21, codewords, 100, ber)
    low, high = stats.binom.interval(0.999, codewords, error_rate(code, ber))
    print(code.name, ber, got["failed"], "of", codewords, "expected", low, "to", high)
    assert low <= got["failed"] + got["miscorrected"] <= high
    assert low > 0
    return got


def test_codeword_error_rate_is_that_of_the_closed_form(compiled):
    assert error_rate(KP4, 1e-3) == pytest.approx(1.53e-4, rel=5e-3)
    assert error_rate(KR4, 2.4e-4) == pytest.approx(5.15e-5, rel=5e-3)
    got = measured(compiled, KP4, 16, 2e-3, 20000)
    symbol = 1 - (1 - 2e-3) ** 10
    shape = stats.binom.pmf(range(16), KP4.n, symbol)
    seen, want = np.array(got["histogram"][5:]), 20000 * shape[5:]
    assert stats.chi2.sf(((seen - want) ** 2 / want).sum(), len(seen)) > 1e-3
    measured(compiled, KR4, 22, 6e-4, 20000)


@pytest.mark.slow
def test_codeword_error_rate_at_a_lower_bit_error_rate(compiled):
    measured(compiled, KP4, 16, 1e-3, 400000)
    measured(compiled, KR4, 22, 3.5e-4, 400000)
