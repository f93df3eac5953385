import math
import re

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.cells.coupler import coupler2x2
from lightloom.photonics.cells.crossing import crossing
from lightloom.photonics.cells.eam import eam
from lightloom.photonics.cells.edge_coupler import edge_coupler
from lightloom.photonics.cells.grating_coupler import grating_coupler
from lightloom.photonics.cells.heater import heater_waveguide
from lightloom.photonics.cells.mzm import mzm
from lightloom.photonics.cells.photodiode import photodiode
from lightloom.photonics.cells.pin_waveguide import pin_waveguide
from lightloom.photonics.cells.ring_filter import ring_filter
from lightloom.photonics.cells.ring_modulator import ring_modulator
from lightloom.photonics.cells.splitter import splitter1x2
from lightloom.photonics.cells.terminator import terminator
from lightloom.photonics.checks import extract
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.checks.lvs_devices import EXACT, TOLERANCE
from lightloom.photonics.checks.verdict import Finding, Verdict, order
from lightloom.photonics.devices import C_BAND
from lightloom.spec.base import DesignError

UM = 1000


def layout_of(component, path, trans):
    """The component alone in a chip, turned."""
    component.write_gds(path)
    layout = kdb.Layout()
    layout.read(str(path))
    inner = layout.top_cell()
    top = layout.create_cell("chip")
    top.insert(kdb.CellInstArray(inner.cell_index(), trans))
    return layout


def say(layout, *texts):
    """Write on the die outline."""
    for text in texts:
        at = layout.layer(*tech.DICE)
        layout.top_cell().shapes(at).insert(kdb.Text(text, kdb.Trans(5 * UM, 7 * UM)))


CELLS = [
    (coupler2x2, {}),
    (coupler2x2, {"gap": 0.251, "length": 7.5}),
    (coupler2x2, {"gap": 0.35, "length": 40.0}),
    (crossing, {}),
    (heater_waveguide, {}),
    (heater_waveguide, {"length": 123.456, "undercut": True}),
    (edge_coupler, {}),
    (ring_modulator, {}),
    (ring_modulator, {"radius": 7.5, "gap": 0.18}),
    (mzm, {"length": 500.0}),
    (eam, {}),
    (photodiode, {}),
    (pin_waveguide, {}),
    (pin_waveguide, {"length": 251.5}),
    (grating_coupler, {}),
    (grating_coupler, {"period": 0.62, "periods": 18, "fill": 0.6}),
    (terminator, {}),
    (splitter1x2, {}),
    (ring_filter, {}),
    (ring_filter, {"radius": 5.5, "straight": 0.0, "gap": 0.17, "drop_gap": 0.2}),
]


C_CELLS = [(cell, {**settings, "width": C_BAND.wire_width_um}) for cell, settings in CELLS]


@pytest.mark.parametrize("trans", [kdb.Trans.R0, kdb.Trans.R90, kdb.Trans.M0, kdb.Trans.M135])
@pytest.mark.parametrize(("cell", "settings"), CELLS + C_CELLS)
def test_measured_parameters_are_the_drawn_ones(tmp_path, cell, settings, trans):
    component = cell(**settings)
    layout = layout_of(component, tmp_path / "c.gds", trans)
    if "width" in settings:
        say(layout, "band=C")
    found = extract.extract_chip(Chip(layout, "c"))
    assert [str(f) for f in found.findings] == []
    (instance,) = found.netlist.instances.values()
    info = dict(component.info)
    assert instance.type == info["type"]
    drawn = {k.split(".")[1]: v for k, v in info.items() if k.startswith("parameter.")}
    assert set(instance.parameters) == set(drawn)
    for key, value in drawn.items():
        # As closely as LVS compares them.
        absolute, relative = TOLERANCE.get(f"{instance.type}.{key}", EXACT)
        limit = absolute + relative * abs(value)
        assert instance.parameters[key] == pytest.approx(value, abs=limit), key


@pytest.mark.parametrize(
    ("texts", "band", "wrong"),
    [
        ([], "O", []),
        (["band=O"], "O", []),
        (["band=C"], "C", []),
        (["band=C", "band=C", "a name"], "C", []),
        (["band=C", "band=O"], "C", ["'band=O'"]),
        (["band=L"], "O", ["'band=L'"]),
        (["band=L", "band=C"], "C", ["'band=L'"]),
        (["band="], "O", ["'band='"]),
        (["band=" + "x" * 100], "O", ["'band=" + "x" * 35 + "'"]),
    ],
)
def test_a_layout_says_its_band(tmp_path, texts, band, wrong):
    layout = layout_of(coupler2x2(), tmp_path / "c.gds", kdb.Trans.R0)
    say(layout, *texts)
    found = extract.extract_chip(Chip(layout, "c"))
    assert found.netlist.band == band
    assert [str(f) for f in found.findings] == [
        f"BAND at (5.000, 7.000) um: {text} on DICE; allowed: one text band=O or band=C"
        for text in wrong
    ]


