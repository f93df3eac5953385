"""Headers of generated files."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightloom.photonics.export import header


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(value):
    assert float(header.number(value)) == value


def test_every_line_is_a_comment_and_short(ring):
    text = header.block("//", "Title.", ("long " * 60, "short."), ring)
    assert all(line.startswith("//") for line in text.splitlines())
    assert all(line == line.rstrip() for line in text.splitlines())
    assert max(map(len, text.splitlines())) <= header.WIDTH + 3
    assert text.count("long") == 60


def test_flags_are_numbers(ring):
    assert header.values(ring.model_copy(update={"overcoupled": True}))["overcoupled"] == 1.0
    assert all(math.isfinite(value) for value in header.values(ring).values())


@pytest.mark.parametrize("digests", [{}, {"engine.gds": "0123456789abcdef0123"}])
def test_the_source_names_design_and_digests(digests):
    said = header.provenance("mine", digests)
    assert "design mine" in said
    assert said.endswith(".")
    assert all(f"{name} {value[:16]}" in said for name, value in digests.items())
