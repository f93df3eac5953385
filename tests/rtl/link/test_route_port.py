"""Side band of the SerDes: one action a level, numbers that stand, and nothing from darkness."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link.crossing import STEADY_CLOCKS
from lightloom.rtl.link.route_port import FRAME_GOOD_CLOCKS, RoutePort


class Bench:
    """Records (clock, what, number) of saves and loads, and since when the number stood."""

    def __init__(self, story):
        self.dut = RoutePort()
        self.acts = []
        self.stood = 0
        self.last = None
        self.clock = 0

        async def bench(ctx):
            self.ctx = ctx
            await story(self)

        sim = Simulator(self.dut)
        sim.add_clock(1e-9)
        sim.add_testbench(bench)
        sim.run()

    def set(self, **inputs):
        for name, value in inputs.items():
            self.ctx.set(getattr(self.dut, name), value)

    def get(self, name):
        return self.ctx.get(getattr(self.dut, name))

    async def run(self, clocks):
        for _ in range(clocks):
            index = self.get("set_index")
            self.stood = self.stood + 1 if index == self.last else 1
            self.last = index
            for what in ("save", "load"):
                if self.get(f"set_{what}"):
                    assert self.stood >= STEADY_CLOCKS
                    self.acts.append((self.clock, what, index))
            await self.ctx.tick()
            self.set(own_save=0, own_load=0, good=0)
            self.clock += 1

    async def level(self, name, index, clocks=5):
        self.set(index=index)
        await self.run(2)
        self.set(**{name: 1})
        await self.run(clocks)
        self.set(**{name: 0})
        await self.run(12)

    def names(self):
        return [(what, index) for _, what, index in self.acts]


@pytest.mark.parametrize("clocks", [3, 40])
def test_a_level_acts_once_whatever_its_length(clocks):
    async def story(bench):
        bench.set(up=1)
        await bench.level("save", 5, clocks)
        bench.set(freeze=1, up=0)
        await bench.level("load", 5, clocks)
        assert bench.names() == [("save", 5), ("load", 5)]

    Bench(story)


def test_no_save_while_down_and_no_load_while_not_frozen():
    async def story(bench):
        await bench.level("save", 1)
        bench.set(up=1)
        await bench.level("load", 1)
        assert bench.names() == []

    Bench(story)


def test_warm_says_that_a_saved_set_was_loaded_in_this_change():
    async def story(bench):
        bench.set(up=1)
        await bench.level("save", 2)
        for index, warm in ((2, 1), (3, 0)):
            bench.set(freeze=1)
            await bench.run(5)
            assert not bench.get("warm")
            await bench.level("load", index)
            assert bench.get("warm") == warm
            bench.set(freeze=0)
            await bench.run(3)
            assert not bench.get("frozen")  # the clock in which it is looked at
            assert bench.get("warm") == warm
            await bench.run(3)
            assert not bench.get("warm")

    Bench(story)


def test_registers_save_and_load_too():
    async def story(bench):
        bench.set(own_index=7, own_save=1)
        await bench.run(10)
        bench.set(own_index=8, own_load=1)
        await bench.run(10)
        assert bench.names() == [("save", 7), ("load", 8)]

    Bench(story)


def test_a_good_frame_shows_for_its_time():
    async def story(bench):
        bench.set(good=1)
        await bench.run(1)
        high = 0
        for _ in range(2 * FRAME_GOOD_CLOCKS):
            high += bench.get("frame_good")
            await bench.run(1)
        assert high == FRAME_GOOD_CLOCKS

    Bench(story)
