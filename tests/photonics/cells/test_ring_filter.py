import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.cells.ring_filter import reach_um, ring_filter


@pytest.mark.parametrize(
    ("radius", "straight", "gap", "drop_gap"),
    [(5.0, 0.0, 0.15, 0.15), (6.123, 3.444, 0.15, 0.2), (28.001, 0.0, 0.187, 0.25)],
)
def test_gaps_and_lengths_are_those_asked_for(radius, straight, gap, drop_gap, regions):
    cell = ring_filter(radius=radius, straight=straight, gap=gap, drop_gap=drop_gap)
    guides = list(regions(cell)[tech.WG].each())
    (ring,) = (guide for guide in guides if guide.holes())
    low, high = sorted((g for g in guides if not g.holes()), key=lambda g: g.bbox().bottom)
    box = ring.bbox()
    assert box.bottom - low.bbox().top == round(gap * 1000)
    assert high.bbox().bottom - box.top == round(drop_gap * 1000)
    assert box.height() == round((2 * radius + tech.WIRE_WIDTH) * 1000)
    assert box.width() - box.height() == round(straight * 1000)
    for bus in (low, high):
        assert bus.bbox().width() == round(2 * reach_um(radius, straight) * 1000)


def test_film_covers_the_upper_half_of_the_ring_and_no_lead_its_bus(regions):
    shapes = regions(ring_filter())
    ring = next(g for g in shapes[tech.WG].each() if g.holes())
    box = ring.bbox()
    upper = kdb.Region(ring) & kdb.Region(kdb.Box(box.left, box.center().y, box.right, box.top))
    assert (upper - shapes[tech.HEATER]).is_empty()
    contacts = shapes[tech.VIAH]
    assert contacts.count() == 2
    assert (contacts.sized(1000) & shapes[tech.WG]).is_empty()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gap": 0.1}, r"gap = 0\.1 um; allowed: 0\.15 um or more"),
        ({"drop_gap": 0.1}, r"drop_gap = 0\.1 um; allowed: 0\.15 um or more"),
        ({"radius": 4.0}, r"radius = 4\.0 um; allowed: 5\.0 um or more"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ring_filter(**arguments)
