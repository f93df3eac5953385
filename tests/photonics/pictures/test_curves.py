import re
from itertools import pairwise

import pytest

from lightloom.photonics.pictures.curves import Curve


def numbers(path):
    return [float(text) for text in re.findall(r"-?\d+\.\d", path)]


def test_level_ends_are_joined_straight():
    assert Curve(0, 10, True, 50, 10, False).path() == "M0.0 10.0H50.0"


def test_a_bend_leaves_and_enters_level():
    path = Curve(0, 10, True, 100, 40, False).path()
    assert path == "M0.0 10.0C50.0 10.0 50.0 40.0 100.0 40.0"


def test_a_line_that_turns_back_goes_round_the_farther_end():
    path = Curve(300, 10, True, 80, 50, True).path()
    assert path == "M300.0 10.0C316.0 10.0 316.0 50.0 300.0 50.0H80.0"
    path = Curve(80, 50, True, 300, 10, True).path()
    assert path == "M80.0 50.0H300.0C316.0 50.0 316.0 10.0 300.0 10.0"
    path = Curve(80, 50, False, 300, 10, False).path()
    assert path == "M80.0 50.0C64.0 50.0 64.0 10.0 80.0 10.0H300.0"


@pytest.mark.parametrize(
    "curve",
    [
        Curve(0, 10, True, 50, 10, False),
        Curve(0, 10, True, 100, 40, False),
        Curve(300, 10, True, 80, 50, True),
        Curve(80, 50, False, 300, 10, False),
    ],
)
def test_boxes_hold_the_line(curve):
    boxes = list(curve.boxes(margin=0.5))
    for x, y in ((curve.x1, curve.y1), (curve.x2, curve.y2)):
        assert any(b.x1 <= x <= b.x2 and b.y1 <= y <= b.y2 for b in boxes)
    # One after the other without a gap, and small.
    for first, second in pairwise(boxes):
        assert first.meets(second)
    given = numbers(curve.path())
    if "C" in curve.path():
        start = curve.path().index("C")
        before, bend = numbers(curve.path()[:start]), numbers(curve.path()[start:])[:6]
        x0, y0 = (before[-1], before[1]) if "H" in curve.path()[:start] else before[:2]
        for k in range(21):
            t = k / 20
            w = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            x = w[0] * x0 + w[1] * bend[0] + w[2] * bend[2] + w[3] * bend[4]
            y = w[0] * y0 + w[1] * bend[1] + w[2] * bend[3] + w[3] * bend[5]
            assert any(
                b.x1 - 0.5 <= x <= b.x2 + 0.5 and b.y1 - 0.5 <= y <= b.y2 + 0.5 for b in boxes
            )
    assert len(given) >= 3
