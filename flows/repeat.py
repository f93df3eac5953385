"""A link run again from the folder that it left, compared bit for bit with what it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightloom.cosim.setup import DIRECTIONS, Outcome
from lightloom.flows import link, link_conclude
from lightloom.flows.progress import Reporter
from lightloom.flows.runs import MEASURED, Check, Metric, Run, machine, sources, versions
from lightloom.spec import Design, DesignError, loader

MAX_BYTES = 1 << 24
"""A `run.json` larger than this is refused."""
SHOWN = 8
"""Figures that differ, named on the terminal."""


@dataclass(frozen=True)
class Recorded:
    """What a run left in its folder."""

    design: Design
    """With files as they are in the folder."""
    files: Mapping[str, Path]
    """The inputs, by role."""
    settings: Mapping[str, str]
    waveform: str
    conditions: Mapping[str, str]
    """Versions, processor and state of the package that it ran on."""
    metrics: Mapping[str, Metric]
    outcome: Outcome | None


def read(path: Path) -> Recorded:
    """Read a run; raises `DesignError` for a file that is none, or an input that has changed."""
    described = _json(path)
    try:
        kept = [
            (i["role"], described["kept"].get(i["role"]), i["sha256"]) for i in described["inputs"]
        ]
        waveform = described["identity"]["waveform"]
        conditions = _conditions(described["versions"], described["machine"], described["sources"])
        settings = {str(key): str(text) for key, text in described["settings"].items()}
    except (KeyError, TypeError, AttributeError):
        raise DesignError(
            f"{path}: no run that can be repeated; allowed: run.json of lightloom link, of a run "
            "that simulated"
        ) from None
    folder = path.parent
    files: dict[str, Path] = {}
    for role, name, sha256 in kept:
        if name is None:
            continue  # the description that a repetition was made from
        file = folder / str(name)
        if not file.resolve().is_relative_to(folder.resolve()):
            raise DesignError(f"{path}: {name} is not in its folder")
        try:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise DesignError(f"{file}: cannot be read: {error.strerror}") from None
        if digest != sha256:
            raise DesignError(f"{file}: has changed since the run: SHA-256 {digest}")
        files[role] = file
    design = Design.read(folder / "resolved.json")
    named = loader.files(design).keys() & files.keys()
    design = loader.with_files(design, {role: str(files[role].resolve()) for role in named})
    outcome = folder / "cosim" / "outcome.json"
    return Recorded(
        design=design,
        files=files,
        settings=settings,
        waveform=str(waveform),
        conditions=conditions,
        metrics=_json(folder / "metrics.json"),
        outcome=Outcome.read(outcome) if outcome.exists() else None,
    )


def run(
    path: Path, before: Recorded, out: Path, jobs: int, log: Reporter, *, waves: bool = False
) -> int:
    """Run the link of `path`, as read, again into `out`; exit code 0 when it is the same.

    That the link itself did not pass does not matter here.
    """
    if out.resolve() == path.resolve().parent:
        raise DesignError(f"-o {out}: the folder of the run itself; allowed: another")
    with Run(out, "repeat", log, before.settings) as job:
        job.input("run", path)
        job.keep("design", before.files["design"])
        payload = before.files.get("payload")
        outcome = link.carry_out(
            job, before.design, payload, jobs, changed=tuple(before.settings), waves=waves
        )
        log.info(link_conclude.summary(job, outcome))
        same = outcome.waveform_hash == before.waveform
        figures = differing(before.metrics, job.metrics)
        changed = differing(before.conditions, _conditions(versions(), machine(), sources()))
        job.metrics["repeat.identical"] = same and not figures
        job.checks = [
            Check("waveform", same, _directions(before.outcome, outcome)),
            Check("figures", not figures, _listed(figures)),
        ]
        job.failed = not all(check.passed for check in job.checks)
        if same and not figures:
            log.result(f"repeat    identical: waveform {before.waveform}")
        else:
            log.result("repeat    differs")
            for check in job.checks:
                log.result(f"{check.name:9} {'the same' if check.passed else check.detail}")
            log.result(f"changed   {_listed(changed) if changed else 'nothing that is recorded'}")
        log.result(f"report    {out / 'report.html'}")
    return job.exit_code


def differing(
    before: Mapping[str, object], now: Mapping[str, object]
) -> dict[str, tuple[object, object]]:
    """What is not the same, then and now; times and speeds are not looked at."""
    names = [*before, *(name for name in now if name not in before)]
    return {
        name: (before.get(name), now.get(name))
        for name in names
        if before.get(name) != now.get(name) and not MEASURED.fullmatch(name)
    }


def _listed(differ: Mapping[str, tuple[object, object]]) -> str:
    parts = [f"{name}: {then} then, {now} now" for name, (then, now) in differ.items()]
    more = [f"and {len(parts) - SHOWN} more"] if len(parts) > SHOWN else []
    return "; ".join(parts[:SHOWN] + more)


def _directions(before: Outcome | None, now: Outcome) -> str:
    """Where the waveforms part."""
    if before is None or len(before.digests) != len(now.digests):
        return "another"
    parts = [
        f"{direction} as {end} is another"
        for direction, a, b in zip(DIRECTIONS, before.digests, now.digests, strict=True)
        for end in ("sent", "received")
        if getattr(a, end) != getattr(b, end)
    ]
    return "; ".join(parts)


def _conditions(
    made_with: Mapping[str, str], on: Mapping[str, str | int], state: str
) -> dict[str, str]:
    of_machine = {key: str(on[key]) for key in ("system", "architecture", "cpu")}
    return {**made_with, **of_machine, "sources": state}


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DesignError(f"{path}: larger than {MAX_BYTES} bytes")
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise DesignError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise DesignError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise DesignError(f"{path}: not the description of a run")
    return found
