"""Elastic buffer: order kept across clocks of different rates, idle inserted, damage marked."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link.elastic_buffer import ElasticBuffer, rate_limit_ppm
from lightloom.rtl.pcs.row import RowKind

PERIOD = 2e-9
ORDER = "allowed: 4 <= delete_level < catch_up_level < 28"


class Bench:
    """Rows written at the cadence of `rx`, read in slots of `sync`, `ppm` apart."""

    def __init__(self, rows, *, ppm=0.0, ready=lambda clock: True, cut_at=(), **parameters):
        self.dut = ElasticBuffer(lanes=1, **parameters)
        self.rows = rows
        self.ready = ready
        self.cut_at = cut_at
        self.out = []
        self.worst_wait = 0
        self.count = {"deleted": 0, "inserted": 0, "overflow": 0}
        self.sim = Simulator(self.dut)
        self.sim.add_clock(PERIOD, domain="sync")
        # A far end that is faster has a shorter period.
        self.sim.add_clock(PERIOD / (1 + ppm * 1e-6), phase=0.3e-9, domain="rx")
        self.done = False

    async def write(self, ctx):
        dut = self.dut
        place = clock = 0
        while place < len(self.rows):
            use = clock % 33 != 32
            if use:
                kind, data = self.rows[place]
                ctx.set(dut.i, {"data": data, "count": 1, "kind": kind})
                place += 1
            ctx.set(dut.i_valid, use)
            ctx.set(dut.cut, clock in self.cut_at)
            _, _, deleted, overflow = await ctx.tick("rx").sample(dut.deleted, dut.overflow)
            self.count["deleted"] += deleted
            self.count["overflow"] += overflow
            clock += 1
        ctx.set(dut.i_valid, 0)
        self.done = True

    async def read(self, ctx):
        dut = self.dut
        clock = quiet = 0
        while quiet < 100:
            ctx.set(dut.slot, clock % 33 != 17)
            ctx.set(dut.active, bool(self.out) and not self.done)
            ready = self.ready(clock)
            ctx.set(dut.o.ready, ready)
            _, _, valid, kind, data, inserted = await ctx.tick().sample(
                dut.o.valid, dut.o.payload.kind, dut.o.payload.data, dut.inserted
            )
            if valid and ready:
                self.out.append((RowKind(kind), data))
            self.count["inserted"] += inserted
            clock += 1
            quiet = quiet + 1 if self.done else 0

    def run(self):
        self.sim.add_testbench(self.write)
        self.sim.add_testbench(self.read)
        self.sim.run()
        return self


def traffic(count, rng, *, marker_rows=64, idle=0.2):
    """Numbered rows with idle and marker rows among them."""
    rows = []
    for n in range(count):
        if n % marker_rows == 0:
            rows.append((RowKind.MARKER, n))
        elif rng.random() < idle:
            rows.append((RowKind.IDLE, n))
        else:
            rows.append((rng.choice([RowKind.START, RowKind.DATA, RowKind.END]), n))
    return rows


def useful(rows):
    return [row for row in rows if row[0] not in (RowKind.IDLE, RowKind.MARKER)]


@pytest.mark.parametrize(
    ("ppm", "length"), [(-300, 16000), (-100, 4000), (0, 4000), (100, 4000), (300, 16000)]
)
def test_no_row_is_lost_at_any_offset(ppm, length, rng):
    rows = traffic(length, rng)
    bench = Bench(rows, ppm=ppm).run()
    assert useful(bench.out) == useful(rows)
    assert RowKind.MARKER not in {kind for kind, _ in bench.out}
    assert bench.count["overflow"] == 0
    # Rows are conserved: what is read is what was written less what was deleted.
    assert len(bench.out) == len(rows) - bench.count["deleted"]
    # The counters follow the offset, give or take the rows the buffer can hold.
    drift = bench.count["deleted"] - bench.count["inserted"]
    assert abs(drift - length * ppm * 1e-6) <= 8


@pytest.mark.parametrize("ppm", [3000, 20000])
def test_a_frame_without_end_and_without_idle_needs_only_the_spare_clocks(ppm):
    """Above any real offset and with nothing to delete, the reader's 33rd clocks suffice."""
    rows = [(RowKind.DATA, n) for n in range(5000)]
    bench = Bench(rows, ppm=ppm).run()
    assert bench.out == rows
    assert bench.count["overflow"] == 0
    assert ppm < rate_limit_ppm(64) == rate_limit_ppm(128)


