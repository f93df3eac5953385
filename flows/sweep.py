"""A command over a grid of designs: points in parallel, one table, nothing done twice.

Each point is a run of the command in a folder of its own below `points/`, named by a digest of all
that its results depend on. Those folders appear whole or not at all and stay when a sweep ends
early; the next one takes them as they are.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lightloom.flows import pages, sweep_grid, sweep_plots, sweep_point, sweep_table
from lightloom.flows.progress import Reporter, Step
from lightloom.flows.runs import Check, Run, cores, sources
from lightloom.flows.sweep_grid import Axis, Command, Point
from lightloom.flows.sweep_point import Done, Task
from lightloom.flows.sweep_table import TIMING, Column, Row
from lightloom.spec import DesignError

CONNECT_S = 10.0
"""How long a cluster may take to answer."""
PLOTTED = 12
"""Most metrics that are drawn unless they are named."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for besides the design."""

    varied: Sequence[str]
    command: str = "link"
    plots: Sequence[str] = ()
    scheduler: str | None = None
    jobs: int = 1


def run(
    design: Path,
    changed: Mapping[str, str],
    options: Options,
    out: Path,
    log: Reporter,
    executor: Executor | None = None,
) -> int:
    """Run the sweep into `out`; returns the exit code.

    `executor` runs the points instead of threads of this process or a cluster. Raises `DesignError`
    for a point that cannot be run as it is asked for, before any is run, and when none could.
    """
    axes = sweep_grid.axes(options.varied, changed)
    swept = sweep_grid.command(options.command, design)
    points = sweep_grid.points(design, changed, axes, swept)
    out = out.resolve()
    with _workers(options, executor) as workers:
        # made here, so that the points outlive a sweep that ends early
        try:
            (out / "points").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DesignError(f"-o {out}: cannot be written: {error.strerror}") from None
        with Run(out, "sweep", log, changed) as job:
            recorded = job.input("design", design).sha256
            tasks = _tasks(points, swept, design, out, recorded, options)
            found = {k: done for k, t in enumerate(tasks) if (done := sweep_point.earlier(t))}
            resumed = len(found)
            if resumed:
                log.info(f"{resumed} of {len(points)} points are there from an earlier sweep")
            missing = {k: task for k, task in enumerate(tasks) if k not in found}
            with job.step("points", len(points)) as step:
                step.update(resumed)
                for k, done in _carry_out(workers, missing):
                    found[k] = done
                    _say(log, step, points[k], axes, done, len(points))
            rows = [
                sweep_table.read(points[k], Path(t.folder), found[k]) for k, t in enumerate(tasks)
            ]
            if all(row.done.exit_code == sweep_point.COULD_NOT_RUN for row in rows):
                raise DesignError(
                    f"{design}: none of {len(rows)} points could run; the first: "
                    f"{rows[0].done.message}"
                )
            with job.step("table and plots"):
                columns = sweep_table.columns(rows, axes)
                sweep_table.write(columns, job.directory)
                drawn = _draw(columns, axes, options.plots, job.directory, log)
                counts = _count(job, rows, resumed)
                _page(job, swept, axes, columns, rows, drawn)
            log.result(f"{len(rows)} points: {counts}")
            log.result(f"table     {out / 'sweep.parquet'}")
            log.result(f"report    {out / 'sweep.html'}")
    return job.exit_code


