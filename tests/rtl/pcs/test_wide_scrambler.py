"""Scrambler of whole blocks: one bit stream with the 64-bit one, and back."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import scrambler, wide_scrambler

WIDTH = 257


def serial(bits, state):
    """Bit-serial register of figure 49-8; `state` has the newest bit in its top bit."""
    register = [state >> k & 1 for k in range(57, -1, -1)]  # register[0] is the newest
    out = []
    for bit in bits:
        new = bit ^ register[38] ^ register[57]
        register = [new, *register[:-1]]
        out.append(new)
    return out


def run(dut, blocks, rng, *, seed=None):
    out = []

    async def bench(ctx):
        if seed is not None:
            ctx.set(dut.load, 1)
            ctx.set(dut.seed, seed)
            await ctx.tick()
            ctx.set(dut.load, 0)
        for item in blocks:
            while rng.random() < 0.3:
                ctx.set(dut.enable, 0)
                ctx.set(dut.i, rng.getrandbits(dut.width))
                await ctx.tick()
            ctx.set(dut.i, item)
            ctx.set(dut.enable, 1)
            _, _, value = await ctx.tick().sample(dut.o)
            out.append(value)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return out


@pytest.mark.parametrize("width", [58, 64, 97, 128, WIDTH, 512])
def test_equals_the_serial_register_and_comes_back(rng, width):
    blocks = [rng.getrandbits(width) for _ in range(12)] + [0, 0, (1 << width) - 1]
    seed = rng.getrandbits(58)
    got = run(wide_scrambler.Scrambler(width=width), blocks, rng, seed=seed)
    bits = [item >> k & 1 for item in blocks for k in range(width)]
    line = serial(bits, seed)
    assert [item >> k & 1 for item in got for k in range(width)] == line
    state = seed
    for item, coded in zip(blocks, got, strict=True):
        expected, state = wide_scrambler.scramble(item, state, width)
        assert coded == expected
    back = run(wide_scrambler.Descrambler(width=width), got, rng)
    assert back[1:] == blocks[1:]
    state = 0
    for item, coded in zip(back, got, strict=True):
        expected, state = wide_scrambler.descramble(coded, state, width)
        assert item == expected


def test_makes_the_same_stream_as_the_scrambler_of_64_bits(rng):
    stream = rng.getrandbits(257 * 64)
    state = seed = rng.getrandbits(58)
    narrow = 0
    for n in range(257):
        word, state = scrambler.scramble(stream >> 64 * n & (1 << 64) - 1, state)
        narrow |= word << 64 * n
    state = seed
    for n in range(64):
        item, state = wide_scrambler.scramble(stream >> 257 * n & (1 << 257) - 1, state, 257)
        assert item == narrow >> 257 * n & (1 << 257) - 1


def test_starts_with_ones():
    import random

    (first,) = run(wide_scrambler.Scrambler(width=WIDTH), [0], random.Random(1))
    assert first == wide_scrambler.scramble(0, (1 << 58) - 1, WIDTH)[0]


@pytest.mark.parametrize("unit", [wide_scrambler.Scrambler, wide_scrambler.Descrambler])
@pytest.mark.parametrize("width", [57, 513])
def test_width_is_checked(unit, width):
    with pytest.raises(ValueError, match=rf"width = {width}; allowed: 58 to 512"):
        unit(width=width)