@pytest.mark.parametrize("ppm", [-10000, 10000])
def test_idle_is_inserted_for_a_slow_far_end_and_deleted_for_a_fast_one(ppm, rng):
    bench = Bench(traffic(6000, rng), ppm=ppm).run()
    drift = bench.count["deleted"] - bench.count["inserted"]
    assert abs(drift - 6000 * ppm * 1e-6) <= 8


def test_back_pressure_that_fits_loses_only_idle(rng):
    rows = traffic(3000, rng)
    bench = Bench(rows, ready=lambda clock: not 500 <= clock < 515).run()
    assert useful(bench.out) == useful(rows)
    assert bench.count["overflow"] == 0


def test_back_pressure_that_does_not_fit_is_marked_and_counted(rng):
    rows = traffic(3000, rng, idle=0.0)
    bench = Bench(rows, ready=lambda clock: not 500 <= clock < 600).run()
    out = useful(bench.out)
    marks = [n for n, (kind, _) in enumerate(out) if kind == RowKind.ERROR]
    assert len(marks) == 1
    assert bench.count["overflow"] == len(useful(rows)) - (len(out) - 1)
    assert 20 < bench.count["overflow"] < 100
    # Before the mark and after it the rows are in order; the mark stands where rows are missing.
    expected = useful(rows)
    assert out[: marks[0]] == expected[: marks[0]]
    tail = out[marks[0] + 1 :]
    assert tail == expected[len(expected) - len(tail) :]


def test_a_stream_that_breaks_off_is_marked_without_a_further_row(rng):
    rows = [(RowKind.DATA, n) for n in range(50)]
    bench = Bench(rows, cut_at=[51]).run()
    # 50 rows take 51 clocks; the cut comes with no row beside it.
    assert bench.out[-1][0] in (RowKind.ERROR, RowKind.DATA)
    rows += [(RowKind.IDLE, 50), (RowKind.IDLE, 51)]
    bench = Bench(rows, cut_at=[51]).run()
    assert [kind for kind, _ in bench.out].count(RowKind.ERROR) == 1
    assert useful(bench.out)[:50] == rows[:50]


@pytest.mark.parametrize("phase", [0, 5])
def test_latency_of_an_empty_buffer(phase):
    """From the `rx` clock that writes a row to the `sync` clock that takes it."""
    dut = ElasticBuffer(lanes=1)
    times = {"clock": 0, "written": 0}

    async def write(ctx):
        for _ in range(20):
            await ctx.tick("rx")
        ctx.set(dut.i.kind, RowKind.DATA)
        ctx.set(dut.i_valid, 1)
        await ctx.tick("rx")
        times["written"] = times["clock"]
        ctx.set(dut.i_valid, 0)

    async def read(ctx):
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.slot, 1)
        valid = 0
        while not valid:
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            times["clock"] += 1

    sim = Simulator(dut)
    sim.add_clock(PERIOD, domain="sync")
    sim.add_clock(PERIOD, phase=PERIOD * (1 + phase) / 8, domain="rx")
    sim.add_testbench(write, background=True)
    sim.add_testbench(read)
    sim.run()
    clocks = times["clock"] - times["written"]
    assert ElasticBuffer.latency - 1 <= clocks <= ElasticBuffer.latency


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"depth": 16}, "depth = 16; allowed: 32, 64, 128"),
        ({"delete_level": 3}, f"delete_level = 3, catch_up_level = 14; {ORDER}"),
        ({"catch_up_level": 28}, f"delete_level = 8, catch_up_level = 28; {ORDER}"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        ElasticBuffer(lanes=1, **parameters)
