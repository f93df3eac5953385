import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.checks import drc
from lightloom.photonics.checks.chip import Chip
from lightloom.spec.base import DesignError


def chip(shapes, dbu=0.001):
    """Layout of {layer: [box or polygon corners in um]}."""
    layout = kdb.Layout()
    layout.dbu = dbu
    top = layout.create_cell("top")
    for layer, drawn in shapes.items():
        for corners in drawn:
            if len(corners) == 4 and not isinstance(corners[0], tuple):
                polygon = kdb.DPolygon(kdb.DBox(*corners))
            else:
                polygon = kdb.DPolygon([kdb.DPoint(*p) for p in corners])
            top.shapes(layout.layer(*layer)).insert(polygon)
    return Chip(layout, "test.gds")


def found(shapes, **options):
    return drc.check_chip(chip(shapes, **options)).findings


STRIP = (0, 0, 100, 0.42)
CLEAN = {tech.WG: [STRIP, (0, 1, 100, 1.42)], tech.DICE: [(-50, -50, 150, 150)]}


def test_clean():
    verdict = drc.check_chip(chip(CLEAN))
    assert verdict.clean
    assert dict(verdict.rules)["WG.width"] == "WG is at least 0.15 um wide"


# rule, shapes that break it, place, words; and the same shapes just inside the rule
CASES = [
    ("WG.width", {tech.WG: [(0, 0, 9, 0.149)]}, (4.5, 0.075), "0.149 um; allowed: 0.15"),
    ("WG.space", {tech.WG: [STRIP, (40, 0.569, 41, 1)]}, (40.5, 0.495), "0.149 um"),
    (
        "WG.space",  # a notch in one shape
        {tech.WG: [(0, 0, 9, 1), (4, 1, 4.2, 2), (4.3, 1, 4.5, 2)]},
        (4.25, 1.5),
        "0.100 um",
    ),
    ("M1.width", {tech.M1: [(0, 0, 9, 0.9)]}, (4.5, 0.45), "0.900 um; allowed: 1 um"),
    (
        "M1.VIA.enclosure",
        {tech.VIA: [(1, 1, 3, 3)], tech.M1: [(0.6, 0, 4, 4)], tech.M2: [(0, 0, 4, 4)]},
        (0.8, 2),
        "0.400 um; allowed: 0.5 um",
    ),
    (
        "M2.VIA.enclosure",  # no metal at all around it
        {tech.VIA: [(1, 1, 3, 3)], tech.M1: [(0, 0, 4, 4)]},
        (2, 2),
        "not enclosed at all",
    ),
    (
        "UNDERCUT.WG.separation",
        {tech.UNDERCUT: [(0, 0, 9, 5)], tech.WG: [(0, 6, 9, 6.42)]},
        (4.5, 5.5),
        "1.000 um; allowed: 2 um",
    ),
    (
        "UNDERCUT.WG.separation",
        {tech.UNDERCUT: [(0, 0, 9, 5)], tech.WG: [(-5, 2, 14, 2.42)]},
        (4.5, 2.21),
        "overlap",
    ),
    (
        "M1.die",
        {tech.M1: [(0, 0, 9, 9)], tech.DICE: [(-5, -50, 50, 50)]},
        (2.5, 4.5),
        "outside the allowed part of the die",
    ),
    (
        "M2.PAD.enclosure",
        {tech.PAD: [(0, 0, 50, 50)], tech.M2: [(-1.5, -2, 52, 52)]},
        (-0.75, 25),
        "1.500 um; allowed: 2 um or more (M2 encloses PAD by at least 2 um where it is not on M3)",
    ),
    (
        "M3.PAD.enclosure",  # M2 around it does not help: the opening is over M3
        {
            tech.PAD: [(0, 0, 50, 50)],
            tech.M2: [(-9, -9, 59, 59)],
            tech.M3: [(-1, -2, 52, 52)],
        },
        (-0.5, 25),
        "1.000 um; allowed: 2 um or more (M3 encloses PAD by at least 2 um where it is on M3)",
    ),
    (
        "M3.PAD.enclosure",  # a line of the top metal runs through the opening
        {tech.PAD: [(0, 0, 50, 50)], tech.M2: [(-9, -9, 59, 59)], tech.M3: [(-9, 20, 59, 30)]},
        (25, 10),
        "not enclosed at all",
    ),
    ("M2.PAD.enclosure", {tech.PAD: [(0, 0, 50, 50)]}, (25, 25), "not enclosed at all"),
]


