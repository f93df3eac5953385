"""What the lanes send: software reads rows, lane numbers and seeds from their words."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link.config import Config
from lightloom.rtl.link.transmitter import Transmitter, seed
from lightloom.rtl.pcs import block, frames, gearbox, scrambler
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.narrow import narrow

LANES = 4
WIDTHS = pytest.mark.parametrize("bits", [64, 128])


def run(frame, bits, *, wanted=0, clocks=400, **parameters):
    """Blocks (kind, data) of each lane from the first marker on."""
    dut = Transmitter(Config(lanes=LANES, symbols_per_clock=bits, marker_rows=64, **parameters))
    words = [[] for _ in range(LANES)]

    async def source(ctx):
        await ctx.tick().repeat(150)  # behind the first two markers
        await frames.send(ctx, dut.i, [frame], LANES * dut.config.blocks)

    async def bench(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.run, 1)
        ctx.set(dut.wanted, wanted)
        ctx.set(dut.marker_word, 0x123401)
        for _ in range(clocks):
            await ctx.tick()
            value = ctx.get(dut.words)
            for lane in range(LANES):
                words[lane].append(value >> bits * lane & (1 << bits) - 1)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(source, background=True)
    sim.add_testbench(bench)
    sim.run()
    return [read(lane_words, bits) for lane_words in words]


def read(words, bits):
    for skip in range(66):
        blocks = list(gearbox.to_blocks(words, bits, skip=skip))[2:]
        if all(b & 3 in (1, 2) for b in blocks):
            break
    state, out = 0, []
    for item in blocks:
        data, state = scrambler.descramble(item >> 2, state)
        out.append(block.decode(item & 3, data))
    begins = (kind == Kind.MARKER and not data & block.SECOND for kind, data in out)
    return out[list(begins).index(True) :]


@WIDTHS
def test_lanes_carry_their_number_and_part_of_the_frame(bits, rng):
    together = gearbox.blocks_together(bits)
    size = 8 * together  # bytes of a lane a row
    frame = rng.randbytes(size * LANES * 3 + 11)
    lanes = run(frame, bits)
    for number, blocks in enumerate(lanes):
        markers = [data for kind, data in blocks if kind == Kind.MARKER]
        words = [0x12340100 | number | block.SECOND * n for n in range(together)]
        assert markers == words * (len(markers) // together)
        places = [n for n, (kind, _) in enumerate(blocks) if kind == Kind.MARKER]
        assert places[together] == 64 * together
    data = [[d.to_bytes(8, "little") for kind, d in x if kind == Kind.DATA] for x in lanes]
    rows = [slice(n * together, (n + 1) * together) for n in range(3)]
    order = [part for row in rows for lane in range(LANES) for part in data[lane][row]]
    assert b"".join(order) == frame[: size * LANES * 3]
    assert data[0][3 * together] == frame[-11:-3]
    last = lanes[0 if together == 2 else 1]
    end = next(value for kind, value in last if kind == Kind.TERM3)
    assert end == int.from_bytes(frame[-3:], "little")


@WIDTHS
def test_rows_go_over_the_lanes_that_are_heard(bits, rng):
    together = gearbox.blocks_together(bits)
    size = 8 * together
    frame = rng.randbytes(size * LANES * 2)
    lanes = run(frame, bits, wanted=0b1011, degradable=True)
    used = [any(kind == Kind.DATA for kind, _ in blocks) for blocks in lanes]
    assert used == [True, True, False, False]
    row = [int.from_bytes(frame[size * n : size * (n + 1)], "little") for n in range(LANES)]
    sent = []
    for blocks in lanes[:2]:
        values = [data for kind, data in blocks if kind == Kind.DATA]
        pieces = [values[n * together : (n + 1) * together] for n in range(2)]
        sent.append([sum(v << 64 * n for n, v in enumerate(piece)) for piece in pieces])
    parts = narrow(row, 0b1011)
    assert sent == [[part[lane] for part in parts] for lane in range(2)]


def test_seeds_differ_and_are_never_zero():
    seeds = {seed(lane, 58) for lane in range(16)}
    assert len(seeds) == 16
    assert len({s & 0x1FFF for s in seeds}) == 16  # the training pattern uses 13 bits
    assert all(s & 0x1FFF for s in seeds)


@pytest.mark.parametrize("degradable", [False, True])
def test_all_lanes_are_active_until_told_otherwise(degradable):
    dut = Transmitter(Config(lanes=LANES, degradable=degradable))

    async def bench(ctx):
        assert ctx.get(dut.announce) == ctx.get(dut.applied) == 0b1111

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
