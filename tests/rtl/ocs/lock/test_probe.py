"""What a probe sums up: one source's light, told from all other light and from drift."""

import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.lock.model import probe_sum
from lightloom.rtl.ocs.lock.probe import Probe, sum_bits

CELLS, SOURCES = 3, 2
SETTINGS = {"groups": 1, "repeats": 2, "guard": 2, "patience": 12, "cell": 1, "source": 1}


def measure(light, *, clocks=600, scan=False, stop_at=None, mute=None, **settings):
    """Sums and what was asked: `light(channel, level, clock)` is a sample."""
    dut = Probe(CELLS, SOURCES)
    seen = {"wanted": [], "levels": [], "done": [], "pilots": set()}

    async def bench(ctx):
        for name, value in (SETTINGS | settings).items():
            ctx.set(getattr(dut, name), value)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for clock in range(clocks):
            busy = ctx.get(dut.busy)
            channel = clock % (2 * CELLS) if scan else ctx.get(dut.channel)
            level = ctx.get(dut.pilot_level)
            if busy:
                seen["wanted"].append(ctx.get(dut.channel))
                seen["levels"].append(level)
                seen["pilots"].add((ctx.get(dut.pilot_on), ctx.get(dut.pilot_source)))
            ctx.set(dut.sample_valid, channel != mute)
            ctx.set(dut.sample_channel, channel)
            ctx.set(dut.sample_value, light(channel, level, clock))
            ctx.set(dut.stop, clock == stop_at)
            if ctx.get(dut.done):
                seen["done"].append((clock, ctx.get(dut.silent)))
            await ctx.tick()
        seen["upper"], seen["lower"] = ctx.get(dut.upper), ctx.get(dut.lower)
        seen["pilot_after"] = ctx.get(dut.pilot_on)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


@pytest.mark.parametrize("scan", [False, True])
@pytest.mark.parametrize("tap", [0, 1])
@pytest.mark.parametrize(("groups", "repeats"), [(0, 0), (1, 2), (2, 3)])
def test_sums_are_the_golden_models(groups, repeats, tap, scan):
    rng = random.Random(f"{groups} {repeats} {tap}")
    table = [[rng.randrange(4096) for _ in range(2)] for _ in range(2 * CELLS)]
    seen = measure(
        lambda channel, level, _: table[channel][level],
        groups=groups, repeats=repeats, tap=tap, scan=scan, clocks=200 << groups + repeats,
        patience=60,
    )  # fmt: skip
    assert seen["upper"] == probe_sum(*table[2][::-1], groups, repeats)
    assert seen["lower"] == probe_sum(*table[3][::-1], groups, repeats)
    assert [silent for _, silent in seen["done"]] == [0]
    assert seen["pilots"] == {(1, 1)}
    assert seen["pilot_after"] == 0
    # Slots come as high, low, low, high.
    runs = [v for k, v in enumerate(seen["levels"]) if k == 0 or v != seen["levels"][k - 1]]
    assert runs == [1, 0, 1, 0, 1, 0, 1, 0, 1][: 2 * 2**groups + 1]


def test_other_light_and_what_drifts_linearly_drop_out():
    # Steered, every slot takes as long: light that rises steadily adds as much as it takes.
    still = measure(lambda channel, level, clock: 900 + 30 * level + channel)
    rising = measure(lambda channel, level, clock: 900 + 30 * level + channel + 2 * clock)
    assert still["done"] == rising["done"]
    assert (still["upper"], still["lower"]) == (rising["upper"], rising["lower"])
    assert still["upper"] == probe_sum(30, 0, 1, 2)


def test_it_asks_for_the_repeats_of_one_tap_and_one_of_the_other():
    seen = measure(lambda *_: 5, groups=0, repeats=2, guard=0, tap=1)
    # Of a slot: a clock of guard with what was wanted before, four of tap 3 and one of tap 2.
    assert seen["wanted"][1:6] == [3, 3, 3, 3, 2]


@pytest.mark.parametrize("mute", [2, 3])
def test_a_converter_that_is_silent_is_told(mute):
    seen = measure(lambda *_: 5, mute=mute)
    ((clock, silent),) = seen["done"]
    assert silent == 1
    assert clock < SETTINGS["guard"] + 4 + SETTINGS["patience"] + 4


def test_a_stop_ends_it_without_an_answer():
    seen = measure(lambda *_: 5, stop_at=20)
    assert seen["done"] == []
    assert len(seen["wanted"]) == 21


def test_sums_have_room_for_the_longest_measurement():
    most = probe_sum(4095, 0, 10, 6)
    assert most < 1 << (sum_bits(12) - 1)
    assert probe_sum(4095, 0, 15, 7) == most  # larger settings are those


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_what_a_block_passes_on_is_all_but_its_own():
    dut = Probe(CELLS, SOURCES)
    own = {"start", "stop", "cell", "source", "tap", "busy", "done", "silent", "upper", "lower"}
    assert set(dut.passed()) == set(dut.signature.members) - own
    del dut
    gc.collect()
