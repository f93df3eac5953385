"""Sweeps: a grid of points, each run once, one table, the same on a cluster."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lightloom.flows import cli, sweep_point
from lightloom.spec import cache

COMMAND = [sys.executable, "-c", "from lightloom.flows.cli import main; main()"]
DESIGN = "name = 'small'\n[serdes]\nlanes = 2\n[switch]\nports = 2\n"
QUICK = ("--command", "verilog prbs_generator")
"""A third of a second a point, most of it imports."""
WIDTHS = ("--vary", "serdes.symbols_per_clock=16,32,64")


@pytest.fixture
def design(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(DESIGN)
    return path


def sweep(design, out, *arguments):
    return cli.run(["sweep", str(design), "-o", str(out), "-q", *arguments])


def table(out):
    return pq.read_table(out / "sweep.parquet").to_pydict()


def untimed(found):
    return {name: values for name, values in found.items() if not name.startswith("timing.")}


def started(out):
    """When each point was run."""
    return {
        path.parent.name: json.loads(path.read_text())["started_utc"] + str(path.stat().st_mtime_ns)
        for path in (out / "points").glob("*/run.json")
    }


def test_one_row_a_point_in_the_order_of_the_grid(design, tmp_path):
    out = tmp_path / "out"
    code = sweep(
        design, out, "--command", "sparams --points 21", "-j", "2",
        "--vary", "engine.wavelength_nm=1300,1310.5", "--vary", "run.seed=1:3:2",
    )  # fmt: skip
    assert code == 0
    found = table(out)
    assert found["point"] == [0, 1, 2, 3]
    assert found["engine.wavelength_nm"] == [1300.0, 1300.0, 1310.5, 1310.5]
    assert found["run.seed"] == [1, 3, 1, 3]
    assert found["status"] == ["passed"] * 4
    for row, folder in enumerate(found["folder"]):
        metrics = json.loads((out / folder / "metrics.json").read_text())
        described = json.loads((out / folder / "run.json").read_text())
        assert described["settings"]["run.seed"] == str(found["run.seed"][row])
        for name, value in metrics.items():
            column = name if name in found else f"timing.{name}"
            assert found[column][row] == value, name
    assert {"timing.sparams.seconds", "timing.sparams.peak_rss_mb"} <= set(found)
    assert found["sparams.carrier_loss_db"][0] != found["sparams.carrier_loss_db"][2]
    with (out / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(found)
    for name in ("sparams.worst_loss_db", "run.seed"):
        assert [float(row[name]) for row in rows] == found[name]
    svg = ET.parse(out / "sparams.carrier_loss_db.svg").getroot()
    assert svg.tag.endswith("svg")
    assert not (out / "sparams.points.svg").exists()  # the same everywhere
    page = (out / "sweep.html").read_text()
    assert page.count('<a href="points/') == 4
    assert "sparams.carrier_loss_db" in page
    assert json.loads((out / "metrics.json").read_text())["sweep.points"] == 4


def test_a_sweep_does_no_point_twice_and_a_wider_one_only_the_new(design, tmp_path):
    out = tmp_path / "out"
    assert sweep(design, out, *QUICK, *WIDTHS) == 0
    before, first = started(out), table(out)
    assert sweep(design, out, *QUICK, *WIDTHS) == 0
    assert started(out) == before
    assert untimed(table(out)) == untimed(first)
    assert json.loads((out / "metrics.json").read_text())["sweep.resumed"] == 3
    assert sweep(design, out, *QUICK, "--vary", "serdes.symbols_per_clock=8,16,32,64") == 0
    after = started(out)
    assert len(after) == 4
    assert {name: after[name] for name in before} == before
    assert table(out)["serdes.symbols_per_clock"] == [8, 16, 32, 64]


def test_other_inputs_are_other_points(design, tmp_path):
    out = tmp_path / "out"
    once = ("--vary", "serdes.symbols_per_clock=16")
    for more in ([], ["--set", "run.seed=5"], ["--seed", "6"]):
        assert sweep(design, out, *QUICK, *once, *more) == 0
    assert len(started(out)) == 3
    assert sweep(design, out, "--command", "verilog block_lock", *once) == 0
    assert len(started(out)) == 4
    last = table(out)["folder"][0].rpartition("/")[2]
    before = started(out)
    design.write_text(DESIGN + "# another file, the same design\n")
    assert sweep(design, out, "--command", "verilog block_lock", *once) == 0
    after = started(out)
    assert after.pop(last) != before.pop(last)
    assert after == before


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def processes(folder):
    """Processes that work on points below a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"lightloom.flows.sweep_point" in words and str(folder).encode() in b" ".join(words):
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)]
)
def test_a_sweep_that_is_ended_half_way_resumes_without_doing_points_again(
    design, tmp_path, number, code
):
    out = tmp_path / "out"
    arguments = [*QUICK, "--vary", "serdes.symbols_per_clock=8,16,32,64", "-o", str(out)]
    child = subprocess.Popen(
        [*COMMAND, "sweep", str(design), *arguments, "-j", "1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: len(started(out)) >= 2)
    child.send_signal(number)
    _, err = child.communicate(timeout=60)
    assert child.returncode == code, err
    wait_for(lambda: not processes(out))
    before = started(out)
    assert 2 <= len(before) < 4
    assert not (out / "sweep.parquet").exists()
    assert cli.run(["sweep", str(design), *arguments, "-q"]) == 0
    after = started(out)
    assert len(after) == 4
    assert {name: after[name] for name in before} == before
    assert table(out)["status"] == ["passed"] * 4
    assert not list(out.glob(".*partial*"))
    assert not list((out / "points").glob(".*partial*"))


def test_a_point_that_fails_or_cannot_run_is_a_row_with_its_reason(design, tmp_path):
    limits = tmp_path / "limits.toml"
    limits.write_text("[prbs_generator]\ncells = 150\n")
    out = tmp_path / "out"
    grid = ("--vary", "serdes.symbols_per_clock=8,64")
    grid += ("--command", f"synth prbs_generator --limits '{limits}'")
    assert sweep(design, out, *grid) == 1
    found = table(out)
    assert found["status"] == ["passed", "failed"]
    cells = found["synth.prbs_generator.cells"]
    assert cells[0] <= 150 < cells[1]
    message = f"limits: prbs_generator: cells = {cells[1]}, limit 150"
    assert found["message"] == [None, message]
    # a failed check is a result, and not done again; with other limits it is another point
    before = started(out)
    assert sweep(design, out, *grid) == 1
    assert started(out) == before
    out = tmp_path / "other"
    topologies = ("--vary", "switch.topology=none,benes")
    assert sweep(design, out, "--command", "sparams --points 3", *topologies) == 1
    found = table(out)
    assert found["status"] == ["could not run", "passed"]
    assert "switch.topology = 'none'; allowed: a switch" in found["message"][0]
    assert found["sparams.worst_loss_db"][0] is None
    assert json.loads((out / "metrics.json").read_text())["sweep.could_not_run"] == 1


def test_a_point_that_is_killed_is_a_row_too(design, tmp_path):
    task = sweep_point.Task(
        arguments=("verilog", "serdes", "--design", str(design), "-o", str(tmp_path / "p" / "a")),
        folder=str(tmp_path / "p" / "a"),
        design_sha256="",
        sources=sweep_point_sources(),
        jobs=None,
    )
    script = (
        "from lightloom.flows import sweep_point as s;"
        f"task = s.Task(**{vars(task)!r});"
        "print(s.run_point(task))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as child:
        wait_for(lambda: processes(tmp_path))
        os.kill(processes(tmp_path)[0], signal.SIGKILL)
        out, _ = child.communicate(timeout=60)
    assert "exit_code=2, message='ended by SIGKILL'" in out


def sweep_point_sources():
    from lightloom.flows.runs import sources

    return sources()


def test_when_no_point_could_run_nothing_is_published(design, tmp_path, capsys):
    out = tmp_path / "out"
    code = sweep(
        design, out, "--command", "sparams", "--set", "switch.topology=none",
        "--vary", "run.seed=1,2",
    )  # fmt: skip
    assert code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "none of 2 points could run; the first: " in error
    assert not (out / "run.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--vary: missing; allowed: KEY=A,B,C or KEY=LOW:HIGH:STEP"),
        (["--vary", "serdes.lanes"], "--vary serdes.lanes: allowed: KEY=A,B,C"),
        (["--vary", "serdes.lanes="], "serdes.lanes=: an empty value; allowed: whole number 1"),
        (["--vary", "serdes.lanes=1,,2"], "an empty value; allowed: whole number 1 to 16"),
        (["--vary", "serdes.lane=1"], 'serdes.lane = "1": unknown key; did you mean serdes.lanes'),
        (["--vary", "serdes=1"], "serdes"),
        (["--vary", "serdes.lanes=1,2,17"], "serdes.lanes = 17; allowed: whole number 1 to 16"),
        (["--vary", "serdes.lanes=1,2,1"], "serdes.lanes=1,2,1: 1 is there twice"),
        (["--vary", "run.seed=5:1:1"], "5:1:1; allowed: LOW <= HIGH, STEP above 0"),
        (["--vary", "run.seed=0:1:0"], "0:1:0; allowed: LOW <= HIGH, STEP above 0"),
        (["--vary", "run.seed=0:99999:1"], "100000 values; allowed: 1 to 10000"),
        (["--vary", "run.seed=0:999:1", "--vary", "fibre.length_m=0:99:1"], "100000 points"),
        (["--vary", "run.seed=1,2", "--seed", "3"], "--vary run.seed: also in --set"),
        (["--vary", "run.seed=1,2", "--vary", "run.seed=3"], "also in another --vary"),
        (["--vary", "run.seed=1", "--command", "drc"], "--command drc: allowed: layout, link, "),
        (
            ["--vary", "run.seed=1", "--command", "layout"],
            "Missing argument 'switch|engine|ocstrx'",
        ),
        (["--vary", "run.seed=1", "--command", "layout nose"], "'nose' is not one of"),
        (["--vary", "run.seed=1", "--command", "sparams --pints 2"], "No such option"),
        (["--vary", "run.seed=1", "--command", "sparams -o x"], "--out is given by the sweep"),
        (["--vary", "run.seed=1", "--command", "sparams --help"], "allowed: what runs"),
        (["--vary", "run.seed=1", "--command", "sparams 'a"], "No closing quotation"),
        (["--vary", "serdes.lanes=2,16"], "serdes.lanes = 16 in a link; allowed: 1 to 8"),
        (["--vary", "package.touchstone=none.s4p", "--command", "sparams"], "none.s4p: cannot be"),
        (["--vary", "run.seed=1", "--scheduler", "tcp://127.0.0.1:1"], "no cluster answers"),
    ],
)
def test_what_cannot_be_swept_says_so_before_anything_runs(
    design, tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.setattr("lightloom.flows.sweep.CONNECT_S", 1.0)
    out = tmp_path / "out"
    assert sweep(design, out, *arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 or "tcp" in arguments[-1], lines
    assert message in lines[-1]
    assert not out.exists()


def test_a_cluster_gives_the_same_table(design, tmp_path):
    from distributed import LocalCluster

    grid = ["--vary", "switch.topology=none,benes", "--vary", "engine.wavelength_nm=1300,1310"]
    grid += ["--command", "sparams --points 21"]
    assert sweep(design, tmp_path / "local", *grid) == 1
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        out = tmp_path / "cluster"
        assert sweep(design, out, *grid, "--scheduler", cluster.scheduler_address) == 1
    ours, theirs = table(tmp_path / "local"), table(out)
    assert list(ours) == list(theirs)
    assert untimed(ours) == untimed(theirs)
    assert theirs["status"] == ["could not run"] * 2 + ["passed"] * 2
    name = "sparams.carrier_loss_db.svg"
    assert (tmp_path / "local" / name).read_bytes() == (out / name).read_bytes()


def test_points_share_builds(design, tmp_path, monkeypatch):
    """Four points at once on an empty cache want two layouts; each is made once."""
    monkeypatch.setenv("LIGHTLOOM_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    grid = ["--vary", "switch.coupler_gap_um=0.2,0.201", "--vary", "engine.laser_power_dbm=5,6"]
    assert sweep(design, out, "--command", "sparams --points 3", *grid, "-j", "4") == 0
    kinds = {p.parent.name for p in cache.root().glob("*/*") if p.is_dir()}
    assert kinds == {"layout"}
    assert len([p for p in (cache.root() / "layout").iterdir() if p.is_dir()]) == 2
