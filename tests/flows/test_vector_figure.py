"""Figures as SVG: the same bytes for the same drawing and name, of the size asked for."""

import re

import pytest

from lightloom.flows import vector_figure


def drawn(name, width=4.0):
    figure, place = vector_figure.figure(width, 2.0)
    place.plot([0, 1, 2], [1, 3, 2])
    return vector_figure.as_svg(figure, name)


def test_a_drawing_gives_the_same_file_again():
    assert drawn("one") == drawn("one")
    assert drawn("one") != drawn("other"), "ids on one page must differ"


@pytest.mark.parametrize("width", [3.0, 6.4])
def test_it_has_the_size_asked_for(width):
    size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', drawn("size", width))
    assert size is not None
    assert [float(x) / 72 for x in size.groups()] == pytest.approx([width, 2.0])
