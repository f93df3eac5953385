"""Counter: sums, saturates, clears."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link.counter import Counter


def run(dut, steps):
    out = []

    async def bench(ctx):
        for add, clear in steps:
            ctx.set(dut.add, add)
            ctx.set(dut.clear, clear)
            await ctx.tick()
            out.append(ctx.get(dut.value))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return out


@pytest.mark.parametrize(("width", "add_width"), [(4, 1), (6, 3), (8, 7)])
def test_equals_a_saturating_sum(width, add_width, rng):
    steps = [(rng.randrange(1 << add_width), rng.random() < 0.02) for _ in range(300)]
    value, expected = 0, []
    for add, clear in steps:
        value = 0 if clear else min(value + add, (1 << width) - 1)
        expected.append(value)
    got = run(Counter(width=width, add_width=add_width), steps)
    assert got == expected
    assert (1 << width) - 1 in got


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"width": 65}, "width = 65; allowed: 2 to 64"),
        ({"width": 8, "add_width": 8}, "add_width = 8; allowed: 1 to 7"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(ValueError, match=message):
        Counter(**parameters)
