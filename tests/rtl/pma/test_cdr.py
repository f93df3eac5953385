"""Loop filter: direction, bounds, freeze, restart, and equality with the model on random input."""

import itertools
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma.cdr import Cdr
from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.model import CdrModel, Observation

CONFIG = RxFormat()


def simulate(dut, process):
    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()


@pytest.mark.parametrize("sign", [-1, 1])
def test_late_sampling_moves_the_phase_earlier(sign):
    dut = Cdr(CONFIG)

    async def process(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.timing, 40 * sign)
        ctx.set(dut.magnitude, 20)
        before = ctx.get(dut.phase)
        await ctx.tick().repeat(30)
        moved = (ctx.get(dut.phase) - before + 2048) % 4096 - 2048
        assert moved * sign < -5
        assert ctx.get(dut.frequency) * sign < 0
        phase, frequency = ctx.get(dut.phase), ctx.get(dut.frequency)
        ctx.set(dut.freeze, 1)
        await ctx.tick().repeat(10)
        assert (ctx.get(dut.phase), ctx.get(dut.frequency)) == (phase, frequency)
        ctx.set(dut.freeze, 0)
        ctx.set(dut.enable, 0)
        await ctx.tick()
        assert (ctx.get(dut.phase), ctx.get(dut.frequency)) == (phase, 0)

    simulate(dut, process)


def test_frequency_stops_at_its_bound():
    dut = Cdr(CONFIG)

    async def process(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.timing, -900)
        ctx.set(dut.magnitude, 20)
        await ctx.tick().repeat(200)
        # 350 ppm of 64 symbols of 64 steps, in units of 2**-12.
        assert ctx.get(dut.frequency) == int(350e-6 * 64 * 64 * 4096)

    simulate(dut, process)


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        RxFormat(width=16, sample_bits=8, phase_steps=128),
        RxFormat(width=8, sample_bits=4),
        RxFormat(width=128),
        RxFormat(modulation="pam4", sample_bits=8),
        RxFormat(modulation="pam4", width=33, sample_bits=5, phase_steps=32),
    ],
)
def test_loop_is_the_models(config):
    seed = config.width
    print("seed", seed)
    rng = random.Random(seed)
    dut = Cdr(config)
    model = CdrModel(config)
    top = 2 ** (config.sample_bits - 1)
    ever = set()
    opened = set()
    again = []

    async def process(ctx):
        ctx.set(dut.enable, 1)
        for k in range(16 * config.lock_words):
            # Calm at first, then rough, then calm with a weak signal, then nothing.
            quarter = min(3, k // (3 * config.lock_words))
            worst = (2, top * config.observed, 2, 0)[quarter]
            unclear = config.pam4 and k % (3 * config.lock_words) < config.lock_words
            level = (top // 2, top, top // 4, 0)[quarter]
            seen = Observation(
                timing=rng.randint(-worst, worst),
                magnitude=rng.randint(level // 2, level),
                small=config.observed // 4 if unclear else rng.choice([0, 0, 0, quarter]),
            )
            ctx.set(dut.timing, seen.timing)
            ctx.set(dut.magnitude, seen.magnitude)
            ctx.set(dut.small, 2**seen.small - 1)
            frozen, coast = rng.random() < 0.05, rng.random() < 0.01
            ctx.set(dut.freeze, frozen)
            ctx.set(dut.coast, coast)
            model.step(seen, freeze=frozen, coast=coast)
            assert ctx.get(dut.again) == model.again
            restore = rng.random() < 1e-4
            ctx.set(dut.restore, restore)
            ctx.set(dut.saved, 77)
            if restore:
                model.restore(77)
            await ctx.tick()
            got = (ctx.get(dut.phase), ctx.get(dut.locked), ctx.get(dut.small_below))
            assert got == (model.code, model.locked, model.magnitude), k
            shift = config.FREQUENCY_FRACTION + config.PHASE_FRACTION - 12
            assert ctx.get(dut.frequency) == model.frequency >> shift
            assert ctx.get(dut.coarse) == model.coarse
            again.append(model.again)
            ever.add(model.locked)
            opened.add(model.open)

    simulate(dut, process)
    assert ever == {False, True}
    assert any(again) == config.pam4
    assert opened == ({False, True} if config.pam4 else {False})
    assert not model.locked


def test_lock_follows_the_limits_of_the_model():
    """Pairs of windows just inside and just outside each limit."""
    config = RxFormat(width=8)
    rng = random.Random(21)
    dut = Cdr(config)
    model = CdrModel(config)
    gain = config.GAIN[20 >> 2]
    changes = []

    async def process(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.magnitude, 20)
        # Warm up, so that the mean magnitude and with it the gain stay constant.
        for _ in range(2 * config.LOCK_WORDS):
            model.step(Observation(timing=2000 // gain, magnitude=20))
            ctx.set(dut.timing, 2000 // gain)
            await ctx.tick()
        calm = (0.2, config.spread_lock), (0, 8)
        spreads = [(x, y) for x in (0.95, 1.05) for y in (config.spread_lock, config.spread_lose)]
        counts = [(x, y) for x in (0.97, 1.03) for y in (32, 16, 8)]
        windows = list(itertools.product([calm[0], *spreads], [calm[1], *counts]))
        rng.shuffle(windows)
        rough = (1.05, config.spread_lose), (0, 8)
        # Two of a kind show whether that kind ends the lock, and whether it makes one.
        order = [w for k in windows for w in (calm, calm, k, k, rough, rough, k, k)]
        for (part, limit), (share, count_of) in order:
            spread = part * limit * config.LOCK_WORDS
            small = round(share * config.LOCK_WORDS * config.observed / count_of)
            was = model.locked
            for _ in range(config.LOCK_WORDS):
                timing = min(int(spread) // gain, round(1.5 * limit) // gain + 1)
                spread -= timing * gain
                count = min(small, config.observed)
                small -= count
                seen = Observation(timing=rng.choice([-1, 1]) * timing, magnitude=20, small=count)
                ctx.set(dut.timing, seen.timing)
                ctx.set(dut.small, 2**count - 1)
                model.step(seen)
                await ctx.tick()
                assert ctx.get(dut.locked) == model.locked
            changes.append(model.locked - was)

    simulate(dut, process)
    assert changes.count(1) >= 10
    assert changes.count(-1) >= 10