@pytest.mark.parametrize(("rule", "shapes", "place", "words"), CASES)
def test_broken_rule_is_found_at_its_place(rule, shapes, place, words):
    hits = [f for f in found(shapes) if f.rule == rule]
    assert hits
    assert any(words in f.message for f in hits)
    assert any(abs(f.x_um - place[0]) < 1.0 and abs(f.y_um - place[1]) < 1.0 for f in hits), [
        *map(str, hits)
    ]
    assert all(len(f.polygon) > 2 for f in hits)


@pytest.mark.parametrize(
    "shapes",
    [
        {tech.WG: [(0, 0, 9, 0.15)]},
        {tech.WG: [STRIP, (40, 0.57, 41, 1)]},
        {tech.UNDERCUT: [(0, 0, 9, 5)], tech.WG: [(0, 7, 9, 7.42)]},
        {tech.M1: [(0, 0, 9, 9)], tech.DICE: [(-10, -10, 50, 50)]},
        {tech.PAD: [(0, 0, 50, 50)], tech.M2: [(-2, -2, 52, 52)]},
        {tech.PAD: [(0, 0, 50, 50)], tech.M3: [(-2, -2, 52, 52)]},
        {
            tech.PAD: [(0, 0, 50, 50)],
            tech.M3: [(-2, -2, 52, 52)],
            tech.M2: [(20, -90, 30, 90)],
        },
    ],
)
def test_exactly_the_limit_is_allowed(shapes):
    assert found(shapes) == ()


def test_the_same_narrow_place_is_one_finding():
    # A bent narrow strip breaks the rule along many edges.
    outline = [(i, 0.02 * i * i) for i in range(20)]
    outline += [(i, 0.02 * i * i + 0.12) for i in range(19, -1, -1)]
    hits = [f for f in found({tech.WG: [outline]}) if f.rule == "WG.width"]
    assert len(hits) == 1


def test_acute_notch_is_still_a_narrow_place():
    wedge = [(0, 0), (10, 1), (10, -1)]
    assert "WG.width" in {f.rule for f in found({tech.WG: [wedge]})}


def test_taper_facet_is_not_a_narrow_place():
    taper = [(0, -0.09), (0, 0.09), (200, 0.21), (200, -0.21)]
    assert found({tech.WG: [taper]}) == ()


def test_vertices_off_the_grid():
    outline = [(0, 0), (0, 1.0004), (9, 1), (9, 0)]
    hits = found({tech.WG: [outline]}, dbu=0.0001)
    assert [(f.rule, round(f.y_um, 4)) for f in hits] == [("WG.grid", 1.0004)]


def test_rotated_copies_break_the_same_rules():
    base = kdb.Layout()
    top, cell = base.create_cell("top"), base.create_cell("cell")
    cell.shapes(base.layer(*tech.WG)).insert(kdb.Box(0, 0, 9000, 149))
    for angle in range(4):
        top.insert(kdb.CellInstArray(cell.cell_index(), kdb.Trans(angle, False, angle * 50_000, 0)))
    verdict = drc.check_chip(Chip(base, "x"))
    assert verdict.counts() == {"WG.width": 4}


def test_layout_in_another_technology_is_refused():
    with pytest.raises(DesignError, match=r"test\.gds: no shape on any layer of the technology"):
        found({(200, 7): [STRIP]})


def test_findings_of_a_rule_are_bounded(monkeypatch):
    monkeypatch.setattr(drc, "MAX_FINDINGS", 3)
    shapes = {tech.WG: [(0, y, 9, y + 0.1) for y in range(8)]}
    assert len(found(shapes)) == 3
