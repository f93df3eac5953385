import random

import pytest
from amaranth import Module, ResetInserter, Value
from amaranth.sim import Simulator

from lightloom.rtl.ocs.commit import Commit
from lightloom.rtl.ocs.requests import Reason
from lightloom.rtl.ocs.route import router
from lightloom.spec import fabrics

FABRICS = [("benes", 2), ("benes", 4), ("benes", 8), ("benes", 16), ("piloss", 3),
           ("crossbar", 4), ("switch-and-select", 4)]  # fmt: skip


class Bench:
    """A commit with its router; heaters settle at once, a budget answers `over` after 3 clocks."""

    def __init__(self, topology, ports):
        self.dut = dut = Commit(topology, ports)
        self.plan, self.ports, self.cells = dut.plan, ports, dut.cells
        self.over = 0
        made = router(topology, ports)
        self.m = m = Module()
        m.submodules.dut = dut
        m.submodules.router = ResetInserter(dut.route_drop)(made)
        for name in ("destinations", "active", "fixed", "value", "unusable", "prefer", "start"):
            m.d.comb += getattr(made, name).eq(getattr(dut, f"route_{name}"))
        m.d.comb += [
            dut.route_states.eq(made.states),
            dut.route_done.eq(made.done),
            dut.route_failed.eq(made.failed),
            dut.route_reason.eq(Value.cast(made.reason)),
            dut.settled.eq(~dut.change & ~dut.counting),
        ]

    def run(self, scenario):
        async def bench(ctx):
            self.ctx = ctx
            await scenario()

        simulator = Simulator(self.m)
        simulator.add_clock(1e-9)
        simulator.add_testbench(bench)
        simulator.run()

    async def pulse(self, name):
        """Give a command; return the reason and the states of each clock until it is over."""
        ctx, dut = self.ctx, self.dut
        ctx.set(getattr(dut, name), 1)
        seen, reason = [], Reason.NONE
        for _ in range(20000):
            if ctx.get(dut.refused):
                reason = Reason(ctx.get(dut.refusal))
            await ctx.tick()
            ctx.set(getattr(dut, name), 0)
            seen.append(ctx.get(dut.states))
            if not ctx.get(dut.busy):
                return reason, seen
        raise AssertionError("busy for ever")

    async def ask(self, wanted):
        bits = self.dut.bits
        self.ctx.set(self.dut.destinations, sum(to << bits * i for i, to in wanted.items()))
        self.ctx.set(self.dut.valid, sum(1 << i for i in wanted))
        return await self.pulse("commit")

    def ways(self, states):
        return fabrics.ways(self.plan, [states >> k & 1 for k in range(self.cells)])

    def check(self, wanted):
        ways = self.ways(self.ctx.get(self.dut.states))
        for i, to in wanted.items():
            assert ways[f"in{i}"].output == f"out{to}"


@pytest.mark.parametrize(("topology", "ports"), FABRICS)
def test_maps_change_in_one_step_and_move_what_they_must(topology, ports):
    seed = 90 + ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    b = Bench(topology, ports)
    tally = {"kept": [], "anew": [], "clocks": []}

    async def scenario():
        current = {}
        for _ in range(40):
            wanted = dict(current)
            for i in rng.sample(range(ports), min(ports, rng.choice((1, 1, 2, ports)))):
                wanted.pop(i, None)
            free = [to for to in range(ports) if to not in wanted.values()]
            rng.shuffle(free)
            for i in range(ports):
                if i not in wanted and free and rng.random() < 0.9:
                    wanted[i] = free.pop()
            before = b.ctx.get(b.dut.states)
            ways = b.ways(before)
            reason, seen = await b.ask(wanted)
            after = b.ctx.get(b.dut.states)
            assert reason == Reason.NONE
            b.check(wanted)
            assert set(seen) <= {before, after}
            assert seen == sorted(seen, key=lambda states: states == after)
            assert b.ctx.get(b.dut.moved) == (before ^ after).bit_count()
            same = [i for i in wanted if current.get(i) == wanted[i]]
            moves = before ^ after
            hit = [i for i in same if any(moves >> c & 1 for c in ways[f"in{i}"].cells)]
            assert b.ctx.get(b.dut.disturbed) == len(hit)
            anew = b.ctx.get(b.dut.rearranged)
            assert anew or not hit
            assert not anew or topology == "benes"  # the others block no route by another
            tally["anew" if anew else "kept"].append(moves.bit_count())
            tally["clocks"].append(b.ctx.get(b.dut.elapsed))
            current = wanted

    b.run(scenario)
    for name, row in tally.items():
        mean = sum(row) / max(len(row), 1)
        print(f"{name}: {len(row)}, mean {mean:.1f}, most {max(row, default=0)}")
    assert len(tally["kept"]) > 15


