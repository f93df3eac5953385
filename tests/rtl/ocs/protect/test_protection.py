"""Protection of a chip's connections: equal to its model on random light, and case by case."""

import gc
import itertools
import random
from collections import Counter
from dataclasses import asdict

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.protect.model import Candidate, Group, Model, Settings, View
from lightloom.rtl.ocs.protect.protection import VISIT, Protection
from lightloom.rtl.ocs.protect.table import Cause

PORTS, BITS = 6, 3


def word(bits):
    return sum(int(bit) << n for n, bit in enumerate(bits))


class Bench:
    """The block beside its model, with a commit that answers as `answers` says.

    Light, map and settings change only in the clock in which a visit begins, by `event`.
    """

    def __init__(self, groups, settings=None, *, event=None, answers=None, settle=3):
        self.dut = Protection(len(groups), PORTS)
        self.model, self.settings = Model(groups), settings or Settings()
        self.event = event or (lambda: None)
        self.answers = answers or (lambda request: "applied")
        self.settle = settle
        self.map, self.parked = {}, 0
        self.lit, self.out_lit, self.sensors = [1] * PORTS, [1] * PORTS, [1] * PORTS
        self.calm = 1
        self.busy = 0  # clocks that the software's commit still takes
        self.change = 0
        self.requests, self.pulses = [], Counter()
        self.clock = 0

    def light_follows(self, way_lost=()):
        """Outputs see the light of the inputs that the map leads to them."""
        self.out_lit = [0] * PORTS
        for i, o in self.map.items():
            self.out_lit[o] = int(self.lit[i] and (i, o) not in way_lost)

    def new_map(self, routes, busy=0):
        self.map, self.change, self.parked, self.busy = dict(routes), 1, 0, busy

    def drive(self, *, ready, busy=0, applied=0):
        ctx, dut = self.ctx, self.dut
        values = {
            "lit": word(self.lit),
            "out_lit": word(self.out_lit),
            "sensors": word(self.sensors),
            "calm": self.calm,
            "map_destinations": sum(o << BITS * i for i, o in self.map.items()),
            "map_valid": sum(1 << i for i in self.map),
            "change": self.change,
            "parked": self.parked,
            "busy": busy,
            "ready": ready,
            "accepted": 0,
            "applied": applied,
            **asdict(self.settings),
        }
        for name, value in values.items():
            ctx.set(getattr(dut, name), value)

    async def tick(self):
        for name in ("switched", "failed", "disagreed", "flapped"):
            self.pulses[name] += self.ctx.get(getattr(self.dut, name))
        await self.ctx.tick()
        self.clock += 1
        self.change = 0
        self.busy -= self.busy > 0

    async def write(self, number, place=None):
        """Write a candidate, or the mode, between two visits."""
        ctx, dut, group = self.ctx, self.dut, self.model.groups[number]
        ctx.set(dut.select_group, number)
        ctx.set(dut.select_place, place or 0)
        if place is None:
            mode = {"enable": group.enable, "revertive": group.revertive, "way": group.way}
            ctx.set(dut.mode, mode)
        else:
            one = group.candidates[place]
            entry = {"valid": 0} if one is None else vars(one) | {"valid": 1}
            ctx.set(dut.entry, entry)
        name = dut.mode_write if place is None else dut.entry_write
        ctx.set(dut.enable, 0)
        ctx.set(name, 1)
        await self.tick()
        ctx.set(name, 0)
        ctx.set(dut.enable, 1)

    def check(self, number, kept):
        """What the block shows of a group is what the model kept."""
        shown = self.ctx.get(self.dut.shown_state)
        for name, _ in shown.shape():
            assert int(shown[name]) == kept[name], (self.clock, number, name)

    async def visits(self, count):
        """So many visits, each compared with the model."""
        ctx, dut = self.ctx, self.dut
        last, kept = None, {}
        while count:
            self.drive(ready=not self.busy, busy=self.busy > 0)
            if not ctx.get(dut.visit):
                await self.tick()
                continue
            self.event()
            self.drive(ready=not self.busy, busy=self.busy > 0)
            if not ctx.get(dut.visit):  # a new map stops it
                continue
            count -= 1
            if last is not None:
                group = self.model.groups[last]
                kept = vars(group) | {"blocked": sum(1 << n for n in group.blocked)}
            number, time = ctx.get(dut.group), ctx.get(dut.time)
            view = View(self.map, self.lit, self.out_lit, self.sensors, self.calm)
            request = self.model.visit(number, time, self.settings, view)
            free = True
            for step in range(VISIT - 1):
                if step == 2:
                    if last is not None:
                        self.check(last, kept)
                    ctx.set(dut.select_group, number)
                free = free and not self.busy
                assert ctx.get(dut.commit) == 0
                await self.tick()
                self.drive(ready=not self.busy, busy=self.busy > 0)
            last = number
            free = free and not self.busy
            assert ctx.get(dut.hold) == (request is not None and free)
            await self.tick()
            self.drive(ready=not self.busy, busy=self.busy > 0)
            if request is not None and free:
                await self.answer(request)
        return self.requests

    async def answer(self, request):
        ctx, dut = self.ctx, self.dut
        assert ctx.get(dut.commit) == 1
        valid, outputs = ctx.get(dut.valid), ctx.get(dut.destinations)
        asked = {i: outputs >> BITS * i & (1 << BITS) - 1 for i in range(PORTS) if valid >> i & 1}
        assert asked == request.map
        how = self.answers(request)
        self.requests.append((request, how, ctx.get(dut.time)))
        if how == "busy":
            await self.tick()
            return
        ctx.set(dut.accepted, 1)
        await self.tick()
        for _ in range(self.settle):
            self.drive(ready=0, busy=1)
            await self.tick()
        if how == "refused":
            self.model.answer(request, 0, self.settings, applied=False)
            self.drive(ready=1)
            await self.tick()
            return
        self.change = 1
        if how == "parked":
            self.map, self.parked = {}, 1
        else:
            self.map = dict(request.map)
            self.model.answer(request, ctx.get(dut.time), self.settings, applied=True)
        self.drive(ready=0, busy=1, applied=how == "applied")
        await self.tick()
        if how == "applied":
            self.drive(ready=0, busy=1)
            assert ctx.get(dut.move) == 1
            left, taken = request.left, request.taken
            names = ("move_input", "move_from", "move_to", "move_output")
            assert [ctx.get(getattr(dut, name)) for name in names] == [
                left.input, left.output, taken.input, taken.output
            ]  # fmt: skip
            await self.tick()
            assert ctx.get(dut.move) == 1
            ctx.set(dut.moved, 1)
            await self.tick()
            ctx.set(dut.moved, 0)
        self.busy = self.settle

    def run(self, story):
        async def bench(ctx):
            self.ctx = ctx
            self.drive(ready=1)
            for number, group in enumerate(self.model.groups):
                for place in range(3):
                    await self.write(number, place)
                if group.enable:
                    await self.write(number)
            await story(self)

        simulator = Simulator(self.dut)
        simulator.add_clock(1e-8)
        simulator.add_testbench(bench)
        simulator.run()
        return self


