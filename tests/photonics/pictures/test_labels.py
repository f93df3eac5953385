import random
import string

import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from lightloom.photonics.pictures import labels
from lightloom.photonics.pictures.labels import Box, Room


def real_width(text, size, bold):
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return TextPath((0, 0), text, size=size, prop=font).get_extents().x1


@pytest.mark.parametrize("bold", [False, True])
def test_width_is_an_upper_bound_of_the_real_one(bold):
    source = random.Random(random.getrandbits(32))
    letters = string.ascii_letters + string.digits + "_.-,/ \u00b7\u2026\u00d7\u2192\u00b5"
    texts = ["".join(source.choices(letters, k=source.randint(1, 24))) for _ in range(200)]
    texts += ["h0_12", "out63", "gnd21", "pd_in15", "mod0_low", "heater_waveguide", "WWWW", "mmmm"]
    for text in texts:
        assert labels.width(text, 12, bold) >= real_width(text, 12, bold) - 0.2, text
    assert labels.width("h0_12", 12) < 1.35 * real_width("h0_12", 12, False)


def test_box_around_a_text():
    flat, upright = labels.centred("gnd7", 10, 100, 50), labels.centred("gnd7", 10, 100, 50, True)
    assert flat.x2 - flat.x1 == pytest.approx(labels.width("gnd7", 10))
    assert upright.y2 - upright.y1 == pytest.approx(labels.width("gnd7", 10))
    assert (flat.x1 + flat.x2, upright.y1 + upright.y2) == pytest.approx((200, 100))


def test_boxes_meet():
    box = Box(0, 0, 10, 5)
    assert box.meets(Box(9, 4, 20, 20))
    assert not box.meets(Box(10, 0, 20, 5))
    assert box.meets(Box(11, 0, 20, 5), gap=2)
    assert Box(1, 1, 2, 2).inside(box)
    assert not Box(1, 1, 11, 2).inside(box)


def test_room_takes_what_is_free():
    room = Room(Box(0, 0, 100, 100))
    assert room.take(Box(0, 0, 10, 10))
    assert not room.take(Box(5, 5, 20, 20))
    assert not room.take(Box(11, 0, 20, 10), gap=2)
    assert room.take(Box(11, 0, 20, 10), gap=0)
    assert not room.take(Box(95, 0, 105, 10))
    assert len(room.taken) == 2


def test_pitch_and_thin():
    assert labels.pitch([5.0, 1.0, 3.5]) == 1.5
    assert labels.pitch([1.0]) == float("inf")
    assert labels.pitch([0.0, 0.0, 4.0]) == 4.0
    places = [float(i) for i in range(10)]
    assert labels.thin(places, 1.0) == list(range(10))
    assert labels.thin(places, 2.5) == [0, 3, 6, 9]
    assert labels.thin(places[::-1], 2.5) == [0, 3, 6, 9]
    # A dense part loses names, a sparse one none.
    assert labels.thin([0, 1, 2, 3, 10, 20], 2.0) == [0, 2, 4, 5]
    assert labels.thin([], 1.0) == []


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["h0_10", "h0_2", "h0_3", "h0_1"], "h0_1\u2026h0_3, h0_10"),
        (["mod0_low", "mod0_sig", "mod0_up"], "mod0_low/sig/up"),
        (["a", "b"], "a, b"),
        (["pd0_n"], "pd0_n"),
        (["gnd0", "gnd1"], "gnd0, gnd1"),
        (["x1", "x1", "x2", "x3", "x4"], "x1\u2026x4"),
    ],
)
def test_ranges(names, short):
    assert labels.ranges(names) == short


def test_ranges_too_long_to_read_are_told_by_their_numbers_or_counted():
    names = [f"h{i}_{j}" for i in range(9) for j in range(0, 30, 2)]
    assert labels.ranges(names) == "0_0\u20268_28: h"
    lane = [f"{head}0_{i}_{tail}" for i in range(4) for head in ("mod", "heat") for tail in "np"]
    assert labels.ranges(lane) == "0_0\u20260_3: heat, mod"
    assert labels.ranges([*lane, "x"]) == "17 names, heat0_0_n to x"
    one = ["drop0_2_p", "gnd0_2", "heat0_2_p", "mod0_2_n", "mod0_2_p", "pd0_2_n", "pd0_2_p"]
    assert labels.ranges(one, 44) == "0_2: drop, gnd, heat, mod, pd"


def test_stacked_lines_are_apart_and_in_the_middle():
    lines = labels.stack(["mod0_n/p", "gnd0", "heat0_p"], 11, 50, 80)
    assert [text for text, _ in lines] == ["mod0_n/p", "gnd0", "heat0_p"]
    boxes = [box for _, box in lines]
    assert not boxes[0].meets(boxes[1])
    assert not boxes[1].meets(boxes[2])
    whole = labels.around(boxes)
    assert (whole.x1 + whole.x2, whole.y1 + whole.y2) == pytest.approx((100, 160))
    assert all(box.inside(whole) for box in boxes)


def test_wrapped_lines_fit():
    text = " \u00b7 ".join(["12 coupler2x2"] * 9)
    lines = labels.wrapped(text, 300, 12)
    assert " \u00b7 ".join(lines) == text
    assert len(lines) > 1
    assert all(labels.width(line, 12) <= 300 for line in lines)
    assert labels.wrapped("aaa, bbb, ccc", 50, 12, ", ") == ["aaa,", "bbb,", "ccc"]
