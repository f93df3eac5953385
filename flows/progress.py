"""What a command tells its user while it works: bars on a terminal, plain lines elsewhere.

Progress goes to standard error, results to standard output, so that a pipe gets only results.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PLAIN_INTERVAL_S = 10.0
"""A step that reports progress without a terminal prints a line at most this often."""


class Step:
    """One step under way; `seconds` is final once the step has ended."""

    def __init__(self, name: str, total: float | None) -> None:
        self.name = name
        self.total = total
        self.done = 0.0
        self.note = ""
        self.seconds = 0.0

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """Say that `amount` more of `total` is done."""
        self.update(self.done + amount, note)

    def update(self, done: float, note: str = "") -> None:
        """Say that `done` of `total` is done; `note` is a few words such as a rate."""
        self.done, self.note = done, note
        self._show()

    def _show(self) -> None:
        pass


class _PlainStep(Step):
    def __init__(self, name: str, total: float | None, reporter: Reporter) -> None:
        super().__init__(name, total)
        self._reporter = reporter
        self._printed = time.monotonic()

    def _show(self) -> None:
        now = time.monotonic()
        if self._reporter.verbosity < 0 or now - self._printed < PLAIN_INTERVAL_S:
            return
        self._printed = now
        share = f" {100 * self.done / self.total:.0f} %" if self.total else ""
        self._reporter.err(f"{self.name}:{share}{' ' + self.note if self.note else ''}")


class _RichStep(Step):
    def __init__(self, name: str, total: float | None, bars: Progress, task: TaskID) -> None:
        super().__init__(name, total)
        self._bars = bars
        self._task = task

    def _show(self) -> None:
        self._bars.update(self._task, completed=self.done, note=self.note)


class Reporter:
    """Messages and steps of one command.

    Args:
        verbosity: -1 quiet (results and errors only), 0 normal, 1 or more with details.
        out: Stream for results, standard output when None.
        err: Stream for progress and warnings, standard error when None.
    """

    def __init__(
        self, verbosity: int = 0, out: IO[str] | None = None, err: IO[str] | None = None
    ) -> None:
        self.verbosity = verbosity
        self._out = out
        self._err = err
        self._live: Progress | None = None

    @property
    def _terminal(self) -> bool:
        stream = self._err or sys.stderr
        plain = os.environ.get("CI") or os.environ.get("TERM") == "dumb"
        return self.verbosity >= 0 and stream.isatty() and not plain

    def err(self, text: str) -> None:
        """Print a line to the error stream, above a running bar."""
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._err or sys.stderr, flush=True)

    def result(self, text: str) -> None:
        """Print a line that is the command's outcome; shown even when quiet."""
        if self._live is not None:
            self._live.stop()
        print(text, file=self._out or sys.stdout, flush=True)

    def info(self, text: str) -> None:
        """Print a line that a user wants in the normal case."""
        if self.verbosity >= 0:
            self.err(text)

    def detail(self, text: str) -> None:
        """Print a line that only `-v` shows."""
        if self.verbosity >= 1:
            self.err(text)

    def warn(self, text: str) -> None:
        """Print a warning; shown even when quiet."""
        self.err(f"warning: {text}")

    @contextmanager
    def step(self, name: str, total: float | None = None) -> Iterator[Step]:
        """Time a step and show its progress; `total` turns the spinner into a bar."""
        start = time.perf_counter()
        step: Step | None = None
        try:
            if self._terminal and self._live is None:
                with self._rich_step(name, total) as step:
                    yield step
            else:
                step = _PlainStep(name, total, self)
                yield step
        except BaseException:
            self.info(f"{name}: stopped after {time.perf_counter() - start:.1f} s")
            raise
        step.seconds = time.perf_counter() - start
        self.info(f"{name}: {step.seconds:.1f} s{', ' + step.note if step.note else ''}")

    @contextmanager
    def _rich_step(self, name: str, total: float | None) -> Iterator[Step]:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        console = Console(file=self._err or sys.stderr)
        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        columns += [BarColumn()] if total is not None else []
        columns += [TextColumn("{task.fields[note]}", markup=False), TimeElapsedColumn()]
        with Progress(*columns, console=console, transient=True) as bars:
            self._live = bars
            try:
                yield _RichStep(name, total, bars, bars.add_task(name, total=total, note=""))
            finally:
                self._live = None
