"""Layer maps: files that are wrong are refused, layouts come back as they were."""

import random

import klayout.db as kdb
import pytest

from lightloom.photonics import layer_map, tech
from lightloom.photonics.checks import drc, extract, lvs
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.layer_map import LayerMap
from lightloom.spec.base import DesignError

FOUNDRY = """
[layers]
WG = [30, 0]      # the number of nothing else
SLAB = [1, 0]     # WG's own number
M1 = [45, 0]      # M1 and M2 exchanged
M2 = [41, 0]
DEVREC = [900, 65535]
"""


@pytest.fixture
def foundry(tmp_path):
    path = tmp_path / "foundry.toml"
    path.write_text(FOUNDRY)
    return layer_map.read(path)


def drawn(layers):
    """Layout with a box on each layer, its width the layer's place in the list."""
    layout = kdb.Layout()
    top = layout.create_cell("top")
    for place, layer in enumerate(layers, 1):
        top.shapes(layout.layer(*layer)).insert(kdb.Box(0, 0, place, 10))
    return layout


def shapes(layout):
    """{(layer, datatype) or name: shapes}."""
    return {
        info.name if info.is_named() else (info.layer, info.datatype): str(
            kdb.Region(layout.top_cell().begin_shapes_rec(layout.layer(info)))
        )
        for info in layout.layer_infos()
    }


def test_a_map_names_some_layers_and_keeps_the_others(foundry):
    assert foundry.number("WG") == (30, 0)
    assert foundry.number("SLAB") == (1, 0)
    assert foundry.number("HEATER") == tech.HEATER
    assert layer_map.read(None) == layer_map.OPEN
    assert all(layer_map.OPEN.number(n) == info.layer for n, info in tech.LAYERS.items())


def test_a_layout_gets_the_numbers_of_the_map_and_its_own_back(foundry):
    own = [info.layer for info in tech.LAYERS.values()]
    layout = drawn(own)
    before = shapes(layout)
    foundry.to_foundry(layout)
    mapped = shapes(layout)
    assert mapped == {foundry.number(name): before[i.layer] for name, i in tech.LAYERS.items()}
    foundry.from_foundry(layout)
    assert shapes(layout) == before


def test_a_map_says_how_its_layers_look(foundry):
    looks = foundry.infos()
    assert list(looks) == list(tech.LAYERS)
    for name, info in looks.items():
        assert info.layer == foundry.number(name)
        assert info._replace(layer=tech.LAYERS[name].layer) == tech.LAYERS[name]


def test_any_permutation_of_numbers_comes_back():
    chance = random.Random(5)
    names = list(tech.LAYERS)
    for _ in range(20):
        numbers = [info.layer for info in tech.LAYERS.values()]
        chance.shuffle(numbers)
        permuted = LayerMap(layers=dict(zip(names, numbers, strict=True)))
        layout = drawn([info.layer for info in tech.LAYERS.values()])
        before = shapes(layout)
        permuted.to_foundry(layout)
        after = shapes(layout)
        assert all(after[permuted.number(n)] == before[tech.LAYERS[n].layer] for n in names)
        permuted.from_foundry(layout)
        assert shapes(layout) == before


def test_a_foreign_layer_is_not_taken_for_one_of_the_technology(foundry):
    # A file of the foundry may use 2/0 for what it likes: to `tech` that is the slab.
    layout = drawn([(30, 0), (2, 0), (777, 7)])
    before = shapes(layout)
    foundry.from_foundry(layout)
    assert shapes(layout) == {
        tech.WG: before[30, 0],
        "2/0": before[2, 0],
        (777, 7): before[777, 7],
    }
    foundry.to_foundry(layout)
    assert shapes(layout) == before


def test_named_layers_are_left_alone(foundry):
    layout = drawn([tech.WG])
    layout.layer(kdb.LayerInfo("notes"))
    layout.layer(kdb.LayerInfo("1/2/3"))
    foundry.to_foundry(layout)
    assert {i.name for i in layout.layer_infos() if i.is_named()} == {"notes", "1/2/3"}


