"""The commands for one part: layout with its checks, and the checks on any file."""

import json
from pathlib import Path

import klayout.db as kdb
import pytest

from lightloom.flows import cli, show
from lightloom.photonics import tech
from lightloom.spec import OpticalModel

DESIGN = "[serdes]\nlanes = 2\n[switch]\nports = 2\npermutation = [1, 0]\n"


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("design") / "two.toml"
    path.write_text(DESIGN)
    return path


@pytest.fixture(scope="module")
def chip(design: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("layout") / "switch"
    assert cli.run(["layout", "switch", "--design", str(design), "-o", str(out)]) == 0
    return out


def test_layout_writes_the_chip_its_checks_and_the_optical_model(chip: Path) -> None:
    names = {path.name for path in chip.iterdir()}
    assert names >= {
        "switch.gds", "switch.oas", "switch.lyp", "switch.netlist.yml", "drc.lyrdb", "lvs.lyrdb",
        "preview.png", "floorplan.svg", "loss_map.png", "bumps.csv", "optical_model.json",
        "metrics.json", "run.json",
    }  # fmt: skip
    metrics = json.loads((chip / "metrics.json").read_text())
    assert metrics["layout.drc_violations"] == 0
    assert metrics["layout.lvs_mismatches"] == 0
    assert (metrics["layout.cells"], metrics["layout.crossings"]) == (1, 0)
    assert metrics["layout.seconds"] > 0
    model = OpticalModel.read(chip / "optical_model.json")
    assert model.permutation == (1, 0)
    assert [(route.input, route.output) for route in model.routes] == [(0, 1), (1, 0)]
    # The map shows what the model holds, and the metrics say it.
    worst = max(route.loss_db for route in model.routes)
    assert metrics["layout.worst_loss_db"] == pytest.approx(worst, abs=1e-6)
    assert metrics["layout.worst_crosstalk_db"] < -20


def test_layout_of_an_engine_has_no_loss_map(design: Path, tmp_path: Path) -> None:
    out = tmp_path / "engine"
    assert cli.run(["layout", "engine", "--design", str(design), "-o", str(out)]) == 0
    assert (out / "floorplan.svg").exists()
    assert not (out / "loss_map.png").exists()
    assert "layout.worst_loss_db" not in json.loads((out / "metrics.json").read_text())


def test_layout_is_shown_when_a_klayout_listens(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    asked: list[Path] = []

    def answer(gds: Path, findings: Path | None = None) -> str:
        asked.append(gds)
        assert gds.exists()
        assert findings is None  # there are none
        return "opened in KLayout, klive 0.4.1"

    monkeypatch.setattr(show, "send", answer)
    arguments = ["layout", "switch", "--design", str(design), "-o", str(tmp_path / "a")]
    assert cli.run(arguments) == 0
    assert asked == []
    assert cli.run([*arguments, "--show"]) == 0
    assert asked == [tmp_path / "a" / "switch.gds"]
    assert "opened in KLayout, klive 0.4.1" in capsys.readouterr().out


def test_layout_passes_when_no_klayout_listens(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr(show, "PORT", 1)  # nothing listens there
    out = tmp_path / "a"
    assert cli.run(["layout", "switch", "--design", str(design), "-o", str(out), "--show"]) == 0
    assert "not shown: no KLayout with klive is listening" in capsys.readouterr().out


def test_technology_writes_what_klayout_loads(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli.run(["technology", "-o", str(out)]) == 0
    names = {"lightloom.lyt", "lightloom.lyp", "lightloom.drc", "lightloom.md"}
    assert {path.name for path in out.iterdir()} == names | {"metrics.json", "run.json"}
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics == {"technology.layers": 23, "technology.rules": len(tech.RULES)}
    technology = kdb.Technology()
    technology.load(str(out / "lightloom.lyt"))
    assert technology.name == "lightloom"


def test_technology_takes_the_numbers_of_a_layer_map(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "map.toml", tmp_path / "out"
    path.write_text("[layers]\nWG = [30, 7]\n")
    arguments = ["technology", "--layer-map", str(path), "-o", str(out)]
    assert cli.run(arguments) == 0
    assert "wg = input(30, 7)\n" in (out / "lightloom.drc").read_text()
    assert "| `WG` | 30/7 |" in (out / "lightloom.md").read_text()
    assert "30/7@1" in (out / "lightloom.lyp").read_text()
    run = json.loads((out / "run.json").read_text())
    assert [file["role"] for file in run["inputs"]] == ["layer map"]

    path.write_text("[layers]\nWG = [30, 70000]\n")
    before = (out / "lightloom.drc").read_bytes()
    assert cli.run(arguments) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"lightloom: {path}: layers.WG = [30, 70000]; allowed: ")
    assert (out / "lightloom.drc").read_bytes() == before


def flat(path: Path) -> dict[tuple[int, int], tuple[kdb.Region, set[tuple[str, str]]]]:
    """Merged shapes and texts of each layer."""
    layout = kdb.Layout()
    layout.read(str(path))
    top = layout.top_cell()
    found = {}
    for index in layout.layer_indexes():
        info = layout.get_info(index)
        texts = kdb.Texts(top.begin_shapes_rec(index))
        words = {(text.string, str(text.position())) for text in texts.each()}
        region = kdb.Region(top.begin_shapes_rec(index)).merged()
        if words or not region.is_empty():
            found[info.layer, info.datatype] = region, words
    return found


def test_gdsii_and_oasis_hold_the_same_layout(chip: Path) -> None:
    gds, oasis = flat(chip / "switch.gds"), flat(chip / "switch.oas")
    assert gds.keys() == oasis.keys()
    assert len(gds) > 5
    for layer, (region, words) in gds.items():
        assert (region ^ oasis[layer][0]).is_empty(), layer
        assert words == oasis[layer][1], layer


def test_layout_of_an_engine_has_its_lanes(design: Path, tmp_path: Path) -> None:
    out = tmp_path / "engine"
    arguments = ["--set", "switch.topology=none", "--set", "engine.modulator=ring"]
    assert cli.run(["layout", "engine", "--design", str(design), *arguments, "-o", str(out)]) == 0
    assert json.loads((out / "metrics.json").read_text())["layout.cells"] == 2
    model = OpticalModel.read(out / "optical_model.json")
    assert (model.fabric, model.modulator.kind, len(model.engine)) == (None, "ring", 2)


def test_layout_of_a_switch_that_is_not_there_is_refused(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--set", "switch.topology=none", "-o", str(tmp_path / "out")]
    assert cli.run(["layout", "switch", "--design", str(design), *arguments]) == 2
    assert "switch.topology = none; allowed: a topology" in capsys.readouterr().err


def test_drc_and_lvs_pass_the_chip_as_drawn(chip: Path, tmp_path: Path) -> None:
    gds, netlist = str(chip / "switch.gds"), str(chip / "switch.netlist.yml")
    assert cli.run(["drc", gds, "-o", str(tmp_path / "drc")]) == 0
    assert cli.run(["lvs", gds, "--netlist", netlist, "-o", str(tmp_path / "lvs")]) == 0
    metrics = json.loads((tmp_path / "lvs" / "metrics.json").read_text())
    assert metrics == {"layout.lvs_mismatches": 0}


def test_a_spoiled_chip_fails_with_the_place(
    chip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = kdb.Layout()
    layout.read(str(chip / "switch.gds"))
    top = layout.top_cell()
    # A sliver of waveguide in a corner where there is nothing: too narrow, and part of no net.
    box = top.dbbox()
    x, y = box.left + 30.0, box.top - 30.0
    top.shapes(layout.layer(1, 0)).insert(kdb.DBox(x, y, x + 5, y + 0.05))
    layout.write(str(tmp_path / "bad.gds"))
    arguments = [str(tmp_path / "bad.gds"), "-o", str(tmp_path / "drc")]
    assert cli.run(["drc", *arguments]) == 1
    text = capsys.readouterr().out
    lines = [line for line in text.splitlines() if " at (" in line]
    assert any(f"({x:.0f}" in line or abs(_place(line)[0] - x) < 6 for line in lines)
    assert all(abs(_place(line)[1] - y) < 1 for line in lines)
    assert (tmp_path / "drc" / "drc.lyrdb").exists()
    assert json.loads((tmp_path / "drc" / "run.json").read_text())["passed"] is False
    netlist = ["--netlist", str(chip / "switch.netlist.yml")]
    assert cli.run(["lvs", arguments[0], *netlist, "-o", str(tmp_path / "lvs")]) == 1


def _place(line: str) -> tuple[float, float]:
    x, y = line.split("(")[1].split(")")[0].split(",")
    return float(x), float(y)
