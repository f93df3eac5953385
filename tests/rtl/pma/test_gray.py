"""Gray coding against its table and the property that makes it Gray."""

import random
from itertools import pairwise

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from lightloom.rtl.pma import gray


def pack(values, bits=1):
    return sum(value << k * bits for k, value in enumerate(values))


class Both(wiring.Component):
    def __init__(self, width):
        shapes = {"i": In(2 * width), "levels": Out(2 * width), "bits": Out(2 * width)}
        super().__init__(shapes)

    def elaborate(self, platform):
        m = Module()
        levels = Signal(len(self.i))
        m.d.comb += [
            levels.eq(gray.encode(self.i)),
            self.levels.eq(levels),
            self.bits.eq(gray.decode(levels)),
        ]
        return m


def test_neighbouring_levels_differ_in_one_bit():
    pairs = [tuple(gray.to_bits([level])) for level in range(4)]
    assert pairs == [(0, 0), (0, 1), (1, 1), (1, 0)]  # first bit first: clause 120.5.7.1
    for p, q in pairwise(pairs):
        assert sum(a != b for a, b in zip(p, q, strict=True)) == 1
    assert gray.to_levels(gray.to_bits([3, 1, 0, 2, 2])) == [3, 1, 0, 2, 2]


@pytest.mark.parametrize("width", [1, 4, 33, 512])
def test_words_are_the_models(width):
    rng = random.Random(width)
    dut = Both(width)

    async def process(ctx):
        for _ in range(20):
            bits = [rng.getrandbits(1) for _ in range(2 * width)]
            ctx.set(dut.i, pack(bits))
            await ctx.delay(1e-9)
            assert ctx.get(dut.levels) == pack(gray.to_levels(bits), 2)
            assert ctx.get(dut.bits) == pack(bits)

    sim = Simulator(dut)
    sim.add_testbench(process)
    sim.run()
