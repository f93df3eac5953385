"""Lines that never touch: random pins under random metal, judged by plain region arithmetic."""

import random

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.engine.escape import Escape, Level, Line, Site, Terminal, Width, box
from lightloom.photonics.switch.channel import RoutingError
from lightloom.spec.base import DesignError

PITCH, LANDING = 50.0, 33.0


def sites(columns, rows):
    return tuple(Site((i + 0.5) * PITCH, (j + 0.5) * PITCH) for i in range(columns) for j in rows)


def metal(lines, escape):
    """M1 and M2 of each line with its pad of device metal, as regions."""
    found = []
    for line in lines:
        stub, pieces = line.boxes()
        m1 = kdb.Region(stub)
        for shape in escape.m1.each():
            if shape.inside(kdb.Point(*(round(v * 1000) for v in place(line)))):
                m1.insert(shape)
        m2 = kdb.Region()
        for piece in escape.metal(line, pieces):
            m2.insert(piece)
        found.append((m1.merged(), m2.merged()))
    return found


def place(line):
    return line.terminal.x_um, line.terminal.y_um


def pads(rng, count):
    """Pins on pads of 8 um at random places that do not touch."""
    places = []
    while len(places) < count:
        at = rng.randrange(20, 380, 2), rng.randrange(20, 130, 2)
        if all(max(abs(at[0] - x), abs(at[1] - y)) >= 14 for x, y in places):
            places.append(at)
    return places


@pytest.mark.parametrize("seed", range(8))
def test_lines_keep_their_distance_and_end_at_bumps_of_their_own(seed):
    print("seed", seed)
    rng = random.Random(seed)
    places = pads(rng, 9)
    m1 = kdb.Region([kdb.Polygon(box(x - 4, y - 4, x + 4, y + 4)) for x, y in places]).merged()
    escape = Escape(m1, LANDING, PITCH)
    free = sites(8, range(4))
    terminals = [
        Terminal(f"n{k}", f"n{k}", ("d", f"e{k}"), float(x), float(y), rng.uniform(0, 9), free)
        for k, (x, y) in enumerate(places)
    ]
    lines = escape.solve(terminals)
    assert {line.terminal for line in lines} == set(terminals)
    assert len({line.target for line in lines}) == len(lines)
    shapes = metal(lines, escape)
    for k, (a1, a2) in enumerate(shapes):
        for b1, b2 in shapes[k + 1 :]:
            assert a1.separation_check(b1, 1000).is_empty()
            assert (a1 & b1).is_empty()
            assert a2.separation_check(b2, 2000).is_empty()
            assert (a2 & b2).is_empty()
        # M2 is one piece from over the stub's end to the bump.
        assert a2.count() == 1
        line = lines[k]
        target = kdb.Region(
            box(
                line.target.x_um - 1,
                line.target.y_um - 1,
                line.target.x_um + 1,
                line.target.y_um + 1,
            )
        )
        assert (target - a2).is_empty()
        (via,) = line.vias()
        assert (kdb.Region(via) - a1).is_empty()
        assert (kdb.Region(via) - a2).is_empty()
        pin = kdb.Region(
            box(place(line)[0] - 1, place(line)[1] - 1, place(line)[0], place(line)[1])
        )
        assert (pin - a1).is_empty()


def alone(ma=1.0, targets=None, y=20.0):
    escape = Escape(kdb.Region(box(-6, y - 6, 6, y + 6)), LANDING, PITCH)
    place = targets or (Site(0.0, 100.0),)
    return escape, Terminal("n", "n", ("d", "e1"), 0.0, y, ma, place)


def test_a_bump_straight_above_is_reached_straight():
    escape, terminal = alone()
    (line,) = escape.solve([terminal])
    assert line.at_um == 0.0
    assert line.length_um == 80.0
    expected = tech.SHEET_OHM[tech.M2] * 80.0 / line.width.m2_um + tech.VIA_OHM
    assert line.ohm == pytest.approx(expected)


@pytest.mark.parametrize("ma", [0.5, 4.0, 7.4, 12.1, 30.0, 60.0])
def test_metal_and_vias_bear_the_current(ma):
    for rail in (None, 20.0):
        width = Width.of(ma, "n", LANDING, rail)
        assert width.m2_um * tech.CURRENT_MA_PER_UM[tech.M2] >= ma
        assert width.cuts * tech.CURRENT_MA_PER_VIA >= ma
        if rail is None:
            assert width.m1_um * tech.CURRENT_MA_PER_UM[tech.M1] >= ma


def test_more_current_than_a_landing_is_wide_is_refused():
    escape, terminal = alone(ma=120.0)
    with pytest.raises(DesignError, match=r"net n: 120\.0 mA need a line of 40\.0 um on M2 .* 33"):
        escape.solve([terminal])


def test_what_has_no_way_is_said():
    escape, terminal = alone()
    escape.block(-100.0, 40.0, 100.0, 60.0)
    with pytest.raises(RoutingError, match=r"net n: no way from \(0\.0, 20\.0\) um to one of 1"):
        escape.solve([terminal])


def test_two_nets_that_want_one_bump_are_refused():
    escape, first = alone()
    second = Terminal("m", "m", ("d", "e2"), 60.0, 20.0, 1.0, first.targets)
    with pytest.raises(RoutingError, match=r"nets m, n, \.\.\.: 2 lines do not fit"):
        escape.solve([first, second])


def test_a_line_to_a_rail_ends_on_it_and_other_nets_keep_off():
    escape, terminal = alone(targets=(Level(80.0, 12.0),))
    escape.rail("n", -200.0, 200.0, 80.0, 12.0)
    (line,) = escape.solve([terminal])
    assert isinstance(line, Line)
    on_rail = line.vias()[1]
    assert (on_rail.bottom, on_rail.top) == (74_000, 86_000)
    # A pin on the rail's level has no way out sideways under another net's rail.
    other = Escape(kdb.Region(box(-6, 14, 6, 26)), LANDING, PITCH)
    other.rail("gnd", -200.0, 200.0, 20.0, 12.0)
    blocked = Terminal("n", "n", ("d", "e1"), 0.0, 20.0, 1.0, (Site(0.0, 100.0),))
    with pytest.raises(RoutingError):
        other.solve([blocked])


def test_the_least_length_together_is_found():
    # Each has a bump near; the first choice of one is the only one of the other.
    m1 = kdb.Region([kdb.Polygon(box(x - 4, y - 4, x + 4, y + 4)) for x, y in ((25, 20), (60, 40))])
    escape = Escape(m1, LANDING, PITCH)
    near = (Site(25.0, 75.0), Site(75.0, 75.0))
    first = Terminal("a", "a", ("d", "e1"), 25.0, 20.0, 1.0, near)
    second = Terminal("b", "b", ("d", "e2"), 60.0, 40.0, 1.0, near[:1])
    lines = {line.terminal.net: line for line in escape.solve([first, second])}
    assert lines["b"].target == near[0]
    assert lines["a"].target == near[1]
