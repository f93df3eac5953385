"""Two ends that agree on a change of path, over a line that delays and may fall silent."""

import pytest
from amaranth import Elaboratable, Module, Signal
from amaranth.sim import Simulator

from lightloom.rtl.ocs.guard import Path
from lightloom.rtl.ocs.ocstrx.inband import InBand, Kind, word

DELAY = (7, 12)
LIMIT, LEAD = 100, 30


class Line(Elaboratable):
    """Words of each end reach the other `DELAY` clocks later, unless it is `silent`."""

    def __init__(self):
        self.ends = [InBand(), InBand()]
        self.silent = Signal(2)
        self.arrives = [Signal(8), Signal(8)]

    def elaborate(self, platform):
        m = Module()
        for n, end in enumerate(self.ends):
            m.submodules[f"end_{n}"] = end
            told = end.tell
            for stage in range(DELAY[n]):
                late = Signal(8, name=f"late_{n}_{stage}")
                m.d.sync += late.eq(told)
                told = late
            with m.If(~self.silent[n]):
                m.d.comb += self.arrives[n].eq(told)
            m.d.comb += self.ends[1 - n].told.eq(self.arrives[n])
        return m


class Bench:
    """Pulses of both ends by clock: (clock, end, name, path)."""

    def __init__(self, story):
        self.line = Line()
        self.events = []
        self.paused = [0, 0]
        self.clock = 0

        async def bench(ctx):
            self.ctx = ctx
            for end in self.line.ends:
                for name, value in {"able": 1, "accept": 3, "limit": LIMIT, "lead": LEAD}.items():
                    ctx.set(getattr(end, name), value)
            await story(self)

        sim = Simulator(self.line)
        sim.add_clock(1e-8)
        sim.add_testbench(bench)
        sim.run()

    def set(self, end, **inputs):
        for name, value in inputs.items():
            self.ctx.set(getattr(self.line.ends[end], name), value)

    def get(self, end, name):
        return self.ctx.get(getattr(self.line.ends[end], name))

    async def run(self, clocks):
        for _ in range(clocks):
            for end in (0, 1):
                for name in ("agreed", "refused", "expired", "follow"):
                    if self.get(end, name):
                        path = self.get(end, "follow_path") if name == "follow" else None
                        self.events.append((self.clock, end, name, path))
                self.paused[end] += self.get(end, "pause")
            await self.ctx.tick()
            self.set(0, ask=0, cancel=0)
            self.set(1, ask=0, cancel=0)
            self.clock += 1

    def names(self):
        return sorted((end, name) for _, end, name, _ in self.events)


def test_both_change_within_the_flight_of_each_other():
    async def story(bench):
        bench.set(0, ask=1, ask_path=Path.BACKUP)
        await bench.run(200)
        (first, *_), (second, *_, path) = bench.events
        assert bench.names() == [(0, "agreed"), (1, "follow")]
        assert path == Path.BACKUP
        assert second - first == DELAY[0] + 1  # the GO's flight
        assert min(bench.paused) >= LEAD
        assert [bench.get(end, "tell") for end in (0, 1)] == [0, 0]
        # And the other way round, with the next number.
        bench.set(1, ask=1, ask_path=Path.PRIMARY)
        await bench.run(5)
        assert bench.get(1, "tell") == word(Kind.REQUEST, Path.PRIMARY, 1)
        await bench.run(200)
        assert bench.names()[1:] == [(0, "follow"), (1, "agreed"), (1, "follow")]

    Bench(story)


@pytest.mark.parametrize("inputs", [{"able": 0}, {"accept": 1}])
def test_it_is_refused(inputs):
    async def story(bench):
        bench.set(1, **inputs)
        bench.set(0, ask=1, ask_path=Path.BACKUP)
        await bench.run(200)
        assert bench.names() == [(0, "refused")]
        assert not any(bench.get(end, "waiting") for end in (0, 1))
        assert bench.paused == [0, 0]

    Bench(story)


@pytest.mark.parametrize("same", [True, False])
def test_both_ask_at_once(same):
    async def story(bench):
        bench.set(0, ask=1, ask_path=Path.BACKUP)
        await bench.run(3)
        bench.set(1, ask=1, ask_path=Path.BACKUP if same else Path.PRIMARY)
        await bench.run(300)
        both = "agreed" if same else "refused"
        assert bench.names() == [(0, both), (1, both)]
        assert not any(bench.get(end, "waiting") for end in (0, 1))

    Bench(story)


@pytest.mark.parametrize("silent", [0b01, 0b10, 0b11])
@pytest.mark.parametrize("after", range(2, 60, 8))
def test_a_line_that_falls_silent_leaves_nobody_waiting(silent, after):
    """Whatever was lost, both ends are at rest again, and nobody follows who was not led."""

    async def story(bench):
        bench.set(0, ask=1, ask_path=Path.BACKUP)
        await bench.run(after)
        bench.ctx.set(bench.line.silent, silent)
        await bench.run(LIMIT + LEAD + 60)
        assert not any(bench.get(end, "waiting") for end in (0, 1))
        names = bench.names()
        assert ((1, "follow") not in names) or ((0, "agreed") in names)

    Bench(story)


def test_cancel_ends_it():
    async def story(bench):
        bench.set(0, ask=1, ask_path=Path.BACKUP)
        await bench.run(15)
        bench.set(0, cancel=1)
        await bench.run(200)
        assert bench.names() == []
        assert not any(bench.get(end, "waiting") for end in (0, 1))

    Bench(story)