def candidates(rng):
    """Candidates as of a connection with two ends each of which may have a spare."""
    inputs, outputs = rng.sample(range(PORTS), 3), rng.sample(range(PORTS), 3)
    kind = rng.randrange(4)
    if kind == 0:  # two inputs to one output
        rows = [(inputs[0], outputs[0]), (inputs[1], outputs[0]), (inputs[2], outputs[0])]
    elif kind == 1:
        rows = [(inputs[0], outputs[0]), (inputs[0], outputs[1]), (inputs[0], outputs[2])]
    else:
        rows = [(inputs[n], outputs[n]) for n in range(3)]
    made = [Candidate(*rows[0]), Candidate(*rows[1]), Candidate(*rows[2], loopback=True)]
    return [one if n == 0 or rng.random() < 0.85 else None for n, one in enumerate(made)]


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_the_model_on_random_light_maps_and_answers(seed):
    print("seed", seed)
    rng = random.Random(seed)
    groups = [
        Group(candidates(rng), 1, revertive=rng.randrange(2), way=rng.randrange(2))
        for _ in range(3)
    ]
    settings = Settings(
        hold_off=rng.choice([0, 30, 60]),
        alone=rng.choice([0, 70]),
        restore=rng.choice([0, 100]),
        flap_count=rng.choice([0, 0, 4]),
        flap_window=rng.choice([0, 900]),
    )

    def event():
        kind = rng.random()
        if kind < 0.10:
            routed = rng.choice([*bench.map, *range(PORTS)])
            bench.lit[routed] ^= 1
        elif kind < 0.18:
            bench.out_lit[rng.randrange(PORTS)] ^= 1
        elif kind < 0.30:
            bench.light_follows()
        elif kind < 0.32:
            bench.sensors[rng.randrange(PORTS)] ^= 1
        elif kind < 0.42:
            bench.calm = int(rng.random() < 0.7)
        elif kind < 0.46 or not bench.map:
            routes = {}
            for group in rng.sample(groups, 3):
                one = rng.choice([c for c in group.candidates if c])
                if one.input not in routes and one.output not in routes.values():
                    routes[one.input] = one.output
            bench.new_map(routes, busy=rng.randrange(30))

    def answers(request):
        return rng.choices(["applied", "refused", "parked", "busy"], [12, 2, 1, 3])[0]

    async def story(b):
        for _ in range(20):
            await b.visits(30)
            if rng.random() < 0.5:  # anew, with other modes or candidates
                number = rng.randrange(3)
                group = groups[number]
                group.revertive, group.way = rng.randrange(2), rng.randrange(2)
                if rng.random() < 0.3:
                    group.candidates = candidates(rng)
                    for place in range(3):
                        await b.write(number, place)
                await b.write(number)
                group.begin()

    bench = Bench(groups, settings, event=event, answers=answers)
    bench.run(story)
    count = Counter(how for _, how, _ in bench.requests)
    print(count, bench.pulses)
    assert count["applied"] > 5


