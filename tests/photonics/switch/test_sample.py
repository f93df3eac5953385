"""One chip of a process: as drawn it is the fabric's model; what it deviates by, it says."""

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lightloom.photonics import layout
from lightloom.photonics.circuit.process import Process
from lightloom.photonics.switch import calibration, fabric_model, sample
from lightloom.spec import Design, DesignError, fabrics

PORTS = 4


def design(**switch):
    given = {"ports": PORTS, "monitors": "cell", "dac_bits": 14} | switch
    return Design.model_validate({"name": "t", "serdes": {"lanes": 4}, "switch": given})


@pytest.fixture(scope="module")
def netlist():
    with tempfile.TemporaryDirectory() as folder:
        return layout.run("switch", design(), Path(folder)).extracted


@pytest.fixture(scope="module")
def drawn(netlist):
    return sample.draw(design(), netlist, None)


@pytest.fixture(scope="module")
def made(netlist):
    return sample.draw(design(), netlist, Process(), 3)


def test_as_drawn_it_is_the_fabric(netlist, drawn):
    fabric = fabric_model.fabric(design(), netlist)
    rng = np.random.default_rng(5)
    for _ in range(4):
        phases = rng.uniform(0, 7, drawn.cells)
        found = drawn.transfer(phases)
        assert found.shape == (PORTS + 2 * drawn.cells, PORTS)
        expected = fabric_model.transfer(fabric, phases)
        assert np.abs(found[:PORTS]) == pytest.approx(np.abs(expected), abs=1e-9)
    assert (drawn.strength == 1.0).all()
    assert (drawn.error_rad == 0.0).all()


def test_no_light_is_made_and_taps_take_a_hundredth(made):
    rng = np.random.default_rng(6)
    for kelvin in (0.0, 20.0):
        power = np.abs(made.transfer(rng.uniform(0, 7, made.cells), kelvin)) ** 2
        assert (power.sum(axis=0) < 1.0).all()
        taps = power[PORTS:].sum(axis=1)
        assert 1e-4 < taps.max() < 0.02


def test_settings_lead_light_where_it_is_sent(made):
    for number in range(1 << made.cells):
        states = [number >> k & 1 for k in range(made.cells)]
        power = np.abs(made.transfer(made.phases_rad(made.settings(states)))[:PORTS]) ** 2
        targets = np.argmax(power, axis=0)
        assert sorted(targets) == list(range(PORTS))
        assert (power.max(axis=0) > 40 * np.sort(power, axis=0)[-2]).all()


def test_settings_null_each_cell(made):
    # No other phase of one cell makes its tap darker: by brute force, light in one input alone.
    states = [fabrics.CROSS] * made.cells
    power = made.settings(states)
    exact = made.phases_rad(power)
    for cell in (0, 1):
        around = []
        for offset in np.linspace(-0.3, 0.3, 13):
            phases = exact.copy()
            phases[cell] += offset
            around.append(np.abs(made.transfer(phases)[PORTS + 2 * cell, 2 * cell]) ** 2)
        assert np.argmin(around) == 6


def test_the_same_chip_is_drawn_again_and_another_differs(netlist, made):
    again = sample.draw(design(), netlist, Process(), 3)
    assert again.steps == made.steps
    assert (again.error_rad == made.error_rad).all()
    other = sample.draw(design(), netlist, Process(), 4)
    assert np.abs(other.error_rad - made.error_rad).max() > 0.01


def test_all_arms_warm_alike(drawn):
    # Of a chip without errors whose couplers stay, warming moves no light between the outputs.
    steps = tuple(replace(s, per_k=0.0) if isinstance(s, sample.Two) else s for s in drawn.steps)
    still = replace(drawn, steps=steps)
    phases = still.phases_rad(still.settings([1, 0, 1, 1, 0, 0]))
    cold, warm = (np.abs(still.transfer(phases, kelvin)[:PORTS]) ** 2 for kelvin in (0.0, 20.0))
    assert warm == pytest.approx(cold, abs=2e-4)
    # Couplers do: a split of halves leaks sin^2 of what both drift by.
    drift = 2 * math.pi / 4 * 20 * drawn.ambient.coupling_per_k
    crossed = drawn.phases_rad(drawn.settings([fabrics.CROSS] * drawn.cells))
    taps = [np.abs(drawn.transfer(crossed, kelvin)[PORTS, 0]) ** 2 for kelvin in (0.0, 20.0)]
    lit = np.abs(drawn.transfer(crossed, 20.0)[PORTS + 1, 0]) ** 2
    assert (taps[1] - taps[0]) / lit == pytest.approx(math.sin(drift) ** 2, rel=0.35)


def test_heat_of_neighbours_is_in_the_phases(made):
    power = np.zeros(made.cells)
    power[2] = 0.5
    phases = made.phases_rad(power)
    assert phases[2] == pytest.approx(made.own_rad(power)[2])
    assert (np.delete(phases, 2) > 0).all()
    assert phases.max() == phases[2]
    warmer = phases * made.ambient.efficiency(20.0)
    assert made.phases_rad(power, 20.0) == pytest.approx(warmer, rel=1e-12)
    expected = calibration.phases_rad(made.fabric, [0, 0, 11585, 0, 0, 0])
    assert phases / made.strength[2] == pytest.approx(expected, rel=1e-3)


def test_a_phase_beyond_the_heaters_is_refused(made):
    weak = replace(made, strength=0.3 * made.strength)
    with pytest.raises(DesignError, match=r"a heater needs .* full scale; allowed: at most 1"):
        weak.settings([0] * made.cells)


def test_chips_without_taps_are_refused():
    bare = design(monitors="none")
    with tempfile.TemporaryDirectory() as folder:
        netlist = layout.run("switch", bare, Path(folder)).extracted
    with pytest.raises(DesignError, match=r"no photodiode on a pad p0_0u; allowed: switch\.mon"):
        sample.draw(bare, netlist, None)
