"""Goals: Jacobi's iteration converges and rests. Bit for bit they are tested with the drive."""

import gc

import numpy as np
import pytest

from lightloom.rtl.ocs.drive.goal import Goal
from lightloom.rtl.ocs.drive.model import DriveModel


@pytest.mark.parametrize("norm", [0.1, 0.3, 0.49])
def test_goals_come_to_rest_near_the_exact_inverse(norm):
    rng = np.random.default_rng(round(100 * norm))
    for _ in range(20):
        count, terms = 12, 4
        matrix = np.zeros((count, count))
        model = DriveModel(count, 16)
        for row, cell in enumerate(model.cells):
            others = rng.permutation([n for n in range(count) if n != row])[:terms]
            weights = rng.uniform(-1, 1, terms)
            fixed = np.round(weights / np.abs(weights).sum() * norm * 2**15).astype(int)
            cell.terms = [(int(n), int(c)) for n, c in zip(others, fixed, strict=True)]
            matrix[row, others] = fixed / 2**15
            cell.bar = int(rng.integers(20000, 40000))
        wanted = np.array([cell.bar for cell in model.cells])
        exact = np.linalg.solve(np.eye(count) + matrix, wanted)
        rows = []
        for _ in range(60):
            model.tick([0] * count)
            rows.append([cell.goal for cell in model.cells])
        assert rows[-1] == rows[-2] == rows[-15]
        assert np.abs(rows[-1] - exact).max() <= terms + 2


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="cells = 0; allowed: an integer from 1 to 4096"):
        Goal(0, 8)
    with pytest.raises(ValueError, match="neighbours = -1; allowed: an integer from 0 to 16"):
        Goal(8, -1)
    gc.collect()
