"""Hits and margin of a mask against eyes whose openings are known."""

import numpy as np
import pytest

from lightloom.cosim.measure import mask

POINTS = 64
PHASE = np.arange(POINTS) / POINTS - 0.5


def eye(opening, ramp=0.25):
    """Traces that leave `opening` of the height free in the middle, corners at `ramp` UI."""
    edge = np.clip((0.5 - np.abs(PHASE)) / ramp, 0, 1)
    high = 0.5 + opening / 2 * edge
    return np.tile(np.stack([1 - high, high]), (500, 1))


def test_samples_inside_are_counted_and_an_open_eye_has_margin():
    found = mask.measure(eye(1.0), 0.0, 1.0)
    assert found.samples == 1000 * POINTS
    assert found.hits == 0
    assert found.margin > 0.1
    closed = mask.measure(eye(0.3), 0.0, 1.0)
    assert closed.hits > 0
    assert closed.margin < 0


@pytest.mark.parametrize("inset", [0.05, 0.1, 0.2])
def test_margin_is_how_far_the_mask_may_grow(inset):
    # levels that are never reached by more than `inset`, and no crossings at all
    volts = np.stack([np.full(POINTS, inset), np.full(POINTS, 1 - inset)])
    found = mask.measure(np.tile(volts, (500, 1)), 0.0, 1.0)
    # the corner nearest to the levels, y1 = 0.25, goes up to the trace
    assert found.margin == pytest.approx(1 - inset / 0.25, abs=0.02)


def test_a_mask_that_must_shrink_has_a_negative_margin():
    volts = np.tile(np.stack([np.full(POINTS, 0.35), np.full(POINTS, 0.65)]), (500, 1))
    assert mask.measure(volts, 0.0, 1.0).margin == pytest.approx(0.15 / 0.25 - 1, abs=0.02)


def test_rare_hits_and_overshoot():
    volts = eye(1.0)
    volts[0, POINTS // 2] = 0.5  # one of 64,000: less than the ratio allowed
    assert mask.measure(volts, 0.0, 1.0).hits == 1
    assert mask.measure(volts, 0.0, 1.0).margin > 0
    volts[1:11, 0] = 1.45
    assert mask.measure(volts, 0.0, 1.0).margin == -1.0


def test_bad_masks_are_refused():
    with pytest.raises(ValueError, match=r"x = \(0.4, 0.3, 0.45\); allowed: rising"):
        mask.Mask((0.4, 0.3, 0.45), (0.25, 0.28, 0.4), 5e-5)
    with pytest.raises(ValueError, match=r"y = \(0.25, 0.28, 0.6\); allowed: above 0 and below"):
        mask.Mask((0.25, 0.4, 0.45), (0.25, 0.28, 0.6), 5e-5)
    with pytest.raises(ValueError, match="one = 0, zero = 1; allowed: one above zero"):
        mask.measure(eye(1.0), 1.0, 0.0)
