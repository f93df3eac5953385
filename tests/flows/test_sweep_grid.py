"""What `--vary` stands for, and what a point is named by."""

import pytest

from lightloom.flows import sweep_grid
from lightloom.spec import DesignError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serdes.lanes=1,2,4", ("1", "2", "4")),
        ("serdes.lanes = 1 , 2 ", ("1", "2")),
        ("engine.laser_power_dbm=0:1:0.1",
         ("0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0")),
        ("engine.laser_power_dbm=-2:2:2,5", ("-2", "0", "2", "5")),
        ("engine.laser_power_dbm=0:1:0.4", ("0.0", "0.4", "0.8")),
        ("engine.laser_power_dbm=1e-3:3e-3:1e-3", ("0.001", "0.002", "0.003")),
        ("run.seed=7:7:1", ("7",)),
        ("switch.permutation=[0,1],[1,0],reverse", ("[0,1]", "[1,0]", "reverse")),
        ("run.payload='a,b','c'", ("'a,b'", "'c'")),
        ("engine.modulator=mzm,ring", ("mzm", "ring")),
    ],
)  # fmt: skip
def test_values_of_an_axis(text, expected):
    assert sweep_grid.axis(text).texts == expected


def test_whole_numbers_stay_whole_and_lists_stay_text():
    assert [sweep_grid.value(t) for t in ("3", "3.0", "true", "ring", "'ring'", "[1, 0]")] == [
        3, 3.0, True, "ring", "ring", "[1, 0]",
    ]  # fmt: skip
    assert [type(sweep_grid.value(t)) for t in ("3", "3.0")] == [int, float]


@pytest.fixture
def design(tmp_path):
    path = tmp_path / "d.toml"
    path.write_text("name = 'd'\n[serdes]\nlanes = 2\n[switch]\nports = 2\n")
    return path


def digests(design, *varied, command="sparams", fixed=None):
    swept = sweep_grid.command(command, design)
    axes = sweep_grid.axes(varied, fixed or {})
    return [p.digest for p in sweep_grid.points(design, fixed or {}, axes, swept)]


def test_a_point_is_named_by_what_its_results_depend_on(design, tmp_path):
    table = tmp_path / "codes.json"
    table.write_text('{"bar": [1], "cross": [2]}')
    first = digests(design, "run.seed=1,2")
    assert len(set(first)) == 2
    assert digests(design, "run.seed=2,1") == first[::-1]
    # where a value comes from does not matter
    assert digests(design, "engine.wavelength_nm=1310", fixed={"run.seed": "2"}) == first[1:]
    assert digests(design, "run.seed=1,2", command="sparams --points 9") != first
    files = {"switch.calibration": f"'{table}'"}
    with_table = digests(design, "run.seed=1", fixed=files)
    assert with_table[0] not in first
    table.write_text('{"bar": [1], "cross": [3]}')
    assert digests(design, "run.seed=1", fixed=files) != with_table


def test_the_last_key_is_the_fastest(design):
    swept = sweep_grid.command("layout switch", design)
    axes = sweep_grid.axes(("run.seed=1,2", "fibre.length_m=3,4"), {})
    made = sweep_grid.points(design, {"serdes.lanes": "1"}, axes, swept)
    assert [p.texts for p in made] == [("1", "3"), ("1", "4"), ("2", "3"), ("2", "4")]
    assert made[1].settings == {"serdes.lanes": "1", "run.seed": "1", "fibre.length_m": "4"}
    place = design.parent / "out"
    assert swept.arguments(design, {"run.seed": "1"}, place) == [
        "layout", "--design", str(design), "switch", "--set", "run.seed=1", "-o", str(place), "-q",
    ]  # fmt: skip


def test_a_file_of_the_command_is_named_absolutely(design, monkeypatch):
    monkeypatch.chdir(design.parent)
    swept = sweep_grid.command("link --payload d.toml", design)
    assert swept.extra == ("--payload", str(design.resolve()))
    with pytest.raises(DesignError, match="--seed is given by the sweep"):
        sweep_grid.command("link --seed 3", design)
