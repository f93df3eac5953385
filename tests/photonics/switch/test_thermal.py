import math

import numpy as np
import pytest

from lightloom.photonics.devices import BANDS, O_BAND
from lightloom.photonics.switch import thermal
from lightloom.spec.base import DesignError

UP = np.array([0.0, 20.0])


@pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)
def test_share_is_that_of_the_numbers(numbers):
    distances = np.array([0.0, 3.0, 40.0, 41.5, 200.0, 5000.0])
    expected = [numbers.thermal_crosstalk(d) for d in distances]
    assert thermal.share(distances, numbers) == pytest.approx(np.array(expected), abs=0)


def test_two_cells_by_hand():
    heated = np.array([[0.0, 0.0], [300.0, 40.0]])
    other = heated - UP
    matrix, own = thermal.differential(heated, other, O_BAND)

    def heat(dx, dy):
        return 0.02 * math.exp(-(math.hypot(dx, dy) - 40.0) / 60.0)

    assert own == pytest.approx(np.full(2, 1.0 - heat(0, 20)))
    first = heat(300, 40) - heat(300, 60)  # at cell 0, from heater 1
    second = heat(300, 40) - heat(300, 20)
    assert matrix == pytest.approx(np.array([[1.0, first / own[1]], [second / own[0], 1.0]]))


def test_heat_is_symmetric_and_falls_off_on_a_grid():
    x, y = np.meshgrid(np.arange(4) * 300.0, np.arange(5) * 80.0)
    grid = np.stack([x.ravel(), y.ravel()], axis=1)
    heat = thermal.reach(grid, grid, O_BAND)
    assert heat == pytest.approx(heat.T, abs=0)
    assert heat[0, 4] > heat[0, 8] > heat[0, 12]
    # Cells in a row, arms side by side: no cell is nearer to the other's heated arm.
    row = np.stack([np.arange(6) * 250.0, np.zeros(6)], axis=1)
    matrix, _ = thermal.differential(row, row + UP, O_BAND)
    assert matrix == pytest.approx(matrix.T, abs=1e-15)
    assert np.diag(matrix) == pytest.approx(np.ones(6))


@pytest.mark.parametrize("seed", range(5))
def test_compensation_makes_the_phases_without_cooling(seed):
    rng = np.random.default_rng(seed)
    heated = rng.uniform(0, 1000, (20, 2))
    matrix, _ = thermal.differential(heated, heated + UP, O_BAND)
    wanted = rng.choice([0.0, math.pi, 0.05, 6.2], 20)
    own = thermal.compensate(matrix, wanted)
    assert own.min() >= 0.0
    turns = (matrix @ own - wanted) / (2 * math.pi)
    assert turns == pytest.approx(np.round(turns), abs=1e-9)
    assert own.max() < 2 * math.pi + 1.0
    # Without it the phases are off by the heat of the others.
    assert np.abs(matrix @ wanted - wanted).max() > 1e-3


def test_nothing_wanted_needs_nothing():
    assert thermal.compensate(np.eye(3), np.zeros(3)) == pytest.approx(np.zeros(3), abs=0)


@pytest.mark.parametrize("matrix", [np.ones((2, 2)), np.array([[1.0, 3.0], [3.0, 1.0]])])
def test_heaters_that_cannot_be_told_apart_are_refused(matrix):
    with pytest.raises(DesignError, match="no drive makes the phases; allowed: heaters further"):
        thermal.compensate(matrix, np.array([0.0, math.pi]))
