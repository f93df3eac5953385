"""Table of the groups: what software wrote is there, states stay until they begin anew."""

import random

from amaranth.sim import Simulator

from lightloom.rtl.ocs.protect.table import PLACES, Table


def test_writes_are_kept_and_what_is_not_there_is_not_written():
    print("seed 5")
    rng, dut = random.Random(5), Table(5, 6, time_bits=8)
    entries, modes = {}, {}

    async def bench(ctx):
        for _ in range(300):
            group, place = rng.randrange(8), rng.randrange(4)
            one = {"input": rng.randrange(9), "output": rng.randrange(9), "valid": 1}
            mode = {"enable": rng.randrange(2), "revertive": rng.randrange(2), "way": 1}
            what = rng.choice(["entry_write", "mode_write"])
            ctx.set(dut.select_group, group)
            ctx.set(dut.select_place, place)
            ctx.set(dut.entry, one)
            ctx.set(dut.mode, mode)
            ctx.set(getattr(dut, what), 1)
            assert ctx.get(dut.touched) == (group < 5)
            await ctx.tick()
            ctx.set(getattr(dut, what), 0)
            if what == "mode_write" and group < 5:
                modes[group] = mode
            elif group < 5 and place < PLACES:
                entries[group, place] = one
            group, place = rng.randrange(5), rng.randrange(PLACES)
            for prefix in ("select_", ""):
                ctx.set(getattr(dut, prefix + "group"), group)
                ctx.set(getattr(dut, prefix + "place"), place)
            await ctx.tick()
            shown = [ctx.get(dut.shown_mode), ctx.get(dut.read_mode)]
            for got in shown:
                assert {name: got[name] for name in mode} == modes.get(
                    group, {"enable": 0, "revertive": 0, "way": 0}
                )
            if (group, place) in entries:
                want = entries[group, place]
                for got in (ctx.get(dut.shown_entry), ctx.get(dut.read_entry)):
                    assert got.valid == (want["input"] < 6 and want["output"] < 6)
                    assert got.input == want["input"] & 7
                    assert got.output == want["output"] & 7

    run(dut, bench)


def test_a_state_counts_as_nothing_until_it_was_stored_and_after_a_clear():
    dut = Table(3, 4, time_bits=8)

    async def bench(ctx):
        async def pulse(*names):
            for name in names:
                ctx.set(getattr(dut, name), 1)
            await ctx.tick()
            for name in names:
                ctx.set(getattr(dut, name), 0)
            await ctx.tick()

        async def look(group):
            ctx.set(dut.group, group)
            ctx.set(dut.select_group, group)
            await ctx.tick()
            state = ctx.get(dut.shown_state)
            return ctx.get(dut.fresh), state.losses

        for group in range(3):
            assert await look(group) == (1, 0)
            ctx.set(dut.new_state, {"losses": 10 + group})
            await pulse("take")
            await pulse("store")
            assert await look(group) == (0, 10 + group)
        await look(1)
        await pulse("clear")
        assert await look(1) == (1, 0)
        assert await look(2) == (0, 12)
        # a clear after the last one was taken, or in that clock, stays
        for steps in ((("take", "clear"), ("store",)), (("take",), ("store", "clear"))):
            await look(1)
            for names in steps:
                await pulse(*names)
            assert await look(1) == (1, 0)
        await look(2)
        await pulse("mode_write")
        assert await look(2) == (1, 0)
        assert await look(0) == (0, 10)
        await pulse("clear_all")
        assert [(await look(group))[0] for group in range(3)] == [1, 1, 1]

    run(dut, bench)


def run(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
