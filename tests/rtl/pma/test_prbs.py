"""PRBS generator and checker against a bit-serial model, scipy and the properties of the code."""

import gc
import random

import numpy as np
import pytest
from amaranth.sim import Simulator
from scipy.signal import max_len_seq

from lightloom.rtl.pma import prbs

WIDTHS = [1, 2, 3, 7, 10, 16, 31, 33, 64, 66, 128, 257, 512, 1024]


def pack(bits):
    return sum(int(bit) << k for k, bit in enumerate(bits))


def simulate(component, process):
    sim = Simulator(component)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()


@pytest.mark.parametrize("order", [7, 9, 11, 13, 15])
def test_the_sequence_has_full_period_and_balance(order):
    period = 2**order - 1
    bits = prbs.sequence(order, 2 * period)
    assert bits[:period] == bits[period:]
    # 2**(order-1) ones, and every non-zero state once: only a maximum-length sequence does both.
    assert sum(bits[:period]) == 2 ** (order - 1)
    states = {pack(bits[k : k + order]) for k in range(period)}
    assert len(states) == period


def test_the_multiple_is_one():
    # Its recurrence holds all along the sequence.
    bits = prbs.sequence(13, 8191 + 47)
    for n in range(47, len(bits)):
        assert bits[n] == bits[n - 47] ^ bits[n - 35] ^ bits[n - 31] ^ bits[n - 30]


@pytest.mark.parametrize("order", sorted(prbs.POLYNOMIALS))
def test_the_sequence_is_scipys(order):
    # scipy writes x[n+order] as the xor of x[n] and x[n+tap]: exponents counted from the other end.
    exponents = prbs.POLYNOMIALS[order]
    taps = [order - exponent for exponent in exponents if exponent != order]
    state = np.array([1] + [0] * (order - 1))
    expected, _ = max_len_seq(order, state=state, length=500, taps=taps)
    assert prbs.sequence(order, 500 - order, 1) == expected[order:].tolist()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("order", sorted(prbs.POLYNOMIALS))
def test_generator_follows_the_sequence(order, width):
    seed = random.Random(order * 1000 + width).getrandbits(order) | 1
    words = 6 + 100 // width
    expected = prbs.sequence(order, words * width, seed)
    dut = prbs.Generator(width=width, order=order)

    async def process(ctx):
        ctx.set(dut.seed, seed)
        ctx.set(dut.load, 1)
        await ctx.tick()
        ctx.set(dut.load, 0)
        ctx.set(dut.enable, 1)
        for k in range(words):
            await ctx.tick()
            assert ctx.get(dut.o) == pack(expected[k * width : (k + 1) * width]), k
        ctx.set(dut.enable, 0)
        held = ctx.get(dut.o)
        await ctx.tick()
        assert ctx.get(dut.o) == held

    simulate(dut, process)


def test_generator_takes_a_zero_seed_as_one():
    dut = prbs.Generator(width=64)

    async def process(ctx):
        ctx.set(dut.load, 1)
        await ctx.tick()
        ctx.set(dut.load, 0)
        ctx.set(dut.enable, 1)
        await ctx.tick()
        assert ctx.get(dut.o) == pack(prbs.sequence(31, 64, 1))

    simulate(dut, process)


def run_checker(width, order, words, **inputs):
    """Feed words; return locked, sum of errors and number of checked words after each."""
    dut = prbs.Checker(width=width, order=order)
    trace = []

    async def process(ctx):
        ctx.set(dut.enable, 1)
        for name, value in inputs.items():
            ctx.set(getattr(dut, name), value)
        errors = checked = 0
        for word in [*words, *words[-1:] * 3]:
            ctx.set(dut.i, word)
            await ctx.tick()
            if ctx.get(dut.valid):
                errors += ctx.get(dut.errors)
                checked += 1
            else:
                assert ctx.get(dut.errors) == 0
            trace.append((ctx.get(dut.locked), errors, checked))

    simulate(dut, process)
    return trace


def words_of(bits, width):
    return [pack(bits[k : k + width]) for k in range(0, len(bits) - width + 1, width)]


@pytest.mark.parametrize("width", [1, 5, 16, 31, 64, 66, 128])
@pytest.mark.parametrize("order", [7, 13, 31])
def test_checker_locks_and_counts_each_error_once(order, width):
    seed = 77_000 + order * 100 + width
    print("seed", seed)
    rng = random.Random(seed)
    start = 2 * max(64, order) + 4 * width
    bits = prbs.sequence(order, start + max(1000, 12 * width), rng.getrandbits(order) | 1)
    wrong = rng.sample(range(start, len(bits) - 4 * width), 9)
    for place in wrong:
        bits[place] ^= 1
    words = words_of(bits, width)
    trace = run_checker(width, order, words)[: len(words)]
    # Seed and verification end before the first error, and no later.
    assert trace[start // width][0] == 1
    assert trace[-1][:2] == (1, 9)


def test_checker_reports_the_words_it_checked():
    words = words_of(prbs.sequence(31, 64 * 20), 64)
    trace = run_checker(64, 31, words)
    locked = next(k for k, step in enumerate(trace) if step[0])
    # Two words to seed and verify, two clocks to the count.
    assert locked == 1
    assert [step[2] for step in trace[locked : locked + 5]] == [0, 0, 1, 2, 3]


def test_checker_refuses_silence_and_noise():
    rng = random.Random(5)
    assert not any(step[0] for step in run_checker(64, 31, [0] * 200))
    assert not any(step[0] for step in run_checker(64, 31, [2**64 - 1] * 200))
    noise = [rng.getrandbits(64) for _ in range(500)]
    assert not any(step[0] for step in run_checker(64, 31, noise))


def test_checker_drops_a_slipped_pattern_and_finds_it_again():
    bits = prbs.sequence(31, 64 * 200)
    slipped = bits[: 64 * 60] + bits[64 * 60 + 1 :]
    trace = run_checker(64, 31, words_of(slipped, 64))
    lost = next(k for k, step in enumerate(trace) if k > 60 and not step[0])
    # A quarter of a window of 64 words at half of the bits wrong: about 32 words.
    assert 25 < lost - 60 < 45
    assert trace[-5][0]
    assert trace[-5][1] == trace[-30][1], "errors stop when the pattern is found again"


def test_frozen_checker_keeps_its_lock():
    words = words_of(prbs.sequence(31, 64 * 10), 64) + [2**64 - 1 - w for w in range(100)]
    trace = run_checker(64, 31, words, freeze=1)
    assert trace[-1][0]


def test_generator_error_reaches_the_count():
    generator = prbs.Generator(width=64)
    sim_words = []

    async def make(ctx):
        ctx.set(generator.enable, 1)
        for k in range(40):
            ctx.set(generator.inject, k in (20, 30))
            await ctx.tick()
            sim_words.append(ctx.get(generator.o))

    simulate(generator, make)
    assert run_checker(64, 31, sim_words)[-4][1] == 2


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: prbs.Generator(width=0), "width is 0; allowed: 1 to 1024"),
        (lambda: prbs.Checker(width=1025), "width is 1025; allowed: 1 to 1024"),
        (
            lambda: prbs.Generator(width=8, order=8),
            r"order is 8; allowed: \[7, 9, 11, 13, 15, 23, 31\]",
        ),
        (
            lambda: prbs.Checker(width=8, window_words=3),
            "window_words is 3; allowed: a power of two from 2 to 1024",
        ),
    ],
)
def test_bad_parameters_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
    gc.collect()  # so that the refused component warns here and not in another test
