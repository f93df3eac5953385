"""Predictions of engines against sums by hand."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from lightloom.photonics.circuit import scatter
from lightloom.photonics.devices import C_BAND, O_BAND
from lightloom.photonics.engine import plan as engine_plan
from lightloom.photonics.engine.chip import engine_chip
from lightloom.photonics.reproduction import engines

DESIGN = {
    "engine.modulator": "ring",
    "engine.lanes": 2,
    "engine.wavelengths": 4,
    "engine.receiver": "drop-filter",
    "engine.laser_inputs": 1,
    "serdes.baud_gbd": 25.0,
}


def test_counts_and_rate_are_those_of_the_plan(made_up):
    found = engines.predict(made_up(kind="engine", design=DESIGN))
    assert found["rate_tbps"] == pytest.approx(2 * 4 * 25e-3)
    assert found["fibres"] == 2 * 2 + 1
    assert "energy_pj_per_bit" not in found


def test_a_bit_charges_the_junction_by_its_capacitance_over_the_swing(made_up):
    design = made_up(kind="engine", design=DESIGN).made()
    part, length = O_BAND.junction, math.pi * 8.0

    def charge(v):
        return part.capacitance_ff_per_um * length / math.sqrt(1 + v / part.built_in_v)

    swing = design.serdes.tx_swing_v * design.engine.driver_gain
    golden = swing * quad(charge, 0, swing)[0] / 4 * 1e-3  # a quarter of the bits rise
    assert engines.modulation_pj(design, O_BAND, 8.0) == pytest.approx(golden, rel=1e-9)


def test_tuning_moves_half_a_spacing(made_up):
    design = made_up(
        kind="engine", design={**DESIGN, "technology.band": "C", "engine.wavelength_nm": 1550.0}
    ).made()
    nm = 299792458.0 / (299792458.0 / 1550e-9 - 100e9) * 1e9 - 1550.0
    assert engines.tuning_mw(design, C_BAND) == pytest.approx(nm * 1e3 / 100.0, rel=2e-3)


def test_electronics_are_added_where_the_published_figure_has_them(made_up):
    bare = engines.predict(made_up(kind="engine", design=DESIGN))
    whole = engines.predict(made_up(kind="engine", design=DESIGN, include=("electronics",)))
    tuning = engines.tuning_mw(made_up(kind="engine", design=DESIGN).made(), O_BAND) / 25.0
    expected = bare["transmit_pj_per_bit"] + tuning + 2.5
    assert whole["energy_pj_per_bit"] == pytest.approx(expected)


@pytest.mark.parametrize("channel", [0, 2])
def test_received_light_is_that_of_one_ring_after_another(made_up, channel):
    chip = made_up(kind="engine", design=DESIGN)
    design = chip.made()
    plan = engine_plan.plan(design.engine, 2)
    netlist = engine_chip(design.engine, 2).netlist
    found = engines.light(plan, netlist)
    bank, at = plan.filter_rings, np.array([plan.grid_ghz[channel] * 1e9])
    passed = 1.0
    for k in range(channel + 1):
        ring = netlist.instances[f"drop0_{k}"].parameters
        turn = np.array([engines.tuned(plan, 0)[f"drop0_{k}"]]) * at / (299792458.0 / 1310e-9)
        s = scatter.smatrix("ring_filter", ring, at, turn=turn)[0]
        passed *= abs(s[2, 0] if k == channel else s[1, 0]) ** 2
    assert bank.rings[channel].cold_ghz >= 0
    loss_db = -10 * math.log10(passed)
    assert loss_db < 3.0  # on resonance
    wires_db = 0.2  # and the facet's 1.5 dB
    assert loss_db + 1.5 < found["loss_receive_db"] + 0.5
    assert found["loss_receive_db"] < loss_db + 1.5 + wires_db + 1.5


def test_neighbours_are_as_far_down_as_the_filters_say(made_up):
    found = engines.predict(made_up(kind="engine", design=DESIGN))
    # a Lorentzian of `fill` times the spacing, seen a spacing away
    lorentzian = -10 * math.log10(1 + (2 / O_BAND.ring_filter.fill) ** 2)
    assert found["crosstalk_channel_db"] == pytest.approx(lorentzian, abs=2.5)
    assert 3.0 < found["loss_transmit_db"] < 8.0  # two facets and a splitter


def test_only_rings_are_predicted(made_up):
    with pytest.raises(ValueError, match=r"made-up: engine\.modulator = 'mzm'; allowed: ring"):
        engines.predict(made_up(kind="engine", design={"engine.modulator": "mzm"}))
