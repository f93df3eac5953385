"""The reproduction table: complete, and the page in the docs holds it as the command makes it."""

import json
import re
from pathlib import Path

import pytest

from lightloom.flows import reproduce
from lightloom.flows.progress import Reporter
from lightloom.photonics.reproduction.published import load

PAGE = Path(__file__).parents[2] / "docs" / "reproduction.md"
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("reproduce") / "out"
    assert reproduce.run(out, Reporter(-1)) == 0
    return out


def apart(one, other):
    """Places where two texts differ by more than the rounding of a number."""
    found = []
    for line, (a, b) in enumerate(zip(one.splitlines(), other.splitlines(), strict=False), 1):
        if NUMBER.sub("#", a) != NUMBER.sub("#", b):
            found.append((line, a, b))
            continue
        for x, y in zip(NUMBER.findall(a), NUMBER.findall(b), strict=True):
            digits = len(x.partition(".")[2])
            step = 10.0**-digits
            if digits == 0 and abs(float(x.replace(",", ""))) > 100:
                step = 10.0  # three significant digits
            difference = abs(float(x.replace(",", "")) - float(y.replace(",", "")))
            if difference > 1.01 * step:
                found.append((line, x, y))
    if len(one.splitlines()) != len(other.splitlines()):
        found.append(("lines", len(one.splitlines()), len(other.splitlines())))
    return found


def test_the_page_holds_the_table_of_the_command(made):
    _, marker, table = PAGE.read_text().partition("<!-- lightloom reproduce -->\n")
    assert marker, "docs/reproduction.md has no table"
    text = (made / "reproduction.md").read_text()
    assert apart(table, text) == [], "put reproduction.md of `lightloom reproduce` on the page"


def test_other_numbers_and_other_words_are_seen():
    assert apart("a 1.0 dB", "a 1.1 dB") == []
    assert apart("a 1.0 dB", "a 1.3 dB")
    assert apart("a 14.0", "b 14.0")
    assert apart("a\nb", "a")


def test_every_chip_and_figure_is_in_the_json_and_the_metrics(made):
    data = json.loads((made / "reproduction.json").read_text())
    metrics = json.loads((made / "metrics.json").read_text())
    known = load()
    assert [chip["name"] for chip in data["chips"]] == [chip.name for chip in known.chip]
    assert len(data["unmodelled"]) == len(known.unmodelled)
    assert metrics["reproduce.chips"] == len(known.chip) >= 6
    for chip in known.chip:
        for figure in chip.figures:
            key = f"reproduce.{chip.name}.{figure.quantity}"
            assert isinstance(metrics[key], float | int)
            assert (metrics[f"{key}_error"] is None) == (figure.mark == "recalled")


def test_switches_have_loss_crosstalk_power_and_size(made):
    data = json.loads((made / "reproduction.json").read_text())
    for chip in data["chips"]:
        if chip["kind"] == "switch":
            predicted = {row["quantity"]: row["predicted"] for row in chip["rows"]}
            assert predicted["loss_mean_db"] > 0
            assert predicted["crosstalk_db"] < 0
            assert predicted["power_mean_mw"] > 0
            assert predicted["width_mm"] > predicted["height_mm"] > 0
            # what the budget leaves out is the crosstalk that takes light from a path
            assert sum(chip["budget_db"].values()) == pytest.approx(
                predicted["loss_mean_db"], abs=0.12 * predicted["loss_mean_db"]
            )


def test_the_run_names_what_it_compared_with(made):
    described = json.loads((made / "run.json").read_text())
    assert described["command"] == "reproduce"
    assert [item["file"] for item in described["inputs"]] == ["published.toml"]
