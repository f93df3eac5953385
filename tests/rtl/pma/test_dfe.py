"""Parallel-prefix selection against the serial loop."""

import itertools
import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from lightloom.rtl.pma import dfe


def run(width, cases):
    m = Module()
    if_one, if_zero, before, result = Signal(width), Signal(width), Signal(), Signal(width)
    one, zero = dfe.prefix(m, if_one, if_zero)
    m.d.comb += result.eq(dfe.resolve(one, zero, before))

    async def process(ctx):
        for a, b, first in cases:
            ctx.set(if_one, a)
            ctx.set(if_zero, b)
            ctx.set(before, first)
            await ctx.delay(1e-9)
            bits = [[word >> k & 1 for k in range(width)] for word in (a, b)]
            expected = dfe.serial(*bits, first)
            assert ctx.get(result) == sum(bit << k for k, bit in enumerate(expected))

    sim = Simulator(m)
    sim.add_testbench(process)
    sim.run()


def test_every_word_of_five():
    words = range(32)
    run(5, list(itertools.product(words, words, (0, 1))))


@pytest.mark.parametrize("width", [1, 8, 16, 33, 64, 128])
def test_random_words(width):
    rng = random.Random(width)
    cases = []
    for _ in range(200):
        # Long chains that hand the first bit through, forwards or inverted, are the hard ones.
        through = rng.getrandbits(width) | rng.getrandbits(width)
        free = rng.getrandbits(width)
        inverted = rng.getrandbits(width) & rng.getrandbits(width) & through
        one = (free & ~through) | (through & ~inverted)
        zero = (free & ~through) | (through & inverted)
        cases.append((one, zero, rng.getrandbits(1)))
    run(width, cases)


def test_an_error_free_chain_carries_across_the_word():
    everything = 2**64 - 1
    run(64, [(everything, 0, 0), (everything, 0, 1), (0, everything, 0), (0, everything, 1)])


def run_levels(width, cases, pipelined):
    """Selection among four choices of each symbol, with a break in the prefix at each step."""
    m = Module()
    choices = [(Signal(width), Signal(width)) for _ in range(4)]
    before, high, low = Signal(2), Signal(width), Signal(width)
    steps = dfe.spans(width)
    part = dfe.compose(m, choices, steps[:pipelined])
    whole = dfe.compose(m, part, steps[pipelined:])
    picked = dfe.select(whole, before[1].replicate(width), before[0].replicate(width))
    m.d.comb += [high.eq(picked[0]), low.eq(picked[1])]

    async def process(ctx):
        for table, first in cases:
            for p in range(4):
                for bit, word in zip((1, 0), choices[p], strict=True):
                    ctx.set(word, sum((row[p] >> bit & 1) << n for n, row in enumerate(table)))
            ctx.set(before, first)
            await ctx.delay(1e-9)
            got = zip(range(width), [ctx.get(high)] * width, [ctx.get(low)] * width, strict=True)
            levels = [2 * (h >> n & 1) + (w >> n & 1) for n, h, w in got]
            assert levels == dfe.serial_levels(table, first)

    sim = Simulator(m)
    sim.add_testbench(process)
    sim.run()


def test_every_pair_of_functions_of_four_levels():
    functions = list(itertools.product(range(4), repeat=4))
    rng = random.Random(3)
    pairs = [
        ([f, rng.choice(functions), rng.choice(functions)], p) for f in functions for p in range(4)
    ]
    run_levels(3, pairs, 1)


@pytest.mark.parametrize("width", [1, 8, 33, 64, 128])
def test_random_words_of_levels(width):
    rng = random.Random(width)
    cases = []
    for k in range(60):
        # Functions that tell all levels apart carry the first one across the whole word.
        kind = [lambda: rng.sample(range(4), 4), lambda: [rng.randrange(4) for _ in range(4)]]
        table = [kind[k % 2 if rng.random() < 0.95 else 1]() for _ in range(width)]
        cases.append((table, rng.randrange(4)))
    run_levels(width, cases, len(dfe.spans(width)) // 2)
