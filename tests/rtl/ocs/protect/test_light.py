"""Light at the ports: each sensor as one monitor, and outputs judged only after a rest."""

import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.light import Model
from lightloom.rtl.ocs.protect.light import MARGIN, PortLight

PORTS = 3


def run(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()


def test_every_port_is_a_monitor_of_its_own():
    print("seed 3")
    rng, dut = random.Random(3), PortLight(PORTS)
    models = [Model(1) for _ in range(2 * PORTS)]

    async def bench(ctx):
        ctx.set(dut.down, 4)
        ctx.set(dut.up, 2)
        ctx.set(dut.map_valid, 0b101)
        light, before = [0] * 2 * PORTS, [0] * 2 * PORTS
        for _ in range(1500):
            light = [bit ^ (rng.random() < 0.2) for bit in light]
            ctx.set(dut.light, sum(bit << n for n, bit in enumerate(light[:PORTS])))
            ctx.set(dut.light_out, sum(bit << n for n, bit in enumerate(light[PORTS:])))
            await ctx.tick()
            for model, bit in zip(models, light, strict=True):
                model.step([bit], [0], 1, 4, 2)
            lit = [model.lit for model in models]
            assert ctx.get(dut.lit) == sum(bit << n for n, bit in enumerate(lit[:PORTS]))
            assert ctx.get(dut.out_lit) == sum(bit << n for n, bit in enumerate(lit[PORTS:]))
            assert ctx.get(dut.lost) == any(before[n] and not lit[n] for n in (0, 2))
            before = lit

    run(dut, bench)


@pytest.mark.parametrize(("down", "up"), [(4, 4), (0, 30), (50, 7)])
def test_it_is_calm_after_the_longer_debounce(down, up):
    dut = PortLight(PORTS)

    async def bench(ctx):
        ctx.set(dut.down, down)
        ctx.set(dut.up, up)
        for busy in (1, 5):
            ctx.set(dut.busy, 1)
            await ctx.tick().repeat(busy)
            assert ctx.get(dut.calm) == 0
            ctx.set(dut.busy, 0)
            ctx.set(dut.light_out, 7)
            clocks = 0
            while not ctx.get(dut.calm):
                await ctx.tick()
                clocks += 1
            assert max(down, up) + MARGIN <= clocks <= max(down, up) + MARGIN + 1
            assert ctx.get(dut.out_lit) == 7

    run(dut, bench)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_ports_are_checked():
    with pytest.raises(ValueError, match="ports = 1; allowed: an integer from 2 to 256"):
        PortLight(1)
    gc.collect()  # so that the refused component warns here
