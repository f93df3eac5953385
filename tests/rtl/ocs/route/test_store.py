import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.route.store import Store
from lightloom.spec.wall import CROSSING, wall


@pytest.mark.parametrize("topology", ["crossbar", "piloss"])
def test_columns_hold_the_cells_and_what_is_written(topology):
    seed, ports = 4, 3
    print(f"seed {seed}")
    rng = random.Random(seed)
    place = wall(topology, ports)
    dut = Store(place)
    words = {name: [rng.getrandbits(ports) for _ in place.places] for name in ("state", "decided")}
    ways = [rng.getrandbits(4 * ports) for _ in place.places]

    async def column(ctx, number):
        ctx.set(dut.following, number)
        await ctx.tick()
        return [ctx.get(word) for word in (dut.state, dut.decided, dut.dead, dut.way)]

    async def bench(ctx):
        cells = {name: rng.getrandbits(ports**2) for name in ("stand", "fixed", "unusable")}
        for name, word in cells.items():
            ctx.set(getattr(dut, name), word)
        ctx.set(dut.load, 1)
        for number in range(place.columns):
            ctx.set(dut.column, number)
            await ctx.tick()
        ctx.set(dut.load, 0)
        for number, places in enumerate(place.places):
            found = await column(ctx, number)
            for k, cell in enumerate(places):
                here = [word >> k & 1 for word in found[:3]]
                if cell >= 0:
                    assert here == [word >> cell & 1 for word in cells.values()]
                else:
                    assert here == [int(cell == CROSSING), 1, 0]
        for number in range(place.columns):
            for port, value in (
                (dut.column, number), (dut.keep, 1), (dut.state_now, words["state"][number]),
                (dut.decide, 1), (dut.decided_at, number),
                (dut.decided_now, words["decided"][number]),
                (dut.mark, 1), (dut.way_now, ways[number]),
            ):  # fmt: skip
                ctx.set(port, value)
            await ctx.tick()
        for port in (dut.keep, dut.decide, dut.mark):
            ctx.set(port, 0)
        for number in reversed(range(place.columns)):
            state, decided, _, way = await column(ctx, number)
            assert (state, decided) == (words["state"][number], words["decided"][number])
            assert way == ways[number]

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()
