"""One point of a sweep: a process of its own, which does not outlive the one that wants it.

`run_point` runs in a thread of the sweep or in a worker of a cluster. It starts the command in a
fresh interpreter, so a point that crashes or takes all memory is a failed point and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COULD_NOT_RUN = 2
_running: set[subprocess.Popen[bytes]] = set()
_stopped = threading.Event()


@dataclass(frozen=True)
class Task:
    """What a worker has to know."""

    arguments: tuple[str, ...]
    """Of the command line, without the number of jobs."""
    folder: str
    """Where its results are to be."""
    design_sha256: str
    sources: str
    """Digest of the package that made the task."""
    jobs: int | None
    """Processes that the command may use; None where it takes no number."""


@dataclass(frozen=True)
class Done:
    """How a point ended."""

    exit_code: int
    message: str = ""


def earlier(task: Task) -> Done | None:
    """How the point ended when it has already been run, None when it has not.

    A run that could not be carried out left no results, so it is none.
    """
    try:
        described = json.loads((Path(task.folder) / "run.json").read_bytes())
        code = int(described["exit_code"])
        failed = [check for check in described["checks"] if not check["passed"]]
        design = next(item for item in described["inputs"] if item["role"] == "design")
        if design["sha256"] != task.design_sha256 or described["sources"] != task.sources:
            return None
        json.loads((Path(task.folder) / "metrics.json").read_bytes())
        texts = [": ".join(filter(None, (check["name"], check["detail"]))) for check in failed]
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return None
    return Done(code, "; ".join(texts) or ("a check failed" if code else ""))


def run_point(task: Task) -> Done:
    """Run a point to its end; never raises for what goes wrong in it."""
    from lightloom.flows.runs import sources

    if sources() != task.sources:
        return Done(COULD_NOT_RUN, "this worker has another state of Lightloom")
    jobs = [] if task.jobs is None else ["-j", str(task.jobs)]
    folder = Path(task.folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.log").open("wb") as log:
        # In a session of its own Ctrl-C does not reach it; it ends when its standard input does.
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "lightloom.flows.sweep_point", *task.arguments, *jobs],
            stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        _running.add(child)
        try:
            if _stopped.is_set():
                _end(child.pid)
            code = child.wait()
        finally:
            _running.discard(child)
            assert child.stdin is not None
            child.stdin.close()
    if code in (0, 1):
        other = "the design file or Lightloom has changed during the sweep"
        return earlier(task) or Done(COULD_NOT_RUN, other)
    return Done(COULD_NOT_RUN, _reason(code, folder.with_name(f"{folder.name}.log")))


def stop() -> None:
    """End every point that runs in this process's threads, and let no other begin."""
    _stopped.set()
    for child in list(_running):
        _end(child.pid)


def again() -> None:
    """Let points begin once more."""
    _stopped.clear()


def _end(session: int) -> None:
    """End a point and what it has started, a compiler for example, which it would wait for."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, signal.SIGTERM)


def _reason(code: int, log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    said = [line for line in lines if line.startswith("lightloom: ")]
    if said:
        return said[-1].removeprefix("lightloom: ")
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"exit code {code}: {(lines or ['no message'])[-1]}"


def main(arguments: Sequence[str]) -> int:
    """Run a command line until it ends or whoever started it is gone."""
    from lightloom.flows import cli

    def watch() -> None:
        while os.read(0, 4096):
            pass
        _end(os.getpid())

    threading.Thread(target=watch, daemon=True).start()
    return cli.run(list(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
