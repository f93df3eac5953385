import gc
import itertools
import random

import pytest
from amaranth import ClockDomain, Module
from amaranth.sim import Simulator

from lightloom.rtl.ocs.route.benes import Benes, latency
from lightloom.rtl.ocs.route.loop import Loop
from lightloom.spec import benes


def route_all(ports, maps):
    """Answers of the router: (cycles, states or None when refused), one a map."""
    dut = Benes(ports)
    bits = ports.bit_length() - 1
    answers = []

    async def bench(ctx):
        ctx.set(dut.active, (1 << ports) - 1)
        for wanted in maps:
            ctx.set(dut.destinations, sum(v << bits * i for i, v in enumerate(wanted)))
            ctx.set(dut.start, 1)
            cycles = 0
            while not (ctx.get(dut.done) or ctx.get(dut.failed)):
                await ctx.tick()
                ctx.set(dut.start, 0)
                cycles += 1
                assert cycles <= ports, f"no answer for {wanted}"
            assert not (ctx.get(dut.done) and ctx.get(dut.failed))
            word = ctx.get(dut.states)
            states = [word >> k & 1 for k in range(benes.cells(ports))]
            answers.append((cycles, states if ctx.get(dut.done) else None))
            ctx.set(dut.start, 0)
            await ctx.tick()
            assert not ctx.get(dut.done)
            assert not ctx.get(dut.failed)

    top = Module()
    top.domains.sync = ClockDomain()  # with 2 ports the router has no clock of its own
    top.submodules.dut = dut
    simulator = Simulator(top)
    simulator.add_clock(2e-9)
    simulator.add_testbench(bench)
    simulator.run()
    return answers


def check(ports, maps):
    routed = 0
    for wanted, (cycles, states) in zip(maps, route_all(ports, maps), strict=True):
        if sorted(wanted) == list(range(ports)):
            assert states is not None, f"{wanted} was refused"
            assert benes.apply(ports, states) == list(wanted)
            assert states == benes.route(wanted)
            assert cycles == latency(ports)
            routed += 1
        else:
            assert states is None, f"{wanted} was not refused"
            assert cycles <= ports // 2
    return routed


@pytest.mark.parametrize("ports", [2, 4])
def test_every_map_of_2_and_4_is_routed_or_refused(ports):
    maps = list(itertools.product(range(ports), repeat=ports))
    assert check(ports, maps) == {2: 2, 4: 24}[ports]


@pytest.mark.parametrize(("ports", "count"), [(8, 500), (16, 200), (32, 100), (64, 60)])
def test_random_permutations_and_maps_that_are_none(ports, count):
    seed = 1000 + ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    maps = [list(range(ports)), list(reversed(range(ports)))]
    for _ in range(count):
        wanted = rng.sample(range(ports), ports)
        maps.append(wanted)
        broken = list(wanted)
        broken[rng.randrange(ports)] = rng.randrange(ports)  # sometimes still a permutation
        maps.append(broken)
    maps.append([0] * ports)
    maps.append([i >> 1 for i in range(ports)])
    maps.append([i & ~1 for i in range(ports)])
    assert check(ports, maps) >= count + 2


def test_maps_that_miss_outputs_are_refused_wherever_the_walk_enters():
    seed = 9
    print(f"seed {seed}")
    rng = random.Random(seed)
    maps = [[rng.randrange(8) for _ in range(8)] for _ in range(1500)]
    # The only input of an output pair is the first to be visited, and odd inputs share the rest.
    maps += [[1, 2, 5, 2, 7, 2, 3, 3], [1, 4, 4, 4, 5, 5, 5, 5], [7, 0, 0, 0, 0, 0, 0, 0]]
    check(8, maps)


def test_64_ports_are_routed_within_64_cycles():
    assert latency(64) <= 64
    assert latency(8) < 100


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_sizes_that_cannot_be_are_refused():
    for ports in (0, 3, 6, 256, "8"):
        with pytest.raises(ValueError, match=r"ports = .*; allowed: a power of two from 2 to 128"):
            Benes(ports)
    with pytest.raises(ValueError, match="ports = 2; allowed: a power of two from 4 to 128"):
        Loop(2, check=False)
    gc.collect()  # so that the refused components warn here
