"""Imports run one way between the rooms, and every package imported is one that is declared."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "spec": set[str](),
    "rtl": {"spec"},
    "photonics": {"spec"},
    "cosim": {"spec", "rtl", "photonics"},
    "supernode": {"spec"},
    "flows": {"spec", "rtl", "photonics", "cosim", "supernode"},
}


def sources(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path, text: str | None = None) -> Iterator[tuple[int, str]]:
    """Line and dotted name of each import, relative ones resolved."""
    tree = ast.parse(text if text is not None else path.read_text())
    package = ["lightloom", *path.relative_to(ROOT).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("importlib.import_module", "import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.lineno, str(node.args[0].value)


def offences(room: str, path: Path, text: str | None = None) -> list[str]:
    found = []
    for line, name in imports(path, text):
        parts = name.split(".")
        target = parts[1] if parts[0] == "lightloom" and len(parts) > 1 else ""
        if parts[0] in MAY_IMPORT:
            found.append(f"{path.relative_to(ROOT)}:{line}: imports {name} without lightloom.")
        elif target in MAY_IMPORT and target != room and target not in MAY_IMPORT[room]:
            found.append(f"{path.relative_to(ROOT)}:{line}: {room} imports {name}")
    return found


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_rooms_it_may_read(room: str) -> None:
    assert sources(room)
    assert [o for path in sources(room) for o in offences(room, path)] == []


@pytest.mark.parametrize(
    ("room", "text"),
    [
        ("spec", "from lightloom.rtl import verilog"),
        ("rtl", "import lightloom.photonics.tech"),
        ("photonics", "from lightloom import cosim"),
        ("supernode", "def f():\n from lightloom.rtl.csr import rdl"),
        ("cosim", "from ..flows import report"),
        ("rtl", "import importlib; importlib.import_module('lightloom.cosim')"),
        ("cosim", "from rtl import verilog"),
    ],
)
def test_a_wrong_import_is_seen(room: str, text: str) -> None:
    assert len(offences(room, ROOT / room / "made_up.py", text)) == 1


def test_the_command_line_imports_nothing_heavy_at_the_top() -> None:
    tree = ast.parse((ROOT / "flows" / "cli.py").read_text())
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in top
    }
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | {"typer"}


DISTRIBUTIONS = {
    module: {name.lower() for name in names}
    for module, names in metadata.packages_distributions().items()
}
ALONG = {"markupsafe", "click", "packaging"}
"""What comes with jinja2 (its text type), typer (its errors) and pytest (version ranges)."""


def declared(group: str | None = None) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = project["project"]["dependencies"]
    for extra in project["project"]["optional-dependencies"].values():
        lines = lines + extra
    if group:
        lines = lines + project["dependency-groups"][group]
    return {re.split(r"[\[<>=!~ ;]", line, maxsplit=1)[0].lower() for line in lines}


def undeclared(paths: list[Path], allowed: set[str]) -> list[str]:
    found = []
    for path in paths:
        for line, name in imports(path):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top in ("lightloom", "tests", "__future__", ""):
                continue
            if not DISTRIBUTIONS.get(top, set()) & (allowed | ALONG):
                found.append(f"{path.relative_to(ROOT)}:{line}: {name}")
    return found


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_declared_packages(room: str) -> None:
    assert undeclared(sources(room), declared()) == []


def test_tests_import_only_declared_packages() -> None:
    assert undeclared(sources("tests"), declared("dev")) == []
