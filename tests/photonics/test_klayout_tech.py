"""The files for KLayout load and say what `tech` says; the script finds what DRC finds."""

import os
import random
import re
import shutil
import subprocess
from collections import Counter

import klayout.db as kdb
import klayout.lay as lay
import klayout.rdb as rdb
import pytest

from lightloom.photonics import klayout_tech, tech
from lightloom.photonics.checks import drc
from lightloom.photonics.layer_map import OPEN, LayerMap

NAMES = [rule.name for rule in tech.RULES] + [name for name, _ in drc.FILE_RULES]
FOUNDRY = LayerMap(
    layers={name: (1000 + i, i % 3) for i, name in enumerate(tech.LAYERS)},
)


@pytest.fixture(scope="module", params=[OPEN, FOUNDRY], ids=["open", "foundry"])
def files(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("klayout")
    written = klayout_tech.write(directory, request.param)
    assert [path.name for path in written] == ["lightloom.lyt", "lightloom.lyp", "lightloom.drc"]
    assert sorted(directory.iterdir()) == sorted(written)
    return directory, request.param


def loaded(directory):
    technology = kdb.Technology()
    technology.load(str(directory / "lightloom.lyt"))
    return technology


def test_the_technology_loads(files):
    directory, _ = files
    technology = loaded(directory)
    assert (technology.name, technology.dbu) == ("lightloom", tech.DBU_UM)
    assert technology.eff_layer_properties_file() == str(directory / "lightloom.lyp")
    (stack,) = technology.component("connectivity").each()
    joins = [(c.layer_a(), c.via_layer(), c.layer_b()) for c in stack.each_connection()]
    assert joins == [
        ("M1", "VIA", "M2"), ("M2", "VIA2", "M3"), ("M3", "", "BUMP_M3"), ("M2", "", "BUMP_M2"),
    ]  # fmt: skip


def test_files_say_nothing_of_where_they_were_made(files, tmp_path):
    directory, layers = files
    klayout_tech.write(tmp_path, layers)
    for path in directory.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()
        assert str(directory) not in path.read_text()


def test_layer_colours_load_with_the_numbers_of_the_map(files):
    directory, layers = files
    view = lay.LayoutView()
    view.load_layer_props(str(directory / "lightloom.lyp"))
    shown = {node.name: node for node in view.each_layer()}
    assert list(shown) == list(tech.LAYERS)
    for name, node in shown.items():
        assert (node.source_layer, node.source_datatype) == layers.number(name)
        assert node.fill_color & 0xFFFFFF == int(tech.LAYERS[name].colour[1:], 16)


def trace(technology, layout, layer, at):
    """Merged shapes by layer of the net at a place, by KLayout's own net tracer.

    What an expression of two layers covers has no layer of its own: None.
    """
    tracer = kdb.NetTracer()
    tracer.trace(
        next(iter(technology.component("connectivity").each())),
        layout,
        layout.top_cell(),
        at,
        layout.layer(*layer),
    )
    found = {}
    for element in tracer.each_element():
        info = layout.get_info(element.layer())
        drawn = (info.layer, info.datatype) if info.layer >= 0 else None
        region = found.setdefault(drawn, kdb.Region())
        region.insert(element.shape().polygon.transformed(element.trans()))
    return {layer: region.merged() for layer, region in found.items()}


def test_the_net_tracer_follows_the_metal_stack(files):
    directory, layers = files
    layout = kdb.Layout()
    top = layout.create_cell("top")

    def draw(name, *corners):
        top.shapes(layout.layer(*layers.number(name))).insert(kdb.DBox(*corners))

    draw("M1", 0, 0, 100, 10)
    draw("VIA", 94, 4, 96, 6)
    draw("M2", 90, 0, 200, 10)
    draw("VIA2", 190, 4, 193, 7)
    draw("M3", 185, 0, 300, 10)
    draw("BUMP", 280, 1, 298, 9)
    draw("M2", 250, 2, 400, 8)  # beneath the bump that is on M3: another net
    draw("BUMP", 380, 1, 398, 9)
    draw("M1", 130, 0, 160, 10)  # beneath M2 without a cut
    technology = loaded(directory)
    net = trace(technology, layout, layers.number("M1"), kdb.Point(5_000, 5_000))
    assert net[layers.number("M1")].bbox() == kdb.Box(0, 0, 100_000, 10_000)
    assert net[layers.number("M2")].bbox() == kdb.Box(90_000, 0, 200_000, 10_000)
    assert net[layers.number("M3")].bbox() == kdb.Box(185_000, 0, 300_000, 10_000)
    assert net[layers.number("BUMP")].bbox() == kdb.Box(280_000, 1_000, 298_000, 9_000)
    other = trace(technology, layout, layers.number("M2"), kdb.Point(300_000, 5_000))
    assert set(other) == {layers.number("M2"), None}
    assert other[None].bbox() == kdb.Box(380_000, 1_000, 398_000, 9_000)
    assert other[layers.number("M2")].bbox() == kdb.Box(250_000, 2_000, 400_000, 8_000)


def test_the_script_has_every_rule_once_with_the_numbers_of_the_map():
    open_deck, foundry_deck = klayout_tech.deck(), klayout_tech.deck(FOUNDRY)
    for text, layers in ((open_deck, OPEN), (foundry_deck, FOUNDRY)):
        assert re.findall(r"output\('([^']+)'", text) == NAMES
        inputs = re.findall(r"^(\w+) = input\((\d+), (\d+)\)$", text, re.MULTILINE)
        assert [(n.upper(), (int(a), int(b))) for n, a, b in inputs] == [
            (info.name, layers.number(info.name)) for info in tech.MASKS
        ]
    assert len(open_deck.splitlines()) == len(foundry_deck.splitlines())


# The script in the KLayout application -----------------------------------------------------------

WHOLE = dict(drc.FILE_RULES)
APPLICATION = shutil.which("klayout")


def in_application(test):
    """Needs the application, and seconds."""
    reason = "the klayout application is not installed"
    return pytest.mark.slow(pytest.mark.skipif(APPLICATION is None, reason=reason)(test))


def by_script(gds, directory, layers=OPEN):
    """(rule, box of the mark) of each finding of the script, run by the application.

    Rules about the file as a whole have no box.
    """
    script, report = directory / "lightloom.drc", directory / "report.lyrdb"
    script.write_text(klayout_tech.deck(layers))
    arguments = ["-b", "-r", script, "-rd", f"input={gds}", "-rd", f"report={report}"]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "KLAYOUT_HOME": str(directory)}
    done = subprocess.run(
        [APPLICATION, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    database = rdb.ReportDatabase("script")
    database.load(str(report))
    assert [c.name() for c in database.each_category()] == NAMES
    found = Counter()
    for item in database.each_item():
        rule = database.category_by_id(item.category_id()).name()
        for value in item.each_value():
            found[rule, "" if rule in WHOLE else str(value.polygon().bbox())] += 1
    return found


def by_checker(gds):
    found = Counter()
    for finding in drc.check(gds).findings:
        box = kdb.DPolygon([kdb.DPoint(*p) for p in finding.polygon]).bbox()
        found[finding.rule, "" if finding.rule in WHOLE else str(box)] += 1
    return found


def rules(findings):
    return Counter(rule for rule, _ in findings.elements())


def breaks(rule):
    """Shapes of {layer: box corners in um} that break a rule by a step of the grid."""
    v = rule.value_um
    short = v - tech.DBU_UM
    if rule.kind == "width":
        return {rule.layer: [(0, 0, 100, short)]}
    if rule.kind == "space":
        return {rule.layer: [(0, 0, 100, 100), (100 + short, 0, 300, 100)]}
    if rule.kind == "separation":
        return {rule.layer: [(0, 0, 100, 100)], rule.other: [(100 + short, 0, 200, 100)]}
    if rule.kind == "enclosure":
        return {rule.other: [(0, 0, 100, 100)], rule.layer: [(-short, -v, 100 + v, 100 + v)]}
    assert rule.kind == "die"
    return {rule.layer: [(short, 50, 150, 150)]}


@in_application
def test_script_finds_nothing_on_a_clean_chip(switch_files, tmp_path):
    gds, _ = switch_files
    assert by_checker(gds) == Counter()
    assert by_script(gds, tmp_path) == Counter()


@in_application
def test_script_knows_the_numbers_of_a_layer_map(switch_files, tmp_path):
    gds, _ = switch_files
    layout = kdb.Layout()
    layout.read(str(gds))
    # One line of the second metal too narrow, in the foundry's numbers.
    layout.top_cell().shapes(layout.layer(*tech.M2)).insert(kdb.Box(-9000, 0, -8000, 50_000))
    plain, mapped = tmp_path / "plain.gds", tmp_path / "mapped.gds"
    layout.write(str(plain))
    FOUNDRY.to_foundry(layout)
    layout.write(str(mapped))
    found = by_script(mapped, tmp_path, FOUNDRY)
    assert found == by_checker(plain)
    assert set(rules(found)) == {"M2.width", "M2.die"}


@in_application
def test_script_finds_every_rule_that_is_broken(tmp_path):
    """Each rule but the grid is broken in a place of its own."""
    layout = kdb.Layout()
    top = layout.create_cell("top")
    top.shapes(layout.layer(*tech.DICE)).insert(kdb.DBox(0, 0, 90_000, 500))
    for place, rule in enumerate(r for r in tech.RULES if r.kind != "grid"):
        # Rules of the die are broken at its edge, the others far from it and from one another.
        x, y = (1000.0 * (place + 1), 200.0) if rule.kind != "die" else (0.0, 1000.0 + place)
        for layer, boxes in breaks(rule).items():
            for x1, y1, x2, y2 in boxes:
                box = kdb.DBox(x + x1, y + y1, x + x2, y + y2)
                top.shapes(layout.layer(*layer)).insert(box)
    gds = tmp_path / "broken.gds"
    layout.write(str(gds))
    found = by_script(gds, tmp_path)
    assert found == by_checker(gds)
    assert set(rules(found)) == {rule.name for rule in tech.RULES if rule.kind != "grid"}


@in_application
@pytest.mark.parametrize(
    ("dice", "rules_found"),
    [
        ([(0, 0, 90, 90)], set()),
        ([], {"DICE"}),
        ([(0, 0, 90, 90), (200, 0, 290, 90)], {"DICE"}),
        ([(0, 0, 90, 90), (10, 10, 100, 100)], {"DICE"}),
    ],
)
def test_script_knows_the_rules_about_a_file(tmp_path, dice, rules_found):
    layout = kdb.Layout()
    top = layout.create_cell("top")
    for corners in dice:
        top.shapes(layout.layer(*tech.DICE)).insert(kdb.DBox(*corners))
    top.shapes(layout.layer(*tech.WG)).insert(kdb.DBox(10, 10, 50, 10.42))
    top.shapes(layout.layer(*tech.LABEL)).insert(kdb.Text("in0", kdb.Trans(10_000, 10_000)))
    for layer in ((3, 0), (777, 7)):
        top.shapes(layout.layer(*layer)).insert(kdb.DBox(10, 10, 11, 11))
    gds = tmp_path / "file.gds"
    layout.write(str(gds))
    found = by_script(gds, tmp_path)
    assert found == by_checker(gds)
    assert found["LAYER", ""] == 2
    assert set(rules(found)) == {"LAYER"} | rules_found


@in_application
def test_script_finds_vertices_off_the_grid(tmp_path):
    layout = kdb.Layout()
    layout.dbu = tech.DBU_UM / 10
    top = layout.create_cell("top")
    for place, info in enumerate(tech.MASKS):
        corners = [(0, 0), (0, 900_004), (900_000, 900_000), (900_000, 0)]
        shifted = [kdb.Point(x + 5_000_000 * place, y) for x, y in corners]
        top.shapes(layout.layer(*info.layer)).insert(kdb.Polygon(shifted))
    gds = tmp_path / "off.gds"
    layout.write(str(gds))
    found = by_script(gds, tmp_path)
    assert found == by_checker(gds)
    assert {r for r in rules(found) if r.endswith(".grid")} == {
        f"{i.name}.grid" for i in tech.MASKS
    }


@in_application
@pytest.mark.parametrize("seed", range(3))
def test_script_and_checker_find_the_same_in_a_spoilt_chip(switch_files, tmp_path, seed):
    gds, _ = switch_files
    chance = random.Random(seed)
    layout = kdb.Layout()
    layout.read(str(gds))
    layout.top_cell().flatten(-1, True)
    for _ in range(300):
        _spoil(layout, chance)
    spoilt = tmp_path / "spoilt.gds"
    layout.write(str(spoilt))
    found = by_script(spoilt, tmp_path)
    assert found == by_checker(spoilt)
    assert len(rules(found)) > 20


def _spoil(layout, chance):
    """Add or cut a box on some mask, most often at one of its shapes."""
    layer = layout.layer(*chance.choice(tech.MASKS[1:]).layer)
    shapes, where = layout.top_cell().shapes(layer), layout.top_cell().bbox()
    drawn = [shape for shape in shapes.each() if not shape.is_text()]
    if drawn and chance.random() < 0.8:
        where = chance.choice(drawn).bbox()
    x, y = chance.randint(where.left, where.right), chance.randint(where.bottom, where.top)
    width = chance.choice([100, 500, 1500, 3000, 50_000])
    height = chance.choice([100, 800, 2500, 50_000])
    box = kdb.Box(x, y, x + width, y + height)
    if chance.random() < 0.6:
        shapes.insert(box)
        return
    left = kdb.Region([shape.polygon for shape in drawn]) - kdb.Region(box)
    for shape in drawn:
        shape.delete()
    shapes.insert(left)
