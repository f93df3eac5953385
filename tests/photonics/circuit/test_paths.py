"""Ways by dynamic programming against all cell states one by one."""

import itertools

import numpy as np
import pytest

from lightloom.photonics.circuit import solver, traffic
from lightloom.photonics.circuit.paths import paths
from lightloom.photonics.devices import LIGHT_UM_PER_PS, O_BAND
from lightloom.spec import fabrics

from ..switches import CARRIER, drawn

SMALL = [("benes", 4), ("odd-even", 4), ("piloss", 3), ("crossbar", 3)]


def found(switch):
    return paths(
        switch.program,
        switch.netlist,
        switch.drive.bar_rad,
        switch.drive.cross_rad,
        CARRIER,
        CARRIER,
    )


def brute_force(switch):
    """Of every state: what each input's light passes and what it loses."""
    plan = fabrics.plan(switch.topology, switch.ports)
    states = list(itertools.product((fabrics.BAR, fabrics.CROSS), repeat=len(plan.cells)))
    cross, bar = switch.drive.cross_rad, switch.drive.bar_rad
    phases = np.where(np.array(states) == fabrics.CROSS, cross, bar)
    power = np.abs(solver.evaluate_states(switch.program, phases, CARRIER, CARRIER)) ** 2
    ways = {}
    for k, state in enumerate(states):
        for name, way in fabrics.ways(plan, state).items():
            i, o = switch.program.inputs.index(name), switch.program.outputs.index(way.output)
            turns = tuple(state[cell] for cell in way.cells)
            lost = -10 * np.log10(power[k, o, i])
            # The same way in other states of the cells beside it differs by what leaks in.
            ways.setdefault((o, i), {}).setdefault((way.cells, turns, way.crossings), []).append(
                lost
            )
    return ways


@pytest.mark.parametrize(("topology", "ports"), SMALL)
def test_equals_all_states_one_by_one(topology, ports):
    switch = drawn(topology, ports)
    result, expected = found(switch), brute_force(switch)
    for o, i in np.ndindex(*result.count.shape):
        ways = expected.get((o, i), {})
        assert result.count[o, i] == len(ways)
        if not ways:
            assert result.least[o][i] is None
            assert np.isnan(result.mean_db[o, i])
            continue
        losses = {way: float(np.mean(lost)) for way, lost in ways.items()}
        assert result.mean_db[o, i] == pytest.approx(np.mean(list(losses.values())), abs=0.02)
        for table, pick in ((result.least, min), (result.most, max)):
            path = table[o][i]
            assert path.loss_db == pytest.approx(pick(losses.values()), abs=0.03)
            assert (path.input, path.output) == (
                switch.program.inputs[i],
                switch.program.outputs[o],
            )
            near = [way for way, loss in losses.items() if abs(loss - path.loss_db) < 0.03]
            assert (path.cells, path.crossings) in [(len(way[0]), way[2]) for way in near]


@pytest.mark.parametrize("ports", [2, 4, 8, 16])
def test_a_benes_has_half_as_many_ways_as_ports(ports):
    result = found(drawn("benes", ports))
    assert (result.count == ports // 2).all()
    stages = len(fabrics.plan("benes", ports).cells) // (ports // 2)
    assert {path.cells for row in result.most for path in row} == {stages}


def test_a_transceiver_has_one_way_each_and_ports_without():
    result = found(drawn("ocstrx", 2))
    assert set(np.unique(result.count)) == {0.0, 1.0}
    loop = result.count[result.outputs.index("rx1"), result.inputs.index("tx0")]
    assert loop == 1


def test_length_is_that_of_the_group_delay():
    # A single way from each input to each output: its delay is the slope of its phase.
    switch = drawn("switch-and-select", 4)
    result, step = found(switch), 1e8
    every = traffic.every(switch.program, "switch-and-select", 4, 1, 1)
    for states, targets in zip(every.states[:8], every.targets[:8], strict=True):
        s = solver.evaluate(
            switch.program,
            switch.drive.own(states[None])[0],
            CARRIER + np.array([-step, step]),
            CARRIER,
        )
        for i, o in enumerate(targets):
            delay = -np.angle(s[1, o, i] / s[0, o, i]) / (4 * np.pi * step) * 1e12
            length = delay * LIGHT_UM_PER_PS / O_BAND.guide.group_index
            assert result.most[o][i].length_um == pytest.approx(length, rel=2e-3)


def test_extremes_are_those_of_the_tables():
    result = found(drawn("piloss", 4))
    every = [path for row in result.most for path in row if path]
    assert result.worst.loss_db == max(path.loss_db for path in every)
    assert result.best.loss_db <= min(path.loss_db for path in every)
    assert result.best.cells == result.worst.cells == 4  # every path of a PILOSS passes N


def test_leaks_are_no_ways():
    switch = drawn("piloss", 4, monitors="cell")
    assert (found(switch).count == found(drawn("piloss", 4)).count).all()
