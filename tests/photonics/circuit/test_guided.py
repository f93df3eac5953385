import math

import numpy as np
import pytest

from lightloom.photonics.circuit import guided
from lightloom.photonics.devices import BANDS, O_BAND

every_band = pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)


def test_wavelength_and_frequency_are_inverse():
    assert guided.wavelength_nm(guided.frequency_hz(1310.0)) == pytest.approx(1310.0)
    assert guided.frequency_hz(1310.0) == pytest.approx(228.849e12, rel=1e-5)


@every_band
def test_a_guide_has_its_phase_loss_and_group_delay(numbers):
    carrier = guided.frequency_hz(numbers.carrier_nm)
    step, length = 1e9, 1000.0
    loss_db = guided.guide_loss_db(length, numbers)
    f = carrier + np.array([-step, 0.0, step])
    t = guided.propagation(length, f, loss_db, numbers)
    turns = numbers.guide.index * length / (numbers.carrier_nm / 1000)
    assert t[1] / abs(t[1]) == pytest.approx(np.exp(-2j * math.pi * turns), abs=1e-6)
    assert -20 * math.log10(abs(t[1])) == pytest.approx(numbers.guide.loss_db_per_cm / 10)
    delay = -np.angle(t[2] / t[0]) / (4 * math.pi * step) * 1e12
    assert delay == pytest.approx(guided.delay_ps(length, numbers), rel=1e-4)
    assert delay == pytest.approx(length * numbers.guide.group_index / 299.792458, rel=1e-4)


def test_over_a_band_values_are_those_at_each_wavelength():
    f = np.linspace(guided.frequency_hz(1360), guided.frequency_hz(1260), 41)

    def value(nm):
        return O_BAND.coupling_angle(0.2, 9.0, nm)

    expected = [value(guided.wavelength_nm(x)) for x in f]
    assert guided.over_band(value, f) == pytest.approx(np.array(expected), abs=1e-10)
    assert guided.over_band(value, f[:3]) == pytest.approx(np.array(expected[:3]), abs=0)
