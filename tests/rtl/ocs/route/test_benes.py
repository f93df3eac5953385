import itertools
import random

import pytest

from lightloom.rtl.ocs.route import router
from lightloom.rtl.ocs.route.benes import Benes, latency
from lightloom.spec import benes

from .asking import Ask, answers, compare, executable, random_ask


@pytest.mark.parametrize("ports", [2, 4])
def test_every_map_of_2_and_4_idle_inputs_included(verilate, ports):
    asks = [Ask(d) for d in itertools.product((None, *range(ports)), repeat=ports)]
    found = answers(executable(verilate, router("benes", ports)), ports, asks)
    reasons = compare("benes", ports, asks, found)
    assert reasons == {2: {"NONE": 7, "CONFLICT": 2}, 4: {"NONE": 209, "CONFLICT": 416}}[ports]
    for ask, (_, states, cycles) in zip(asks, found, strict=True):
        if None not in ask.destinations and states is not None:
            assert [states >> k & 1 for k in range(benes.cells(ports))] == benes.route(
                ask.destinations
            )
            assert cycles == latency(ports)
        assert cycles <= ports


@pytest.mark.parametrize(
    ("ports", "count"), [(8, 600), (16, 200), pytest.param(64, 60, marks=pytest.mark.slow)]
)
def test_maps_with_idle_inputs_stuck_cells_and_dead_cells(verilate, ports, count):
    seed = 40 + ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    asks = [
        random_ask(rng, "benes", ports, load=load, stuck=stuck, dead=dead)
        for load, stuck, dead in itertools.product((1.0, 0.8, 0.4), (0, 1, 4), (0, 0, 1))
        for _ in range(count // 27 + 1)
    ]
    conflict = list(range(ports))
    conflict[5] = 2
    asks += [Ask((None,) * ports), Ask(tuple(conflict)), Ask((0,) * ports)]
    found = answers(executable(verilate, Benes(ports, limit=2000)), ports, asks)
    reasons = compare("benes", ports, asks, found, limit=2000)
    print(reasons)
    assert reasons["NONE"] > len(asks) // 4
    assert reasons["NO_ROUTE"] > 5
