"""Adaptation: direction, bounds, load and hold."""

import gc

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.lms import Lms

CONFIG = RxFormat()
ONES = 2**CONFIG.observed - 1


def readings(ctx, dut):
    bits = CONFIG.tap_bits
    raw = ctx.get(dut.taps)
    taps = [raw >> k * bits & (2**bits - 1) for k in range(CONFIG.ffe_taps - 1)]
    taps = [tap - 2**bits if tap >> (bits - 1) else tap for tap in taps]
    return ctx.get(dut.levels) >> (CONFIG.level_bits + 1), ctx.get(dut.dfe), taps


def simulate(dut, process):
    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()


@pytest.mark.parametrize("direction", [0, 1])
def test_coefficients_move_to_their_bounds_and_no_further(direction):
    dut = Lms(CONFIG, step=2)

    async def process(ctx):
        ctx.set(dut.adapt, 1)
        # All errors agree with the bit before, and with every sample, or with none.
        ctx.set(dut.above, ONES * direction)
        ctx.set(dut.rising, ONES * direction)
        ctx.set(dut.before, ONES)
        ctx.set(dut.positive, 2 ** len(dut.positive) - 1)
        await ctx.tick().repeat(3000)
        level, dfe, taps = readings(ctx, dut)
        if direction:
            assert (level, dfe) == (CONFIG.level_limit, CONFIG.dfe_limit)
            assert set(taps) == {-CONFIG.TAP_LIMIT}
        else:
            assert (level, dfe) == (1, -CONFIG.dfe_limit)
            assert set(taps) == {CONFIG.TAP_LIMIT - 1}
        assert ctx.get(dut.settled)
        ctx.set(dut.adapt, 0)
        ctx.set(dut.above, ONES * (1 - direction))
        ctx.set(dut.rising, ONES * (1 - direction))
        await ctx.tick().repeat(50)
        assert readings(ctx, dut) == (level, dfe, taps)
        ctx.set(dut.load, 1)
        await ctx.tick()
        assert readings(ctx, dut) == (CONFIG.level_start, 0, [0, 0])
        assert not ctx.get(dut.settled)

    simulate(dut, process)


def test_settled_waits_for_the_last_coefficient():
    dut = Lms(CONFIG)

    async def process(ctx):
        ctx.set(dut.adapt, 1)
        half = 0x5555
        ctx.set(dut.rising, half)
        ctx.set(dut.before, 0x3333)
        # Only the level moves, by 4 units a word: a step of the read-out in 16 words.
        ctx.set(dut.above, 0x3FF)
        ctx.set(dut.positive, 0x33333)
        await ctx.tick().repeat(900)
        assert not ctx.get(dut.settled)
        ctx.set(dut.above, 0x0FF)
        await ctx.tick().repeat(3 * CONFIG.SETTLE_WORDS + 1)
        assert ctx.get(dut.settled)

    simulate(dut, process)


PAM4 = RxFormat(modulation="pam4", sample_bits=8, ffe_taps=6, observed=16)


def levels_of(ctx, dut):
    bits = PAM4.level_bits + 1
    raw = ctx.get(dut.levels)
    values = [raw >> k * bits & (2**bits - 1) for k in range(4)]
    return [value - 2**bits if value >> (bits - 1) else value for value in values]


def test_levels_follow_the_magnitude_until_they_adapt_each_alone():
    dut = Lms(PAM4, step=2)

    async def process(ctx):
        assert levels_of(ctx, dut) == PAM4.levels_start
        # A mean of 40 sample steps: levels of 20 and 60, in quarter steps.
        ctx.set(dut.amplitude, 40 << PAM4.AMPLITUDE_FRACTION)
        await ctx.tick()
        assert levels_of(ctx, dut) == [-240, -80, 80, 240]
        ctx.set(dut.amplitude, 127 << PAM4.AMPLITUDE_FRACTION)
        await ctx.tick()
        assert levels_of(ctx, dut)[3] == PAM4.level_limit
        ctx.set(dut.amplitude, 40 << PAM4.AMPLITUDE_FRACTION)
        await ctx.tick()
        # All symbols are of level 1 and too high.
        ctx.set(dut.high, 0)
        ctx.set(dut.odd, ONES)
        ctx.set(dut.rising, ONES)
        ctx.set(dut.adapt, 1)
        await ctx.tick().repeat(10)
        assert levels_of(ctx, dut) == [-240, -80 + 10 * 16 * 4 // 16, 80, 240]
        # All of level 3, one half too low.
        ctx.set(dut.high, ONES)
        ctx.set(dut.rising, 0x00FF)
        await ctx.tick().repeat(10)
        assert levels_of(ctx, dut) == [-240, -40, 80, 240]
        ctx.set(dut.rising, 0)
        await ctx.tick().repeat(400)
        assert levels_of(ctx, dut) == [-240, -40, 80, -PAM4.level_limit]
        # No more following, also when adaptation rests.
        ctx.set(dut.adapt, 0)
        await ctx.tick().repeat(3)
        assert levels_of(ctx, dut) == [-240, -40, 80, -PAM4.level_limit]

    simulate(dut, process)


def test_a_set_comes_back_and_is_settled(pack):
    dut = Lms(PAM4)
    taps, dfe, levels = [-3, 31, -32, 0, 7], -17, [-301, -98, 102, 311]
    packed, at = 0, 0
    for values, bits in ((taps, PAM4.tap_bits), ([dfe], PAM4.dfe_bits), (levels, 10)):
        packed |= pack(values, bits) << at
        at += bits * len(values)
    assert at == PAM4.coefficient_bits

    async def process(ctx):
        ctx.set(dut.saved, packed)
        ctx.set(dut.restore, 1)
        await ctx.tick()
        ctx.set(dut.restore, 0)
        assert ctx.get(dut.taps) == pack(taps, PAM4.tap_bits)
        assert ctx.get(dut.dfe) == dfe
        assert levels_of(ctx, dut) == levels
        assert ctx.get(dut.coefficients) == packed
        assert ctx.get(dut.settled)
        ctx.set(dut.load, 1)
        await ctx.tick()
        assert not ctx.get(dut.settled)
        assert levels_of(ctx, dut) == PAM4.levels_start

    simulate(dut, process)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_step_is_refused():
    with pytest.raises(ValueError, match="step is 5; allowed: 0 to 4"):
        Lms(CONFIG, step=5)
    gc.collect()  # so that the refused component warns here and not in another test
