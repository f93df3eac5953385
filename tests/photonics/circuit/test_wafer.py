import numpy as np
import pytest

from lightloom.photonics.circuit.wafer import Map
from lightloom.spec.base import DesignError


def covariance(places, correlation):
    """Of a map's draws: each number on its own, squared."""
    drawn = Map(places, correlation)
    columns = []
    for k in range(drawn.size):
        normal = np.zeros(drawn.size)
        normal[k] = 1.0
        columns.append(drawn.draw(normal.reshape(drawn.shape)))
    root = np.array(columns).T
    return root @ root.T


@pytest.mark.parametrize("correlation", [4500.0, 1000.0, 300.0])
def test_correlation_is_that_of_the_distance(correlation):
    rng = np.random.default_rng(1)
    places = rng.uniform([0, -600], [5000, 900], (25, 2))
    gaps = np.hypot(*np.moveaxis(places[:, None] - places[None, :], 2, 0))
    expected = np.exp(-((gaps / correlation) ** 2) / 2)
    assert covariance(places, correlation) == pytest.approx(expected, abs=1e-7)


def test_arms_of_one_cell_differ_by_what_their_distance_says():
    # 40 um in 4500 um: the difference is five digits below the sum.
    places = np.array([[2000.0, 100.0], [2000.0, 140.0], [0.0, -3000.0]])
    found = covariance(places, 4500.0)
    difference = found[0, 0] + found[1, 1] - 2 * found[0, 1]
    assert difference == pytest.approx((40 / 4500) ** 2, rel=1e-4)


def test_a_single_place_has_the_full_deviation():
    assert covariance(np.array([[7.0, 8.0]]), 100.0) == pytest.approx(np.ones((1, 1)))


def test_a_correlation_too_short_is_refused():
    places = np.array([[0.0, 0.0], [40_000.0, 10.0]])
    with pytest.raises(DesignError, match=r"correlation length 10 um .*; allowed: 309 um or more"):
        Map(places, 10.0)
    Map(places, 310.0)