def test_a_coupler_is_measured_with_the_numbers_of_its_band(tmp_path):
    lengths = []
    for texts in ((), ("band=C",)):
        layout = layout_of(coupler2x2(length=10.0), tmp_path / "c.gds", kdb.Trans.R0)
        say(layout, *texts)
        (instance,) = extract.extract_chip(Chip(layout, "c")).netlist.instances.values()
        lengths.append(instance.parameters["length_um"])
    assert lengths[0] == pytest.approx(10.0, abs=0.003)
    assert abs(lengths[1] - 10.0) > 1.0  # O-band bends are another length of parallel C-band strip


def arc_wire(radius, steps, width=0.42):
    """Quarter turn between two marked ends, drawn with chords on the grid."""
    layout = kdb.Layout()
    top = layout.create_cell("top")
    half = width / 2
    angles = [math.pi / 2 * i / steps for i in range(steps + 1)]
    rims = [
        [(r * math.sin(a), radius - r * math.cos(a)) for a in angles]
        for r in (radius - half, radius + half)
    ]
    points = [kdb.Point(round(x * UM), round(y * UM)) for x, y in rims[0] + rims[1][::-1]]
    top.shapes(layout.layer(*tech.WG)).insert(kdb.Polygon(points))
    w = round(half * UM)
    r = round(radius * UM)
    for box, at, name in (
        (kdb.Box(-5 * UM, -2 * UM, 0, 2 * UM), kdb.Point(0, 0), "o1"),
        (kdb.Box(r - 2 * UM, r, r + 2 * UM, r + 5 * UM), kdb.Point(r, r), "o2"),
    ):
        marks, pins = top.shapes(layout.layer(*tech.DEVREC)), top.shapes(layout.layer(*tech.PIN))
        marks.insert(box)
        marks.insert(kdb.Text(f"device=end_{name}", kdb.Trans(box.center().x, box.center().y)))
        if name == "o1":
            pins.insert(kdb.Box(at.x - 50, at.y - w, at.x, at.y + w))
            wg = kdb.Box(box.left, -w, 0, w)
        else:
            pins.insert(kdb.Box(at.x - w, at.y, at.x + w, at.y + 50))
            wg = kdb.Box(at.x - w, at.y, at.x + w, box.top)
        top.shapes(layout.layer(*tech.WG)).insert(wg)
        pins.insert(kdb.Text(name, kdb.Trans(at.x, at.y)))
    return layout


@pytest.mark.parametrize(("radius", "steps"), [(5.0, 60), (20.0, 120), (100.0, 270)])
def test_length_of_an_arc_is_exact_to_the_bound_that_is_stated(radius, steps):
    found = extract.extract_chip(Chip(arc_wire(radius, steps), "arc"))
    (wire,) = found.netlist.nets.values()
    length = math.pi / 2 * radius
    sagitta = radius * (1 - math.cos(math.pi / 4 / steps))
    bound = length * sagitta / (3 * radius) * 1.2 + 0.0007  # chords, then rounding
    assert abs(wire.length_um - length) < bound < 0.002
    assert wire.width_um == pytest.approx(0.42, abs=0.0005)


def test_unknown_devices_are_findings():
    found = extract.extract_chip(Chip(arc_wire(5.0, 60), "arc"))
    assert sum("unknown type; allowed: coupler2x2" in f.message for f in found.findings) == 2


def build(**marks):
    """A chip with one device box and what the test adds: layer name -> shapes."""
    layout = kdb.Layout()
    top = layout.create_cell("top")
    for name, shapes in marks.items():
        for shape in shapes:
            top.shapes(layout.layer(*getattr(tech, name))).insert(shape)
    return Chip(layout, "made")


def text(string, x, y):
    return kdb.Text(string, kdb.Trans(x, y))


