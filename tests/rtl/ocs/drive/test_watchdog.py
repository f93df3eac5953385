"""The watchdog by the clock."""

from amaranth.sim import Simulator

from lightloom.rtl.ocs.drive.watchdog import Watchdog


def simulate(process, dut):
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(process)
    sim.run()


def test_it_expires_after_the_limit_and_stays_until_released():
    dut = Watchdog()

    async def process(ctx):
        ctx.set(dut.limit, 5)
        for _ in range(3):
            await ctx.tick().repeat(4)
            assert not ctx.get(dut.expired)
            ctx.set(dut.kick, 1)
            await ctx.tick()
            ctx.set(dut.kick, 0)
        await ctx.tick().repeat(4)
        assert not ctx.get(dut.expired)
        await ctx.tick()
        assert ctx.get(dut.expired)
        ctx.set(dut.kick, 1)
        await ctx.tick().repeat(10)
        assert ctx.get(dut.expired)
        ctx.set(dut.release, 1)
        await ctx.tick()
        assert not ctx.get(dut.expired)

    simulate(process, dut)


def test_a_limit_of_0_is_off():
    dut = Watchdog()

    async def process(ctx):
        await ctx.tick().repeat(50)
        assert not ctx.get(dut.expired)

    simulate(process, dut)
