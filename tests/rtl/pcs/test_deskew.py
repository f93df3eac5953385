"""Deskew: any permutation, any skew up to the limit, loss and recovery."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import block, deskew, framer
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.deskew import Deskew
from lightloom.rtl.pcs.row import RowKind, gather, spread


def line_rows(lanes, count, rng, *, marker_rows=32, ready=1, size=1):
    """Rows of random frames: (RowKind, data, count), and their blocks (kind, data).

    `lanes` counts every block; `size` of them are of one lane.
    """
    model = framer.Model(lanes)
    queue, rows, blocks = [], [], []
    for n in range(count):
        if n % marker_rows == marker_rows - 1:
            row = (RowKind.MARKER, 0, 0)
        else:
            if not queue:
                queue = [(RowKind.IDLE, 0, 0), *model.rows(rng.randbytes(rng.randint(1, 99)))]
            row = queue.pop(0)
        rows.append(row)
        kind, data, used = row
        line = []
        for lane, block_kind in enumerate(spread(kind, used, lanes)):
            part = data >> 64 * lane & ((1 << 64) - 1)
            header, payload = block.encode(block_kind, part, lane // size | ready << 8)
            line.append(block.decode(header, payload))
        blocks.append(line)
    return rows, blocks


class Bench:
    """Feeds physical lanes with their own skew and cadence."""

    def __init__(self, dut, blocks, source, skew, rng):
        """`source[p]` is the lane on physical lane `p`, `skew[p]` its delay in blocks."""
        self.dut = dut
        self.blocks = blocks
        self.source = source
        self.skew = skew
        self.rng = rng
        self.rows = []
        self.pulses = {"marker_error": 0, "skew_error": 0}
        self.aligned = []

    async def run(self, ctx, clocks, *, locked=lambda clock: None, start=0):
        dut = self.dut
        lanes = dut.lanes
        everyone = (1 << lanes) - 1
        # Each lane has its own phase in the 32 of 33 cadence, as gearboxes have.
        phase = [self.rng.randrange(33) for _ in range(lanes)]
        place = [start - skew for skew in self.skew]
        ctx.set(dut.enable, 1)
        for clock in range(clocks):
            mask = locked(clock)
            ctx.set(dut.locked, everyone if mask is None else mask)
            kinds = data = valid = 0
            size = dut.blocks
            for lane in range(lanes):
                if (clock + phase[lane]) % 33 == 32:
                    continue
                if 0 <= place[lane] < len(self.blocks):
                    line, first = self.blocks[place[lane]], size * self.source[lane]
                    for n, (kind, content) in enumerate(line[first : first + size]):
                        kinds |= kind << 4 * (size * lane + n)
                        data |= content << 64 * (size * lane + n)
                    valid |= 1 << lane
                place[lane] += 1
            ctx.set(dut.kinds, kinds)
            ctx.set(dut.data, data)
            ctx.set(dut.valid, valid)
            await ctx.tick()
            if ctx.get(dut.o_valid):
                kinds, blocks = ctx.get(dut.o_kinds), lanes * dut.blocks
                kind, count = gather([Kind(kinds >> 4 * n & 15) for n in range(blocks)])
                self.rows.append((kind, ctx.get(dut.o_data), count))
            for name in self.pulses:
                self.pulses[name] += ctx.get(getattr(dut, name))
            self.aligned.append(ctx.get(dut.aligned))


def simulate(bench, *args, **kwargs):
    sim = Simulator(bench.dut)
    sim.add_clock(1e-6)

    async def testbench(ctx):
        await bench.run(ctx, *args, **kwargs)
        bench.lane_ids = ctx.get(bench.dut.lane_ids)
        bench.skews = ctx.get(bench.dut.skews)
        bench.remote_ready = ctx.get(bench.dut.remote_ready)

    sim.add_testbench(testbench)
    sim.run()
    return bench


def same(got, sent):
    """Compare the parts of rows that mean something."""
    assert [k for k, _, _ in got] == [k for k, _, _ in sent]
    for (kind, data, count), (_, expected, used) in zip(got, sent, strict=True):
        if kind == RowKind.DATA:
            assert data == expected
        if kind == RowKind.END:
            assert count == used
            assert data & ((1 << 8 * used) - 1) == expected


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
def test_random_skews_and_permutations(lanes, rng):
    for _ in range(3):
        rows, blocks = line_rows(lanes, 160, rng)
        source = rng.sample(range(lanes), lanes)
        skew = [rng.randrange(13) for _ in range(lanes)]
        bench = simulate(Bench(Deskew(lanes=lanes), blocks, source, skew, rng), 220)
        first = rows.index((RowKind.MARKER, 0, 0))
        assert len(bench.rows) > 100
        same(bench.rows, rows[first : first + len(bench.rows)])
        assert bench.pulses == {"marker_error": 0, "skew_error": 0}
        assert [bench.lane_ids >> 4 * p & 15 for p in range(lanes)] == source
        assert bench.remote_ready
        for lane in range(lanes):  # earlier by the difference, give or take the cadence
            early = bench.skews >> 7 * lane & 127
            assert abs(early - (max(skew) - skew[lane])) <= 1
        # The golden model sees the same lanes.
        lanes_alone = [[line[s] for line in blocks] for s in source]
        numbers, ordered = deskew.align(lanes_alone)
        assert numbers == source
        assert ordered[: len(rows) - first] == blocks[first:]


@pytest.mark.parametrize("size", [2, 4])
def test_rows_of_several_blocks_a_lane(size, rng):
    rows, blocks = line_rows(3 * size, 160, rng, size=size)
    source, skew = [2, 0, 1], [0, 11, 4]
    bench = simulate(Bench(Deskew(lanes=3, blocks=size), blocks, source, skew, rng), 220)
    first = rows.index((RowKind.MARKER, 0, 0))
    assert len(bench.rows) > 100
    same(bench.rows, rows[first : first + len(bench.rows)])
    assert [bench.lane_ids >> 4 * p & 15 for p in range(3)] == source
    assert bench.remote_ready


@pytest.mark.parametrize("depth", [16, 32])
def test_largest_skew(depth, rng):
    _, blocks = line_rows(2, 300, rng, marker_rows=128)
    dut = Deskew(lanes=2, depth=depth)
    good = simulate(Bench(dut, blocks, [0, 1], [0, dut.max_skew], rng), 250)
    assert good.aligned[-1]
    assert good.pulses["skew_error"] == 0
    _, blocks = line_rows(2, 300, rng, marker_rows=128)
    bad = simulate(Bench(Deskew(lanes=2, depth=depth), blocks, [0, 1], [0, depth + 2], rng), 250)
    assert not any(bad.aligned)
    assert bad.pulses["skew_error"] > 0


def test_two_lanes_with_one_number_do_not_align(rng):
    _, blocks = line_rows(4, 200, rng)
    bench = simulate(Bench(Deskew(lanes=4), blocks, [0, 1, 1, 3], [0] * 4, rng), 250)
    assert not any(bench.aligned)
    assert bench.pulses["marker_error"] > 0


def test_loss_of_lock_stops_rows_and_alignment_comes_back(rng):
    rows, blocks = line_rows(2, 300, rng)
    bench = Bench(Deskew(lanes=2), blocks, [1, 0], [3, 0], rng)
    simulate(bench, 300, locked=lambda clock: 0b01 if 100 <= clock < 110 else None)
    edges = [
        n for n, (a, b) in enumerate(zip(bench.aligned, bench.aligned[1:], strict=False)) if a != b
    ]
    assert len(edges) == 3  # up, down, up
    assert 99 <= edges[1] <= 101
    assert bench.aligned[-1]
    # What comes after is in order again: the tail equals the tail sent up to the last row out.
    last = [k for k, _, _ in bench.rows[-60:]]
    kinds = [k for k, _, _ in rows]
    assert any(kinds[n : n + 60] == last for n in range(len(kinds) - 60))


@pytest.mark.parametrize("slip_blocks", [1, 5])
def test_a_lane_that_moves_by_blocks_is_found_and_realigned(slip_blocks, rng):
    """Alignment is lost after four bad marker rows, then found again with the new skew."""
    rows, blocks = line_rows(2, 420, rng)
    moved = [
        [line[0], blocks[max(0, n - slip_blocks)][1] if n > 100 else line[1]]
        for n, line in enumerate(blocks)
    ]
    bench = simulate(Bench(Deskew(lanes=2), moved, [0, 1], [0, 0], rng), 430)
    assert bench.pulses["marker_error"] == deskew.BAD_MARKERS_TO_LOSE
    assert bench.aligned[-1]
    last = [k for k, _, _ in bench.rows[-40:]]
    kinds = [k for k, _, _ in rows]
    assert any(kinds[n : n + 40] == last for n in range(len(kinds) - 40))


def test_one_bad_marker_keeps_alignment(rng):
    _, blocks = line_rows(2, 200, rng)
    spoilt = [[(Kind.ERROR, 0), line[1]] if n == 95 else line for n, line in enumerate(blocks)]
    bench = simulate(Bench(Deskew(lanes=2), spoilt, [0, 1], [0, 0], rng), 200)
    assert bench.pulses["marker_error"] == 1
    assert bench.aligned[-1]
    assert bench.rows[95 - 31][0] == RowKind.ERROR


def test_remote_ready_follows_the_bit(rng):
    _, off = line_rows(2, 64, rng, ready=0)
    _, on = line_rows(2, 64, rng, ready=1)
    bench = simulate(Bench(Deskew(lanes=2), off + on, [0, 1], [0, 0], rng), 90)
    assert bench.aligned[-1]
    assert not bench.remote_ready
    bench = simulate(Bench(Deskew(lanes=2), off + on, [0, 1], [0, 0], rng), 130)
    assert bench.remote_ready


def test_latency_is_two_clocks(rng):
    """From the clock of a row's last block to the clock in which it comes out."""
    dut = Deskew(lanes=1)
    seen = []

    async def bench(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.locked, 1)
        for _ in range(3):
            await ctx.tick()
        ctx.set(dut.kinds, Kind.MARKER)
        ctx.set(dut.data, 0)
        ctx.set(dut.valid, 1)
        await ctx.tick()
        ctx.set(dut.valid, 0)
        for _ in range(10):
            await ctx.tick()
        ctx.set(dut.kinds, Kind.DATA)
        ctx.set(dut.data, 99)
        ctx.set(dut.valid, 1)
        for _ in range(8):
            await ctx.tick()
            ctx.set(dut.valid, 0)
            seen.append(ctx.get(dut.o_valid) and ctx.get(dut.o_data))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert seen.index(99) == dut.latency


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"depth": 20}, "depth = 20; allowed: 16, 32, 64"),
        ({"lanes": 17}, "lanes = 17; allowed: 1 to 16"),
        ({"blocks": 5}, "blocks = 5; allowed: 1 to 4"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(ValueError, match=message):
        Deskew(**({"lanes": 2} | parameters))
