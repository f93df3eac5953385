"""Light monitor: debounce to the clock, votes, and no single sensor decides."""

import gc
import itertools

import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from lightloom.rtl.ocs.light import LightMonitor, Model


def run(sensors, stream, *, votes, down, up, mask=0):
    """(`lit`, `fading`, `steady`) after each clock of `stream` of sensor words."""
    dut = LightMonitor(sensors)
    seen = []

    async def bench(ctx):
        for name, value in {"votes": votes, "down": down, "up": up, "mask": mask}.items():
            ctx.set(getattr(dut, name), value)
        for word in stream:
            ctx.set(dut.light, word)
            await ctx.tick()
            seen.append((ctx.get(dut.lit), ctx.get(dut.fading), ctx.get(dut.steady)))

    sim = Simulator(dut)
    sim.add_clock(1e-8)
    sim.add_testbench(bench)
    sim.run()
    return seen


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_it_equals_the_model(data):
    sensors = data.draw(st.integers(1, 5))
    word = st.integers(0, 2**sensors - 1)
    pieces = data.draw(st.lists(st.tuples(word, st.integers(1, 9)), min_size=1, max_size=20))
    stream = [w for w, n in pieces for _ in range(n)]
    votes, down, up = (data.draw(st.integers(0, 6)) for _ in range(3))
    mask = data.draw(word)
    model = Model(sensors)

    def bits(value):
        return [value >> n & 1 for n in range(sensors)]

    expected = []
    for now in stream:
        model.step(bits(now), bits(mask), votes, down, up)
        steady = sum(s << n for n, s in enumerate(model.steady))
        expected.append((model.lit, model.fading, steady))
    assert run(sensors, stream, votes=votes, down=down, up=up, mask=mask) == expected


def edges(seen):
    lit = [0] + [now for now, _, _ in seen]
    return [n for n, (a, b) in enumerate(itertools.pairwise(lit)) if a != b]


@pytest.mark.parametrize(("down", "up"), [(5, 3), (1, 1), (0, 0)])
def test_debounce_is_exact(down, up):
    """Light from clock 0, dark from 40: the output turns `up` and `down` + 1 clocks later."""
    seen = run(4, [0xF] * 40 + [0] * 40, votes=2, down=down, up=up)
    assert edges(seen) == [max(up, 1), 40 + max(down, 1)]


def test_a_gap_one_clock_short_of_the_time_is_not_seen():
    dark = 6
    short = [0xF] * 20 + [0] * (dark - 1) + [0xF] * 20
    assert edges(run(4, short, votes=2, down=dark, up=2)) == [2]
    long = [0xF] * 20 + [0] * dark + [0xF] * 20
    assert edges(run(4, long, votes=2, down=dark, up=2)) == [2, 20 + dark, 20 + dark + 2]


@pytest.mark.parametrize("bad", [[0], [1], [1, 1, 1, 0, 0, 0]], ids=["dead", "stuck", "chatter"])
@pytest.mark.parametrize("which", [0, 3])
def test_one_bad_sensor_neither_flaps_nor_hides(bad, which):
    """Its output never shows in `lit`: one rise, one fall, with the others'."""

    def word(clock, light):
        good = 0xF & ~(1 << which) if light else 0
        return good | bad[clock % len(bad)] << which

    stream = [word(n, n < 60) for n in range(120)]
    assert edges(run(4, stream, votes=2, down=3, up=3)) == [3, 63]


def test_the_sensor_that_could_decide_alone_is_masked():
    stream = [0xE if n % 8 < 4 else 0xF for n in range(60)]
    assert len(edges(run(4, stream, votes=1, down=2, up=2))) > 5
    assert edges(run(4, stream, votes=1, down=2, up=2, mask=1)) == [2]
    assert edges(run(4, stream, votes=1, down=2, up=2, mask=0xF)) == []


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_sensors_are_checked():
    with pytest.raises(ValueError, match="sensors = 65; allowed: an integer from 1 to 64"):
        LightMonitor(65)
    gc.collect()  # so that the refused component warns here
