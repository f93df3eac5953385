"""Scrambler of 128b/130b: known bytes, an LFSR of the other form, the block."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs.pcie import scrambler
from lightloom.rtl.pcs.pcie.scrambler import SEEDS, Lfsr


@pytest.mark.parametrize(
    ("lane", "symbols"), [(0, "6c bd 94 98 53 c6 d8 ce"), (1, "f0 57 4c 91 4c a1 ac 56")]
)
def test_known_bytes(lane, symbols):
    assert scrambler.key(scrambler.seed(lane), 64).to_bytes(8, "little") == bytes.fromhex(symbols)


def fibonacci(first, count):
    """Bits that obey the recurrence of G(x), from 23 of them on; list arithmetic only."""
    bits = list(first)
    while len(bits) < count:
        now = bits[-23:]
        bits.append(now[21] ^ now[16] ^ now[8] ^ now[5] ^ now[2] ^ now[0])
    return bits


@pytest.mark.parametrize("lane", range(8))
def test_bits_obey_the_recurrence_of_the_polynomial(lane):
    value = scrambler.key(SEEDS[lane], 3000)
    bits = [value >> n & 1 for n in range(3000)]
    assert bits == fibonacci(bits[:23], 3000)
    assert any(bits[:23])


def test_polynomial_has_the_largest_period():
    """x^(2^23 - 1) is 1 and no smaller divisor's power is: 2^23 - 1 = 47 * 178481."""

    def power(exponent):
        result, base = 1, 2
        while exponent:
            if exponent & 1:
                result = multiply(result, base)
            base = multiply(base, base)
            exponent >>= 1
        return result

    def multiply(a, b):
        out = 0
        for n in range(23):
            if b >> n & 1:
                out ^= a << n
        for n in range(45, 22, -1):
            if out >> n & 1:
                out ^= (1 << 23 | 0x210125) << (n - 23)
        return out

    assert 47 * 178481 == 2**23 - 1
    assert power(2**23 - 1) == 1
    assert power(47) != 1
    assert power(178481) != 1


def test_seeds_differ_in_many_bits():
    assert min((a ^ b).bit_count() for a in SEEDS for b in SEEDS if a != b) >= 6


def test_block_equals_the_model(rng):
    dut = Lfsr()

    async def bench(ctx):
        assert ctx.get(dut.state) == SEEDS[0]
        state = SEEDS[0]
        for _ in range(150):
            assert ctx.get(dut.key) == scrambler.key(state)
            assert ctx.get(dut.state) == state
            enable, load, start = rng.random() < 0.7, rng.random() < 0.1, rng.randrange(1, 1 << 23)
            ctx.set(dut.enable, enable)
            ctx.set(dut.load, load)
            ctx.set(dut.seed, start)
            await ctx.tick()
            state = start if load else scrambler.advance(state) if enable else state

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
