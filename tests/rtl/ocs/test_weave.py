import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.requests import Reason
from lightloom.rtl.ocs.weave import ATTEMPTS, Weave
from lightloom.spec import benes, fabrics


class Bench:
    """One router; `ask` starts it and returns states, or the reason, and the clocks it took."""

    def __init__(self, ports):
        self.dut, self.ports = Weave(ports), ports
        self.plan = fabrics.plan("benes", ports)

    def run(self, scenario):
        async def bench(ctx):
            self.ctx = ctx
            await scenario()

        simulator = Simulator(self.dut)
        simulator.add_clock(1e-9)
        simulator.add_testbench(bench)
        simulator.run()

    async def ask(self, wanted, fixed=0, value=0, unusable=0, prefer=0):
        ctx, dut = self.ctx, self.dut
        bits = dut.bits
        ctx.set(dut.destinations, sum(to << bits * i for i, to in wanted.items()))
        ctx.set(dut.active, sum(1 << i for i in wanted))
        for name, word in (("fixed", fixed), ("value", value), ("unusable", unusable),
                           ("prefer", prefer), ("start", 1)):  # fmt: skip
            ctx.set(getattr(dut, name), word)
        clocks = 0
        while not (ctx.get(dut.done) or ctx.get(dut.failed)):
            await ctx.tick()
            ctx.set(dut.start, 0)
            clocks += 1
            assert clocks < (2 * ATTEMPTS + 4) * self.ports + 8
        if ctx.get(dut.failed):
            assert not ctx.get(dut.done)
            result = Reason(ctx.get(dut.reason))
        else:
            word = ctx.get(dut.states)
            result = [word >> k & 1 for k in range(len(self.plan.cells))]
        await ctx.tick()
        return result, clocks

    def check(self, states, wanted, fixed=0, value=0, unusable=0):
        """By the plan, which is an independent model of the light."""
        ways = fabrics.ways(self.plan, states)
        for i, to in wanted.items():
            assert ways[f"in{i}"].output == f"out{to}"
            assert not any(unusable >> cell & 1 for cell in ways[f"in{i}"].cells)
        for cell, state in enumerate(states):
            assert not fixed >> cell & 1 or state == value >> cell & 1


def partial(rng, ports, share):
    outputs = rng.sample(range(ports), ports)
    return {i: to for i, to in enumerate(outputs) if rng.random() < share}


@pytest.mark.parametrize("ports", [2, 4, 8, 32])
def test_full_and_partial_maps_without_fixed_cells_are_always_routed(ports):
    seed = 30 + ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    bench = Bench(ports)

    async def scenario():
        for share in (1, 1, 0.9, 0.7, 0.4, 0):
            for _ in range(6):
                wanted = partial(rng, ports, share)
                states, clocks = await bench.ask(wanted)
                bench.check(states, wanted)
                if len(wanted) == ports:
                    assert states == benes.route([wanted[i] for i in range(ports)])
                    assert clocks == ports
                elif not wanted:
                    assert states == [0] * len(states)

    bench.run(scenario)


@pytest.mark.parametrize("ports", [4, 8, 16])
def test_one_more_route_leaves_the_others_where_they_are(ports):
    seed = 40 + ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    bench = Bench(ports)
    found = []

    async def scenario():
        for _ in range(40):
            wanted = partial(rng, ports, 0.7)
            new = next((i for i in range(ports) if i not in wanted), None)
            if new is None:
                continue
            states, _ = await bench.ask(wanted)
            ways = fabrics.ways(bench.plan, states)
            kept = {cell for i in wanted for cell in ways[f"in{i}"].cells}
            fixed = sum(1 << cell for cell in kept)
            value = sum(state << cell for cell, state in enumerate(states))
            free = [to for to in range(ports) if to not in wanted.values()]
            more = wanted | {new: rng.choice(free)}
            answer, _ = await bench.ask(more, fixed, value, prefer=value)
            # by hand: is any of the N / 2 ways free?
            exists = any(fits(bench, more, new, states, kept, k) for k in range(ports // 2))
            assert isinstance(answer, list) == exists
            found.append(exists)
            if exists:
                bench.check(answer, more, fixed, value)
            else:
                assert answer in (Reason.NO_ROUTE, Reason.SEARCH_LIMIT)

    bench.run(scenario)
    assert 0.3 < sum(found) / len(found) < 1 or ports == 4


def fits(bench, wanted, new, states, kept, middle):
    """Brute force: put the way through a middle cell over the states and follow the light."""
    ports = bench.ports
    bits, rows = ports.bit_length() - 1, ports // 2
    trial = list(states)
    changed, lines = set(), []
    for end, mirrored in ((new, False), (wanted[new], True)):
        line = end
        for stage in range(bits - 1):
            choice = middle >> (bits - 2 - stage) & 1
            place = 2 * bits - 2 - stage if mirrored else stage
            changed.add((place * rows + line // 2, (line & 1) ^ choice))
            line = benes.wiring(ports, stage)[line & ~1 | choice]
        lines.append(line)
    changed.add(((bits - 1) * rows + lines[0] // 2, (lines[0] ^ lines[1]) & 1))
    for cell, state in changed:
        if cell in kept and states[cell] != state:
            return False
        trial[cell] = state
    ways = fabrics.ways(bench.plan, trial)
    assert ways[f"in{new}"].output == f"out{wanted[new]}"
    return True


def test_dead_cells_are_gone_round_or_the_reason_is_given():
    seed = 51
    print(f"seed {seed}")
    rng = random.Random(seed)
    bench = Bench(8)
    answers = []

    async def scenario():
        for _ in range(60):
            wanted = partial(rng, 8, rng.choice((0.5, 0.8, 1)))
            fixed = value = unusable = 0
            for cell in rng.sample(range(20), rng.choice((1, 1, 2, 3))):
                if rng.random() < 0.3:
                    unusable |= 1 << cell
                else:
                    fixed |= 1 << cell
                    value |= rng.getrandbits(1) << cell
            answer, _ = await bench.ask(wanted, fixed, value, unusable)
            answers.append(answer)
            if isinstance(answer, list):
                bench.check(answer, wanted, fixed, value, unusable)
            else:
                assert answer in (Reason.NO_ROUTE, Reason.SEARCH_LIMIT)

    bench.run(scenario)
    good = sum(isinstance(answer, list) for answer in answers)
    print(f"{good} of {len(answers)} routed")
    assert good > len(answers) / 2


def test_an_input_behind_an_unusable_cell_has_provably_no_route():
    bench = Bench(4)

    async def scenario():
        answer, _ = await bench.ask({0: 3}, unusable=1)
        assert answer == Reason.NO_ROUTE
        answer, _ = await bench.ask({2: 3}, unusable=1)
        bench.check(answer, {2: 3}, unusable=1)

    bench.run(scenario)


@pytest.mark.parametrize("wanted", [{0: 1, 1: 1, 2: 0, 3: 2}, {1: 2, 3: 2}])
def test_two_inputs_with_one_output_are_a_conflict(wanted):
    bench = Bench(4)

    async def scenario():
        assert (await bench.ask(wanted))[0] == Reason.CONFLICT
        assert isinstance((await bench.ask({0: 1}))[0], list)

    bench.run(scenario)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_a_size_out_of_range_is_refused():
    with pytest.raises(ValueError, match="ports = 12; a power of two from 2 to 64"):
        Weave(12)
    gc.collect()
