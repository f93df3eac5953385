"""Rows of contacts: as few as fit, lines pass between them, nothing overlaps."""

import itertools
import random

import pytest

from lightloom.photonics.switch.channel import RoutingError
from lightloom.photonics.switch.contacts import ROWS_MAX, contact, rows

LINE, CLEAR = 8.0, 6.0


def places(found, wide):
    row, steps = found.arrange(wide)
    return row, [0.0, *itertools.accumulate(steps)]


@pytest.mark.parametrize("kind", ["pads", "bumps"])
@pytest.mark.parametrize("seed", range(8))
def test_no_contact_overlaps_another_or_a_passing_line(kind, seed):
    rng = random.Random(seed)
    wide = [rng.choice([0.0, 0.0, 0.0, 30.0, 120.0]) for _ in range(40)]
    room = rng.choice([1300.0, 2600.0, 4000.0, 9000.0])
    try:
        found = rows(kind, [wide], room, LINE, CLEAR)
    except RoutingError:
        return
    row, x = places(found, wide)
    assert x[-1] <= room
    half = found.contact.landing_um / 2
    for a, b in itertools.combinations(range(len(wide)), 2):
        apart = abs(x[a] - x[b])
        if row[a] == row[b]:
            assert apart >= 2 * half + found.contact.space_um - 1e-9
        else:
            inner, outer = (a, b) if row[a] < row[b] else (b, a)
            line = LINE + wide[outer]
            assert apart >= half + CLEAR + line / 2 - 1e-9, (inner, outer)


def test_as_few_rows_as_fit():
    count = [0.0] * 41
    assert rows("pads", [count], 4400.0, LINE, CLEAR).count == 1
    assert rows("pads", [count], 4399.0, LINE, CLEAR).count == 2
    assert rows("pads", [count], 2199.0, LINE, CLEAR).count == 3
    with pytest.raises(RoutingError, match=r"41 pads in 3 rows need \d+ um; allowed: 1500 um"):
        rows("pads", [count], 1500.0, LINE, CLEAR)


def test_the_fuller_edge_decides():
    assert rows("bumps", [[0.0] * 3, [0.0] * 41], 1500.0, LINE, CLEAR).count == 2


def test_rows_lie_inside_the_height_they_say():
    for count in range(1, ROWS_MAX + 1):
        found = rows("pads", [[0.0] * 10], {1: 990.0, 2: 495.0, 3: 470.0}[count], LINE, CLEAR)
        assert found.count == count
        half = 2000.0
        middles = [found.middle_um(row, half) for row in range(count)]
        assert middles == sorted(middles)
        assert middles[-1] == half - 20.0 - 40.0
        assert middles[0] - 40.0 == pytest.approx(half - found.height_um)


@pytest.mark.parametrize("metal", [2, 3])
def test_contacts_come_on_both_top_metals(metal):
    for kind, landing in (("pads", 80.0), ("bumps", 33.0)):
        one = contact(kind, metal)
        assert one.landing_um == landing
        assert one.cell.dxsize == pytest.approx(landing)
