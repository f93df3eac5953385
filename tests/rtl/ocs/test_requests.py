import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.requests import Model, Reason, Requests


@pytest.mark.parametrize("ports", [2, 5, 8])
def test_random_writes_and_commands_equal_the_model(ports):
    seed = 20 + ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    dut, model = Requests(ports), Model(ports)
    seen = set()

    async def bench(ctx):
        for _ in range(1500):
            source, output = rng.randrange(ports), rng.randrange(ports)
            if rng.random() < 0.1:
                source, output = rng.choice([(ports, output), (source, 255), (200, 200)])
            kind = rng.choice(("connect", "connect", "disconnect", "write", "move"))
            if kind == "move":
                source, old = rng.choice([*model.table.items(), (source % ports, 0)])
                if rng.random() < 0.1:
                    old = rng.randrange(ports)
                target, new = rng.randrange(ports), rng.choice([old, rng.randrange(ports)])
                for name, value in (
                    ("input", source), ("from", old), ("to", target), ("output", new)
                ):  # fmt: skip
                    ctx.set(getattr(dut, f"move_{name}"), value)
                ctx.set(dut.move, 1)
                ctx.set(dut.input_port, 200)
                ctx.set(dut.disconnect, 1)  # a command goes first
                assert ctx.get(dut.moved) == 0
                await ctx.tick()
                ctx.set(dut.disconnect, 0)
                assert ctx.get(dut.moved) == 1
                seen.add(("moved", model.move(source, old, target, new)))
                want = Reason.NONE
            elif kind == "write":
                source %= ports
                connected = rng.random() < 0.7
                want = model.write(source, output, connected)
                ctx.set(dut.write, 1 << source)
                ctx.set(dut.outputs, output << 8 * source)
                ctx.set(dut.connected, connected << source)
            else:
                arguments = (source, output) if kind == "connect" else (source,)
                want = getattr(model, kind)(*arguments)
                ctx.set(getattr(dut, kind), 1)
                ctx.set(dut.input_port, source)
                ctx.set(dut.output_port, output)
            await ctx.tick()
            for name in ("write", "connect", "disconnect", "move"):
                ctx.set(getattr(dut, name), 0)
            assert ctx.get(dut.reason) == want
            assert ctx.get(dut.refused) == (want != Reason.NONE)
            assert ctx.get(dut.valid) == sum(1 << i for i in model.table)
            word = ctx.get(dut.destinations)
            for i, to in model.table.items():
                assert word >> dut.bits * i & ((1 << dut.bits) - 1) == to
            seen.add((kind, want))

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()
    assert {Reason.RANGE, Reason.BROADCAST, Reason.CONFLICT} <= {r for k, r in seen}
    assert ("write", Reason.RANGE) in seen
    assert {("moved", True), ("moved", False)} <= seen
    assert ("disconnect", Reason.RANGE) in seen


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("ports", [1, 257])
def test_a_size_out_of_range_is_refused(ports):
    with pytest.raises(ValueError, match=f"ports = {ports}; allowed: an integer from 2 to 256"):
        Requests(ports)
    gc.collect()
