"""The file of published figures is complete, and what it says is used."""

import pytest
from pydantic import ValidationError

from lightloom.photonics.devices import O_BAND
from lightloom.photonics.reproduction.published import load
from lightloom.photonics.reproduction.table import MEANINGS


def test_the_chips_asked_for_are_there(chips):
    assert len(chips) >= 6
    sjtu = {figure.quantity: figure for figure in chips["sjtu-16"].figures}
    assert sjtu["cells"].value == 56
    assert (sjtu["loss_cross_db"].value, sjtu["loss_bar_db"].value) == (6.7, 14.0)
    assert (sjtu["width_mm"].value, sjtu["height_mm"].value) == (10.7, 4.4)
    assert all(figure.mark == "read" for figure in sjtu.values())
    assert any("Columbia" in chip.title for chip in load().unmodelled)


def test_every_chip_has_sources_figures_and_remarks(chips):
    for chip in chips.values():
        assert chip.source
        assert chip.figures
        assert chip.remarks
        quantities = [figure.quantity for figure in chip.figures]
        assert len(set(quantities)) == len(quantities)
        assert set(quantities) <= set(MEANINGS)


def test_every_design_is_one(chips):
    for chip in chips.values():
        design = chip.made()
        assert design.name == chip.name
        for key, value in chip.design.items():
            section, _, name = key.partition(".")
            assert getattr(getattr(design, section), name) == value


def test_own_numbers_replace_defaults(made_up):
    own = made_up(numbers={"heater.p_pi_mw": 11.0}).with_own()
    assert own.heater.p_pi_mw == 11.0
    assert own.heater.tau_us == O_BAND.heater.tau_us
    assert made_up().with_own() == O_BAND


@pytest.mark.parametrize("key", ["heater.p_pie", "oven.p_pi_mw", "heater"])
def test_a_number_that_does_not_exist_is_refused(made_up, key):
    with pytest.raises(ValueError, match=f"made-up: numbers.{key}; allowed"):
        made_up(numbers={key: 1.0}).with_own()


@pytest.mark.parametrize(
    "figure",
    [
        {"quantity": "beauty", "value": 1.0, "mark": "read"},
        {"quantity": "cells", "value": 1.0, "mark": "guessed"},
        {"quantity": "cells", "value": 1.0},
    ],
)
def test_a_figure_needs_quantity_and_mark(made_up, figure):
    with pytest.raises(ValidationError):
        made_up(figures=(figure,))
