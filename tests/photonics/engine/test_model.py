"""Light through engines, channel by channel, against sums of what it passes."""

import math

import pytest

from lightloom.photonics.devices import O_BAND
from lightloom.photonics.engine import model as engine_model
from lightloom.photonics.engine import plan as engine_plan
from lightloom.photonics.engine.chip import engine_chip
from lightloom.photonics.netlist import Netlist
from lightloom.spec.base import DesignError
from lightloom.spec.design import Engine


def channels(lanes=2, **values):
    engine = Engine(**values)
    chip = engine_chip(engine, lanes)
    return engine_model.channels(engine_plan.plan(engine, lanes), chip.netlist)


def test_splitters_cost_three_decibels_a_level():
    alone = channels(4)[0].laser_to_modulator_db
    for inputs, levels in ((2, 1), (1, 2)):
        split = [one.laser_to_modulator_db for one in channels(4, laser_inputs=inputs)]
        least = alone + levels * 10 * math.log10(2)
        assert all(least < loss < least + 1.5 for loss in split)


def test_taps_cost_what_they_take():
    plain, tapped = channels(1)[0], channels(1, monitors=True)[0]
    taken = -10 * math.log10(math.cos(O_BAND.coupling_angle(O_BAND.tap.gap_um, 0.0)) ** 2)
    for name in ("laser_to_modulator_db", "modulator_to_fibre_db"):
        assert taken < getattr(tapped, name) - getattr(plain, name) < taken + 0.5


def test_every_channel_finds_its_own_rings():
    found = channels(
        2, modulator="ring", wavelengths=4, receiver="drop-filter", wavelength_spacing_ghz=200.0
    )
    places = [(one.fibre, one.wavelength) for one in found]
    assert places == [(fibre, wavelength) for fibre in (0, 1) for wavelength in range(4)]
    for one in found:
        assert O_BAND.edge_coupler.loss_db < one.fibre_to_detector_db < 8.0


def test_filters_keep_neighbours_down():
    values = {"modulator": "ring", "wavelengths": 4, "receiver": "drop-filter"}
    plan = engine_plan.plan(Engine(**values), 1)
    assert -40.0 < engine_model.crosstalk_db(plan) < -5.0
    assert engine_model.crosstalk_db(engine_plan.plan(Engine(), 1)) == -math.inf


@pytest.mark.parametrize("spacing", [50.0, 100.0, 200.0])
def test_sixteen_wavelengths_stay_apart_also_where_the_grid_wraps(spacing):
    values = {"modulator": "ring", "wavelengths": 16, "receiver": "drop-filter"}
    plan = engine_plan.plan(Engine(wavelength_spacing_ghz=spacing, **values), 1)
    assert plan.filter_rings is not None
    assert plan.filter_rings.wraps == (spacing == 200.0)
    assert engine_model.crosstalk_db(plan) < -12.0


def test_a_netlist_of_another_engine_is_refused():
    plan = engine_plan.plan(Engine(), 2)
    with pytest.raises(DesignError, match="netlist other has no optical port laser0"):
        engine_model.channels(plan, Netlist("other"))
