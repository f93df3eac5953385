"""Layout files that are odd, hostile or drawn on another grid."""

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.cells.heater import heater_waveguide
from lightloom.photonics.checks import chip as chips
from lightloom.photonics.checks import drc, extract
from lightloom.photonics.checks.chip import Chip, open_chip
from lightloom.spec.base import DesignError


def layout(*cells, dbu=0.001):
    made = kdb.Layout()
    made.dbu = dbu
    for name in cells:
        made.create_cell(name)
    return made


def one_line(error):
    return "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", ["gds", "oas"])
@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ((), r"0 top cells \(none\); allowed: exactly 1"),
        (("a", "b"), r"2 top cells \((a, b|b, a)\); allowed: exactly 1"),
    ],
)
def test_number_of_top_cells(tmp_path, suffix, cells, message):
    path = tmp_path / f"x.{suffix}"
    layout(*cells).write(str(path))
    with pytest.raises(DesignError, match=rf"x\.{suffix}: {message}") as caught:
        open_chip(path)
    assert one_line(caught)


def test_arrays_of_arrays_are_counted_before_they_are_unfolded():
    made = layout("top", "row", "one")
    top, row, one = (made.cell(name) for name in ("top", "row", "one"))
    one.shapes(made.layer(*tech.WG)).insert(kdb.Box(0, 0, 100, 420))
    for parent, child in ((row, one), (top, row)):
        parent.insert(
            kdb.CellInstArray(
                child.cell_index(), kdb.Trans(), kdb.Vector(900, 0), kdb.Vector(0, 900), 300, 300
            )
        )
    with pytest.raises(DesignError, match="16200090000 shapes when flat; allowed: at most"):
        Chip(made, "x")


@pytest.mark.parametrize("reach", [600_000_000, 2**31 - 1])
def test_coordinates_that_would_overflow_are_refused(reach):
    made = layout("top")
    made.top_cell().shapes(made.layer(*tech.WG)).insert(kdb.Box(-reach, 0, 0, 420))
    with pytest.raises(DesignError, match=r"x: reaches to .* um; allowed: at most 500000 um"):
        Chip(made, "x")


@pytest.mark.parametrize("dbu", [1e-9, 5.0])
def test_database_unit_out_of_range_is_refused(dbu):
    with pytest.raises(DesignError, match=rf"x: database unit {dbu:g} um; allowed: 1e-05 to 1 um"):
        Chip(layout("top", dbu=dbu), "x")


def test_file_too_large_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.gds"
    layout("top").write(str(path))
    monkeypatch.setattr(chips, "MAX_BYTES", 10)
    with pytest.raises(DesignError, match=r"x\.gds: \d+ bytes; allowed: at most 10"):
        open_chip(path)


def scaled(tmp_path, dbu):
    """A heater, flat, with another database unit; every vertex stays where it is."""
    path = tmp_path / "h.gds"
    heater_waveguide().write_gds(path)
    source = kdb.Layout()
    source.read(str(path))
    source.top_cell().flatten(-1, True)
    made = layout("top", dbu=dbu)
    for index in source.layer_indexes():
        shapes = made.top_cell().shapes(made.layer(source.get_info(index)))
        for shape in source.top_cell().shapes(index).each():
            shapes.insert(shape.dtext if shape.is_text() else shape.dpolygon)
    return Chip(made, "x")


@pytest.mark.parametrize("dbu", [0.001, 0.0005, 0.0001, 0.00025])
def test_a_finer_database_unit_measures_the_same(tmp_path, dbu):
    found = extract.extract_chip(scaled(tmp_path, dbu))
    assert found.findings == []
    (instance,) = found.netlist.instances.values()
    assert instance.parameters["heater_length_um"] == pytest.approx(200.0, abs=1e-6)
    assert instance.x_um == pytest.approx(114.0)
    assert found.chip.dbu == tech.DBU_UM


def test_vertices_between_the_grid_points_are_refused_with_their_place(tmp_path):
    chip = scaled(tmp_path, 0.0001)
    chip.top.shapes(chip.layout.layer(*tech.M1)).insert(kdb.Box(7, 0, 50_000, 50_000))
    message = r"x: vertex of M1 at \(0\.0007, .*\) um; allowed: on the 0\.001 um grid"
    with pytest.raises(DesignError, match=message) as caught:
        extract.extract_chip(chip)
    assert one_line(caught)


def test_a_layout_of_another_technology_has_one_line_from_each_check():
    made = layout("top")
    made.top_cell().shapes(made.layer(200, 7)).insert(kdb.Box(0, 0, 10, 10))
    chip = Chip(made, "x")
    with pytest.raises(DesignError, match="x: no shape on any layer of the technology"):
        drc.check_chip(chip)
    with pytest.raises(DesignError, match="x: no device: no DEVREC shape on layer 68/0"):
        extract.extract_chip(chip)


def test_merged_polygons_are_those_of_the_region():
    made = layout("top")
    shapes = made.top_cell().shapes(made.layer(*tech.M1))
    for x in range(0, 5000, 1000):
        shapes.insert(kdb.Box(x, 0, x + 1000, 1000))
    chip = Chip(made, "x")
    assert chip.region(tech.M1).count() == 5
    assert list(chip.merged(tech.M1).each()) == [kdb.Polygon(kdb.Box(0, 0, 5000, 1000))]
    assert chip.merged(tech.M2).is_empty()
