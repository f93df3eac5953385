"""Errors are what they should be, recalled figures never count, the text says so."""

import json

import pytest

from lightloom.photonics.reproduction import table
from lightloom.photonics.reproduction.published import Figure, Unmodelled
from lightloom.photonics.reproduction.table import MEANINGS, Row, compare, error_text, shown


def row(made_up, predicted, **figure):
    chip = made_up(figures=(figure,))
    (one,) = compare(chip, {figure["quantity"]: predicted}).rows
    return one


@pytest.mark.parametrize(
    ("quantity", "value", "bound", "predicted", "error", "text"),
    [
        ("loss_bar_db", 14.0, "", 9.0, -5.0, "-5.0 dB"),
        ("width_mm", 10.0, "", 12.5, 25.0, "+25 %"),
        ("crosstalk_db", -35.0, "most", -37.0, 0.0, "inside"),
        ("crosstalk_db", -35.0, "most", -31.0, 4.0, "+4.0 dB"),
        ("power_most_mw", 70.0, "most", 77.0, 10.0, "+10 %"),
        ("power_most_mw", 70.0, "least", 77.0, 0.0, "inside"),
        ("power_most_mw", 70.0, "least", 63.0, -10.0, "-10 %"),
        ("cells", 56.0, "", 56.0, 0.0, "0 %"),
    ],
)
def test_errors(made_up, quantity, value, bound, predicted, error, text):
    one = row(made_up, predicted, quantity=quantity, value=value, mark="read", bound=bound)
    assert one.error == pytest.approx(error)
    assert error_text(one) == text


def test_a_recalled_figure_never_counts(made_up):
    one = row(made_up, 1.0, quantity="loss_bar_db", value=14.0, mark="recalled")
    assert one.error is None
    assert error_text(one) == "not counted"
    assert "recalled" in table.published_text(one)
    chip = made_up(figures=[Figure(quantity="loss_bar_db", value=14.0, mark="recalled")])
    text = table.markdown([compare(chip, {"loss_bar_db": 1.0})], ())
    assert "figures that count" not in text


def test_what_is_published_must_be_predicted(made_up):
    chip = made_up(figures=[Figure(quantity="fibres", value=1.0, mark="read")])
    with pytest.raises(ValueError, match="made-up: fibres published, not predicted"):
        compare(chip, {"cells": 1.0})


def test_what_is_only_predicted_is_shown_too(made_up):
    (one,) = compare(made_up(), {"cells": 6.0}).rows
    assert one == Row("cells", None, "", "", 6.0, None)
    assert error_text(one) == ""


@pytest.mark.parametrize(
    ("quantity", "value", "text"),
    [
        ("loss_bar_db", 8.957, "9.0 dB"),
        ("loss_bar_db", -0.01, "0.0 dB"),
        ("power_mean_mw", 1234.5, "1,230 mW"),
        ("power_mean_mw", 0.0, "0 mW"),
        ("time_us", 0.00407, "0.0041 us"),
        ("time_us", 135.6, "140 us"),
        ("cells", 1024.0, "1,024"),
        ("rate_tbps", 1.024, "1.024 Tb/s"),
        ("transmit_pj_per_bit", 0.10649, "0.106 pJ/bit"),
    ],
)
def test_values_as_text(quantity, value, text):
    assert shown(value, MEANINGS[quantity]) == text


def test_the_page_names_every_chip_figure_and_remark(made_up):
    chip = made_up(
        title="Some switch",
        remarks=("Something to say.",),
        numbers={"heater.p_pi_mw": 11.0},
        figures=[Figure(quantity="loss_bar_db", value=3.0, mark="read")],
    )
    one = compare(chip, {"loss_bar_db": 4.0, "width_mm": 5.0, "power_mean_mw": 7.0})
    missing = Unmodelled(title="Other", source="Else", published="much", why="because")
    text = table.markdown([one], [missing])
    for part in (
        "### Some switch",
        "- Something to say.",
        "`heater.p_pi_mw = 11`",
        "`switch.ports = 4`",
        "| loss on chip, mean, all cells bar | 3.0 dB (read) | 4.0 dB | +1.0 dB |",
        "figures that count: 1; mean error 1.0 dB",
        "| Other; Else | much | because |",
    ):
        assert part in text
    first = text.splitlines()[2]
    assert first.startswith("| Some switch | 3.0 dB (read), 4.0 dB, +1.0 dB |")
    assert "-, 7 mW" in first
    assert "-, 5 mm" in first
    widths = {line.count("|") for line in text.splitlines() if line.startswith("| ")}
    assert widths == {6, 5, 4}
    assert json.loads(json.dumps(one.plain()))["rows"][0]["error"] == 1.0
