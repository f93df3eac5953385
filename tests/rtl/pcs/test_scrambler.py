"""The golden model, the hardware at its width and a bit-serial shift register agree."""

import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import scrambler, wide_scrambler

MASK64 = (1 << 64) - 1


def serial(bits, register):
    """1 + x^39 + x^58 one bit at a time; register[k] is the line bit k + 1 ago."""
    out = []
    register = list(register)
    for bit in bits:
        line = bit ^ register[38] ^ register[57]
        register = [line, *register[:-1]]
        out.append(line)
    return out, register


def to_bits(words):
    return [w >> n & 1 for w in words for n in range(64)]


def run(dut, stimulus, load=None):
    """Outputs in the clocks with `enable`; stimulus is (word, enable)."""
    out = []

    async def bench(ctx):
        if load is not None:
            ctx.set(dut.seed, load)
            ctx.set(dut.load, 1)
            await ctx.tick()
            ctx.set(dut.load, 0)
        for word, enable in stimulus:
            ctx.set(dut.i, word)
            ctx.set(dut.enable, enable)
            await ctx.delay(1e-9)
            if enable:
                out.append(ctx.get(dut.o))
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return out


@pytest.fixture
def words():
    seed = random.getrandbits(32)
    print("seed", seed)
    rng = random.Random(seed)
    return [rng.choice([0, MASK64, rng.getrandbits(64)]) for _ in range(200)]


def test_scrambler_equals_the_serial_register(words):
    seed = 0x2AA_5A5A_1234_5678 & ((1 << 58) - 1)
    rng = random.Random(1)
    stimulus = []
    for word in words:  # enable at random: the state must hold in between
        stimulus += [(rng.getrandbits(64), 0)] * rng.choice([0, 0, 1])
        stimulus.append((word, 1))
    got = run(wide_scrambler.Scrambler(width=64), stimulus, load=seed)
    register = [seed >> (57 - k) & 1 for k in range(58)]  # state bit 57 is the latest line bit
    expected, _ = serial(to_bits(words), register)
    assert to_bits(got) == expected


def test_scrambler_equals_the_model_from_reset(words):
    state = (1 << 58) - 1
    expected = []
    for word in words:
        line, state = scrambler.scramble(word, state)
        expected.append(line)
    assert run(wide_scrambler.Scrambler(width=64), [(w, 1) for w in words]) == expected


def test_model_equals_the_serial_register(words):
    state = 0x123456789ABCDEF & ((1 << 58) - 1)
    expected, register = serial(to_bits(words), [state >> (57 - k) & 1 for k in range(58)])
    got = []
    for word in words:
        line, state = scrambler.scramble(word, state)
        got.append(line)
    assert to_bits(got) == expected
    assert [state >> (57 - k) & 1 for k in range(58)] == register


def test_descrambler_synchronises_itself_after_one_payload(words):
    state = random.Random(2).getrandbits(58)
    lines = []
    for word in words:
        line, state = scrambler.scramble(word, state)
        lines.append(line)
    got = run(wide_scrambler.Descrambler(width=64), [(line, 1) for line in lines])
    assert got[1:] == words[1:]
    model_state, model = 0, []
    for line in lines:
        data, model_state = scrambler.descramble(line, model_state)
        model.append(data)
    assert got == model


@pytest.mark.parametrize("position", [0, 5, 24, 25, 63])
def test_one_line_error_makes_three_payload_errors(position):
    words = [random.Random(3).getrandbits(64) for _ in range(6)]
    state, lines = 1, []
    for word in words:
        line, state = scrambler.scramble(word, state)
        lines.append(line)
    lines[2] ^= 1 << position
    got = run(wide_scrambler.Descrambler(width=64), [(line, 1) for line in lines])
    pairs = zip(to_bits(got[1:]), to_bits(words[1:]), strict=True)
    flips = [n for n, (a, b) in enumerate(pairs) if a != b]
    first = 64 + position
    assert flips == [first, first + 39, first + 58]


def test_idle_is_balanced_on_the_line():
    state, ones = (1 << 58) - 1, 0
    for _ in range(2000):
        line, state = scrambler.scramble(0x1E, state)
        ones += line.bit_count()
    assert abs(ones / 128000 - 0.5) < 0.01
