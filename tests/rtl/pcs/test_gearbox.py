"""Gearboxes: bit stream kept under random handshakes, slip finds every boundary."""

import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import gearbox

WIDTHS = [8, 16, 32, 64, 128]


def items(blocks, width):
    """Blocks as the gearbox takes and gives them: by twos at 128 bits."""
    if gearbox.blocks_together(width) == 1:
        return list(blocks)
    return [low | high << 66 for low, high in zip(blocks[::2], blocks[1::2], strict=False)]


def run_tx(width, blocks, words, rng):
    """Feed `blocks` with random valid, take `words` words with random ready."""
    dut = gearbox.TxGearbox(width=width)
    out = []

    async def source(ctx):
        for item in blocks:
            while rng.random() < 0.3:
                ctx.set(dut.i.valid, 0)
                await ctx.tick()
            ctx.set(dut.i.payload, item)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def sink(ctx):
        while len(out) < words:
            ready = rng.random() < 0.7
            ctx.set(dut.o.ready, ready)
            _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid and ready:
                out.append(payload)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(source)
    sim.add_testbench(sink)
    sim.run_until(1e-6 * 20 * words)
    return out


@pytest.mark.parametrize("width", WIDTHS)
def test_tx_keeps_the_bit_stream_under_random_handshakes(width):
    seed = random.getrandbits(32)
    print("seed", seed)
    rng = random.Random(seed)
    blocks = [rng.getrandbits(66) for _ in range(130)]
    words = 130 * 66 // width - 1
    got = run_tx(width, items(blocks, width), words, rng)
    stream = sum(b << 66 * n for n, b in enumerate(blocks))
    assert len(got) == words
    assert got == [stream >> width * n & ((1 << width) - 1) for n in range(words)]
    assert got == list(gearbox.from_blocks(blocks, width))[:words]


@pytest.mark.parametrize("width", WIDTHS)
def test_tx_takes_blocks_at_the_line_rate(width):
    dut = gearbox.TxGearbox(width=width)
    taken = []

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        for _ in range(330):
            _, _, ready, valid = await ctx.tick().sample(dut.i.ready, dut.o.valid)
            assert valid
            taken.append(ready)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert sum(taken) * gearbox.blocks_together(width) == 330 * width // 66


def run_rx(width, words, slips, rng=None, clocks=None):
    """Blocks with the clock they came; `slips` are clocks in which slip is pulsed."""
    dut = gearbox.RxGearbox(width=width)
    out = []

    async def bench(ctx):
        feed = iter(words)
        clock = 0
        word = next(feed, None)
        while word is not None:
            use = rng is None or rng.random() < 0.7
            ctx.set(dut.i, word if use else 0)
            ctx.set(dut.i_valid, use)
            ctx.set(dut.slip, clock in slips)
            await ctx.tick()
            if ctx.get(dut.o_valid):
                out.append(ctx.get(dut.o))
            if use:
                word = next(feed, None)
            clock += 1

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return out


@pytest.mark.parametrize("width", WIDTHS)
def test_rx_undoes_tx(width):
    seed = random.getrandbits(32)
    print("seed", seed)
    rng = random.Random(seed)
    blocks = [rng.getrandbits(66) for _ in range(128)]
    words = list(gearbox.from_blocks(blocks, width))
    assert run_rx(width, words, set(), rng) == items(blocks, width)
    assert list(gearbox.to_blocks(words, width)) == blocks


@pytest.mark.parametrize("width", WIDTHS)
def test_each_slip_moves_the_boundary_by_one_bit(width):
    """After k slips the blocks are those of the stream from bit k on."""
    rng = random.Random(5)
    words = [rng.getrandbits(width) for _ in range(900)]
    spacing = 7
    slips = {8 + spacing * n for n in range(66)}
    got = run_rx(width, words, slips, random.Random(6))
    aligned_again = items(list(gearbox.to_blocks(words, width, skip=66)), width)
    assert got[-20:] == aligned_again[-20:]
    once = run_rx(width, words, {0})
    assert once == items(list(gearbox.to_blocks(words, width, skip=1)), width)


def test_a_slip_in_a_clock_without_word_is_kept():
    dut = gearbox.RxGearbox(width=64)
    words = [random.Random(8).getrandbits(64) for _ in range(8)]
    out = []

    async def bench(ctx):
        ctx.set(dut.slip, 1)
        await ctx.tick()
        ctx.set(dut.slip, 0)
        ctx.set(dut.i_valid, 1)
        for word in words:
            ctx.set(dut.i, word)
            await ctx.tick()
            if ctx.get(dut.o_valid):
                out.append(ctx.get(dut.o))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert out == list(gearbox.to_blocks(words, 64, skip=1))
    assert len(out) >= 7


@pytest.mark.parametrize("box", [gearbox.TxGearbox, gearbox.RxGearbox])
def test_width_is_checked(box):
    with pytest.raises(ValueError, match=r"width = 48; allowed: 8, 16, 32, 64, 128"):
        box(width=48)
