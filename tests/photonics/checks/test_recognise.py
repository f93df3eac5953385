"""Recognition marks: what makes a device and its pins, wherever in the hierarchy they are."""

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.checks import recognise
from lightloom.photonics.checks.chip import Chip

BOX = kdb.Box(0, -2000, 10_000, 2000)
PIN = kdb.Box(0, -210, 50, 210)


def text(string, x, y):
    return kdb.Text(string, kdb.Trans(x, y))


def chip(devrec=(), pin=()):
    layout = kdb.Layout()
    top = layout.create_cell("top")
    for layer, shapes in ((tech.DEVREC, devrec), (tech.PIN, pin)):
        for shape in shapes:
            top.shapes(layout.layer(*layer)).insert(shape)
    return Chip(layout, "x")


def messages(devrec, pin):
    return [f.message for f in recognise.devices(chip(devrec, pin))[1]]


MARKED = (BOX, text("device=terminator", 5000, 0))
PINNED = (PIN, text("o1", 0, 0))


def test_a_marked_device_with_its_pin():
    (device,), wrong = recognise.devices(chip(MARKED, PINNED))
    assert wrong == []
    assert (device.name, device.type) == ("terminator_0", "terminator")
    port = device.ports["o1"]
    assert port.point == kdb.Point(0, 0)
    assert port.normal == pytest.approx((-1.0, 0.0))
    assert port.width == 420
    assert {p.y for p in port.facet} == {-210, 210}
    assert {p.x for p in port.facet} == {0}


def test_a_pin_inside_has_no_facet():
    inside = (kdb.Box(4000, -2, 4004, 2), text("o2", 4002, 0))
    (device,), wrong = recognise.devices(chip(MARKED, (*PINNED, *inside)))
    assert wrong == []
    assert device.ports["o2"].facet is None


@pytest.mark.parametrize(
    ("devrec", "pin", "message"),
    [
        (MARKED, (*PINNED, kdb.Box(900, 0, 950, 420)), "PIN shape without a text"),
        (MARKED, (*PINNED, kdb.Box(20_000, 0, 20_050, 420)), "PIN shape without a text"),
        (MARKED, (text("o1", 0, 0),), "pin o1 has no PIN shape"),
        ((*MARKED, text("device=eam", 50_000, 0)), PINNED, "'device=eam' is not on a DEVREC shape"),
        ((*MARKED, text("device=eam", 9000, 0)), PINNED, "in a DEVREC shape; allowed: one"),
        ((BOX, text("device=Bad-Name", 5000, 0)), (), "allowed: one, device=<type>"),
    ],
)
def test_marks_that_do_not_belong(devrec, pin, message):
    assert any(message in found for found in messages(devrec, pin))


@pytest.mark.parametrize(
    ("kind", "outline", "good"),
    [
        ("crossing", [(-13, 0), (0, 13), (13, 0), (0, -13)], True),
        ("crossing", [(-13, 0), (0, 13), (14, 0), (0, -13)], False),
        ("crossing", [(-9, -9), (-9, 9), (9, 9), (9, -9)], True),
        ("terminator", [(-13, 0), (0, 13), (13, 0), (0, -13)], False),
        ("terminator", [(0, 0), (0, 9), (9, 9), (9, 4), (5, 0)], False),
    ],
)
def test_outlines_are_boxes_but_for_those_on_their_corner(kind, outline, good):
    polygon = kdb.Polygon([kdb.Point(1000 * x, 1000 * y) for x, y in outline])
    found = messages((polygon, text(f"device={kind}", 1000, 1000)), ())
    assert (found == []) == good
    assert good or found == [f"{kind}: its outline is no box"]


def test_hierarchy_says_nothing():
    """Box, text and pin in three cells, placed by a fourth and turned, are one device."""
    layout = kdb.Layout()
    cells = {name: layout.create_cell(name) for name in ("top", "box", "text", "pin")}
    cells["box"].shapes(layout.layer(*tech.DEVREC)).insert(BOX)
    cells["text"].shapes(layout.layer(*tech.DEVREC)).insert(MARKED[1])
    for shape in PINNED:
        cells["pin"].shapes(layout.layer(*tech.PIN)).insert(shape)
    turn = kdb.Trans(1, True, 70_000, 30_000)
    for name in ("box", "text", "pin"):
        cells["top"].insert(kdb.CellInstArray(cells[name].cell_index(), turn))
    (device,), wrong = recognise.devices(Chip(layout, "x"))
    assert wrong == []
    assert device.outline.bbox() == turn * BOX
    assert device.ports["o1"].point == turn * kdb.Point(0, 0)
    x, y = device.ports["o1"].normal
    outwards = turn * kdb.Vector(-1, 0)
    assert (x, y) == pytest.approx((outwards.x, outwards.y))


def test_an_index_answers_like_a_search_of_all():
    import random

    rng = random.Random(5)
    boxes = []
    for _ in range(300):
        x, y = rng.randrange(10_000), rng.randrange(10_000)
        boxes.append(kdb.Polygon(kdb.Box(x, y, x + rng.randrange(900), y + rng.randrange(900))))
    index = recognise.Index(boxes)
    for _ in range(200):
        x, y = rng.randrange(10_000), rng.randrange(10_000)
        spot = kdb.Box(x - 5, y - 5, x + 5, y + 5)
        expected = [i for i, polygon in enumerate(boxes) if polygon.bbox().touches(spot)]
        assert list(index.at(kdb.Point(x, y), 5)) == expected
