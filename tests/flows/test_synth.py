"""`lightloom synth`: its table, its files, its limits, and what it says when it cannot run."""

import csv
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from lightloom.flows import cli, synth, synth_limits, synth_tools
from lightloom.flows.synth_tools import Result

DESIGN = Path(__file__).parents[2] / "designs" / "xpu_cpo.toml"
SMALL = "block_lock"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """No cell library unless a test gives one, and results shared by the tests."""
    monkeypatch.setenv("LIGHTLOOM_CACHE", str(cache))
    monkeypatch.setattr(synth_tools, "OSU018", Path("none"))


def run(*arguments: str | Path) -> int:
    return cli.run(["synth", "--design", str(DESIGN), *map(str, arguments)])


def metrics(out: Path) -> dict[str, float | int | str | None]:
    return json.loads((out / "metrics.json").read_text())


def test_a_table_with_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(SMALL, "block_encoder", "-o", out, "-j", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[0].split()) == "block cells depth LUT4 FF DSP RAM Fmax MHz"
    # In the order of the list of blocks, whatever the order asked for.
    assert [line.split()[0] for line in lines[1:3]] == ["block_encoder", SMALL]
    found = metrics(out)
    for name in (SMALL, "block_encoder"):
        for key in synth_limits.UPPER + synth_limits.LOWER:
            assert isinstance(found[f"synth.{name}.{key}"], int | float), (name, key)
    assert found["synth.block_encoder.ecp5_ff"] == 0
    with (out / "synth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["block"] for row in rows] == ["block_encoder", SMALL]
    assert int(rows[1]["ecp5_lut4"]) == found[f"synth.{SMALL}.ecp5_lut4"]
    described = json.loads((out / "run.json").read_text())
    assert (described["command"], described["exit_code"]) == ("synth", 0)
    assert described["inputs"][0]["file"] == "xpu_cpo.toml"
    assert set(described["outputs"]) == {
        "synth.csv", "synth.svg", "metrics.json", "run.json",
        f"{SMALL}.ecp5_path.txt", "block_encoder.ecp5_path.txt",
    }  # fmt: skip
    assert "MHz" in (out / f"{SMALL}.ecp5_path.txt").read_text().splitlines()[0]


def test_beyond_a_limit_is_exit_1_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = tmp_path / "limits.toml"
    assert run(SMALL, "--limits", limits, "--renew", "-o", tmp_path / "a") == 0
    assert f"limits: 1 written to {limits}" in capsys.readouterr().out
    assert run(SMALL, "--limits", limits, "-o", tmp_path / "b") == 0
    assert "limits: kept by 1 of 1 blocks" in capsys.readouterr().out

    table = synth_limits.read(limits)
    ff = metrics(tmp_path / "b")[f"synth.{SMALL}.ecp5_ff"]
    assert isinstance(ff, int)
    table[SMALL] |= {"ecp5_ff": ff - 1, "ecp5_fmax_mhz": 5000}
    synth_limits.write(table, limits)
    assert run(SMALL, "--limits", limits, "-o", tmp_path / "c") == 1
    text = capsys.readouterr().out
    assert f"beyond its limit: {SMALL}: ecp5_ff = {ff}, limit {ff - 1}\n" in text
    assert f"beyond its limit: {SMALL}: ecp5_fmax_mhz = " in text
    assert ", floor 5000\n" in text
    assert json.loads((tmp_path / "c" / "run.json").read_text())["passed"] is False


def test_renewed_limits_of_one_block_leave_the_others(tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    synth_limits.write({"lms": {"cells": 7}, "gone": {"cells": 8}}, limits)
    assert run(SMALL, "--limits", limits, "--renew", "-o", tmp_path / "a") == 0
    found = synth_limits.read(limits)
    assert found.pop("lms") == {"cells": 7}
    # A block that no longer exists is dropped.
    assert list(found) == [SMALL]


def test_shipped_limits_hold_and_are_for_default_parameters_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(SMALL, "-o", tmp_path / "a") == 0
    assert "limits: kept by 1 of 1 blocks" in capsys.readouterr().out
    changed = ("--set", "serdes.symbols_per_clock=16")
    assert run("prbs_generator", *changed, "-o", tmp_path / "b") == 0
    assert "limits: those of the default parameters, not compared" in capsys.readouterr().out
    assert run("prbs_generator", *changed, "--renew", "-o", tmp_path / "c") == 2
    assert "--renew: the shipped limits are for the default" in capsys.readouterr().err


def test_set_changes_the_block(tmp_path: Path) -> None:
    for width in (16, 32):
        changed = f"serdes.symbols_per_clock={width}"
        assert run("prbs_generator", "--set", changed, "-o", tmp_path / str(width)) == 0
    key = "synth.prbs_generator.ecp5_ff"
    narrow, wide = (metrics(tmp_path / name)[key] for name in ("16", "32"))
    assert isinstance(narrow, int)
    assert isinstance(wide, int)
    assert wide > narrow


def test_a_missing_tool_leaves_its_column_empty_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = synth_tools.version
    gone = synth_tools.NEXTPNR
    monkeypatch.setattr(synth_tools, "version", lambda p: None if p == gone else real(p))
    assert run(SMALL, "-o", tmp_path / "a") == 0
    out = capsys.readouterr().out
    assert f"no Fmax: {gone} is not installed: pip install {gone}" in out
    assert metrics(tmp_path / "a")[f"synth.{SMALL}.ecp5_fmax_mhz"] is None
    assert metrics(tmp_path / "a")["synth.nextpnr_ecp5"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope",), "block nope: unknown; allowed: serdes, ocs_controller, "),
        (("ocs_controller", "--set", "switch.topology=none"), "switch.topology is none"),
        (("--period", "0"), "--period 0; allowed: 0.01 to 1000"),
        (("--liberty", "none.lib"), "--liberty none.lib: cannot be read: No such file"),
        (("--limits", "none.toml"), "none.toml: cannot be read: No such file"),
    ],
)
def test_what_cannot_run_says_why_in_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments, "-o", tmp_path / "out") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "out").exists()


