import pytest
from amaranth.sim import Simulator

from lightloom.rtl.fec.codes import KP4, KR4, Code
from lightloom.rtl.fec.monitor import Monitor, count


@pytest.mark.parametrize("code", [KP4, KR4], ids=lambda code: code.name)
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_counters_equal_the_model_and_stop_at_the_top(code, depth, rng):
    dut = Monitor(code, depth, width=8)
    bits = code.t.bit_length()

    async def bench(ctx):
        done = []
        for _ in range(200):
            last = int(rng.integers(2))
            group = [int(n) for n in rng.integers(0, code.t + 2, depth)]
            results = [n if n <= code.t else None for n in group]
            ctx.set(dut.last, last)
            ctx.set(dut.errors, sum((n or 0) << bits * d for d, n in enumerate(results)))
            ctx.set(dut.failed, sum((n is None) << d for d, n in enumerate(results)))
            done += results if last else []
            await ctx.tick()
            model = count(done)
            for name in ("corrected", "uncorrectable", "symbol_errors"):
                assert ctx.get(getattr(dut, name)) == min(255, model[name])
            bins = ctx.get(dut.histogram)
            assert [bins >> 8 * n & 255 for n in range(16)] == model["histogram"]
        assert ctx.get(dut.symbol_errors) == 255
        ctx.set(dut.clear, 1)
        await ctx.tick()
        assert ctx.get(dut.symbol_errors) == ctx.get(dut.histogram) == 0

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"code": KP4, "depth": 3}, r"depth = 3; allowed: 1, 2, 4"),
        ({"code": KP4, "width": 7}, r"width = 7; allowed: 8 to 64"),
        ({"code": Code("wide", 100, 68)}, r"t = 16 of wide; allowed: 1 to 15"),
    ],
)
def test_parameters_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        Monitor(**arguments)
