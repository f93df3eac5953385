"""A column of the search against what it is to be: the cheapest way, and where light goes."""

import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.route.sweep import Ahead, Back
from lightloom.spec.detours import COST_BITS

NONE = (1 << COST_BITS) - 1
WIDTH = 4


def bits(rng, count, share=0.5):
    return [int(rng.random() < share) for _ in range(count)]


def word(values, width=1):
    return sum(value << width * k for k, value in enumerate(values))


def fields(number, width, count):
    return [number >> width * k & (1 << width) - 1 for k in range(count)]


def run(dut, bench):
    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()


def test_backward_a_position_costs_what_its_cheapest_way_pushes_aside():
    seed = 1
    print(f"seed {seed}")
    rng = random.Random(seed)
    dut = Back(WIDTH)
    turns = set()

    async def bench(ctx):
        for _ in range(300):
            state, decided, unusable = (bits(rng, WIDTH, share) for share in (0.5, 0.3, 0.2))
            lit, toss = bits(rng, 2 * WIDTH), bits(rng, 2 * WIDTH)
            cost = [rng.choice((0, 1, 2, NONE - 1, NONE)) for _ in lit]
            for port, value in (
                (dut.state, word(state)), (dut.decided, word(decided)),
                (dut.unusable, word(unusable)), (dut.lit, word(lit)), (dut.toss, word(toss)),
                (dut.cost, word(cost, COST_BITS)),
            ):  # fmt: skip
                ctx.set(port, value)
            await ctx.delay(1e-9)
            before = fields(ctx.get(dut.cost_before), COST_BITS, 2 * WIDTH)
            flip, reach = (fields(ctx.get(w), 1, 2 * WIDTH) for w in (dut.flip, dut.reach))
            lit_before = fields(ctx.get(dut.lit_before), 1, 2 * WIDTH)
            assert reach == [int(c < NONE) for c in cost]
            for k in range(WIDTH):
                pair = [2 * k, 2 * k + 1]
                assert [lit_before[p ^ state[k]] for p in pair] == [lit[p] for p in pair]
                users = sum(lit[p] for p in pair)
                for p in pair:
                    stay, turn = cost[p ^ state[k]], cost[p ^ state[k] ^ 1]
                    turn = turn if turn == NONE else min(turn + users, NONE - 1)
                    ways = {} if unusable[k] else {0: stay}
                    if not decided[k] and not unusable[k]:
                        ways[1] = turn
                    assert before[p] == min(ways.values(), default=NONE)
                    if ways and before[p] < NONE:
                        assert ways[flip[p]] == before[p]
                    if len(set(ways.values())) == 1 < len(ways) and before[p] < NONE:
                        assert flip[p] == toss[p]
                    turns.add((flip[p], len(ways)))

    run(dut, bench)
    assert turns == {(0, 0), (0, 1), (0, 2), (1, 2)}


def test_forward_light_goes_as_cells_stand_and_cells_stand_as_the_way_asks():
    seed = 2
    print(f"seed {seed}")
    rng = random.Random(seed)
    dut = Ahead(WIDTH, 3)

    async def bench(ctx):
        for _ in range(300):
            state, decided, unusable = (bits(rng, WIDTH, share) for share in (0.5, 0.3, 0.2))
            flip, reach, may = (bits(rng, 2 * WIDTH) for _ in range(3))
            label = [rng.choice((0, rng.randrange(8))) for _ in flip]
            at = rng.randrange(2 * WIDTH)
            here = [int(p == at) for p in range(2 * WIDTH)]
            for port, value in (
                (dut.state, word(state)), (dut.decided, word(decided)),
                (dut.unusable, word(unusable)), (dut.flip, word(flip)), (dut.reach, word(reach)),
                (dut.may, word(may)), (dut.here, word(here)), (dut.label, word(label, 3)),
            ):  # fmt: skip
                ctx.set(port, value)
            await ctx.delay(1e-9)
            now, used, met = (fields(ctx.get(w), 1, WIDTH) for w in
                              (dut.state_now, dut.used, dut.met))  # fmt: skip
            labels = fields(ctx.get(dut.label_behind), 3, 2 * WIDTH)
            stands = fields(ctx.get(dut.here_behind), 1, 2 * WIDTH)
            can = fields(ctx.get(dut.may_behind), 1, 2 * WIDTH)
            for k in range(WIDTH):
                pair = [2 * k, 2 * k + 1]
                asked = at in pair and flip[at] and not decided[k]
                assert now[k] == state[k] ^ asked
                assert met[k] == (at in pair)
                assert used[k] == any(label[p] for p in pair)
                for p in pair:
                    assert stands[p] == here[p ^ now[k]]
                    assert labels[p] == (0 if unusable[k] else label[p ^ now[k]])
                    through = may[p ^ now[k]] if decided[k] else any(may[q] for q in pair)
                    assert can[p] == (through and not unusable[k] and reach[p])

    run(dut, bench)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_one_place_is_refused():
    with pytest.raises(ValueError, match="width = 1; allowed: 2 or more"):
        Back(1)
    with pytest.raises(ValueError, match="width = 1; allowed: 2 or more"):
        Ahead(1, 3)
    gc.collect()
