"""Rows of two blocks: the model, both orders, damage, and a slip by one block."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs.block import SECOND, Kind
from lightloom.rtl.pcs.pair_order import Model, PairOrder


def marker(number):
    return [(Kind.MARKER, number), (Kind.MARKER, number | SECOND)]


def stream(rng, rows, every=8):
    """Blocks of rows with markers."""
    blocks = []
    for n in range(rows):
        kinds = [Kind.IDLE, Kind.DATA, Kind.START, Kind.TERM5, Kind.ERROR]
        plain = [(rng.choice(kinds), rng.getrandbits(64)) for _ in range(2)]
        blocks += marker(rng.getrandbits(32) & ~SECOND) if n % every == 3 else plain
    return blocks


def pairs_of(blocks):
    return list(zip(blocks[::2], blocks[1::2], strict=False))


def run(pairs, rng=None):
    """Row or None and `moved` for each pair."""
    dut = PairOrder()
    out = []

    async def bench(ctx):
        ctx.set(dut.locked, 1)
        for (kind, data), (next_kind, next_data) in pairs:
            while rng is not None and rng.random() < 0.3:
                ctx.set(dut.valid, 0)
                await ctx.tick()
                assert not ctx.get(dut.o_valid)
                assert not ctx.get(dut.moved)
            ctx.set(dut.kinds, kind | next_kind << 4)
            ctx.set(dut.data, data | next_data << 64)
            ctx.set(dut.valid, 1)
            await ctx.tick()
            kinds, value = ctx.get(dut.o_kinds), ctx.get(dut.o_data)
            low = Kind(kinds & 15), value & (1 << 64) - 1
            high = Kind(kinds >> 4), value >> 64
            out.append(((low, high) if ctx.get(dut.o_valid) else None, bool(ctx.get(dut.moved))))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return out


@pytest.mark.parametrize("late", [0, 1])
def test_rows_leave_from_the_first_marker_on(rng, late):
    blocks = [(Kind.IDLE, 0)] * late + stream(rng, 40)
    got = run(pairs_of(blocks), rng)
    rows = [row for row, _ in got if row is not None]
    assert rows == pairs_of(blocks[late:])[3 : 3 + len(rows)]
    assert len(rows) >= 36
    assert not any(moved for _, moved in got)


@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("damaged", [0, 1])
def test_a_damaged_marker_row_decides_nothing(rng, late, damaged):
    blocks = [(Kind.IDLE, 0)] * late + stream(rng, 40)
    blocks[late + 6 + damaged] = (Kind.ERROR, 0)
    got = run(pairs_of(blocks))
    rows = [row for row, _ in got if row is not None]
    assert rows == pairs_of(blocks[late:])[11 : 11 + len(rows)]
    assert len(rows) >= 28


@pytest.mark.parametrize("late", [0, 1])
def test_a_slip_by_a_block_ends_the_rows_at_the_next_marker(rng, late):
    blocks = [(Kind.IDLE, 0)] * late + stream(rng, 40)
    cut = blocks[: late + 30] + blocks[late + 31 :]
    got = run(pairs_of(cut))
    told = [n for n, (_, moved) in enumerate(got) if moved]
    # the next marker row is row 19; its second block is block late + 39 without the one cut out
    assert told == [(late + 38) // 2]
    assert got[told[0]][0] is None
    assert all(row is None for row, _ in got[told[0] : told[0] + 8])


def test_a_marker_block_in_the_wrong_half_is_an_error(rng):
    blocks = stream(rng, 40)
    blocks[23:24] = [(Kind.DATA, 1), blocks[23]]  # from here on half a row off
    blocks[23 + 16] = (Kind.ERROR, 0)  # the first block of the marker row that would tell
    got = run(pairs_of(blocks))
    assert got[20][0] == ((Kind.ERROR, blocks[40][1]), blocks[41])
    assert blocks[40][0] == Kind.MARKER


def test_equals_the_model(rng):
    blocks = stream(rng, 300, every=5)
    for _ in range(25):
        at = rng.randrange(len(blocks))
        if rng.random() < 0.5:
            del blocks[at]
        else:
            kind, data = blocks[at]
            blocks[at] = rng.choice([(kind, data ^ SECOND), (Kind.MARKER, data)])
    model = Model()
    expected = []
    for pair in pairs_of(blocks):
        row = model.pair(*pair)
        expected.append((row, model.moved))
    assert run(pairs_of(blocks), rng) == expected
    assert sum(moved for _, moved in expected) > 2


def test_without_lock_nothing_leaves_and_the_order_is_found_anew(rng):
    dut = PairOrder()

    async def bench(ctx):
        async def clock(first, second, locked):
            ctx.set(dut.kinds, first[0] | second[0] << 4)
            ctx.set(dut.data, first[1] | second[1] << 64)
            ctx.set(dut.valid, 1)
            ctx.set(dut.locked, locked)
            await ctx.tick()
            return ctx.get(dut.o_valid)

        other = (Kind.DATA, 7)
        begin, end = marker(1)
        assert await clock(begin, end, 1)
        assert await clock(other, other, 1)
        assert not await clock(begin, end, 0)
        assert not await clock(other, begin, 1)
        assert await clock(end, other, 1)
        assert not ctx.get(dut.moved)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
