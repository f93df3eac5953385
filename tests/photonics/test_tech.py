"""The technology is plain data that is right in itself, and needs no layout tool."""

import subprocess
import sys
from collections import Counter

import pytest

from lightloom.photonics import tech
from lightloom.photonics.devices import BANDS


def test_layers_are_told_apart():
    assert Counter(info.layer for info in tech.LAYERS.values()).most_common(1)[0][1] == 1
    assert Counter(info.colour for info in tech.LAYERS.values()).most_common(1)[0][1] <= 2


def test_constants_carry_the_number_of_their_layer():
    for name, info in tech.LAYERS.items():
        assert getattr(tech, name) == info.layer
        assert name == name.upper()


def test_rule_names_are_unique_and_say_what_they_ask():
    names = [rule.name for rule in tech.RULES]
    assert len(set(names)) == len(names)
    for rule in tech.RULES:
        assert f"{rule.value_um:g} um" in rule.text
        assert rule.name.split(".")[0] in rule.text
        assert (rule.other is not None) == (rule.kind in ("enclosure", "separation"))


def test_every_mask_layer_has_width_space_and_grid_rules():
    kinds = {(rule.layer, rule.kind) for rule in tech.RULES}
    others = [tech.LABEL, tech.TEXT, tech.DEVREC, tech.PIN]
    assert [i for i in tech.LAYERS.values() if i.layer not in others] == list(tech.MASKS)
    for info in tech.MASKS:
        assert (info.layer, "grid") in kinds
        if info.name != "DICE":
            assert {(info.layer, "width"), (info.layer, "space")} <= kinds


SECTIONS = [
    pytest.param(section, id=f"{section.name}-{numbers.band}")
    for numbers in BANDS.values()
    for section in tech.cross_sections(numbers.wire_width_um).values()
]


@pytest.mark.parametrize("section", SECTIONS)
def test_cross_sections_are_on_the_grid(section):
    for _, low, high in section.strips:
        assert low < high
        for edge in (low, high):
            assert abs(edge / tech.DBU_UM - round(edge / tech.DBU_UM)) < 1e-6


def test_every_cut_is_enclosed_by_what_it_joins():
    rules = {(r.layer, r.other) for r in tech.RULES if r.kind == "enclosure"}
    for metal, cut in ((b, a) if b in tech.METALS else (a, b) for a, b in tech.JOINS):
        assert (metal, cut) in rules
    for metal in tech.LANDINGS:
        assert {(metal, tech.PAD), (metal, tech.BUMP)} <= rules


def test_thicker_metal_has_less_resistance_and_bears_more_current():
    assert list(tech.CURRENT_MA_PER_UM) == list(tech.METALS)
    for tables in zip(tech.METALS, tech.METALS[1:], strict=False):
        lower, upper = tables
        assert tech.SHEET_OHM[upper] < tech.SHEET_OHM[lower]
        assert tech.CURRENT_MA_PER_UM[upper] > tech.CURRENT_MA_PER_UM[lower]
    # Both follow from one thickness: a metal's resistivity and limit of current density.
    # Aluminium films have 2.7 to 4 uohm cm.
    for metal, thickness_um in zip(tech.METALS, (0.5, 1.5, 3.0), strict=True):
        assert 0.027 <= tech.SHEET_OHM[metal] * thickness_um <= 0.04
        assert tech.CURRENT_MA_PER_UM[metal] == pytest.approx(2.0 * thickness_um)


def test_light_modules_do_not_load_the_layout_tool():
    code = (
        "import sys; import lightloom.photonics, lightloom.photonics.tech, "
        "lightloom.photonics.devices, lightloom.photonics.switch.channel; "
        "sys.exit('gdsfactory' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
