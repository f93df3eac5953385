import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.route.pick import Pick


def test_outputs_come_in_turn_in_two_rounds():
    seed, outputs = 3, 6
    print(f"seed {seed}")
    rng = random.Random(seed)
    dut = Pick(outputs)

    async def bench(ctx):
        last = {0: -1, 1: -1}
        for turn in range(400):
            asked = rng.randrange(1, 1 << outputs)
            good = rng.getrandbits(outputs)
            any_one = rng.randrange(2) if asked & ~good else 1
            clear = turn % 50 == 0
            if clear:
                last = {0: -1, 1: -1}
                ctx.set(dut.clear, 1)
                await ctx.tick()
                ctx.set(dut.clear, 0)
            for port, value in ((dut.asked, asked), (dut.good, good), (dut.any_one, any_one)):
                ctx.set(port, value)
            assert ctx.get(dut.lacking) == bool(asked & ~good)
            ctx.set(dut.step, 1)
            await ctx.tick()
            ctx.set(dut.step, 0)
            among = [o for o in range(outputs) if (asked if any_one else asked & ~good) >> o & 1]
            wanted = min((o for o in among if o > last[any_one]), default=among[0])
            last[any_one] = wanted
            assert ctx.get(dut.chosen) == 1 << wanted
            await ctx.tick()
            assert ctx.get(dut.chosen) == 1 << wanted

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_one_output_is_refused():
    with pytest.raises(ValueError, match="outputs = 1; allowed: 2 or more"):
        Pick(1)
    gc.collect()
