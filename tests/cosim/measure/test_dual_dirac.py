"""The model's own arithmetic; `test_jitter.py` recovers injected jitter with it."""

import numpy as np
import pytest
from scipy import special

from lightloom.cosim.measure import dual_dirac
from lightloom.cosim.measure.dual_dirac import DualDirac


def test_total_jitter_is_where_the_tails_have_the_rate():
    model = DualDirac(-0.04, 0.06, 0.01, 0.02)
    total = model.total(1e-9)
    q = (total - model.dj) / 0.03
    # half of the edges are at either line, half of the symbols have an edge
    assert special.ndtr(-q) / 4 == pytest.approx(1e-9, rel=1e-6)
    assert model.rj == pytest.approx(0.015)
    with pytest.raises(ValueError, match=r"rate = 0.3; allowed: above 0 and below 0.25"):
        model.total(0.3)


def test_lines_that_have_crossed_are_no_jitter_and_no_jitter_has_no_deviation():
    assert DualDirac(0.01, -0.01, 0.01, 0.01).dj == 0.0
    assert dual_dirac.of_samples(np.full(300, 0.25)) == DualDirac(0.25, 0.25, 0.0, 0.0)


def test_flanks_of_a_bathtub_give_the_edge_that_made_them():
    x = np.linspace(0.1, 0.3, 9)
    left = special.ndtr(-(x - 0.08) / 0.02) / 4
    right = special.ndtr(-(0.95 - (1 - x)) / 0.01) / 4
    model = dual_dirac.of_tails(x, left, 1 - x, right)
    assert (model.left, model.right) == pytest.approx((-0.05, 0.08))
    assert (model.left_deviation, model.right_deviation) == pytest.approx((0.01, 0.02))
    with pytest.raises(ValueError, match="1 points of a flank; allowed: 2 or more"):
        dual_dirac.of_tails(x[:1], left[:1], x, right)
