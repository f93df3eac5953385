"""Pages escape what they are given and know no undefined names."""

import pytest
from jinja2 import UndefinedError

from lightloom.flows import pages


def test_names_are_escaped():
    page = pages.environment().from_string("{{ name }}").render(name="<b>")
    assert page == "&lt;b&gt;"


def test_an_undefined_name_is_an_error():
    with pytest.raises(UndefinedError, match="'absent' is undefined"):
        pages.environment().from_string("{{ absent }}").render()
