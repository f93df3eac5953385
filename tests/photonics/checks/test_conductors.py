"""Metals, cuts and bumps: what joins what."""

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.checks import conductors
from lightloom.photonics.checks.chip import Chip

UM = 1000


def chip(shapes):
    """Layout of {layer: [box corners in um]}."""
    layout = kdb.Layout()
    top = layout.create_cell("top")
    for layer, boxes in shapes.items():
        for corners in boxes:
            top.shapes(layout.layer(*layer)).insert(kdb.DBox(*corners))
    return Chip(layout, "test.gds")


def nets(shapes, **pads):
    """Which labels are joined, and which are nowhere."""
    at = [(name, kdb.Point(round(x * UM), round(y * UM))) for name, (x, y) in pads.items()]
    drawn = chip(shapes)
    stack, layers = conductors.stack(drawn)
    found, nowhere, _ = conductors.extract(
        stack, conductors.joins(), tech.NAMES[tech.M1], layers, [], at, drawn.dbu
    )
    groups = sorted(sorted(t.label for t in net.terminals) for net in found)
    return groups, [t.label for t in nowhere]


LEFT, RIGHT, BOTH = (0, 0, 20, 20), (80, 0, 100, 20), (0, 0, 100, 20)
ENDS = {"a": (10, 10), "b": (90, 10)}


@pytest.mark.parametrize("metal", tech.METALS)
def test_metal_joins_where_it_touches(metal):
    assert nets({metal: [BOTH]}, **ENDS) == ([["a", "b"]], [])
    assert nets({metal: [LEFT, RIGHT]}, **ENDS) == ([["a"], ["b"]], [])
    assert nets({metal: [LEFT]}, **ENDS) == ([["a"]], ["b"])


@pytest.mark.parametrize(
    ("lower", "cut", "upper"), [(tech.M1, tech.VIA, tech.M2), (tech.M2, tech.VIA2, tech.M3)]
)
def test_metals_join_only_through_their_cut(lower, cut, upper):
    crossing = {upper: [LEFT, RIGHT], lower: [BOTH]}
    assert nets(crossing, **ENDS) == ([["a"], ["b"]], [])
    cuts = [(8, 8, 11, 11), (88, 8, 91, 11)]
    assert nets({**crossing, cut: cuts}, **ENDS) == ([["a", "b"]], [])
    other = tech.VIA2 if cut == tech.VIA else tech.VIA
    assert nets({**crossing, other: cuts}, **ENDS) == ([["a"], ["b"]], [])


def test_a_bump_joins_the_top_metal_beneath_it_and_no_other():
    bumps = {tech.BUMP: [(2, 2, 18, 18), (82, 2, 98, 18)]}
    assert nets({**bumps, tech.M2: [BOTH]}, **ENDS) == ([["a", "b"]], [])
    assert nets({**bumps, tech.M3: [BOTH]}, **ENDS) == ([["a", "b"]], [])
    # A line of M2 beneath two bumps on M3 is apart from both.
    apart = {**bumps, tech.M3: [LEFT, RIGHT], tech.M2: [(0, 8, 100, 12)]}
    assert nets(apart, **ENDS) == ([["a"], ["b"]], [])
    stack, _ = conductors.stack(chip(apart))
    assert stack["BUMP on M3"].count() == 2
    assert stack["BUMP on M2"].is_empty()


def test_a_bump_on_no_metal_is_nowhere():
    assert nets({tech.BUMP: [(2, 2, 18, 18)], tech.M1: [BOTH]}, a=(10, 10)) == ([["a"]], [])
    assert nets({tech.BUMP: [(2, 2, 18, 18)], tech.M2: [RIGHT]}, a=(10, 10)) == ([], ["a"])
