"""Folders of runs: whole or not at all, described, and free of other people's files."""

import io
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Metrics, Run, machine
from lightloom.spec import DesignError


@pytest.fixture
def log() -> Reporter:
    return Reporter(0, io.StringIO(), io.StringIO())


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_run_publishes_its_files_and_describes_itself(tmp_path: Path, log: Reporter) -> None:
    design = tmp_path / "d.toml"
    design.write_bytes(b"name = 'd'\n")
    out = tmp_path / "deep" / "out"
    with Run(out, "link", log, {"run.payload": "/home/someone/p.bin", "run.seed": "2"}) as run:
        assert not out.exists()
        run.input("design", design)
        with run.step("write"):
            (run.directory / "sub").mkdir()
            (run.directory / "sub" / "a.txt").write_text("a")
        run.metrics["link.up"] = True
    assert names(out) == {"sub/a.txt", "metrics.json", "run.json"}
    assert json.loads((out / "metrics.json").read_text()) == {"link.up": True}
    described = json.loads((out / "run.json").read_text())
    assert described["passed"] is True
    assert described["exit_code"] == 0
    # sha256sum of the eleven bytes above
    assert described["inputs"] == [
        {
            "role": "design",
            "file": "d.toml",
            "sha256": "76af91c89017d9a86b6ef8376d5f3757538f5ac82a447d5ec4fd54aece52ea4f",
            "bytes": 11,
        }
    ]
    assert described["settings"] == {"run.payload": "p.bin", "run.seed": "2"}
    assert set(described["seconds"]) == {"write"}
    assert described["versions"]["python"] == platform.python_version()
    assert described["versions"]["klayout"] == "0.30.12"
    assert set(described["outputs"]) == names(out)


def test_run_json_names_no_host_and_no_folder(tmp_path: Path, log: Reporter) -> None:
    file = tmp_path / "payload.bin"
    file.write_bytes(b"x")
    with Run(tmp_path / "out", "link", log) as run:
        run.input("payload", file)
    text = (tmp_path / "out" / "run.json").read_text()
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text
    assert platform.node() not in text
    assert machine()["cores"] == len(os.sched_getaffinity(0))


def test_a_failed_check_is_published_with_exit_code_one(tmp_path: Path, log: Reporter) -> None:
    with Run(tmp_path / "out", "drc", log) as run:
        run.failed = True
    assert run.exit_code == 1
    assert json.loads((tmp_path / "out" / "run.json").read_text())["exit_code"] == 1


@pytest.mark.parametrize("error", [DesignError("bad"), KeyboardInterrupt(), RuntimeError()])
def test_a_run_that_raises_leaves_earlier_results_untouched(
    tmp_path: Path, log: Reporter, error: BaseException
) -> None:
    out = tmp_path / "out"
    with Run(out, "link", log) as run:
        (run.directory / "a.txt").write_text("first")
    before = {name: (out / name).read_bytes() for name in names(out)}

    def interrupted() -> None:
        with Run(out, "link", log) as run:
            (run.directory / "a.txt").write_text("second")
            raise error

    with pytest.raises(type(error)):
        interrupted()
    assert {name: (out / name).read_bytes() for name in names(out)} == before
    assert list(tmp_path.iterdir()) == [out]


def test_a_first_run_that_raises_leaves_nothing(tmp_path: Path, log: Reporter) -> None:
    def broken() -> None:
        with Run(tmp_path / "out", "link", log) as run:
            (run.directory / "a.txt").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert list(tmp_path.iterdir()) == []


def test_a_rerun_removes_its_own_stale_files_and_no_others(tmp_path: Path, log: Reporter) -> None:
    out = tmp_path / "out"
    with Run(out, "link", log) as run:
        (run.directory / "stale.txt").write_text("1")
        (run.directory / "kept.txt").write_text("1")
    (out / "notes.md").write_text("the user's")
    with Run(out, "link", log) as run:
        (run.directory / "kept.txt").write_text("2")
    assert names(out) == {"kept.txt", "notes.md", "metrics.json", "run.json"}
    assert (out / "kept.txt").read_text() == "2"


def test_another_command_in_the_same_folder_removes_nothing(tmp_path: Path, log: Reporter) -> None:
    out = tmp_path / "out"
    with Run(out, "verilog", log) as run:
        (run.directory / "a.v").write_text("1")
    with Run(out, "layout", log) as run:
        (run.directory / "a.gds").write_text("1")
    assert names(out) == {"a.v", "a.gds", "metrics.json", "run.json"}


def test_a_forged_run_json_removes_nothing_outside_its_folder(
    tmp_path: Path, log: Reporter
) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside.txt"
    outside.write_text("mine")
    out.mkdir()
    (out / "run.json").write_text(
        json.dumps({"command": "link", "outputs": {"../outside.txt": 4, str(outside): 4}})
    )
    with Run(out, "link", log):
        pass
    assert outside.read_text() == "mine"


