"""Time split: the parts are the distances of the events, whatever happens between."""

from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from lightloom.rtl.ocs.ocstrx.split import PARTS, STAMPS, TimeSplit

EVENTS = ("switched", "arrived", "released", "came_up", "framed")


def run(plan, clocks):
    """`plan`: {clock: (event, origin)}; returns parts, stamps and total at the end."""
    dut = TimeSplit()
    result = {}

    async def bench(ctx):
        for clock in range(clocks):
            ctx.set(dut.time, clock)
            name, origin = plan.get(clock, (None, 0))
            for event in (*EVENTS, "stop"):
                ctx.set(getattr(dut, event), event == name)
            ctx.set(dut.origin, origin & 0xFFFFFFFF)
            await ctx.tick()
        for name, names in (("parts", PARTS), ("stamps", STAMPS)):
            whole = ctx.get(getattr(dut, name))
            result[name] = [whole >> 32 * n & 0xFFFFFFFF for n in range(len(names))]
        result["total"] = ctx.get(dut.total)

    sim = Simulator(dut)
    sim.add_clock(1e-8)
    sim.add_testbench(bench)
    sim.run()
    return result


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 30), st.lists(st.integers(1, 40), min_size=4, max_size=4), st.integers(0, 10))
def test_parts_and_stamps(before, gaps, start):
    clocks = [start + before]
    for gap in gaps:
        clocks.append(clocks[-1] + gap)
    plan = {clock: (event, start) for clock, event in zip(clocks, EVENTS, strict=True)}
    got = run(plan, clocks[-1] + 5)
    assert got["parts"] == [before, *gaps]
    assert got["stamps"] == [start, clocks[0], clocks[1], clocks[3], clocks[4]]
    assert got["total"] == before + sum(gaps)


def test_a_change_that_stops_keeps_what_it_reached_and_the_next_starts_anew():
    plan = {10: ("switched", 4), 25: ("arrived", 0), 40: ("stop", 0), 60: ("framed", 0)}
    got = run(plan, 70)
    assert got["parts"] == [6, 15, 0, 0, 0]
    assert got["total"] == 36
    got = run(plan | {80: ("switched", 80), 83: ("arrived", 0)}, 84)
    assert got["parts"] == [0, 3, 0, 0, 0]


def test_time_goes_round():
    got = run({5: ("switched", -3), 9: ("arrived", 0)}, 12)
    assert got["parts"][:2] == [8, 4]
