"""The main job: one design file to a running link, its figures and its report."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lightloom import spec
from lightloom.flows import link_figures, link_report
from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Run
from lightloom.spec import Design, DesignError, OpticalModel, RtlManifest, benes

PAYLOAD_LIMIT = 1 << 24
"""Largest payload in bytes; each is simulated symbol by symbol, both ways."""
BUILT_IN_PAYLOAD_BYTES = 64 << 10


@dataclass(frozen=True)
class Parts:
    """What was generated for a design before the link runs."""

    design: Design
    serdes: RtlManifest
    controller: RtlManifest | None
    model: OpticalModel
    bar: tuple[int, ...]
    cross: tuple[int, ...]
    destinations: tuple[int, ...]
    binary: Path
    kernel: Path
    build_s: float


def destinations(design: Design) -> tuple[int, ...]:
    """Switch output of each input; the identity where there is no switch."""
    ports = design.switch.ports if design.switch.topology != "none" else design.serdes.lanes
    lanes = design.serdes.lanes
    chosen = design.switch.permutation
    if design.switch.topology == "none" or chosen == "identity":
        return tuple(range(ports))
    # Ports beyond the lanes have no receiver, so the named permutations keep lanes among lanes.
    if chosen == "reverse":
        return (*reversed(range(lanes)), *range(lanes, ports))
    if chosen == "random":
        return (
            *random.Random(design.run.seed).sample(range(lanes), lanes),
            *range(lanes, ports),
        )
    return tuple(chosen)


def payload_file(design: Design, given: Path | None, directory: Path) -> Path:
    """The file to carry; a reproducible built-in one when none is named."""
    path = given or (Path(design.run.payload) if design.run.payload else None)
    if path is None:
        built_in = directory / "payload.bin"
        built_in.write_bytes(np.random.default_rng(design.run.seed).bytes(BUILT_IN_PAYLOAD_BYTES))
        return built_in
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DesignError(f"run.payload = {path}: cannot be read: {error.strerror}") from None
    if not path.is_file():
        raise DesignError(f"run.payload = {path}: not a file")
    if size > PAYLOAD_LIMIT:
        raise DesignError(f"run.payload = {path}: {size} bytes; allowed: 0 to {PAYLOAD_LIMIT}")
    return path