def _tasks(
    points: Sequence[Point],
    swept: Command,
    design: Path,
    out: Path,
    design_sha256: str,
    options: Options,
) -> list[Task]:
    share = max(1, cores() // options.jobs)
    return [
        Task(
            arguments=tuple(
                swept.arguments(design.resolve(), point.settings, out / "points" / point.digest)
            ),
            folder=str(out / "points" / point.digest),
            design_sha256=design_sha256,
            sources=sources(),
            jobs=share if swept.has_jobs else None,
        )
        for point in points
    ]


@contextmanager
def _workers(options: Options, given: Executor | None) -> Iterator[Executor]:
    """What runs the points; on the way out of an interruption those that run are ended."""
    if given is not None:
        yield given
    elif options.scheduler is None:
        sweep_point.again()
        pool = ThreadPoolExecutor(options.jobs)
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            sweep_point.stop()
            raise
        finally:
            pool.shutdown(wait=True)
    else:
        from distributed import Client

        try:
            client = Client(options.scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise DesignError(
                f"--scheduler {options.scheduler}: no cluster answers: {error or 'timeout'}"
            ) from None
        with client, client.get_executor(pure=False) as pool:
            yield pool


def _carry_out(workers: Executor, tasks: Mapping[int, Task]) -> Iterator[tuple[int, Done]]:
    """Run tasks; yields them as they end."""
    futures = {workers.submit(sweep_point.run_point, task): k for k, task in tasks.items()}
    try:
        for future in as_completed(futures):
            error = future.exception()
            # of the cluster: a worker that was lost
            lost = Done(sweep_point.COULD_NOT_RUN, f"{type(error).__name__}: {error}")
            yield futures[future], future.result() if error is None else lost
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _say(
    log: Reporter, step: Step, point: Point, axes: Sequence[Axis], done: Done, total: int
) -> None:
    where = " ".join(f"{a.key}={text}" for a, text in zip(axes, point.texts, strict=True))
    words = sweep_table.STATES[done.exit_code]
    step.advance(1, where)
    text = f"{where}: {words}{': ' + done.message if done.message else ''}"
    log.info(f"{step.done:.0f}/{total} {text}")


def _count(job: Run, rows: Sequence[Row], resumed: int) -> str:
    ended = [row.done.exit_code for row in rows]
    job.failed = any(ended)
    for row in rows:
        where = " ".join(row.point.texts)
        job.checks.append(Check(where, row.done.exit_code == 0, row.done.message))
    job.metrics["sweep.points"] = len(rows)
    words = []
    for code, name in sweep_table.STATES.items():
        job.metrics[f"sweep.{name.replace(' ', '_')}"] = ended.count(code)
        if ended.count(code):
            words.append(f"{ended.count(code)} {name}")
    job.metrics["sweep.resumed"] = resumed
    job.metrics["sweep.seconds"] = job.seconds["points"]
    return ", ".join(words)


def _draw(
    columns: Sequence[Column],
    axes: Sequence[Axis],
    asked: Sequence[str],
    directory: Path,
    log: Reporter,
) -> list[tuple[str, bytes]]:
    """Draw the metrics asked for, or those that differ between points; returns name and SVG."""
    by_name = {c.name: c for c in columns if c.numeric}
    all_names = {c.name: c for c in columns}
    keys = [all_names[axis.key] for axis in axes]
    metrics = columns[len(axes) + len(sweep_table.ABOUT) :]
    chosen = [c for c in metrics if c.numeric and c.varies and not c.name.startswith(TIMING)]
    if asked:
        chosen = []
        for name in asked:
            found = by_name.get(name) or by_name.get(TIMING + name)
            if found is None:
                log.warn(f"--plot {name}: no such number; there are {', '.join(by_name)}")
            else:
                chosen.append(found)
    drawn = []
    for column in chosen if asked else chosen[:PLOTTED]:
        svg = sweep_plots.picture(column, keys)
        (directory / f"{column.name}.svg").write_bytes(svg)
        drawn.append((column.name, svg))
    return drawn


def _page(
    job: Run,
    swept: Command,
    axes: Sequence[Axis],
    columns: Sequence[Column],
    rows: Sequence[Row],
    drawn: Sequence[tuple[str, bytes]],
) -> None:
    """Write `sweep.html`: pictures, what differs between points, and what does not."""
    environment = pages.environment()
    environment.filters["shown"] = _shown
    metrics = columns[len(axes) + len(sweep_table.ABOUT) :]
    differ = [c for c in metrics if c.varies or None in c.values]
    page = environment.get_template("sweep.html.j2").render(
        title=f"{swept.name} over {', '.join(axis.key for axis in axes)}",
        command=" ".join(["lightloom", *swept.words, *map(os.path.basename, swept.extra)]),
        metrics=job.metrics,
        passed=not job.failed,
        axes=[c for c in columns if c.name in {axis.key for axis in axes}],
        columns=[c for c in differ if c.known],
        same=[(c.name, c.known[0]) for c in metrics if c not in differ and c.known],
        rows=rows,
        states=sweep_table.STATES,
        pictures=[(name, base64.b64encode(svg).decode()) for name, svg in drawn],
        started=job.started.isoformat(timespec="seconds"),
        inputs=job.inputs,
        settings=job.settings,
    )
    (job.directory / "sweep.html").write_text(page, encoding="utf-8")


def _shown(value: object) -> str:
    """A value of the table for the eye: six digits of a number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