@pytest.mark.parametrize("topology", ["crossbar", "piloss"])
def test_routes_that_go_around_dead_cells_stay_when_others_come_and_go(topology):
    seed, ports = 95, 5
    print(f"seed {seed}")
    rng = random.Random(seed)
    b = Bench(topology, ports)
    tally = {"kept": 0, "anew": 0, "refused": 0, "around": 0}

    async def scenario():
        dut, cells = b.dut, range(ports**2)
        for _ in range(5):
            bad = {name: 1 << rng.choice(cells) for name in ("stuck_bar", "stuck_cross")}
            bad["unusable"] = 1 << rng.choice(cells)
            for name, word in bad.items():
                b.ctx.set(getattr(dut, name), word)
            current = {}
            await b.ask(current)
            for _ in range(12):
                wanted = dict(current)
                for i in rng.sample(range(ports), rng.choice((1, 2))):
                    wanted.pop(i, None)
                free = [to for to in range(ports) if to not in wanted.values()]
                rng.shuffle(free)
                for i in range(ports):
                    if i not in wanted and free and rng.random() < 0.7:
                        wanted[i] = free.pop()
                before = b.ctx.get(dut.states)
                ways = b.ways(before)
                reason, _ = await b.ask(wanted)
                after = b.ctx.get(dut.states)
                if reason != Reason.NONE:
                    assert reason in (Reason.NO_ROUTE, Reason.SEARCH_LIMIT)
                    assert after == before
                    tally["refused"] += 1
                    continue
                b.check(wanted)
                assert not after & bad["stuck_bar"] & ~bad["stuck_cross"]
                now = b.ways(after)
                dark = bad["unusable"] | bad["stuck_bar"] & bad["stuck_cross"]
                assert not any(dark >> c & 1 for i in wanted for c in now[f"in{i}"].cells)
                bars = [[c for c in now[f"in{i}"].cells if not after >> c & 1] for i in wanted]
                tally["around"] += any(len(turns) > 1 for turns in bars)
                same = [i for i in wanted if current.get(i) == wanted[i]]
                hit = [i for i in same
                       if any((before ^ after) >> c & 1 for c in ways[f"in{i}"].cells)]  # fmt: skip
                anew = b.ctx.get(dut.rearranged)
                assert anew or not hit
                tally["anew" if anew else "kept"] += 1
                current = wanted

    b.run(scenario)
    print(tally)
    assert min(tally[name] for name in ("kept", "refused", "around")) > 5


@pytest.mark.parametrize(
    "ports", [4, 8, 16, 32, *(pytest.param(n, marks=pytest.mark.slow) for n in (64, 128))]
)
def test_a_full_map_from_nothing_takes_the_clocks_that_are_stated(ports):
    b = Bench("benes", ports)
    seed = ports
    print(f"seed {seed}")
    wanted = dict(enumerate(random.Random(seed).sample(range(ports), ports)))

    async def scenario():
        ctx, dut = b.ctx, b.dut
        ctx.set(dut.destinations, sum(to << dut.bits * i for i, to in wanted.items()))
        ctx.set(dut.valid, (1 << ports) - 1)
        # A table that changes with the commit costs two clocks more.
        late = 2 if ports == 8 else 0
        if not late:
            await ctx.tick()
        ctx.set(dut.commit, 1)
        clocks = 0
        while not ctx.get(dut.change):
            await ctx.tick()
            ctx.set(dut.commit, 0)
            clocks += 1
            assert clocks <= ports + late
        b.check(wanted)
        # The router takes 2 clocks less than there are ports.
        assert clocks == ctx.get(dut.elapsed) == ports - 1 + late

    b.run(scenario)


@pytest.mark.parametrize("ports", [2, 4, 8])
def test_a_router_that_started_too_early_does_not_answer(ports):
    """Kept routes are asked for anew, whatever comes of the start with the commit."""
    b = Bench("benes", ports)

    async def scenario():
        first = {i: i for i in range(ports)}
        reason, _ = await b.ask(first)
        assert reason == Reason.NONE
        await b.ask({i: i for i in range(1, ports)})
        before = b.ctx.get(b.dut.states)
        # With the commit alone, other states would do as well: prefer is kept only for idle cells.
        reason, seen = await b.ask(first)
        assert reason == Reason.NONE
        assert set(seen) == {before}
        twice = first | {0: ports - 1}
        reason, seen = await b.ask(twice)
        assert reason == Reason.CONFLICT
        assert set(seen) == {before}
        assert not b.ctx.get(b.dut.busy)

    b.run(scenario)


def test_a_budget_holds_a_map_back_until_it_answers():
    b = Bench("benes", 4)
    answers = iter([1, 0])

    async def scenario():
        ctx, dut = b.ctx, b.dut
        ctx.set(dut.budget_on, 1)
        wanted = {0: 3, 3: 1}
        ctx.set(dut.destinations, 3 | 1 << 6)
        ctx.set(dut.valid, 0b1001)
        for _ in range(2):
            over = next(answers)
            ctx.set(dut.commit, 1)
            await ctx.tick()
            ctx.set(dut.commit, 0)
            while not ctx.get(dut.budget_start):
                await ctx.tick()
            for _ in range(5):
                await ctx.tick()
                assert not ctx.get(dut.budget_start)
                assert ctx.get(dut.parked)
            ctx.set(dut.budget_done, 1)
            ctx.set(dut.budget_over, over)
            assert ctx.get(dut.refused) == over
            assert not over or Reason(ctx.get(dut.refusal)) == Reason.BUDGET
            await ctx.tick()
            ctx.set(dut.budget_done, 0)
            assert ctx.get(dut.parked) == over
        b.check(wanted)

    b.run(scenario)
