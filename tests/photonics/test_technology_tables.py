"""The tables say what the code says, and the page in the documents holds them."""

import os
from pathlib import Path

from lightloom.photonics import devices, tech, technology_tables
from lightloom.photonics.layer_map import OPEN, LayerMap
from lightloom.spec.base import Frozen

PAGE = Path(__file__).parents[2] / "docs" / "technology.md"
BEGIN = "<!-- The tables below are written by `lightloom technology`; a test compares them. -->\n\n"
RENEW = "LIGHTLOOM_RENEW=1 .venv/bin/pytest tests/photonics/test_technology_tables.py"


def rows(title):
    """Cells of each row of the table below a heading."""
    text = technology_tables.page().split(f"## {title}\n\n")[1].split("\n\n")[0]
    lines = text.strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_page_in_the_documents_is_of_this_code():
    before, marker, tables = PAGE.read_text().partition(BEGIN)
    assert marker
    if os.environ.get("LIGHTLOOM_RENEW") == "1":
        PAGE.write_text(before + BEGIN + technology_tables.page())
        tables = technology_tables.page()
    assert tables == technology_tables.page(), f"docs/technology.md is old; {RENEW}"


def test_every_layer_and_rule_has_its_row():
    assert [row[0] for row in rows("Layers")] == [f"`{name}`" for name in tech.LAYERS]
    named = {row[0].strip("`"): row[1] for row in rows("Design rules")}
    for rule in tech.RULES:
        if rule.kind != "grid":
            assert f"{rule.value_um:g} um" in named[rule.name]


def test_layers_have_the_numbers_of_the_map():
    other = LayerMap(layers={**OPEN.layers, "WG": (30, 7)})
    assert "| `WG` | 1/0 |" in technology_tables.page()
    assert "| `WG` | 30/7 |" in technology_tables.page(other)


def test_every_number_of_both_bands_is_there_with_its_words():
    table = {row[0].strip("`"): row[1:] for row in rows("Numbers of the devices")}
    count = 0
    for part in devices.Numbers.model_fields:
        ours, theirs = getattr(devices.O_BAND, part), getattr(devices.C_BAND, part)
        for field in type(ours).model_fields if isinstance(ours, Frozen) else ():
            shown = table[f"{part}.{field}"]
            for value, cell in zip((ours, theirs), shown, strict=False):
                number = getattr(value, field)
                numbers = number if isinstance(number, tuple) else (number,)
                assert tuple(map(float, cell.split(", "))) == numbers
            assert len(shown[2]) > 5, f"{part}.{field} has no words"
            count += 1
    assert count > 50
    assert count + 2 == len(table)
