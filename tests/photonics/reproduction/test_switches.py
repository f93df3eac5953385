"""Predictions of switches against sums by hand."""

import math

import numpy as np
import pytest

from lightloom.photonics.devices import C_BAND
from lightloom.photonics.reproduction import switches
from lightloom.photonics.reproduction.switches import SwitchModel, Traffic
from lightloom.spec import fabrics


@pytest.fixture(scope="module")
def benes(made_up):
    design = {"technology.band": "C", "switch.topology": "benes", "switch.ports": 8}
    return SwitchModel(made_up(design=design))


def test_the_loss_of_a_path_is_that_of_what_it_meets(benes):
    states = [fabrics.CROSS] * 20
    one = benes.traffic(states)
    loss = switches.losses_db([one], benes.power([one]))
    ways = fabrics.ways(benes.plan, states)
    part = benes.numbers
    for found, way in zip(loss, ways.values(), strict=True):
        devices = len(way.cells) * 2 * part.coupler.excess_loss_db
        devices += way.crossings * part.crossing.loss_db + 2 * part.edge_coupler.loss_db
        devices += len(way.cells) * part.heater.loss_db  # half its light passes it: between
        shortest, longest = (part.guide.loss_db_per_cm * um * 1e-4 for um in benes.made.path_um)
        slack = len(way.cells) * part.heater.loss_db
        assert devices + shortest - slack - 0.01 <= found <= devices + longest + 0.01


def test_all_bar_and_all_cross_join_what_the_plan_says(benes):
    for state in (fabrics.BAR, fabrics.CROSS):
        one = benes.traffic([state] * 20)
        power = benes.power([one])[0]
        for source, target in one.routes.items():
            assert np.argmax(power[:, source]) == target


def test_a_driven_diode_costs_what_one_absorbing_arm_does(made_up):
    design = {
        "technology.band": "C",
        "engine.wavelength_nm": 1550.0,
        "switch.topology": "benes",
        "switch.ports": 2,
        "switch.phase_shifter": "pin",
    }
    model = SwitchModel(made_up(design=design))
    bar, cross = (model.traffic([state]) for state in (fabrics.BAR, fabrics.CROSS))
    loss = switches.losses_db([cross, bar], model.power([cross, bar]))
    absorbed = C_BAND.pin.driven_loss_db(math.pi, model.switch.pin_length_um, 1550.0)
    arm = 10 ** (-absorbed / 20)
    assert loss[2:] - loss[:2] == pytest.approx(-20 * np.log10((1 + arm) / 2), abs=0.01)


def test_crosstalk_is_the_strongest_foreign_light_over_the_routed():
    power = np.array([[0.5, 1e-3, 0.2], [2e-3, 0.25, 0.1], [0.0, 0.0, 0.9]])
    everything = Traffic((), {0: 0, 1: 1, 2: 2})
    assert switches.crosstalk_db(everything, power) == pytest.approx(10 * math.log10(0.4))
    # the third input is dark, the third output nobody's
    two = Traffic((), {0: 0, 1: 1})
    assert switches.crosstalk_db(two, power) == pytest.approx(10 * math.log10(8e-3))
    over = np.stack([power, power * [[1, 5, 1], [1, 1, 1], [1, 1, 1]]])
    assert switches.crosstalk_db(two, over) == pytest.approx(10 * math.log10(1e-2))


@pytest.mark.parametrize(("kind", "each"), [("heater", 29.6), ("undercut", 4.1), ("pin", 3.0)])
def test_the_drive_is_that_of_the_bar_cells(made_up, kind, each):
    design = {
        "technology.band": "C",
        "switch.topology": "benes",
        "switch.ports": 4,
        "switch.phase_shifter": kind,
    }
    model = SwitchModel(made_up(design=design))
    assert model.drive_mw(model.traffic([0, 1, 0, 0, 0, 1])) == pytest.approx(4 * each)


def test_the_rise_is_that_of_light_behind_a_relaxing_phase(benes):
    tau = benes.numbers.heater.tau_us
    t = np.linspace(0, 10 * tau, 1_000_001)
    light = np.sin(np.pi / 2 * -np.expm1(-t / tau)) ** 2
    golden = t[np.argmax(light > 0.9)] - t[np.argmax(light > 0.1)]
    assert benes.rise_us() == pytest.approx(golden, rel=1e-4)


def test_own_numbers_reach_the_prediction(made_up):
    base = switches.predict(made_up())
    lossy = switches.predict(made_up(numbers={"crossing.loss_db": 1.05}))
    states = [fabrics.CROSS] * 6
    crossings = [way.crossings for way in fabrics.ways(fabrics.plan("benes", 4), states).values()]
    assert 0 < lossy["loss_mean_db"] - base["loss_mean_db"] <= 1.0 * max(crossings)
    assert lossy["width_mm"] == base["width_mm"]


def test_the_same_prediction_comes_twice(made_up):
    assert switches.predict(made_up()) == switches.predict(made_up())


def test_figures_over_a_band_grow_with_it(made_up):
    figures = [
        {"quantity": f"crosstalk_{nm}nm_db", "value": 0.0, "mark": "read"} for nm in (30, 80)
    ]
    design = {"technology.band": "C", "switch.topology": "benes", "switch.ports": 4}
    found = switches.predict(made_up(design=design, figures=figures))
    assert found["crosstalk_db"] <= found["crosstalk_30nm_db"] <= found["crosstalk_80nm_db"]
