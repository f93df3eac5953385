import klayout.db as kdb
import pytest

from lightloom.photonics.checks import locate


def box(x0, y0, x1, y1):
    return kdb.Polygon(kdb.Box(x0, y0, x1, y1))


def merged(*polygons):
    return list(kdb.Region(list(polygons)).merged().each())


def at(x, y, layer="M2"):
    return layer, kdb.Point(x, y)


# Two L-shaped routes side by side, as long as a chip; the pads are at their ends.
ROUTES = [
    box(0, 0, 100_000, 2_000),
    box(98_000, 0, 100_000, 50_000),
    box(0, 10_000, 90_000, 12_000),
    box(88_000, 10_000, 90_000, 50_000),
]
GROUPS = {
    "a": [at(0, 1_000), at(99_000, 50_000)],
    "b": [at(0, 11_000), at(89_000, 50_000)],
}


@pytest.mark.parametrize(
    "bad",
    [
        box(30_000, 1_000, 33_000, 11_000),
        box(89_000, 30_000, 99_000, 31_500),
        box(500, 2_000, 1_500, 10_000),
    ],
)
def test_bridge_is_the_piece_that_was_added(bad):
    ((first, second, piece),) = locate.bridges({"M2": merged(*ROUTES, bad)}, [], GROUPS)
    assert (first, second) == ("a", "b")
    assert (piece.bbox().center() - bad.bbox().center()).length() < 3_000


def test_every_bridge_of_a_net_is_found_once():
    third = box(0, 20_000, 70_000, 22_000)
    bad = box(30_000, 1_000, 33_000, 11_000), box(50_000, 11_000, 52_000, 21_000)
    groups = {**GROUPS, "c": [at(0, 21_000), at(70_000, 21_000)]}
    found = locate.bridges({"M2": merged(*ROUTES, third, *bad)}, [], groups)
    assert [pair[:2] for pair in found] == [("a", "b"), ("b", "c")]
    for (_, _, piece), made in zip(found, bad, strict=True):
        assert (piece.bbox().center() - made.bbox().center()).length() < 2_000


@pytest.mark.parametrize("slant", [0, 13])
def test_crossing_of_two_wires_is_found_at_the_crossing(slant):
    one = kdb.Polygon(
        [kdb.Point(*p) for p in ((0, 0), (0, 450), (100_000, 450 + slant), (100_000, slant))]
    )
    shapes = {"WG": merged(one, box(9_000, -40_000, 9_450, 7_000))}
    groups = {
        "a": [at(0, 225, "WG"), at(100_000, 225, "WG")],
        "b": [at(9_225, -40_000, "WG"), at(9_225, 7_000, "WG")],
    }
    ((_, _, piece),) = locate.bridges(shapes, [], groups)
    assert (piece.bbox().center() - kdb.Point(9_225, 225)).length() < 300


def test_short_through_a_stray_via():
    shapes = {
        "M1": [box(0, 0, 50_000, 2_000)],
        "VIA": [box(20_500, 500, 21_500, 1_500)],
        "M2": [box(20_000, -30_000, 22_000, 30_000)],
    }
    groups = {
        "a": [at(0, 1_000, "M1"), at(50_000, 1_000, "M1")],
        "b": [at(21_000, -30_000), at(21_000, 30_000)],
    }
    ((_, _, piece),) = locate.bridges(shapes, [("M1", "VIA"), ("VIA", "M2")], groups)
    assert piece == box(20_500, 500, 21_500, 1_500)


def test_no_bridge_between_separate_nets():
    assert locate.bridges({"M2": merged(*ROUTES)}, [], GROUPS) == []


def test_gap_of_a_cut():
    first = {"M2": [box(0, 0, 40_000, 2_000)]}
    second = {"M2": [box(41_000, 0, 90_000, 2_000), box(88_000, 0, 90_000, 90_000)]}
    assert locate.gap([first, second], 5_000) == pytest.approx((40_500, 1_000), abs=1_100)


def test_gap_of_a_missing_via_is_where_the_layers_cross():
    first = {"M1": [box(0, 0, 40_000, 2_000)]}
    second = {"M2": [box(38_000, 0, 40_000, 90_000)]}
    x, y = locate.gap([first, second], 5_000)
    assert (x, y) == pytest.approx((39_000, 1_000), abs=1_500)


def test_far_end_of_a_bent_strip():
    strip = merged(box(0, 0, 100_000, 450), box(99_550, 0, 100_000, 60_000))[0]
    end = locate.far_end(strip, kdb.Point(0, 225))
    assert (end - kdb.Point(99_775, 60_000)).length() < 500
