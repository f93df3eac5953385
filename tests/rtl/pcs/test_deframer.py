"""Deframer: frames come back, damage is marked, nothing disappears in silence."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import deframer, framer
from lightloom.rtl.pcs.deframer import Deframer
from lightloom.rtl.pcs.frames import Collector
from lightloom.rtl.pcs.row import RowKind


def run(dut, rows, rng=None, *, idle=0.3, ready=0.7):
    """Words out: (data, count, last, error), and pulses."""
    out, pulses = [], [0, 0]
    done = False

    async def source(ctx):
        nonlocal done
        for kind, data, count in rows:
            while rng is not None and rng.random() < idle:
                ctx.set(dut.i.valid, 0)
                await ctx.tick()
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload.kind, kind)
            ctx.set(dut.i.payload.data, data)
            ctx.set(dut.i.payload.count, count)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)
        done = True

    async def sink(ctx):
        quiet = 0
        while quiet < 20:
            use = rng is None or rng.random() < ready
            ctx.set(dut.o.ready, use)
            payload = dut.o.payload
            _, _, valid, data, count, last, error, received, errored = await ctx.tick().sample(
                dut.o.valid,
                payload.data,
                payload.count,
                payload.last,
                payload.error,
                dut.received,
                dut.errored,
            )
            pulses[0] += received
            pulses[1] += errored
            if valid and use:
                out.append((data, count, bool(last), bool(error)))
            quiet = quiet + 1 if done else 0

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(source)
    sim.add_testbench(sink)
    sim.run()
    return out, pulses


def model_words(rows, lanes):
    model = deframer.Model(lanes)
    return [word for kind, data, count in rows for word in model.row(kind, data, count)]


def with_idle(rows, rng):
    out = []
    for item in rows:
        while rng.random() < 0.3:
            out.append((rng.choice([RowKind.IDLE, RowKind.MARKER]), rng.getrandbits(32), 3))
        out.append(item)
    return out


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_frames_come_back(lanes, rng):
    size = 8 * lanes
    frames = [rng.randbytes(n) for n in (1, size - 1, size, size + 1, 2 * size, 3 * size - 1)]
    frames += [rng.randbytes(rng.randint(1, 4 * size)) for _ in range(30)]
    source = framer.Model(lanes)
    rows = with_idle([r for frame in frames for r in source.rows(frame)], rng)
    words, pulses = run(Deframer(lanes=lanes), rows, rng)
    collector = Collector(lanes)
    for word in words:
        collector.word(*word)
    assert collector.frames == [(frame, False) for frame in frames]
    assert pulses == [len(frames), 0]


def test_equals_the_model_on_any_rows(rng):
    lanes = 2
    weights = {
        RowKind.IDLE: 2,
        RowKind.START: 2,
        RowKind.DATA: 6,
        RowKind.END: 3,
        RowKind.MARKER: 1,
        RowKind.ERROR: 1,
    }
    kinds = rng.choices(list(weights), list(weights.values()), k=800)
    rows = [
        (kind, rng.getrandbits(128), rng.randrange(16) if kind == RowKind.END else 0)
        for kind in kinds
    ]
    rows += [(RowKind.START, 0, 0)]  # brings out what waits
    words, pulses = run(Deframer(lanes=lanes), rows, rng)
    assert words == model_words(rows, lanes)
    assert pulses[1] == sum(last and error for *_, last, error in words) > 20


def test_one_lost_row_of_a_frame_is_never_silent():
    """Each row of a three-row frame lost or made an error: a damaged frame is seen."""
    good = framer.Model(1).rows(bytes(range(1, 21)))  # START, DATA, DATA, END
    for place in range(len(good)):
        rows = [*good, *good]
        rows[place] = (RowKind.ERROR, 0, 0)
        words, _ = run(Deframer(lanes=1), rows)
        ends = [error for *_, last, error in words if last]
        assert ends == [True, False], place


def test_throughput_is_one_row_a_clock():
    dut = Deframer(lanes=1)
    rows = [r for _ in range(10) for r in framer.Model(1).rows(bytes(24))]
    stalls = 0

    async def bench(ctx):
        nonlocal stalls
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        for kind, data, count in rows:
            ctx.set(dut.i.payload, {"kind": kind, "data": data, "count": count})
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            stalls += not ready

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert stalls == 0
