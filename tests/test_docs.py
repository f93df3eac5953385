"""What the documents say exists: files, commands, options, design keys and make targets."""

import re
import shlex
from pathlib import Path

import pytest
import typer.core
import typer.main

from lightloom.flows import cli
from lightloom.spec.loader import keys

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
GROUP = typer.main.get_command(cli.app)
assert isinstance(GROUP, typer.core.TyperGroup)
COMMANDS = GROUP.commands


def shell_lines(text: str) -> list[str]:
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_shown_commands_and_options_exist(page: Path) -> None:
    for line in shell_lines(page.read_text()):
        words = shlex.split(line)
        if words[0].endswith("lightloom") and len(words) > 1:
            command = COMMANDS.get(words[1])
            assert command is not None, line
            if isinstance(command, typer.core.TyperGroup):
                command = command.commands.get(words[2])
                assert command is not None, line
            known = {option for parameter in command.params for option in parameter.opts}
            for word in words[2:]:
                if word.startswith("-"):
                    assert word in known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_design_keys_exist(page: Path) -> None:
    text = page.read_text()
    sections = {key.split(".")[0] for key in keys() if "." in key}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)[`= ]", text)) | set(
        re.findall(r"--set '?([a-z]+\.[a-z_]+)=", text)
    )
    for key in named - {"run.json"}:
        if key.split(".")[0] in sections:
            assert key in keys(), key


def test_shown_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for line in shell_lines(page.read_text()):
            if line.startswith("make "):
                assert line.split()[1] in targets, line


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    for name in COMMANDS:
        assert f"`lightloom {name}" in text
