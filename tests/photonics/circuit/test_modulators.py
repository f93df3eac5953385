import math

import numpy as np
import pytest

from lightloom.photonics.circuit import guided, rings, scatter
from lightloom.photonics.devices import BANDS

every_band = pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)


def loss_db(kind, parameters, numbers, turn=None):
    f = np.array([guided.frequency_hz(numbers.carrier_nm)])
    s = scatter.smatrix(kind, parameters, f, numbers, turn)[0]
    return -20 * math.log10(abs(s[-1, 0]))


@every_band
def test_mzm_loses_in_its_junctions_and_splitters(numbers):
    part = {"length_um": 2750.0, "path_um": 3100.0}
    idle = loss_db("mzm", part, numbers)
    assert idle == pytest.approx(
        2 * numbers.splitter.loss_db
        + guided.guide_loss_db(3100.0, numbers)
        + rings.doped_loss_db(2750.0, 2750.0, numbers)
    )
    assert 2.0 < idle < 6.0  # 3-5 dB class
    # The bias turns one arm: a cosine of half the phase.
    for turn in (0.5, math.pi / 2, 2.0):
        biased = loss_db("mzm", part, numbers, np.array([turn]))
        assert biased - idle == pytest.approx(-20 * math.log10(math.cos(turn / 2)))


@every_band
def test_eam_absorbs_with_its_length(numbers):
    part = {"length_um": 40.0, "path_um": 80.0}
    assert loss_db("eam", part, numbers) == pytest.approx(4.5)  # as engine.eam_loss_db
    longer = loss_db("eam", {**part, "length_um": 50.0}, numbers)
    assert longer == pytest.approx(4.5 + 10 * numbers.eam.loss_db_per_um)


@every_band
def test_photodiode_sends_less_back_the_longer_it_is(numbers):
    back = [
        loss_db("photodiode", {"length_um": x, "width_um": 1.6}, numbers) for x in (1, 10, 20, 60)
    ]
    assert back == sorted(back)
    assert back[-1] == pytest.approx(numbers.photodiode.return_loss_db, abs=0.01)
    # Without germanium, the front and the facet of the core.
    index = numbers.guide.index
    facet = (index - 1.447) / (index + 1.447)
    bare = loss_db("photodiode", {"length_um": 0.0, "width_um": 1.6}, numbers)
    front = 10 ** (-numbers.photodiode.return_loss_db / 20)
    assert 10 ** (-bare / 20) == pytest.approx(front + facet)
