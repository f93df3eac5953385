"""What an engine is made of: counts in closed form, keys that do not go together refused."""

import pytest

from lightloom.photonics.engine import plan as engine_plan
from lightloom.spec.base import DesignError
from lightloom.spec.design import Engine


def plan(lanes=4, band="O", **values):
    return engine_plan.plan(Engine(**values), lanes, band)


@pytest.mark.parametrize("modulator", ["ring", "mzm", "eam"])
def test_counts_of_one_wavelength(modulator):
    counts = plan(modulator=modulator).counts()
    assert counts == {
        engine_plan.DEVICE[modulator]: 4,
        "photodiode": 4,
        "edge_coupler": 12,
    }


@pytest.mark.parametrize("lanes", [1, 2, 8])
@pytest.mark.parametrize("wavelengths", [2, 8])
def test_counts_of_many_wavelengths(lanes, wavelengths):
    values = {"modulator": "ring", "wavelengths": wavelengths, "receiver": "drop-filter"}
    counts = plan(lanes, **values).counts()
    assert counts["ring_modulator"] == counts["ring_filter"] == lanes * wavelengths
    assert counts["photodiode"] == lanes * wavelengths
    # Every filter's add port and the end of every receive bus are dark.
    assert counts["terminator"] == lanes * wavelengths + lanes
    muxed = plan(lanes, **{**values, "modulator": "mzm"}).counts()
    # One filter off the laser's bus, one on to the fibre's, one at the receiver.
    assert muxed["ring_filter"] == 3 * lanes * wavelengths


@pytest.mark.parametrize("inputs", [1, 2, 4])
def test_a_tree_has_a_splitter_less_than_leaves(inputs):
    made = plan(4, laser_inputs=inputs)
    assert made.counts().get("splitter1x2", 0) == 4 - inputs
    assert made.fibres == 8 + inputs
    assert made.split * inputs == 4


def test_monitors_tap_every_modulator_and_laser():
    counts = plan(2, monitors=True).counts()
    assert counts["coupler2x2"] == 4
    assert counts["photodiode"] == 2 + 4


@pytest.mark.parametrize(
    ("lanes", "values", "message"),
    [
        (0, {}, r"engine\.lanes = 0; allowed: 1 to 16"),
        (17, {}, r"engine\.lanes = 17; allowed: 1 to 16"),
        (6, {"laser_inputs": 2}, r"engine\.laser_inputs = 2 with 6 lanes; allowed: 0, 3, 6"),
        (2, {"wavelengths": 4}, r"engine\.receiver = 'direct' with engine\.wavelengths = 4; al"),
        (
            2,
            {"wavelengths": 16, "receiver": "drop-filter", "wavelength_spacing_ghz": 1000.0},
            r"engine\.wavelengths = 16 at engine\.wavelength_spacing_ghz = 1000",
        ),
    ],
)
def test_keys_that_do_not_go_together_are_refused(lanes, values, message):
    with pytest.raises(DesignError, match=message):
        plan(lanes, **values)


def test_the_drive_sets_the_length_of_a_modulator():
    long, short = plan(mzm_v_pi_v=2.0), plan(mzm_v_pi_v=4.0)
    assert long.mzm_um == pytest.approx(2 * short.mzm_um, rel=1e-3)
    assert long.mzm_ma < short.mzm_ma
