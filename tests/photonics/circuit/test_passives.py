import math

import numpy as np
import pytest

from lightloom.photonics.circuit import guided, scatter
from lightloom.photonics.circuit.passives import pin_absorption_db
from lightloom.photonics.devices import BANDS, C_BAND, O_BAND

every_band = pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)


def carrier(numbers):
    return guided.frequency_hz(numbers.carrier_nm)


def power(kind, parameters, numbers, f=None, turn=None):
    f = np.atleast_1d(carrier(numbers) if f is None else f)
    return np.abs(scatter.smatrix(kind, parameters, f, numbers, turn)) ** 2


def db(ratio):
    return 10 * math.log10(ratio)


@every_band
def test_coupler_splits_in_halves_at_the_carrier_only(numbers):
    half = {"gap_um": 0.2, "length_um": numbers.half_length(0.2), "path_um": 141.0}
    p = power("coupler2x2", half, numbers, carrier(numbers) + np.array([-5e12, 0.0, 5e12]))
    loss_db = numbers.coupler.excess_loss_db + guided.guide_loss_db(141.0, numbers)
    assert p.sum(axis=1) == pytest.approx(np.full((3, 4), 10 ** (-loss_db / 10)))
    assert p[1, 3, 0] == pytest.approx(p[1, 2, 0], rel=1e-3)
    assert p[0, 2, 0] > p[1, 2, 0] > p[2, 2, 0]  # longer waves couple more
    assert p[:, :2, :2] == pytest.approx(np.zeros((3, 2, 2)))  # nothing comes back


def test_crossing_loses_and_leaks_as_published_classes():
    p = power("crossing", {"path_um": 0.0}, O_BAND)[0]
    assert db(p[2, 0]) == pytest.approx(-O_BAND.crossing.loss_db)
    for side in (1, 3):
        assert db(p[side, 0]) == pytest.approx(O_BAND.crossing.crosstalk_db)
    assert db(p[0, 0]) == pytest.approx(2 * O_BAND.crossing.crosstalk_db, abs=0.2)


def test_a_crossing_without_loss_keeps_what_does_not_leak():
    part = O_BAND.crossing.model_copy(update={"loss_db": 0.0, "crosstalk_db": -20.0})
    guide = O_BAND.guide.model_copy(update={"loss_db_per_cm": 0.0})
    numbers = O_BAND.model_copy(update={"crossing": part, "guide": guide})
    p = power("crossing", {"path_um": 18.0}, numbers)[0]
    assert p.sum(axis=0) == pytest.approx(np.ones(4), abs=1e-12)
    assert p[1, 0] / p[2, 0] == pytest.approx(0.01)


@every_band
def test_splitter_divides_with_its_loss_and_imbalance(numbers):
    p = power("splitter1x2", {"path_um": 0.0}, numbers)[0]
    assert db(p[1:, 0].sum()) == pytest.approx(-numbers.splitter.loss_db)
    assert db(p[1, 0] / p[2, 0]) == pytest.approx(numbers.splitter.imbalance_db)
    assert p[1:, 1:] == pytest.approx(np.zeros((2, 2)))


def test_a_splitter_backwards_radiates_what_does_not_interfere():
    s = scatter.smatrix("splitter1x2", {"path_um": 30.0}, np.array([carrier(O_BAND)]))[0]
    split = s[1:, 0] / np.linalg.norm(s[1:, 0])
    lost = np.array([-split[1], split[0]]).conj()
    assert abs(s[0, 1:] @ lost) == pytest.approx(0.0, abs=1e-15)
    assert abs(s[0, 1:] @ split.conj()) == pytest.approx(np.linalg.norm(s[1:, 0]))


@every_band
def test_heater_turns_the_phase_and_nothing_else(numbers):
    f = carrier(numbers) + np.array([0.0, 3e12])
    args = "heater_waveguide", {"length_um": 230.0}, f, numbers
    turn = np.array([0.3, 0.4])
    ratio = scatter.smatrix(*args, turn)[:, 1, 0] / scatter.smatrix(*args)[:, 1, 0]
    assert ratio == pytest.approx(np.exp(-1j * turn))
    loss = numbers.heater.loss_db + guided.guide_loss_db(230.0, numbers)
    assert db(power(*args[:2], numbers)[0, 1, 0]) == pytest.approx(-loss)


@every_band
def test_diode_absorbs_by_the_carriers_that_turn_the_phase(numbers):
    length, f = 300.0, np.atleast_1d(carrier(numbers))
    parameters = {"length_um": length, "path_um": 344.0}
    idle = power("pin_waveguide", parameters, numbers)[0, 1, 0]
    losses = []
    for turn in (0.0, 1e-9, 0.01, 1.0, math.pi, 2 * math.pi):
        driven = power("pin_waveguide", parameters, numbers, turn=np.array([turn]))[0, 1, 0]
        losses.append(db(idle / driven))
        expected = numbers.pin.driven_loss_db(turn, length, numbers.carrier_nm)
        assert losses[-1] == pytest.approx(expected, abs=1e-9)
    assert losses == sorted(losses)
    assert losses[4] > 0.1
    # Over the band the carriers stay, the phase follows the frequency.
    there = np.array([0.98, 1.0, 1.03]) * f
    same = pin_absorption_db(numbers, length, there, math.pi * there / f)
    assert same == pytest.approx(np.full(3, losses[4]), rel=1e-12)


def test_facet_loss_includes_the_taper_and_the_mirror():
    part = {"length_um": 200.0, "tip_width_um": 0.18}
    p = power("edge_coupler", part, O_BAND)[0]
    assert db(p[1, 0]) == pytest.approx(-O_BAND.edge_coupler.loss_db)
    assert db(p[1, 1]) == pytest.approx(-O_BAND.edge_coupler.return_loss_db)
    twice = O_BAND.edge_coupler.return_loss_db + 2 * O_BAND.edge_coupler.loss_db
    assert db(p[0, 0]) == pytest.approx(-twice, abs=0.01)


@every_band
def test_grating_has_its_band_and_follows_its_period(numbers):
    part = numbers.grating_coupler
    design = {"period_um": part.period_um, "length_um": 150.0}

    def loss_db(parameters, nm):
        f = np.array([guided.frequency_hz(nm)])
        return -db(power("grating_coupler", parameters, numbers, f)[0, 1, 0])

    middle = numbers.carrier_nm
    assert loss_db(design, middle) == pytest.approx(part.loss_db)
    for side in (-1, 1):
        edge = middle + side * part.bandwidth_nm / 2
        assert loss_db(design, edge) == pytest.approx(part.loss_db + 1.0)
    longer = {**design, "period_um": part.period_um * 1.01}
    assert loss_db(longer, 1.01 * middle) == pytest.approx(part.loss_db)
    back = power("grating_coupler", design, numbers)[0, 0, 0]
    lead = 2 * guided.guide_loss_db(150.0, numbers)
    assert db(back) == pytest.approx(-part.return_loss_db - lead)


def test_an_end_sends_its_return_loss_back():
    p = power("terminator", {"length_um": 20.0}, C_BAND)[0]
    assert p.shape == (1, 1)
    assert db(p[0, 0]) == pytest.approx(-C_BAND.terminator.return_loss_db)
    step = 1e11  # its delay is there and back
    f = carrier(C_BAND) + np.array([-step, step])
    s = scatter.smatrix("terminator", {"length_um": 20.0}, f, C_BAND)[:, 0, 0]
    delay = -np.angle(s[1] / s[0]) / (4 * math.pi * step) * 1e12
    assert delay == pytest.approx(2 * guided.delay_ps(20.0, C_BAND), rel=1e-4)
