"""Receive lane: blocks out of line bits made by software."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link import coders
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.lane_rx import LaneRx
from lightloom.rtl.pcs import block, gearbox, scrambler
from lightloom.rtl.pcs.block import Kind


def line(items):
    """Coded and scrambled 66-bit blocks of (kind, data)."""
    state, coded = 0x123, []
    for kind, data in items:
        header, payload = block.encode(kind, data, 0x103)
        scrambled, state = scrambler.scramble(payload, state)
        coded.append(header | scrambled << 2)
    return coded


def feed(width, words, rng=None):
    """Blocks seen while locked, and the lane at the end."""
    config = Config(symbols_per_clock=width, rx_ffe_taps=2)
    dut = LaneRx(config, coders.receive(config))
    got, status = [], {}

    async def bench(ctx):
        ctx.set(dut.control.loopback, 1)
        ctx.set(dut.control.lock_run, 1)
        for word in words:
            while rng is not None and rng.random() < 0.2:
                ctx.set(dut.loop_valid, 0)
                await ctx.tick()
                if ctx.get(dut.valid):
                    got.append((Kind(ctx.get(dut.kinds)), ctx.get(dut.data)))
            ctx.set(dut.loop_word, word)
            ctx.set(dut.loop_valid, 1)
            await ctx.tick()
            if ctx.get(dut.valid):
                got.append((Kind(ctx.get(dut.kinds)), ctx.get(dut.data)))
        status["locked"] = ctx.get(dut.block_lock)
        status["header_errors"] = ctx.get(dut.status.header_errors)
        status["block_errors"] = ctx.get(dut.status.block_errors)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return got, status


@pytest.mark.parametrize(("width", "offset"), [(16, 7), (64, 0), (64, 41)])
def test_blocks_made_by_software_are_found(width, offset, rng):
    kinds = [Kind.IDLE, Kind.DATA, Kind.START, Kind.MARKER, Kind.TERM3, Kind.TERM7]
    items = [(rng.choice(kinds), rng.getrandbits(64)) for _ in range(700)]
    coded = line(items)
    stream = sum(b << 66 * n for n, b in enumerate(coded)) >> offset
    words = [
        stream >> width * n & ((1 << width) - 1) for n in range((66 * len(coded) - offset) // width)
    ]
    got, status = feed(width, words, rng)
    assert status["locked"]
    assert status["header_errors"] == 0
    assert len(got) > 120
    expected = [block.decode(*block.encode(k, d, 0x103)) for k, d in items]
    tail = got[-100:]
    assert any(expected[n : n + 100] == tail for n in range(len(expected) - 99))


def test_line_errors_are_counted():
    """Two wrong headers and one damaged idle payload, far apart."""
    items = [(Kind.IDLE, 0)] * 1200
    coded = line(items)
    coded[900] ^= 1
    coded[1000] ^= 2
    coded[1100] ^= 1 << 30
    words = list(gearbox.from_blocks(coded, 64))
    got, status = feed(64, words)
    assert status["locked"]
    assert status["header_errors"] == 2
    # The payload error is seen at distance 0, 39 and 58 bits: in this block and the next.
    assert status["block_errors"] == 2 + 2
    assert sum(kind == Kind.ERROR for kind, _ in got) == 4
