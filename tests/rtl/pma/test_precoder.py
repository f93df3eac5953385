"""Precoder against its model, its inverse, and the burst errors it is there for."""

import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma import precoder


def pack(values, bits):
    return sum(value << k * bits for k, value in enumerate(values))


def unpack(word, width, bits):
    return [word >> k * bits & (1 << bits) - 1 for k in range(width)]


def simulate(dut, words, enables):
    """Words at `o` after each clock."""
    out = []

    async def process(ctx):
        for word, enable in zip(words, enables, strict=True):
            ctx.set(dut.i, word)
            ctx.set(dut.enable, enable)
            await ctx.tick()
            out.append(ctx.get(dut.o))

    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()
    return out


@pytest.mark.parametrize("levels", [2, 4])
def test_model_is_the_series(levels):
    # 1/(1+D) = 1 - D + D^2 - ..., written out.
    rng = random.Random(levels)
    symbols = [rng.randrange(levels) for _ in range(200)]
    sent = precoder.encode(symbols, levels)
    for n in range(200):
        assert sent[n] == sum((-1) ** k * symbols[n - k] for k in range(n + 1)) % levels
    assert precoder.decode(sent, levels) == symbols


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 10, 33, 64, 128, 512])
def test_words_are_the_models(width, bits):
    seed = width * 10 + bits
    print("seed", seed)
    rng = random.Random(seed)
    count = 12
    symbols = [[rng.randrange(1 << bits) for _ in range(width)] for _ in range(count)]
    words = [pack(word, bits) for word in symbols]
    # On, off for two words, on again.
    enables = [not 4 <= k < 6 for k in range(count)]
    sent, last = [], 0
    for word, enable in zip(symbols, enables, strict=True):
        sent += precoder.encode(word, 1 << bits, last) if enable else word
        last = sent[-1]
    out = simulate(precoder.Encoder(width=width, bits=bits), words, enables)
    latency = precoder.Encoder.LATENCY
    got = [s for word in out[latency - 1 :] for s in unpack(word, width, bits)]
    assert got == sent[: len(got)]

    latency = precoder.Decoder.LATENCY
    words = [pack(sent[k : k + width], bits) for k in range(0, len(sent), width)]
    out = simulate(precoder.Decoder(width=width, bits=bits), words, enables)
    got = [s for word in out[latency - 1 :] for s in unpack(word, width, bits)]
    assert got == [s for word in symbols for s in word][: len(got)]


@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_a_burst_becomes_its_two_ends(length):
    # What a decision-feedback receiver does: wrong by a level, up and down in turn.
    rng = random.Random(length)
    symbols = [rng.randrange(4) for _ in range(200)]
    sent = precoder.encode(symbols)
    for k in range(length):
        sent[100 + k] = (sent[100 + k] + (-1) ** k) % 4
    got = precoder.decode(sent)
    wrong = [n for n in range(200) if got[n] != symbols[n]]
    assert wrong == [100, 100 + length]
    assert [(got[n] - symbols[n]) % 4 in (1, 3) for n in wrong] == [True, True]


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("kind", [precoder.Encoder, precoder.Decoder])
@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"width": 0}, "width = 0; allowed: 1 to 512"),
        ({"width": 513}, "width = 513; allowed: 1 to 512"),
        ({"width": 8, "bits": 3}, r"bits = 3; allowed: 1 \(NRZ\), 2 \(PAM4\)"),
    ],
)
def test_bad_parameters_are_refused(kind, keywords, message):
    with pytest.raises(ValueError, match=message):
        kind(**keywords)
    gc.collect()  # so that the refused component warns here and not in another test
