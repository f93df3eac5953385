"""The shape of strips against what it is in closed form."""

import math

import klayout.db as kdb
import numpy as np
import pytest

from lightloom.photonics.checks import strips

DBU = 0.001


def outline(points):
    return kdb.Polygon([kdb.Point(round(x * 1000), round(y * 1000)) for x, y in points])


def arc(radius, width=0.42, turn=90.0, dent=(None, 0.0)):
    """Strip around a circle through the origin, with one corner of its inner side moved outwards.

    Chords stay within half a grid step of the arc.
    """
    count = math.ceil(math.radians(turn) / math.sqrt(8 * 0.0005 / (radius + width / 2)))
    sides = []
    for r in (radius + width / 2, radius - width / 2):
        side = []
        for k in range(count + 1):
            a = math.radians(turn) * k / count
            rim = r + (dent[1] if r < radius and k == dent[0] else 0.0)
            side.append((rim * math.sin(a), radius - rim * math.cos(a)))
        sides.append(side)
    points = sides[0] + sides[1][::-1]
    ends = (
        (outline(points[:1] + points[-1:] + points[:1]), points[0], points[-1]),
        (None, points[count], points[count + 1]),
    )
    facets = [
        tuple(kdb.Point(round(x * 1000), round(y * 1000)) for x, y in end[1:]) for end in ends
    ]
    return outline(points), facets


@pytest.mark.parametrize("radius", [5.0, 10.0, 23.7, 100.0])
@pytest.mark.parametrize("turn", [30.0, 90.0, 170.0])
def test_width_radius_and_kinks_of_an_arc(radius, turn):
    strip, facets = arc(radius, turn=turn)
    shape = strips.shape(strip, *facets)
    assert shape is not None
    assert shape.width_low == pytest.approx(420.0, abs=1.5)
    assert shape.width_high == pytest.approx(420.0, abs=1.5)
    if radius * math.radians(turn) > 4.0:
        assert shape.radius == pytest.approx(radius * 1000, rel=0.12)
    assert strips.faults(shape, 420.0, DBU) == []
    assert strips.length(strip, 420.0) == pytest.approx(1000 * radius * math.radians(turn), abs=2.5)


@pytest.mark.parametrize("dent", [0.004, -0.004, 0.05, -0.05])
def test_a_dent_is_found_where_it_is(dent):
    strip, facets = arc(20.0, dent=(40, dent))
    shape = strips.shape(strip, *facets)
    found = strips.faults(shape, 420.0, DBU)
    assert found
    spot = shape.wide if dent < 0 else shape.narrow
    count = math.ceil(math.radians(90) / math.sqrt(8 * 0.0005 / 20.21))
    a = math.radians(90) * 40 / count
    x, y = 19790 * math.sin(a), 20000 - 19790 * math.cos(a)
    assert math.hypot(spot.x - x, spot.y - y) < 300
    extreme = shape.width_high if dent < 0 else shape.width_low
    assert extreme == pytest.approx(420.0 - 1000 * dent, abs=2.0)


@pytest.mark.parametrize("step", [1, 2, -3])
def test_a_step_of_a_grid_unit_is_a_kink(step):
    points = [(0, 0), (0, 420), (5000, 420), (5000, 420 + step)]
    points += [(9000, 420 + step), (9000, step), (5000, step), (5000, 0)]
    strip = kdb.Polygon([kdb.Point(*p) for p in points])
    ends = (
        (kdb.Point(0, 0), kdb.Point(0, 420)),
        (kdb.Point(9000, step), kdb.Point(9000, 420 + step)),
    )
    shape = strips.shape(strip, *ends)
    assert shape.kink_deg == pytest.approx(90.0)
    (text, at), *_ = [f for f in strips.faults(shape, 420.0, DBU) if "at once" in f[0]]
    assert text == "turns by 90.0 degrees at once"
    assert abs(at.x - 5000) <= 1


def test_a_bend_that_is_too_tight_has_its_radius():
    strip, facets = arc(3.0)
    (text, _), *_ = strips.faults(strips.shape(strip, *facets), 420.0, DBU)
    assert text.startswith("bends with radius 3.")
    assert text.endswith("allowed: 5 um or more")


def test_a_facet_that_is_not_square_is_a_kink():
    points = [(0, 0), (100, 420), (9000, 420), (9000, 0)]
    strip = kdb.Polygon([kdb.Point(*p) for p in points])
    facets = ((kdb.Point(0, 0), kdb.Point(100, 420)), (kdb.Point(9000, 0), kdb.Point(9000, 420)))
    shape = strips.shape(strip, *facets)
    assert shape.kink_deg == pytest.approx(math.degrees(math.atan2(100, 420)), abs=0.1)


def test_what_is_no_strip_has_no_shape():
    box = kdb.Polygon(kdb.Box(0, 0, 9000, 420))
    left, right = (kdb.Point(0, 0), kdb.Point(0, 420)), (kdb.Point(9000, 0), kdb.Point(9000, 420))
    assert strips.shape(box, left, right) is not None
    assert strips.shape(box, left, left) is None
    assert strips.shape(box, left, (kdb.Point(9000, 0), kdb.Point(9000, 400))) is None
    (ring,) = (
        kdb.Region(kdb.Box(0, 0, 9000, 9000)) - kdb.Region(kdb.Box(420, 420, 8580, 8580))
    ).each()
    assert strips.shape(ring, left, right) is None


def test_random_offset_curves_keep_their_width():
    """Strips around curves of random curvature: the two sides keep step whatever the bends."""
    rng = np.random.default_rng(7)
    for _ in range(20):
        count = 400
        curvature = np.convolve(rng.normal(size=count), np.hanning(60), "same") * 0.01
        curvature = np.clip(curvature, -0.15, 0.15)
        heading = np.concatenate([[0.0], np.cumsum(curvature * 0.25)])
        x = np.concatenate([[0.0], np.cumsum(0.25 * np.cos(heading[:-1] + curvature * 0.125))])
        y = np.concatenate([[0.0], np.cumsum(0.25 * np.sin(heading[:-1] + curvature * 0.125))])
        normal = np.stack([-np.sin(heading), np.cos(heading)], axis=1) * 0.21
        centre = np.stack([x, y], axis=1)
        left, right = centre + normal, centre - normal
        points = [tuple(p) for p in np.concatenate([left, right[::-1]])]
        strip = outline(points)
        grid = [kdb.Point(round(a * 1000), round(b * 1000)) for a, b in points]
        shape = strips.shape(strip, (grid[0], grid[-1]), (grid[count], grid[count + 1]))
        assert shape is not None
        assert 420 - 3 < shape.width_low <= shape.width_high < 420 + 3
