"""Pictures of a sweep: lines, a map, zeros on a logarithmic axis, names in place of numbers."""

import itertools
import xml.etree.ElementTree as ET

from lightloom.flows.sweep_plots import picture
from lightloom.flows.sweep_table import Column


def grid(first, second, value):
    pairs = list(itertools.product(first, second))
    return (
        Column("m.z", tuple(value(x, y) for x, y in pairs)),
        [Column("a.x", tuple(x for x, _ in pairs)), Column("b.y", tuple(y for _, y in pairs))],
    )


def words(svg):
    return "|".join(t for t in ET.fromstring(svg).itertext() if t.strip())


def test_a_line_for_each_value_of_the_second_key():
    metric, axes = grid((1.0, 2.0, 3.0), (5, 6), lambda x, y: x * y)
    svg = picture(metric, axes)
    assert picture(metric, axes) == svg
    text = words(svg)
    for word in ("m.z", "a.x", "y = 5", "y = 6"):
        assert word in text


def test_many_lines_are_a_map():
    metric, axes = grid((1.0, 2.0), range(9), lambda x, y: None if y == 3 else x + y)
    svg = picture(metric, axes)
    assert b"QuadMesh" in svg
    assert {"a.x", "b.y"} <= set(words(svg).split("|"))
    # where a key is a name there is no map
    metric, axes = grid((1.0, 2.0), "abcdefghi", lambda x, _: x)
    assert b"QuadMesh" not in picture(metric, axes)


def test_zeros_are_not_drawn_on_a_logarithmic_axis():
    axes = [Column("p", (1, 2, 3, 4))]
    svg = picture(Column("ber", (1e-2, 1e-4, 1e-6, 0.0)), axes)
    assert "1 at zero, not drawn" in words(svg)
    shorter = picture(Column("ber", (1e-2, 1e-4, 1e-6, None)), axes)
    assert svg.count(b"<use") == shorter.count(b"<use")
    assert "not drawn" not in words(picture(Column("v", (3.0, 2.0, 1.0, 0.0)), axes))


def test_names_stand_at_the_axis():
    text = words(picture(Column("e", (5.1, None, 4.0)), [Column("kind", ("mzm", "ring", "eam"))]))
    assert {"mzm", "ring", "eam"} <= set(text.split("|"))
