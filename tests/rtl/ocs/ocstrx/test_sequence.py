"""Sequence of a change of path: who is heard when, the order of the side band, every time-out."""

import random

from amaranth.sim import Simulator

from lightloom.rtl.ocs.guard import Path
from lightloom.rtl.ocs.ocstrx.sequence import PULSE_CLOCKS, PathSequence, Phase, Reason

LIMITS = {"pause_clocks": 10, "settle_limit": 300, "relock_limit": 200, "frame_limit": 100}
PULSES = ("park", "command", "agreed", "refused", "expired", "follow", "guard_request")
OUTPUTS = ("phase", "path", "freeze", "pause", "save", "load", "parked", "change", "fail")


class Bench:
    """One sequence; `trace` has the outputs of every clock."""

    def __init__(self, story, **inputs):
        self.dut = PathSequence()
        self.trace = []

        async def bench(ctx):
            self.ctx = ctx
            sets = sum(n << 4 * n for n in range(3))
            self.set(**LIMITS | {"use_sets": 1, "rollback": 1, "sets": sets, "settled": 1})
            self.set(link_up=1, frame_good=1, **inputs)
            await story(self)

        sim = Simulator(self.dut)
        sim.add_clock(1e-8)
        sim.add_testbench(bench)
        sim.run()

    def set(self, **inputs):
        for name, value in inputs.items():
            self.ctx.set(getattr(self.dut, name), value)

    def get(self, name):
        return self.ctx.get(getattr(self.dut, name))

    async def run(self, clocks):
        for _ in range(clocks):
            self.trace.append({name: self.get(name) for name in OUTPUTS})
            path = self.get("path")
            assert path in (1, 2, 4)
            assert not self.get("parked") or path == 1
            await self.ctx.tick()
            self.set(**dict.fromkeys(PULSES, 0))

    async def command(self, path, **flags):
        """Give a command; it is taken or refused in this clock."""
        self.set(command=1, command_path=path, **flags)
        await self.run(1)

    async def until(self, phase, limit=1000):
        for _ in range(limit):
            if self.get("phase") == phase:
                return
            await self.run(1)
        raise AssertionError(f"{phase.name} not reached")

    async def start(self, path=Path.PRIMARY):
        await self.command(path)
        await self.until(Phase.IDLE)
        self.trace.clear()

    def phases(self):
        found = []
        for clock in self.trace:
            if not found or found[-1] != clock["phase"]:
                found.append(Phase(clock["phase"]))
        return found


def test_a_command_goes_through_all_phases_in_order():
    async def story(bench):
        await bench.start()
        await bench.command(Path.BACKUP)
        await bench.until(Phase.IDLE)
        assert bench.phases()[1:] == [
            Phase.PAUSE,
            Phase.SAVE,
            Phase.SETTLE,
            Phase.LOAD,
            Phase.RELOCK,
            Phase.FRAME,
        ]
        moved = next(n for n, now in enumerate(bench.trace) if now["path"] == 2)
        assert bench.trace[moved]["change"]
        assert bench.trace[moved]["freeze"]
        assert not bench.trace[moved - 1]["freeze"]
        assert all(now["pause"] for now in bench.trace[moved - 40 : moved])
        high = {name: [n for n, now in enumerate(bench.trace) if now[name]] for name in OUTPUTS}
        assert len(high["save"]) == len(high["load"]) == PULSE_CLOCKS
        assert max(high["save"]) < moved < min(high["load"])
        assert min(high["load"]) - moved > PULSE_CLOCKS  # the number stands before
        assert max(high["freeze"]) - max(high["load"]) == PULSE_CLOCKS
        assert bench.get("kept")

    Bench(story)


def test_the_guard_moves_the_path_in_the_next_clock_without_a_save():
    async def story(bench):
        await bench.start()
        bench.set(guard_request=1, guard_target=Path.LOOPBACK)
        await bench.run(1)
        assert bench.get("path") == 4
        assert bench.get("change")
        await bench.until(Phase.IDLE)
        assert Phase.SAVE not in bench.phases()
        assert not bench.get("kept")

    Bench(story)


def test_the_guard_overtakes_a_change_that_has_not_begun():
    async def story(bench):
        await bench.start()
        await bench.command(Path.BACKUP)
        await bench.run(3)
        bench.set(guard_request=1, guard_target=Path.LOOPBACK)
        assert bench.get("cancel")
        await bench.run(1)
        assert (bench.get("path"), bench.get("reason")) == (4, Reason.OVERTAKEN)

    Bench(story)


