"""Rows over fewer lanes: as the model says, and back again through `Widen`."""

import pytest
from amaranth import Elaboratable, Module
from amaranth.sim import Simulator

from lightloom.rtl.pcs.active_lanes import active
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.narrow import Narrow, narrow
from lightloom.rtl.pcs.widen import Widen, widen


def random_row(lanes, rng):
    return [(rng.choice([1, 2, 4, 8, 15]), rng.getrandbits(64)) for _ in range(lanes)]


@pytest.mark.parametrize(("lanes", "usable"), [(8, 0xF7), (8, 0x80), (6, 0b101110), (3, 0b110)])
def test_models_are_inverse(lanes, usable, rng):
    row = [rng.getrandbits(9) for _ in range(lanes)]
    parts = narrow(row, usable)
    assert len(parts) == lanes // len(active(usable, lanes))
    assert widen(parts, usable) == row
    for part in parts:
        assert [n for n, item in enumerate(part) if item is not None] == active(usable, lanes)


def show(ctx, dut, row):
    ctx.set(dut.kinds, sum(kind << 4 * n for n, (kind, _) in enumerate(row)))
    ctx.set(dut.data, sum(data << 64 * n for n, (_, data) in enumerate(row)))


def read(ctx, dut, lanes):
    kinds, data = ctx.get(dut.o_kinds), ctx.get(dut.o_data)
    mask = (1 << 64) - 1
    return [(kinds >> 4 * n & 15, data >> 64 * n & mask) for n in range(lanes)]


@pytest.mark.parametrize(("lanes", "usable"), [(8, 0xF7), (4, 0b0100), (6, 0b101110), (4, 0b1111)])
def test_parts_are_those_of_the_model(lanes, usable, rng):
    dut = Narrow(lanes=lanes)
    numbers = active(usable, lanes)

    async def bench(ctx):
        ctx.set(dut.slot, 1)
        ctx.set(dut.wanted, usable)
        row = random_row(lanes, rng)
        show(ctx, dut, row)
        assert ctx.get(dut.take)
        assert read(ctx, dut, lanes) == row  # all lanes until a marker has said otherwise
        ctx.set(dut.marker, 1)
        show(ctx, dut, [(Kind.MARKER, 0)] * lanes)
        assert ctx.get(dut.announce) == sum(1 << n for n in numbers)
        assert [kind for kind, _ in read(ctx, dut, lanes)] == [Kind.MARKER] * lanes
        assert ctx.get(dut.take)
        await ctx.tick()
        assert ctx.get(dut.applied) == ctx.get(dut.announce)
        ctx.set(dut.marker, 0)
        for _ in range(4):
            row = random_row(lanes, rng)
            show(ctx, dut, row)
            parts = narrow(row, usable)
            for n, part in enumerate(parts):
                ctx.set(dut.slot, 0)
                await ctx.tick()  # nothing moves without a slot
                ctx.set(dut.slot, 1)
                got = read(ctx, dut, lanes)
                for item, wanted in zip(got, part, strict=True):
                    assert item == wanted if wanted else item[0] == Kind.IDLE
                assert ctx.get(dut.take) == (n == len(parts) - 1)
                await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


class Chain(Elaboratable):
    def __init__(self, lanes, blocks):
        self.narrow = Narrow(lanes=lanes, blocks=blocks)
        self.widen = Widen(lanes=lanes, blocks=blocks)

    def elaborate(self, platform):
        m = Module()
        m.submodules.narrow = self.narrow
        m.submodules.widen = self.widen
        m.d.comb += [
            self.widen.kinds.eq(self.narrow.o_kinds),
            self.widen.data.eq(self.narrow.o_data),
            self.widen.valid.eq(self.narrow.slot),
            self.widen.marker.eq(self.narrow.marker),
            self.widen.good.eq(1),
            self.widen.announced.eq(self.narrow.applied),
        ]
        return m


@pytest.mark.parametrize(("lanes", "blocks"), [(4, 1), (2, 4), (6, 2)])
def test_rows_come_back_while_lanes_come_and_go(lanes, blocks, rng):
    """Every row arrives once, in order, whatever the lanes; changes happen at markers."""
    chain = Chain(lanes, blocks)
    total = lanes * blocks
    sent, got = [], []

    async def bench(ctx):
        ctx.set(chain.widen.aligned, 1)
        ctx.set(chain.widen.present, (1 << lanes) - 1)
        for number in range(60):
            marker = number % 6 == 0
            row = [(Kind.MARKER, 0)] * total if marker else random_row(total, rng)
            if marker:
                ctx.set(chain.narrow.wanted, rng.randrange(1 << lanes))
            ctx.set(chain.narrow.marker, marker)
            show(ctx, chain.narrow, row)
            sent.append(row)
            done = False
            fresh = False
            while not done:
                slot = rng.random() < 0.7
                ctx.set(chain.narrow.slot, slot)
                done = ctx.get(chain.narrow.take)
                fresh = bool(slot and marker)
                await ctx.tick()
                ctx.set(chain.widen.announced_new, fresh)
                if ctx.get(chain.widen.o_valid):
                    got.append(read(ctx, chain.widen, total))
        ctx.set(chain.narrow.slot, 0)

    sim = Simulator(chain)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()

    def content(row):
        return [k for k, _ in row] if row[0][0] == Kind.MARKER else row

    # The first marker comes before its announcement and is not given out.
    assert [content(r) for r in got] == [content(r) for r in sent[1:]]


@pytest.mark.parametrize("kind", [Narrow, Widen])
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lanes": 1}, "lanes = 1; allowed: 2 to 16"),
        ({"lanes": 4, "blocks": 5}, "blocks = 5; allowed: 1 to 4"),
    ],
)
def test_parameters_are_checked(kind, parameters, message):
    with pytest.raises(ValueError, match=message):
        kind(**parameters)
