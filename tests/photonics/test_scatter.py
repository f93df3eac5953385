import math

import numpy as np
import pytest

from lightloom.photonics import scatter
from lightloom.photonics.devices import O_BAND
from lightloom.photonics.solver import FourPort, TwoPort

CARRIER = scatter.frequency_hz(O_BAND.carrier_nm)
COUPLER = {"gap_um": 0.2, "length_um": O_BAND.half_length(0.2), "path_um": 141.0}


def test_wavelength_and_frequency_are_inverse():
    assert scatter.wavelength_nm(scatter.frequency_hz(1310.0)) == pytest.approx(1310.0)
    assert scatter.frequency_hz(1310.0) == pytest.approx(228.849e12, rel=1e-5)


def test_guide_has_its_phase_loss_and_group_delay():
    part = scatter.guide(1000.0)
    step = 1e9
    f = CARRIER + np.array([-step, 0.0, step])
    t = part.transfer(f)
    turns = O_BAND.guide.index * 1000.0 / 1.31
    assert t[1] / abs(t[1]) == pytest.approx(np.exp(-2j * math.pi * turns), abs=1e-6)
    assert -20 * math.log10(abs(t[1])) == pytest.approx(0.2)
    delay = -np.angle(t[2] / t[0]) / (4 * math.pi * step) * 1e12
    assert delay == pytest.approx(part.delay_ps, rel=1e-4)
    assert part.delay_ps == pytest.approx(13.93, abs=0.01)


def test_coupler_splits_in_halves_at_the_carrier_only():
    part = scatter.models().devices["coupler2x2"](COUPLER)
    assert isinstance(part, FourPort)
    m = part.matrix(CARRIER + np.array([-5e12, 0.0, 5e12]))
    power = np.abs(m) ** 2
    loss = 10 ** (-(O_BAND.coupler.excess_loss_db + scatter.guide_loss_db(141.0)) / 10)
    assert power.sum(axis=1) == pytest.approx(np.full((3, 2), loss))
    assert power[1] == pytest.approx(np.full((2, 2), loss / 2), rel=1e-4)
    assert power[0, 0, 1] > power[1, 0, 1] > power[2, 0, 1]  # longer waves couple more


def test_coupler_over_a_band_equals_coupler_wave_by_wave():
    part = scatter.models().devices["coupler2x2"](COUPLER)
    assert isinstance(part, FourPort)
    f = np.linspace(scatter.frequency_hz(1360), scatter.frequency_hz(1260), 41)
    alone = np.concatenate([part.matrix(f[i : i + 1]) for i in range(41)])
    assert part.matrix(f) == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize(
    ("kind", "parameters"), [("coupler2x2", COUPLER), ("crossing", {"path_um": 18.4})]
)
def test_four_ports_are_passive(kind, parameters):
    part = scatter.models().devices[kind](parameters)
    assert isinstance(part, FourPort)
    for m in part.matrix(np.linspace(0.97, 1.03, 7) * CARRIER):
        assert np.linalg.svd(m, compute_uv=False).max() <= 1.0


def test_crossing_loses_and_leaks_as_published_classes():
    part = scatter.models().devices["crossing"]({"path_um": 0.0})
    assert isinstance(part, FourPort)
    m = part.matrix(np.array([CARRIER]))[0]
    assert 20 * math.log10(abs(m[0, 1])) == pytest.approx(-O_BAND.crossing.loss_db)
    assert 20 * math.log10(abs(m[0, 0])) == pytest.approx(O_BAND.crossing.crosstalk_db)
    for (p, q), (first, second) in part.sides:
        # The first line keeps the number of its input and leaves where the second goes through.
        assert {p, second} in ({"o1", "o3"}, {"o2", "o4"})
        assert {q, first} in ({"o1", "o3"}, {"o2", "o4"})


def test_facet_loss_includes_the_taper():
    part = scatter.models().devices["edge_coupler"]({"length_um": 200.0, "tip_width_um": 0.18})
    assert isinstance(part, TwoPort)
    loss = -20 * math.log10(abs(part.transfer(np.array([CARRIER]))[0]))
    assert loss == pytest.approx(O_BAND.edge_coupler.loss_db)


def test_equal_devices_share_one_model():
    known = scatter.models()
    assert known.devices["coupler2x2"](COUPLER) is known.devices["coupler2x2"](dict(COUPLER))
    assert known.wire(10.0) is known.wire(10.0)
    assert known.wire(10.0) is not known.wire(11.0)
