"""A registered router answers as the router does, a clock later, and not when it is dropped."""

import gc

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.requests import Reason
from lightloom.rtl.ocs.route.registered import RegisteredRouter
from lightloom.spec import routes


@pytest.mark.parametrize(
    ("wanted", "reason"), [([2, 0, 3, 1], Reason.NONE), ([2, 2, 3, 1], Reason.CONFLICT)]
)
def test_it_answers_a_clock_later_unless_it_is_dropped(wanted, reason):
    dut = RegisteredRouter("benes", 4)
    golden = routes.connect("benes", 4, wanted)

    async def bench(ctx):
        ctx.set(dut.destinations, sum(to << 2 * i for i, to in enumerate(wanted)))
        ctx.set(dut.active, 15)
        for dropped_after in (None, 0, 1, 2, None):
            ctx.set(dut.start, 1)
            answer = None
            for clock in range(8):
                ctx.set(dut.drop, clock == dropped_after)
                await ctx.tick()
                ctx.set(dut.start, 0)
                if ctx.get(dut.done) or ctx.get(dut.failed):
                    assert answer is None
                    answer = clock
                    assert ctx.get(dut.failed) == (reason != Reason.NONE)
                    if reason == Reason.NONE:
                        assert ctx.get(dut.states) == sum(
                            bit << n for n, bit in enumerate(golden.states)
                        )
                    else:
                        assert Reason(ctx.get(dut.reason)) == reason
            if dropped_after is None:
                assert answer is not None
                last = answer
            else:
                assert (answer is None) == (dropped_after <= last)

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_a_topology_without_a_router_is_refused():
    with pytest.raises(ValueError, match="topology = 'ring'; allowed: benes, piloss, "):
        RegisteredRouter("ring", 4)
    gc.collect()