PRIMARY, BACKUP, LOOP = Candidate(0, 3), Candidate(1, 3), Candidate(2, 4, loopback=True)
TWO_WAYS = Candidate(1, 5)  # a backup with an output of its own


class Case(Bench):
    """One group, its light as a plant makes it: lit inputs, the map, ways that are lost."""

    def __init__(self, second=BACKUP, *, answers=None, enable=1, revertive=0, way=0, **settings):
        self.group = Group([PRIMARY, second, LOOP], enable, revertive, way)
        super().__init__([self.group], Settings(**settings), event=self.plant, answers=answers)
        self.map = {0: 3, 5: 0}
        self.way_lost, self.bad, self.bad_out = set(), {}, {}
        self.bright = [1] * PORTS

    def plant(self):
        self.lit = list(self.bright)
        self.light_follows(self.way_lost)
        for i, sensor in self.bad.items():
            self.lit[i] = sensor()
        for o, sensor in self.bad_out.items():
            self.out_lit[o] = sensor()

    @property
    def took(self):
        return [request.chosen for request, how, _ in self.requests if how == "applied"]


def test_a_cut_leads_to_the_backup_and_back_again_when_revertive():
    async def story(b):
        await b.visits(5)
        b.bright[0] = 0
        await b.visits(20)
        assert b.took == [1]
        assert b.map == {1: 3, 5: 0}
        lost, moved = b.group.lost_at, b.requests[0][2]
        assert 60 <= moved - lost < 60 + VISIT + 2
        b.bright[0] = 1
        await b.visits(40)
        assert b.took == ([1, 0] if b.group.revertive else [1])
        if b.group.revertive:
            assert b.requests[1][2] >= moved + 200
            assert b.group.cause == Cause.RESTORE
        b.bright[1] = 0
        await b.visits(40)
        assert b.map == {0: 3, 5: 0}

    for revertive in (0, 1):
        bench = Case(revertive=revertive, hold_off=60, restore=200).run(story)
        assert bench.pulses["switched"] == 2
        assert bench.pulses["failed"] == bench.pulses["flapped"] == 0


