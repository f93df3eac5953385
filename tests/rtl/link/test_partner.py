"""Two partners and a delay between them: what one says the other hears, and the round trip."""

import pytest
from amaranth import Elaboratable, Module, Signal
from amaranth.hdl import DomainRenamer
from amaranth.sim import Simulator

from lightloom.rtl.link.partner import Page, Partner

LANES = 4
DELAY = (9, 23)


class Pair(Elaboratable):
    """Marker words of each reach the other `DELAY` clocks later, all in one clock."""

    def __init__(self):
        self.ends = [Partner(lanes=LANES), Partner(lanes=LANES)]

    def elaborate(self, platform):
        m = Module()
        for n, end in enumerate(self.ends):
            m.submodules[f"end_{n}"] = DomainRenamer({"rx": "sync"})(end)
            other = self.ends[1 - n]
            word, new = end.word, end.marker
            for stage in range(DELAY[n]):
                late_word = Signal(24, name=f"word_{n}_{stage}")
                late_new = Signal(name=f"new_{n}_{stage}")
                m.d.sync += [late_word.eq(word), late_new.eq(new)]
                word, new = late_word, late_new
            m.d.comb += [other.remote[8:].eq(word), other.remote_new.eq(new)]
        return m


def simulate(story, periods=(20, 31), clocks=1500):
    pair = Pair()
    words = [[], []]

    async def bench(ctx):
        await story(ctx, pair)
        for clock in range(clocks):
            for n, end in enumerate(pair.ends):
                ctx.set(end.marker, clock % periods[n] == 0)
                if clock % periods[n] == 0:
                    words[n].append(ctx.get(end.word))
            await ctx.tick()
        for end in pair.ends:
            ctx.set(end.marker, 0)
        pair.result = [(ctx.get(e.round_trip), ctx.get(e.far_heard)) for e in pair.ends]

    sim = Simulator(pair)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return pair.result, words


@pytest.mark.parametrize("periods", [(20, 31), (64, 40), (200, 200)])
def test_round_trip_is_the_way_there_and_back(periods):
    """Each way: the delay, the register of the word, and the crossing."""

    async def story(ctx, pair):
        for end in pair.ends:
            ctx.set(end.heard, 0b1011)
            ctx.set(end.announce, 0b1111)
            ctx.set(end.applied, 0b1111)

    result, _ = simulate(story, periods, clocks=3000)
    crossing = 2 * (1 + 2)  # held register and two synchronizer stages, both ways
    for round_trip, far_heard in result:
        assert abs(round_trip - (sum(DELAY) + crossing)) <= 2
        assert far_heard == 0b1011


def test_pages_take_turns_and_a_change_of_lanes_goes_first():
    async def story(ctx, pair):
        for end in pair.ends:
            ctx.set(end.announce, 0b0011)
            ctx.set(end.applied, 0b1111)
        ctx.set(pair.ends[1].applied, 0b0011)

    _, words = simulate(story)
    first = [word >> 3 & 3 for word in words[0]]
    assert set(first) == {Page.ACTIVE}
    assert all(word >> 8 == 0b0011 for word in words[0])
    assert {word >> 3 & 3 for word in words[1]} == set(Page)


def test_the_far_ends_lanes_are_forgotten():
    async def story(ctx, pair):
        for end in pair.ends:
            ctx.set(end.heard, 0b0110)
        ctx.set(pair.ends[0].forget, 1)

    result, _ = simulate(story)
    assert result[0][1] == 0
    assert result[1][1] == 0b0110


def test_lanes_are_checked():
    with pytest.raises(ValueError, match="lanes = 17; allowed: 1 to 16"):
        Partner(lanes=17)


def test_a_word_for_the_route_goes_first_and_stays_until_forgotten():
    async def story(ctx, pair):
        ctx.set(pair.ends[0].tell, 0x5A)

    _, words = simulate(story, clocks=400)
    assert words[0][0] >> 3 & 3 == Page.ROUTE  # the first marker after the change
    assert words[0][0] >> 8 == 0x5A
    repeated = [word >> 8 for word in words[0] if word >> 3 & 3 == Page.ROUTE]
    assert len(repeated) > 2
    assert set(repeated) == {0x5A}

    told = []

    async def silent(ctx, pair):
        ctx.set(pair.ends[0].tell, 0x5A)
        for clock in range(200):
            ctx.set(pair.ends[0].marker, clock % 20 == 0)
            await ctx.tick()
        ctx.set(pair.ends[0].marker, 0)
        told.append(ctx.get(pair.ends[1].told))
        ctx.set(pair.ends[1].forget, 1)
        await ctx.tick().repeat(2)
        told.append(ctx.get(pair.ends[1].told))

    simulate(silent, clocks=1)
    assert told == [0x5A, 0]
