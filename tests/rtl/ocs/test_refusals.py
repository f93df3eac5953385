"""The reason of the last refusal, and counts by reason."""

import random
from collections import Counter

from amaranth.sim import Simulator

from lightloom.rtl.ocs.refusals import COUNT_BITS, Refusals
from lightloom.rtl.ocs.requests import Reason


def test_random_refusals_equal_a_model():
    print("seed 6")
    rng, dut = random.Random(6), Refusals()

    async def bench(ctx):
        reason, counts = Reason.NONE, Counter()
        for _ in range(400):
            told = {name: rng.random() < 0.3 for name in ("table", "commit", "accepted")}
            why = {name: rng.choice(list(Reason)[1:]) for name in ("table", "commit")}
            for name, value in told.items():
                ctx.set(getattr(dut, name), value)
            for name, value in why.items():
                ctx.set(getattr(dut, f"{name}_reason"), value)
            await ctx.tick()
            refused = [why[name] for name in ("table", "commit") if told[name]]
            counts.update(set(refused))
            if refused:
                reason = refused[0]
            elif told["accepted"]:
                reason = Reason.NONE
            assert Reason(ctx.get(dut.reason)) == reason
            word = ctx.get(dut.counts)
            for one in list(Reason)[1:]:
                assert word >> COUNT_BITS * (one - 1) & 0xFFFF == counts[one]

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()