@pytest.mark.parametrize("suffix", ["gds", "oas"])
def test_a_mapped_chip_comes_back_identical_and_clean(switch_files, foundry, tmp_path, suffix):
    path, netlist = switch_files
    layout = kdb.Layout()
    layout.read(str(path))
    plain = tmp_path / f"plain.{suffix}"
    layout.write(str(plain))
    foundry.to_foundry(layout)
    written = tmp_path / f"mapped.{suffix}"
    layout.write(str(written))

    # As it is, the file has waveguides where the slab should be: not clean for the open numbers.
    with pytest.raises(DesignError, match="no device"):
        lvs.check(written, netlist)
    back = kdb.Layout()
    back.read(str(written))
    assert {(i.layer, i.datatype) for i in back.layer_infos()} >= {(30, 0), (900, 65535)}
    foundry.from_foundry(back)
    original = kdb.Layout()
    original.read(str(plain))
    assert kdb.LayoutDiff().compare(original, back, kdb.LayoutDiff.Verbose)
    checked = Chip(back, "back")
    assert drc.check_chip(checked).counts() == {}
    assert lvs.check_extraction(extract.extract_chip(checked), netlist).counts() == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[layers]\nWG = [1", "not TOML"),
        ("WG = [1, 0]", "WG; allowed: one table [layers]"),
        ("", "no table; allowed: one table [layers]"),
        ("layers = 3", "no table; allowed: one table [layers]"),
        ("[layers]\n[more]", "more; allowed: one table [layers]"),
        ("[layers]\nwaveguide = [1, 0]", "layers.waveguide: allowed: DICE, UNDERCUT, SLAB, WG, N"),
        ("[layers]\nwg = [1, 0]", "layers.wg: did you mean WG? allowed: DICE"),
        ("[layers]\nWG = 1", "layers.WG = 1; allowed: two whole numbers of 0 to 65535"),
        ("[layers]\nWG = [1]", "layers.WG = [1]; allowed: two"),
        ("[layers]\nWG = [1, 0, 0]", "layers.WG = [1, 0, 0]; allowed: two"),
        ("[layers]\nWG = [1.0, 0]", "layers.WG = [1.0, 0]; allowed: two"),
        ("[layers]\nWG = [true, 0]", "layers.WG = [True, 0]; allowed: two"),
        ("[layers]\nWG = [-1, 0]", "layers.WG = [-1, 0]; allowed: two"),
        ("[layers]\nWG = [1, 65536]", "layers.WG = [1, 65536]; allowed: two"),
        ("[layers]\nWG = '1/0'", "layers.WG = '1/0'; allowed: two"),
        ("[layers]\nWG = [7, 0]\nWG = [8, 0]", "not TOML"),
        (
            "[layers]\nWG = [7, 0]\nM1 = [7, 0]",
            "layers.WG = [7, 0] is also M1; allowed: one layer a number",
        ),
        (
            "[layers]\nWG = [2, 0]",
            "layers.WG = [2, 0] is also SLAB, which keeps its number; allowed: one layer a number",
        ),
    ],
)
def test_a_bad_map_is_one_line_that_names_file_layer_and_value(tmp_path, text, words):
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(DesignError) as caught:
        layer_map.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DesignError, match=r"none\.toml: cannot be read: No such file"):
        layer_map.read(tmp_path / "none.toml")
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DesignError, match=r"x\.toml: not TOML"):
        layer_map.read(tmp_path / "x.toml")
    (tmp_path / "big.toml").write_text("#" * (layer_map.MAX_BYTES + 1))
    with pytest.raises(DesignError, match=r"big\.toml: 65537 bytes; allowed: at most 65536"):
        layer_map.read(tmp_path / "big.toml")
