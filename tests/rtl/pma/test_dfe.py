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
