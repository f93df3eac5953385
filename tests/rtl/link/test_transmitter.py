"""What the lanes send: software reads rows, lane numbers and seeds from their words."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link.config import Config
from lightloom.rtl.link.transmitter import Transmitter, seed
from lightloom.rtl.pcs import block, frames, gearbox, scrambler
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.narrow import narrow

LANES = 4
BITS = 64


def run(frame, *, wanted=0, clocks=400, **parameters):
    """Blocks (kind, data) of each lane from the first marker on."""
    dut = Transmitter(Config(lanes=LANES, symbols_per_clock=BITS, marker_rows=64, **parameters))
    words = [[] for _ in range(LANES)]

    async def source(ctx):
        await ctx.tick().repeat(150)  # behind the first two markers
        await frames.send(ctx, dut.i, [frame], LANES)

    async def bench(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.run, 1)
        ctx.set(dut.wanted, wanted)
        ctx.set(dut.marker_word, 0x123401)
        for _ in range(clocks):
            await ctx.tick()
            value = ctx.get(dut.words)
            for lane in range(LANES):
                words[lane].append(value >> BITS * lane & (1 << BITS) - 1)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(source, background=True)
    sim.add_testbench(bench)
    sim.run()
    return [read(lane_words) for lane_words in words]


def read(words):
    for skip in range(66):
        blocks = list(gearbox.to_blocks(words, BITS, skip=skip))[2:]
        if all(b & 3 in (1, 2) for b in blocks):
            break
    state, out = 0, []
    for item in blocks:
        data, state = scrambler.descramble(item >> 2, state)
        out.append(block.decode(item & 3, data))
    first = next(n for n, (kind, _) in enumerate(out) if kind == Kind.MARKER)
    return out[first:]


def test_lanes_carry_their_number_and_part_of_the_frame(rng):
    frame = rng.randbytes(8 * LANES * 3 + 11)
    lanes = run(frame)
    for number, blocks in enumerate(lanes):
        markers = [data for kind, data in blocks if kind == Kind.MARKER]
        assert set(markers) == {0x12340100 | number}
        assert [n for n, (kind, _) in enumerate(blocks) if kind == Kind.MARKER][1] == 64
    data = [[d for kind, d in blocks if kind == Kind.DATA] for blocks in lanes]
    order = [data[lane][n] for n in range(3) for lane in range(LANES)]
    assert b"".join(part.to_bytes(8, "little") for part in order) == frame[: 8 * LANES * 3]
    assert data[0][3].to_bytes(8, "little") == frame[96:104]
    assert lanes[1][[k for k, _ in lanes[1]].index(Kind.TERM3)][1] == int.from_bytes(
        frame[104:], "little"
    )


def test_rows_go_over_the_lanes_that_are_heard(rng):
    frame = rng.randbytes(8 * LANES * 2)
    lanes = run(frame, wanted=0b1011, degradable=True)
    used = [any(kind == Kind.DATA for kind, _ in blocks) for blocks in lanes]
    assert used == [True, True, False, False]
    row = [int.from_bytes(frame[8 * n : 8 * n + 8], "little") for n in range(LANES)]
    sent = [[d for kind, d in blocks if kind == Kind.DATA][:2] for blocks in lanes[:2]]
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