BOX = kdb.Box(0, 0, 10_000, 4_000)
NAMED = [BOX, text("device=crossing", 5_000, 2_000)]


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ({"DEVREC": [BOX]}, r"texts \[\] in a DEVREC shape; allowed: one, device=<type>"),
        ({"DEVREC": [BOX, text("crossing", 50, 50)]}, r"texts \['crossing'\] in a DEVREC"),
        ({"DEVREC": NAMED, "PIN": [text("q1", 0, 2_000)]}, "pin text 'q1'; allowed: o1, o2"),
        ({"DEVREC": NAMED, "PIN": [text("o1", -900, 2_000)]}, "pin o1 is not on a DEVREC shape"),
        ({"DEVREC": NAMED, "PIN": [text("o1", 0, 2_000)]}, "pin o1 has no PIN shape"),
        (
            {
                "DEVREC": NAMED,
                "PIN": [kdb.Box(0, 1_790, 50, 2_210), text("o1", 0, 2_000), text("o1", 0, 2_001)],
            },
            "two pins o1 on one crossing",
        ),
        ({"DEVREC": NAMED}, r"pins \[\]; allowed: \['o1', 'o2', 'o3', 'o4'\]"),
        ({"DEVREC": [*NAMED, BOX.moved(9_000, 0), text("device=mzm", 15_000, 900)]}, "overlap"),
        ({"DEVREC": NAMED, "LABEL": [text("a b", 0, 0)]}, "label 'a b'; allowed: a name"),
        ({"DEVREC": NAMED, "LABEL": [text("h0", 5, 5)]}, "no metal at h0"),
    ],
)
def test_marks_that_cannot_be_read_are_findings(marks, message):
    chip = build(
        **{"DEVREC": [kdb.Box(50_000, 0, 60_000, 9_000), text("device=crossing", 55_000, 2_000)]}
        | {k: v for k, v in marks.items() if k != "DEVREC"}
    )
    for shape in marks["DEVREC"]:
        chip.top.shapes(chip.layout.layer(*tech.DEVREC)).insert(shape)
    found = extract.extract_chip(chip)
    assert any(re.search(message, f.message) for f in found.findings), [*map(str, found.findings)]


def test_file_that_is_not_a_layout(tmp_path):
    path = tmp_path / "x.gds"
    path.write_bytes(b"not a layout at all" * 10)
    with pytest.raises(DesignError, match=r"x\.gds: not a readable layout") as caught:
        extract.extract(path)
    assert "\n" not in str(caught.value)
    path.write_bytes(b"")
    with pytest.raises(DesignError, match="not a readable layout"):
        extract.extract(path)
    with pytest.raises(DesignError, match="cannot be read: No such file"):
        extract.extract(tmp_path / "none.gds")


def test_cut_off_file_is_refused(tmp_path):
    path = tmp_path / "x.gds"
    crossing().write_gds(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DesignError, match="not a readable layout"):
        extract.extract(path)


def test_layout_without_devices_is_refused():
    with pytest.raises(DesignError, match="made: no device: no DEVREC shape on layer 68/0"):
        extract.extract_chip(build(WG=[kdb.Box(0, 0, 100, 100)]))


def test_two_top_cells_are_refused():
    layout = kdb.Layout()
    layout.create_cell("a")
    layout.create_cell("b")
    with pytest.raises(DesignError, match=r"2 top cells \(a, b\); allowed: exactly 1"):
        Chip(layout, "x")


def test_lyrdb_holds_rules_places_and_marks(tmp_path):
    import klayout.rdb as rdb

    findings = order(
        [
            Finding("B.space", "0.1 um <b>&amp;", 3.0, 4.0),
            Finding("A.width", "0.2 um", 1.0, 2.0, ((0, 0), (0, 1), (1, 1))),
            Finding("A.width", "0.2 um", 1.0, 2.0, ((0, 0), (0, 1), (1, 1))),
        ]
    )
    verdict = Verdict("drc", "top", (("A.width", "a"), ("C.unused", "c")), findings)
    assert verdict.counts() == {"A.width": 1, "B.space": 1}
    path = tmp_path / "drc.lyrdb"
    verdict.write_lyrdb(path)
    database = rdb.ReportDatabase()
    database.load(str(path))
    assert [c.name() for c in database.each_category()] == ["A.width", "C.unused", "B.space"]
    assert database.num_items() == 2
    values = [[v.to_s() for v in item.each_value()] for item in database.each_item()]
    assert values[0] == ["text: '0.2 um'", "polygon: (0,0;0,1;1,1)"]
    assert values[1][0] == "text: '0.1 um <b>&amp;'"
    assert "(2.5,4;3.5,4)" in values[1][1]
