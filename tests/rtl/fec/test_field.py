"""The field: its laws, and the gates against the numbers for every element."""

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from lightloom.rtl.fec import field


def test_alpha_generates_the_field():
    assert sorted(field.power(i) for i in range(field.ORDER)) == list(range(1, 1024))
    assert field.power(10) == field.power(3) ^ 1
    assert field.power(-1) == field.inverse(2)


def test_products_and_inverses(rng):
    for a, b, c in rng.integers(0, 1024, (500, 3)).tolist():
        carryless = 0
        for i in range(10):
            carryless ^= (a << i) * (b >> i & 1)
        for i in range(18, 9, -1):
            carryless ^= (field.POLYNOMIAL << (i - 10)) * (carryless >> i & 1)
        assert field.multiply(a, b) == carryless
        assert field.multiply(a, b ^ c) == field.multiply(a, b) ^ field.multiply(a, c)
    assert all(field.multiply(a, field.inverse(a)) == 1 for a in range(1, 1024))
    with pytest.raises(ZeroDivisionError, match=r"0 has no inverse in GF\(2\^10\)"):
        field.inverse(0)


def test_gates_invert_every_element_and_multiply(rng):
    m = Module()
    a, b, product, inverse = (Signal(10) for _ in range(4))
    m.d.comb += product.eq(field.product(a, field.multiples(m, b, "b")))
    m.d.comb += inverse.eq(field.invert(m, a, "inverse"))

    async def bench(ctx):
        for x in range(1024):
            y = int(rng.integers(1024))
            ctx.set(a, x)
            ctx.set(b, y)
            await ctx.delay(1e-9)
            assert ctx.get(product) == field.multiply(x, y)
            assert ctx.get(inverse) == (field.inverse(x) if x else 0)

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
