import gc
import random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from lightloom.rtl.csr import axi_lite
from lightloom.rtl.csr.bank import Bank
from lightloom.rtl.csr.split import Split
from lightloom.rtl.ocs.drive.pins import registers


class Two(wiring.Component):
    """The same registers twice, but for their sizes."""

    def __init__(self):
        super().__init__({"bus": In(axi_lite.Signature(addr_width=14))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.split = split = Split(14, 12)
        wiring.connect(m, wiring.flipped(self.bus), split.bus)
        for name, cells, width in (("lower", 5, 14), ("upper", 9, 12)):
            m.submodules[name] = bank = Bank(registers(cells, 100.0), addr_width=width)
            wiring.connect(m, getattr(split, name), bank.bus)
        return m


def simulate(bench, *more):
    dut = Two()
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)

    async def whole(ctx):
        await bench(ctx, dut.bus)

    simulator.add_testbench(whole)
    for one in more:

        async def other(ctx, one=one):
            await one(ctx, dut.bus)

        simulator.add_testbench(other)
    simulator.run()


def test_each_address_is_answered_by_its_file():
    async def bench(ctx, bus):
        for base, cells in ((0, 5), (0x3000, 9)):
            assert await axi_lite.read(ctx, bus, base) == (0x4C4F504E, 0)
            word, response = await axi_lite.read(ctx, bus, base + 4)
            assert (word & 0x1FFF, response) == (cells, 0)
            assert await axi_lite.write(ctx, bus, base + 0xC, 3) == axi_lite.Response.OKAY
            assert await axi_lite.write(ctx, bus, base, 1) == axi_lite.Response.SLVERR
            assert (await axi_lite.read(ctx, bus, base + 1))[1] == axi_lite.Response.SLVERR
        for hole in (0x1000, 0x2000, 0x2FFC, 0x3800 + 64):
            assert (await axi_lite.read(ctx, bus, hole))[1] == axi_lite.Response.DECERR
            assert await axi_lite.write(ctx, bus, hole, 0) == axi_lite.Response.DECERR

    simulate(bench)


def test_answers_stay_until_they_are_taken_and_reads_do_not_wait_for_writes():
    seed = 5
    print(f"seed {seed}")
    rng = random.Random(seed)

    async def reads(ctx, bus):
        for _ in range(40):
            upper = rng.getrandbits(1)
            ctx.set(bus.araddr, 0x3004 if upper else 4)
            ctx.set(bus.arvalid, 1)
            await ctx.tick().until(bus.arready)
            ctx.set(bus.arvalid, 0)
            await ctx.tick().until(bus.rvalid)
            for _ in range(rng.randrange(4)):
                assert ctx.get(bus.rvalid)
                await ctx.tick()
            assert ctx.get(bus.rdata) & 0x1FFF == (9 if upper else 5)
            ctx.set(bus.rready, 1)
            await ctx.tick()
            ctx.set(bus.rready, 0)

    async def writes(ctx, bus):
        for n in range(40):
            bad = rng.getrandbits(1)
            ctx.set(bus.wstrb, 15)
            ctx.set(bus.awaddr, 0x3000 * (n & 1) + (0 if bad else 0xC))
            first, second = ("aw", "w") if rng.getrandbits(1) else ("w", "aw")
            for name in (first, second):
                ctx.set(getattr(bus, f"{name}valid"), 1)
                await ctx.tick().until(getattr(bus, f"{name}ready"))
                ctx.set(getattr(bus, f"{name}valid"), 0)
                await ctx.tick().repeat(rng.randrange(3) + 1)
            ctx.set(bus.bready, 1)
            (response,) = await ctx.tick().sample(bus.bresp).until(bus.bvalid)
            ctx.set(bus.bready, 0)
            assert response == (axi_lite.Response.SLVERR if bad else axi_lite.Response.OKAY)

    simulate(reads, writes)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="addr_width = 2; allowed: an integer from 3 to 64"):
        Split(2, 2)
    with pytest.raises(ValueError, match="upper_width = 16; allowed: an integer from 2 to 15"):
        Split(16, 16)
    gc.collect()
