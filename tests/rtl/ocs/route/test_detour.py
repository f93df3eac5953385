"""The search of the router in Verilog against its model, and through the fabric itself."""

import itertools
import random
import subprocess
from pathlib import Path

import pytest

from lightloom.rtl.ocs.route.fixed_ways import FixedWays
from lightloom.spec import fabrics

from .asking import Ask, answers, compare, executable, plan_text, random_ask

EVERY = Path(__file__).with_name("every.cpp").read_text()


def asked(topology, ports, asks, verilate, **options):
    dut = FixedWays(topology, ports, **options)
    found = answers(executable(verilate, dut), ports, asks)
    reasons = compare(topology, ports, asks, found, before=dut.direct_clocks, **options)
    print(topology, ports, reasons)
    assert max(cycles for _, _, cycles in found) <= dut.latency
    return reasons, found


LARGE = [(t, n, 27) for t, n in itertools.product(("crossbar", "piloss"), (7, 32, 64))]


@pytest.mark.parametrize(
    ("topology", "ports", "count"),
    [
        ("crossbar", 4, 600),
        ("piloss", 5, 400),
        *(pytest.param(*large, marks=pytest.mark.slow) for large in LARGE),
    ],
)
def test_maps_around_cells_that_stand_and_cells_that_are_dead(verilate, topology, ports, count):
    seed = 60 + ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    asks = [
        random_ask(rng, topology, ports, load=load, stuck=stuck, dead=dead)
        for load, stuck, dead in itertools.product((1.0, 0.5), (0, 1, 3), (0, 1, 2))
        for _ in range(count // 18 + 1)
    ]
    conflict = list(range(ports))
    conflict[3] = 2
    asks += [Ask((None,) * ports), Ask(tuple(conflict), unusable=1)]
    reasons, found = asked(topology, ports, asks, verilate)
    assert reasons["NONE"] > len(asks) // 3
    assert reasons["NO_ROUTE"] > 5 or ports > 8
    assert len({cycles for reason, _, cycles in found if reason.name == "NONE"}) >= 3


def test_a_start_before_the_answer_begins_anew(verilate):
    """Also in the search: a drop comes after 5 clocks, and as late as the search takes."""
    topology, ports, seed = "crossbar", 4, 70
    print(f"seed {seed}")
    rng = random.Random(seed)
    asks = [random_ask(rng, topology, ports, load=1, stuck=1, dead=1) for _ in range(60)]
    dut = FixedWays(topology, ports)
    program = executable(verilate, dut)
    for clocks in (5, dut.direct_clocks + 3, dut.direct_clocks + 20, dut.direct_clocks + 30):
        found = answers(program, ports, asks, dropped=range(0, len(asks), 2), after=clocks)
        assert None in found
        compare(topology, ports, asks, found, before=dut.direct_clocks)


def test_a_search_that_is_cut_short_says_so(verilate):
    topology, ports, seed = "piloss", 4, 71
    print(f"seed {seed}")
    rng = random.Random(seed)
    asks = [random_ask(rng, topology, ports, load=0.8, stuck=1, dead=1) for _ in range(99)]
    reasons, _ = asked(topology, ports, asks, verilate, tries=1)
    assert reasons["SEARCH_LIMIT"] > 3
    assert reasons["NONE"] > 5


@pytest.mark.parametrize("topology", ["crossbar", pytest.param("piloss", marks=pytest.mark.slow)])
def test_every_permutation_of_8_arrives_and_with_a_dead_cell_where_it_can(verilate, topology):
    seed, ports = 8, 8
    print(f"seed {seed}")
    dut = FixedWays(topology, ports)
    name = f"every_{topology}"
    program = verilate(dut, name, EVERY.replace("VDUT", f"V{name}"))
    done = subprocess.run(
        [program, str(seed), str(dut.direct_clocks), str(dut.latency)],
        input=plan_text(fabrics.plan(topology, ports)),
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    *limited, last = done.stdout.splitlines()
    turns, straight, around, none = map(int, last.split())
    print(topology, turns, straight, around, none, len(limited))
    assert turns == 40_320 == straight + around + none + len(limited)
    assert around > 5_000
    assert len(limited) < 400