def test_the_guard_is_not_heard_while_heaters_move_or_a_command_forces():
    async def story(bench):
        await bench.start()
        bench.set(settled=0)
        await bench.command(Path.BACKUP, command_force=1)
        await bench.until(Phase.SETTLE)
        assert bench.get("guard_busy")
        bench.set(settled=1)
        await bench.until(Phase.IDLE)
        assert bench.get("guard_busy")
        await bench.command(Path.BACKUP, command_force=0)
        await bench.until(Phase.IDLE)
        assert not bench.get("guard_busy")

    Bench(story)


def test_heaters_that_do_not_settle_are_reported_and_the_sequence_goes_on():
    async def story(bench):
        await bench.start()
        bench.set(settled=0)
        await bench.command(Path.BACKUP)
        await bench.until(Phase.LOAD)
        assert bench.get("reason") == Reason.SETTLE_TIMEOUT
        assert (
            sum(now["phase"] == Phase.SETTLE for now in bench.trace) == LIMITS["settle_limit"] + 1
        )
        await bench.until(Phase.IDLE)

    Bench(story)


def test_no_relock_goes_back_once_and_then_fails():
    async def story(bench):
        await bench.start()
        await bench.command(Path.BACKUP)
        await bench.until(Phase.SETTLE)
        bench.set(link_up=0)
        await bench.until(Phase.IDLE, 2000)
        assert bench.get("path") == 1
        assert bench.get("reason") == Reason.RELOCK_TIMEOUT
        assert sum(now["phase"] == Phase.RELOCK for now in bench.trace) == 2 * (
            LIMITS["relock_limit"] + 1
        )
        assert sum(now["fail"] for now in bench.trace) == 1

    Bench(story)


def test_a_command_in_the_clock_of_the_way_back_is_refused():
    async def story(bench):
        await bench.start()
        await bench.command(Path.BACKUP)
        await bench.until(Phase.SETTLE)
        bench.set(link_up=0)
        await bench.until(Phase.RELOCK)
        await bench.run(LIMITS["relock_limit"])
        await bench.command(Path.LOOPBACK)
        assert (bench.get("path"), bench.get("phase")) == (1, Phase.SETTLE)
        assert bench.get("reason") == Reason.BUSY

    Bench(story)


def test_no_frame_is_no_failure_of_the_path():
    async def story(bench):
        await bench.start()
        bench.set(frame_good=0)
        await bench.command(Path.BACKUP)
        await bench.until(Phase.IDLE)
        assert (bench.get("path"), bench.get("reason")) == (2, Reason.NO_FRAME)
        assert not any(now["fail"] for now in bench.trace)

    Bench(story)


def test_the_far_end_is_followed_even_while_a_set_is_saved():
    async def story(bench):
        await bench.start()
        bench.set(save_interval=20)
        await bench.until(Phase.SAVE)
        assert not bench.get("busy")
        assert bench.get("able")
        await bench.run(20)
        bench.set(follow=1, follow_path=Path.BACKUP)
        await bench.run(1)
        await bench.until(Phase.IDLE)
        assert bench.get("path") == 2

    Bench(story)


def test_answers_of_the_far_end():
    async def story(bench):
        for answer, path, reason in (
            ("agreed", 2, Reason.NONE),
            ("refused", 1, Reason.REFUSED),
            ("expired", 1, Reason.NO_ANSWER),
        ):
            await bench.start()
            await bench.command(Path.BACKUP, command_ask=1)
            bench.set(asking=1)
            await bench.run(30)
            assert bench.get("phase") == Phase.ASK
            bench.set(**{answer: 1})
            await bench.run(1)
            bench.set(asking=0)
            await bench.until(Phase.IDLE)
            assert (bench.get("path"), bench.get("reason")) == (path, reason)
            bench.set(park=1, command_ask=0)
            await bench.run(2)

    Bench(story)


def test_whatever_comes_there_is_one_path_and_park_parks():
    """Random inputs: the checks of `run` in every clock."""
    seed = random.getrandbits(32)
    print("seed", seed)
    rng = random.Random(seed)

    async def story(bench):
        for _ in range(2500):
            rare = {name: rng.random() < 0.02 for name in (*PULSES, "stop")}
            bench.set(**{name: int(on) for name, on in rare.items()})
            for name in ("command_path", "follow_path", "guard_target"):
                bench.set(**{name: rng.randrange(4)})
            for name in ("settled", "link_up", "frame_good", "asking"):
                bench.set(**{name: int(rng.random() < 0.9)})
            await bench.run(1)
            if rare["park"] or rare["stop"]:
                assert bench.get("parked")
                assert bench.get("phase") == Phase.PARKED

    Bench(story, relock_limit=30, settle_limit=40)
