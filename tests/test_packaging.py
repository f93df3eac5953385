"""The pins satisfy the requirements, and what is built holds every room."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REQUIRED = [
    Requirement(line)
    for line in PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
]


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    found = {}
    for line in lines:
        if line.startswith("#"):
            continue
        name, pin = line.partition(" ; ")[0].split("==")
        found[canonicalize_name(name)] = pin
    return found


@pytest.mark.parametrize("requirement", REQUIRED, ids=lambda r: r.name)
def test_the_lock_satisfies_every_requirement(requirement: Requirement) -> None:
    name = canonicalize_name(requirement.name)
    assert name in pins(), "make lock"
    assert requirement.specifier.contains(pins()[name]), "make lock"


def test_the_lock_names_versions_and_no_places() -> None:
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        pin, _, marker = line.partition(" ; ")
        assert re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+", pin), line
        assert "/" not in line or line.startswith("#")
        assert not marker or Requirement(f"{pin} ; {marker}").marker, line


def test_every_room_has_its_link() -> None:
    for room in ("spec", "rtl", "photonics", "cosim", "supernode", "flows"):
        link = ROOT / "src" / "lightloom" / room
        assert link.is_symlink()
        assert link.resolve() == ROOT / room


def test_the_wheel_holds_every_source_and_data_file(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        held = set(file.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "spec", "rtl", "photonics", "cosim", "supernode", "flows"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert tracked
    missing = [f for f in tracked if f"lightloom/{f}" not in held and (ROOT / f).exists()]
    assert missing == []
    assert "lightloom/py.typed" in held
    assert not [name for name in held if name.startswith("tests/")]
