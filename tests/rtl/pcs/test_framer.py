"""Framer: rows of frames as the model says, markers on time, nothing lost in pauses."""

import itertools

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import frames as stimulus
from lightloom.rtl.pcs.framer import Framer, Model
from lightloom.rtl.pcs.row import RowKind


def run(dut, frames, clocks, rng, *, idle=0.3, slot=0.8, disable_at=None):
    """Rows taken in slots, with pulses counted."""
    rows, pulses = [], {"sent": 0, "aborted": 0}

    async def source(ctx):
        await stimulus.send(ctx, dut.i, frames, dut.lanes, rng=rng, idle=idle)

    async def sink(ctx):
        for clock in range(clocks):
            use = rng.random() < slot
            ctx.set(dut.slot, use)
            ctx.set(dut.enable, disable_at is None or clock < disable_at)
            _, _, kind, data, count, sent, aborted = await ctx.tick().sample(
                dut.o.kind, dut.o.data, dut.o.count, dut.sent, dut.aborted
            )
            pulses["sent"] += sent
            pulses["aborted"] += aborted
            if use:
                rows.append((RowKind(kind), data, count))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(source, background=True)
    sim.add_testbench(sink)
    sim.run()
    return rows, pulses


def useful(rows):
    """Rows that carry a frame, with fields that mean nothing cleared."""
    out = []
    for kind, data, count in rows:
        if kind in (RowKind.IDLE, RowKind.MARKER):
            continue
        if kind == RowKind.END:
            out.append((kind, data & ((1 << 8 * count) - 1), count))
        else:
            out.append((kind, data if kind == RowKind.DATA else 0, 0))
    return out


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_rows_equal_the_model_under_random_pauses(lanes, rng):
    size = 8 * lanes
    frames = [rng.randbytes(n) for n in (1, size - 1, size, size + 1, 2 * size, 3 * size - 1)]
    frames += [rng.randbytes(rng.randint(1, 4 * size)) for _ in range(30)]
    model = Model(lanes)
    expected = [r for frame in frames for r in model.rows(frame)]
    got, pulses = run(Framer(lanes=lanes, marker_rows=16), frames, 1200, rng)
    assert useful(got) == expected
    assert pulses == {"sent": len(frames), "aborted": 0}


def test_every_nth_row_is_a_marker_also_inside_frames(rng):
    rows, _ = run(Framer(lanes=1, marker_rows=20), [rng.randbytes(2000)], 400, rng, idle=0)
    places = [n for n, (kind, _, _) in enumerate(rows) if kind == RowKind.MARKER]
    assert len(places) >= 10
    assert places[0] == 0
    assert {b - a for a, b in itertools.pairwise(places)} == {20}


def test_back_to_back_frames_cost_one_start_row_each(rng):
    frames = [rng.randbytes(12)] * 10  # a full and a partial word: START, DATA, END
    rows, _ = run(Framer(lanes=1, marker_rows=1000), frames, 60, rng, idle=0, slot=1.0)
    kinds = [kind for kind, _, _ in rows]
    first = kinds.index(RowKind.START)
    assert kinds[first : first + 30] == [RowKind.START, RowKind.DATA, RowKind.END] * 10


def test_loss_of_enable_inside_a_frame_ends_it_with_an_error_row(rng):
    dut = Framer(lanes=1, marker_rows=1000)
    frames = [rng.randbytes(400), rng.randbytes(8)]
    rows, pulses = run(dut, frames, 200, rng, idle=0, slot=1.0, disable_at=20)
    kinds = [kind for kind, _, _ in rows if kind != RowKind.IDLE]
    assert kinds[:2] == [RowKind.MARKER, RowKind.START]
    assert kinds[-1] == RowKind.ERROR
    assert kinds.count(RowKind.START) == 1  # the second frame waits
    assert pulses == {"sent": 0, "aborted": 1}


def test_last_word_with_error_is_an_error_row():
    dut = Framer(lanes=1, marker_rows=1000)
    kinds = []

    async def bench(ctx):
        ctx.set(dut.slot, 1)
        ctx.set(dut.enable, 1)
        ctx.set(dut.i.payload, {"data": 7, "count": 8, "last": 1, "error": 1})
        ctx.set(dut.i.valid, 1)
        for _ in range(2):
            await ctx.tick()
            kinds.append(ctx.get(dut.o.kind))
        ctx.set(dut.i.valid, 0)
        await ctx.tick()
        kinds.append(ctx.get(dut.o.kind))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert kinds == [RowKind.START, RowKind.ERROR, RowKind.IDLE]


@pytest.mark.parametrize("marker_rows", [15, 65537])
def test_marker_rows_is_checked(marker_rows):
    with pytest.raises(ValueError, match=f"marker_rows = {marker_rows}; allowed: 16 to 65536"):
        Framer(lanes=1, marker_rows=marker_rows)