def test_light_that_comes_back_within_the_hold_off_moves_nothing():
    async def story(b):
        for _ in range(10):
            b.bright[0] = 0
            await b.visits(6)
            b.bright[0] = 1
            await b.visits(2)

    bench = Case(hold_off=8 * VISIT).run(story)
    assert not bench.requests
    assert bench.group.losses == 10


@pytest.mark.parametrize("end", ["input", "output", "spare input"])
@pytest.mark.parametrize("clocks", [1, 3, 20])
def test_one_bad_sensor_that_toggles_for_ever_moves_nothing(end, clocks):
    async def story(b):
        place = b.bad_out if end == "output" else b.bad
        place[{"input": 0, "output": 3, "spare input": 1}[end]] = lambda: (
            b.clock // (clocks * VISIT) & 1
        )
        await b.visits(150)

    bench = Case(revertive=1, way=1, alone=30 * VISIT).run(story)
    assert not bench.requests
    assert bench.map == {0: 3, 5: 0}
    assert bench.pulses["disagreed"] > 2 or end == "spare input"


@pytest.mark.parametrize("clocks", [3, 12, 40, 100])
def test_a_bad_sensor_that_shows_light_where_none_is_brings_the_route_back_once(clocks):
    """The primary is cut; its sensor shows light for longer than `restore`, again and again."""

    async def story(b):
        b.bright[0] = 0
        await b.visits(10)
        assert b.took == [1]
        b.bad[0] = lambda: b.clock // (clocks * VISIT) & 1
        await b.visits(600)
        assert b.took == ([1] if clocks == 3 else [1, 0, 1])
        assert b.group.blocked == (set() if clocks == 3 else {0})

    for way in (0, 1):
        Case(revertive=1, way=way, alone=8 * VISIT, restore=8 * VISIT).run(story)


def test_a_way_lost_in_the_chip_is_left_once_and_blocked_until_cleared():
    async def story(b):
        b.way_lost = {(0, 3)}
        await b.visits(60)
        assert b.took == ([1] if b.group.way else [])
        if not b.group.way:
            return
        assert b.group.cause == Cause.WAY
        assert b.group.blocked == {0}  # although revertive, and lit
        b.way_lost = {(0, 3), (1, 3)}  # as when the sensor at the output is dead
        await b.visits(60)
        assert b.took == [1]
        b.way_lost = set()
        b.group.begin()
        await b.write(0)
        await b.visits(60)
        assert b.took == [1, 0]

    for way in (0, 1):
        bench = Case(way=way, revertive=1, alone=100).run(story)
        assert bench.pulses["disagreed"] > 0


def test_what_is_refused_is_blocked_and_the_next_one_tried():
    refused = {1}

    async def story(b):
        b.bright[0] = 0
        await b.visits(20)
        assert [request.chosen for request, _, _ in b.requests] == [1, 2]
        assert b.map == {2: 4, 5: 0}

    bench = Case(TWO_WAYS, answers=lambda r: "refused" if r.chosen in refused else "applied")
    assert bench.run(story).pulses["failed"] == 1

    async def to_the_end(b):
        b.bright[0] = 0
        await b.visits(60)
        assert [request.chosen for request, _, _ in b.requests] == [1, 2]
        assert b.group.stranded
        assert b.group.refusals == 2

    bench = Case(TWO_WAYS, answers=lambda r: "refused").run(to_the_end)
    assert bench.pulses["failed"] == 3  # two refusals, then nothing is left


def test_ports_of_other_routes_are_not_taken():
    async def story(b):
        b.map = {0: 3, 4: 5}  # the backup's output is another's
        b.new_map(b.map)
        await b.visits(2)
        b.bright[0] = 0
        await b.visits(20)
        assert b.took == [2]

    Case(TWO_WAYS).run(story)

    async def input_taken(b):
        b.new_map({0: 3, 1: 2})
        await b.visits(2)
        b.bright[0] = 0
        await b.visits(20)
        assert b.took == [2]

    Case(TWO_WAYS).run(input_taken)


