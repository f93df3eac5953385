"""Bring-up: the way up, every reason to leave it, giving up, and the modes."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link.bring_up import (
    LOSS_CLOCKS,
    RESTART_CLOCKS,
    SIGNAL_CLOCKS,
    BringUp,
    FailReason,
    State,
)

LIMITS = (400, 410, 420, 430, 440)
GOOD = {"signal": 3, "cdr_locked": 3, "equalized": 3, "block_lock": 3}
GOOD |= {"aligned": 1, "remote_ready": 1}
ORDER = [
    State.RESET,
    State.SIGNAL,
    State.CDR,
    State.EQUALIZE,
    State.BLOCK_LOCK,
    State.ALIGN,
    State.UP,
]


class Bench:
    """A bring-up with everything settable and its states recorded."""

    def __init__(self, story, *, attempt_limit=0, **inputs):
        self.dut = BringUp(lanes=2)
        self.states = []
        self.sim = Simulator(self.dut)
        self.sim.add_clock(1e-6)

        async def bench(ctx):
            self.ctx = ctx
            limits = sum(limit << 32 * n for n, limit in enumerate(LIMITS))
            self.set(enable=1, limits=limits, attempt_limit=attempt_limit, **inputs)
            await story(self)

        self.sim.add_testbench(bench)
        self.sim.run()

    def set(self, **inputs):
        for name, value in inputs.items():
            self.ctx.set(getattr(self.dut, name), value)

    def get(self, name):
        return self.ctx.get(getattr(self.dut, name))

    async def run(self, clocks):
        for _ in range(clocks):
            await self.ctx.tick()
            state = State(self.get("state"))
            if not self.states or self.states[-1] != state:
                self.states.append(state)

    async def until(self, state, limit=3000):
        """Clocks to reach a state."""
        for clock in range(limit):
            if self.get("state") == state:
                return clock
            await self.run(1)
        raise AssertionError(f"{state.name} not reached; {[s.name for s in self.states]}")


def test_the_way_up_in_order():
    async def story(bench):
        await bench.until(State.UP)
        await bench.run(5)
        assert bench.states == ORDER
        assert bench.get("up")
        assert bench.get("fail_reason") == FailReason.NONE
        times = [bench.get("times") >> 32 * n & 0xFFFFFFFF for n in range(6)]
        assert times == sorted(times)
        assert times[0] <= SIGNAL_CLOCKS
        assert times[5] == times[0] + 4  # one clock a step when nothing is waited for

    Bench(story, **GOOD)


@pytest.mark.parametrize(
    ("missing", "state", "reason"),
    [
        ("signal", State.SIGNAL, FailReason.SIGNAL_TIMEOUT),
        ("cdr_locked", State.CDR, FailReason.CDR_TIMEOUT),
        ("equalized", State.EQUALIZE, FailReason.EQUALIZE_TIMEOUT),
        ("block_lock", State.BLOCK_LOCK, FailReason.BLOCK_LOCK_TIMEOUT),
        ("aligned", State.ALIGN, FailReason.ALIGN_TIMEOUT),
        ("remote_ready", State.ALIGN, FailReason.REMOTE_TIMEOUT),
    ],
)
def test_each_waiting_state_has_its_own_limit(missing, state, reason):
    async def story(bench):
        await bench.until(state)
        waited = await bench.until(State.DOWN)
        assert waited == LIMITS[[*ORDER[1:6]].index(state)] + 1
        assert bench.get("fail_reason") == reason
        restart = await bench.until(State.SIGNAL)
        assert restart == RESTART_CLOCKS
        counted = reason not in (FailReason.SIGNAL_TIMEOUT, FailReason.REMOTE_TIMEOUT)
        assert bench.get("attempts") == int(counted)
        # What was missing comes: up, and the reason stays to be read.
        bench.set(**{missing: GOOD[missing]})
        await bench.until(State.UP)
        assert bench.get("attempts") == 0
        assert bench.get("fail_reason") == reason

    # One of two lanes is missing.
    Bench(story, **(GOOD | {missing: GOOD[missing] >> 1}))


def test_gives_up_after_the_limit_until_enable_falls():
    async def story(bench):
        await bench.until(State.FAILED)
        assert bench.states.count(State.CDR) == 3
        assert bench.states.count(State.DOWN) == 2
        bench.set(cdr_locked=3)
        await bench.run(3000)
        assert bench.get("state") == State.FAILED
        assert bench.get("fail_reason") == FailReason.CDR_TIMEOUT
        bench.set(enable=0)
        await bench.run(3)
        assert bench.get("state") == State.RESET
        bench.set(enable=1)
        await bench.until(State.UP)
        assert bench.get("fail_reason") == FailReason.NONE

    Bench(story, attempt_limit=3, **(GOOD | {"cdr_locked": 1}))


def test_darkness_is_not_a_failed_attempt():
    async def story(bench):
        await bench.run(4 * (LIMITS[0] + RESTART_CLOCKS))
        assert State.FAILED not in bench.states
        bench.set(signal=3)
        await bench.until(State.UP)

    Bench(story, attempt_limit=1, **(GOOD | {"signal": 0}))


@pytest.mark.parametrize(
    ("lost", "reason", "next_state"),
    [
        ("signal", FailReason.SIGNAL_LOST, State.DOWN),
        ("block_lock", FailReason.BLOCK_LOCK_LOST, State.DOWN),
        ("aligned", FailReason.ALIGNMENT_LOST, State.DOWN),
        ("remote_ready", FailReason.REMOTE_LOST, State.ALIGN),
    ],
)
def test_every_loss_leaves_up_with_its_reason_and_comes_back(lost, reason, next_state):
    async def story(bench):
        await bench.until(State.UP)
        await bench.run(10)
        bench.set(**{lost: GOOD[lost] >> 1})
        took = await bench.until(next_state)
        assert took <= LOSS_CLOCKS + 1
        assert bench.get("fail_reason") == reason
        assert bench.get("downs") == 1
        await bench.run(1)
        assert not bench.get("up")
        # Own receiver stays as it is when only the far end went away.
        assert bench.get("cdr_run") == (lost == "remote_ready")
        bench.set(**{lost: GOOD[lost]})
        await bench.until(State.UP)

    Bench(story, **GOOD)


def test_light_must_be_steady_and_a_short_gap_is_no_loss():
    async def story(bench):
        await bench.until(State.SIGNAL)
        for _ in range(5):
            bench.set(signal=3)
            await bench.run(SIGNAL_CLOCKS - 2)
            bench.set(signal=1)
            await bench.run(1)
        assert bench.get("state") == State.SIGNAL
        bench.set(signal=3)
        await bench.until(State.UP)
        bench.set(signal=0)
        await bench.run(LOSS_CLOCKS - 2)
        bench.set(signal=3)
        await bench.run(50)
        assert bench.get("state") == State.UP

    Bench(story, **(GOOD | {"signal": 0}))


def test_prbs_mode_stops_in_test():
    async def story(bench):
        await bench.until(State.TEST)
        await bench.run(2000)
        assert bench.states == [*ORDER[:4], State.TEST]
        assert bench.get("cdr_run")
        assert bench.get("equalizer_run")
        assert not bench.get("lock_run")
        bench.set(signal=1)
        await bench.until(State.DOWN)
        assert bench.get("fail_reason") == FailReason.SIGNAL_LOST
        bench.set(signal=3, prbs=0)  # a change of mode starts from RESET
        await bench.run(2)
        assert bench.get("state") == State.RESET
        await bench.until(State.UP)

    Bench(story, prbs=1, **GOOD)


def test_loopback_needs_no_light():
    async def story(bench):
        await bench.until(State.UP)
        assert bench.states == [State.RESET, State.BLOCK_LOCK, State.ALIGN, State.UP]

    Bench(story, loopback=1, **(GOOD | {"signal": 0, "cdr_locked": 0, "equalized": 0}))


def test_ready_is_told_to_the_far_end_before_up():
    async def story(bench):
        await bench.until(State.ALIGN)
        await bench.run(2)
        assert not bench.get("ready")
        bench.set(aligned=1)
        await bench.run(2)
        assert bench.get("ready")
        assert not bench.get("up")

    Bench(story, **(GOOD | {"aligned": 0, "remote_ready": 0}))


@pytest.mark.parametrize("missing", ["signal", "cdr_locked", "equalized", "block_lock"])
@pytest.mark.parametrize("degrade", [0, 1])
def test_a_dead_lane_is_left_out_when_that_is_allowed(missing, degrade):
    """Lane 1 never passes one state: without it the link comes up, unless all must."""

    async def story(bench):
        if not degrade:
            await bench.until(State.DOWN)
            assert bench.get("use") == 0b11
            return
        await bench.until(State.UP)
        assert bench.get("use") == 0b01
        assert bench.get("attempts") == 0
        bench.set(block_lock=0b10)  # the lane that is used is lost; all are tried again
        await bench.until(State.DOWN)
        await bench.until(State.SIGNAL)
        assert bench.get("use") == 0b11

    Bench(story, **(GOOD | {missing: 0b01, "degrade": degrade}))


def test_excluded_lanes_are_not_waited_for():
    async def story(bench):
        bench.set(excluded=0b01)
        await bench.until(State.UP)
        assert bench.get("use") == 0b10

    Bench(story, **(GOOD | {"signal": 0b10, "block_lock": 0b10}))


def test_no_lane_at_all_times_out_even_if_lanes_may_be_left_out():
    async def story(bench):
        await bench.until(State.DOWN)
        assert bench.get("fail_reason") == FailReason.CDR_TIMEOUT

    Bench(story, **(GOOD | {"cdr_locked": 0, "degrade": 1}))


def test_the_training_pattern_is_sent_until_the_receiver_has_settled_once():
    async def story(bench):
        await bench.until(State.EQUALIZE)
        assert bench.get("train")
        bench.set(equalized=0b11)
        await bench.until(State.UP)
        assert not bench.get("train")
        bench.set(block_lock=0)
        await bench.until(State.CDR)
        assert not bench.get("train")  # the far end must not lose its lock for ours
        bench.set(enable=0)
        await bench.run(3)
        assert bench.get("train")

    Bench(story, **(GOOD | {"equalized": 0}))


def test_lanes_are_checked():
    with pytest.raises(ValueError, match="lanes = 0; allowed: 1 to 64"):
        BringUp(lanes=0)


@pytest.mark.parametrize("start", [State.SIGNAL, State.CDR, State.ALIGN, State.UP, State.FAILED])
def test_a_route_change_holds_every_state_and_is_no_failure(start):
    """With a loaded set it goes on at the clock recovery, whatever darkness there was meanwhile."""
    missing = {State.SIGNAL: "signal", State.CDR: "cdr_locked", State.ALIGN: "aligned"}

    async def story(bench):
        await bench.until(start)
        bench.set(hold=1)
        await bench.run(1)
        bench.set(signal=0, block_lock=0, aligned=0, remote_ready=0)
        await bench.run(5)
        bench.states.clear()
        await bench.run(1000)
        assert bench.states == [State.ROUTE]
        assert (bench.get("downs"), bench.get("attempts"), bench.get("up")) == (0, 0, 0)
        assert bench.get("cdr_run")
        assert bench.get("coast")
        assert not any(bench.get(name) for name in ("lock_run", "align_run", "equalizer_run"))
        bench.set(**GOOD, warm=1)
        await bench.run(SIGNAL_CLOCKS)
        bench.states.clear()
        bench.set(hold=0)
        await bench.until(State.UP)
        assert bench.states == [*ORDER[2:6], State.UP]
        assert not bench.get("coast")
        assert bench.get("fail_reason") == FailReason.ROUTE_CHANGE
        assert bench.get("downs") == 0
        assert bench.get("times") >> 5 * 32 == 4  # from the release to up

    limited = {"attempt_limit": 1, "equalized": 1} if start == State.FAILED else {}
    lacks = {missing[start]: 0} if start in missing else {}
    Bench(story, **(GOOD | lacks | limited))


def test_a_route_change_without_a_set_starts_the_receiver_anew():
    async def story(bench):
        await bench.until(State.UP)
        bench.set(hold=1)
        await bench.run(200)
        bench.set(hold=0)
        bench.states.clear()
        await bench.until(State.UP)
        assert bench.states == [State.DOWN, *ORDER[1:]]

    Bench(story, **GOOD)


def test_a_route_without_light_is_left_at_the_limit():
    async def story(bench):
        await bench.until(State.UP)
        bench.set(hold=1, warm=1, signal=1)
        await bench.run(200)
        bench.set(hold=0)
        assert await bench.until(State.DOWN) == LIMITS[0] + 1

    Bench(story, **GOOD)


def test_a_route_change_does_not_concern_the_digital_loopback():
    async def story(bench):
        await bench.until(State.UP)
        bench.set(hold=1)
        await bench.run(100)
        assert bench.get("state") == State.UP

    Bench(story, loopback=1, **GOOD)
