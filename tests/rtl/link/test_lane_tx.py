"""Transmit lane: what is on the line, read back by software from the bits alone."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link import coders
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.lane_tx import LaneTx
from lightloom.rtl.pcs import block, gearbox, scrambler
from lightloom.rtl.pcs.block import Kind

DAC_BITS = 7


def run(width, items, clocks, rng=None):
    """Words of the line and codes; `items` are (kind, data), one a slot, then idle."""
    config = Config(symbols_per_clock=width, tx_dac_bits=DAC_BITS)
    dut = LaneTx(config, coders.transmit(config))
    words, codes = [], []

    async def bench(ctx):
        for name, value in {"marker": 0x105, "seed": 0x155}.items():
            ctx.set(getattr(dut, name), value)
        ctx.set(dut.control.main, 63)
        ctx.set(dut.control.enable, 1)
        queue = list(items)
        await ctx.tick()  # the seed is loaded
        for _ in range(clocks):
            kind, data = queue[0] if queue else (Kind.IDLE, 0)
            ctx.set(dut.kinds, kind)
            ctx.set(dut.data, data)
            move = rng is None or rng.random() < 0.7
            ctx.set(dut.run, move)
            _, _, slot = await ctx.tick().sample(dut.slot)
            if slot and queue:
                queue.pop(0)
            if move:
                words.append(ctx.get(dut.word))
            codes.append(ctx.get(dut.codes))
        assert not queue

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return words, codes


def blocks_of(words, width):
    """Find the block boundary by headers, descramble, decode."""
    for skip in range(66):
        blocks = list(gearbox.to_blocks(words, width, skip=skip))[1:]
        if all(b & 3 in (1, 2) for b in blocks):
            break
    else:
        raise AssertionError("no boundary where every header is valid")
    state, out = 0, []
    for item in blocks:
        data, state = scrambler.descramble(item >> 2, state)
        out.append(block.decode(item & 3, data))
    return out[1:]  # the descrambler had no history in the first


def useful(kind, data):
    """Data of the kinds that carry some."""
    return kind, data if kind in (Kind.DATA, Kind.MARKER) or kind >= Kind.TERM0 else 0


@pytest.mark.parametrize("width", [16, 32, 64])
@pytest.mark.parametrize("pauses", [False, True])
def test_software_reads_the_line(width, pauses, rng):
    items = [(Kind.IDLE, 0)] * 40
    for _ in range(60):
        items.append((rng.choice(list(Kind)), rng.getrandbits(64)))
    clocks = 66 * 110 // width * (2 if pauses else 1)
    words, _ = run(width, items, clocks, rng if pauses else None)
    got = blocks_of(words, width)
    expected = [block.decode(*block.encode(k, d, 0x105)) for k, d in items[40:]]
    first = next(n for n, (kind, _) in enumerate(got) if kind != Kind.IDLE)
    lead = next(n for n, (kind, _) in enumerate(expected) if kind != Kind.IDLE)
    part = got[first - lead :][:60]
    assert len(part) == 60
    assert [useful(*item) for item in part] == [useful(*item) for item in expected]


def test_codes_follow_the_line_bits_at_full_scale(rng):
    """With the main tap alone a one is +63 and a zero -63, two clocks after the word."""
    width = 16
    words, codes = run(width, [(Kind.DATA, rng.getrandbits(64)) for _ in range(20)], 200)
    mask = (1 << DAC_BITS) - 1
    for n in range(20, 190):
        signs = [codes[n + 2] >> s * DAC_BITS & mask for s in range(width)]
        assert signs == [63 if words[n] >> s & 1 else 128 - 63 for s in range(width)]


def test_header_statistics_of_idle(rng):
    """Idle rows are control blocks: every header is 01 in time order, payload bits are balanced."""
    words, _ = run(64, [], 400)
    for skip in range(66):
        blocks = list(gearbox.to_blocks(words, 64, skip=skip))[1:]
        headers = {b & 3 for b in blocks}
        if headers == {block.HEADER_CONTROL}:
            break
    assert headers == {block.HEADER_CONTROL}
    ones = sum((b >> 2).bit_count() for b in blocks)
    assert abs(ones / (64 * len(blocks)) - 0.5) < 0.02