def test_without_yosys_exit_2_and_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(synth_tools, "version", lambda package: None)
    assert run(SMALL, "-o", tmp_path / "out") == 2
    assert capsys.readouterr().err == (
        "lightloom: synth needs Yosys, which is missing: pip install pyosys\n"
    )


def test_the_table_gives_one_reason_for_all_that_share_it() -> None:
    one = Result({"cells": 1, "ecp5_fmax_mhz": None}, {"ecp5_fmax_mhz": "why"})
    other = Result({"cells": 20, "ecp5_fmax_mhz": 99.96}, {})
    lines = synth.table({"a": one, "long": other}, None)
    assert lines[:3] == [
        "block  cells  Fmax MHz",
        "a          1         -",
        "long      20     100.0",
    ]
    assert lines[4:] == ["a: no Fmax: why"]
    assert synth.table({"a": one, "b": one}, None)[4:] == ["no Fmax: why"]


def test_the_chart_shows_every_block_largest_first() -> None:
    figures = {
        "small<": {"ecp5_lut4": 0, "ecp5_ff": 3, "ecp5_fmax_mhz": None},
        "large": {"ecp5_lut4": 12345, "ecp5_ff": 20000, "ecp5_fmax_mhz": 101.26},
    }
    root = ElementTree.fromstring(synth.chart(figures))
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert texts.index("large") < texts.index("small<")
    assert {"12,345", "101.3", "100,000", "-"} <= set(texts)
    widths = [float(e.get("width") or 0) for e in root.iter() if e.tag.endswith("rect")]
    # Two bars of each block after two of the legend; a bar is as long as its logarithm.
    assert widths[3] > widths[2] > widths[5] > widths[4] == 0