def test_the_loopback_is_the_last_and_left_for_light_again():
    async def story(b):
        b.bright[0] = b.bright[1] = 0
        await b.visits(30)
        assert b.map == {2: 4, 5: 0}
        b.bright[2] = 0
        await b.visits(30)
        assert b.took == [2]
        b.bright[1] = 1
        await b.visits(30)
        assert b.took == [2, 1]

    assert Case(restore=50).run(story).pulses["failed"] == 0


def test_an_output_without_a_sensor_lets_the_input_decide_after_longer():
    async def story(b):
        b.sensors[3] = 0
        await b.visits(3)
        b.bright[0] = 0
        await b.visits(60)
        assert b.group.cause == Cause.ALONE
        assert b.group.switched_at - b.group.lost_at >= 300
        assert b.took == [1]

    Case(hold_off=100, alone=200).run(story)


def test_what_was_seen_stands_while_the_outputs_are_not_calm():
    async def story(b):
        b.bright[0] = 0
        await b.visits(2)
        b.calm = 0
        await b.visits(30)
        assert b.took == [1]  # from there on: nothing is judged
        b.bright[1], b.bright[0] = 0, 1
        await b.visits(30)
        assert b.took == [1]
        b.calm = 1
        await b.visits(30)
        assert b.took == [1, 0]

    Case(hold_off=100).run(story)


def test_the_flap_limit_ends_switching_until_it_is_cleared():
    async def story(b):
        for n in range(8):
            b.bright[n % 2], b.bright[1 - n % 2] = 0, 1
            await b.visits(12)
        assert b.took == [1, 0, 1]
        assert b.group.flapping
        b.ctx.set(b.dut.clear_all, 1)
        b.ctx.set(b.dut.enable, 0)
        await b.tick()
        b.ctx.set(b.dut.clear_all, 0)
        b.ctx.set(b.dut.enable, 1)
        b.group.begin()
        await b.visits(12)
        assert b.took == [1, 0, 1, 0]

    assert Case(flap_count=3, flap_window=5000).run(story).pulses["flapped"] == 1

    async def slowly(b):
        for n in range(8):
            b.bright[n % 2], b.bright[1 - n % 2] = 0, 1
            await b.visits(12)
        assert len(b.took) == 8

    Case(flap_count=3, flap_window=150).run(slowly)


def test_a_busy_commit_is_waited_for_and_a_park_blocks_nothing():
    ways = ["busy", "busy", "parked", "applied"]

    async def story(b):
        b.bright[0] = 0
        await b.visits(10)
        assert [how for _, how, _ in b.requests] == ["busy", "busy", "parked"]
        assert not b.group.blocked
        await b.visits(10)
        b.new_map({0: 3}, busy=50)
        await b.visits(20)
        assert b.took == [1]

    Case(answers=lambda r: ways.pop(0)).run(story)


def test_all_groups_are_visited_in_turn():
    groups = [Group([PRIMARY, BACKUP, None], enable=n != 1) for n in range(4)]
    bench, starts = Bench(groups), {0: [], 2: [], 3: []}
    bench.event = lambda: starts[bench.ctx.get(bench.dut.group)].append(bench.clock)
    bench.run(lambda b: b.visits(30))
    for clocks in starts.values():
        steps = {later - sooner for sooner, later in itertools.pairwise(clocks[1:])}
        assert steps == {3 * VISIT + 1}


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 8), "groups = 0; allowed: an integer from 1 to 128"),
        ((4, 1), "ports = 1; allowed: an integer from 2 to 256"),
        ((4, 8, 33), "time_bits = 33; allowed: an integer from 4 to 32"),
    ],
)
def test_parameters_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Protection(*arguments)
    gc.collect()  # so that the refused component warns here
