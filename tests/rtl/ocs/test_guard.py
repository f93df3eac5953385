"""Guard: equal to its model on random light, and what the model means, case by case."""

import gc
import itertools

import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from lightloom.rtl.ocs.guard import ORDER, Cause, Guard, Model, Path, Settings

SENSORS = 3
ALL = (1 << SENSORS) - 1
LIT = (ALL, ALL)


def bits(value, width=SENSORS):
    return [value >> n & 1 for n in range(width)]


class Bench:
    """A guard whose requests are taken at once, beside its model; one word of light a clock."""

    def __init__(self, setup, *, active=Path.PRIMARY, mask=(0, 0)):
        self.setup, self.mask, self.active = setup, mask, active
        self.dut, self.model = Guard(SENSORS), Model(SENSORS)
        self.requests = []  # clock, target, cause
        self.clock = 0

    async def step(self, light, *, busy=0, keep=0, fail=0, clear=0, switch=None):
        """One clock, in which `switch` moves the path from elsewhere."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.light, light[0] | light[1] << SENSORS)
        ctx.set(dut.active, 1 << self.active)
        for name, value in {"busy": busy, "keep": keep, "fail": fail, "clear": clear}.items():
            ctx.set(getattr(dut, name), value)
        now = [ctx.get(getattr(dut, name)) for name in ("request", "target", "cause")]
        assert now == list(self.model.ask(self.setup, self.active, busy, keep)), self.clock
        request, target, cause = now
        switched = int(request or switch is not None)
        ctx.set(dut.switched, switched)
        self.model.step(
            self.setup,
            [bits(word) for word in light],
            [bits(word) for word in self.mask],
            active=self.active,
            busy=busy,
            keep=keep,
            switched=switched,
            fail=fail,
            clear=clear,
        )
        await ctx.tick()
        model = self.model
        expected = {
            "lit": sum(m.lit << n for n, m in enumerate(model.monitors)),
            "holding": int(model.holding),
            "flapping": model.flapping,
            "tried": sum(b << n for n, b in enumerate(model.tried)),
            "blocked": sum(b << n for n, b in enumerate(model.blocked)),
            "losses": model.losses[0] | model.losses[1] << 16,
            "switches": model.switches,
            "time": model.time,
            "dark_at": model.dark_at[0] | model.dark_at[1] << 32,
        }
        assert {name: ctx.get(getattr(dut, name)) for name in expected} == expected, self.clock
        if request:
            self.requests.append((self.clock, Path(target), Cause(cause)))
            self.active = Path(target)
        if switch is not None and not request:
            self.active = switch
        self.clock += 1

    async def steps(self, clocks, light, **kwargs):
        for _ in range(clocks):
            await self.step(light, **kwargs)

    def run(self, story):
        async def bench(ctx):
            self.ctx = ctx
            for name, value in vars(self.setup).items():
                ctx.set(getattr(self.dut, name), value)
            ctx.set(self.dut.mask, self.mask[0] | self.mask[1] << SENSORS)
            await story()

        sim = Simulator(self.dut)
        sim.add_clock(1e-8)
        sim.add_testbench(bench)
        sim.run()
        return self.requests


SETTINGS = st.builds(
    Settings,
    auto=st.integers(0, 7).map(bool).map(int),
    votes=st.integers(0, 4),
    down=st.integers(0, 5),
    up=st.integers(0, 5),
    order=st.integers(0, 63),
    allowed=st.integers(0, 7),
    trust=st.sampled_from([0, 0, 1, 2, 3]),
    revertive=st.integers(0, 1),
    hold_off=st.integers(0, 25),
    restore=st.integers(0, 25),
    flap_count=st.integers(0, 4),
    flap_window=st.integers(0, 80),
)


@settings(max_examples=25, deadline=None)
@given(SETTINGS, st.data())
def test_it_equals_the_model(setup, data):
    word = st.sampled_from([0, ALL, ALL, 1, 2, ALL ^ 1])
    pieces = data.draw(st.lists(st.tuples(word, word, st.integers(1, 14)), min_size=1, max_size=16))
    rare = st.integers(0, 30).map(lambda n: int(n == 0))
    bench = Bench(setup, mask=(data.draw(st.sampled_from([0, 0, 1, ALL])), 0))

    async def story():
        for primary, backup, clocks in pieces:
            keep = data.draw(st.sampled_from([0, 0, 0, 1]))
            for _ in range(clocks):
                await bench.step(
                    (primary, backup),
                    busy=data.draw(rare),
                    keep=keep,
                    fail=data.draw(rare),
                    clear=data.draw(rare),
                    switch=data.draw(st.sampled_from([None] * 30 + list(Path))),
                )

    bench.run(story)


def scenario(pieces, *, active=Path.PRIMARY, **setup):
    """Requests of a guard under (clocks, primary light, backup light), after 20 clocks of both."""
    bench = Bench(Settings(**setup), active=active)

    async def story():
        await bench.steps(20, LIT, busy=1)
        bench.clock = 0
        for clocks, primary, backup in pieces:
            await bench.steps(clocks, (primary * ALL, backup * ALL))

    return bench.run(story)


def test_a_cut_is_answered_after_the_debounce():
    assert scenario([(30, 0, 1)], down=4) == [(4 + 1, Path.BACKUP, Cause.LOSS)]
    assert scenario([(30, 0, 1)], down=9) == [(9 + 1, Path.BACKUP, Cause.LOSS)]


@pytest.mark.parametrize("first", Path)
@pytest.mark.parametrize("second", Path)
def test_the_priority_table_decides(first, second):
    """The first in the table of what has light; the loopback always has, and is the last resort."""
    order = first | second << 2 | 3 << 4
    for primary in (0, 1):
        for backup in (0, 1):
            usable = {Path.PRIMARY: primary, Path.BACKUP: backup, Path.LOOPBACK: 1}
            want = next((p for p in (first, second) if usable[p]), Path.LOOPBACK)
            took = scenario([(60, primary, backup)], order=order, hold_off=0, restore=0)
            assert ([Path.PRIMARY] + [target for _, target, _ in took])[-1] == want


def test_revertive_waits_to_restore_and_a_flicker_starts_it_again():
    cut = [(20, 0, 1), (15, 1, 1), (10, 0, 1), (60, 1, 1)]
    took = scenario(cut, revertive=1, restore=30, hold_off=0, down=4, up=4)
    assert took == [
        (5, Path.BACKUP, Cause.LOSS),
        (45 + 4 + 30 + 1, Path.PRIMARY, Cause.RESTORE),
    ]
    assert scenario(cut, revertive=0, restore=30, hold_off=0) == took[:1]


def test_a_path_that_was_chosen_is_left_for_a_loss_only():
    bench = Bench(Settings(hold_off=0, restore=5), active=Path.BACKUP)

    async def story():
        await bench.steps(20, LIT, keep=1, busy=1)
        await bench.steps(100, LIT, keep=1)
        assert not bench.requests
        await bench.steps(20, (ALL, 0), keep=1)
        assert [target for _, target, _ in bench.requests] == [Path.PRIMARY]

    bench.run(story)


def test_the_loopback_is_left_when_light_comes_back_even_without_reverting():
    took = scenario([(20, 0, 0), (60, 0, 1)], revertive=0, restore=10, hold_off=0)
    assert [target for _, target, _ in took] == [Path.LOOPBACK, Path.BACKUP]


def test_a_trusted_path_is_taken_in_the_dark_once():
    """The far end follows within the hold-off, or it does not."""
    follows = [(20, 0, 0), (200, 0, 1)]
    took = scenario(follows, trust=3, hold_off=60, down=4)
    assert took == [(5, Path.BACKUP, Cause.LOSS)]
    took = scenario([(300, 0, 0)], trust=3, hold_off=60, down=4)
    assert took == [(5, Path.BACKUP, Cause.LOSS), (5 + 61, Path.LOOPBACK, Cause.LOSS)]
    took = scenario([(300, 0, 0), (300, 1, 0)], trust=3, hold_off=60, restore=30)
    assert [target for _, target, _ in took] == [Path.BACKUP, Path.LOOPBACK, Path.PRIMARY]


def test_a_chosen_path_waits_for_its_first_light():
    bench = Bench(Settings(hold_off=0))

    async def story():
        await bench.step((0, 0), keep=1, switch=Path.PRIMARY)
        await bench.steps(100, (0, ALL), keep=1)
        assert not bench.requests
        await bench.steps(20, LIT, keep=1)
        await bench.steps(20, (0, ALL), keep=1)
        assert [target for _, target, _ in bench.requests] == [Path.BACKUP]

    bench.run(story)


def test_hold_off_keeps_switches_apart():
    cuts = [(10, 0, 1), (10, 1, 0)] * 12
    for hold_off in (0, 7, 33, 64):
        took = scenario(cuts, hold_off=hold_off, down=2, up=2, restore=0)
        apart = [b[0] - a[0] for a, b in itertools.pairwise(took)]
        assert len(took) > 2
        assert min(apart) > hold_off


def test_the_flap_limit_stays_put_and_says_so():
    bench = Bench(Settings(flap_count=3, flap_window=500, hold_off=0, down=2, up=2, restore=0))

    async def story():
        await bench.steps(10, LIT, busy=1)
        for _ in range(6):
            await bench.steps(10, (0, ALL))
            await bench.steps(10, (ALL, 0))
        assert len(bench.requests) == 3
        assert bench.ctx.get(bench.dut.flapping)
        await bench.step((ALL, 0), clear=1)
        await bench.steps(10, (ALL, 0))
        assert len(bench.requests) == 4

    bench.run(story)


def test_slow_switches_are_no_flapping():
    took = scenario(
        [(50, 0, 1), (50, 1, 0)] * 3, flap_count=3, flap_window=40, hold_off=0, restore=0
    )
    assert len(took) == 6


@pytest.mark.parametrize("bad", [[0], [1], [1, 1, 1, 1, 0, 0, 0, 0]])
def test_one_bad_sensor_never_moves_the_link(bad):
    bench = Bench(Settings(votes=2, down=3, up=3, hold_off=0, restore=5))

    async def story():
        await bench.steps(20, LIT, busy=1)
        for clock in range(150):
            await bench.step((ALL & ~1 | bad[clock % len(bad)], ALL))
        assert not bench.requests
        for clock in range(30):  # and it does not hide a cut
            await bench.step((bad[clock % len(bad)], ALL))
        assert [target for _, target, _ in bench.requests] == [Path.BACKUP]

    bench.run(story)


def test_a_path_that_fails_with_light_on_is_blocked_until_its_light_goes():
    bench = Bench(Settings(hold_off=0, restore=5))

    async def story():
        await bench.steps(20, LIT, busy=1)
        await bench.step(LIT, fail=1)
        await bench.steps(100, LIT)
        assert [target for _, target, _ in bench.requests] == [Path.BACKUP]
        await bench.steps(10, (0, ALL))
        await bench.steps(30, LIT)
        assert [target for _, target, _ in bench.requests] == [Path.BACKUP, Path.PRIMARY]

    bench.run(story)


def test_the_time_stamp_is_the_clock_of_the_darkness():
    bench = Bench(Settings(down=8, hold_off=0))

    async def story():
        await bench.steps(20, LIT, busy=1)
        dark = bench.ctx.get(bench.dut.time)
        await bench.steps(20, (0, ALL))
        # the sensor word of that clock, its register
        assert bench.ctx.get(bench.dut.dark_at) & 0xFFFFFFFF == dark + 1
        assert bench.requests[0][0] == 20 + 8 + 1

    bench.run(story)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_sensors_are_checked_and_the_table_starts_in_order():
    with pytest.raises(ValueError, match="sensors = 0; allowed: an integer from 1 to 64"):
        Guard(0)
    gc.collect()  # so that the refused component warns here
    assert [ORDER >> n & 3 for n in (0, 2, 4)] == list(Path)
