"""JUnit files for continuous integration: the checks of a run as test cases."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

from lightloom.spec.base import DesignError

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""


@contextmanager
def reported(file: Path | None, command: str, name: str, folder: Path) -> Iterator[None]:
    """Write `file` at the end of a run of `command` into `folder`, also of one that cannot run.

    `name` is that of the design. Nothing is written where `file` is None.
    """
    if file is None:
        yield
        return
    try:
        yield
    except DesignError as error:
        _write(file, _suite(command, name, [("could not run", "error", str(error))]))
        raise
    described = json.loads((folder / "run.json").read_bytes())
    cases = [
        (str(check["name"]), "" if check["passed"] else "failure", str(check["detail"]))
        for check in described["checks"]
    ]
    root = _suite(command, name, cases)
    root[0].set("time", str(described["total_seconds"]))
    root[0].set("timestamp", str(described["started_utc"]))
    properties = ElementTree.Element("properties")
    for key, value in json.loads((folder / "metrics.json").read_bytes()).items():
        ElementTree.SubElement(properties, "property", name=key, value=_plain(json.dumps(value)))
    root[0].insert(0, properties)
    _write(file, root)


def _suite(command: str, name: str, cases: list[tuple[str, str, str]]) -> ElementTree.Element:
    """Test cases of name, outcome (`failure`, `error` or nothing) and words."""
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=_plain(f"lightloom {command} {name}"),
        tests=str(len(cases)),
        failures=str(sum(kind == "failure" for _, kind, _ in cases)),
        errors=str(sum(kind == "error" for _, kind, _ in cases)),
        skipped="0",
    )
    group = ".".join(["lightloom", *command.split(), name])
    for title, kind, words in cases:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_plain(group), name=_plain(title), time="0"
        )
        if kind:
            ElementTree.SubElement(case, kind, message=_plain(words)).text = _plain(words)
        elif words:
            ElementTree.SubElement(case, "system-out").text = _plain(words)
    return root


def _plain(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _write(file: Path, root: ElementTree.Element) -> None:
    """Whole or not at all."""
    ElementTree.indent(root)
    data = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(handle, "wb") as out:
            out.write(data + b"\n")
        os.chmod(name, 0o644)
        os.replace(name, file)
    except OSError as error:
        raise DesignError(f"--junit {file}: cannot be written: {error.strerror}") from None
