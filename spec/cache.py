"""Content-addressed results on disk: layouts, Verilog, compiled models.

The cache is `$LIGHTLOOM_CACHE`, else `lightloom` under `$XDG_CACHE_HOME` or `~/.cache`. An entry is
a directory that appears whole or not at all; processes that want the same entry wait for the first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


def root() -> Path:
    """Directory that holds every entry."""
    given = os.environ.get("LIGHTLOOM_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lightloom"


def key(*parts: str | bytes) -> str:
    """Name of an entry: a digest in which no two different lists of parts collide by joining."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]


def sources(paths: Iterable[Path]) -> str:
    """Digest of the contents of `paths`, in the order of their names."""
    return key(*(part for path in sorted(paths) for part in (path.name, path.read_bytes())))


def entry(kind: str, name: str, build: Callable[[Path], None]) -> Path:
    """Return the directory of entry `name`; `build(directory)` fills it when it is missing."""
    place = root() / kind / name
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.is_dir():
            return place
        for left in place.parent.glob(f"{name}.*"):
            if left.is_dir():  # by a process that was killed: this one holds the lock
                shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=place.parent))
        try:
            build(work)
            work.rename(place)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    return place
