"""The command line: exit codes, one-line errors, speed, and results that survive failures."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lightloom.flows import cli
from lightloom.flows.doctor import needs
from lightloom.spec import DesignError

COMMAND = [sys.executable, "-c", "from lightloom.flows.cli import main; main()"]
DESIGN = "name = 'small'\n[serdes]\nlanes = 1\n"


@pytest.fixture
def design(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(DESIGN)
    return path


def lightloom(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, check=False, timeout=110,
        env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip


def test_help_answers_at_once() -> None:
    def seconds() -> float:
        start = time.perf_counter()
        assert lightloom("--help").returncode == 0
        return time.perf_counter() - start

    # 0.3 s alone on the machine; the best of three, with room for a busy one.
    assert min(seconds() for _ in range(3)) < 1.0


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; from lightloom.flows import cli; cli.run(['link', '--help']);"
        "print([m for m in ('numpy', 'pydantic', 'amaranth', 'klayout', 'gdsfactory',"
        " 'matplotlib', 'jinja2') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_help_states_the_exit_codes_and_every_command() -> None:
    text = " ".join(lightloom("--help").stdout.split())
    assert "0 passed, 1 a check failed, 2 could not run" in text
    for command in ("link", "verilog", "layout", "drc", "lvs", "technology", "sparams", "formal",
                    "sweep", "doctor"):  # fmt: skip
        assert f" {command} " in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "No such command 'nonsense'. (see lightloom --help)"),
        (("link",), "Missing argument 'DESIGN.toml'. (see lightloom link --help)"),
        (("link", "none.toml"), "none.toml: cannot be read: No such file or directory"),
        (("link", "{d}", "--set", "a"), "--set a: allowed: KEY=VALUE, as in engine.laser_power"),
        (("link", "{d}", "--set", "=3"), "--set =3: allowed: KEY=VALUE"),
        (("link", "{d}", "--set", "serdes.lanes=17"),
         "{d}: serdes.lanes = 17; allowed: whole number 1 to 16"),
        (("link", "{d}", "--set", "serdes.lane=1"),
         "{d}: serdes.lane = 1: unknown key; did you mean serdes.lanes?"),
        (("link", "{d}", "--seed", "x"), "Invalid value for '--seed': 'x' is not a valid int"),
        (("link", "{d}", "-j", "-1"), "Invalid value for '-j' / '--jobs'"),
        (("layout", "ring", "--design", "{d}"),
         "'ring' is not one of 'switch', 'engine', 'ocstrx'."),
        (("verilog", "nope", "--design", "{d}", "-o", "{o}"),
         "block nope: unknown; allowed: serdes, ocs_controller, "),
        (("drc", "none.gds", "-o", "{o}"), "none.gds: cannot be read: No such file or directory"),
        (("lvs", "none.gds", "--netlist", "n.yml", "-o", "{o}"), "none.gds: cannot be read"),
        (("lvs", "none.gds"), "Missing option '--netlist'."),
    ],
)  # fmt: skip
def test_what_cannot_run_says_why_in_one_line(
    arguments: tuple[str, ...], message: str, design: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    names = {"d": str(design), "o": str(tmp_path / "out")}
    assert cli.run([a.format(**names) for a in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    last = lines[-1]  # above it: the steps that were stopped
    assert last.startswith("lightloom: ")
    assert message.format(**names) in last
    assert not any("Traceback" in line for line in lines)
    assert not (tmp_path / "out").exists()


def test_a_design_file_that_is_broken_names_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.toml").write_text("[serdes\n")
    assert cli.run(["link", str(tmp_path / "bad.toml")]) == 2
    assert "bad.toml: not TOML: " in capsys.readouterr().err


def test_an_internal_error_is_one_line_and_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], design: Path
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("lightloom.spec.load", broken)
    assert cli.run(["link", str(design)]) == 2
    err = capsys.readouterr().err
    assert err == "lightloom: internal error: ZeroDivisionError: two lines (-vv shows where)\n"
    assert cli.run(["link", str(design), "-vv"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_package_names_the_doctor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], design: Path
) -> None:
    def missing(*_: object) -> None:
        raise ModuleNotFoundError("x", name="klayout")

    monkeypatch.setattr("lightloom.spec.load", missing)
    assert cli.run(["link", str(design)]) == 2
    assert capsys.readouterr().err == (
        "lightloom: klayout is not installed; lightloom doctor says how to install it\n"
    )


def test_set_and_seed_become_overrides() -> None:
    found = cli.overrides(["a.b = 1", "c.d=x=y"], 7)
    assert found == {"a.b": "1", "c.d": "x=y", "run.seed": "7"}
    with pytest.raises(DesignError, match="--set a: allowed: KEY=VALUE"):
        cli.overrides(["a"], None)


def test_verilog_writes_a_block_and_says_so(design: Path, tmp_path: Path) -> None:
    out = tmp_path / "v"
    result = lightloom("verilog", "prbs_generator", "--design", design, "-o", out)
    assert (result.returncode, result.stderr.count("\n")) == (0, 1), result.stderr
    assert "prbs_generator.v: " in result.stdout
    assert "\x1b" not in result.stdout + result.stderr
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["design"] == "small"
    metrics = json.loads((out / "metrics.json").read_text())
    text = (out / "prbs_generator.v").read_text()
    assert metrics["verilog.prbs_generator.lines"] == text.count("\n")
    assert "module prbs_generator(" in text
    assert json.loads((out / "run.json").read_text())["inputs"][0]["file"] == "small.toml"


def test_verilog_of_a_block_follows_set(design: Path, tmp_path: Path) -> None:
    for width in (16, 64):
        out = tmp_path / f"v{width}"
        arguments = ("--set", f"serdes.symbols_per_clock={width}", "-q", "-o", str(out))
        assert cli.run(["verilog", "prbs_generator", "--design", str(design), *arguments]) == 0
        manifest = json.loads((out / "manifest.json").read_text())
        ports = manifest["blocks"]["prbs_generator"]["ports"]
        assert {p["name"]: p["width"] for p in ports}["o"] == width


def test_verilog_of_a_top_writes_its_registers(design: Path, tmp_path: Path) -> None:
    out = tmp_path / "v"
    assert cli.run(["verilog", "ocs_controller", "--design", str(design), "-o", str(out)]) == 0
    names = {path.suffix for path in (out / "regs").iterdir()}
    assert names == {".h", ".json", ".md", ".svd"}
    described = json.loads((out / "regs" / "ocs_controller.json").read_text())
    manifest = json.loads((out / "manifest.json").read_text())["blocks"]["ocs_controller"]
    found = {register["name"]: register["address"] for register in described["registers"]}
    assert found == {r["name"]: r["address"] for r in manifest["registers"]}


def test_verilog_without_a_switch_has_no_controller(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--set", "switch.topology=none", "-o", str(tmp_path / "v")]
    assert cli.run(["verilog", "ocs_controller", "--design", str(design), *arguments]) == 2
    assert "switch.topology is none; allowed: benes" in capsys.readouterr().err


def test_list_names_blocks_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    from lightloom.flows import blocks

    assert cli.run(["verilog", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(blocks.names())
    assert all(len(line.split()) > 2 for line in lines)


def test_an_interrupted_command_leaves_earlier_results_untouched(
    design: Path, tmp_path: Path
) -> None:
    out = tmp_path / "v"
    assert lightloom("verilog", "block_lock", "--design", design, "-o", out).returncode == 0
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    for number in (signal.SIGINT, signal.SIGTERM):
        child = subprocess.Popen(
            [*COMMAND, "verilog", "serdes", "--design", str(design), "-o", str(out)],
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while not list(out.glob(".v.partial-*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        child.send_signal(number)
        _, err = child.communicate(timeout=30)
        assert child.returncode == 130
        assert err.splitlines()[-1] == "lightloom: interrupted; earlier results are untouched"
        assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_doctor_finds_this_machine_fit() -> None:
    result = lightloom("doctor")
    assert result.returncode == 0, result.stdout
    assert "g++" in result.stdout
    assert "MISSING" not in result.stdout


def test_doctor_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "g++" else real(name))
    assert cli.run(["doctor"]) == 1
    assert "g++ is missing: apt-get install g++ make perl (Debian, Ubuntu)" in (
        capsys.readouterr().out
    )


def test_doctor_passes_without_what_is_optional(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "sta" else real(name))
    assert cli.run(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:3] == ["opensta", "not", "installed"] for line in lines)
    assert "opensta is optional: apt-get install opensta" in lines


def test_doctor_covers_every_declared_package() -> None:
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    required = [Requirement(line).name for line in declared["project"]["dependencies"]]
    covered = {canonicalize_name(need.name) for need in needs()}
    assert {canonicalize_name(name) for name in required} <= covered


def test_doctor_refuses_another_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda n: "0.1" if n == "klayout" else real(n))
    assert cli.run(["doctor"]) == 1
    assert "klayout is missing: pip install 'klayout==0.30.12'" in capsys.readouterr().out
