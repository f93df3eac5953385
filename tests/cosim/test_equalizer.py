"""Registers of a receive lane as an equalizer: against the arithmetic of the RTL, limits."""

import numpy as np
import pytest

from lightloom.cosim.equalizer import Equalizer
from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.model import EqualizerModel


def test_equalizer_of_the_registers_is_the_arithmetic_of_the_rtl():
    rng = np.random.default_rng(3)
    side, dfe = [-5, 9], 7
    e = Equalizer.from_registers(side, dfe, pre=1)
    model = EqualizerModel(RxFormat(width=16, ffe_taps=3, observed=8))
    samples = rng.integers(-32, 32, 16 * 40)
    decided = []
    for word in samples.reshape(-1, 16):
        _, y = model.values(word, side)
        decided += model.decide(y, dfe).tolist()
    z = sum(tap * np.roll(samples, k - e.pre) for k, tap in enumerate(e.taps))
    mine, before = [], 1.0
    for value in z:
        before = 1.0 if value - e.dfe * before >= e.thresholds[0] else -1.0
        mine.append(before)
    # the model answers one word later
    np.testing.assert_array_equal(np.array(decided[32:]), np.array(mine)[16:-16] > 0)


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match="pre = 2; allowed: 0 to 1"):
        Equalizer((1.0, 0.5), 2)
    with pytest.raises(ValueError, match=r"thresholds = \(1.0, 0.0, 2.0\); allowed: 1 or 3, asc"):
        Equalizer(thresholds=(1.0, 0.0, 2.0))
