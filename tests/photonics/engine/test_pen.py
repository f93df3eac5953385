"""The pen goes where it says, in every direction, and the netlist knows how far it went."""

import itertools

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells.coupler import coupler2x2
from lightloom.photonics.cells.photodiode import photodiode
from lightloom.photonics.cells.ring_filter import ring_filter
from lightloom.photonics.engine.pen import EAST, NORTH, SOUTH, WEST, Pen, put

COUNT = itertools.count()


def assembly():
    return Assembly(f"pen{next(COUNT)}")


def pen(heading, chip=None):
    return Pen(chip or assembly(), ("a", "o1"), kdb.Point(0, 0), heading)


@pytest.mark.parametrize("heading", [EAST, NORTH, WEST, SOUTH])
def test_a_square_comes_back_to_where_it_began(heading):
    for left in (True, False):
        one = pen(heading)
        for _ in range(4):
            one.forward(30.0)
            one.turn(left, 20.0)
        assert (one.at, one.heading) == (kdb.Point(0, 0), heading)


@pytest.mark.parametrize(
    ("heading", "east", "north"),
    [(EAST, 60.0, 10.0), (NORTH, -10.0, 60.0), (WEST, -60.0, -10.0), (SOUTH, 10.0, -60.0)],
)
def test_an_s_bend_moves_to_the_left(heading, east, north):
    one = pen(heading)
    one.shift(10.0, 60.0)
    assert (one.x_um, one.y_um) == (pytest.approx(east), pytest.approx(north))
    assert one.length_um > 60.8


@pytest.mark.parametrize("heading", [EAST, NORTH, WEST, SOUTH])
def test_what_is_drawn_is_one_strip_of_the_length_that_is_noted(heading, regions):
    one = pen(heading)
    one.forward(12.345)
    one.turn(True, 15.0)
    one.forward(7.0)
    one.turn(False, 20.0)
    one.shift(-8.0, 50.0)
    (strip,) = regions(one.assembly.component)[tech.WG].each()
    assert strip.area() * 1e-6 / tech.WIRE_WIDTH == pytest.approx(one.length_um, abs=0.05)


@pytest.mark.parametrize("heading", [EAST, NORTH, WEST, SOUTH])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("port", ["o1", "o2", "o3", "o4"])
def test_a_device_meets_the_pen_at_the_port_asked_for(heading, mirror, port):
    for cell in (coupler2x2(gap=0.3, length=0.0), ring_filter()):
        one = pen(heading)
        one.forward(25.0)
        at = one.at
        placed = one.device(cell, "d", port, mirror)
        back = placed.leave(port)
        assert (back.at, back.heading) == (at, (heading + 2) % 4)
        (wire,) = one.assembly.netlist.nets.values()
        assert (wire.pins, wire.length_um) == ([("a", "o1"), ("d", port)], 25.0)
        # The instance is noted at the middle of what is drawn.
        box = kdb.Region(
            one.assembly.component.kdb_cell.begin_shapes_rec(
                one.assembly.component.kcl.layer(*tech.DEVREC)
            )
        ).bbox()
        noted = one.assembly.netlist.instances["d"]
        assert (noted.x_um, noted.y_um) == pytest.approx(
            (box.center().x * tech.DBU_UM, box.center().y * tech.DBU_UM), abs=1e-3
        )


def test_mirroring_exchanges_left_and_right():
    for mirror, side in ((False, 1), (True, -1)):
        one = pen(EAST)
        placed = one.device(coupler2x2(gap=0.3, length=0.0), "d", "o1", mirror)
        assert placed.point("o3")[1] == pytest.approx(side * 40.0)


def test_pens_meet_face_to_face_and_lengths_add():
    chip = assembly()
    here, there = pen(EAST, chip), put(chip, photodiode(), "pd", kdb.Point(90_000, 0), EAST)
    here.forward(40.0)
    back = there.leave("o1")
    back.forward_to(40.0)
    here.meet(back)
    (wire,) = chip.netlist.nets.values()
    assert (wire.pins, wire.length_um) == ([("a", "o1"), ("pd", "o1")], 90.0)
    with pytest.raises(ValueError, match="do not meet"):
        here.meet(pen(EAST, chip))
    aside = pen(WEST, chip)
    with pytest.raises(ValueError, match="do not meet"):
        here.meet(aside)


def test_a_wire_does_not_run_back():
    one = pen(WEST)
    one.forward_to(-10.0)
    with pytest.raises(ValueError, match=r"cannot run back by 5\.0 um"):
        one.forward_to(-5.0)


def test_a_pen_of_a_part_goes_on_on_the_chip():
    part, chip = pen(NORTH), assembly()
    part.forward(10.0)
    moved = part.moved(chip, ("b", "o2"), 100.0, -50.0)
    assert (moved.x_um, moved.y_um, moved.heading) == (100.0, -40.0, NORTH)
    assert (moved.pin, moved.length_um, moved.assembly) == (("b", "o2"), 10.0, chip)
