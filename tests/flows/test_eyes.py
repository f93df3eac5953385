import numpy as np
import pytest

from lightloom.cosim import eye
from lightloom.flows import eyes
from lightloom.flows.report_data import Contour


def lane(height, symbols=64):
    """Alternating bits of `height` volts and up, in two levels so that there is a deviation."""
    bits = np.tile([1.0, -1.0, 1.1, -1.1], symbols // 4)
    return np.outer(bits, np.full(eye.POINTS, height))


def test_the_smallest_opening_counts_and_the_worst_lane_is_drawn():
    volts = {(0, 0): lane(0.2), (0, 1): lane(0.1), (1, 0): lane(0.15)}
    found = eyes.measure(eye.Capture(volts, 1.0))
    assert found.height_mv == pytest.approx(200.0)
    assert found.width_ui == pytest.approx(1.0)
    assert [e.title for e in found.eyes] == ["A to B, lane 1", "B to A, lane 0"]
    assert found.worst == {0: 1, 1: 0}
    line = Contour(1e-6, np.zeros(2), np.zeros(2), np.ones(2))
    drawn = found.with_contours({1: (line,)})
    assert [e.contours for e in drawn] == [(), (line,)]
    assert drawn[0].caption == found.eyes[0].caption
    assert drawn[1].caption.endswith("Contours of the model: 1e-06.")


def test_a_dark_lane_closes_the_link_eye():
    volts = {(0, 0): lane(0.2), (0, 1): np.zeros((64, eye.POINTS))}
    found = eyes.measure(eye.Capture(volts, 1.0))
    assert (found.height_mv, found.width_ui) == (0.0, 0.0)
    assert [e.title for e in found.eyes] == ["A to B, lane 0"]
    assert eyes.measure(eye.Capture({}, 1.0)).eyes == ()
