"""The budget against a few lines of Python, and its sums as a property; the proof is for ever."""

import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.drive.budget import Budget


def grant(cell, driven, over, goal, floor, room, park):
    """New command, claim and room of a cell (claim, last)."""
    claim, last = cell
    if park:
        return 0, 0, room + claim, False
    for power in [over] * driven + [goal]:
        new = max(power, goal, floor)
        if new <= claim or new - claim <= room:
            return power, new, room - new + claim, False
    return last, claim, room, True


def test_it_grants_as_the_model_does_and_never_above_the_budget():
    rng = random.Random(4)
    count = 5
    dut = Budget(8, 12)
    cells = [(0, 0)] * count
    seen = {"over": 0, "waits": 0, "full": 0}

    async def process(ctx):
        nonlocal cells
        limit = 700
        for tick in range(300):
            if tick % 60 == 59:
                limit = rng.randrange(300, 1200)
            park = rng.random() < 0.05
            ctx.set(dut.budget, limit)
            ctx.set(dut.park, park)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            room = limit - sum(claim for claim, _ in cells)
            fitted = room >= 0
            expected = []
            for n in range(count + 2):
                ctx.set(dut.valid, n < count)
                if n < count:
                    goal, driven = rng.randrange(256), rng.random() < 0.5
                    over = rng.randrange(256)
                    floor = rng.choice([0, *cells[n]])
                    for name, value in (
                        ("goal", goal), ("driven", driven), ("over", over), ("floor", floor),
                        ("claim", cells[n][0]), ("last", cells[n][1]),
                    ):  # fmt: skip
                        ctx.set(getattr(dut, name), value)
                    short = room < 0
                    power, claim, room, waits = grant(
                        cells[n], driven, over, goal, floor, room, park
                    )
                    expected.append((power, claim, waits, short))
                    seen["over"] += not waits and power == over
                    seen["waits"] += waits
                if n >= 2:
                    got = dut.command, dut.claimed, dut.waits, dut.short
                    assert tuple(ctx.get(x) for x in got) == expected[n - 2]
                await ctx.tick()
            cells = [(claim, power) for power, claim, *_ in expected]
            if fitted:
                assert sum(power for _, power in cells) <= limit
                seen["full"] += sum(power for _, power in cells) > limit * 0.95

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(process)
    sim.run()
    assert min(seen.values()) > 10


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_widths_are_refused():
    with pytest.raises(ValueError, match="bits = 33; allowed: an integer from 1 to 32"):
        Budget(33, 40)
    with pytest.raises(ValueError, match="sum_bits = 7; allowed: 8 or more"):
        Budget(8, 7)
    gc.collect()