def test_the_partial_folder_of_a_killed_run_is_swept(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from lightloom.flows.runs import Run;"
        "from lightloom.flows.progress import Reporter\n"
        "with Run(Path(sys.argv[1]), 'link', Reporter(-1)) as run:\n"
        " print('in', flush=True); time.sleep(60)"
    )
    out = tmp_path / "out"
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(out)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "in\n"
    left = list(tmp_path.iterdir())
    assert [p.name.startswith(".out.partial-") for p in left] == [True]
    with Run(out, "link", Reporter(-1)):  # another run does not touch one that is alive
        assert left[0].exists()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert left[0].exists()
    (out / "run.json").unlink()
    (out / "metrics.json").unlink()
    out.rmdir()
    with Run(out, "link", Reporter(-1)):
        pass
    assert list(tmp_path.iterdir()) == [out]


def test_an_output_that_is_a_file_is_refused(tmp_path: Path, log: Reporter) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(DesignError, match=r"-o .*/out: is a file; allowed: a folder"):
        Run(tmp_path / "out", "link", log).__enter__()
    with pytest.raises(DesignError, match=r"-o .*: cannot be written: "):
        Run(tmp_path / "out" / "below", "link", log).__enter__()


def test_an_input_that_cannot_be_read_is_refused(tmp_path: Path, log: Reporter) -> None:
    with (
        pytest.raises(DesignError, match=r"none\.bin: cannot be read: No such file"),
        Run(tmp_path / "out", "link", log) as run,
    ):
        run.input("payload", tmp_path / "none.bin")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_metrics_refuse_what_json_cannot_say(value: float) -> None:
    with pytest.raises(ValueError, match=r"metric link\.ber = (nan|inf); allowed: finite numbers"):
        Metrics()["link.ber"] = value


@pytest.mark.parametrize("key", ["link", "Link.up", "link..up", "link.up ", ".up", "link/up.x"])
def test_metric_keys_are_dotted_lower_case(key: str) -> None:
    with pytest.raises(ValueError, match="allowed: lower-case words joined by dots"):
        Metrics()[key] = 1


def test_metrics_refuse_values_that_are_not_flat() -> None:
    with pytest.raises(TypeError, match=r"metric a\.b is list; allowed: number, text, null"):
        Metrics()["a.b"] = [1]  # pyright: ignore


def test_metrics_write_numpy_scalars_and_null(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.update({
        "a.flag": np.bool_(True), "a.count": np.int64(3), "a.rate": np.float64(1.25e-6),
        "a.none": None, "synth.serdes.lut4": 5, "cost.nvl-36x2": 1.5, "a.state": "pass",
    })  # fmt: skip
    metrics.write(tmp_path / "m.json")
    found = json.loads((tmp_path / "m.json").read_text())
    assert found == {
        "a.flag": True, "a.count": 3, "a.rate": 1.25e-6,
        "a.none": None, "synth.serdes.lut4": 5, "cost.nvl-36x2": 1.5, "a.state": "pass",
    }  # fmt: skip
    assert type(found["a.flag"]) is bool


def test_steps_are_timed_and_reported_in_plain_lines() -> None:
    err = io.StringIO()
    log = Reporter(0, io.StringIO(), err)
    with log.step("simulate", total=10) as step:
        step.update(5, "2.1 Mb/s")
        time.sleep(0.02)
    assert 0.02 <= step.seconds < 5
    assert err.getvalue().startswith("simulate: 0.")
    assert err.getvalue().endswith("s, 2.1 Mb/s\n")
    assert "\x1b" not in err.getvalue()


def test_a_step_that_fails_says_so() -> None:
    err = io.StringIO()
    with pytest.raises(RuntimeError), Reporter(0, err=err).step("layout"):
        raise RuntimeError
    assert err.getvalue().startswith("layout: stopped after 0.")


def test_quiet_keeps_results_and_warnings_only() -> None:
    out, err = io.StringIO(), io.StringIO()
    log = Reporter(-1, out, err)
    with log.step("layout"):
        log.info("a")
        log.detail("b")
    log.warn("c")
    log.result("d")
    assert (out.getvalue(), err.getvalue()) == ("d\n", "warning: c\n")


def test_a_terminal_gets_a_bar_and_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    err = Terminal()
    log = Reporter(0, io.StringIO(), err)
    with log.step("[simulate]", total=2) as step:
        step.advance(1, "half")
        log.info("a line above [the bar]")
    assert "a line above [the bar]" in err.getvalue()
    assert "\x1b[?25l" in err.getvalue()  # the cursor is hidden: a bar was shown
    assert not [c for c in ("\x1b[3", "\x1b[38") if c in err.getvalue()]
    assert "[simulate]: 0." in err.getvalue().splitlines()[-1]
