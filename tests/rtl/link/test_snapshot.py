"""Snapshot: every copy is a value that the source had, never a mixture, and copies keep coming."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link.snapshot import Snapshot


@pytest.mark.parametrize(("ratio", "phase"), [(1.0003, 0.3), (0.31, 0.1), (3.7, 0.9)])
def test_copies_are_consistent_and_fresh(ratio, phase):
    """The value is a number and its complement: a torn copy would not match."""
    dut = Snapshot(width=64, source="rx", target="sync", interval=4)
    seen, now = [], [0]

    async def source(ctx):
        number = 0
        while True:
            number += 1
            now[0] = number
            ctx.set(dut.i, number | (number ^ 0xFFFF_FFFF) << 32)
            await ctx.tick("rx")

    async def target(ctx):
        for _ in range(600):
            await ctx.tick()
            value = ctx.get(dut.o)
            if value:
                seen.append((value & 0xFFFF_FFFF, value >> 32, now[0]))

    sim = Simulator(dut)
    sim.add_clock(1e-6, domain="sync")
    sim.add_clock(1e-6 * ratio, phase=1e-6 * phase, domain="rx")
    sim.add_testbench(source, background=True)
    sim.add_testbench(target)
    sim.run()
    assert all(low ^ 0xFFFF_FFFF == high for low, high, _ in seen)
    assert len({low for low, _, _ in seen}) > 15
    # What arrives was held since an earlier clock of the source; the value of now may be moving.
    assert min(at - low for low, _, at in seen) >= 1
    assert max(at - low for low, _, at in seen) < 40 + 16 / ratio


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"width": 0}, "width = 0; allowed: at least 1"),
        ({"width": 1, "interval": 0}, "interval = 0; allowed: 1 to 1024"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(ValueError, match=message):
        Snapshot(source="rx", target="sync", **parameters)
